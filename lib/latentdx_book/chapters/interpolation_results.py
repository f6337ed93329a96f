"""The chapter "Interpolation": paths over many pairs of the test set, in tables, a figure and sentences.

Sentences are computed: they say what the figures show, whatever it is.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from latentdx.display.figures import COLORS, figure_html, new_figure
from latentdx.display.html import HTML
from latentdx.display.tables import table_html
from latentdx.evaluation import interpolation, statistics
from latentdx.evaluation.interpolation import BASELINE, MEASURES, PairResult, change
from latentdx.metrics.timbre import FEATURES, GROUPS
from latentdx.provenance import describe_commit
from latentdx_book.chapters.interpolation import InterpolationData, share
from latentdx_book.chapters.result_data import p_text, shown

LEAST_OF_KIND = 20
"""Pairs that a line of the break-down needs: with fewer its interval says nothing."""

NAMES = {"smoothness": "Smoothness", "nonlinearity": "Non-linearity", "unevenness": "Unevenness"}
"""Of `MEASURES`, at the beginning of a line."""

_BETTER = {"smoothness": "smoother", "nonlinearity": "straighter", "unevenness": "more even"}
_WORSE = {"smoothness": "rougher", "nonlinearity": "less straight", "unevenness": "less even"}


def percent(e: statistics.Estimate) -> str:
    """A change with its interval."""
    if not np.isfinite(e.value):
        return "–"
    low, high = (f"{100 * x:+.1f}".replace("-", "−") for x in (e.low, e.high))
    return f"{100 * e.value:+.1f} % ({low} to {high})".replace("-", "−")


def _against(result: PairResult, measure: str, sounding: bool) -> dict[str, float]:
    """Method -> the p of its paired test against naive."""
    out = {}
    for c in interpolation.comparisons(result, measure, sounding=sounding):
        if BASELINE in (c.a, c.b):
            out[c.b if c.a == BASELINE else c.a] = c.p
    return out


@shown
def changes_table(found: InterpolationData, measure: str, *, sounding: bool = False) -> HTML:
    """Every method's mean, its change against naive with interval and test, and in how many pairs it won.

    Args:
        measure: of `MEASURES`.
        sounding: only over the pairs in which no method has a silent step.
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
    which = "in which no way falls silent" if sounding else f"of {result.provenance.corpus}'s test set"
    return table_html(
        pd.DataFrame(lines, dtype=object), f"{NAMES[measure]} over {n:,} pairs {which}, {_steps(result)}"
    )


def _steps(result: PairResult) -> str:
    return f"{result.provenance.n_steps} steps"


@shown
def silence_table(found: InterpolationData) -> HTML:
    """How often a way falls silent between two presets that do not."""
    result = found.measured()
    lines = []
    for name, about in result.provenance.methods.items():
        part = result.table[result.table["method"] == name]
        inner = result.provenance.n_steps - 2
        lines.append(
            {
                "": about["title"],
                "silent steps": f"{part['silent_steps'].sum():,} of {inner * (~part['failed']).sum():,}",
                "paths with one": share(float((part["silent_steps"] > 0).mean())),
                "no path": f"{part['failed'].sum():,}",
                "ends given back exactly": share(about["exact"]) if "exact" in about else "–",
            }
        )
    return table_html(pd.DataFrame(lines), "Steps that cannot be heard, and ends")


def by_group(result: PairResult, name: str) -> dict[str, statistics.Estimate]:
    """Change of a method's smoothness against naive, within each group of features."""
    return {group: change(result.scores(f"smoothness_{group}"), name) for group in GROUPS}


def by_kind(result: PairResult, name: str, measure: str = MEASURES[0]) -> dict[str, statistics.Estimate]:
    """The same over all features by the labels of the ends, "harmonic to sfx" both ways, where there are
    enough pairs."""
    ends = result.table[result.table["method"] == name].sort_values("pair")[["label_a", "label_b"]]
    kinds = [" and ".join(sorted(set(pair))) for pair in ends.itertuples(index=False)]
    scores = result.scores(measure)
    out = {}
    for kind in sorted(set(kinds)):
        which = np.array([k == kind for k in kinds])
        if which.sum() >= LEAST_OF_KIND:
            said = kind if " and " in kind else f"both {kind}"
            out[said] = change({k: v[which] for k, v in scores.items()}, name)
    return out


@shown
def gains_figure(found: InterpolationData) -> HTML:
    """Where latent wins and loses against naive, and ours with it: by features and by kinds of sound."""
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
    said = "; ".join(f"{label} {percent(e)}" for label, e in lines[names[0]].items())
    return figure_html(
        figure,
        f"Change of smoothness against naive, by features and by kinds of sound. Latent space: {said}.",
        caption="Left of the line is smoother than naive. Above, all pairs by groups of features; below, all "
        "features by the labels of the ends; the number of pairs in brackets.",
    )


@shown
def verdict(found: InterpolationData) -> HTML:
    """What the figures say, in sentences that are computed."""
    result = found.measured()
    parts = []
    for measure in MEASURES:
        e = change(result.scores(measure), "latent")
        p = _against(result, measure, False)["latent"]
        parts.append(f"{NAMES[measure].lower()} {percent(e)}, p {p_text(p)}")
    told = [_sure(result), f"Latent against naive: {'; '.join(parts)}."]
    groups = by_group(result, "latent")
    low, high = (f(groups, key=lambda g: groups[g].value) for f in (min, max))
    told.append(
        f"By features it does best in {GROUPS[low]} ({percent(groups[low])}) and least well in "
        f"{GROUPS[high]} ({percent(groups[high])})."
    )
    if len(kinds := by_kind(result, "latent")) > 1:
        low, high = (f(kinds, key=lambda k: kinds[k].value) for f in (min, max))
        told.append(
            f"By sounds, best where they are {low} ({percent(kinds[low])}), least where {high} "
            f"({percent(kinds[high])})."
        )
    told.append(_by_algorithm(result))
    told.append(_switch(result))
    told.append(_latents(result))
    if ours := found.ours():
        rough, bent, uneven = (percent(change(result.scores(m), ours)) for m in MEASURES)
        title = result.provenance.methods[ours]["title"]
        told.append(
            f"“{title}” beats both of the paper's ways: smoothness {rough}, non-linearity {bent}, unevenness "
            f"{uneven} against naive."
        )
    else:
        told.append("No other way beats both of the paper's by all three measures.")
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in told if line)
    return HTML(Markup("<ul>{}</ul>").format(items))


def _sure(result: PairResult) -> str:
    """Whether latent is better than naive, in plain words."""
    better, worse = [], []
    for measure in MEASURES:
        e, p = change(result.scores(measure), "latent"), _against(result, measure, False)["latent"]
        if p < statistics.SIGNIFICANCE and e.high < 0:
            better.append(_BETTER[measure])
        elif p < statistics.SIGNIFICANCE and e.low > 0:
            worse.append(_WORSE[measure])
    said = " and ".join(better + worse)
    if not said:
        return "Here no clear difference between the latent path and the naive one is shown."
    rest = "" if len(better + worse) == len(MEASURES) else "; otherwise no difference is shown"
    return f"Here the latent path is {said} than the naive one{rest}."


def _switch(result: PairResult) -> str:
    """What no interpolation scores, which says what a measure is worth."""
    if "switch" not in result.provenance.methods:
        return ""
    told = [f"{NAMES[m].lower()} {percent(change(result.scores(m), 'switch'))}" for m in MEASURES]
    return f"To switch halfway, and not to interpolate at all, against naive: {', '.join(told)}."


def _by_algorithm(result: PairResult) -> str:
    told = []
    for which, line in result.provenance.by_algorithm.items():
        ratio = line["latent"]["smoothness"] / line[BASELINE]["smoothness"] - 1
        text = f"{100 * ratio:+.0f} %".replace("-", "−")
        told.append(
            f"{text} where the ends have {'one algorithm' if which == 'same' else 'two algorithms'} "
            f"({line['n']:,} pairs)"
        )
    return f"Medians of smoothness against naive: {', '.join(told)}." if told else ""


def _latents(result: PairResult) -> str:
    methods: Mapping[str, Mapping[str, Any]] = result.provenance.methods
    if not {"latent", "heard"} <= set(methods):
        return ""
    a, b = (methods[name]["radius"] for name in ("latent", "heard"))
    text = f"Encoded presets lie at {a:.3g} from the middle of the latent space (RMS), sounds at {b:.3g}"
    near = 0.5 < a / b < 2
    return text + (
        ": about as far out, so that what lies between two presets need be no foreign land to the model."
        if near
        else ": elsewhere, so that what lies between two presets is nothing that the model has learnt of."
    )


def features_table(found: InterpolationData) -> HTML:
    """The list, with mean and deviation over training presets where they were measured."""
    told = found.result.provenance.features if found.result else {}
    lines = [
        {
            "feature": f.name,
            "group": GROUPS[f.group],
            "unit": f.unit or "–",
            "mean": f"{told[f.name]['mean']:.3g}".replace("-", "−") if told else "–",
            "deviation": f"{told[f.name]['deviation']:.3g}" if told else "–",
        }
        for f in FEATURES
    ]
    n = f" over {found.result.provenance.n_training:,} training presets" if found.result else ""
    return table_html(
        pd.DataFrame(lines), f"The {len(FEATURES)} features, their mean and deviation{n}", scroll=True
    )


def provenance(found: InterpolationData) -> str:
    """One line on what made the figures."""
    if found.result is None:
        return "Nothing was measured."
    p = found.result.provenance
    return (
        f"{p.title}, checkpoint {p.checkpoint_sha256}; {p.n_pairs:,} pairs of {p.corpus}, {p.subset} set, "
        f"{p.split} split, {p.n_steps} steps, note {p.note[0]}, velocity {p.note[1]}; {p.engine}, commit "
        f"{describe_commit(p.commit)}."
    )
