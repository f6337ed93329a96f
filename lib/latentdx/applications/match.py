"""Match sounds by presets: render candidates, search from the best of them, tune and rank the results.

Candidates come from the default model (its forward pass, draws from its posterior, rounds of redrawing) and
from the nearest known presets; the search is `evolutionary_search`. A budget of renders, or of seconds,
covers all of these. The presets ranked in the end differ from each other: near duplicates are left out.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple, TypedDict, Unpack, cast, overload

import numpy as np
import numpy.typing as npt

from latentdx.applications.evolutionary_search import SearchHistory, evolutionary_search
from latentdx.applications.preset_names import numbered
from latentdx.applications.programmer import Programmer
from latentdx.applications.sound_inputs import (
    OneInstrument,
    SoundOptions,
    Sounds,
    prepare_instruments,
    reference,
)
from latentdx.applications.target import VELOCITY, Target
from latentdx.applications.transposition import nearest_c, played_at
from latentdx.applications.tune import Tuning, tune
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import Renderer
from latentdx.audio.spectrogram import to_codes
from latentdx.errors import ParameterError
from latentdx.metrics.objective import FastObjective, score
from latentdx.metrics.registry import log_mel_mae, log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.presets.sysex import BANK_VOICES
from latentdx.retrieval.known_presets import KnownPresets, nearest_presets
from latentdx.typing import Values

BUDGET = 2_000
"""Default number of renders."""

N_NEAREST = 16
"""Number of known presets that a search starts from."""

TWINS = 0.8
"""Share of equal parameter values from which two presets count as one, as relatives do in the evaluation."""

KEPT = 8
"""Default number of presets that a match returns."""

# the model takes a quarter of the budget, at most 64 renders: with more draws, improvements get rarer
_MODEL_SHARE, _MOST_OF_MODEL = 4, 64
_NEAREST_SHARE = 8  # known presets take at most an eighth
_RANKED = 48  # presets whose exact distance is measured, not only that of the search

MEASURES: dict[str, Callable[[SoundFeatures, SoundFeatures], float]] = {
    "log_stft": log_stft_mae,
    "convergence": spectral_convergence,
    "mfcc13": lambda a, b: mfcc_mae(a, b, 13),
    "log_mel": log_mel_mae,
}
"""Metrics reported for each stage; the last one takes no part in any choice."""


@dataclass(frozen=True)
class Stage:
    """State of a match after one of its stages.

    Attributes:
        name: "forward pass", "model", "nearest", "search" or "tuning".
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
        tuning: Result of tuning, applied to `preset` unless it would have increased the distance.
    """

    preset: Preset
    source: str
    distance: float
    measures: dict[str, float]
    tuning: Tuning


class SearchOptions(TypedDict, total=False):
    """Arguments of `match_targets` that are not about sounds."""

    nearest: Values | None
    budget: int
    seconds: float | None
    keep: int
    seed: int
    renderer: Renderer | None
    threads: int | None
    enough: Callable[[], bool]
    progress: Callable[[int, float], None]


class _MatchOptions(SoundOptions, SearchOptions, total=False):
    pass


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
        stages: Stages in order; "nearest" occurs only where known presets were given.
        renders: Number of renders of the search; tuning adds a few hundred.
        seconds: Duration of the match.
        interrupted: Whether Ctrl-C or `enough` ended the search early.
        curve: Successive improvements of the least distance; the first is the forward pass.
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


class _Matching:
    """Target sounds of one match, and how to compare presets with them."""

    def __init__(self, sounds: Sequence[Target], renderer: Renderer, threads: int | None) -> None:
        self.sounds, self.renderer, self.threads = sounds, renderer, threads
        self.notes = [(s.note, s.velocity) for s in sounds]
        self.targets = [s.sound for s in sounds]
        self.objective = FastObjective(self.targets, self.notes, renderer=renderer, threads=threads)
        self.reference = reference(sounds)

    @cached_property
    def _features(self) -> list[SoundFeatures]:
        return [SoundFeatures(target) for target in self.targets]

    def distances(self, values: Values) -> npt.NDArray[np.float64]:
        return score(values, self.targets, self.notes, renderer=self.renderer, threads=self.threads)

    def measures(self, preset: Preset) -> dict[str, float]:
        found = [SoundFeatures(self.renderer.render(preset, *note)) for note in self.notes]
        return {
            name: float(np.mean([measure(t, f) for t, f in zip(self._features, found, strict=True)]))
            for name, measure in MEASURES.items()
        }

    def stage(self, name: str, tried: int, values: Values) -> Stage:
        preset = Preset(values)
        distance = float(self.distances(values[None])[0])
        return Stage(name, tried * len(self.notes), distance, self.measures(preset), preset)

    def tuned(self, preset: Preset, distance: float) -> tuple[Tuning, float]:
        """Tune a preset to the reference sound, unless that increases its mean distance from all sounds."""
        note = self.reference.note, self.reference.velocity
        found = tune(preset, self.reference.sound, *note, wanted=self.reference.pitch, renderer=self.renderer)
        after = float(self.distances(found.preset.values[None])[0]) if found.tuned else distance
        if after <= distance:
            return found, after
        why = "tuning would increase the distance from the sounds at other notes"
        return replace(
            found, preset=preset, verdict="kept", why=why, after_cents=found.before_cents
        ), distance

    def ranked(self, tried: SearchHistory, keep: int, ends: Mapping[str, int], name: str) -> list[Candidate]:
        """Return different presets, tuned, best first."""
        order = np.argsort(tried.distances, kind="stable")
        leaders = order[different(tried.values[order], keep)]
        # the search's measure is an approximation, so the first ones are ranked again by the exact distance
        first = np.unique(np.concatenate([order[:_RANKED], leaders]))
        distances = self.distances(tried.values[first])
        first = first[np.argsort(distances, kind="stable")]
        distances = np.sort(distances, kind="stable")
        found = []
        for i in different(tried.values[first], keep):
            tuning, distance = self.tuned(Preset(tried.values[first[i]]), float(distances[i]))
            source = next(stage for stage, end in ends.items() if first[i] < end)
            found.append(Candidate(tuning.preset, source, distance, self.measures(tuning.preset), tuning))
        found.sort(key=lambda candidate: candidate.distance)
        return [
            replace(candidate, preset=Preset(candidate.preset.values, numbered(name, number)))
            for number, candidate in enumerate(found, 1)
        ]


@overload
def match(  # type: ignore[overload-overlap]  # a string is one sound, although it is iterable
    sounds: OneInstrument,
    model: Programmer,
    known: Sequence[KnownPresets] = (),
    **options: Unpack[_MatchOptions],
) -> Match: ...
@overload
def match(
    sounds: Iterable[OneInstrument],
    model: Programmer,
    known: Sequence[KnownPresets] = (),
    **options: Unpack[_MatchOptions],
) -> list[Match]: ...
def match(
    sounds: Sounds,
    model: Programmer,
    known: Sequence[KnownPresets] = (),
    *,
    rate: float | None = None,
    note: int | None = None,
    velocity: int = VELOCITY,
    onset: int | None = None,
    name: str | Sequence[str] | None = None,
    **search: Unpack[SearchOptions],
) -> Match | list[Match]:
    """Find presets that sound like a sound, or like several notes of one instrument.

    Args:
        sounds: A sound file, an array of samples with its `rate`, a render of `Dexed` at note 60, or a
            `Target`; or a mapping from notes, or from (MIDI note, velocity), to such sounds. Each item of a
            list is matched on its own.
        model: Model of a single note; it hears the sound closest to note 60, resampled to the nearest C.
        known: Corpora of known presets; the search also starts from the nearest ones.
        rate: Sample rate of arrays in Hz.
        note: MIDI note that was played; default: estimated, and 60 for a render.
        velocity: Velocity of the note, 1 … 127.
        onset: Number of the onset at which the sound starts; default: the first that can be heard.
        name: Name of the presets, which are numbered, or for a list a name for each; default: the names of
            files, and "MATCH" for arrays.
        **search: See `match_targets`, such as `budget` and `keep`.

    Returns:
        The presets found, best first, and how the match went; or a list of these if `sounds` is a list.

    Raises:
        AudioFileError: A file cannot be read or holds no usable sound.
        ParameterError: An argument is out of its bounds, or an array needs its rate.
    """
    one_match = partial(match_targets, model=model, known=known, **search)
    if isinstance(sounds, Sequence) and sounds and all(isinstance(s, Target) for s in sounds):
        warnings.warn(
            "a list of targets as the notes of one instrument is deprecated, because a list holds several"
            " sounds now: give one target, or a mapping {note: sound}, or call match_targets",
            DeprecationWarning,
            stacklevel=2,
        )
        return one_match(cast(Sequence[Target], sounds), name=cast(str, name) or "MATCH")
    instruments, one = prepare_instruments(
        sounds, rate=rate, note=note, velocity=velocity, onset=onset, name=name
    )
    found = [one_match(instrument.targets, name=instrument.name or "MATCH") for instrument in instruments]
    return found[0] if one else found


def match_targets(
    sounds: Sequence[Target],
    model: Programmer,
    known: Sequence[KnownPresets] = (),
    *,
    name: str = "MATCH",
    nearest: Values | None = None,
    budget: int = BUDGET,
    seconds: float | None = None,
    keep: int = KEPT,
    seed: int = 0,
    renderer: Renderer | None = None,
    threads: int | None = None,
    enough: Callable[[], bool] = lambda: False,
    progress: Callable[[int, float], None] = lambda renders, distance: None,
) -> Match:
    """Find presets that sound like the prepared sounds of one instrument at their notes.

    Args:
        sounds: Sounds of one instrument; see `sound_inputs.prepare_sounds`.
        model: Model of a single note; it hears the `reference` sound, resampled to the nearest C.
        known: Corpora of known presets; the search also starts from the nearest ones.
        name: Name of the presets, which are numbered; see `numbered`.
        nearest: Presets to start from instead of those of `known`, uint8 (N, 145), made for note 60, nearest
            first.
        budget: Number of renders, one for each preset and note; tuning is not counted.
        seconds: Time in seconds after which the search stops even if budget is left; its result then depends
            on the machine.
        keep: Largest number of presets to return, 1 … 32.
        seed: Random seed; equal seeds give equal matches, on any number of cores.
        renderer: Synth that renders; default `Engine()`.
        threads: Number of renders at a time; default one per core.
        enough: Function called between generations; the search stops when it returns `True`.
        progress: Function called with the number of renders and the least distance so far.

    Returns:
        The presets found, best first, and how the match went.

    Raises:
        ParameterError: An argument is out of its bounds.
    """
    if not sounds:
        raise ParameterError("there is no sound to match: give at least one")
    if len({(s.note, s.velocity) for s in sounds}) < len(sounds):
        raise ParameterError("two sounds have one note and velocity: each needs its own")
    if not 1 <= keep <= BANK_VOICES:
        raise ParameterError(f"{keep} presets are outside 1 … {BANK_VOICES}, the size of a cartridge")
    if budget < len(sounds):
        raise ParameterError(f"a budget of {budget} renders is too small for {len(sounds)} notes")
    if seconds is not None and not 0 < seconds < math.inf:
        raise ParameterError(f"seconds must be positive and finite, not {seconds}")
    if len(model.notes) != 1:
        raise ParameterError(f"a match needs a model of one note, not of {len(model.notes)} notes")
    begun = time.monotonic()
    matching = _Matching(sounds, renderer or Engine(), threads)
    at_note = partial(played_at, note=nearest_c(matching.reference.note))
    decibels = model.hear([matching.reference])
    most = budget // len(sounds)
    from_model = max(1, min(most // _MODEL_SHARE, _MOST_OF_MODEL))
    explored = model.explore(decibels, from_model, lambda v: matching.objective(at_note(v)), seed=seed)
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
        matching.objective,
        most,
        propose=None if redraw is None else lambda values: at_note(redraw(values)),
        seed=seed,
        enough=lambda: enough() or (seconds is not None and time.monotonic() - begun > seconds),
        progress=lambda n, least: progress(n * len(sounds), least),
    )
    ends["search"] = len(tried.values)
    stages = [
        matching.stage(stage, n, tried.values[int(tried.distances[:n].argmin())]) for stage, n in ends.items()
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
        tried.interrupted or (len(tried.values) < most and enough()),
        tuple(
            Improvement((i + 1) * len(sounds), float(tried.distances[i]), Preset(tried.values[i]))
            for i in fell.tolist()
        ),
        name,
    )


def _distinct(values: Values) -> Values:
    """Return presets without repetitions, in order."""
    return np.stack(list({v.tobytes(): v for v in values}.values()))


def different(values: Values, n: int) -> list[int]:
    """Choose the first presets that differ from each other.

    Args:
        values: Presets, uint8 (N, 145), best first.
        n: Largest number of presets to choose.

    Returns:
        Indices of at most `n` presets, ascending; any two share less than 80% of their values.
    """
    chosen: list[int] = []
    for i in range(len(values)):
        if len(chosen) == n:
            break
        if not chosen or (values[chosen] == values[i]).mean(1).max() < TWINS:
            chosen.append(i)
    return chosen
