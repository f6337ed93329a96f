"""Figures of results: overview, parameters, algorithms, samples, matches, and the published examples."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context

from latentdx.display.figures import DescribedFigure, new_figure
from latentdx.display.table_formats import described, number
from latentdx.evaluation import best_of_n, statistics
from latentdx.evaluation.result_data import (
    LEADING,
    NotMeasuredError,
    PublishedExamples,
    ResultData,
    per_preset,
)
from latentdx.evaluation.results import Result
from latentdx.metrics.registry import METRICS
from latentdx.presets.parameters import learnable_parameters

_BY_KIND = {"model": "C0", "search": "C4", "anchor": "C3", "reference": "C5"}


@rc_context()
def results_figure(data: ResultData, metric: str = LEADING, **where: Any) -> DescribedFigure:
    """Plot medians with intervals of all results, the best on top.

    Args:
        data: Results to read.
        metric: Metric to show.
        **where: Results to include, see `ResultData.select`.
    """
    results = data.select(**where)
    m = METRICS[metric]
    estimates = [(statistics.bootstrap(per_preset(r, metric), "median"), r) for r in results]
    lines = sorted(estimates, key=lambda x: x[0].value, reverse=True)
    figure, axes = new_figure(size=(7.0, 0.9 + 0.32 * len(lines)))
    ax = axes[0, 0]
    for y, (e, r) in enumerate(lines):
        color, reach = _BY_KIND[r.provenance.kind], [[e.value - e.low], [e.high - e.value]]
        ax.errorbar(e.value, y, xerr=reach, fmt="o", color=color, capsize=3)
    ax.set_yticks(range(len(lines)), [r.provenance.title for _, r in lines])
    ax.set(xlabel=f"{m.title}, median", xlim=(0, None), ylim=(-0.6, len(lines) - 0.4))
    text = "; ".join(f"{r.provenance.title} {number(e.value, m)}" for e, r in reversed(lines))
    n = results[0].table["row"].nunique()
    return figure.described(
        f"Medians of {m.title} with their intervals, the best on top: {text}.",
        f"{m.title} over {n:,} presets, lower is better. Models are teal, anchors violet.",
    )


# -- parameters ----------------------------------------------------------------------------------------------


def parameter_skill(data: ResultData, name: str, **where: Any) -> pd.DataFrame:
    """Tabulate how well a model predicts each parameter, with the operators taken together.

    Args:
        data: Results to read.
        name: Name of the model.
        **where: Results to include, see `ResultData.select`.

    Returns:
        Columns parameter, kind ("numerical" or "categorical"), n (number of pairs of preset and parameter in
        which it can be heard), live (share of such pairs), error and guess (live MAE, or share of wrong
        answers, of the model and of the mean preset), skill (1 - error / guess: 0 is guessing, 1 is perfect).

    Raises:
        NotMeasuredError: The results have no figures for single parameters.
    """
    model, mean = data.get(name, **where), data.get("mean", **where)
    if not model.provenance.by_parameter or not mean.provenance.by_parameter:
        raise NotMeasuredError(
            "Audible parameters have not been measured. `latentdx evaluate` without `--quick` does so."
        )
    n = model.table["row"].nunique()
    lines = []
    for p in learnable_parameters():
        ours, theirs = (r.provenance.by_parameter[p.name] for r in (model, mean))
        line: dict[str, Any] = {"parameter": _bare(p.name), "kind": p.kind, "n": ours["n"], "of": n}
        for column, figures in (("error", ours), ("guess", theirs)):
            if "accuracy" in figures:
                line[column] = figures["mae"] if p.kind == "numerical" else 1 - figures["accuracy"]
        lines.append(line)
    table = pd.DataFrame(lines)
    table[["error", "guess"]] = (
        table[["error", "guess"]].mul(table["n"], axis=0).where(table["error"].notna())
    )
    table["counted"] = table["n"].where(table["error"].notna(), 0)
    sums = (
        table.groupby(["parameter", "kind"], sort=False)[["n", "of", "error", "guess", "counted"]]
        .sum()
        .reset_index()
    )
    sums["live"] = sums["n"] / sums["of"]
    sums["skill"] = 1 - sums["error"] / sums["guess"].where(sums["guess"] > 0)
    counted = sums["counted"].where(sums["counted"] > 0)
    return sums.assign(error=sums["error"] / counted, guess=sums["guess"] / counted).drop(
        columns=["of", "counted"]
    )


def _bare(name: str) -> str:
    """Return a parameter's name without the operator's number."""
    return name.split(" ", 1)[1] if name.startswith("OP") and name[2].isdigit() else name


@rc_context()
def parameter_skill_figure(data: ResultData, name: str, **where: Any) -> DescribedFigure:
    """Plot a model's skill by parameter, next to how often each parameter can be heard.

    Args:
        data: Results to read.
        name: Name of the model.
        **where: Results to include, see `ResultData.select`.
    """
    table = parameter_skill(data, name, **where).dropna(subset="skill").sort_values("skill")
    figure, axes = new_figure(1, 2, size=(7.4, 0.8 + 0.19 * len(table)), sharey="row")
    y = np.arange(len(table))
    for ax in axes[0]:
        ax.tick_params(axis="y", labelsize=8)
    colors = ["C0" if k == "numerical" else "C1" for k in table["kind"]]
    axes[0, 0].barh(y, 100 * table["skill"], color=colors, height=0.7)
    axes[0, 0].set(xlabel="% of guessing's error removed", title="Learned", ylim=(-0.7, len(table) - 0.3))
    axes[0, 0].set_yticks(y, table["parameter"])
    axes[0, 1].barh(y, 100 * table["live"], color="C3", height=0.7)
    axes[0, 1].set(xlabel="% of presets", title="Audible", xlim=(0, 100))
    best, worst = table.iloc[::-1].head(3), table.head(3)
    title = data.get(name, **where).provenance.title
    return figure.described(
        f"One bar per parameter. Best learned: {', '.join(best['parameter'])}; least: "
        f"{', '.join(worst['parameter'])}. A second bar shows in how many presets each can be heard.",
        f"{title}, over live parameters, compared with always answering the training set's mean or "
        "most common value. Numerical parameters are teal, by mean absolute error; categorical ones are "
        "orange, by wrong answers.",
    )


def parameter_skill_table(data: ResultData, name: str, **where: Any) -> pd.DataFrame:
    """Tabulate the numbers of `parameter_skill_figure`, with the same arguments.

    Returns:
        Columns parameter, kind, audible (share of presets), error and guessing (mean absolute error of
        numerical parameters, share of wrong answers of categorical ones).
    """
    table = parameter_skill(data, name, **where).rename(columns={"live": "audible", "guess": "guessing"})
    formats = {"kind": {"numerical": ".3f", "categorical": ".1%"}}
    return described(
        table[["parameter", "kind", "audible", "error", "guessing"]],
        f"{data.get(name, **where).provenance.title}: mean absolute error of numerical parameters, wrong "
        "answers of categorical ones",
        formats={"audible": ".1%", "error": formats, "guessing": formats},
    )


# -- algorithms, samples, examples ---------------------------------------------------------------------------


@rc_context()
def results_by_algorithm_figure(
    data: ResultData, names: Sequence[str], metric: str = LEADING, **where: Any
) -> DescribedFigure:
    """Plot medians by the target's algorithm for several results.

    Args:
        data: Results to read.
        names: Names of the results; missing ones are left out.
        metric: Metric to show.
        **where: Results to include, see `ResultData.select`.
    """
    found: list[Result] = []
    for name in names:
        try:
            found.append(data.get(name, **where))
        except NotMeasuredError:
            continue
    if not found:
        raise NotMeasuredError("None of the models has been evaluated. `latentdx evaluate` evaluates them.")
    m = METRICS[metric]
    figure, axes = new_figure(size=(7.4, 3.2))
    for r, marker in zip(found, "osv^", strict=False):
        by = r.provenance.by_algorithm
        keys = sorted(map(int, by))
        axes[0, 0].plot(
            keys, [by[str(k)][metric] for k in keys], marker, label=r.provenance.title, markersize=5
        )
    axes[0, 0].set(
        xlabel="algorithm", ylabel=f"{m.title}, median", xticks=[1, 5, 10, 15, 20, 25, 32], ylim=(0, None)
    )
    axes[0, 0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=len(found))
    by = found[0].provenance.by_algorithm
    ranked = sorted(by, key=lambda k: by[k][metric])
    return figure.described(
        f"Median {m.title} by algorithm. {found[0].provenance.title} is best at algorithm {ranked[0]} "
        f"({number(by[ranked[0]][metric], m)}, {by[ranked[0]]['n']} presets) and worst at {ranked[-1]} "
        f"({number(by[ranked[-1]][metric], m)}, {by[ranked[-1]]['n']} presets).",
        f"Algorithms with at least {min(int(v['n']) for v in by.values())} test presets.",
    )


@rc_context()
def samples_curve_figure(
    data: ResultData, metrics: Sequence[str] = (LEADING, "log_stft_mae"), anchor: str = "nearest-unrelated"
) -> DescribedFigure:
    """Plot the median of the best sample against the number of samples, with an anchor as a line.

    Args:
        data: Results to read.
        metrics: Metrics to show, one axis each.
        anchor: Name of the result that is drawn as a line.
    """
    curves = best_of_n.read_curves(data.folder)
    curves = curves[~curves["name"].str.startswith("match-")]
    if curves.empty:
        raise NotMeasuredError(
            "No samples have been drawn yet. "
            "`latentdx evaluate model latentdx --best-of 64 --limit 1000` draws them."
        )
    return _curves_figure(data, curves, metrics, anchor)


@rc_context()
def match_curve_figure(
    data: ResultData,
    metrics: Sequence[str] = ("spectral_convergence", LEADING),
    anchor: str = "nearest-genetic",
) -> DescribedFigure:
    """Plot the median result of a match against the number of renders, with an anchor as a line.

    Args:
        data: Results to read.
        metrics: Metrics to show, one axis each.
        anchor: Name of the result that is drawn as a line.
    """
    curves = best_of_n.read_curves(data.folder)
    curves = curves[curves["name"].isin(["match-2000", "match-7000"])]
    if curves.empty:
        raise NotMeasuredError("No match has been measured yet. `latentdx evaluate match` measures it.")
    curves = curves.sort_values("n", ascending=False, kind="stable")
    remark = (
        " Curves show the closest preset so far by the search's distance; tables show final, tuned answers."
    )
    return _curves_figure(data, curves, metrics, anchor, remark)


def _curves_figure(
    data: ResultData, curves: pd.DataFrame, metrics: Sequence[str], anchor: str, remark: str = ""
) -> DescribedFigure:
    curves = curves[curves["metric"].isin(metrics)]
    figure, axes = new_figure(1, len(metrics), size=(7.4, 3.2))
    texts = []
    for ax, metric in zip(axes[0], metrics, strict=True):
        m = METRICS[metric]
        for (_, title), part in curves[curves["metric"] == metric].groupby(["name", "title"], sort=False):
            ax.plot(part["samples"], part["median"], marker="o", label=title)
            ax.fill_between(part["samples"], part["low"], part["high"], alpha=0.25)
            first, last = part["median"].iloc[0], part["median"].iloc[-1]
            texts.append(
                f"{title}, {m.title}: {number(first, m)} in one pass, {number(last, m)} as the best of "
                f"{part['samples'].iloc[-1]:,} ({f'{100 * (last / first - 1):+.0f}'.replace('-', '−')}%)"
            )
        try:
            r = data.get(anchor, selection=None)
            ax.axhline(per_preset(r, metric).median(), color="C3", linestyle="--", label=r.provenance.title)
        except NotMeasuredError:
            pass
        counts = sorted(set(curves["samples"]))
        ticks = counts if len(counts) < 8 else counts[::2]
        ax.set_xscale("log", base=2)
        ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
        ax.set(xlabel="renders", ylabel="median", title=m.title, ylim=(0, None))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    text = "; ".join(texts)
    whole = curves["n"].map("{:,} presets".format)
    presets = "; ".join(curves["selection"].where(curves["selection"] != "", whole).unique())
    return figure.described(
        f"Curves of the median distance against the number of renders. {text}.",
        f"{text}. {presets}; bands are 95% intervals.{remark}",
    )


@rc_context()
def published_figure(data: ResultData, titles: Sequence[str], metric: str = LEADING) -> DescribedFigure:
    """Plot each published example as a dot, for the authors' NumCat++ and some of our versions.

    Args:
        data: Results to read.
        titles: Titles of our versions to show.
        metric: Metric to show.
    """
    examples = PublishedExamples.read(data)
    t = examples.table
    t = t[(t["section"] == "programming") & (t["coding"] == "as published") & (t["level"] == "peak")]
    names = list(dict.fromkeys(t["name"]))
    versions = [("the authors", "NumCat++"), *(("ours", v) for v in titles)]
    m = METRICS[metric]
    figure, axes = new_figure(size=(7.4, 3.4))
    for (source, version), marker in zip(versions, "osv^D", strict=False):
        part = t[(t["source"] == source) & (t["title"] == version)].set_index("name")
        if len(part):
            label = f"{version}, {source}" if source != "ours" else version
            axes[0, 0].plot(range(len(names)), part.loc[names, metric], marker, label=label, markersize=6)
    axes[0, 0].set_xticks(range(len(names)), names, rotation=25, ha="right")
    axes[0, 0].set(ylabel=m.title, ylim=(0, None))
    axes[0, 0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.22), ncols=3, fontsize=8)
    return figure.described(
        f"{m.title} of each of the {len(names)} published examples, for the authors' NumCat++ and ours; the "
        "table of their means has the numbers.",
        "Peak-normalized, all in the page's audio coding. Lower is better.",
    )
