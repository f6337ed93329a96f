"""Tables of the chapter "Results"; see also `comparisons` and `result_figures`."""

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
    """All results of a place: medians or means with 95 % intervals, bold what beats all others."""
    results = f.select(**where)
    summarized = f.summary.get("results", {}).values()
    stems = {(e["provenance"]["name"], *_key(e["provenance"])): e for e in summarized}
    chosen = [m for m in metrics if any(m in _all(stems, r) for r in results)]
    lines = []
    for r in results:
        figures = _all(stems, r)
        line: dict[str, object] = {"": r.provenance.title}
        for m in chosen:
            bold = f.best(results, m) == r.provenance.name
            known = figures.get(m)
            line[heading(METRICS[m])] = interval(known[statistic], METRICS[m], bold=bold) if known else "–"
        lines.append(line)
    n = max(len(set(r.table["row"])) for r in results)
    return table_html(
        pd.DataFrame(lines, dtype=object),
        f"{caption}: {statistic}s over {n:,} presets, with 95 % intervals. {describe(results[0].provenance)}",
    )


@shown
def part_table(f: ResultData, metrics: Iterable[str], caption: str, of: str = "latentdx-best-of-64") -> HTML:
    """Results on the largest part of the test set that `of` has one on, and those on the whole test set, on
    the very same presets."""
    everything = f.select(selection=None)
    parts = [r for r in everything if r.provenance.selection and base_name(r) == of]
    if not parts:
        raise NotMeasuredError(
            "No part of the test set is evaluated on its own. "
            "`latentdx evaluate latentdx --best-of 64 --limit 1000` does it."
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
        pd.DataFrame(lines, dtype=object), f"{caption}: medians with 95 % intervals, {selection}"
    )


@shown
def provenance_table(f: ResultData) -> HTML:
    """What made each result."""
    if not f.results:
        raise NotMeasuredError("There are no results yet. `latentdx evaluate` makes them.")
    lines = [
        {
            "result": p.title,
            "found by": p.inference,
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
    return table_html(pd.DataFrame(lines, dtype=object), "Results, and what they were made by", scroll=True)


def _key(p: Mapping[str, Any]) -> tuple[str, str, str]:
    return p["split"], str(p["notes"]), p["selection"]


def _all(stems: Mapping[Any, Mapping[str, Any]], r: Result) -> Mapping[str, Any]:
    p = r.provenance
    found = stems.get((p.name, *_key(vars(p))))
    if found is None:
        raise NotMeasuredError(f"The summary lacks {p.title}. `latentdx evaluate summary` mends that.")
    return found["all"]["metrics"]


@shown
def label_table(f: ResultData, metric: str = LEADING, **where: Any) -> HTML:
    """One metric by label: medians with intervals."""
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
        f"{METRICS[metric].title} by label, medians with 95 % intervals",
    )


# -- the authors' published sounds ---------------------------------------------------------------------------


def _place(version: str) -> tuple[int, str]:
    """As the training profiles are ordered, the single pass first."""
    base, names = version.split("-best-of-")[0], model_names("laptop")
    return names.index(base) if base in names else len(names), version


@dataclass(frozen=True)
class Examples:
    """The authors' versions and ours of the published examples, one row an example, coding and level."""

    table: pd.DataFrame

    @classmethod
    def read(cls, f: ResultData) -> "Examples":
        """Of a folder; raises `NotMeasuredError` where none of ours is there."""
        paths = sorted(f.folder.glob("examples.*.csv"))
        if not paths:
            raise NotMeasuredError(
                "None of our models has programmed the examples. `latentdx evaluate published` does it."
            )
        ours = [pd.read_csv(path, dtype={"uid": str}) for path in paths]
        ours.sort(key=lambda t: _place(str(t["version"][0])))
        theirs = published.published().assign(source="the authors")
        theirs["title"] = theirs["version"]
        return cls(pd.concat([theirs, *(t.assign(source="ours") for t in ours)], ignore_index=True))

    def means(self, section: str, coding: str, level: str) -> pd.DataFrame:
        """(source, title) -> mean metrics over the section's examples."""
        t = self.table
        t = t[(t["section"] == section) & (t["coding"] == coding) & (t["level"] == level)]
        groups = t.groupby(["source", "title"], sort=False)
        return groups[list(published.METRICS)].mean().assign(n=groups.size())


@shown
def published_table(f: ResultData) -> HTML:
    """Means over the eight programming examples: theirs and ours, coded alike, and ours uncompressed."""
    examples = Examples.read(f)
    ways = {
        "peak-normalized": ("as published", "peak"),
        "levels kept": ("as published", "example"),
        "uncompressed, peak-normalized": ("uncompressed", "peak"),
    }
    found = {way: examples.means("programming", *key) for way, key in ways.items()}
    lines = []
    for source, said in found["peak-normalized"].index:
        line: dict[str, object] = {"": f"{said}, {source}" if source != "ours" else said}
        for way, means in found.items():
            for m in ("log_stft_mae", LEADING):
                there = (source, said) in means.index
                line[f"{METRICS[m].title}, {way}"] = (
                    number(float(means.loc[(source, said), m]), METRICS[m]) if there else "–"
                )
        lines.append(line)
    n = int(found["peak-normalized"]["n"].iloc[0])
    return table_html(
        pd.DataFrame(lines, dtype=object),
        f"Means over the {n} published examples, through the page's coding; lower is better",
    )


@shown
def velocity_table(f: ResultData) -> HTML:
    """The preset that the page plays at three velocities, levels kept: one example."""
    t = Examples.read(f).table
    t = t[(t["section"] == "multiple notes") & (t["coding"] == "as published") & (t["level"] == "example")]
    lines = []
    for (source, said), part in t.groupby(["source", "title"], sort=False):
        line: dict[str, object] = {"": f"{said}, {source}" if source != "ours" else said}
        for velocity, value in zip(part["velocity"], part[LEADING], strict=True):
            line[f"velocity {velocity}"] = number(value, METRICS[LEADING])
        lines.append(line)
    return table_html(
        pd.DataFrame(lines), f"{t['name'].iloc[0]} at three velocities: {METRICS[LEADING].title}, levels kept"
    )


@shown
def levers_table(f: ResultData) -> HTML:
    """What was tried, whether it helped or not."""
    found = ablations.read(f.folder)
    if not found:
        raise NotMeasuredError("No lever is recorded yet; `latentdx.evaluation.ablations.record` does it.")
    lines = [
        {
            "lever": lever.lever,
            "what was changed": lever.changed,
            "metric": lever.metric,
            "before": f"{lever.before:.4g}",
            "after": f"{lever.after:.4g}",
            "change": f"{100 * (lever.after / lever.before - 1):+.1f} %".replace("-", "−")
            if lever.before
            else "–",
            "n": f"{lever.n:,}",
            "p": p_text(lever.p),
            "kept": "yes" if lever.kept else "no",
        }
        for lever in found
    ]
    subsets = ", ".join(sorted({lever.subset for lever in found}))
    return table_html(
        pd.DataFrame(lines), f"Levers tried, measured on the {subsets} set; p without correction"
    )
