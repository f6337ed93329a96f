"""Sound files: write MP3 and FLAC deterministically, read FLAC back."""

import io
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.errors import AudioFileError, ParameterError

Container = Literal["mp3", "flac"]

_MP3_RATE = (
    44_100  # Hz; at 22,050 LAME's low-pass takes what a bright sound has above 9 kHz (13 dB SNR, here 40)
)

_OPTIONS: dict[str, dict[str, object]] = {
    # 112 kb/s: the same samples give the same bytes, and the length is exact. Constant, for Chromium cannot
    # seek to a quiet last tenth of a second in files of variable rate (11 of 17 target sounds).
    "mp3": {
        "format": "MP3",
        "subtype": "MPEG_LAYER_III",
        "bitrate_mode": "CONSTANT",
        "compression_level": 0.7,
    },
    "flac": {"format": "FLAC", "subtype": "PCM_24"},
}

_LAME_GAIN = 1 / 0.95  # LAME turns constant-rate files down to 0.95; we turn them up before


def true_peak(audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> float:
    """Largest magnitude of a sound (samples,), between its samples too, by fourfold oversampling.

    A sound with energy near half the sample rate can exceed its samples by several dB once a player or a
    converter fills in what lies between them (ITU-R BS.1770, annex 2).
    """
    return float(np.abs(soxr.resample(audio, sample_rate, 4 * sample_rate)).max(initial=0.0))


def encode(audio: npt.NDArray[np.float32], container: Container, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Encode a mono sound, float (samples,) within [-1, 1]; a louder one raises instead of being clipped.

    FLAC keeps the sample rate; MP3 is at 44,100 Hz.
    """
    if audio.ndim != 1 or not len(audio):
        raise ParameterError(f"a mono sound has shape (samples,), not {audio.shape}")
    if not np.isfinite(audio).all():
        raise ParameterError("the sound holds NaN or infinity")
    if container == "mp3" and sample_rate != _MP3_RATE:
        audio, sample_rate = soxr.resample(audio, sample_rate, _MP3_RATE), _MP3_RATE
    peak = float(np.abs(audio).max())
    if peak > 1.0:
        raise ParameterError(
            f"the sound's peak {peak:.3f} is above 1 and would be clipped: lower its gain first"
        )
    buffer = io.BytesIO()
    gain = np.float32(_LAME_GAIN if container == "mp3" else 1.0)
    soundfile.write(buffer, audio * gain, sample_rate, **_OPTIONS[container])
    return buffer.getvalue()


def read(path: str | Path, sample_rate: int = SAMPLE_RATE) -> npt.NDArray[np.float32]:
    """Read a mono sound of this sample rate, float32 (samples,)."""
    try:
        audio, rate = soundfile.read(path, dtype="float32")
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioFileError(f"{path}: {error}") from error
    if audio.ndim != 1 or rate != sample_rate:
        raise AudioFileError(f"{path}: {rate} Hz, shape {audio.shape}; expected mono at {sample_rate} Hz")
    return audio
