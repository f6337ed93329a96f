"""Detection of the points where the notes of a recording begin."""

import librosa
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

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
# for further notes, whose spectra are compared: bounds measured on 384 presets at four notes, and on 180
# rhythms and melodies made of them
_WINDOW, _STEP, _BANDS = 1024, 256, 64  # samples, samples, mel bands
_AFTER, _BEFORE, _LONG_BEFORE = 3, 4, 64  # frames: 35 ms, 46 ms, 0.74 s
_STRUCK_DB, _STRUCK_NEW = 4.0, 0.5  # mean rise of the bands, which a new attack makes, and share of new power
_LOUDER_DB = 10.0  # rise of the whole level
_OTHER_NEW = 0.7  # share of power where nothing sounded for 0.74 s: another pitch
_SETTLED_NEW = 0.25  # below this share of new power, an attack is over
_LEAST_APART, _SLOWEST = 8, 43  # frames: 93 ms, 0.5 s
_BAND_RANGE_DB = 50.0
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
    quiet = _start_of_rise(levels, int(below[-1]), loudest)  # from the last frame of silence or noise
    return quiet * _HOP + _FRAME - _PRE_ROLL if quiet else 0


def find_onsets(sound: npt.NDArray[np.float32]) -> list[int]:
    """Find the samples at which notes begin: the first as in `find_onset`, then each that is clearly another.

    The spectrum of 35 ms is compared with those before it. Another note begins where the mean level of the
    bands rises by 4 dB and half of the power is new, where the whole level rises by 10 dB, or where 70% of
    the power is in bands that were quiet for 0.74 s. In between, the sound must settle. Vibrato, beating and
    slow attacks do none of these; a chopped sound does, and a legato step to a near note does not. Notes
    more than 15 dB softer than the loudest are left out, as are those within 93 ms of the one before, or of
    the end, where a recording that stops in the middle of a wave looks like a new attack.

    Args:
        sound: Float32 (samples,), mono, at 22,050 Hz.

    Returns:
        Indices of the samples, ascending, each 5 ms before its note.

    Raises:
        ParameterError: The sound is silent, see `find_onset`.
    """
    first = find_onset(sound)
    if len(sound) - first < _LEAST_APART * _STEP:
        return [first]
    power = librosa.feature.melspectrogram(
        y=without_dc(sound),
        sr=SAMPLE_RATE,
        n_fft=_WINDOW,
        hop_length=_STEP,
        n_mels=_BANDS,
        fmin=30.0,
        norm=None,
    )
    loudest = float(power.sum(0).max())
    power += 1e-5 * loudest / _BANDS
    after = sliding_window_view(np.pad(power, ((0, 0), (0, _AFTER - 1)), "edge"), _AFTER, 1).mean(-1)
    near = np.pad(power, ((1, 1), (0, 0)), "edge")  # vibrato moves a partial by one band at most
    near = np.maximum(np.maximum(near[:-2], near[1:-1]), near[2:])
    before = _preceding(near, _BEFORE)
    floor = power.max() * 10 ** (-_BAND_RANGE_DB / 10)
    rise = _decibels(np.maximum(after, floor) / np.maximum(before, floor)).clip(0).mean(0)
    level, new = _decibels(after.sum(0) / loudest), _new(after, before)
    begins = (rise >= _STRUCK_DB) & (new >= _STRUCK_NEW)
    begins |= _decibels(after.sum(0) / _preceding(power.sum(0, keepdims=True), _BEFORE)[0]) >= _LOUDER_DB
    begins |= _new(after, _preceding(near, _LONG_BEFORE)) >= _OTHER_NEW
    begins &= level >= -_BEGUN_DB
    found, last, settled = [first], first // _STEP, False
    last += int(np.argmax(level[last : last + _SLOWEST] >= -_BEGUN_DB))  # where a slow attack is loud
    for i in range(last, len(new) - _LEAST_APART):
        if new[i] < _SETTLED_NEW:
            settled = True
        elif settled and begins[i] and i - last >= _LEAST_APART:
            last, settled = i + int(np.argmax(new[i : i + _AFTER + 1])), False
            found.append(_sharpened(sound, last * _STEP))
    return found


def _decibels(ratio: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return 10 * np.log10(np.maximum(ratio, 1e-10))


def _preceding(power: npt.NDArray[np.floating], n: int) -> npt.NDArray[np.floating]:
    """Return for each frame the largest power of the n frames that end two frames before it."""
    padded = np.pad(power, ((0, 0), (n + 1, 0)))[:, :-2]
    return np.maximum(sliding_window_view(padded, n, 1).max(-1), 1e-20)


def _new(after: npt.NDArray[np.floating], before: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the share of each frame's power that was not there before."""
    return np.maximum(after - before, 0).sum(0) / after.sum(0)


def _sharpened(sound: npt.NDArray[np.float32], near: int) -> int:
    """Find the start of a note to a few milliseconds: where most power appears from one 12 ms to the next."""
    begin = max(near - 4 * _STEP, 0)
    part = sound[begin : near + 4 * _STEP]
    frames = np.abs(np.fft.rfft(sliding_window_view(part, _FRAME)[::_HOP] * np.hanning(_FRAME))) ** 2
    apart = _FRAME // _HOP
    appeared = np.maximum(frames[apart:] - frames[:-apart], 0).sum(1)
    levels = _decibels(frames.sum(1))
    quiet = _start_of_rise(levels, int(np.argmax(appeared)), float(levels.max()))
    return max(begin + quiet * _HOP + _FRAME - _PRE_ROLL, 0)


def _start_of_rise(levels: npt.NDArray[np.floating], frame: int, loudest: float) -> int:
    """Go backward from a frame as long as the level is still rising there."""
    apart = _FRAME // _HOP  # distance between frames that share no samples
    while frame and max(levels[max(frame - apart, 0)] + _RISE_DB, loudest - _FAINT_DB) < levels[frame]:
        frame -= 1
    return frame
