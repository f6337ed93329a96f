"""Comparison of presets with the sounds of one match, and the choice of its answers.

The presets chosen differ from each other: near duplicates are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from latentdx.applications.evolutionary_search import SearchHistory
from latentdx.applications.key_behavior import (
    FALL_DB,
    RELEASE_RATE,
    may_ring,
    measured,
    mended,
    plausible_release,
)
from latentdx.applications.locks import Locks
from latentdx.applications.match_result import MEASURES, Candidate, Stage
from latentdx.applications.note_end import LEAST_HOLD
from latentdx.applications.output_level import SAME, at_level
from latentdx.applications.plausibility import Plausibility
from latentdx.applications.preset_names import numbered
from latentdx.applications.sound_inputs import reference
from latentdx.applications.target import Target, free_db
from latentdx.applications.tune import Tuning, tune
from latentdx.applications.velocity_response import Sensitivities, with_sensitivities
from latentdx.audio import pitch
from latentdx.audio.pitch import Pitch
from latentdx.audio.renderer import SAMPLE_RATE, Renderer
from latentdx.metrics.gain import amplified, gain_db
from latentdx.metrics.objective import FastObjective, each_once, score
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.algorithm_families import family
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import column
from latentdx.retrieval.recognition import delayed
from latentdx.typing import Audio, Floats, Notes, Values

TWINS = 0.8
"""Share of equal parameter values from which two presets count as one, as relatives do in the evaluation."""

_UNLOCKED = Locks.of()
_ALGORITHM = column("ALGORITHM")
_EQUAL = 1.03  # times a distance: presets up to here are as close, and the most plausible is taken
_NEAR = 2.0  # times the least distance: presets of other families are preferred up to here
_OF_FAMILY = 2  # presets of one family among eight
_REFINED_TWINS = 0.97  # share of equal values from which two refinements of one preset count as one
_PITCH_HOP, _PITCH_SAMPLES = 1024, 22_050  # of the pitches of renders
_RANKED = 24  # presets whose exact distance is measured, not only that of the search


class Comparison:
    """Target sounds of one match, and how to compare presets with them."""

    def __init__(
        self, sounds: Sequence[Target], renderer: Renderer, threads: int | None, locks: Locks = _UNLOCKED
    ) -> None:
        self.sounds, self.renderer, self.threads, self.locks = sounds, renderer, threads, locks
        self.notes = [(s.note, s.velocity) for s in sounds]
        self.targets, self.holds = [s.sound for s in sounds], [s.hold for s in sounds]
        self.free_db = free_db(sounds)
        self.objective = self._objective(self.targets, self.notes, self.holds)
        self.reference = reference(sounds)
        self.release_rate = RELEASE_RATE
        self.usual: Sensitivities | None = None
        self._known: dict[bytes, float] = {}

    def _objective(self, targets: Sequence[Audio], notes: Notes, holds: Sequence[float]) -> FastObjective:
        return FastObjective(
            targets,
            notes,
            holds=holds,
            renderer=self.renderer,
            threads=self.threads,
            free_db=self.free_db,
        )

    @cached_property
    def _features(self) -> list[SoundFeatures]:
        return [SoundFeatures(target) for target in self.targets]

    @cached_property
    def _of_reference(self) -> Callable[[Values], Floats]:
        """Function that compares presets with the reference sound."""
        return self.beginning(len(self.reference.sound)) if len(self.sounds) > 1 else self.objective

    def render(
        self, preset: Preset, target: Target, n_samples: int | None = None, hold: float | None = None
    ) -> Audio:
        """Play a preset as a target was played, or for another time."""
        return self.renderer.render(
            preset,
            target.note,
            target.velocity,
            hold=target.hold if hold is None else hold,
            n_samples=len(target.sound) if n_samples is None else n_samples,
        )

    def beginning(self, n_samples: int) -> Callable[[Values], Floats]:
        """Return a function that compares presets with the start of the reference sound."""
        part = self.reference.sound[:n_samples]
        note, hold = (self.reference.note, self.reference.velocity), self.reference.hold
        return self._objective([part], [note], [hold])

    def delayed(self, samples: int) -> "Comparison":
        """Return the comparison with all sounds delayed, which may be by less than nothing."""
        if not samples:
            return self
        seconds = samples / SAMPLE_RATE
        moved = [
            replace(s, sound=delayed(s.sound, samples), hold=max(s.hold + seconds, LEAST_HOLD))
            for s in self.sounds
        ]
        return Comparison(moved, self.renderer, self.threads, self.locks)

    def distances(self, values: Values) -> Floats:
        """Return the exact distances (N,) of presets (N, 145); each sound is measured once."""
        exact = partial(
            score,
            targets=self._features,
            notes=self.notes,
            holds=self.holds,
            renderer=self.renderer,
            free_db=self.free_db,
            threads=self.threads,
        )
        return each_once(self._known, values, exact, self.objective.sound_key)

    def renders(self, preset: Preset) -> list[Audio]:
        return [self.render(preset, sound) for sound in self.sounds]

    def measures(self, preset: Preset) -> dict[str, float]:
        found = self.renders(preset)
        gain = gain_db(self.targets, found)
        heard = [SoundFeatures(amplified(sound, gain)) for sound in found]
        return {
            name: float(np.mean([measure(t, f) for t, f in zip(self._features, heard, strict=True)]))
            for name, measure in MEASURES.items()
        }

    def stage(self, name: str, tried: int, values: Values) -> Stage:
        preset = Preset(values)
        distance = float(self.distances(values[None])[0])
        return Stage(name, tried * len(self.notes), distance, self.measures(preset), preset)

    @cached_property
    def _loudest(self) -> slice:
        return pitch.loudest_part(self.reference.sound, _PITCH_SAMPLES)

    def _estimated(self, sound: Audio) -> Pitch:
        """Estimate the pitch where the reference sound is loudest, in a sixth of the time."""
        return pitch.estimate(sound[self._loudest], around=self.reference.pitch.f0, hop=_PITCH_HOP)

    @cached_property
    def _wanted(self) -> Pitch:
        """Pitch of the reference sound, where it is loudest if that differs by less than a semitone."""
        whole = self.reference.pitch
        if not np.isfinite(whole.f0):
            return whole
        loudest = self._estimated(self.reference.sound)
        return loudest if abs(loudest.midi - whole.midi) < 1 else whole

    def tuned(self, preset: Preset, distance: float) -> tuple[Tuning, float]:
        """Tune a preset to the reference sound, unless that increases its mean distance from all sounds."""
        note = self.reference.note, self.reference.velocity
        found = tune(
            preset,
            self.reference.sound,
            *note,
            hold=self.reference.hold,
            wanted=self._wanted,
            locked=self.locks.columns,
            renderer=self.renderer,
            estimator=self._estimated,
            rank=self._of_reference,
        )
        after = float(self.distances(found.preset.values[None])[0]) if found.tuned else distance
        if after <= distance:
            return replace(found, distance_before=distance, distance_after=after), after
        why = "tuning would increase the distance from the sound" + "s" * (len(self.sounds) > 1)
        found = replace(found, preset=preset, verdict="kept", why=why, after_cents=found.before_cents)
        return replace(found, distance_before=distance, distance_after=distance), distance

    def leveled(self, preset: Preset, distance: float) -> tuple[Preset, float]:
        """Bring a preset to the sounds' level, unless that increases its distance from them."""
        found = at_level(preset, self.targets, self.renders(preset), self.objective)
        after = float(self.distances(found.values[None])[0])
        free = np.array_equal(self.locks.apply(found.values[None])[0], found.values)
        return (found, after) if free and after <= distance + SAME else (preset, distance)

    def play(self, preset: Preset, target: Target, n_samples: int, hold: float) -> Audio:
        return self.render(preset, target, n_samples, hold)

    def allowed_distances(self, values: Values, measure: Callable[[Values], Floats] | None = None) -> Floats:
        """Return the distances of presets (N, 145) that obey the locks, else `inf`; by default exact ones."""
        allowed = (self.locks.apply(values) == values).all(1)
        return np.where(allowed, (measure or self.distances)(values), np.inf)

    def completed(self, preset: Preset, refined: Preset | None = None) -> Preset:
        """Let a preset follow the key, end after it and, if sustained, go on; see `key_behavior.mended`."""
        target, rate = self.reference, self.release_rate
        return mended(preset, target, self.play, self.allowed_distances, rate, refined)

    def responsive(self, preset: Preset) -> Preset:
        """Let a preset answer to velocity as is usual for the sound, if its velocities do not tell."""
        if self.usual is None:
            return preset
        rank = partial(self.allowed_distances, measure=self._of_reference)
        return with_sensitivities(preset, self.usual, self.reference.velocity, rank)

    def ranked(
        self,
        tried: SearchHistory,
        keep: int,
        ends: Mapping[str, int],
        name: str,
        *,
        recognized: Values | None = None,
        start: Preset | None = None,
        plausibility: Plausibility | None = None,
    ) -> list[Candidate]:
        """Return different presets, tuned, best first; a recognized one is the first of all.

        Args:
            tried: Presets that were tried.
            keep: Largest number of presets to return.
            ends: Number of presets tried up to the end of each stage, by its name.
            name: Name of the presets, which are numbered.
            recognized: Preset that probably made the sound, uint8 (145,); `None` if it is not known.
            start: Preset that was refined; its answers may have more in common.
            plausibility: Function that decides among equally close presets; `None` if distances alone do.
        """
        self.release_rate = plausible_release(
            tried.values[: max(n for s, n in ends.items() if s != "search")]
        )
        order = np.argsort(tried.distances, kind="stable")
        chosen = partial(chosen_presets, n=keep, twins=TWINS if start is None else _REFINED_TWINS)
        leaders = order[chosen(tried.values[order], tried.distances[order])]
        # the search's measure is an approximation, so the first ones are ranked again by the exact distance
        first = np.unique(np.concatenate([order[:_RANKED], leaders]))
        distances = self.distances(tried.values[first])
        other = np.ones(len(first), bool)
        if recognized is not None:
            other = (tried.values[first] != recognized).any(1) | (distances > _made_by(distances.min()))
        again = np.lexsort([distances, other])
        first, distances = first[again], distances[again]
        exact, known = int(not other.all()), dict[bytes, float]()
        if exact:  # it is chosen before its rivals
            known[tried.values[first[0]].tobytes()] = np.inf
        likely = None if plausibility is None else partial(each_once, known, measure=plausibility)
        found = []
        for i in chosen(tried.values[first], distances, plausibility=likely):
            source = next(stage for stage, end in ends.items() if first[i] < end)
            found.append(self._candidate(tried.values[first[i]], source, start, exact=not other[again[i]]))
        found[exact:] = sorted(found[exact:], key=lambda candidate: (candidate.rings, candidate.distance))
        return [
            replace(candidate, preset=Preset(candidate.preset.values, numbered(name, number)))
            for number, candidate in enumerate(found, 1)
        ]

    def _candidate(self, values: Values, source: str, start: Preset | None, *, exact: bool) -> Candidate:
        """Tune a preset, bring it to the sounds' level, and measure it; an `exact` one stays as it is."""
        preset, distance = Preset(values), float(self.distances(values[None])[0])
        tuning, distance = self.tuned(preset, distance)
        if exact:
            tuning, found = replace(tuning, preset=preset, verdict="kept", why="it is a known preset"), preset
        else:
            found = self.completed(tuning.preset, start)
            found, _ = self.leveled(found, float(self.distances(found.values[None])[0]))
            found = self.responsive(found)
            distance = float(self.distances(found.values[None])[0])
        key = measured(self.play, found, self.reference)
        return Candidate(
            found,
            source,
            distance,
            self.measures(found),
            tuning,
            family(found["ALGORITHM"] + 1),
            None if start is None else int((found.values != start.values).sum()),
            key.release_db,
            key.held_db,
            key.release_db > -FALL_DB and not may_ring(self.reference),
        )


def _made_by(least: float) -> float:
    """Return the distance up to which a recognized preset comes before one at the least distance."""
    return 1.25 * least + 0.02  # a search also fits the traces of resampling, of noise and of a short fade


def chosen_presets(
    values: Values,
    distances: Floats,
    n: int,
    *,
    twins: float = TWINS,
    plausibility: Plausibility | None = None,
) -> list[int]:
    """Choose presets that differ from each other in their values, and in the family of their algorithms.

    At most two in eight are of one family (`presets.algorithm_families`), unless no other comes within twice
    the least distance. Of presets that are as close as the next one, within 3%, the most plausible is taken.

    Args:
        values: Presets, uint8 (N, 145), best first.
        distances: Their distances from the sound, (N,).
        n: Largest number of presets to choose.
        twins: Share of equal values from which two presets count as one.
        plausibility: Function that decides among equally close presets; by default, distances alone do.

    Returns:
        Indices of at most `n` presets; those within twice the least distance come first.
    """
    near = distances <= _NEAR * distances.min()
    most = max(_OF_FAMILY, n // _OF_FAMILY // 2)
    families = [family(int(a) + 1) for a in values[:, _ALGORITHM]]
    chosen: list[int] = []

    def fits(i: int, bounded: bool) -> bool:
        if bounded and sum(families[j] == families[i] for j in chosen) >= most:
            return False
        return not chosen or float((values[chosen] == values[i]).mean(1).max()) < twins

    for bounded in (True, False):
        places = np.flatnonzero(near | (not bounded)).tolist()
        for i in places:
            while len(chosen) < n and fits(i, bounded):
                best = i
                if plausibility is not None:
                    close = distances <= _EQUAL * distances[i]
                    rivals = [j for j in places if j >= i and close[j] and fits(j, bounded)]
                    if len(rivals) > 1:  # a preset without rivals need not be rated
                        best = rivals[int(plausibility(values[rivals]).argmax())]
                chosen.append(best)
    return chosen
