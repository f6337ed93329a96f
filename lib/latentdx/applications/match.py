"""Match sounds by presets: render candidates, search from the best of them, tune and rank the results.

Known presets are played first as the sounds were. Candidates also come from the default model (its forward
pass, draws from its posterior, rounds of redrawing) and from the nearest presets of large corpora; the search
is `evolutionary_search`. A budget of renders, or of seconds,
covers all of these. The presets ranked in the end differ from each other: near duplicates are left out.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypedDict, Unpack, cast, overload

import numpy as np
from torch import Tensor

from latentdx.applications.candidate_choice import TWINS as TWINS
from latentdx.applications.candidate_choice import Comparison
from latentdx.applications.evolutionary_search import evolutionary_search
from latentdx.applications.heard_modulation import proposing_modulation
from latentdx.applications.known_stage import compare_known, rendered_whole
from latentdx.applications.locks import Locks
from latentdx.applications.match_result import MEASURES as MEASURES
from latentdx.applications.match_result import Candidate as Candidate
from latentdx.applications.match_result import Improvement as Improvement
from latentdx.applications.match_result import Match as Match
from latentdx.applications.match_result import Stage as Stage
from latentdx.applications.plausibility import log_likelihood
from latentdx.applications.programmer import FIRST_DRAWS, Programmer
from latentdx.applications.sound_inputs import OneInstrument, SoundOptions, Sounds, prepare_instruments
from latentdx.applications.target import VELOCITY, Target
from latentdx.applications.transposition import nearest_c, played_at
from latentdx.applications.velocity_response import plausible_sensitivities
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import Renderer
from latentdx.audio.spectrogram import to_codes
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_VALUES, column
from latentdx.presets.sysex import BANK_VOICES
from latentdx.retrieval.known_presets import KnownPresets, nearest_presets
from latentdx.typing import Floats, Values

BUDGET = 2_000
"""Default number of renders."""

N_NEAREST = 16
"""Number of known presets that a search starts from."""

KEPT = 8
"""Default number of presets that a match returns."""

# the model takes a quarter of the budget, at most 64 renders: with more draws, improvements get rarer
_MODEL_SHARE, _MOST_OF_MODEL = 4, 64
_NEAREST_SHARE = 8  # known presets take at most an eighth
_REDRAWN = 16  # presets that the model makes of one that is to be refined
_NO_PRESETS = np.zeros((0, N_VALUES), np.uint8)
_TRANSPOSE = column("TRANSPOSE")


class SearchOptions(TypedDict, total=False):
    """Arguments of `match_targets` that are not about sounds."""

    nearest: Values | None
    banks: Sequence[PresetBank]
    start: Preset | None
    more: Sequence[Preset]
    locked: Mapping[str, int | str] | None
    algorithms: Sequence[int]
    plausible: bool
    budget: int
    seconds: float | None
    keep: int
    seed: int
    renderer: Renderer | None
    threads: int | None
    enough: Callable[[], bool]
    progress: Callable[[int, float], None]
    stage_done: Callable[[str, int, float], None]


class _MatchOptions(SoundOptions, SearchOptions, total=False):
    pass


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
    hold: float | None = None,
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
        hold: Time in seconds for which the key was held; default: found, and 3 s for a render.
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
        sounds, rate=rate, note=note, velocity=velocity, onset=onset, hold=hold, name=name
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
    banks: Sequence[PresetBank] = (),
    start: Preset | None = None,
    more: Sequence[Preset] = (),
    locked: Mapping[str, int | str] | None = None,
    algorithms: Sequence[int] = (),
    plausible: bool = True,
    budget: int = BUDGET,
    seconds: float | None = None,
    keep: int = KEPT,
    seed: int = 0,
    renderer: Renderer | None = None,
    threads: int | None = None,
    enough: Callable[[], bool] = lambda: False,
    progress: Callable[[int, float], None] = lambda renders, distance: None,
    stage_done: Callable[[str, int, float], None] = lambda name, renders, distance: None,
) -> Match:
    """Find presets that sound like the prepared sounds of one instrument at their notes.

    Args:
        sounds: Sounds of one instrument; see `sound_inputs.prepare_sounds`.
        model: Model of a single note; it hears the `reference` sound, resampled to the nearest C.
        known: Corpora of known presets. Small ones, such as "starter", are rendered as the sounds were
            played, and the very preset of a sound is found; of others the search starts from the nearest.
        name: Name of the presets, which are numbered; see `numbered`.
        nearest: Presets to start from instead of those of `known`, uint8 (N, 145), made for note 60, nearest
            first.
        banks: Presets of one's own, which are rendered as the sounds were played, like small corpora.
        start: Preset to refine, as it should be played at the sounds' notes. The search starts from it and
            from what the model makes of parts of it, and from no other preset.
        more: Presets of an earlier match, such as its candidates, best first, from which the search also
            starts; they take half of the budget at most.
        locked: Values that parameters keep in every answer, by name and as a DX7 shows them, such as
            `{"ALGORITHM": 5, "OP1 F COARSE": 1}`; see `Locks.of`.
        algorithms: Algorithms that answers may have, 1 … 32; default: all.
        plausible: Let the model choose among presets that are equally close, within 3%; see `plausibility`.
        budget: Number of renders, one for each preset and note, also where a preset is known to sound like an
            earlier one and need not be rendered; tuning is not counted.
        seconds: Time in seconds after which the search stops even if budget is left; its result then depends
            on the machine.
        keep: Largest number of presets to return, 1 … 32.
        seed: Random seed; equal seeds give equal matches, on any number of cores.
        renderer: Synth that renders; default `Engine()`.
        threads: Number of renders at a time; default one per core.
        enough: Function called between generations; the search stops when it returns `True`.
        progress: Function called with the number of renders and the least distance so far.
        stage_done: Function called at the end of each stage, see `Stage`, with its name, the number of
            renders and the least distance so far, by the search's measure.

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
    locks = Locks.of(locked, algorithms)
    most = budget // len(sounds)
    first = compare_known(
        Comparison(sounds, renderer or Engine(), threads, locks),
        rendered_whole(known, banks) if start is None else _NO_PRESETS,
        most,
        N_NEAREST,
        locks,
    )
    comparison = first.comparison
    played = partial(played_at, note=nearest_c(comparison.reference.note))
    decibels = model.hear([comparison.reference])
    starts = _Starts(
        locks,
        comparison.objective,
        most - first.spent,
        lambda n, least: progress((n + first.spent) * len(sounds), least),
        lambda stage, n, least: stage_done(stage, (n + first.spent) * len(sounds), least),
    )
    starts.add("known", first.values)
    starts.add("earlier", _values_of(more)[: max(1, most // 2)])
    if start is None:
        from_model = max(1, min(most // _MODEL_SHARE, _MOST_OF_MODEL))
        explored = model.explore(decibels, from_model, lambda v: starts.judged(played(v)), seed=seed)
        starts.add("forward pass", played(explored.values[:1]))
        starts.add("model", played(explored.values))
        if len({s.velocity for s in sounds}) == 1:
            comparison.usual = plausible_sensitivities(explored.values[:FIRST_DRAWS])
        if nearest is None:
            leveled = model.leveled_spectrograms([comparison.reference])
            nearest = nearest_presets(to_codes(leveled[0, 0].numpy()), known, N_NEAREST)
        starts.add("nearest", played(nearest[: min(N_NEAREST, most // _NEAREST_SHARE)]))
    redraw = _redraw(model, decibels, seed)
    if start is not None:
        starts.add("start", start.values[None])
        if redraw is not None:
            starts.add("model", redraw(np.repeat(start.values[None], _REDRAWN, 0)))
    tried = evolutionary_search(
        starts.values,
        comparison.objective,
        most - first.spent,
        propose=proposing_modulation(redraw, comparison.reference.sound, seed),
        constrain=locks.apply,
        seed=seed,
        enough=lambda: enough() or (seconds is not None and time.monotonic() - begun > seconds),
        progress=lambda n, least: progress((n + first.spent) * len(sounds), least),
    )
    stage_done("search", (len(tried.values) + first.spent) * len(sounds), float(tried.distances.min()))
    ends = {stage: min(n, len(tried.values)) for stage, n in starts.ends.items()}
    ends["search"] = len(tried.values)
    stages = [
        comparison.stage(stage, n + first.spent, tried.values[int(tried.distances[:n].argmin())])
        for stage, n in ends.items()
    ]
    plausibility = partial(log_likelihood, model, decibels) if plausible and redraw is not None else None
    candidates = comparison.ranked(
        tried,
        keep,
        ends,
        name,
        recognized=first.recognized,
        start=start,
        plausibility=plausibility,
    )
    best = candidates[0]
    stages.append(Stage("tuning", stages[-1].renders, best.distance, best.measures, best.preset))
    fell = np.flatnonzero(np.diff(np.minimum.accumulate(tried.distances), prepend=np.inf) < 0)
    return Match(
        tuple(candidates),
        tuple(stages),
        (len(tried.values) + first.spent) * len(sounds),
        time.monotonic() - begun,
        tried.interrupted or (len(tried.values) < most - first.spent and enough()),
        tuple(
            Improvement(
                (i + 1 + first.spent) * len(sounds), float(tried.distances[i]), Preset(tried.values[i])
            )
            for i in fell.tolist()
        ),
        name,
    )


class _Starts:
    """Presets to start from, without repetitions, and where each stage ends among them."""

    def __init__(
        self,
        locks: Locks,
        judge: Callable[[Values], Floats],
        most: int,
        progress: Callable[[int, float], None],
        stage_done: Callable[[str, int, float], None],
    ) -> None:
        self._locks, self._judge, self._most = locks, judge, most
        self._progress, self._stage_done = progress, stage_done
        self._found: dict[bytes, Values] = {}
        self._least, self._judged = math.inf, 0
        self.ends: dict[str, int] = {}

    def add(self, stage: str, values: Values) -> None:
        """Add presets (N, 145) as far as the locks allow them; without any, there is no such stage."""
        if len(values):
            for v in self._locks.apply(values):
                self._found.setdefault(v.tobytes(), v)
            self.ends[stage] = len(self._found)
            distances = self._judge(self.values[: self._most])  # those that were judged before are known
            self._least = float(distances.min())
            self._judged = len(distances)
            self._progress(self._judged, self._least)
            self._stage_done(stage, self._judged, self._least)

    def judged(self, values: Values) -> Floats:
        """Return the distances (N,) of presets (N, 145), as the locks change them, before they are added."""
        distances = self._judge(self._locks.apply(values))
        self._judged += len(distances)
        self._least = min(self._least, float(distances.min()))
        self._progress(self._judged, self._least)
        return distances

    @property
    def values(self) -> Values:
        """All presets, uint8 (N, 145)."""
        return np.stack(list(self._found.values()))


def _values_of(presets: Sequence[Preset]) -> Values:
    return np.stack([preset.values for preset in presets]) if presets else _NO_PRESETS


def _redraw(model: Programmer, decibels: Tensor, seed: int) -> Callable[[Values], Values] | None:
    """Return a function that redraws a part of presets as they are played; `None` without a sampler."""
    if model.model.sampler is None:
        return None
    redraw = model.redraw(decibels, seed=seed)

    def redrawn(values: Values) -> Values:
        out = redraw(values)
        out[:, _TRANSPOSE] = values[:, _TRANSPOSE]  # which the model does not learn
        return out

    return redrawn
