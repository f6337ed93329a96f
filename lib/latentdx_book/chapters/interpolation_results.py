"""Chapter "Interpolation": paths between many pairs of the test set, in tables, a figure and sentences.

The sentences are computed from the measures, so they state whatever those show.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from latentdx.display.figures import COLORS, figure_html, new_figure
from latentdx.display.html import HTML
from latentdx.display.table_formats import p_text
from latentdx.display.tables import table_html
from latentdx.evaluation import interpolation, statistics
from latentdx.evaluation.interpolation import BASELINE, MEASURES, PairResult, change
from latentdx.metrics.timbre import FEATURES, GROUPS
from latentdx.provenance import describe_commit
from latentdx_book.chapters.interpolation import InterpolationData, share
from latentdx_book.chapters.presentation import shown

LEAST_OF_KIND = 20
"""Smallest number of pairs for a line of the breakdown; with fewer, its interval would be too wide."""

NAMES = {"smoothness": "Smoothness", "nonlinearity": "Non-linearity", "unevenness": "Unevenness"}
"""Names of the `MEASURES` at the beginning of a line."""

_BETTER = {"smoothness": "smoother", "nonlinearity": "straighter", "unevenness": "more even"}
_WORSE = {"smoothness": "rougher", "nonlinearity": "less straight", "unevenness": "less even"}


def percent(e: statistics.Estimate) -> str:
    """Format a change with its 95% interval, as percentages."""
    if not np.isfinite(e.value):
        return "–"
    low, high = (f"{100 * x:+.1f}".replace("-", "−") for x in (e.low, e.high))
    return f"{100 * e.value:+.1f}% ({low} to {high})".replace("-", "−")


def _against(result: PairResult, measure: str, sounding: bool) -> dict[str, float]:
    """Return method -> p-value of its paired test against naive."""
    out = {}
    for c in interpolation.comparisons(result, measure, sounding=sounding):
        if BASELINE in (c.a, c.b):
            out[c.b if c.a == BASELINE else c.a] = c.p
    return out


@shown
def changes_table(found: InterpolationData, measure: str, *, sounding: bool = False) -> HTML:
    """Tabulate each method's mean, its change against naive with interval and test, and the pairs it won.

    Args:
        found: Files to read.
        measure: One of `MEASURES`.
        sounding: True to use only the pairs in which no method has a silent step.
    """
    result = found.measured()
    scores, tests = result.scores(measure, sounding=sounding), _against(result, measure, sounding)
    digits = 1 if measure == "smoothness" else 3
    lines = []
    for name, about in result.provenance.methods.items():
        mean = statistics.bootstrap(scores[name], "mean")
        line: dict[str, Any] = {
            "": Markup("<strong>{}</strong>").format(about["title"])
            if name == found.ours()
            else about["title"],
            f"{NAMES[measure]}, mean ↓": Markup('{}<br><span class="ldx-interval">{} – {}</span>').format(
                *(f"{x:.{digits}f}" for x in (mean.value, mean.low, mean.high))
            ),
            "median": f"{np.nanmedian(scores[name]):.{digits}f}",
            "against naive": "–",
            "better in": "–",
            "p": "–",
        }
        if name != BASELINE:
            line["against naive"] = percent(change(scores, name))
            known = np.isfinite(scores[name]) & np.isfinite(scores[BASELINE])
            line["better in"] = share(float((scores[name] < scores[BASELINE])[known].mean()))
            line["p"] = p_text(tests[name])
        lines.append(line)
    n = len(scores[BASELINE])
    which = "without silent steps in any method" if sounding else f"of {result.provenance.corpus}'s test set"
    return table_html(
        pd.DataFrame(lines, dtype=object), f"{NAMES[measure]} over {n:,} pairs {which}, {_steps(result)}"
    )


def _steps(result: PairResult) -> str:
    return f"{result.provenance.n_steps} steps"


@shown
def silence_table(found: InterpolationData) -> HTML:
    """Tabulate how often a method has silent steps between two presets that are not silent."""
    result = found.measured()
    lines = []
    for name, about in result.provenance.methods.items():
        part = result.table[result.table["method"] == name]
        inner = result.provenance.n_steps - 2
        lines.append(
            {
                "": about["title"],
                "silent steps": f"{part['silent_steps'].sum():,} of {inner * (~part['failed']).sum():,}",
                "paths with silent steps": share(float((part["silent_steps"] > 0).mean())),
                "no path": f"{part['failed'].sum():,}",
                "ends reproduced exactly": share(about["exact"]) if "exact" in about else "–",
            }
        )
    return table_html(pd.DataFrame(lines), "Silent steps, and how often a method reproduces the ends")


def by_group(result: PairResult, name: str) -> dict[str, statistics.Estimate]:
    """Return the change of a method's smoothness against naive within each group of features."""
    return {group: change(result.scores(f"smoothness_{group}"), name) for group in GROUPS}


def by_kind(result: PairResult, name: str, measure: str = MEASURES[0]) -> dict[str, statistics.Estimate]:
    """Return the change of a measure against naive by the labels of the ends, where there are enough pairs.

    Both directions count together: "harmonic and sfx" includes paths from sfx to harmonic.
    """
    ends = result.table[result.table["method"] == name].sort_values("pair")[["label_a", "label_b"]]
    kinds = [" and ".join(sorted(set(pair))) for pair in ends.itertuples(index=False)]
    scores = result.scores(measure)
    out = {}
    for kind in sorted(set(kinds)):
        which = np.array([k == kind for k in kinds])
        if which.sum() >= LEAST_OF_KIND:
            label = kind if " and " in kind else f"both {kind}"
            out[label] = change({k: v[which] for k, v in scores.items()}, name)
    return out


@shown
def gains_figure(found: InterpolationData) -> HTML:
    """Plot where latent, and our best method, win and lose against naive, by features and kinds of sound."""
    result = found.measured()
    names = [name for name in dict.fromkeys(("latent", found.ours())) if name]
    lines = {
        name: {
            **{f"{GROUPS[g]}": e for g, e in by_group(result, name).items()},
            **by_kind(result, name),
        }
        for name in names
    }
    labels = list(lines[names[0]])[::-1]
    figure, axes = new_figure(size=(7.4, 1.3 + 0.36 * len(labels)))
    ax = axes[0, 0]
    for i, (name, color) in enumerate(zip(names, COLORS, strict=False)):
        y = np.arange(len(labels)) + 0.16 * (0.5 - i) * (len(names) > 1)
        found_ = [lines[name][label] for label in labels]
        value = 100 * np.array([e.value for e in found_])
        reach = 100 * np.array([[e.value - e.low, e.high - e.value] for e in found_]).T
        ax.errorbar(
            value,
            y,
            xerr=reach,
            fmt="o",
            capsize=3,
            color=color,
            label=result.provenance.methods[name]["title"],
        )
    ax.axvline(0, color=COLORS[4], linewidth=0.8)
    ax.set_yticks(range(len(labels)), [f"{label} ({lines[names[0]][label].n:,})" for label in labels])
    ax.set(xlabel="change of smoothness against naive, %", ylim=(-0.6, len(labels) - 0.4))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    text = "; ".join(f"{label} {percent(e)}" for label, e in lines[names[0]].items())
    return figure_html(
        figure,
        f"Change of smoothness against naive, by features and by kinds of sound. Latent space: {text}.",
        caption="Left of the line is smoother than naive. Top: all pairs, by groups of features. Bottom: all "
        "features, by the labels of the ends. The number of pairs is in brackets.",
    )


@shown
def verdict(found: InterpolationData) -> HTML:
    """State the results in sentences that are computed from them."""
    result = found.measured()
    parts = []
    for measure in MEASURES:
        e = change(result.scores(measure), "latent")
        p = _against(result, measure, False)["latent"]
        parts.append(f"{NAMES[measure].lower()} {percent(e)}, p {p_text(p)}")
    sentences = [_significance(result), f"Latent against naive: {'; '.join(parts)}."]
    groups = by_group(result, "latent")
    low, high = (f(groups, key=lambda g: groups[g].value) for f in (min, max))
    sentences.append(
        f"By features, the latent path does best in {GROUPS[low]} ({percent(groups[low])}) and worst in "
        f"{GROUPS[high]} ({percent(groups[high])})."
    )
    if len(kinds := by_kind(result, "latent")) > 1:
        low, high = (f(kinds, key=lambda k: kinds[k].value) for f in (min, max))
        sentences.append(
            f"By kinds of sound, it does best where the ends are {low} ({percent(kinds[low])}) and worst "
            f"where they are {high} ({percent(kinds[high])})."
        )
    sentences.append(_by_algorithm(result))
    sentences.append(_switch(result))
    sentences.append(_latents(result))
    if ours := found.ours():
        rough, bent, uneven = (percent(change(result.scores(m), ours)) for m in MEASURES)
        title = result.provenance.methods[ours]["title"]
        sentences.append(
            f"“{title}” beats both of the paper's methods: smoothness {rough}, non-linearity {bent}, "
            f"unevenness {uneven} against naive."
        )
    else:
        sentences.append("No other method beats both of the paper's by all three measures.")
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in sentences if line)
    return HTML(Markup("<ul>{}</ul>").format(items))


def _significance(result: PairResult) -> str:
    """State in which measures latent is significantly better or worse than naive."""
    better, worse = [], []
    for measure in MEASURES:
        e, p = change(result.scores(measure), "latent"), _against(result, measure, False)["latent"]
        if p < statistics.SIGNIFICANCE and e.high < 0:
            better.append(_BETTER[measure])
        elif p < statistics.SIGNIFICANCE and e.low > 0:
            worse.append(_WORSE[measure])
    text = " and ".join(better + worse)
    if not text:
        return "Here the latent path and the naive one show no clear difference."
    rest = "" if len(better + worse) == len(MEASURES) else "; otherwise they show no clear difference"
    return f"Here the latent path is {text} than the naive one{rest}."


def _switch(result: PairResult) -> str:
    """State the scores of switching halfway, which show what a measure is worth."""
    if "switch" not in result.provenance.methods:
        return ""
    scores = [f"{NAMES[m].lower()} {percent(change(result.scores(m), 'switch'))}" for m in MEASURES]
    return f"Switching halfway instead of interpolating, against naive: {', '.join(scores)}."


def _by_algorithm(result: PairResult) -> str:
    parts = []
    for which, line in result.provenance.by_algorithm.items():
        ratio = line["latent"]["smoothness"] / line[BASELINE]["smoothness"] - 1
        text = f"{100 * ratio:+.0f}%".replace("-", "−")
        ends = "the same algorithm" if which == "same" else "different algorithms"
        parts.append(f"{text} where the ends have {ends} ({line['n']:,} pairs)")
    return f"Medians of smoothness, latent against naive: {', '.join(parts)}." if parts else ""


def _latents(result: PairResult) -> str:
    methods: Mapping[str, Mapping[str, Any]] = result.provenance.methods
    if not {"latent", "heard"} <= set(methods):
        return ""
    a, b = (methods[name]["radius"] for name in ("latent", "heard"))
    text = (
        f"The latents of encoded presets have an RMS distance of {a:.3g} from the center of the latent "
        f"space, those of sounds {b:.3g}. "
    )
    near = 0.5 < a / b < 2
    return text + (
        "They are about as far out, so points between two presets can lie in a region that the model knows."
        if near
        else "They lie in different regions, so the model has learned nothing about points between presets."
    )


def features_table(found: InterpolationData) -> HTML:
    """Tabulate the features, with mean and deviation over training presets where they were measured."""
    measured = found.result.provenance.features if found.result else {}
    lines = [
        {
            "feature": f.name,
            "group": GROUPS[f.group],
            "unit": f.unit or "–",
            "mean": f"{measured[f.name]['mean']:.3g}".replace("-", "−") if measured else "–",
            "deviation": f"{measured[f.name]['deviation']:.3g}" if measured else "–",
        }
        for f in FEATURES
    ]
    n = f" over {found.result.provenance.n_training:,} training presets" if found.result else ""
    return table_html(
        pd.DataFrame(lines), f"The {len(FEATURES)} features, their mean and deviation{n}", scroll=True
    )


def provenance(found: InterpolationData) -> str:
    """Return one line on the model, pairs and code that made the results."""
    if found.result is None:
        return "Nothing has been measured."
    p = found.result.provenance
    return (
        f"{p.title}, checkpoint {p.checkpoint_sha256}; {p.n_pairs:,} pairs of {p.corpus}, {p.subset} set, "
        f"{p.split} split, {p.n_steps} steps, note {p.note[0]}, velocity {p.note[1]}; {p.engine}, commit "
        f"{describe_commit(p.commit)}."
    )
