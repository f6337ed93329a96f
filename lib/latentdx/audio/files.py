"""Sound files: write MP3 and FLAC deterministically, read FLAC back."""

import io
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile

from latentdx.audio.dexed import SAMPLE_RATE
from latentdx.errors import AudioFileError, ParameterError

Container = Literal["mp3", "flac"]

_OPTIONS: dict[str, dict[str, object]] = {
    # 96 kb/s: the same samples give the same bytes, and the length is exact. Constant, for in a variable-rate
    # file Chromium cannot seek to the last tenth of a second where that is quiet (11 of 17 target sounds).
    "mp3": {
        "format": "MP3",
        "subtype": "MPEG_LAYER_III",
        "bitrate_mode": "CONSTANT",
        "compression_level": 0.4,
    },
    "flac": {"format": "FLAC", "subtype": "PCM_24"},
}

# LAME turns constant-rate files down to this; we turn them up before
_GAIN = {"mp3": 1 / 0.95, "flac": 1.0}


def encode(audio: npt.NDArray[np.float32], container: Container, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Encode a mono sound, float (samples,) within [-1, 1]; a louder one raises instead of being clipped."""
    if audio.ndim != 1 or not len(audio):
        raise ParameterError(f"a mono sound has shape (samples,), not {audio.shape}")
    if not np.isfinite(audio).all():
        raise ParameterError("the sound holds NaN or infinity")
    peak = float(np.abs(audio).max())
    if peak > 1.0:
        raise ParameterError(
            f"the sound's peak {peak:.3f} is above 1 and would be clipped: lower its gain first"
        )
    buffer = io.BytesIO()
    soundfile.write(buffer, audio * np.float32(_GAIN[container]), sample_rate, **_OPTIONS[container])
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
