"""Chapter "Interpolation": listening rows, tables and figures from `latentdx evaluate interpolation`.

Everything comes from the files of that command. A notice appears where they are missing or belong to another
checkpoint.
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
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.registry import data_path
from latentdx_book.chapters.presentation import shown
from latentdx_book.chapters.trained_models import notice

PAPER = ("latent", "naive")
"""Methods on the paper's page."""

COMMAND = "latentdx evaluate interpolation"
"""Command that makes the files."""


@dataclass(frozen=True)
class InterpolationData:
    """Files on interpolation that exist.

    Attributes:
        folder: Folder of the files.
        page: Paths between the two pairs of the paper's page; `None` where there are none.
        result: Measures over many pairs of the test set; `None` where there are none.
        checkpoint: Checkpoint that the files should belong to.
    """

    folder: Path
    page: PathExamples | None
    result: PairResult | None
    checkpoint: Path

    @classmethod
    def read(
        cls, folder: str | Path = "", model: str = DEFAULT_MODEL, checkpoint: str | Path = ""
    ) -> "InterpolationData":
        """Read the files of one model.

        Args:
            folder: Folder of the files; default `data/interpolation`.
            model: Name of the model whose result is read.
            checkpoint: Checkpoint that the files should belong to; default the shipped one of that model.
        """
        place = Path(folder) if folder else data_path(interpolation.FOLDER)
        results = {r.provenance.model.split("-on-")[0]: r for r in interpolation.read_results(place)}
        file = Path(checkpoint) if checkpoint else data_path("checkpoints", f"{model}.safetensors")
        return cls(place, path_examples.read(place), results.get(model), file)

    def measured(self) -> PairResult:
        """Return the result over many pairs.

        Raises:
            NotMeasuredError: There is no result.
        """
        if self.result is None:
            raise NotMeasuredError(
                f"No paths between presets of the test set have been measured yet. `{COMMAND}` measures them."
            )
        return self.result

    def ours(self) -> str | None:
        """Return the method that beats both of the paper's by all three measures.

        It must do so by paired tests and by means. Of several methods the smoothest is returned; `None` where
        there is none, or no result.
        """
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
    """Return a notice where files are missing or belong to another checkpoint, otherwise `None`."""
    if found.page is None and found.result is None:
        return _absent()
    hashes = {found.page.about["checkpoint_sha256"]} if found.page else set()
    hashes |= {found.result.provenance.checkpoint_sha256} if found.result else set()
    examples = PathExamples(found.folder, {"checkpoint_sha256": hashes.pop()}, [])
    if not hashes and examples.belongs(found.checkpoint):
        return None
    return notice(
        "These paths belong to another checkpoint",
        f"The sounds and measures below were made with other weights than those of the shipped "
        f"{found.checkpoint.name}. {COMMAND} makes them again; it needs the corpus.",
    )


@shown
def _absent() -> HTML:
    raise NotMeasuredError(
        f"The paths of this page have not been rendered yet. `{COMMAND}` renders them; it needs the corpus "
        "and a model."
    )


# -- listening -----------------------------------------------------------------------------------------------


def rows(found: InterpolationData, number: int) -> list[HTML]:
    """Render the paths of one of the page's pairs: latent, naive, and our best one that beats both.

    Args:
        found: Files to read.
        number: Pair, 0 or 1.
    """
    if found.page is None:
        return [_absent()]
    pair = found.page.journeys[number]
    methods = [name for name in (*PAPER, found.ours()) if name in pair.ways and pair.ways[name].kept]
    return [_row(found.page, pair, str(name)) for name in methods]


def _row(page: PathExamples, pair: PathExample, name: str) -> HTML:
    path, method = pair.ways[name], page.about["methods"][name]
    last = len(path.steps)
    titles = [f"Step {i}" for i in range(1, last + 1)]
    titles[0], titles[-1] = f"1, {pair.start}", f"{last}, {pair.end}"
    clips = [
        Clip(step.audio(page.folder), title, (f"sound at {share(step.sound)} of the path",))
        for step, title in zip(path.steps, titles, strict=True)
    ]
    text = str(method["text"])
    caption = (
        f"{text[:1].upper()}{text[1:]}. Smoothness {path.smoothness:.1f}, non-linearity "
        f"{path.nonlinearity:.2f}, unevenness {path.unevenness:.2f}; lower is better.{_ends(path)}"
    )
    return row(clips, f"{pair.title}: {method['title']}", caption, sequence=True)


def _ends(path: ExamplePath) -> str:
    """Name the ends where the given preset replaces the model's reconstruction."""
    if all(path.exact):
        return ""
    which = "Both ends are" if not any(path.exact) else "The start is" if not path.exact[0] else "The end is"
    return f" {which} the given preset itself, not the model's reconstruction of it."


def share(value: float) -> str:
    """Format a share as a percentage, such as "50%" for 0.5."""
    return f"{100 * value:.0f}%".replace("-", "−")


@shown
def page_table(found: InterpolationData) -> HTML:
    """Tabulate all measures of the page's two pairs, by every method."""
    if found.page is None:
        raise NotMeasuredError(f"Nothing has been measured yet. `{COMMAND}` measures it.")
    lines: dict[str, dict[str, str]] = {}
    for pair in found.page.journeys:
        for name, path in pair.ways.items():
            line = lines.setdefault(name, {"": found.page.about["methods"][name]["title"]})
            line[f"{pair.title}: smoothness ↓"] = f"{path.smoothness:.1f}"
            line[f"{pair.title}: non-linearity ↓"] = f"{path.nonlinearity:.2f}"
            line[f"{pair.title}: unevenness ↓"] = f"{path.unevenness:.2f}"
    table = pd.DataFrame(list(lines.values())).fillna("–")
    return table_html(table, "The two pairs above, by every method")


# -- parameters and sound against steps ----------------------------------------------------------------------


@shown
def travel_figure(found: InterpolationData, number: int) -> HTML:
    """Plot parameters and sound of one of the page's pairs against the steps, and how far the sound strays.

    Args:
        found: Files to read.
        number: Pair, 0 or 1.
    """
    if found.page is None:
        raise NotMeasuredError(f"Nothing has been rendered yet. `{COMMAND}` renders it.")
    pair = found.page.journeys[number]
    methods = [name for name in (*PAPER, found.ours()) if name in pair.ways]
    figure, axes = new_figure(1, 3, size=(7.4, 3.1))
    texts = []
    for name, color in zip(methods, COLORS, strict=False):
        path, label = pair.ways[str(name)], found.page.about["methods"][name]["title"]
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
            ax.plot(place, values, marker="o", markersize=4, color=color, label=label)
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
        ax.plot([1, place[-1]], [0, 100], color=COLORS[4], linewidth=0.8, linestyle=":")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8)
    return figure_html(
        figure,
        f"Progress of parameters and sound at each step from {pair.title}. {'; '.join(texts)}.",
        caption=f"{pair.title}. {'. '.join(texts)}. The dotted line shows equal steps.",
    )


# -- our own presets ----------------------------------------------------------------------------------------


def methods_list() -> HTML:
    """Describe all methods in words, as a list."""
    items = Markup("").join(
        Markup("<dt>{}</dt><dd>{}</dd>").format(m.title, f"{m.text[:1].upper()}{m.text[1:]}.")
        for m in METHODS.values()
    )
    return HTML(Markup("<dl>{}</dl>").format(items))


def starter_rows(paths: Mapping[str, Any], sounds: Mapping[str, Sequence[Any]]) -> list[HTML]:
    """Render paths between presets of our own, one row per method, with a download of each step.

    Args:
        paths: Method -> `PresetBank` of its steps.
        sounds: Method -> one sound per step, float32 (samples,), 22,050 Hz.
    """
    out = []
    for name, path in paths.items():
        clips = [
            Clip(sound, f"{i}, {preset.name}" if i in (1, len(path)) else f"Step {i}", preset=preset)
            for i, (preset, sound) in enumerate(zip(path, sounds[name], strict=True), 1)
        ]
        out.append(row(clips, f"{path[0].name} to {path[-1].name}: {METHODS[name].title}", sequence=True))
    return out
