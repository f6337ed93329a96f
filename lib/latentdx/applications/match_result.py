"""What a match returns: the presets that it found, and the stages in which it found them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from latentdx.applications.tune import Tuning
from latentdx.metrics.registry import log_mel_mae, log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset

MEASURES: dict[str, Callable[[SoundFeatures, SoundFeatures], float]] = {
    "log_stft": log_stft_mae,
    "convergence": spectral_convergence,
    "mfcc13": lambda a, b: mfcc_mae(a, b, 13),
    "log_mel": log_mel_mae,
}
"""Metrics reported for each stage, at equal loudness (see `metrics.gain`); the last one takes no part in any
choice."""


@dataclass(frozen=True)
class Stage:
    """State of a match after one of its stages.

    Attributes:
        name: "known" (presets played as the sounds were), "earlier" (those of an earlier match), "start" (the
            preset to refine), "forward pass", "model", "nearest", "search" or "tuning".
        renders: Number of renders so far, this stage included.
        distance: Distance of the best preset so far, `objective.distance`, mean over the notes.
        measures: Values of `MEASURES` for that preset, means over the notes.
        preset: Best preset so far.
    """

    name: str
    renders: int
    distance: float
    measures: dict[str, float]
    preset: Preset


@dataclass(frozen=True)
class Candidate:
    """One of the presets that a match found.

    Attributes:
        preset: Preset with a name, transposed so that it sounds right at the notes of the sounds.
        source: Name of the stage that found it; see `Stage`.
        distance: Distance from the sounds, `objective.distance`, mean over the notes.
        measures: Values of `MEASURES`, means over the notes.
        tuning: Result of tuning; `preset` is `tuning.preset` brought to the level of the sounds, where that
            costs nothing in timbre.
        family: Algorithms, 1 … 32, that have the structure of the preset's, its own included.
        changed: Number of values in which it differs from the preset that was refined; `None` without one.
        release_db: Level 5 s after its key, relative to its loudest moment, at the hold of the sounds.
        held_db: Level when it is held for 6 s, relative to its loudest moment.
        rings: Whether it is louder than -40 dB 5 s after its key, although the sounds do not say so.
    """

    preset: Preset
    source: str
    distance: float
    measures: dict[str, float]
    tuning: Tuning
    family: tuple[int, ...] = ()
    changed: int | None = None
    release_db: float = math.nan
    held_db: float = math.nan
    rings: bool = False


class Improvement(NamedTuple):
    """A preset that was better than all before it in a search.

    Attributes:
        renders: Number of renders so far.
        distance: Distance by the search's measure, `FastObjective`.
        preset: The preset.
    """

    renders: int
    distance: float
    preset: Preset


@dataclass(frozen=True)
class Match:
    """Result of a match.

    Attributes:
        candidates: Presets found, best first, without near duplicates.
        stages: Stages in order; those without presets are left out.
        renders: Number of renders of the search, see `match_targets`; tuning adds a few hundred.
        seconds: Duration of the match.
        interrupted: Whether Ctrl-C or `enough` ended the search early.
        curve: Successive improvements of the least distance; the first is the first preset tried.
        name: Name of the sound; those of the presets are its first letters and a number.
    """

    candidates: tuple[Candidate, ...]
    stages: tuple[Stage, ...]
    renders: int
    seconds: float
    interrupted: bool
    curve: tuple[Improvement, ...]
    name: str = ""

    @property
    def best(self) -> Candidate:
        """Candidate with the least distance."""
        return self.candidates[0]
