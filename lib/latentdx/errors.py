"""The package's own exceptions: all that it raises on purpose derive from `LatentDXError`."""


class LatentDXError(Exception):
    """Base of all errors raised on purpose by this package."""


class MissingDependencyError(LatentDXError, ImportError):
    """An optional package is not installed; the message names the extra that installs it."""


class ParameterError(LatentDXError, ValueError):
    """An argument is out of bounds; the message names the value and the bound."""


class PresetFileError(LatentDXError):
    """A preset file cannot be read.

    The message names the file, the byte offset if there is one, what was found there, and what was expected.

    Args:
        source: File, or a description of where the bytes came from.
        offset: Position of the first wrong byte; `None` if the file as a whole is wrong.
        found: Description of the bytes found there.
        expected: Description of valid bytes.

    Attributes:
        forgivable: True if the file can be read with `strict=False`.
    """

    def __init__(self, source: object, offset: int | None, found: str, expected: str) -> None:
        self.source, self.offset, self.found, self.expected = str(source), offset, found, expected
        where = "" if offset is None else f", byte {offset}"
        super().__init__(f"{source}{where}: found {found}, expected {expected}")
        self.forgivable = False

    def __str__(self) -> str:
        return self.text("strict=False")

    def text(self, remedy: str | None) -> str:
        """Return the message; if the file can be read in part, it names the remedy, such as an option."""
        hint = f"; {remedy} reads what is intact" if self.forgivable and remedy else ""
        return f"{super().__str__()}{hint}"


class ChecksumError(PresetFileError):
    """A bulk dump's checksum does not match its bytes, or is missing; this is common."""


class UnsupportedFormatError(PresetFileError):
    """A file is valid, but belongs to another instrument or manufacturer."""


class AmbiguousNameError(LatentDXError, LookupError):
    """Several presets have the name; the message lists their indices."""


class UnknownNameError(LatentDXError, LookupError):
    """No preset has the name; the message lists the most similar names."""


class DataError(LatentDXError):
    """A data file (a corpus, a model, results) is not available; base of the three reasons below."""


class DataMissingError(DataError):
    """The file is in none of the places searched; the message lists them and explains how to get the file."""


class DataCorruptError(DataError):
    """A file's SHA-256 is not the published one."""


class DataUnreachableError(DataError):
    """The file could not be downloaded (no network, a stalled server, an HTTP error)."""


class StoreError(LatentDXError):
    """A spectrogram store cannot be used; base of the reasons below."""


class StoreMissingError(StoreError):
    """There is no store, or an unfinished one; the message explains how to make or finish it."""


class StoreBusyError(StoreError):
    """Another process is writing to this store."""


class StoreMismatchError(StoreError):
    """A store was made with other settings; the message lists each difference."""


class StoreCorruptError(StoreError):
    """A shard's bytes do not have the hash recorded in the manifest."""


class StoreFullError(StoreError, OSError):
    """The disk is full; the message gives the number of bytes that are missing."""


class AudioFileError(LatentDXError):
    """A sound file cannot be read or written; the message names the file and the reason."""


class NotebookError(LatentDXError):
    """A chapter cannot be run: an unknown parameter, or a cell that failed."""


class SoundIndexError(LatentDXError):
    """An index of sounds is damaged or was made with other settings; the message names the file."""


class ProfileError(LatentDXError, ValueError):
    """A training profile is invalid; the message names the key, its value, and the values allowed."""


class DevicesError(ParameterError):
    """A training run cannot use the devices that it was given; the message begins with "devices"."""


class CheckpointError(LatentDXError):
    """A checkpoint cannot be read or does not match the request; the message lists each difference."""


class LatentError(LatentDXError):
    """A model cannot interpolate between two presets; the message gives the size of their latents."""


class TrainingDivergedError(LatentDXError):
    """A loss is not finite; the message names the step and the file to which the batch was saved."""
