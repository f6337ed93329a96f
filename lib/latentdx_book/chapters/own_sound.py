"""What the chapter "Program your own sound" does: `controls` only puts knobs on it.

A sound file's bytes become a match, as `latentdx match` makes it; two presets become a path of 101 steps; and
of a preset those parameters are found that are heard most. Each gives the HTML that shows it.
"""

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from latentdx.applications.interpolate import interpolate
from latentdx.applications.match import BUDGET, Match, match
from latentdx.applications.programmer import Programmer
from latentdx.applications.target import VELOCITY, prepare_target
from latentdx.audio.notes import note_name
from latentdx.audio.renderer import Dexed
from latentdx.display import listening_rows, media, tables
from latentdx.display.distances import compared
from latentdx.display.downloads import cartridge
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip
from latentdx.display.match_report import MatchedSound, clips_of, stage_table
from latentdx.errors import AudioFileError, LatentDXError
from latentdx.metrics.objective import FastObjective
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import Parameter, voice_parameters
from latentdx.presets.sysex import display_name
from latentdx.retrieval.known_presets import KnownPresets
from latentdx_book.chapters.templates import render_template
from latentdx_book.chapters.trained_models import notice

KEPT = 5
"""Presets that a match shows."""

STEPS = 101
"""Of a path: a slider from 0 to 1 in hundredths."""

N_AUDIBLE = 12
"""Parameters that the editor shows."""

_MOVE = 4  # of a parameter's range, the part by which it is moved to hear it


def live() -> bool:
    """Whether widgets make sense: not while the notebook runner makes a page of the site."""
    return media.NOTEBOOK_VARIABLE not in os.environ


def only_live(what: str) -> HTML:
    """What a page of the site shows in place of a panel."""
    return notice(
        f"Here, in Jupyter, is {what}",
        "It computes, so it needs Python behind it; this page has none. How to start it is said at the top.",
    )


# -- match ---------------------------------------------------------------------------------------------------


def take(name: str, content: bytes, note: int | None = None, velocity: int = VELOCITY) -> MatchedSound:
    """A sound file that came as bytes, taken in; nothing of it stays on the disk.

    Args:
        name: of the file, from anywhere: of it only a suffix of letters and digits is used.
        content: of the file.
        note, velocity: see `target.prepare_target`.

    Raises:
        AudioFileError: it holds no sound within the bounds; the message says which.
    """
    shown = re.split(r"[/\\]", name)[-1] or "sound"
    suffix = re.sub(r"[^a-z0-9]", "", Path(shown).suffix.lower())[:8]
    with tempfile.TemporaryDirectory(prefix="latentdx-") as folder:
        path = Path(folder, f"sound.{suffix}")
        path.write_bytes(content)
        try:
            return MatchedSound(shown, prepare_target(path, note=note, velocity=velocity))
        except LatentDXError as error:
            raise AudioFileError(str(error).replace(str(path), shown)) from None


def find(
    source: MatchedSound,
    model: Programmer,
    known: Sequence[KnownPresets] = (),
    *,
    budget: int = BUDGET,
    keep: int = KEPT,
    seed: int = 0,
    stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[int, float], None] = lambda renders, distance: None,
) -> Match:
    """Presets for a sound, see `match.match`; when `stopped`, what was found until then."""

    return match(
        [source.target],
        model,
        known,
        budget=budget,
        keep=keep,
        name=display_name(Path(source.file).stem) or "MATCH",
        seed=seed,
        enough=stopped,
        progress=progress,
    )


def found_html(found: Match, source: MatchedSound, remark: str = "") -> HTML:
    """What was done to the sound; target and presets to hear and to take along; the stages; a cartridge.

    Args:
        remark: on the sound, shown above it.
    """
    (clips,) = clips_of(found, [source])
    name = display_name(Path(source.file).stem) or "match"
    first, last = found.stages[0].distance, found.best.distance
    return render_template(
        "found.html",
        file=source.file,
        played=source.played,
        said=source.target.remarks,
        warnings=source.target.warnings,
        row=listening_rows.row(
            clips,
            f"{source.file}, played at {source.played}",
            f"The target, and the presets found, closest first. {remark}".strip(),
        ),
        told=f"distance {first:.2f} at first, {last:.2f} in the end, {found.renders:,} renders"
        f"{', stopped early' * found.interrupted}",
        stages=tables.table_html(stage_table(found), "Distances after each stage"),
        cartridge=cartridge([c.preset for c in found.candidates], name),
    )


# -- between two presets -------------------------------------------------------------------------------------


def journey(a: Preset, b: Preset, way: str = "latent") -> PresetBank:
    """The way from one preset to another in `STEPS`, both included; see `interpolate.interpolate`.

    Raises:
        LatentError: the model has no finite latents for these presets.
    """
    return interpolate(a, b, STEPS, way)


def steps_html(path: PresetBank, note: int, velocity: int, n: int = 5) -> HTML:
    """Some steps of a path, evenly spaced, as a row that plays them one after another."""
    at = np.linspace(0, len(path) - 1, n).round().astype(int)
    synth = Dexed()
    clips = [
        Clip(
            synth.render(path[i], note, velocity),
            f"{i / (len(path) - 1):.2f}: {path[i].name}",
            preset=path[i],
        )
        for i in at
    ]
    return listening_rows.row(clips, f"{path[0].name} to {path[-1].name}", sequence=True)


# -- editor --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AudibleParameter:
    """How much a parameter is heard in a preset.

    Attributes:
        parameter: of the voice.
        value: the one it was moved to, of two that were tried, that changes the sound more.
        distance: of the sound there from the preset's own, by `objective.FastObjective`.
    """

    parameter: Parameter
    value: int
    distance: float


def audible(preset: Preset, note: int, velocity: int, n: int = N_AUDIBLE) -> list[AudibleParameter]:
    """The parameters that are heard most in this preset at this note, the most audible first.

    Each learned parameter is moved by a quarter of its range (at least one step) down and up, as far as it
    goes, and both sounds are compared with the preset's own: about 290 renders.

    Raises:
        ParameterError: the preset is silent at this note.
    """
    judge = FastObjective([Dexed().render(preset, note, velocity)], [(note, velocity)])
    parameters = [p for p in voice_parameters() if p.learnable]
    down, up = zip(*(_moved(p, preset[p.name]) for p in parameters), strict=True)
    changed = [
        preset.with_values(**{p.name: value}).values
        for values in (down, up)
        for p, value in zip(parameters, values, strict=True)
    ]
    distances = judge(np.stack(changed)).reshape(2, -1)  # (direction, parameter)
    further = distances.argmax(0)
    found = [
        AudibleParameter(p, (down, up)[further[i]][i], float(distances[further[i], i]))
        for i, p in enumerate(parameters)
    ]
    return sorted(found, key=lambda each: -each.distance)[:n]


def _moved(p: Parameter, value: int) -> tuple[int, int]:
    step = max(1, (p.maximum + 1) // _MOVE)
    return max(value - step, 0), min(value + step, p.maximum)


def audible_table(preset: Preset, found: Sequence[AudibleParameter]) -> HTML:
    """The parameters, their values, and what moving them does."""
    lines = [
        {
            "parameter": each.parameter.name,
            "value": each.parameter.text(preset[each.parameter.name]),
            "moved to": each.parameter.text(each.value),
            "distance": f"{each.distance:.2f}",
        }
        for each in found
    ]
    return tables.table_html(pd.DataFrame(lines), f"The most audible parameters of {preset.name}")


def moved_html(preset: Preset, found: Sequence[AudibleParameter], note: int, velocity: int) -> HTML:
    """The preset, and the same with one parameter moved, for each of these."""
    synth = Dexed()

    def clip(title: str, preset: Preset) -> Clip:
        return Clip(synth.render(preset, note, velocity), title, preset=preset)

    versions = [
        clip(
            f"{p.name}: {p.text(preset[p.name])} → {p.text(each.value)}",
            preset.with_values(f"{preset.name[:8]} {number}", **{p.name: each.value}),
        )
        for number, each in enumerate(found, 1)
        for p in [each.parameter]
    ]
    return listening_rows.row(
        compared(clip(preset.name, preset), versions), f"{preset.name}, one parameter moved"
    )


def heard_html(preset: Preset, note: int, velocity: int, title: str = "", *, autoplay: bool = False) -> HTML:
    """One preset: its sound, picture, .syx and algorithm.

    Args:
        title: default the preset's name.
        autoplay: begin to play as soon as it is shown.
    """
    clip = Clip(Dexed().render(preset, note, velocity), title or preset.name, preset=preset)
    return listening_rows.row([clip], f"Played at {note_name(note)}@{velocity}", autoplay=autoplay)
