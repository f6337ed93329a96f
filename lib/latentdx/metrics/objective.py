"""The objective: the distance of a sound from its target, for ranking presets and for searching.

It is a weighted sum of three metrics, which was reported to follow listeners' ratings with a correlation of
0.85 (SynthRL, IJCAI 2025). Over 21 listening studies of timbre, `latentdx evaluate listeners` measured a mean
rank correlation of 0.51 (95% interval 0.39 to 0.62), more than for any single metric; it varies from none to
0.89. Sounds are compared at equal loudness (see `gain`). The objective has two forms with the same weights:
`distance` is exact; `FastObjective` uses half the frames, because a search calls it thousands of times. A
test checks that both agree.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import HOLD, N_SAMPLES, SAMPLE_RATE, Renderer, fade_out
from latentdx.audio.stft.layout import Spare
from latentdx.errors import ParameterError
from latentdx.metrics.distance_memory import Workspace
from latentdx.metrics.gain import FREE_DB, amplified, gain_db, gain_of_powers, loudest_power, price
from latentdx.metrics.modulation import modulation_mismatch
from latentdx.metrics.registry import log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.metrics.search_distance import SearchDistance
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.typing import Audio, Floats, Notes, Values

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"log_stft_mae": 0.27, "spectral_convergence": 0.70, "mfcc13_mae": 0.03}
)
"""Weight of each metric, by its name in the registry."""

MODULATION_WEIGHT = 0.15
"""Weight of the distance of the modulation spectra, see `modulation`."""


def distance(target: SoundFeatures, found: SoundFeatures) -> float:
    """Return the exact value of the objective; 0 for equal sounds, and larger for less similar ones.

    The sounds are compared at equal loudness; a gain of more than 12 dB has a price, see `gain`.

    Args:
        target: Features of the target.
        found: Features of the sound to compare with it, of the same length.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050).astype(np.float32)
    >>> distance(SoundFeatures(tone), SoundFeatures(tone))
    0.0
    >>> round(distance(SoundFeatures(tone), SoundFeatures(tone / 8)), 2)  # by 18 dB
    0.06
    """
    gain = gain_db([target.audio], [found.audio])
    return distance_as_is(target, at_gain(found, gain)) + price(gain)


def at_gain(sound: SoundFeatures, gain_db: float) -> SoundFeatures:
    """Return the features of a sound amplified by a gain in dB."""
    return SoundFeatures(amplified(sound.audio, gain_db)) if gain_db else sound


def distance_as_is(target: SoundFeatures, found: SoundFeatures) -> float:
    """Return the weighted sum of the metrics at the levels that the sounds have.

    For a silent target the spectral convergence is undefined and left out of the sum.

    Args:
        target: Features of the target.
        found: Features of the sound to compare with it, of the same length.
    """
    convergence = spectral_convergence(target, found)
    rest = WEIGHTS["log_stft_mae"] * log_stft_mae(target, found)
    rest += WEIGHTS["mfcc13_mae"] * mfcc_mae(target, found, 13)
    rest += MODULATION_WEIGHT * modulation_mismatch(target, found)
    return rest if np.isnan(convergence) else rest + WEIGHTS["spectral_convergence"] * convergence


def weighted(metrics: Mapping[str, Floats]) -> Floats:
    """Return the weighted sum of N sounds, (N,), from their metrics; see `distance_as_is`.

    Args:
        metrics: Values of each metric, (N,), by name, such as the columns of a result; `nan` counts as 0.
    """
    parts = [weight * np.nan_to_num(np.asarray(metrics[name])) for name, weight in WEIGHTS.items()]
    return np.sum(parts, axis=0)


def fitted(sound: Audio) -> Audio:
    """Cut or zero-pad a sound to the length at which presets are rendered by default.

    A sound that is cut is faded out as renders are.

    >>> fitted(np.ones(1000, np.float32)).shape
    (88576,)
    """
    if len(sound) > N_SAMPLES:
        return fade_out(sound[:N_SAMPLES].astype(np.float32), SAMPLE_RATE)
    return np.pad(sound, (0, N_SAMPLES - len(sound))).astype(np.float32)


def score(
    values: Values,
    targets: Sequence[Audio | SoundFeatures],
    notes: Notes,
    *,
    renderer: Renderer | None = None,
    holds: Sequence[float] = (),
    measure: Callable[[SoundFeatures, SoundFeatures], float] = distance_as_is,
    free_db: float = FREE_DB,
    threads: int | None = None,
) -> Floats:
    """Render presets at each note and compare them with that note's target, all at one gain.

    A render is as long as its target.

    Args:
        values: Presets, uint8 (N, 145).
        targets: One sound for each of `notes`, float32 (samples,), at 22,050 Hz, or its features, which save
            the time to compute them again.
        notes: (MIDI note, velocity) of each target.
        renderer: Synth that renders; default `Engine()`.
        holds: Time in seconds for which each note is held; default 3 s.
        measure: Function that compares the features of a target with those of a render at that gain.
        free_db: Gain that costs nothing; 0 where the targets' level is known, see `gain.price`.
        threads: Number of presets rendered at the same time; default one per core.

    Returns:
        Mean distance over the notes, float64 (N,); for one note, `distance`.
    """
    synth = renderer or Engine()
    wanted = [t if isinstance(t, SoundFeatures) else SoundFeatures(t) for t in targets]
    sounds = [features.audio for features in wanted]
    played = list(zip(sounds, notes, holds or [HOLD] * len(notes), strict=True))
    for sound in wanted:  # computed once, before several threads need them
        _ = sound.log_stft, sound.mfcc, sound.modulation

    def score_one(preset: Values) -> float:
        found = [
            synth.render(Preset(preset), *note, hold=hold, n_samples=len(target))
            for target, note, hold in played
        ]
        gain = gain_db(sounds, found)
        heard = (SoundFeatures(amplified(sound, gain)) for sound in found)
        return float(np.mean([measure(t, f) for t, f in zip(wanted, heard, strict=True)])) + price(
            gain, free_db
        )

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        return np.array(list(pool.map(score_one, values)))


def each_once(
    known: dict[bytes, float],
    values: Values,
    measure: Callable[[Values], Iterable[float]],
    key: Callable[[Values], bytes] = lambda values: values.tobytes(),
) -> Floats:
    """Measure those presets that are not known yet, each once, and return the distances of all.

    Args:
        known: Distances by a preset's key; those that are measured are added.
        values: Presets, uint8 (N, 145).
        measure: Function that returns the distances of presets.
        key: Function that returns a preset's key; by default its bytes.

    Returns:
        Distances, float64 (N,).
    """
    keys = [key(v) for v in values]
    new = {k: v for k, v in zip(keys, values, strict=True) if k not in known}
    if new:
        known.update(zip(new, measure(np.stack(list(new.values()))), strict=True))
    return np.array([known[k] for k in keys])


class FastObjective:
    """The fast form of the objective, which compares thousands of presets with the same targets.

    It uses half the frames, and compiled functions (see `search_distance`). The targets' spectra are computed
    once, memory is used again, and no preset is rendered twice, nor one that sounds like another, as far as
    `Engine.sound_key` tells. Comparing a sound of four seconds takes 0.4
    ms instead of 5.

    Args:
        targets: One sound for each of `notes`, float32 (samples,), at 22,050 Hz.
        notes: (MIDI note, velocity) of each target.
        holds: Time in seconds for which each note is held; default 3 s.
        renderer: Synth that renders; default `Engine()`.
        threads: Number of presets rendered at the same time; default one per core.
        weights: Weight of each metric in `WEIGHTS`, by name, and of the "modulation", 0 if it is omitted;
            default those of `distance`.
        free_db: Gain that costs nothing; 0 where the targets' level is known, see `gain.price`.
        levels_count: If true, sounds are compared at the levels that they have, see `distance_as_is`.

    Raises:
        ParameterError: A target is silent (every distance to it would be infinite), or the numbers of sounds
            and notes differ or are zero.
    """

    def __init__(
        self,
        targets: Sequence[Audio],
        notes: Sequence[tuple[int, int]],
        *,
        holds: Sequence[float] = (),
        renderer: Renderer | None = None,
        threads: int | None = None,
        weights: Mapping[str, float] = MappingProxyType({**WEIGHTS, "modulation": MODULATION_WEIGHT}),
        free_db: float = FREE_DB,
        levels_count: bool = False,
    ) -> None:
        if len(targets) != len(notes) or not len(notes):
            raise ParameterError(
                f"{len(targets)} sounds for {len(notes)} notes: there must be one sound for each note, "
                "and at least one note"
            )
        for target, (note, _) in zip(targets, notes, strict=True):
            if SoundFeatures(target).silent:
                raise ParameterError(f"the sound at note {note} is silent")
        self.targets, self.notes = list(targets), list(notes)
        self.holds = list(holds) or [HOLD] * len(notes)
        self._renderer = renderer or Engine()
        self._threads = threads or os.cpu_count() or 1
        self._free_db = free_db
        self._weights = (*(weights[name] for name in WEIGHTS), weights.get("modulation", 0.0))
        self._powers = None if levels_count else [loudest_power(target) for target in self.targets]
        workspaces = Spare(Workspace.of_length, self._threads)
        self._distances = [SearchDistance(target, workspaces) for target in self.targets]
        self._known: dict[bytes, float] = {}

    def __call__(self, values: Values) -> Floats:
        """Return the mean distance over the notes, float64 (N,), of presets, uint8 (N, 145)."""
        return each_once(self._known, values, self._of_all, self.sound_key)

    def sound_key(self, values: Values) -> bytes:
        """Return bytes that are equal for two presets only if they sound the same at all notes."""
        engine, preset = self._renderer, Preset(values)
        if not isinstance(engine, Engine):
            return values.tobytes()
        played = zip(self.notes, self.holds, strict=True)
        return b"".join(engine.sound_key(preset, *note, hold=hold) for note, hold in played)

    def _of_all(self, values: Values) -> Iterable[float]:
        if self._threads == 1:
            return map(self._of, values)
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(self._of, values))

    def _of(self, values: Values) -> float:
        """Return the mean distance of a preset, in plain Python, because NumPy's calls would take longer."""
        preset, distance, gain = Preset(values), 0.0, 0.0
        sounds = [
            self._renderer.render(preset, *note, hold=hold, n_samples=len(target))
            for target, note, hold in zip(self.targets, self.notes, self.holds, strict=True)
        ]
        if self._powers is not None:
            gain = gain_of_powers(list(zip(self._powers, map(loudest_power, sounds), strict=True)))
        for sound, distances in zip(sounds, self._distances, strict=True):
            parts = distances(amplified(sound, gain))
            distance += sum(weight * part for weight, part in zip(self._weights, parts, strict=True))
        return distance / len(sounds) + price(gain, self._free_db)
