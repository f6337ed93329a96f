"""The beginning of any sound file, mono, by blocks: never more of it in memory than is needed.

soundfile reads WAV (8 bits to float64), FLAC, MP3, Ogg, AIFF and more. What else the platform can, as M4A, is
read by pedalboard, in a process of its own (`audio.apart`). Nothing but decoding is ever done with a file.
"""

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

from latentdx.audio.io import decoder_process
from latentdx.errors import AudioFileError, ParameterError

MIN_RATE, MAX_RATE = 4_000, 384_000
"""Hz, that a recording may have."""

MAX_CHANNELS = 32

MAX_PEAK = 1e6
"""Full scale is 1. Floats as large as integers (32,768) are only loud; beyond this they are no sound."""

_BLOCK = 4096  # samples of each channel that are decoded at a time: what a damaged place may cost
_CANCEL = 0.1  # an average 10 dB softer than independent channels leave: they cancel each other
_FEWER = 0.99  # of the promised samples; lengths of MP3 files are estimates
_FULL_SCALE = 0.9999, 1.0001  # floats beyond were not clipped there
_DECODER_ERRORS = (soundfile.SoundFileError, OSError, RuntimeError, ValueError, TypeError)


@dataclass(frozen=True, eq=False)
class Recording:
    """The beginning of a sound.

    Attributes:
        samples: float32 (samples,), mono, at its own rate, 1 is full scale.
        rate: Hz.
        full_scale: bool (samples,), where some channel is at full scale.
        decoded: values decoded, over all channels: what reading it cost.
        remarks: what was done, in words.
        warnings: what may be wrong with it.
    """

    samples: npt.NDArray[np.float32]
    rate: float
    full_scale: npt.NDArray[np.bool_]
    decoded: int
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reader:
    """A stream of (sample, channel) blocks: `read(n)` gives at most n samples, none at the end."""

    rate: float
    channels: int
    length: int  # samples, as the header says
    kind: str
    read: Callable[[int], npt.NDArray[np.float32]]


def decode(path: str | Path, seconds: float) -> Recording:
    """The first seconds of a sound file.

    Raises:
        AudioFileError: no such file, none that can be decoded, or none of a sound within the bounds above.
    """
    path = Path(path)
    try:
        missing = _cut_short(path)
        with _opened(path, seconds) as reader:
            recording, louder = _mixed(reader, seconds)
        if louder is not None:
            with _opened(path, seconds) as reader:
                recording = _single(recording, reader, louder)
    except FileNotFoundError as error:
        raise AudioFileError(f"{path}: there is no such file") from error
    except OSError as error:
        raise AudioFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ParameterError as error:
        raise AudioFileError(f"{path}: {error}") from error
    if missing:
        cut = f"the file is cut short: its header promises {missing:,} bytes more"
        recording = replace(recording, warnings=(cut, *recording.warnings))
    return recording


def from_array(audio: npt.NDArray[np.generic], rate: float, seconds: float) -> Recording:
    """The first seconds of samples (samples,) or (samples, channels), floats or integers.

    Raises:
        ParameterError: of another shape or type, or out of the bounds above.
    """
    if audio.ndim not in (1, 2) or not audio.size or not (audio.ndim == 1 or audio.shape[1] <= MAX_CHANNELS):
        raise ParameterError(
            f"a sound is (samples,) or (samples, channels), at most {MAX_CHANNELS} of them, not {audio.shape}"
        )
    if audio.dtype.kind not in "iuf":
        raise ParameterError(f"a sound's samples are floats or integers, not {audio.dtype}")
    stream = partial(_slices, audio.reshape(len(audio), -1), rate, len(audio), f"{audio.dtype} samples")
    recording, louder = _mixed(stream(), seconds)
    return recording if louder is None else _single(recording, stream(), louder)


def _scaled(block: npt.NDArray[np.generic]) -> npt.NDArray[np.floating]:
    """Integers to ±1; unsigned ones have their silence in the middle."""
    if block.dtype.kind == "f":
        return np.asarray(block, block.dtype)
    half = 2.0 ** (8 * block.dtype.itemsize - 1)
    return (block.astype(np.float64) - (half if block.dtype.kind == "u" else 0.0)) / half


def _cut_short(path: Path) -> int:
    """Bytes by which a RIFF or AIFF file is shorter than it says; 0 where it does not say.

    Raises:
        OSError: it cannot be read.
        AudioFileError: it is a folder, a device, a pipe, or empty.
    """
    try:
        status = path.stat()
    except ValueError as error:  # it holds what no file system can have
        raise AudioFileError(f"{str(path)!r}: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no ordinary file"
        raise AudioFileError(f"{path}: is {kind}")
    if not status.st_size:
        raise AudioFileError(f"{path}: the file is empty (0 bytes)")
    with path.open("rb") as file:
        head = file.read(8)
    order = {b"RIFF": "little", b"FORM": "big"}.get(head[:4])
    size = int.from_bytes(head[4:], "little" if order == "little" else "big")
    if order is None or size in (0, 0xFFFFFFFF):  # as programs leave it that write to a pipe
        return 0
    return max(size + 8 - status.st_size, 0)


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """Reads from beginning to end. A file in which soundfile can seek is sought after each read, to where it
    is: in MP3 that is heard (a block's first samples lack what came before), in a damaged FLAC file it fails.
    """

    def seekable(self) -> bool:
        return False


@contextmanager
def _opened(path: Path, seconds: float) -> Iterator[_Reader]:
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_Forward(path))
        except _DECODER_ERRORS as error:
            reader = _opened_apart(path, seconds, error)
        else:
            reader = _Reader(
                file.samplerate,
                file.channels,
                file.frames,
                f"{file.format} ({file.subtype_info})",
                lambda n: file.read(n, dtype="float32", always_2d=True),
            )
        yield reader


def _opened_apart(path: Path, seconds: float, reason: Exception) -> _Reader:
    """What soundfile refused for a reason, if it is of a kind that only pedalboard knows."""
    if path.suffix.lower() in _only_pedalboard():
        try:
            return _slices(*decoder_process.decode(path, seconds), path.suffix[1:].upper())
        except (RuntimeError, OSError) as error:
            reason = error
    raise AudioFileError(
        f"{path}: {path.stat().st_size:,} bytes that this computer cannot decode as sound;"
        " WAV, FLAC, MP3, Ogg and AIFF it can"
    ) from reason


def _only_pedalboard() -> set[str]:
    """Suffixes as ".m4a"; none on Linux, the operating system's own formats elsewhere."""
    known = {f".{name.lower()}" for name in (*soundfile.available_formats(), "aif", "bwf")}
    return set(get_supported_read_formats()) - known


def _slices(sound: npt.NDArray[np.generic], rate: float, length: int, kind: str) -> _Reader:
    """Samples (samples, channels) as a stream."""
    position = 0

    def read(n: int) -> npt.NDArray[np.float32]:
        nonlocal position
        block = sound[position : position + n]
        position += len(block)
        with np.errstate(over="ignore"):  # what is infinite as float32 is refused
            return _scaled(block).astype(np.float32)

    return _Reader(rate, sound.shape[1], length, kind, read)


def _check(reader: _Reader) -> None:
    if not (np.isfinite(reader.rate) and MIN_RATE <= reader.rate <= MAX_RATE):
        raise ParameterError(f"its sample rate of {reader.rate:,} Hz is outside {MIN_RATE:,} … {MAX_RATE:,}")
    if not 1 <= reader.channels <= MAX_CHANNELS:
        raise ParameterError(f"its {reader.channels} channels are outside 1 … {MAX_CHANNELS}")


@dataclass
class _Tally:
    """What is gathered over blocks."""

    decoded: int = 0
    parts: list[npt.NDArray[np.float32]] = field(default_factory=list)
    full_scale: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    sums: list[npt.NDArray[np.float64]] = field(default_factory=list)  # (channel,) of each block
    squares: list[npt.NDArray[np.float64]] = field(default_factory=list)
    stopped: str = ""


def _blocks(reader: _Reader, n: int, tally: _Tally) -> Iterator[npt.NDArray[np.float32]]:
    """The first n samples, finite and within bounds; what follows a decoder's error is left out."""
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
            raise ParameterError(f"it holds samples that are NaN or infinite, the first at {where:.3f} s")
        peak = float(np.abs(block).max())
        if peak > MAX_PEAK:
            raise ParameterError(f"its peak of {peak:.3g} is above {MAX_PEAK:.0e}; full scale is 1")
        done += len(block)
        yield block


def _mixed(reader: _Reader, seconds: float) -> tuple[Recording, int | None]:
    """All channels' average; and the loudest channel, if they cancel."""
    _check(reader)
    wanted = min(int(np.ceil(seconds * reader.rate)), reader.length)
    tally = _Tally()
    for block in _blocks(reader, wanted, tally):
        tally.parts.append(block.mean(1, dtype=np.float32))
        full = (np.abs(block) >= _FULL_SCALE[0]) & (np.abs(block) <= _FULL_SCALE[1])
        tally.full_scale.append(np.asarray(full.any(1)))
        tally.sums.append(block.sum(0, dtype=np.float64))
        tally.squares.append((block.astype(np.float64) ** 2).sum(0))
    if not tally.parts:
        raise ParameterError(f"it holds no samples{tally.stopped and f' ({tally.stopped})'}")
    samples = np.concatenate(tally.parts)
    variances = np.sum(tally.squares, 0) / len(samples) - (np.sum(tally.sums, 0) / len(samples)) ** 2
    cancel = reader.channels * np.var(samples, dtype=np.float64) < _CANCEL * variances.mean()
    recording = Recording(
        samples,
        float(reader.rate),
        np.concatenate(tally.full_scale),
        tally.decoded,
        _said(reader, wanted),
        _warnings(reader, wanted, len(samples), tally.stopped),
    )
    if reader.channels == 1:
        return recording, None
    if cancel:
        return recording, int(variances.argmax())
    how = "left and right" if reader.channels == 2 else f"{reader.channels} channels"
    return replace(recording, remarks=(*recording.remarks, f"{how} averaged")), None


def _single(mixed: Recording, reader: _Reader, channel: int) -> Recording:
    """One channel of what was averaged before."""
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


def _said(reader: _Reader, wanted: int) -> tuple[str, ...]:
    channels = {1: "mono", 2: "stereo"}.get(reader.channels, f"{reader.channels} channels")
    said = f"read {wanted / reader.rate:.2f} s of {reader.kind}, {reader.rate:,.0f} Hz, {channels}"
    if wanted == reader.length:
        return (said,)
    return (f"{said}, from its beginning; it lasts {reader.length / reader.rate:,.1f} s",)


def _warnings(reader: _Reader, wanted: int, found: int, stopped: str) -> tuple[str, ...]:
    if not stopped and found >= _FEWER * wanted:
        return ()
    reason = f" ({stopped})" if stopped else ""
    return (
        f"only {found / reader.rate:.2f} s of the {wanted / reader.rate:.2f} s that its header promises"
        f" can be decoded{reason}",
    )
