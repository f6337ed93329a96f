"""The first stage of a match: known presets played as the sound was, and the very one if it is among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latentdx.applications.candidate_choice import Comparison
from latentdx.applications.locks import Locks
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_VALUES
from latentdx.retrieval.known_presets import KnownPresets
from latentdx.retrieval.recognition import LENGTH, RENDERS, likeness
from latentdx.typing import Values

MOST_RENDERED = 1_000
"""Largest corpus of which all presets are rendered; of larger ones an index gives the nearest."""

_LIKELY = 4  # presets of the best correlation that are rendered as a whole
_SURE = 0.9  # correlation from which the onset of a preset's render is taken for that of the sound
_CLOSER = 0.9  # share to which a distance must fall for a delay, or for a preset of less correlation
_SHARE = 4  # all of this stage counts as at most a quarter of the budget


@dataclass(frozen=True, eq=False)
class KnownStage:
    """Result of the first stage.

    Attributes:
        comparison: The comparison; where a preset was recognized that starts softly, its sounds are delayed
            by what had been removed before their onset.
        values: Best of the known presets, closest first, uint8 (n, 145).
        spent: Number of renders that comparing the others counts for.
        recognized: The preset that probably made the sound, uint8 (145,), if it is among them.
    """

    comparison: Comparison
    values: Values
    spent: int = 0
    recognized: Values | None = None


def rendered_whole(known: Sequence[KnownPresets], banks: Sequence[PresetBank]) -> Values:
    """Return the presets that are all rendered, uint8 (N, 145): of small corpora and of given banks."""
    small = [corpus for corpus in known if len(corpus.bank) <= MOST_RENDERED]
    values = [corpus.bank.values for corpus in small] + [bank.values for bank in banks]
    return np.unique(np.concatenate(values), axis=0) if values else np.zeros((0, N_VALUES), np.uint8)


def compare_known(comparison: Comparison, values: Values, most: int, n: int, locks: Locks) -> KnownStage:
    """Play known presets as the sounds were played, and find the closest ones.

    The presets are compared with the `reference` sound by their first 0.74 s: by their spectra, which find
    similar ones, and by their waveforms (`retrieval.recognition`), which find the very preset.

    Args:
        comparison: Sounds to compare with.
        values: Known presets, uint8 (N, 145).
        most: Number of renders that a match may take in all, at each note.
        n: Largest number of presets to return.
        locks: Locked parameters. Presets change by them before they are compared.
    """
    room = min(n, most // _SHARE // 2)
    if not len(values) or room < 1:
        return KnownStage(comparison, np.zeros((0, N_VALUES), np.uint8))
    values = np.unique(locks.apply(values), axis=0)
    spent = min(int(np.ceil(len(values) * RENDERS)), most // _SHARE - room)
    target = comparison.reference
    part = comparison.beginning(LENGTH)
    heard = likeness(target.sound, (comparison.render(Preset(v), target, LENGTH) for v in values))
    correlations = np.array([found.correlation for found in heard])
    likely = np.argsort(-correlations, kind="stable")[:_LIKELY]
    similar = np.argsort(part(values), kind="stable")
    best = int(likely[0])
    recognized = None
    if correlations[best] >= _SURE:
        moved = comparison.delayed(heard[best].delay)
        likely = likely[correlations[likely] >= _SURE]
        distances = moved.objective(values[likely])
        clearly = distances.min() < _CLOSER * distances[0]
        recognized = values[likely[distances.argmin() if clearly else 0]]
        if distances.min() <= _CLOSER * comparison.objective(values[likely]).min():
            comparison = moved
    chosen = list(dict.fromkeys([*likely.tolist(), *similar.tolist()]))[:room]
    ordered = np.array(chosen)[np.argsort(comparison.objective(values[chosen]), kind="stable")]
    return KnownStage(comparison, values[ordered], spent, recognized)
