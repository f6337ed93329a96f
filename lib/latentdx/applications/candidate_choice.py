"""Comparison of presets with the sounds of one match, and the choice of its answers.

The presets chosen differ from each other: near duplicates are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from latentdx.applications.evolutionary_search import SearchHistory
from latentdx.applications.match_result import MEASURES, Candidate, Stage
from latentdx.applications.output_level import SAME, with_gain
from latentdx.applications.preset_names import numbered
from latentdx.applications.sound_inputs import reference
from latentdx.applications.target import Target
from latentdx.applications.tune import Tuning, tune
from latentdx.audio.renderer import Renderer
from latentdx.metrics.gain import amplified, gain_db
from latentdx.metrics.objective import FastObjective, score
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.typing import Audio, Values

TWINS = 0.8
"""Share of equal parameter values from which two presets count as one, as relatives do in the evaluation."""

_RANKED = 48  # presets whose exact distance is measured, not only that of the search


class Comparison:
    """Target sounds of one match, and how to compare presets with them."""

    def __init__(self, sounds: Sequence[Target], renderer: Renderer, threads: int | None) -> None:
        self.sounds, self.renderer, self.threads = sounds, renderer, threads
        self.notes = [(s.note, s.velocity) for s in sounds]
        self.targets, self.holds = [s.sound for s in sounds], [s.hold for s in sounds]
        self.objective = FastObjective(
            self.targets, self.notes, holds=self.holds, renderer=renderer, threads=threads
        )
        self.reference = reference(sounds)

    @cached_property
    def _features(self) -> list[SoundFeatures]:
        return [SoundFeatures(target) for target in self.targets]

    def distances(self, values: Values) -> npt.NDArray[np.float64]:
        return score(
            values,
            self.targets,
            self.notes,
            holds=self.holds,
            renderer=self.renderer,
            threads=self.threads,
        )

    def renders(self, preset: Preset) -> list[Audio]:
        return [
            self.renderer.render(preset, s.note, s.velocity, hold=s.hold, n_samples=len(s.sound))
            for s in self.sounds
        ]

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

    def tuned(self, preset: Preset, distance: float) -> tuple[Tuning, float]:
        """Tune a preset to the reference sound, unless that increases its mean distance from all sounds."""
        note = self.reference.note, self.reference.velocity
        found = tune(
            preset,
            self.reference.sound,
            *note,
            hold=self.reference.hold,
            wanted=self.reference.pitch,
            renderer=self.renderer,
        )
        after = float(self.distances(found.preset.values[None])[0]) if found.tuned else distance
        if after <= distance:
            return found, after
        why = "tuning would increase the distance from the sounds at other notes"
        return replace(
            found, preset=preset, verdict="kept", why=why, after_cents=found.before_cents
        ), distance

    def leveled(self, preset: Preset, distance: float) -> tuple[Preset, float]:
        """Bring a preset to the sounds' level, unless that increases its distance from them."""
        found = with_gain(preset, gain_db(self.targets, self.renders(preset)), self.objective)
        after = float(self.distances(found.values[None])[0])
        return (found, after) if after <= distance + SAME else (preset, distance)

    def ranked(self, tried: SearchHistory, keep: int, ends: Mapping[str, int], name: str) -> list[Candidate]:
        """Return different presets, tuned and at the sounds' level, best first."""
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
            preset, distance = self.leveled(tuning.preset, distance)
            source = next(stage for stage, end in ends.items() if first[i] < end)
            found.append(Candidate(preset, source, distance, self.measures(preset), tuning))
        found.sort(key=lambda candidate: candidate.distance)
        return [
            replace(candidate, preset=Preset(candidate.preset.values, numbered(name, number)))
            for number, candidate in enumerate(found, 1)
        ]


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
