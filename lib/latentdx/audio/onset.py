"""Detection of the point where the first note of a recording begins."""

import librosa
import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.errors import ParameterError

SILENT_DB = -60.0
"""Level (RMS, in dB of full scale) below which the loudest 12 ms of a recording count as silence."""

_FRAME, _HOP = 256, 64  # samples: frames of 11.6 ms, one every 2.9 ms
_BEGUN_DB = 15.0  # below the loudest frame: at this level a note has surely begun
_INAUDIBLE_DB = 50.0  # below the loudest frame: nothing is lost by cutting an attack softer than this
_ABOVE_NOISE_DB = 10.0
_NOISE_PERCENTILE = 5
_RISE_DB = 1.0  # from one frame to the next: more than the fluctuation of steady noise (0.5 dB)
_FAINT_DB = 80.0  # below the loudest frame: a rise this faint is the resampler's ringing
_PRE_ROLL = round(0.005 * SAMPLE_RATE)
_BLOCKER = 126.0  # radians per second (20 Hz), as in the plug-in's own DC blocker


def without_dc(
    sound: npt.NDArray[np.float32], rate: float = SAMPLE_RATE, before: float | None = None
) -> npt.NDArray[np.float32]:
    """Remove the DC offset of a sound with a first-order high-pass filter at 20 Hz.

    Args:
        sound: Float32 (samples,).
        rate: Sample rate in Hz.
        before: Value that the sound is assumed to have had before it begins; default its first sample. An
            offset of that value makes no click.

    Returns:
        Filtered sound, float32 (samples,); a constant becomes silence.
    """
    from scipy.signal import lfilter, lfiltic  # takes more than a second to import

    b, a = [1.0, -1.0], [1.0, _BLOCKER / rate - 1]
    state = lfiltic(b, a, y=[0.0], x=sound[:1] if before is None else [before])
    return lfilter(b, a, sound, zi=state)[0].astype(np.float32)


def find_onset(sound: npt.NDArray[np.float32]) -> int:
    """Find the sample at which the first note begins.

    The DC offset is removed, and levels are measured in frames of 12 ms, one every 3 ms. The search starts at
    the first frame within 15 dB of the loudest one and goes back to the point where the level rises above the
    silence or noise before the note. That bound is 10 dB above the quietest frames so far (their 5th
    percentile), but between 50 dB and 15 dB below the loudest frame. From there the search continues
    backward as long as the level is still rising, down to 80 dB below the loudest frame.

    As a result, a soft attack keeps its beginning, steady noise at least 17 dB below the loudest frame is cut
    off, and a note more than 15 dB softer than a later one counts as noise.

    Args:
        sound: Float32 (samples,), mono, at 22,050 Hz.

    Returns:
        Index of the sample, which leaves 5 ms before the note; 0 if the note sounds from the start.

    Raises:
        ParameterError: The sound is silent: its loudest frame is below `SILENT_DB`.
    """
    steady = without_dc(sound)
    if len(steady) < _FRAME:
        steady = np.pad(steady, (0, _FRAME - len(steady)))
    rms = librosa.feature.rms(y=steady, frame_length=_FRAME, hop_length=_HOP, center=False)[0]
    levels = 20 * np.log10(np.maximum(rms, 1e-10))
    loudest = float(levels.max())
    if loudest < SILENT_DB:
        raise ParameterError(
            f"silent: the loudest 12 ms are at {loudest:.1f} dB of full scale (RMS),"
            f" below the bound of {SILENT_DB:g} dB"
        )
    begun = int(np.argmax(levels >= loudest - _BEGUN_DB))
    before = levels[: begun + 1]
    noise = float(np.percentile(before, _NOISE_PERCENTILE))
    bound = np.clip(noise + _ABOVE_NOISE_DB, loudest - _INAUDIBLE_DB, loudest - _BEGUN_DB)
    below = np.flatnonzero(before < bound)
    if not len(below):
        return 0
    quiet = int(below[-1])  # last frame of silence or noise
    apart = _FRAME // _HOP  # distance between frames that share no samples
    while quiet and max(levels[max(quiet - apart, 0)] + _RISE_DB, loudest - _FAINT_DB) < levels[quiet]:
        quiet -= 1
    return quiet * _HOP + _FRAME - _PRE_ROLL if quiet else 0
