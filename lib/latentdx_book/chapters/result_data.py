"""What the chapter "Results" reads, and how it writes figures down.

Everything comes from the files that `latentdx evaluate` left; what is not there is said to be missing.
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
"""The metric of break-downs and figures."""


class NotMeasuredError(LatentDXError):
    """A section's results are not there; the message says what makes them, with commands in backticks."""


def shown(section: Callable[..., HTML]) -> Callable[..., HTML]:
    """A section that, without its results, is a visible note instead of an error."""

    @wraps(section)
    def instead(*arguments: Any, **named: Any) -> HTML:
        try:
            return section(*arguments, **named)
        except NotMeasuredError as absent:
            parts = str(absent).split("`")
            code = Markup("<code>{}</code>")
            text = Markup("").join(code.format(part) if i % 2 else part for i, part in enumerate(parts))
            return notice("Not measured yet", text)

    return instead


def base_name(result: Result) -> str:
    """Without the "-on-<n>" of a part of the test set."""
    return result.provenance.name.split("-on-")[0]


def _order(result: Result) -> tuple[int, int, bool, str]:
    """References, trained models as in their profiles, anchors from the best to the worst."""
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
    """The results in a folder, in the order of the tables; `summary` is empty where there is none."""

    folder: Path
    results: tuple[Result, ...]
    summary: Mapping[str, Any]

    @classmethod
    def read(cls, folder: str | Path = "") -> "ResultData":
        """Of a folder, default `data/results`."""
        place = Path(folder) if folder else data_path("results")
        written = (place / summary.FILE).exists()
        return cls(place, tuple(sorted(read_all(place), key=_order)), summary.read(place) if written else {})

    def select(
        self, *, split: str = "twin-disjoint", notes: int = 1, selection: str | None = ""
    ) -> list[Result]:
        """Those on a split, at one note or at several; `selection` `None` takes any.

        Raises:
            NotMeasuredError: there is none.
        """
        found = [
            r
            for r in self.results
            if (r.provenance.split, r.provenance.subset) == (split, "test")
            and (len(r.provenance.notes) > 1) == (notes > 1)
            and selection in (None, r.provenance.selection)
        ]
        if not found:
            raise NotMeasuredError(f"There is no result on the {split} split. `latentdx evaluate` makes it.")
        return found

    def get(self, name: str, **where: Any) -> Result:
        """One result by its name, ignoring "-on-<n>" of a part; raises `NotMeasuredError`."""
        for result in self.select(**where):
            if base_name(result) == name:
                return result
        raise NotMeasuredError(f"{name} has no result here. `latentdx evaluate {name}` makes it.")

    def best(self, results: Sequence[Result], metric: str, selection: str = "") -> str | None:
        """Name of the result that beats all others by its paired tests, as the summary has it."""
        names = {r.provenance.name for r in results if r.provenance.kind != "reference"}
        first = results[0].provenance
        for comparison in self.summary.get("comparisons", ()):
            alike = all(comparison[key] == getattr(first, key) for key in ("split", "notes", "subset"))
            if alike and comparison["selection"] == selection and names <= set(comparison["members"]):
                return comparison["metrics"].get(metric, {}).get("best")
        return None


def per_preset(result: Result, metric: str, note: Sequence[int] | None = None) -> pd.Series:
    """Row -> value, averaged over notes, or at one (note, velocity)."""
    table = result.table
    if note is not None:
        table = table[(table["note"] == note[0]) & (table["velocity"] == note[1])]
    return table.groupby("row")[metric].mean()


# -- cells ---------------------------------------------------------------------------------------------------


def number(value: float | None, metric: Metric) -> str:
    """As the metric prints it; a share as per cent."""
    if value is None or not np.isfinite(value):
        return "–"
    if metric.unit == "share":
        return f"{100 * value:.{max(metric.decimals - 3, 1)}f} %"
    return f"{value:,.{metric.decimals}f}".replace("-", "−")


def interval(estimate: Sequence[float | None], metric: Metric, *, bold: bool = False) -> Markup:
    """A value with its interval under it."""
    value, low, high = (number(x, metric) for x in estimate)
    shown_ = Markup("<strong>{}</strong>").format(value) if bold else value
    if value == "–":
        return Markup("–")
    return Markup('{}<br><span class="ldx-interval">{} – {}</span>').format(
        shown_, low.removesuffix(" %"), high.removesuffix(" %")
    )


def estimate(values: npt.ArrayLike, statistic: str = "median") -> tuple[float, float, float]:
    """A median or mean with its bootstrap interval."""
    e = statistics.bootstrap(values, statistic)  # type: ignore[arg-type]
    return e.value, e.low, e.high


def p_text(p: float) -> str:
    """A p-value: three decimals, or that it is below 0.001."""
    return "–" if not np.isfinite(p) else "<\u00a00.001" if p < 0.001 else f"{p:.3f}"


def heading(metric: Metric) -> str:
    """A column's name: with its unit, and an arrow to the better side."""
    unit = f", {metric.unit}" if metric.unit and metric.unit != "share" else ""
    return f"{metric.title}{unit} {'↓' if metric.better == 'lower' else '↑'}"
