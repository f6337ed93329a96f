"""Figures and listening rows of the chapter "Results"."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from latentdx.display.figures import COLORS, figure_html, new_figure
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, row
from latentdx.display.tables import table_html
from latentdx.evaluation import best_of_n, listening_examples
from latentdx.evaluation.results import Result
from latentdx.metrics.registry import METRICS
from latentdx.presets.parameters import learnable_parameters
from latentdx_book.chapters.result_data import (
    LEADING,
    NotMeasuredError,
    ResultData,
    estimate,
    number,
    per_preset,
    shown,
)
from latentdx_book.chapters.result_tables import Examples

_BY_KIND = {"model": COLORS[0], "search": COLORS[4], "anchor": COLORS[3], "reference": COLORS[5]}


@shown
def overview_figure(f: ResultData, metric: str = LEADING, **where: Any) -> HTML:
    """Medians with intervals of all results, best on top."""
    results = f.select(**where)
    m = METRICS[metric]
    lines = sorted(
        ((estimate(per_preset(r, metric)), r) for r in results), key=lambda x: x[0][0], reverse=True
    )
    figure, axes = new_figure(size=(7.0, 0.9 + 0.32 * len(lines)))
    ax = axes[0, 0]
    for y, ((value, low, high), r) in enumerate(lines):
        color = _BY_KIND[r.provenance.kind]
        ax.errorbar(value, y, xerr=[[value - low], [high - value]], fmt="o", color=color, capsize=3)
    ax.set_yticks(range(len(lines)), [r.provenance.title for _, r in lines])
    ax.set(xlabel=f"{m.title}, median", xlim=(0, None), ylim=(-0.6, len(lines) - 0.4))
    told = "; ".join(f"{r.provenance.title} {number(e[0], m)}" for e, r in reversed(lines))
    n = results[0].table["row"].nunique()
    return figure_html(
        figure,
        f"Medians of {m.title} with their intervals, the best on top: {told}.",
        caption=f"{m.title} over {n:,} presets, lower is better. Models teal, anchors violet.",
    )


# -- parameters ----------------------------------------------------------------------------------------------


def learnt(f: ResultData, name: str, **where: Any) -> pd.DataFrame:
    """Each kind of parameter, operators taken together, for one model against the mean preset.

    Returns:
        parameter, kind ("numerical" or "categorical"), live (share of preset and parameter pairs in which it
        can be heard), error and guess (live MAE, or share of wrong answers, of the model and of the mean
        preset), skill (1 - error / guess: 0 is guessing, 1 is perfect).
    """
    model, mean = f.get(name, **where), f.get("mean", **where)
    if not model.provenance.by_parameter or not mean.provenance.by_parameter:
        raise NotMeasuredError(
            "Live parameters were not looked for. `latentdx evaluate` without `--quick` does it."
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
    """Without the operator's number."""
    return name.split(" ", 1)[1] if name.startswith("OP") and name[2].isdigit() else name


@shown
def parameter_figure(f: ResultData, name: str, **where: Any) -> HTML:
    """Skill of one model by kind of parameter, beside how often it can be heard at all."""
    table = learnt(f, name, **where).dropna(subset="skill").sort_values("skill")
    figure, axes = new_figure(1, 2, size=(7.4, 0.8 + 0.19 * len(table)), sharey="row")
    y = np.arange(len(table))
    for ax in axes[0]:
        ax.tick_params(axis="y", labelsize=8)
    colors = [COLORS[0] if k == "numerical" else COLORS[1] for k in table["kind"]]
    axes[0, 0].barh(y, 100 * table["skill"], color=colors, height=0.7)
    axes[0, 0].set(xlabel="% of guessing's error removed", title="Learnt", ylim=(-0.7, len(table) - 0.3))
    axes[0, 0].set_yticks(y, table["parameter"])
    axes[0, 1].barh(y, 100 * table["live"], color=COLORS[3], height=0.7)
    axes[0, 1].set(xlabel="% of presets", title="Can be heard", xlim=(0, 100))
    best, worst = table.iloc[::-1].head(3), table.head(3)
    said = f.get(name, **where).provenance.title
    return figure_html(
        figure,
        f"Bars by kind of parameter. Best learnt: {', '.join(best['parameter'])}; "
        f"least: {', '.join(worst['parameter'])}. Beside them, in how many presets each can be heard.",
        caption=f"{said}, over live parameters, against always answering the training set's mean or "
        "commonest value. Numerical parameters in teal, by mean absolute error; categorical ones in orange, "
        "by wrong answers.",
    )


@shown
def parameter_table(f: ResultData, name: str, **where: Any) -> HTML:
    """The figure's numbers."""
    table = learnt(f, name, **where)

    def text(value: float, kind: str) -> str:
        return (
            "–"
            if not np.isfinite(value)
            else f"{100 * value:.1f} %"
            if kind == "categorical"
            else f"{value:.3f}"
        )

    out = pd.DataFrame(
        {
            "parameter": table["parameter"],
            "kind": table["kind"],
            "can be heard": [f"{100 * x:.1f} %" for x in table["live"]],
            "error": [text(x, k) for x, k in zip(table["error"], table["kind"], strict=True)],
            "guessing": [text(x, k) for x, k in zip(table["guess"], table["kind"], strict=True)],
        }
    )
    said = f.get(name, **where).provenance.title
    return table_html(
        out,
        f"{said}: mean absolute error of numerical parameters, wrong answers of categorical ones",
        scroll=True,
    )


# -- algorithms, samples, examples ---------------------------------------------------------------------------


@shown
def algorithm_figure(f: ResultData, names: Sequence[str], metric: str = LEADING, **where: Any) -> HTML:
    """Medians by the target's algorithm, for each of some results, and how many presets have it."""
    found: list[Result] = []
    for name in names:
        try:
            found.append(f.get(name, **where))
        except NotMeasuredError:
            continue
    if not found:
        raise NotMeasuredError("None of the models is evaluated. `latentdx evaluate` does it.")
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
    return figure_html(
        figure,
        f"Median {m.title} by algorithm. {found[0].provenance.title} is best at algorithm {ranked[0]} "
        f"({number(by[ranked[0]][metric], m)}, {by[ranked[0]]['n']} presets) and worst at {ranked[-1]} "
        f"({number(by[ranked[-1]][metric], m)}, {by[ranked[-1]]['n']} presets).",
        caption=f"Algorithms with at least {min(int(v['n']) for v in by.values())} test presets.",
    )


@shown
def samples_figure(
    f: ResultData, metrics: Sequence[str] = (LEADING, "log_stft_mae"), anchor: str = "nearest-unrelated"
) -> HTML:
    """Medians of the best of so many samples, with the anchor as a line."""
    curves = best_of_n.read_curves(f.folder)
    curves = curves[~curves["name"].str.startswith("match-")]
    if curves.empty:
        raise NotMeasuredError(
            "No samples were drawn yet. `latentdx evaluate latentdx --best-of 64 --limit 1000` does it."
        )
    return _curves_figure(f, curves, metrics, anchor)


@shown
def match_figure(
    f: ResultData,
    metrics: Sequence[str] = ("spectral_convergence", LEADING),
    anchor: str = "nearest-genetic",
) -> HTML:
    """Medians of what a match has found after so many renders, with the anchor as a line."""
    curves = best_of_n.read_curves(f.folder)
    curves = curves[curves["name"].isin(["match-2000", "match-10000"])]
    if curves.empty:
        raise NotMeasuredError("No match was measured yet. `latentdx evaluate match` does it.")
    return _curves_figure(f, curves.sort_values("n", ascending=False, kind="stable"), metrics, anchor)


def _curves_figure(f: ResultData, curves: pd.DataFrame, metrics: Sequence[str], anchor: str) -> HTML:
    curves = curves[curves["metric"].isin(metrics)]
    figure, axes = new_figure(1, len(metrics), size=(7.4, 3.2))
    told = []
    for ax, metric in zip(axes[0], metrics, strict=True):
        m = METRICS[metric]
        for (_, said), part in curves[curves["metric"] == metric].groupby(["name", "title"], sort=False):
            ax.plot(part["samples"], part["median"], marker="o", label=said)
            ax.fill_between(part["samples"], part["low"], part["high"], alpha=0.25)
            first, last = part["median"].iloc[0], part["median"].iloc[-1]
            told.append(
                f"{said}, {m.title}: {number(first, m)} in one pass, {number(last, m)} as the best of "
                f"{part['samples'].iloc[-1]:,} ({f'{100 * (last / first - 1):+.0f}'.replace('-', '−')} %)"
            )
        try:
            r = f.get(anchor, selection=None)
            ax.axhline(
                per_preset(r, metric).median(), color=COLORS[3], linestyle="--", label=r.provenance.title
            )
        except NotMeasuredError:
            pass
        counts = sorted(set(curves["samples"]))
        ticks = counts if len(counts) < 8 else counts[::2]
        ax.set_xscale("log", base=2)
        ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
        ax.set(xlabel="candidates rendered", ylabel="median", title=m.title, ylim=(0, None))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    text = "; ".join(told)
    whole = curves["n"].map("{:,} presets".format)
    presets = "; ".join(curves["selection"].where(curves["selection"] != "", whole).unique())
    return figure_html(
        figure,
        f"Falling curves of the median distance against the number of candidates. {text}.",
        caption=f"{text}. {presets}; bands are 95 % intervals.",
    )


@shown
def published_figure(f: ResultData, titles: Sequence[str], metric: str = LEADING) -> HTML:
    """Each published example as a dot: the authors' NumCat++ and some of ours, peak-normalized."""
    examples = Examples.read(f)
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
    return figure_html(
        figure,
        f"{m.title} of each of the {len(names)} published examples, for the authors' NumCat++ and ours; the "
        "table above has the means.",
        caption="Peak-normalized, all through the page's coding. Lower is better.",
    )


def listening_rows(f: ResultData) -> list[HTML]:
    """The exhibits, one row each: the target, then what was inferred, with its distance."""
    about, found = listening_examples.read_listening(f.folder)
    if not found:
        return [_absent()]
    folder = f.folder / listening_examples.LISTEN
    m = METRICS[listening_examples.METRIC]
    out = []
    for e in found:
        clips = [
            Clip(
                s.audio(folder),
                s.title,
                tuple(f"{METRICS[k].title} {number(v, METRICS[k])}" for k, v in s.metrics.items()),
            )
            for s in e.sounds
        ]
        place = {50: "median"}.get(e.percentile, f"{e.percentile}th percentile")
        out.append(row(clips, f"{e.label.capitalize()}, {place}", f"By {m.title} of {about['reference']}."))
    return out


@shown
def _absent() -> HTML:
    raise NotMeasuredError(
        "No sounds of the test set were kept yet. `latentdx evaluate listen --best-of 64` does it."
    )


def details(heading: str, content: HTML) -> HTML:
    """Something long behind a line to open."""
    return HTML(Markup("<details><summary>{}</summary>{}</details>").format(heading, Markup(content)))
