"""Tables of the chapter "Results"; see also `result_comparisons` and `result_figures`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from latentdx.display.html import HTML
from latentdx.display.tables import table_html
from latentdx.evaluation import ablations, published
from latentdx.evaluation.results import Result, describe
from latentdx.metrics.registry import METRICS
from latentdx.provenance import describe_commit
from latentdx.training.profile import model_names
from latentdx_book.chapters.result_data import (
    LEADING,
    NotMeasuredError,
    ResultData,
    base_name,
    estimate,
    heading,
    interval,
    number,
    p_text,
    per_preset,
    shown,
)


@shown
def results_table(
    f: ResultData,
    metrics: Iterable[str],
    caption: str,
    *,
    statistic: str = "median",
    **where: Any,
) -> HTML:
    """Tabulate medians or means with 95% intervals; values that beat all others are bold.

    Args:
        f: Results to read.
        metrics: Metrics to show, one column each.
        caption: Beginning of the table's caption.
        statistic: "median" or "mean".
        **where: Results to include, see `ResultData.select`.
    """
    results = f.select(**where)
    summarized = f.summary.get("results", {}).values()
    stems = {(e["provenance"]["name"], *_key(e["provenance"])): e for e in summarized}
    chosen = [m for m in metrics if any(m in _all(stems, r) for r in results)]
    lines = []
    for r in results:
        estimates = _all(stems, r)
        line: dict[str, object] = {"": r.provenance.title}
        for m in chosen:
            bold = f.best(results, m, r.provenance.selection) == r.provenance.name
            known = estimates.get(m)
            line[heading(METRICS[m])] = interval(known[statistic], METRICS[m], bold=bold) if known else "–"
        lines.append(line)
    n = max(len(set(r.table["row"])) for r in results)
    return table_html(
        pd.DataFrame(lines, dtype=object),
        f"{caption}: {statistic}s over {n:,} presets, with 95% intervals. {describe(results[0].provenance)}",
    )


@shown
def part_table(f: ResultData, metrics: Iterable[str], caption: str, of: str = "latentdx-best-of-64") -> HTML:
    """Tabulate results on a part of the test set, and those on the whole set for the same presets.

    Args:
        f: Results to read.
        metrics: Metrics to show, one column each.
        caption: Beginning of the table's caption.
        of: Name of the result that determines the part, the largest one that it was evaluated on.
    """
    everything = f.select(selection=None)
    parts = [r for r in everything if r.provenance.selection and base_name(r) == of]
    if not parts:
        raise NotMeasuredError(
            "No part of the test set has been evaluated on its own. "
            "`latentdx evaluate model latentdx --best-of 64 --limit 1000` evaluates one."
        )
    selection = max(parts, key=lambda r: r.table["row"].nunique()).provenance.selection
    own = [r for r in everything if r.provenance.selection == selection]
    again = {(r.provenance.checkpoint_sha256, r.provenance.inference) for r in own}
    rows = sorted(set.intersection(*(set(r.table["row"]) for r in own)))
    chosen = [
        r
        for r in everything
        if r.provenance.selection == selection
        or (
            not r.provenance.selection
            and (r.provenance.checkpoint_sha256, r.provenance.inference) not in again
        )
    ]
    lines = []
    for r in chosen:
        line: dict[str, object] = {"": r.provenance.title}
        for m in metrics:
            bold = f.best(chosen, m, selection) == r.provenance.name
            values = per_preset(r, m).reindex(rows)
            line[heading(METRICS[m])] = interval(estimate(values), METRICS[m], bold=bold)
        lines.append(line)
    return table_html(
        pd.DataFrame(lines, dtype=object), f"{caption}: medians with 95% intervals, {selection}"
    )


@shown
def provenance_table(f: ResultData) -> HTML:
    """Tabulate the provenance of each result."""
    if not f.results:
        raise NotMeasuredError("There are no results yet. `latentdx evaluate` makes them.")
    lines = [
        {
            "result": p.title,
            "inference": p.inference,
            "split": p.split,
            "presets": p.selection or f"all {r.table['row'].nunique():,}",
            "notes": ", ".join(f"({note}, {velocity})" for note, velocity in p.notes),
            "checkpoint": p.checkpoint_sha256 or "–",
            "engine": p.engine,
            "commit": describe_commit(p.commit),
        }
        for r in f.results
        for p in [r.provenance]
    ]
    return table_html(pd.DataFrame(lines, dtype=object), "Provenance of the results", scroll=True)


def _key(p: Mapping[str, Any]) -> tuple[str, str, str]:
    return p["split"], str(p["notes"]), p["selection"]


def _all(stems: Mapping[Any, Mapping[str, Any]], r: Result) -> Mapping[str, Any]:
    """Return the summary's metrics of a result over all its presets."""
    p = r.provenance
    found = stems.get((p.name, *_key(vars(p))))
    if found is None:
        raise NotMeasuredError(f"The summary lacks {p.title}. `latentdx evaluate summary` updates it.")
    return found["all"]["metrics"]


@shown
def label_table(f: ResultData, metric: str = LEADING, **where: Any) -> HTML:
    """Tabulate one metric by label: medians with intervals.

    Args:
        f: Results to read.
        metric: Metric to show.
        **where: Results to include, see `ResultData.select`.
    """
    results = [r for r in f.select(**where) if r.provenance.kind != "reference"]
    labels = results[0].table.groupby("label", observed=True)["row"].nunique()
    lines = []
    for r in results:
        by_label = {str(k): part for k, part in r.table.groupby("label", observed=True)}
        cells = {
            f"{k} ({n:,})": interval(
                estimate(by_label[str(k)].groupby("row")[metric].mean()), METRICS[metric]
            )
            for k, n in labels.items()
            if str(k) in by_label
        }
        lines.append({"": r.provenance.title, **cells})
    return table_html(
        pd.DataFrame(lines, dtype=object).fillna("–"),
        f"{METRICS[metric].title} by label, medians with 95% intervals",
    )


# -- the authors' published sounds ---------------------------------------------------------------------------


def _place(version: str) -> tuple[int, str]:
    """Return the sort key of a version: by training profile, the single pass first."""
    base, names = version.split("-best-of-")[0], model_names("laptop")
    return names.index(base) if base in names else len(names), version


@dataclass(frozen=True)
class Examples:
    """Authors' and our versions of the published examples.

    Attributes:
        table: One row per version, example, coding and level.
    """

    table: pd.DataFrame

    @classmethod
    def read(cls, f: ResultData) -> "Examples":
        """Read the versions in the results' folder.

        Raises:
            NotMeasuredError: There are none of ours.
        """
        paths = sorted(f.folder.glob("examples.*.csv"))
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


@shown
def published_table(f: ResultData) -> HTML:
    """Tabulate means over the eight programming examples: theirs and ours, and ours uncompressed."""
    examples = Examples.read(f)
    conditions = {
        "peak-normalized": ("as published", "peak"),
        "levels kept": ("as published", "example"),
        "uncompressed, peak-normalized": ("uncompressed", "peak"),
    }
    found = {condition: examples.means("programming", *key) for condition, key in conditions.items()}
    lines = []
    for source, title in found["peak-normalized"].index:
        line: dict[str, object] = {"": f"{title}, {source}" if source != "ours" else title}
        for condition, means in found.items():
            for m in ("log_stft_mae", LEADING):
                there = (source, title) in means.index
                line[f"{METRICS[m].title}, {condition}"] = (
                    number(float(means.loc[(source, title), m]), METRICS[m]) if there else "–"
                )
        lines.append(line)
    n = int(found["peak-normalized"]["n"].iloc[0])
    return table_html(
        pd.DataFrame(lines, dtype=object),
        f"Means over the {n} published examples, in the page's audio coding; lower is better",
    )


@shown
def velocity_table(f: ResultData) -> HTML:
    """Tabulate the one example that the page plays at three velocities, with levels kept."""
    t = Examples.read(f).table
    t = t[(t["section"] == "multiple notes") & (t["coding"] == "as published") & (t["level"] == "example")]
    lines = []
    for (source, title), part in t.groupby(["source", "title"], sort=False):
        line: dict[str, object] = {"": f"{title}, {source}" if source != "ours" else title}
        for velocity, value in zip(part["velocity"], part[LEADING], strict=True):
            line[f"velocity {velocity}"] = number(value, METRICS[LEADING])
        lines.append(line)
    return table_html(
        pd.DataFrame(lines), f"{t['name'].iloc[0]} at three velocities: {METRICS[LEADING].title}, levels kept"
    )


@shown
def levers_table(f: ResultData) -> HTML:
    """Tabulate the ablations: what was tried, whether it helped or not."""
    found = ablations.read(f.folder)
    if not found:
        raise NotMeasuredError(
            "No ablation has been recorded yet. `latentdx.evaluation.ablations.record` records one."
        )
    lines = [
        {
            "ablation": ablation.lever,
            "what was changed": ablation.changed,
            "metric": ablation.metric,
            "before": f"{ablation.before:.4g}",
            "after": f"{ablation.after:.4g}",
            "change": f"{100 * (ablation.after / ablation.before - 1):+.1f}%".replace("-", "−")
            if ablation.before
            else "–",
            "n": f"{ablation.n:,}",
            "p": p_text(ablation.p),
            "kept": "yes" if ablation.kept else "no",
        }
        for ablation in found
    ]
    subsets = ", ".join(sorted({ablation.subset for ablation in found}))
    return table_html(
        pd.DataFrame(lines), f"Ablations, measured on the {subsets} set; p-values without correction"
    )
