"""The distance that a search goes by: `program.distance` on half the frames, thousands of times.

A target's spectra are computed once; a render's cost 1 ms instead of 5.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from latentdx.audio.dexed import Dexed, Renderer
from latentdx.errors import ParameterError
from latentdx.evaluation.sound import LOG_FLOOR, Sound, mel_filters
from latentdx.presets.bank import Preset

Audio = npt.NDArray[np.float32]
Values = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

WEIGHTS = (0.27, 0.70, 0.03)
"""Of log-STFT, spectral convergence and MFCC13, as in `program.distance`."""

_HOP = 512
_RANGE_DB = 80.0  # of the mel spectrogram below its loudest, as librosa has it
_N_MFCC = 13


class Judge:
    """Renders presets and says how far they are from the sounds wanted; what it has heard it remembers.

    Args:
        targets: one sound for each of `notes`, (samples,), 22,050 Hz, of one length.
        notes: (MIDI note, velocity).
        renderer: default `Dexed()`.
        threads: renders at a time; default one a core.
        weights: of the three parts, see `WEIGHTS`.

    Raises:
        ParameterError: a target is silent: everything would be infinitely far.
    """

    def __init__(
        self,
        targets: Sequence[Audio],
        notes: Sequence[tuple[int, int]],
        *,
        renderer: Renderer | None = None,
        threads: int | None = None,
        weights: tuple[float, float, float] = WEIGHTS,
    ) -> None:
        if len(targets) != len(notes) or not len(notes):
            raise ParameterError(f"{len(targets)} sounds for {len(notes)} notes: one each, and at least one")
        for target, (note, _) in zip(targets, notes, strict=True):
            if Sound(target).silent:
                raise ParameterError(f"the sound at note {note} is silent")
        self.targets, self.notes = list(targets), list(notes)
        self._renderer = renderer or Dexed()
        self._threads = threads
        self._weights = weights
        self._windows = [scipy.signal.get_window("hann", n).astype(np.float32) for n in (1024, 2048)]
        self._mel = mel_filters(2048, 128, "slaney")
        self._wanted = [self._spectra(target) for target in self.targets]
        self._known: dict[bytes, float] = {}
        self._norms = [float(np.linalg.norm(stft)) for stft, _, _ in self._wanted]

    def __call__(self, values: Values) -> npt.NDArray[np.float64]:
        """Presets (N, 145) -> mean distance over the notes, (N,)."""
        new = {v.tobytes(): v for v in values if v.tobytes() not in self._known}
        if self._threads == 1:
            found = list(map(self._of, new.values()))
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                found = list(pool.map(self._of, new.values()))
        self._known.update(zip(new, found, strict=True))
        return np.array([self._known[v.tobytes()] for v in values])

    def _of(self, values: Values) -> float:
        return float(np.mean([self._at(values, i) for i in range(len(self.notes))]))

    def _at(self, values: Values, i: int) -> float:
        sound = self._renderer.render(Preset(values), *self.notes[i], n_samples=len(self.targets[i]))
        stft, log_stft, mfcc = self._spectra(sound)
        wanted_stft, wanted_log, wanted_mfcc = self._wanted[i]
        parts = (
            np.abs(log_stft - wanted_log).mean(),
            np.linalg.norm(stft - wanted_stft) / self._norms[i],
            np.abs(mfcc - wanted_mfcc).mean(),
        )
        return float(np.dot(self._weights, parts))

    def _magnitudes(self, sound: Audio, window: Floats, padding: str) -> Floats:
        n = len(window)
        padded = np.pad(sound, n // 2, mode=padding)  # type: ignore[call-overload]
        frames = np.lib.stride_tricks.sliding_window_view(padded, n)[::_HOP]
        return np.abs(scipy.fft.rfft(frames * window, axis=1))

    def _spectra(self, sound: Audio) -> tuple[Floats, Floats, Floats]:
        """STFT (frames, 513), its logarithm, and 13 MFCC (frames, 13)."""
        stft = self._magnitudes(sound, self._windows[0], "reflect")
        power = self._magnitudes(sound, self._windows[1], "constant") ** 2
        decibels = 10 * np.log10(np.maximum(self._mel @ power.T, 1e-10))
        decibels = np.maximum(decibels, decibels.max() - _RANGE_DB)
        mfcc = scipy.fft.dct(decibels, axis=0, norm="ortho")[:_N_MFCC]
        return stft, np.log10(np.maximum(stft, LOG_FLOOR)), mfcc.T
