"""Results of a folder, read together, from which `latentdx.display` makes tables and figures.

Everything comes from the files that `latentdx evaluate` writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from latentdx.errors import DataMissingError
from latentdx.evaluation import published, summary
from latentdx.evaluation.anchors import ANCHORS
from latentdx.evaluation.results import Result, read_all
from latentdx.registry import data_path
from latentdx.training.profile import model_names

SOUND = ("log_stft_mae", "spectral_convergence", "mfcc13_mae", "mfcc40_mae", "log_mel_mae", "f0_error")
"""Metrics of the tables of sounds: distances."""

PARAMETERS = (
    "numerical_mae",
    "categorical_accuracy",
    "dynamic_numerical_mae",
    "dynamic_categorical_accuracy",
    "live_numerical_mae",
    "live_categorical_accuracy",
    "live_accuracy",
)
"""Metrics of the tables of parameters: errors and shares."""

LEADING = "mfcc13_mae"
"""Metric of breakdowns and figures."""


class NotMeasuredError(DataMissingError):
    """Results are missing; the message names the command that makes them, in backticks."""


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
        """Read a folder, default `data/results`.

        Raises:
            DataMissingError: There is no such folder.
        """
        place = Path(folder) if folder else data_path("results")
        if folder and not place.is_dir():
            raise DataMissingError(f"there is no folder of results {place}")
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
        of_split = [
            r
            for r in self.results
            if (r.provenance.split, r.provenance.subset) == (split, "test")
            and (len(r.provenance.notes) > 1) == (notes > 1)
        ]
        found = [r for r in of_split if selection in (None, r.provenance.selection)]
        if not found and of_split:
            parts = sorted({r.provenance.selection for r in of_split})
            raise NotMeasuredError(
                f"There is no result on this part of the test set, {selection!r} ('' is the whole set), only"
                f" on {', '.join(map(repr, parts))}: choose one as `selection`, or `None` for any."
            )
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


def _place(version: str) -> tuple[int, str]:
    """Return the sort key of a version: by training profile, the single pass first."""
    base, names = version.split("-best-of-")[0], model_names("laptop")
    return names.index(base) if base in names else len(names), version


@dataclass(frozen=True)
class PublishedExamples:
    """The authors' versions of the published examples, and ours.

    Attributes:
        table: One row per version, example, coding and level, with the columns of `published.published`;
            `source` is "the authors" or "ours".
    """

    table: pd.DataFrame

    @classmethod
    def read(cls, data: ResultData) -> "PublishedExamples":
        """Read the versions in the results' folder.

        Raises:
            NotMeasuredError: There are none of ours.
        """
        paths = sorted(data.folder.glob("examples.*.csv"))
        if not paths:
            raise NotMeasuredError(
                "None of our models has programmed the examples yet. `latentdx evaluate published` does it."
            )
        ours = [pd.read_csv(path, dtype={"uid": str}) for path in paths]
        ours.sort(key=lambda t: _place(str(t["version"][0])))
        theirs = published.published().assign(source="the authors")
        theirs["title"] = theirs["version"]
        return cls(pd.concat([theirs, *(t.assign(source="ours") for t in ours)], ignore_index=True))

    def means(self, section: str, coding: str, level: str) -> pd.DataFrame:
        """Return (source, title) -> mean metrics over a section's examples.

        Args:
            section: Section of the authors' page.
            coding: Audio coding of the sounds.
            level: Level normalization of the sounds.
        """
        t = self.table
        t = t[(t["section"] == section) & (t["coding"] == coding) & (t["level"] == level)]
        groups = t.groupby(["source", "title"], sort=False)
        return groups[list(published.METRICS)].mean().assign(n=groups.size())
