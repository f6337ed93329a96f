"""Encoding of sounds as MP3, FLAC and WAV: the same samples always give the same bytes."""

import io
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.errors import AudioFileError, ParameterError

Container = Literal["mp3", "flac", "wav"]

# Hz; at 22,050 Hz LAME's low-pass filter removes everything above 9 kHz, which leaves a bright sound with an
# SNR of 13 dB instead of 40 dB
_MP3_RATE = 44_100

_OPTIONS: dict[str, dict[str, object]] = {
    # 112 kb/s; the same samples give the same bytes, and the length is exact. The rate is constant because
    # Chromium cannot seek to a quiet last tenth of a second in files of variable rate (11 of 17 targets).
    "mp3": {
        "format": "MP3",
        "subtype": "MPEG_LAYER_III",
        "bitrate_mode": "CONSTANT",
        "compression_level": 0.7,
    },
    "flac": {"format": "FLAC", "subtype": "PCM_24"},
    "wav": {"format": "WAV", "subtype": "PCM_24"},
}

_LAME_GAIN = 1 / 0.95  # LAME scales constant-rate files by 0.95, so the sound is amplified beforehand


def true_peak(audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> float:
    """Measure the largest magnitude of a sound, including values between its samples.

    The sound is oversampled fourfold (ITU-R BS.1770, annex 2). A sound with energy near half the sample rate
    can exceed its samples by several dB when a player or a converter interpolates between them.

    Args:
        audio: Float32 (samples,).
        sample_rate: Sample rate in Hz.

    Returns:
        True peak; 1 is full scale.
    """
    return float(np.abs(soxr.resample(audio, sample_rate, 4 * sample_rate)).max(initial=0.0))


def encode(audio: npt.NDArray[np.float32], container: Container, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Encode a mono sound as MP3, FLAC or WAV.

    Args:
        audio: Float32 (samples,), within -1 … 1.
        container: "mp3" (constant rate, always at 44,100 Hz), "flac" or "wav" (24 bits, at the sample rate
                given).
        sample_rate: Sample rate of the sound in Hz.

    Returns:
        Bytes of the file.

    Raises:
        ParameterError: The sound is empty, not mono, not finite, or so loud that it would be clipped.
    """
    if audio.ndim != 1 or not len(audio):
        raise ParameterError(f"a mono sound must have shape (samples,), not {audio.shape}")
    if not np.isfinite(audio).all():
        raise ParameterError("the sound contains NaN or infinity")
    if container == "mp3" and sample_rate != _MP3_RATE:
        audio, sample_rate = soxr.resample(audio, sample_rate, _MP3_RATE), _MP3_RATE
    peak = float(np.abs(audio).max())
    if peak > 1.0:
        raise ParameterError(
            f"the sound's peak of {peak:.3f} is above 1 and would be clipped: lower its gain first"
        )
    buffer = io.BytesIO()
    gain = np.float32(_LAME_GAIN if container == "mp3" else 1.0)
    soundfile.write(buffer, audio * gain, sample_rate, **_OPTIONS[container])
    return buffer.getvalue()


def read(path: str | Path, sample_rate: int = SAMPLE_RATE) -> npt.NDArray[np.float32]:
    """Read a mono sound file of a given sample rate; nothing is resampled.

    Args:
        path: File in a format that soundfile reads, such as FLAC.
        sample_rate: Sample rate in Hz that the file must have.

    Returns:
        Float32 (samples,).

    Raises:
        AudioFileError: The file cannot be read, is not mono, or has another sample rate.
    """
    try:
        audio, rate = soundfile.read(path, dtype="float32")
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioFileError(f"{path}: {error}") from error
    if audio.ndim != 1 or rate != sample_rate:
        raise AudioFileError(
            f"{path}: found {rate:,} Hz and shape {audio.shape}, expected mono at {sample_rate:,} Hz"
        )
    return audio
