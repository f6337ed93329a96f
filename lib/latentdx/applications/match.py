"""From a sound to ranked presets: candidates, all rendered; a search from the best; tuning; ranking.

Candidates come from the default model (its forward pass, draws from its posterior, rounds of redrawing) and
from the nearest known presets; the search is `evolutionary_search`. A budget of renders, or of seconds,
covers them all. What is ranked in the end is different presets, not one and its twins.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from latentdx.applications.evolutionary_search import SearchHistory, evolutionary_search
from latentdx.applications.programmer import Programmer, nearest_c, played_at, resampled
from latentdx.applications.target import VELOCITY, Target, TargetFile, prepare_targets
from latentdx.applications.tune import Tuning, tune
from latentdx.audio.renderer import Dexed, Renderer
from latentdx.audio.spectrogram import to_codes
from latentdx.errors import ParameterError
from latentdx.metrics.objective import FastObjective, score
from latentdx.metrics.registry import log_mel_mae, log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import NAME_LENGTH
from latentdx.presets.sysex import BANK_VOICES, display_name
from latentdx.retrieval.known_presets import KnownPresets, nearest_presets
from latentdx.typing import Audio, Values

BUDGET = 2_000
"""Renders, by default."""

N_NEAREST = 16
"""Known presets that a search starts from."""

TWINS = 0.8
"""Presets that share this much of their values count as one, as relatives do in the evaluation."""

KEPT = 8
"""Presets that a match gives back, by default."""

_MODEL_SHARE, _MOST_OF_MODEL = 4, 64  # of the budget a quarter, at most: draws get rarer hits
_NEAREST_SHARE = 8
_RANKED = 48  # of these the whole distance is measured, not only the search's

MEASURES: dict[str, Callable[[SoundFeatures, SoundFeatures], float]] = {
    "log_stft": log_stft_mae,
    "convergence": spectral_convergence,
    "mfcc13": lambda a, b: mfcc_mae(a, b, 13),
    "log_mel": log_mel_mae,
}
"""What is reported of each stage; the last one takes no part in any choice."""


@dataclass(frozen=True)
class Stage:
    """The nearest preset that a stage of a match left.

    Attributes:
        name: "forward pass", "model", "nearest", "search", "tuning".
        renders: made until then, this stage's included.
        distance: `objective.distance`, mean over the notes.
        measures: of `MEASURES`, mean over the notes.
        preset: the nearest of all until then.
    """

    name: str
    renders: int
    distance: float
    measures: dict[str, float]
    preset: Preset


@dataclass(frozen=True)
class Candidate:
    """One of the presets found.

    Attributes:
        preset: named, TRANSPOSE such that it plays the note wanted.
        source: the stage that found it, see `Stage`.
        distance, measures: as of `Stage`.
        tuning: what tuning did; `preset` has it applied where it brought it nearer.
    """

    preset: Preset
    source: str
    distance: float
    measures: dict[str, float]
    tuning: Tuning


class Improvement(NamedTuple):
    """A preset nearer than all before, after so many renders, by the search's measure."""

    renders: int
    distance: float
    preset: Preset


@dataclass(frozen=True)
class Match:
    """What a match found.

    Attributes:
        candidates: nearest first, no two of them twins.
        stages: in order; "nearest" only where known presets were given.
        renders: of the search; tuning adds a few hundred.
        seconds: that it took.
        interrupted: Whether Ctrl-C or `enough` ended the search; what was found until then is here.
        curve: how the least distance fell; the first is of the forward pass.
    """

    candidates: tuple[Candidate, ...]
    stages: tuple[Stage, ...]
    renders: int
    seconds: float
    interrupted: bool
    curve: tuple[Improvement, ...]

    @property
    def best(self) -> Candidate:
        return self.candidates[0]


class _Matching:
    """One match: the sounds wanted, and how to compare with them."""

    def __init__(self, sounds: Sequence[Target], renderer: Renderer, threads: int | None) -> None:
        self.sounds, self.renderer, self.threads = sounds, renderer, threads
        self.notes = [(s.note, s.velocity) for s in sounds]
        self.targets = [s.sound for s in sounds]
        self.judge = FastObjective(self.targets, self.notes, renderer=renderer, threads=threads)
        self.reference = reference(sounds)

    @cached_property
    def _heard(self) -> list[SoundFeatures]:
        return [SoundFeatures(target) for target in self.targets]

    def distances(self, values: Values) -> npt.NDArray[np.float64]:
        return score(values, self.targets, self.notes, renderer=self.renderer, threads=self.threads)

    def measures(self, preset: Preset) -> dict[str, float]:
        found = [SoundFeatures(self.renderer.render(preset, *note)) for note in self.notes]
        return {
            name: float(np.mean([measure(t, f) for t, f in zip(self._heard, found, strict=True)]))
            for name, measure in MEASURES.items()
        }

    def stage(self, name: str, tried: int, values: Values) -> Stage:
        preset = Preset(values)
        distance = float(self.distances(values[None])[0])
        return Stage(name, tried * len(self.notes), distance, self.measures(preset), preset)

    def tuned(self, preset: Preset, distance: float) -> tuple[Tuning, float]:
        """At the reference sound, and kept only if that brings it no farther from all of them."""
        note = self.reference.note, self.reference.velocity
        found = tune(preset, self.reference.sound, *note, wanted=self.reference.pitch, renderer=self.renderer)
        after = float(self.distances(found.preset.values[None])[0]) if found.tuned else distance
        if after <= distance:
            return found, after
        why = "in tune it would sound farther from the sounds at other notes"
        return replace(
            found, preset=preset, verdict="kept", why=why, after_cents=found.before_cents
        ), distance

    def ranked(self, tried: SearchHistory, keep: int, ends: Mapping[str, int], name: str) -> list[Candidate]:
        """Different presets, tuned, nearest first."""
        order = np.argsort(tried.distances, kind="stable")
        leaders = order[different(tried.values[order], keep)]
        # the nearest by the search's measure need not be the nearest: of the first ones all is measured
        first = np.unique(np.concatenate([order[:_RANKED], leaders]))
        distances = self.distances(tried.values[first])
        first = first[np.argsort(distances, kind="stable")]
        distances = np.sort(distances, kind="stable")
        found = []
        for i in different(tried.values[first], keep):
            tuning, distance = self.tuned(Preset(tried.values[first[i]]), float(distances[i]))
            source = next(what for what, end in ends.items() if first[i] < end)
            found.append(Candidate(tuning.preset, source, distance, self.measures(tuning.preset), tuning))
        found.sort(key=lambda candidate: candidate.distance)
        return [
            replace(candidate, preset=Preset(candidate.preset.values, numbered(name, number)))
            for number, candidate in enumerate(found, 1)
        ]


def reference(sounds: Sequence[Target]) -> Target:
    """The sound nearest to what the models know, note 60 at velocity 85: the one that they hear."""
    return min(sounds, key=lambda s: (abs(s.note - 60), abs(s.velocity - 85)))


def prepare_sounds(
    takes: Sequence[TargetFile], note: int | None = None, velocity: int = VELOCITY
) -> list[Target]:
    """Take in the sounds of one instrument; they keep their levels among each other.

    Args:
        takes: sound files, with notes and velocities where they are known.
        note, velocity: of takes that do not say theirs; without a note it is estimated.

    Raises:
        AudioFileError: a file holds no sound within the bounds; see `target.prepare_target`.
    """
    heard = prepare_targets(takes, note, velocity)
    gain = reference(heard).gain_db if heard else 0.0
    return [target.with_gain(gain) for target in heard]


def _at_c(sound: Target) -> Audio:
    return resampled(sound.sound, nearest_c(sound.note) - sound.note)


def match(
    sounds: Sequence[Target],
    model: Programmer,
    known: Sequence[KnownPresets] = (),
    *,
    nearest: Values | None = None,
    budget: int = BUDGET,
    seconds: float | None = None,
    keep: int = KEPT,
    name: str = "MATCH",
    seed: int = 0,
    renderer: Renderer | None = None,
    threads: int | None = None,
    enough: Callable[[], bool] = lambda: False,
    progress: Callable[[int, float], None] = lambda renders, distance: None,
) -> Match:
    """Find presets that sound like one sound, or like several at different notes.

    Args:
        sounds: Sounds of one instrument; see `prepare_sounds`.
        model: A model of a single note; it hears one sound, `reference`, at the nearest C.
        known: Corpora whose nearest presets the search starts from too.
        nearest: Presets to start from in their place, uint8 (N, 145), as made for note 60, nearest first.
        budget: Number of renders, one for each preset and note; tuning is not counted.
        seconds: Stop the search after this many, if the budget lasts longer; what it finds then depends on
            the machine.
        keep: Number of presets to return at most, 1 … 32.
        name: Name of the presets, which are numbered; see `numbered`.
        seed: Random seed; equal seeds give equal matches, on any number of cores.
        renderer: Synth that renders; default `Dexed()`.
        threads: Number of renders at a time; default one per core.
        enough: Asked between generations whether to stop the search.
        progress: Called with the number of renders and the least distance so far.

    Raises:
        ParameterError: an argument is out of its bounds.
    """
    if not sounds:
        raise ParameterError("no sound to match: give at least one")
    if len({(s.note, s.velocity) for s in sounds}) < len(sounds):
        raise ParameterError("two sounds have one note and velocity: give each its own")
    if not 1 <= keep <= BANK_VOICES:
        raise ParameterError(f"{keep} presets are outside 1 … {BANK_VOICES}, a cartridge")
    if budget < len(sounds):
        raise ParameterError(f"a budget of {budget} renders is too small for {len(sounds)} notes")
    if seconds is not None and not seconds > 0:
        raise ParameterError(f"seconds must be positive, not {seconds}")
    if len(model.notes) != 1:
        raise ParameterError(f"a match takes a model of one note, not of {len(model.notes)}")
    begun = time.monotonic()
    matching = _Matching(sounds, renderer or Dexed(), threads)
    at_note = partial(played_at, note=nearest_c(matching.reference.note))
    decibels = model.spectrograms(_at_c(matching.reference))
    most = budget // len(sounds)
    from_model = max(1, min(most // _MODEL_SHARE, _MOST_OF_MODEL))
    explored = model.explore(decibels, from_model, lambda v: matching.judge(at_note(v)), seed=seed)
    starts = _distinct(at_note(explored.values))
    ends = {"forward pass": 1, "model": len(starts)}
    if nearest is None:
        codes = to_codes(decibels[0, 0].numpy())
        nearest = nearest_presets(codes, known, N_NEAREST)
    if (close := nearest[: min(N_NEAREST, most // _NEAREST_SHARE)]).size:
        starts = _distinct(np.concatenate([starts, at_note(close)]))
        ends["nearest"] = len(starts)
    redraw = None if model.model.sampler is None else model.redraw(decibels, seed=seed)
    tried = evolutionary_search(
        starts,
        matching.judge,
        most,
        propose=None if redraw is None else lambda values: at_note(redraw(values)),
        seed=seed,
        enough=lambda: enough() or (seconds is not None and time.monotonic() - begun > seconds),
        progress=lambda n, least: progress(n * len(sounds), least),
    )
    ends["search"] = len(tried.values)
    stages = [
        matching.stage(what, n, tried.values[int(tried.distances[:n].argmin())]) for what, n in ends.items()
    ]
    candidates = matching.ranked(tried, keep, ends, name)
    best = candidates[0]
    stages.append(Stage("tuning", stages[-1].renders, best.distance, best.measures, best.preset))
    fell = np.flatnonzero(np.diff(np.minimum.accumulate(tried.distances), prepend=np.inf) < 0)
    return Match(
        tuple(candidates),
        tuple(stages),
        len(tried.values) * len(sounds),
        time.monotonic() - begun,
        tried.interrupted or enough(),
        tuple(
            Improvement((i + 1) * len(sounds), float(tried.distances[i]), Preset(tried.values[i]))
            for i in fell.tolist()
        ),
    )


def _distinct(values: Values) -> Values:
    """Without what came before, in order."""
    return np.stack(list({v.tobytes(): v for v in values}.values()))


def different(values: Values, n: int) -> list[int]:
    """The first `n` of presets (N, 145) of which no two share 80 % of their values or more."""
    chosen: list[int] = []
    for i in range(len(values)):
        if len(chosen) == n:
            break
        if not chosen or (values[chosen] == values[i]).mean(1).max() < TWINS:
            chosen.append(i)
    return chosen


def numbered(name: str, number: int) -> str:
    """What a DX7 shows of a name, with a number within the ten characters."""
    return f"{display_name(name)[: NAME_LENGTH - 1 - len(str(number))].rstrip()} {number}".lstrip()
