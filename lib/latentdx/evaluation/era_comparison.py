"""How far today's Dexed moves the sounds of a corpus from Dexed 0.9.3, which made the paper's sounds.

Only numbers over a whole corpus are kept, no preset and nothing about a single one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentdx.audio.engine.eras import DIFFERENCES, differences
from latentdx.audio.engine.synth import Engine
from latentdx.metrics.objective import distance_as_is
from latentdx.metrics.registry import mfcc_mae
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import column
from latentdx.typing import Audio

PERCENTILES = (5, 25, 50, 75, 95, 99)

BINS: Mapping[str, Sequence[float]] = {
    "difference_db": [*range(-120, 11, 5), float("inf")],
    "mfcc13_mae": [*np.arange(0, 20.5, 0.5).tolist(), float("inf")],
    "objective": [*np.arange(0, 2.05, 0.05).tolist(), float("inf")],
}
"""Edges of the histograms of each measure; what lies below the first edge counts in the first bin."""

COMPANY: Mapping[str, tuple[str, ...]] = {"tremolo": ("speed",)}
"""Difference -> others that concern every voice that it concerns."""

FEATURES: Mapping[str, Mapping[str, int]] = {
    "feedback": {"FEEDBACK": 0},
    "oscillator key sync": {"OSC KEY SYNC": 0},
    "LFO key sync": {"LFO KEY SYNC": 0},
    "LFO on the pitch": {"LFO PM DEPTH": 0, "P MODE SENS.": 0},
    "LFO on levels": {"LFO AM DEPTH": 0},
    "pitch envelope": {f"PITCH EG LEVEL {k}": 50 for k in range(1, 5)},
    "a fixed operator": {f"OP{k} MODE": 0 for k in range(1, 7)},
}
"""Name of a feature -> parameters and their neutral values. A preset has the LFO on the pitch if both values
differ from the neutral ones, and another feature if any does."""


@dataclass(frozen=True)
class EraChange:
    """What the two eras make of one preset.

    Attributes:
        concerns: Names of the differences that concern it, see `eras.DIFFERENCES`.
        silent: Whether today's sound is silent.
        differs: Whether any sample differs.
        difference_db: RMS of the difference of the two sounds re the RMS of the old one, in dB: 0 dB is as
            much as the sound itself; -inf for equal sounds.
        mfcc13_mae: Metric of the new sound against the old one.
        objective: `metrics.objective.distance_as_is` of the new sound from the old one.
    """

    concerns: tuple[str, ...]
    silent: bool
    differs: bool
    difference_db: float
    mfcc13_mae: float
    objective: float


def change(preset: Preset, note: int = 60, velocity: int = 85) -> EraChange:
    """Render a preset in both eras and compare the sounds.

    Args:
        preset: Preset to play.
        note: MIDI note, 0 … 127.
        velocity: MIDI velocity, 1 … 127.
    """
    old, new = (Engine(era=era).render(preset, note, velocity) for era in ("0.9.3", "current"))
    concerns = differences(preset, note, velocity)
    if np.array_equal(old, new):
        return EraChange(concerns, SoundFeatures(new).silent, False, float("-inf"), 0.0, 0.0)
    a, b = SoundFeatures(old), SoundFeatures(new)
    return EraChange(
        concerns, b.silent, True, difference_db(old, new), mfcc_mae(a, b, 13), distance_as_is(a, b)
    )


def difference_db(old: Audio, new: Audio) -> float:
    """Return the RMS of the difference of two sounds, re the RMS of the first, in dB.

    >>> round(difference_db(np.ones(9, np.float32), np.full(9, 1.1, np.float32)))
    -20
    """
    rms = [float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (new - old, old)]
    return float(20 * np.log10(rms[0] / rms[1])) if all(rms) else float("-inf" if rms[1] else "inf")


def summarize(changes: Iterable[EraChange]) -> dict[str, Any]:
    """Sum up the changes of many presets as numbers for JSON.

    Returns:
        Numbers of voices, of audible ones, and of audible ones that differ; percentiles (over all audible
        voices, equal ones included) and histograms (over those that differ) of each measure; and for each
        difference the voices that it concerns, how many of them differ, and the same for those that it
        concerns alone, besides "base", which concerns nearly all, and what always comes with it.
    """
    found = list(changes)
    audible = [c for c in found if not c.silent]
    moved = [c for c in audible if c.differs]

    def alone(name: str) -> list[EraChange]:
        company = {name, "base", *COMPANY.get(name, ())}
        return [c for c in audible if name in c.concerns and company.issuperset(c.concerns)]

    return {
        "voices": len(found),
        "audible": len(audible),
        "silent_and_different": sum(c.silent and c.differs for c in found),
        "different": len(moved),
        "percentiles": {
            name: dict(
                zip(map(str, PERCENTILES), _percentiles([getattr(c, name) for c in audible]), strict=True)
            )
            for name in BINS
        },
        "histograms": {
            name: {
                "edges": [x for x in edges if np.isfinite(x)],
                "voices": _histogram([getattr(c, name) for c in moved], edges),
            }
            for name, edges in BINS.items()
        },
        "unconcerned": _count([c for c in audible if not c.concerns]),
        "concerned": {
            name: _count([c for c in audible if name in c.concerns]) | {"alone": _count(alone(name))}
            for name in DIFFERENCES
        },
    }


def by_feature(bank: PresetBank, changes: Sequence[EraChange]) -> dict[str, dict[str, dict[str, Any]]]:
    """Compare the audible presets that have a feature with those that do not.

    Args:
        bank: Presets.
        changes: Change of each.

    Returns:
        Name of each of `FEATURES` -> "with" and "without" -> numbers as in `summarize`.
    """
    audible = np.array([not c.silent for c in changes], bool)
    found = {}
    for name, neutral in FEATURES.items():
        moved = np.stack([bank.values[:, column(p)] != value for p, value in neutral.items()])
        has = moved.all(0) if name == "LFO on the pitch" else moved.any(0)
        groups = {"with": has & audible, "without": ~has & audible}
        found[name] = {
            side: _count([c for c, chosen in zip(changes, mask, strict=True) if chosen])
            for side, mask in groups.items()
        }
    return found


def _count(group: Sequence[EraChange]) -> dict[str, Any]:
    middle = float(np.median([c.mfcc13_mae for c in group])) if group else None
    return {"voices": len(group), "differ": sum(c.differs for c in group), "median_mfcc13_mae": middle}


def _percentiles(values: Sequence[float]) -> list[float | None]:
    found = np.percentile(values, PERCENTILES, method="lower") if values else [np.nan] * len(PERCENTILES)
    return [float(f"{x:.4g}") if np.isfinite(x) else None for x in found]


def _histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    inside = np.maximum(np.asarray(values, np.float64), edges[0])
    return np.histogram(inside, edges)[0].tolist()
