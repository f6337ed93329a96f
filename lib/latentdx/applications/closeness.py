"""How close an answer comes, in words, and in comparison with our own test results.

The words come from committed measurements (`data/results/closeness.json`, which
`latentdx.evaluation.closeness_table` makes on validation presets). An answer is *almost the same* if it is as
close as a preset usually stays to itself when one parameter moves by one step (the median), *close* if it is
as close as most presets stay to themselves when one parameter moves by a quarter of its range (the upper
quartile), *a relative* if it is closer than the closest known preset usually is (the median), and else *far*.
The percentile says which share of our matches of test presets, with a similar number of renders, was further
from its target.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import numpy as np

from latentdx.errors import DataMissingError
from latentdx.metrics.objective import WEIGHTS
from latentdx.registry import data_path

Word = Literal["almost the same", "close", "a relative", "far"]

WORDS: tuple[Word, ...] = get_args(Word)
"""The words, from the closest on."""

FILE = "closeness.json"

METRICS = {"log_stft": "log_stft_mae", "convergence": "spectral_convergence", "mfcc13": "mfcc13_mae"}
"""Measures of a match that the distance consists of, with the names of their metrics in the registry."""


@dataclass(frozen=True)
class Closeness:
    """How close an answer comes to its sound.

    Attributes:
        word: "almost the same", "close", "a relative" or "far".
        percentile: Percentage of our own test results that were further from their targets, 0 … 100.
        tests: Number of these test results.
        renders: Number of renders of each of them.
    """

    word: Word
    percentile: int
    tests: int
    renders: int

    def __str__(self) -> str:
        """Return a phrase: "close, closer than the answers in 63% of our 200 tests with 2,000 renders"."""
        if self.percentile <= 0:
            place = f"further than the answers in all of our {self.tests} tests"
        elif self.percentile >= 100:
            place = f"closer than the answers in all of our {self.tests} tests"
        else:
            place = f"closer than the answers in {self.percentile}% of our {self.tests} tests"
        return f"{self.word}, {place} with {self.renders:,} renders"


def closeness(measures: Mapping[str, float], renders: int) -> Closeness:
    """Say how close an answer comes to its sound.

    Args:
        measures: Its measures by name, see `match_result.MEASURES`.
        renders: Number of renders of the match; compared with the tests of the most similar number.

    Raises:
        DataMissingError: The measurements are missing from this installation.
    """
    table = _table()
    mix = mixed(measures)
    word: Word = next((word for word in WORDS[:-1] if mix <= table["words"][word]["most"]), "far")
    tests = min(table["tests"], key=lambda t: abs(math.log(t["renders"] / max(renders, 1))))
    quantiles = np.array(tests["quantiles"])  # of the shares 0, 1 … 100 %
    further = 100.0 - float(np.searchsorted(quantiles, mix, "right") * 100 / len(quantiles))
    return Closeness(word, round(further), tests["n"], tests["renders"])


def mixed(measures: Mapping[str, float]) -> float:
    """Return the distance that the words and tests are about: the weighted sum of three measures.

    Args:
        measures: Measures by name, at equal loudness; `nan` counts as 0.
    """
    found = {metric: measures[name] for name, metric in METRICS.items()}
    return sum(weight * found[name] for name, weight in WEIGHTS.items() if math.isfinite(found[name]))


@cache
def _table() -> dict[str, Any]:
    path = data_path("results", FILE)
    if not path.is_file():
        raise DataMissingError(
            f"{path} is missing: make it by `python -m latentdx.evaluation.closeness_table`"
        )
    return json.loads(path.read_text("utf-8"))
