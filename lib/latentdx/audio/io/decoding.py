"""Decoding of the beginning of any sound file to mono, in blocks, so that no more than needed is in memory.

soundfile reads WAV (8 bits to float64), FLAC, MP3, Ogg, AIFF and more. Other formats that the platform
supports, such as M4A, are read by pedalboard in a separate process (`audio.io.decoder_process`). A file is
only ever decoded, never executed or written.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from pedalboard.io import get_supported_read_formats

from latentdx.audio.io import decoder_process, headers
from latentdx.errors import AudioFileError, ParameterError

MIN_RATE, MAX_RATE = 4_000, 384_000
"""Lowest and highest sample rate in Hz that a recording may have."""

MAX_CHANNELS = 32
"""Largest number of channels that a recording may have."""

MAX_PEAK = 1e6
"""Largest magnitude of a sample; full scale is 1.

Floats as large as integers (32,768) are merely loud; beyond this bound the values are not a sound.
"""

_BLOCK = 4096  # samples per channel that are decoded at a time; a damaged place loses at most one block
_CANCEL = 0.1  # channels cancel each other if their average is 10 dB softer than for independent channels
_FEWER = 0.99  # share of the promised samples below which a warning is given; MP3 lengths are estimates
_MOST_SAMPLES = 2**60  # libsndfile returns about 2**63 for a FLAC file that does not state its length
_FULL_SCALE = 0.9999, 1.0001  # magnitudes of samples that may be clipped; larger floats were not clipped
_DECODER_ERRORS = (soundfile.SoundFileError, OSError, RuntimeError, ValueError, TypeError)


@dataclass(frozen=True, eq=False)
class Recording:
    """The beginning of a recorded sound.

    Attributes:
        samples: Float32 (samples,), mono, at the recording's own rate; 1 is full scale.
        rate: Sample rate in Hz.
        full_scale: Bool (samples,), true where at least one channel is at full scale.
        decoded: Number of values decoded, over all channels.
        length: Length of the whole recording in seconds, of which `samples` may be the beginning only.
        remarks: Sentences that describe how the file was read.
        warnings: Sentences that describe possible faults of the recording.
    """

    samples: npt.NDArray[np.float32]
    rate: float
    full_scale: npt.NDArray[np.bool_]
    decoded: int
    length: float
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reader:
    """A stream of (sample, channel) blocks: `read(n)` returns at most n samples, and none at the end."""

    rate: float
    channels: int
    length: float  # samples, according to the header; infinite if that does not say
    kind: str
    read: Callable[[int], npt.NDArray[np.float32]]


def decode(path: str | Path, seconds: float) -> Recording:
    """Decode the beginning of a sound file to mono.

    All channels are averaged; if they cancel each other, the loudest channel is used instead.

    Args:
        path: Sound file in any format that soundfile or the operating system can decode.
        seconds: Duration to decode, from the beginning.

    Returns:
        Decoded recording, with a warning if the file is damaged or cut short.

    Raises:
        AudioFileError: The file does not exist, cannot be decoded, or is out of the bounds above.
    """
    path = Path(path)
    try:
        _check_path(path)
        stated = headers.examine(path)
        with _opened(path, stated, seconds) as reader:
            recording, louder = _mixed(reader, seconds)
        if louder is not None:
            with _opened(path, stated, seconds) as reader:
                recording = _single(recording, reader, louder)
    except FileNotFoundError as error:
        raise AudioFileError(f"{path}: there is no such file") from error
    except OSError as error:
        raise AudioFileError(f"{path}: the file cannot be read: {error.strerror or error}") from error
    except ParameterError as error:
        raise AudioFileError(f"{path}: {error}") from error
    if stated.missing or not stated.ends:
        more = (
            f"its header promises {stated.missing:,} bytes more" if stated.missing else "its end is missing"
        )
        recording = replace(recording, warnings=(f"the file is cut short: {more}", *recording.warnings))
    return recording


def from_array(audio: npt.NDArray[np.generic], rate: float, seconds: float) -> Recording:
    """Mix the beginning of an array of samples to mono, like `decode` for a file.

    Args:
        audio: Floats (full scale is 1) or integers, (samples,) or (samples, channels).
        rate: Sample rate in Hz.
        seconds: Duration to use, from the beginning.

    Raises:
        ParameterError: The array has another shape or dtype, or the sound is out of the bounds above.
    """
    if audio.ndim not in (1, 2) or not audio.size or not (audio.ndim == 1 or audio.shape[1] <= MAX_CHANNELS):
        turn = audio.ndim == 2 and 0 < audio.shape[0] <= MAX_CHANNELS
        hint = (
            ": if the first axis is the channels, give its transpose (.T); several sounds are a list" * turn
        )
        raise ParameterError(
            f"a sound must have shape (samples,) or (samples, channels) with at most {MAX_CHANNELS} channels,"
            f" not {audio.shape}{hint}"
        )
    if audio.dtype.kind not in "iuf":
        raise ParameterError(f"a sound's samples must be floats or integers, not {audio.dtype}")
    stream = partial(_slices, audio.reshape(len(audio), -1), rate, len(audio), f"{audio.dtype} samples")
    recording, louder = _mixed(stream(), seconds)
    return recording if louder is None else _single(recording, stream(), louder)


def _scaled(block: npt.NDArray[np.generic]) -> npt.NDArray[np.floating]:
    """Scale integers to ±1; for unsigned integers silence is in the middle of the range."""
    if block.dtype.kind == "f":
        return np.asarray(block, block.dtype)
    half = 2.0 ** (8 * block.dtype.itemsize - 1)
    return (block.astype(np.float64) - (half if block.dtype.kind == "u" else 0.0)) / half


def _check_path(path: Path) -> None:
    """Check that a path names an ordinary file that is not empty."""
    try:
        status = path.stat()
    except ValueError as error:  # the path contains a character that no file system allows
        raise AudioFileError(f"{str(path)!r}: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise AudioFileError(f"{path}: this is {kind}, not an ordinary file")
    if not status.st_size:
        raise AudioFileError(f"{path}: the file is empty (0 bytes)")


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file that is read from beginning to end without seeking.

    soundfile seeks to the current position after each read if the file is seekable. In MP3 this is audible,
    because the first samples of a block depend on the block before; in a damaged FLAC file it fails.
    """

    def seekable(self) -> bool:
        return False


@contextmanager
def _opened(path: Path, stated: headers.Stated, seconds: float) -> Iterator[_Reader]:
    """Open a file with soundfile, or with pedalboard if soundfile does not know the format."""
    with ExitStack() as stack:
        # on POSIX a path is bytes, in any encoding or none; soundfile would encode text as UTF-8
        source = headers.patched(path, stated) or (path if os.name == "nt" else os.fsencode(path))
        if not isinstance(source, bytes | Path):
            stack.enter_context(source)
        try:
            file = stack.enter_context(_Forward(source))
        except _DECODER_ERRORS as error:
            reader = _opened_apart(path, seconds, error)
        else:
            reader = _Reader(
                file.samplerate,
                file.channels,
                file.frames if file.frames < _MOST_SAMPLES else np.inf,
                f"{file.format} ({file.subtype_info})",
                lambda n: file.read(n, dtype="float32", always_2d=True),
            )
        yield reader


def _opened_apart(path: Path, seconds: float, reason: Exception) -> _Reader:
    """Decode with pedalboard a file that soundfile rejected, if only pedalboard knows its format."""
    if path.suffix.lower() in _only_pedalboard():
        try:
            return _slices(*decoder_process.decode(path, seconds), path.suffix[1:].upper())
        except (RuntimeError, OSError) as error:
            reason = error
    raise AudioFileError(
        f"{path}: this computer cannot decode these {path.stat().st_size:,} bytes as sound;"
        " it can decode WAV, FLAC, MP3, Ogg and AIFF"
    ) from reason


def _only_pedalboard() -> set[str]:
    """Return the suffixes, such as ".m4a", that only pedalboard decodes; there are none on Linux."""
    known = {f".{name.lower()}" for name in (*soundfile.available_formats(), "aif", "bwf")}
    return set(get_supported_read_formats()) - known


def _slices(sound: npt.NDArray[np.generic], rate: float, length: int, kind: str) -> _Reader:
    """Return an array (samples, channels) as a stream."""
    position = 0

    def read(n: int) -> npt.NDArray[np.float32]:
        nonlocal position
        block = sound[position : position + n]
        position += len(block)
        with np.errstate(over="ignore"):  # values too large for float32 become infinite and are refused later
            return _scaled(block).astype(np.float32)

    return _Reader(rate, sound.shape[1], length, kind, read)


def _check(reader: _Reader) -> None:
    """Check the sample rate and the number of channels."""
    if not (np.isfinite(reader.rate) and MIN_RATE <= reader.rate <= MAX_RATE):
        raise ParameterError(
            f"the sample rate of {reader.rate:,} Hz is outside {MIN_RATE:,} … {MAX_RATE:,} Hz"
        )
    if not 1 <= reader.channels <= MAX_CHANNELS:
        raise ParameterError(f"the number of channels, {reader.channels}, is outside 1 … {MAX_CHANNELS}")


@dataclass
class _Tally:
    """Data and statistics gathered over the blocks of a stream."""

    decoded: int = 0
    parts: list[npt.NDArray[np.float32]] = field(default_factory=list)
    full_scale: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    sums: list[npt.NDArray[np.float64]] = field(default_factory=list)  # (channel,) of each block
    squares: list[npt.NDArray[np.float64]] = field(default_factory=list)
    stopped: str = ""


def _blocks(reader: _Reader, n: int, tally: _Tally) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the first n samples, checked to be finite and within bounds; stop at an error of the decoder."""
    done = 0
    while done < n:
        try:
            block = reader.read(min(_BLOCK, n - done))
        except _DECODER_ERRORS as error:
            tally.stopped = str(error)
            return
        if not len(block):
            return
        tally.decoded += block.size
        finite = np.isfinite(block).all(1)
        if not finite.all():
            where = (done + int(np.argmin(finite))) / reader.rate
            raise ParameterError(
                f"the sound contains samples that are NaN or infinite, the first at {where:.3f} s"
            )
        peak = float(np.abs(block).max())
        if peak > MAX_PEAK:
            raise ParameterError(f"the peak of {peak:.3g} is above {MAX_PEAK:.0e}; full scale is 1")
        done += len(block)
        yield block


def _mixed(reader: _Reader, seconds: float) -> tuple[Recording, int | None]:
    """Average all channels; also return the index of the loudest channel if the channels cancel."""
    _check(reader)
    limit = int(np.ceil(seconds * reader.rate))
    wanted = int(min(limit, reader.length))
    tally = _Tally()
    for block in _blocks(reader, wanted, tally):
        tally.parts.append(block.mean(1, dtype=np.float32))
        full = (np.abs(block) >= _FULL_SCALE[0]) & (np.abs(block) <= _FULL_SCALE[1])
        tally.full_scale.append(np.asarray(full.any(1)))
        tally.sums.append(block.sum(0, dtype=np.float64))
        tally.squares.append((block.astype(np.float64) ** 2).sum(0))
    if not tally.parts:
        raise ParameterError(f"the sound has no samples{tally.stopped and f' ({tally.stopped})'}")
    samples = np.concatenate(tally.parts)
    variances = np.sum(tally.squares, 0) / len(samples) - (np.sum(tally.sums, 0) / len(samples)) ** 2
    cancel = reader.channels * np.var(samples, dtype=np.float64) < _CANCEL * variances.mean()
    recording = Recording(
        samples,
        float(reader.rate),
        np.concatenate(tally.full_scale),
        tally.decoded,
        (reader.length if len(samples) == wanted else len(samples)) / reader.rate,
        _remarks(reader, len(samples), wanted),
        _warnings(reader, len(samples), wanted, tally.stopped),
    )
    if reader.channels == 1:
        return recording, None
    if cancel:
        return recording, int(variances.argmax())
    how = "left and right" if reader.channels == 2 else f"{reader.channels} channels"
    return replace(recording, remarks=(*recording.remarks, f"{how} averaged")), None


def _single(mixed: Recording, reader: _Reader, channel: int) -> Recording:
    """Replace the average of all channels by a single channel."""
    tally = _Tally()
    samples = np.concatenate([b[:, channel] for b in _blocks(reader, len(mixed.samples), tally)])
    softer = 10 * np.log10(max(np.var(mixed.samples), 1e-12) / max(np.var(samples), 1e-12))
    return replace(
        mixed,
        samples=samples,
        full_scale=mixed.full_scale[: len(samples)],
        decoded=mixed.decoded + tally.decoded,
        remarks=(*mixed.remarks, f"channel {channel + 1} taken alone"),
        warnings=(
            *mixed.warnings,
            f"the channels cancel: their average is {-softer:.0f} dB softer than the loudest one",
        ),
    )


def _remarks(reader: _Reader, found: int, wanted: int) -> tuple[str, ...]:
    """Describe the format and the part that was read."""
    channels = {1: "mono", 2: "stereo"}.get(reader.channels, f"{reader.channels} channels")
    remark = f"read {found / reader.rate:.2f} s of {reader.kind}, {reader.rate:,.0f} Hz, {channels}"
    if found < wanted or found == reader.length:
        return (remark,)
    lasts = (
        f"it lasts {reader.length / reader.rate:,.1f} s" if np.isfinite(reader.length) else "it lasts longer"
    )
    return (f"{remark}, from its beginning; {lasts}",)


def _warnings(reader: _Reader, found: int, wanted: int, stopped: str) -> tuple[str, ...]:
    """Warn if the decoder failed, or clearly fewer samples were decoded than the header states."""
    if not stopped and (found >= _FEWER * wanted or not np.isfinite(reader.length)):
        return ()
    reason = f" ({stopped})" if stopped else ""
    return (
        f"only {found / reader.rate:.2f} s of the {wanted / reader.rate:.2f} s that its header promises"
        f" can be decoded{reason}",
    )
