"""Tables of interpolation: each method against naive, silent steps, the paper's page, and the features."""

import numpy as np
import pandas as pd

from latentdx.display.table_formats import described, with_interval
from latentdx.evaluation import interpolation, statistics
from latentdx.evaluation.interpolation import BASELINE, MEASURES, PairResult, change
from latentdx.evaluation.interpolation_data import InterpolationData
from latentdx.metrics.timbre import FEATURES, GROUPS

LEAST_OF_KIND = 20
"""Smallest number of pairs for a line of the breakdown; with fewer, its interval would be too wide."""

NAMES = {"smoothness": "Smoothness", "nonlinearity": "Non-linearity", "unevenness": "Unevenness"}
"""Names of the `MEASURES` at the beginning of a line."""


def percent(e: statistics.Estimate) -> str:
    """Format a change with its 95% interval, as percentages."""
    if not np.isfinite(e.value):
        return "–"
    low, high = (f"{100 * x:+.1f}".replace("-", "−") for x in (e.low, e.high))
    return f"{100 * e.value:+.1f}% ({low} to {high})".replace("-", "−")


def p_against_naive(result: PairResult, measure: str, *, sounding: bool = False) -> dict[str, float]:
    """Return method -> p-value of its paired test against naive."""
    out = {}
    for c in interpolation.comparisons(result, measure, sounding=sounding):
        if BASELINE in (c.a, c.b):
            out[c.b if c.a == BASELINE else c.a] = c.p
    return out


def interpolation_changes_table(
    found: InterpolationData, measure: str, *, sounding: bool = False
) -> pd.DataFrame:
    """Tabulate each method's mean, its change against naive with interval and test, and the pairs it won.

    Args:
        found: Files to read.
        measure: One of `MEASURES`.
        sounding: True to use only the pairs in which no method has a silent step.

    Returns:
        One row per method: mean and median of the measure, its relative change against naive, the share of
        pairs in which it is better than naive, and p. The method that beats both of the paper's is marked as
        best.

    Raises:
        NotMeasuredError: No paths have been measured.
    """
    result = found.measured()
    scores, tests = (
        result.scores(measure, sounding=sounding),
        p_against_naive(result, measure, sounding=sounding),
    )
    methods, naive, mean_of = result.provenance.methods, scores[BASELINE], f"{NAMES[measure]}, mean"
    lines = []
    for name in methods:
        mean = statistics.bootstrap(scores[name], "mean")
        line = with_interval(mean_of, mean.value, mean.low, mean.high)
        line["median"] = float(np.nanmedian(scores[name]))
        e = change(scores, name)
        known = np.isfinite(scores[name]) & np.isfinite(naive)
        better = float((scores[name] < naive)[known].mean())
        if name == BASELINE:
            line |= with_interval("against naive") | {"better in": None, "p": None}
        else:
            line |= with_interval("against naive", e.value, e.low, e.high)
            line |= {"better in": better, "p": tests[name]}
        lines.append(line)
    digits, ours = ".1f" if measure == "smoothness" else ".3f", found.ours()
    which = "without silent steps in any method" if sounding else f"of {result.provenance.corpus}'s test set"
    titles = pd.Index([about["title"] for about in methods.values()], name="method")
    return described(
        pd.DataFrame(lines, index=titles).astype(np.float64),
        f"{NAMES[measure]} over {len(naive):,} pairs {which}, {result.provenance.n_steps} steps",
        formats={mean_of: digits, "median": digits, "against naive": "+.1%", "better in": ".0%", "p": "p"},
        better={mean_of: "lower"},
        best={"method": methods[ours]["title"]} if ours else None,
    )


def interpolation_silence_table(found: InterpolationData) -> pd.DataFrame:
    """Tabulate how often a method has silent steps between two presets that are not silent.

    Args:
        found: Files to read.

    Returns:
        One row per method: silent steps and all steps between the ends, the share of paths with silent steps,
        the number of pairs without a path, and the share of ends that the method reproduces exactly.

    Raises:
        NotMeasuredError: No paths have been measured.
    """
    result = found.measured()
    table, inner = result.table, result.provenance.n_steps - 2
    lines = {}
    for name, about in result.provenance.methods.items():
        part = table[table["method"] == name]
        lines[about["title"]] = {
            "silent steps": int(part["silent_steps"].sum()),
            "steps": int(inner * (~part["failed"]).sum()),
            "paths with silent steps": float((part["silent_steps"] > 0).mean()),
            "no path": int(part["failed"].sum()),
            "ends reproduced exactly": about.get("exact", np.nan),
        }
    return described(
        pd.DataFrame(list(lines.values()), index=pd.Index(lines, name="method")),
        "Silent steps, and how often a method reproduces the ends",
        formats={"paths with silent steps": ".0%", "ends reproduced exactly": ".0%"},
    )


def interpolation_examples_table(found: InterpolationData) -> pd.DataFrame:
    """Tabulate all measures of the two pairs of the paper's page.

    Args:
        found: Files to read.

    Returns:
        One row per method, and a column for each pair and measure.

    Raises:
        NotMeasuredError: The paths have not been rendered.
    """
    page = found.examples()
    lines: dict[str, dict[str, float]] = {}
    formats: dict[str, str] = {}
    for pair in page.journeys:
        columns = {measure: f"{pair.title}: {NAMES[measure].lower()}" for measure in MEASURES}
        formats |= {column: ".1f" if m == "smoothness" else ".2f" for m, column in columns.items()}
        for name, path in pair.ways.items():
            line = lines.setdefault(page.about["methods"][name]["title"], {})
            line |= {column: getattr(path, measure) for measure, column in columns.items()}
    return described(
        pd.DataFrame(list(lines.values()), index=pd.Index(lines, name="method")),
        "The two pairs of the paper's page, by every method",
        formats=formats,
        better=dict.fromkeys(formats, "lower"),
    )


def interpolation_features_table(found: InterpolationData) -> pd.DataFrame:
    """Tabulate the features, with mean and deviation over training presets where they were measured.

    Args:
        found: Files to read.

    Returns:
        Columns feature, group, unit, mean and deviation.
    """
    measured = found.result.provenance.features if found.result else {}
    frame = pd.DataFrame(
        {
            "feature": f.name,
            "group": GROUPS[f.group],
            "unit": f.unit or None,
            "mean": measured[f.name]["mean"] if measured else np.nan,
            "deviation": measured[f.name]["deviation"] if measured else np.nan,
        }
        for f in FEATURES
    )
    n = f" over {found.result.provenance.n_training:,} training presets" if found.result else ""
    return described(
        frame,
        f"The {len(FEATURES)} features, their mean and deviation{n}",
        formats={"mean": ".3g", "deviation": ".3g"},
    )


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
