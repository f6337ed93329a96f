"""Data of the chapter "Results", and the formatting of its numbers.

Everything comes from the files that `latentdx evaluate` writes. A notice appears where results are missing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

from latentdx.display.html import HTML
from latentdx.errors import LatentDXError
from latentdx.evaluation import statistics, summary
from latentdx.evaluation.anchors import ANCHORS
from latentdx.evaluation.results import Result, read_all
from latentdx.metrics.registry import Metric
from latentdx.registry import data_path
from latentdx.training.profile import model_names
from latentdx_book.chapters.trained_models import notice

# metrics of a table: distances of sounds, and errors of parameters
SOUND = ("log_stft_mae", "spectral_convergence", "mfcc13_mae", "mfcc40_mae", "log_mel_mae", "f0_error")
PARAMETERS = (
    "numerical_mae",
    "categorical_accuracy",
    "dynamic_numerical_mae",
    "dynamic_categorical_accuracy",
    "live_numerical_mae",
    "live_categorical_accuracy",
    "live_accuracy",
)
LEADING = "mfcc13_mae"
"""Metric of breakdowns and figures."""


class NotMeasuredError(LatentDXError):
    """Error for results that are missing; its message names the command that makes them, in backticks."""


def shown(section: Callable[..., HTML]) -> Callable[..., HTML]:
    """Decorate a section so that it shows a notice, instead of failing, where its results are missing."""

    @wraps(section)
    def section_or_notice(*arguments: Any, **named: Any) -> HTML:
        try:
            return section(*arguments, **named)
        except NotMeasuredError as absent:
            parts = str(absent).split("`")
            code = Markup("<code>{}</code>")
            text = Markup("").join(code.format(part) if i % 2 else part for i, part in enumerate(parts))
            return notice("Not measured yet", text)

    return section_or_notice


def base_name(result: Result) -> str:
    """Return a result's name without the "-on-<n>" of a part of the test set."""
    return result.provenance.name.split("-on-")[0]


def _order(result: Result) -> tuple[int, int, bool, str]:
    """Return a result's sort key: references, models as in their profiles, anchors from best to worst."""
    p = result.provenance
    if p.kind in ("model", "search"):
        base = base_name(result).split("-best-of-")[0]
        names = model_names("laptop")
        return 1, names.index(base) if base in names else len(names), p.kind == "search", p.name
    name = base_name(result)
    anchors = list(ANCHORS)
    return (
        (0 if p.kind == "reference" else 2),
        anchors.index(name) if name in anchors else len(anchors),
        False,
        name,
    )


@dataclass(frozen=True)
class ResultData:
    """Results in a folder.

    Attributes:
        folder: Folder of the results.
        results: Results in the order of the tables.
        summary: Contents of the folder's summary; empty where there is none.
    """

    folder: Path
    results: tuple[Result, ...]
    summary: Mapping[str, Any]

    @classmethod
    def read(cls, folder: str | Path = "") -> "ResultData":
        """Read a folder, default `data/results`."""
        place = Path(folder) if folder else data_path("results")
        written = (place / summary.FILE).exists()
        return cls(place, tuple(sorted(read_all(place), key=_order)), summary.read(place) if written else {})

    def select(
        self, *, split: str = "twin-disjoint", notes: int = 1, selection: str | None = ""
    ) -> list[Result]:
        """Return the results on the test set of a split.

        Args:
            split: Name of the split.
            notes: 1 for results at a single note; a higher number for results at several notes.
            selection: Part of the test set; "" is the whole set, and `None` accepts any.

        Raises:
            NotMeasuredError: There is no such result.
        """
        found = [
            r
            for r in self.results
            if (r.provenance.split, r.provenance.subset) == (split, "test")
            and (len(r.provenance.notes) > 1) == (notes > 1)
            and selection in (None, r.provenance.selection)
        ]
        if not found:
            raise NotMeasuredError(
                f"There is no result on the {split} split. `latentdx evaluate` evaluates the models."
            )
        return found

    def get(self, name: str, **where: Any) -> Result:
        """Return a result by its name, ignoring the "-on-<n>" of a part of the test set.

        Args:
            name: Name of the result.
            **where: Arguments of `select`.

        Raises:
            NotMeasuredError: There is no such result.
        """
        for result in self.select(**where):
            if base_name(result) == name:
                return result
        kind = "anchors" if name in ANCHORS else "match" if name.startswith("match-") else f"model {name}"
        raise NotMeasuredError(f"There is no result of {name}. `latentdx evaluate {kind}` makes it.")

    def best(self, results: Sequence[Result], metric: str, selection: str = "") -> str | None:
        """Return the name of the result that beats all others by paired tests; `None` if none does.

        The tests are those of the summary.

        Args:
            results: Results to compare.
            metric: Metric to compare them by.
            selection: Part of the test set; "" is the whole set.
        """
        names = {r.provenance.name for r in results if r.provenance.kind != "reference"}
        first = results[0].provenance
        for comparison in self.summary.get("comparisons", ()):
            alike = all(comparison[key] == getattr(first, key) for key in ("split", "notes", "subset"))
            if alike and comparison["selection"] == selection and names <= set(comparison["members"]):
                return comparison["metrics"].get(metric, {}).get("best")
        return None


def per_preset(result: Result, metric: str, note: Sequence[int] | None = None) -> pd.Series:
    """Return row -> value of a metric, averaged over notes, or at one (MIDI note, velocity)."""
    table = result.table
    if note is not None:
        table = table[(table["note"] == note[0]) & (table["velocity"] == note[1])]
    return table.groupby("row")[metric].mean()


# -- cells ---------------------------------------------------------------------------------------------------


def number(value: float | None, metric: Metric) -> str:
    """Format a value with the metric's decimals, a share as a percentage, and a missing value as a dash."""
    if value is None or not np.isfinite(value):
        return "–"
    if metric.unit == "share":
        return f"{100 * value:.{max(metric.decimals - 3, 1)}f}%"
    return f"{value:,.{metric.decimals}f}".replace("-", "−")


def interval(estimate: Sequence[float | None], metric: Metric, *, bold: bool = False) -> Markup:
    """Format (value, low, high) as a value with its interval below it, the value in bold if asked."""
    value, low, high = (number(x, metric) for x in estimate)
    shown_ = Markup("<strong>{}</strong>").format(value) if bold else value
    if value == "–":
        return Markup("–")
    return Markup('{}<br><span class="ldx-interval">{} – {}</span>').format(
        shown_, low.removesuffix("%"), high.removesuffix("%")
    )


def estimate(values: npt.ArrayLike, statistic: str = "median") -> tuple[float, float, float]:
    """Return a median or mean with its bootstrap interval: value, low, high."""
    e = statistics.bootstrap(values, statistic)  # type: ignore[arg-type]
    return e.value, e.low, e.high


def p_text(p: float) -> str:
    """Format a p-value with three decimals, or as below 0.001."""
    return "–" if not np.isfinite(p) else "<\u00a00.001" if p < 0.001 else f"{p:.3f}"


def heading(metric: Metric) -> str:
    """Return the heading of a metric's column: its title, its unit, and an arrow toward better values."""
    unit = f", {metric.unit}" if metric.unit and metric.unit != "share" else ""
    return f"{metric.title}{unit} {'↓' if metric.better == 'lower' else '↑'}"
