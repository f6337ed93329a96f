"""Where the first note of a recording begins."""

import librosa
import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.errors import ParameterError

SILENT_DB = -60.0
"""dB re full scale, RMS: a recording whose loudest 12 ms are below holds no sound."""

_FRAME, _HOP = 256, 64  # samples: 11.6 ms every 2.9
_BEGUN_DB = 15.0  # below the loudest frame: a note has surely begun
_INAUDIBLE_DB = 50.0  # below the loudest frame: a slow attack before that is no loss
_ABOVE_NOISE_DB = 10.0
_NOISE_PERCENTILE = 5
_RISE_DB = 1.0  # from one frame to the next: more than steady noise fluctuates (0.5 dB)
_FAINT_DB = 80.0  # below the loudest frame: what rises there is the resampler's ringing
_PRE_ROLL = round(0.005 * SAMPLE_RATE)
_BLOCKER = 126.0  # radians per second, as the plug-in's own DC blocker: 20 Hz


def without_dc(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A first-order high-pass at 20 Hz over a sound (samples,) at 22,050 Hz; a constant becomes silence."""
    from scipy.signal import lfilter, lfiltic  # takes more than a second to import

    pole = 1 - _BLOCKER / SAMPLE_RATE
    b, a = [1.0, -1.0], [1.0, -pole]
    before = lfiltic(b, a, y=[0.0], x=sound[:1])  # as if the first sample had lasted
    return lfilter(b, a, sound, zi=before)[0].astype(np.float32)


def find_onset(sound: npt.NDArray[np.float32]) -> int:
    """The sample at which the first note begins, 5 ms of pre-roll included; 0 if it sounds from the start.

    Over frames of 12 ms every 3 ms, without DC: from the first frame within 15 dB of the loudest one, back to
    where the level rises above the silence or noise before. That is 10 dB above the quietest frames so far
    (their 5th percentile), but at least 50 dB and at most 15 dB below the loudest; and from there back for
    as long as it still rises, down to 80 dB below. So a soft attack keeps its beginning, steady noise at
    least 17 dB below the loudest is cut off, and a note more than 15 dB softer than a later one is noise.

    Args:
        sound: float32 (samples,), mono, at 22,050 Hz.

    Raises:
        ParameterError: silent, the loudest frame is below `SILENT_DB`.
    """
    steady = without_dc(sound)
    if len(steady) < _FRAME:
        steady = np.pad(steady, (0, _FRAME - len(steady)))
    rms = librosa.feature.rms(y=steady, frame_length=_FRAME, hop_length=_HOP, center=False)[0]
    levels = 20 * np.log10(np.maximum(rms, 1e-10))
    loudest = float(levels.max())
    if loudest < SILENT_DB:
        raise ParameterError(
            f"silent: its loudest 12 ms are at {loudest:.1f} dB of full scale (RMS),"
            f" the bound is {SILENT_DB:g} dB"
        )
    begun = int(np.argmax(levels >= loudest - _BEGUN_DB))
    before = levels[: begun + 1]
    noise = float(np.percentile(before, _NOISE_PERCENTILE))
    bound = np.clip(noise + _ABOVE_NOISE_DB, loudest - _INAUDIBLE_DB, loudest - _BEGUN_DB)
    below = np.flatnonzero(before < bound)
    if not len(below):
        return 0
    quiet = int(below[-1])  # the last frame of silence or noise, up to its end
    apart = _FRAME // _HOP  # frames that share no samples
    while quiet and max(levels[max(quiet - apart, 0)] + _RISE_DB, loudest - _FAINT_DB) < levels[quiet]:
        quiet -= 1
    return quiet * _HOP + _FRAME - _PRE_ROLL if quiet else 0
