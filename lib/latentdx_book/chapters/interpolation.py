"""Chapter "Interpolation": listening rows, tables and figures from `latentdx evaluate interpolation`.

Everything comes from the files of that command. A notice appears where they are missing or belong to another
checkpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from latentdx.applications.interpolate import METHODS
from latentdx.dataset import target_sounds
from latentdx.display import interpolation_figures, interpolation_tables
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, row
from latentdx.display.table_formats import share
from latentdx.evaluation.interpolation_data import COMMAND, PAPER, InterpolationData
from latentdx.evaluation.path_examples import ExamplePath, PathExample, PathExamples
from latentdx.typing import Audio
from latentdx_book.chapters.presentation import shown
from latentdx_book.chapters.trained_models import notice

page_table = shown(interpolation_tables.interpolation_examples_table)
travel_figure = shown(interpolation_figures.interpolation_steps_figure)


def belonging(found: InterpolationData) -> HTML | None:
    """Return a notice where files are missing or belong to another checkpoint, otherwise `None`."""
    if found.page is None and found.result is None:
        return _absent(found)
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
def _absent(found: InterpolationData) -> HTML:
    """Show the notice that the page has no paths."""
    found.examples()
    return HTML("")


# -- listening -----------------------------------------------------------------------------------------------


def rows(found: InterpolationData, number: int) -> list[HTML]:
    """Render the paths of one of the page's pairs: latent, naive, and our best one that beats both.

    Args:
        found: Files to read.
        number: Pair, 0 or 1.
    """
    if found.page is None:
        return [_absent(found)]
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
    for end, uid in ((0, pair.start_uid), (-1, pair.end_uid)):  # which are the presets themselves
        clips[end] = replace(clips[end], paper_sound=_paper_sound(uid))
    text = str(method["text"])
    caption = (
        f"{text[:1].upper()}{text[1:]}. Smoothness {path.smoothness:.1f}, non-linearity "
        f"{path.nonlinearity:.2f}, unevenness {path.unevenness:.2f}; lower is better.{_ends(path)}"
    )
    return row(clips, f"{pair.title}: {method['title']}", caption, sequence=True)


def _paper_sound(uid: str) -> Audio | None:
    """Return a preset of the paper as the authors heard it."""
    return next(t.paper_audio() for t in target_sounds.load("example") if t.uid == uid)


def _ends(path: ExamplePath) -> str:
    """Name the ends where the given preset replaces the model's reconstruction."""
    if all(path.exact):
        return ""
    which = "Both ends are" if not any(path.exact) else "The start is" if not path.exact[0] else "The end is"
    return f" {which} the given preset itself, not the model's reconstruction of it."


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
