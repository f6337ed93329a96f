"""What the paper's published examples say about the two eras of the engine.

The authors' recordings are not here, but three things are known of them: a build of Dexed 0.9.3 reproduces
the originals with a correlation of at least `RECORDED` (and the engine gives the same samples as that build);
the page labels nine of them; and the authors' own answers were measured against them (`published.csv`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from latentdx.applications.programmer import load_model
from latentdx.audio.engine.synth import Engine, Era
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset.labels import ATTACK_FRAMES, AUTHORS_FRAMES, LABEL_NOTE, label_names
from latentdx.dataset.paper_examples import EXAMPLES
from latentdx.evaluation import listening_examples, published
from latentdx.evaluation.published import METRICS
from latentdx.presets.bank import PresetBank
from latentdx.typing import Audio

RECORDED = 0.985
"""Least correlation of the authors' recordings of their originals with renders of Dexed 0.9.3."""

ERAS: tuple[Era, Era] = ("0.9.3", "current")

VERSIONS: Mapping[str, str] = MappingProxyType(
    {"num": "Num only", "numcat": "NumCat", "numcat++": "NumCat++"}
)
"""Name of each of our models that the authors published, too -> their name of it."""


def correlation(a: Audio, b: Audio) -> float:
    """Return the correlation of two sounds without a shift: 1 for equal ones, whatever their levels.

    >>> round(correlation(np.ones(4, np.float32), np.array([1, 1, 1, 0], np.float32)), 3)
    0.866
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    norms = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norms if norms else 0.0


def highest_correlation(between: float, recorded: float = RECORDED) -> float:
    """Return the highest correlation with a recording that a sound can have.

    Correlations are cosines of angles, and angles obey the triangle inequality.

    Args:
        between: Correlation of the sound with another one.
        recorded: Least correlation of that other one with the recording.

    >>> round(highest_correlation(0.5), 2)
    0.64
    """
    return float(np.cos(max(0.0, np.arccos(np.clip(between, -1, 1)) - np.arccos(recorded))))


def original_changes(bank: PresetBank) -> list[dict[str, Any]]:
    """Compare the two eras on the originals of the paper's page.

    Args:
        bank: The corpus of the paper's examples, with neutral transposition.

    Returns:
        For each example: uid, name, page_label; "correlation" of the two eras; "highest", the highest
        correlation of today's sound with the authors' recording; `METRICS` of today's sound against that of
        0.9.3, coded as on the page; and "labels" by era, as the authors' code and as ours measures them.
    """
    found = []
    for e in EXAMPLES:
        old, new = (Engine(era=era).render(bank[e.index], *SINGLE_NOTE[0]) for era in ERAS)
        between = correlation(old, new)
        labels = {}
        for era in ERAS:
            sound = Engine(era=era).render(bank[e.index], *LABEL_NOTE)
            windows = {"authors": AUTHORS_FRAMES, "ours": ATTACK_FRAMES}
            labels[era] = {name: label_names(sound, frames) for name, frames in windows.items()}
        figures = published.compare_as_published(old, new, e.uid)
        found.append(
            {"uid": e.uid, "name": e.name, "page_label": e.page_label}
            | {"correlation": _rounded(between), "highest": _rounded(highest_correlation(between))}
            | {name: _rounded(value) for name, value in figures.items()}
            | {"labels": labels}
        )
    return found


def figures_by_era() -> list[dict[str, Any]]:
    """Measure our models' answers to the published examples in both eras, beside the authors' figures.

    Original and answer are rendered in the same era, and coded and leveled as the authors' are.

    Returns:
        For each of `VERSIONS`, metric and era: "authors" and "ours", means over the eight examples, and
        "difference", the mean absolute difference over the single examples.
    """
    authors = published.published("programming").query("level == 'peak'").set_index(["version", "uid"])
    found = []
    for name, version in VERSIONS.items():
        presets = listening_examples.program_examples(load_model(name))
        theirs = authors.loc[version]
        for era in ERAS:
            sounds = published.render(presets, renderer=Engine(era=era))
            table = published.measure(sounds, paper_era=era != "current")
            ours = table.query("coding == 'as published' and level == 'peak'").set_index("uid")
            for metric in METRICS:
                gap = (ours[metric] - theirs[metric].reindex(ours.index)).abs()
                found.append(
                    {"version": version, "metric": metric, "era": era}
                    | {"authors": _rounded(theirs[metric].mean()), "ours": _rounded(ours[metric].mean())}
                    | {"difference": _rounded(gap.mean())}
                )
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
