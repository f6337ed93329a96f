"""What an answer lacks that its sound has, measured and said in words: noise, a fade-in, moving frequencies.

Six sines cannot make every sound. Both sounds are compared at equal loudness: the noise between the partials
in bands of an octave, all power in these bands, the time to full level, the time to fade, and the range in
which the spectrum moves along the frequency axis. A phrase is returned only where both differ clearly. The
bounds were tried on 120 validation presets at note 60: none lacks anything of itself, 2 do of themselves with
one parameter moved by a step, and 96 do of another preset.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import librosa
import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.typing import Audio

_SIZE, _HOP = 2048, 512
_EDGES = np.array([30, 125, 250, 500, 1_000, 2_000, 4_000, 8_000, 11_025])  # Hz, of the bands
_LEAST_HZ = 250  # below, partials lie too close to each other for noise to be told from them
_NEIGHBORS = 15  # bins whose median is the noise between partials
_AUDIBLE_DB = -40.0  # of all power; less is not missed
_NOISE_DB, _POWER_DB = 10.0, 12.0  # by which a band must be weaker
_FLATNESS = 0.85  # median over mean of the power of noise, averaged over a piece
_NOISY = 0.5  # share of a band's power from which it is noise
_QUIET_DB = 20.0  # below the loudest moment: where a sound has faded
_FULL_DB = 3.0
_LEAST_SECONDS = 0.15
_FADE_IN = 0.3  # seconds from which a rise is heard as a fade-in, not as a start
_TIMES = 2.5  # factor by which a rise or a fall must differ
_STEP_CENTS, _MOST_CENTS = 10, 1200
_LEAST_CENTS = 60.0
_PIECE = 8  # frames, 0.19 s, in which the spectrum is taken to rest
_ALIKE = 0.8  # correlation of two spectra from which one is the other, moved
_BETTER = 0.05  # by which it is higher than without moving
# partials of lower notes lie so close that their spectra cannot be seen to move
_LOW_HZ, _LOW_SHARE = 100, 0.01


@dataclass(frozen=True, eq=False)
class _Heard:
    """Measurements of one sound."""

    sound: Audio

    @cached_property
    def power(self) -> npt.NDArray[np.float64]:
        """Power of each bin and frame as a share of all power, float64 (bin, frame)."""
        spectrum = np.abs(librosa.stft(self.sound.astype(np.float32), n_fft=_SIZE, hop_length=_HOP)) ** 2
        return spectrum.astype(np.float64) / max(float(spectrum.sum()), 1e-12)

    @cached_property
    def pieces(self) -> npt.NDArray[np.float64]:
        """Mean power of each bin in pieces of 0.19 s, float64 (bin, piece)."""
        n = self.power.shape[1] // _PIECE
        return self.power[:, : n * _PIECE].reshape(len(self.power), n, _PIECE).mean(2)

    @cached_property
    def noise(self) -> npt.NDArray[np.float64]:
        """Power of the noise between the partials in each bin, float64 (bin,)."""
        between = median_filter(self.pieces, (_NEIGHBORS, 1), mode="nearest")
        return between.sum(1) * _PIECE / _FLATNESS

    def in_bands(self, bins: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sum values of bins over the bands."""
        frequency = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=_SIZE)
        places = np.searchsorted(frequency, _EDGES)
        return np.array([bins[a:b].sum() for a, b in pairwise(places.tolist())])

    @cached_property
    def level(self) -> npt.NDArray[np.float64]:
        """Level of each frame in dB below the loudest one."""
        rms = np.sqrt(np.maximum(self.power.sum(0), 1e-16))
        smooth = np.convolve(rms, np.ones(3) / 3, "same")
        return 20 * np.log10(smooth / smooth.max())

    @cached_property
    def rise(self) -> float:
        """Time in seconds from the first audible moment to full level."""
        first = int((self.level > _AUDIBLE_DB).argmax())
        return float((self.level > -_FULL_DB).argmax() - first) * _HOP / SAMPLE_RATE

    @cached_property
    def length(self) -> float:
        """Time in seconds from full level until the sound has faded; to its end if it has not."""
        last = int(np.flatnonzero(self.level > -_QUIET_DB).max())
        return float(last - (self.level > -_FULL_DB).argmax()) * _HOP / SAMPLE_RATE

    @cached_property
    def shift(self) -> float:
        """Range in cents in which the spectrum moves along the frequency axis; 0 for low notes."""
        frequency = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=_SIZE)
        grid = 100 * 2 ** (np.arange(0, 7_000, _STEP_CENTS) / 1200)  # Hz, 100 … 5,700
        pieces = self.pieces.T
        loud = pieces[pieces.sum(1) > pieces.sum(1).max() * 10 ** (-_QUIET_DB / 10)]
        loudest = int(loud.sum(1).argmax())
        if len(loud) < 2 or loud[loudest, frequency < _LOW_HZ].sum() > _LOW_SHARE * loud[loudest].sum():
            return 0.0
        spectra = np.array([np.interp(grid, frequency, piece) for piece in loud]) ** 0.25
        spectra -= spectra.mean(1, keepdims=True)
        most = _MOST_CENTS // _STEP_CENTS
        inner = spectra[loudest, most:-most]
        shifts = []
        for piece in spectra:
            windows = np.lib.stride_tricks.sliding_window_view(piece, len(inner))
            correlation = windows @ inner / np.sqrt((windows**2).sum(1) * (inner**2).sum() + 1e-24)
            best = int(correlation.argmax())
            moved = correlation[best] - correlation[most] > _BETTER
            if correlation[best] >= _ALIKE:
                shifts.append((best - most) * _STEP_CENTS * moved)
        return float(np.ptp(shifts)) if len(shifts) >= len(spectra) // 2 else 0.0


def shortcomings(target: Audio, answer: Audio) -> list[str]:
    """Say what an answer lacks that its sound has.

    Args:
        target: Sound, float32 (samples,), at 22,050 Hz.
        answer: Render of the preset at the same note; its level does not matter.

    Returns:
        Phrases such as "noise above 4 kHz", "a fade-in of 1.2 s" or "a soft start over 0.2 s"; none if
        nothing is clearly missing.
    """
    a, b = _Heard(target), _Heard(answer)
    if not np.any(target) or not np.any(answer):
        return []
    phrases, noisy = _noise(a, b)
    phrases += _power(a, b, noisy)
    if a.rise > _LEAST_SECONDS and a.rise > _TIMES * b.rise:
        what = "a fade-in of" if a.rise >= _FADE_IN else "a soft start over"
        phrases.append(f"{what} {a.rise:.1f} s")
    if b.rise > _LEAST_SECONDS and b.rise > _TIMES * a.rise:
        phrases.append("a quick start")
    if a.length > _LEAST_SECONDS and a.length > _TIMES * b.length:
        phrases.append(f"a sound that lasts for {a.length:.1f} s")
    if b.length > _LEAST_SECONDS and b.length > _TIMES * a.length:
        phrases.append(f"an end after {a.length:.1f} s")
    if a.shift > _LEAST_CENTS and a.shift > _TIMES * b.shift:
        phrases.append(f"frequencies that shift by {a.shift:.0f} cents")
    return phrases


def _noise(a: _Heard, b: _Heard) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Find bands of noise that the answer has not, and describe them."""
    noise, power = a.in_bands(a.noise), a.in_bands(a.power.sum(1))
    audible = _decibels(noise) > _AUDIBLE_DB
    lacking = _decibels(noise) - _decibels(b.in_bands(b.noise)) > _NOISE_DB
    bands = audible & lacking & (noise > _NOISY * power) & (_EDGES[:-1] >= _LEAST_HZ)
    return [f"noise {text}" for text in _ranges(bands)], bands


def _power(a: _Heard, b: _Heard, named: npt.NDArray[np.bool_]) -> list[str]:
    """Find bands that are much weaker in the answer, other than those that are named already."""
    wanted, found = (_decibels(x.in_bands(x.power.sum(1))) for x in (a, b))
    weak = (wanted > _AUDIBLE_DB / 2) & (wanted - found > _POWER_DB) & ~named
    return [f"sound {text}" for text in _ranges(weak)]


def _ranges(bands: npt.NDArray[np.bool_]) -> list[str]:
    """Describe runs of neighboring bands, such as "above 4 kHz"."""
    texts, start = [], None
    for i, on in enumerate([*bands.tolist(), False]):
        if on and start is None:
            start = i
        elif not on and start is not None:
            low, high = _EDGES[start], _EDGES[i]
            if i == len(bands):
                texts.append(f"above {_hz(low)}" if start else "at all frequencies")
            elif start == 0:
                texts.append(f"below {_hz(high)}")
            else:
                texts.append(f"from {_hz(low)} to {_hz(high)}")
            start = None
    return texts


def _decibels(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 10 * np.log10(np.maximum(share, 1e-12))


def _hz(frequency: float) -> str:
    return f"{frequency:.0f} Hz" if frequency < 1_000 else f"{frequency / 1_000:g} kHz"
