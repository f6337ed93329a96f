"""Table and figure of the agreement of distances of sounds with listeners."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context

from latentdx.display.figures import DescribedFigure, new_figure
from latentdx.display.table_formats import described, with_estimate
from latentdx.evaluation.listening_studies import OBJECTIVE, ListenerAgreement
from latentdx.evaluation.result_data import SOUND, ResultData
from latentdx.metrics.registry import METRICS
from latentdx.provenance import describe_commit

_FIGURES = {"rho": "rank correlation", "triplets": "triplets"}
_SPECTRAL = tuple(name for name in SOUND if name != "f0_error")


def _title(metric: str) -> str:
    return "the objective of searches" if metric == OBJECTIVE else METRICS[metric].title


def listener_agreement_table(data: ResultData) -> pd.DataFrame:
    """Tabulate how well each distance of sounds agrees with listeners, the best one on top.

    Args:
        data: Results to read.

    Returns:
        One row per distance, with means over the studies and their 95% intervals, which resample the studies:
        rank correlation, share of triplets, and by how much the objective is ahead in each, over the pairs
        for which the distance is defined; then the numbers of studies and of pairs that it ranks.

    Raises:
        NotMeasuredError: Agreement with listeners has not been measured.
    """
    agreement = ListenerAgreement.read(data.folder)
    lines = {}
    for metric, part in agreement.table.groupby("metric", sort=False):
        name = str(metric)
        line: dict[str, float | None] = {}
        for key, column in _FIGURES.items():
            line |= with_estimate(column, part[key], "mean")
        for key, column in _FIGURES.items():
            ahead = agreement.differences(name, key)
            line |= with_estimate(f"objective ahead, {column}", ahead if name != OBJECTIVE else [], "mean")
        ranked = part["rho"].notna()
        line |= {"studies": int(ranked.sum()), "pairs": int(part["defined"][ranked].sum())}
        lines[_title(name)] = line
    frame = pd.DataFrame.from_dict(lines, orient="index").rename_axis("distance")
    frame = frame.sort_values(_FIGURES["rho"], ascending=False, kind="stable")
    studies = agreement.table.drop_duplicates("study")
    formats = {"rank correlation": ".3f", "triplets": ".1%"}
    return described(
        frame,
        f"Means over {len(studies)} listening studies ({studies['sounds'].sum():,} sounds, "
        f"{studies['pairs'].sum():,} rated pairs), with 95% intervals; measured by commit "
        f"{describe_commit(agreement.commit)}",
        formats=formats | {f"objective ahead, {column}": form for column, form in formats.items()},
        better=dict.fromkeys(_FIGURES.values(), "higher"),
    )


@rc_context()
def listener_agreement_figure(data: ResultData, metrics: Sequence[str] = _SPECTRAL) -> DescribedFigure:
    """Plot the rank correlation with listeners study by study, for the objective and for other distances.

    Args:
        data: Results to read.
        metrics: Metrics to show beside the objective.

    Raises:
        NotMeasuredError: Agreement with listeners has not been measured.
    """
    agreement = ListenerAgreement.read(data.folder)
    rho = agreement.table.pivot(index="study", columns="metric", values="rho")
    rho = rho[[OBJECTIVE, *metrics]].sort_values(OBJECTIVE)
    figure, axes = new_figure(size=(7.4, 1.3 + 0.24 * len(rho)))
    ax, places = axes[0, 0], np.arange(len(rho))
    for i, metric in enumerate(metrics):
        marker, color = "sv^D<>PX"[i % 8], f"C{1 + i % 5}"
        ax.plot(rho[metric], places, marker, color=color, label=_title(metric), markersize=4)
    ax.plot(rho[OBJECTIVE], places, "o", color="C0", label=_title(OBJECTIVE), markersize=8, zorder=3)
    ax.set_yticks(places, [name.replace("_", " ") for name in rho.index], fontsize=8)
    ax.set(xlabel="rank correlation with listeners", ylim=(-0.7, len(rho) - 0.3))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8)
    others = rho[list(metrics)]
    best, worst, first = rho.index[-1], rho.index[0], int((rho[OBJECTIVE] > others.max(axis=1)).sum())
    said = f"The objective is ahead of all others shown in {first} of {len(rho)} studies"
    return figure.described(
        f"One line per study. The objective's rank correlation is highest in {best} "
        f"({rho[OBJECTIVE].iloc[-1]:.2f}) and lowest in {worst} ({rho[OBJECTIVE].iloc[0]:.2f}). {said}.",
        f"Rank correlation of each study, the best at the top; farther right is better. {said}.",
    )
