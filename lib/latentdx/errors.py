"""The package's own exceptions: everything it raises on purpose derives from `LatentDXError`."""


class LatentDXError(Exception):
    """Base of all errors raised on purpose by this package."""


class MissingDependencyError(LatentDXError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


class ParameterError(LatentDXError, ValueError):
    """An argument is out of its bounds; the message names the value and the bound."""


class PresetFileError(LatentDXError):
    """A preset file cannot be read. The message names file, byte offset, what was found and expected."""

    def __init__(self, source: object, offset: int, found: str, expected: str) -> None:
        self.source, self.offset, self.found, self.expected = str(source), offset, found, expected
        super().__init__(f"{source}, byte {offset}: found {found}, expected {expected}")


class ChecksumError(PresetFileError):
    """A bulk dump's checksum does not fit its bytes (common in the wild: `strict=False` reads it)."""


class UnsupportedFormatError(PresetFileError):
    """A valid file of another instrument or manufacturer."""


class AmbiguousNameError(LatentDXError, LookupError):
    """Several presets carry the name; the message lists their indices."""


class UnknownNameError(LatentDXError, LookupError):
    """No preset carries the name; the message lists the nearest names."""


class DataError(LatentDXError):
    """A data file (of a corpus, a model, results) cannot be had; base of the three reasons below."""


class DataMissingError(DataError):
    """The file is in none of the places searched; the message lists them and says how to get or make it."""


class DataCorruptError(DataError):
    """A file's SHA-256 is not the published one."""


class DataUnreachableError(DataError):
    """The file could not be downloaded (no network, a stalled server, an HTTP error)."""


class StoreError(LatentDXError):
    """A spectrogram store cannot be used; base of the reasons below."""


class StoreMissingError(StoreError):
    """There is no store, or an unfinished one; the message says how to make or finish it."""


class StoreBusyError(StoreError):
    """Another process is writing this store."""


class StoreMismatchError(StoreError):
    """A store was made with other settings; the message lists each difference."""


class StoreCorruptError(StoreError):
    """A shard's bytes do not have the hash that the manifest recorded."""


class StoreFullError(StoreError, OSError):
    """The disk has no room; the message says how many bytes are missing."""


class AudioFileError(LatentDXError):
    """A sound file cannot be read or written; the message names the file and the reason."""


class NotebookError(LatentDXError):
    """A chapter cannot be run: an unknown parameter, or a cell that failed."""


class SoundIndexError(LatentDXError):
    """An index of sounds is damaged, or was made with other settings; the message names the file."""


class ProfileError(LatentDXError, ValueError):
    """A training profile does not hold together; the message names the key, the value and what is allowed."""


class CheckpointError(LatentDXError):
    """A checkpoint cannot be read, or does not fit what is asked; the message spells out each difference."""


class LatentError(LatentDXError):
    """A model has no finite latents for a preset; the message says how large they are."""


class TrainingDivergedError(LatentDXError):
    """A loss is not finite; the message names the step and the file that the batch was saved to."""
