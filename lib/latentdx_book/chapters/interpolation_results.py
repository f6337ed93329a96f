"""Chapter "Interpolation": paths between many pairs of the test set, in tables, a figure and sentences.

The sentences are computed from the measures, so they state whatever those show.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from latentdx.display import interpolation_figures, interpolation_tables
from latentdx.display.html import HTML
from latentdx.display.interpolation_tables import NAMES, by_group, by_kind, p_against_naive, percent
from latentdx.display.table_formats import interval_ends, p_text
from latentdx.evaluation import statistics
from latentdx.evaluation.interpolation import BASELINE, MEASURES, PairResult, change
from latentdx.evaluation.interpolation_data import InterpolationData
from latentdx.metrics.timbre import GROUPS
from latentdx.provenance import describe_commit
from latentdx_book.chapters.presentation import shown

features_table = shown(interpolation_tables.interpolation_features_table, scroll=True)
gains_figure = shown(interpolation_figures.interpolation_gains_figure)

_BETTER = {"smoothness": "smoother", "nonlinearity": "straighter", "unevenness": "more even"}
_WORSE = {"smoothness": "rougher", "nonlinearity": "less straight", "unevenness": "less even"}


def _inline(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a table in which the intervals of a column stand in the same line as its values."""
    ends = interval_ends(column)
    values = frame[[column, *ends]].to_numpy()
    texts = [percent(statistics.Estimate(value, low, high, 0)) for value, low, high in values]
    return frame.assign(**{column: texts}).drop(columns=ends)


@shown
def changes_table(found: InterpolationData, measure: str, *, sounding: bool = False) -> pd.DataFrame:
    """Show `interpolation_changes_table`, with its changes in a single line; same arguments."""
    return _inline(
        interpolation_tables.interpolation_changes_table(found, measure, sounding=sounding), "against naive"
    )


@shown
def silence_table(found: InterpolationData) -> pd.DataFrame:
    """Show `interpolation_silence_table`, with the number of steps next to that of silent ones."""
    frame = interpolation_tables.interpolation_silence_table(found)
    counts = zip(frame["silent steps"], frame["steps"], strict=True)
    texts = [f"{silent:,} of {steps:,}" for silent, steps in counts]
    return frame.assign(**{"silent steps": texts}).drop(columns="steps")


@shown
def verdict(found: InterpolationData) -> HTML:
    """State the results in sentences that are computed from them."""
    result = found.measured()
    parts = []
    for measure in MEASURES:
        e = change(result.scores(measure), "latent")
        p = p_against_naive(result, measure)["latent"]
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
        e, p = change(result.scores(measure), "latent"), p_against_naive(result, measure)["latent"]
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
