"""The chapter "Interpolation": what `latentdx evaluate interpolation` left, heard, measured and drawn.

Everything comes from those files; what is not there, or belongs to another checkpoint, is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from latentdx.applications.interpolate import DEFAULT_MODEL, METHODS
from latentdx.display.figures import COLORS, figure_html, new_figure
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, row
from latentdx.display.tables import table_html
from latentdx.evaluation import interpolation, path_examples, statistics
from latentdx.evaluation.interpolation import MEASURES, PairResult
from latentdx.evaluation.path_examples import ExamplePath, PathExample, PathExamples
from latentdx.registry import data_path
from latentdx_book.chapters.result_data import NotMeasuredError, shown
from latentdx_book.chapters.trained_models import notice

PAPER = ("latent", "naive")
"""The two ways of the paper's page."""

COMMAND = "latentdx evaluate interpolation"


@dataclass(frozen=True)
class InterpolationData:
    """What is there: the page's two pairs, and the result over many pairs; `None` where it is not."""

    folder: Path
    page: PathExamples | None
    result: PairResult | None
    checkpoint: Path

    @classmethod
    def read(
        cls, folder: str | Path = "", model: str = DEFAULT_MODEL, checkpoint: str | Path = ""
    ) -> "InterpolationData":
        """Of a folder, default `data/interpolation`, and a model's name there.

        Args:
            checkpoint: the file that they should belong to; default the shipped one of that name.
        """
        place = Path(folder) if folder else data_path(interpolation.FOLDER)
        results = {r.provenance.model.split("-on-")[0]: r for r in interpolation.read_results(place)}
        file = Path(checkpoint) if checkpoint else data_path("checkpoints", f"{model}.safetensors")
        return cls(place, path_examples.read(place), results.get(model), file)

    def measured(self) -> PairResult:
        """The result over many pairs; raises `NotMeasuredError` where there is none."""
        if self.result is None:
            raise NotMeasuredError(
                f"No paths between presets of the test set were measured yet. `{COMMAND}`."
            )
        return self.result

    def ours(self) -> str | None:
        """The method that beats both of the paper's by all three measures, by paired tests and by means; of
        several the smoothest. `None` where there is none, or no result."""
        if self.result is None:
            return None
        better = set(self.result.provenance.methods) - set(PAPER)
        for measure in MEASURES:
            scores = self.result.scores(measure)
            means = {name: np.nanmean(values) for name, values in scores.items()}
            beaten: dict[str, set[str]] = {name: set() for name in scores}
            for c in interpolation.comparisons(self.result, measure):
                if c.lower and c.p < statistics.SIGNIFICANCE:
                    beaten[c.lower].add(c.b if c.lower == c.a else c.a)
            better &= {
                name
                for name in better
                if set(PAPER) <= beaten[name] and all(means[name] < means[p] for p in PAPER)
            }
        smooth = {
            name: np.nanmean(v) for name, v in self.result.scores(MEASURES[0]).items() if name in better
        }
        return min(smooth, key=smooth.__getitem__, default=None)


def belonging(found: InterpolationData) -> HTML | None:
    """A notice where sounds or figures are not there, or are of another checkpoint than the shipped one."""
    if found.page is None and found.result is None:
        return _absent()
    hashes = {found.page.about["checkpoint_sha256"]} if found.page else set()
    hashes |= {found.result.provenance.checkpoint_sha256} if found.result else set()
    journey = PathExamples(found.folder, {"checkpoint_sha256": hashes.pop()}, [])
    if not hashes and journey.belongs(found.checkpoint):
        return None
    return notice(
        "These paths belong to another checkpoint",
        f"What is heard and measured below was made with other weights than those of {found.checkpoint.name} "
        f"that ship. {COMMAND} makes it anew, which needs the corpus.",
    )


@shown
def _absent() -> HTML:
    raise NotMeasuredError(
        f"The paths of this page were not rendered yet. `{COMMAND}` does it; it needs the corpus and a model."
    )


# -- listening -----------------------------------------------------------------------------------------------


def rows(found: InterpolationData, number: int) -> list[HTML]:
    """The page's pair 0 or 1: latent, naive, and our best, where one beats both."""
    if found.page is None:
        return [_absent()]
    journey = found.page.journeys[number]
    ways = [name for name in (*PAPER, found.ours()) if name in journey.ways and journey.ways[name].kept]
    return [_row(found.page, journey, str(name)) for name in ways]


def _row(page: PathExamples, journey: PathExample, name: str) -> HTML:
    way, told = journey.ways[name], page.about["methods"][name]
    last = len(way.steps)
    titles = [f"Step {i}" for i in range(1, last + 1)]
    titles[0], titles[-1] = f"1, {journey.start}", f"{last}, {journey.end}"
    clips = [
        Clip(step.audio(page.folder), said, (f"sound {share(step.sound)} of the way",))
        for step, said in zip(way.steps, titles, strict=True)
    ]
    text = str(told["text"])
    caption = (
        f"{text[:1].upper()}{text[1:]}. Smoothness {way.smoothness:.1f}, non-linearity "
        f"{way.nonlinearity:.2f}, unevenness {way.unevenness:.2f}; less is better.{_ends(way)}"
    )
    return row(clips, f"{journey.title}: {told['title']}", caption, sequence=True)


def _ends(way: ExamplePath) -> str:
    """Which ends were put there."""
    if all(way.exact):
        return ""
    which = "Both ends are" if not any(way.exact) else "The start is" if not way.exact[0] else "The end is"
    return f" {which} the given preset itself, not what the model gives back."


def share(value: float) -> str:
    return f"{100 * value:.0f} %".replace("-", "−")


@shown
def page_table(found: InterpolationData) -> HTML:
    """All measures of both pairs, by every method."""
    if found.page is None:
        raise NotMeasuredError(f"Nothing was measured yet. `{COMMAND}`.")
    lines: dict[str, dict[str, str]] = {}
    for journey in found.page.journeys:
        for name, way in journey.ways.items():
            line = lines.setdefault(name, {"": found.page.about["methods"][name]["title"]})
            line[f"{journey.title}: smoothness ↓"] = f"{way.smoothness:.1f}"
            line[f"{journey.title}: non-linearity ↓"] = f"{way.nonlinearity:.2f}"
            line[f"{journey.title}: unevenness ↓"] = f"{way.unevenness:.2f}"
    table = pd.DataFrame(list(lines.values())).fillna("–")
    return table_html(table, "The two pairs above, by every method")


# -- how parameters and sound travel -------------------------------------------------------------------------


@shown
def travel_figure(found: InterpolationData, number: int) -> HTML:
    """Of one of the page's pairs: parameters and sound against the steps, and how far the sound strays."""
    if found.page is None:
        raise NotMeasuredError(f"Nothing was rendered yet. `{COMMAND}`.")
    journey = found.page.journeys[number]
    ways = [name for name in (*PAPER, found.ours()) if name in journey.ways]
    figure, axes = new_figure(1, 3, size=(7.4, 3.1))
    said = []
    for name, color in zip(ways, COLORS, strict=False):
        way, label = journey.ways[str(name)], found.page.about["methods"][name]["title"]
        place = np.arange(1, len(way.steps) + 1)
        for ax, values in zip(
            axes[0],
            (
                [100 * s.parameters for s in way.steps],
                [100 * s.sound for s in way.steps],
                [s.aside for s in way.steps],
            ),
            strict=True,
        ):
            ax.plot(place, values, marker="o", markersize=4, color=color, label=label)
        leap = int(np.abs(np.diff([s.sound for s in way.steps])).argmax())
        said.append(
            f"{label}: largest leap of sound between steps {leap + 1} and {leap + 2}, from "
            f"{share(way.steps[leap].sound)} to {share(way.steps[leap + 1].sound)}; at most "
            f"{max(s.aside for s in way.steps):.2f} aside"
        )
    for ax, heading, unit in zip(
        axes[0],
        ("Parameters", "Sound", "Sound, aside"),
        ("% of the way", "% of the way", "deviations"),
        strict=True,
    ):
        ax.set(title=heading, ylabel=unit, xlabel="step", xticks=place)
    for ax in axes[0, :2]:
        ax.plot([1, place[-1]], [0, 100], color=COLORS[4], linewidth=0.8, linestyle=":")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8)
    return figure_html(
        figure,
        f"How far along parameters and sound are at each step from {journey.title}. {'; '.join(said)}.",
        caption=f"{journey.title}. {'. '.join(said)}. The dotted line would be equal steps.",
    )


# -- our own presets ----------------------------------------------------------------------------------------


def methods_list() -> HTML:
    """All ways in words."""
    items = Markup("").join(
        Markup("<dt>{}</dt><dd>{}</dd>").format(m.title, f"{m.text[:1].upper()}{m.text[1:]}.")
        for m in METHODS.values()
    )
    return HTML(Markup("<dl>{}</dl>").format(items))


def starter_rows(paths: Mapping[str, Any], sounds: Mapping[str, Sequence[Any]]) -> list[HTML]:
    """Paths between presets of our own, one row a method, each step to be downloaded.

    Args:
        paths: method -> `PresetBank`.
        sounds: method -> one sound a step.
    """
    out = []
    for name, path in paths.items():
        clips = [
            Clip(sound, f"{i}, {preset.name}" if i in (1, len(path)) else f"Step {i}", preset=preset)
            for i, (preset, sound) in enumerate(zip(path, sounds[name], strict=True), 1)
        ]
        out.append(row(clips, f"{path[0].name} to {path[-1].name}: {METHODS[name].title}", sequence=True))
    return out
