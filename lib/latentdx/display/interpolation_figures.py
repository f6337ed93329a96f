"""Figures of interpolation: paths of the paper's page, step by step, and where latent wins and loses."""

import numpy as np
from matplotlib import rc_context

from latentdx.display.figures import DescribedFigure, new_figure
from latentdx.display.interpolation_tables import by_group, by_kind, percent
from latentdx.display.table_formats import share
from latentdx.evaluation.interpolation_data import PAPER, InterpolationData
from latentdx.metrics.timbre import GROUPS


@rc_context()
def interpolation_steps_figure(found: InterpolationData, number: int) -> DescribedFigure:
    """Plot parameters and sound of one of the page's pairs against the steps, and how far the sound strays.

    Args:
        found: Files to read.
        number: Pair, 0 or 1.

    Raises:
        NotMeasuredError: The paths have not been rendered.
    """
    page = found.examples()
    pair = page.journeys[number]
    methods = [name for name in (*PAPER, found.ours()) if name in pair.ways]
    figure, axes = new_figure(1, 3, size=(7.4, 3.1))
    texts = []
    for i, name in enumerate(methods):
        path, label = pair.ways[str(name)], page.about["methods"][name]["title"]
        place = np.arange(1, len(path.steps) + 1)
        for ax, values in zip(
            axes[0],
            (
                [100 * s.parameters for s in path.steps],
                [100 * s.sound for s in path.steps],
                [s.aside for s in path.steps],
            ),
            strict=True,
        ):
            ax.plot(place, values, marker="o", markersize=4, color=f"C{i}", label=label)
        leap = int(np.abs(np.diff([s.sound for s in path.steps])).argmax())
        texts.append(
            f"{label}: the largest leap of the sound is between steps {leap + 1} and {leap + 2}, from "
            f"{share(path.steps[leap].sound)} to {share(path.steps[leap + 1].sound)}; it strays from the "
            f"straight line by up to {max(s.aside for s in path.steps):.2f} deviations"
        )
    for ax, heading, unit in zip(
        axes[0],
        ("Parameters", "Sound", "Sound, off the line"),
        ("% of the path", "% of the path", "deviations"),
        strict=True,
    ):
        ax.set(title=heading, ylabel=unit, xlabel="step", xticks=place)
    for ax in axes[0, :2]:
        ax.plot([1, place[-1]], [0, 100], color="C4", linewidth=0.8, linestyle=":")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8)
    return figure.described(
        f"Progress of parameters and sound at each step from {pair.title}. {'; '.join(texts)}.",
        f"{pair.title}. {'. '.join(texts)}. The dotted line shows equal steps.",
    )


@rc_context()
def interpolation_gains_figure(found: InterpolationData) -> DescribedFigure:
    """Plot where latent, and our best method, win and lose against naive, by features and kinds of sound.

    Args:
        found: Files to read.

    Raises:
        NotMeasuredError: No paths have been measured.
    """
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
    for i, name in enumerate(names):
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
            color=f"C{i}",
            label=result.provenance.methods[name]["title"],
        )
    ax.axvline(0, color="C4", linewidth=0.8)
    ax.set_yticks(range(len(labels)), [f"{label} ({lines[names[0]][label].n:,})" for label in labels])
    ax.set(xlabel="change of smoothness against naive, %", ylim=(-0.6, len(labels) - 0.4))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    text = "; ".join(f"{label} {percent(e)}" for label, e in lines[names[0]].items())
    return figure.described(
        f"Change of smoothness against naive, by features and by kinds of sound. Latent space: {text}.",
        "Left of the line is smoother than naive. Top: all pairs, by groups of features. Bottom: all "
        "features, by the labels of the ends. The number of pairs is in brackets.",
    )
