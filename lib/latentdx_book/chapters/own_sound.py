"""Functions of the chapter "Program your own sound", for which `own_sound_widgets` makes the controls.

The bytes of a sound file are matched like `latentdx match` does it, two presets are connected by a path of
101 steps, and the most audible parameters of a preset are found. A function renders each result as HTML.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython import get_ipython

from latentdx.applications.interpolate import interpolate
from latentdx.applications.locks import Locks, parse_lock
from latentdx.applications.match import BUDGET, Match, match_targets
from latentdx.applications.match_words import describe_match
from latentdx.applications.programmer import Programmer
from latentdx.applications.target import VELOCITY, prepare_target
from latentdx.audio.engine.synth import Engine
from latentdx.audio.io.encoding import encode
from latentdx.audio.notes import both_names, note_name
from latentdx.audio.played_note import play_note
from latentdx.audio.renderer import SAMPLE_RATE, Dexed
from latentdx.dataset import target_sounds
from latentdx.display import listening_rows
from latentdx.display.downloads import cartridge
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, compared
from latentdx.display.match_progress import match_stages_table
from latentdx.display.match_report import MatchedSound, clips_of
from latentdx.display.table_formats import described
from latentdx.display.tables import table_html
from latentdx.errors import AudioFileError, LatentDXError
from latentdx.evaluation import modulated_sounds
from latentdx.files import temporary_file
from latentdx.metrics.objective import FastObjective
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import Parameter, voice_parameters
from latentdx.presets.sysex import display_name
from latentdx.retrieval.known_presets import KnownPresets
from latentdx_book.chapters.presentation import shown
from latentdx_book.chapters.templates import render_template
from latentdx_book.chapters.trained_models import notice

KEPT = 5
"""Number of presets that a match shows."""

STEPS = 101
"""Number of steps of a path, for a slider from 0 to 1 in hundredths."""

N_AUDIBLE = 12
"""Number of parameters that the editor shows."""

_MOVE = 4  # a parameter is moved by its range divided by this


def live() -> bool:
    """Return True if somebody can press buttons: in a front end that answers `input()`, such as JupyterLab.

    Programs that execute a notebook, such as papermill, nbconvert and the book's own runner, cannot answer.
    """
    request: dict[str, Any] = getattr(
        get_ipython(), "get_parent", dict
    )()  # what is being executed, in Jupyter's protocol
    return bool(request.get("content", {}).get("allow_stdin"))


def only_live(what: str) -> HTML:
    """Render the notice that a page of the site shows in place of a panel.

    Args:
        what: Panel that is missing, such as "a slider".
    """
    return notice(
        f"In Jupyter, this is {what}",
        "It needs Python, which this page cannot run. The top of the page explains how to start it.",
    )


# -- match ---------------------------------------------------------------------------------------------------


def take(
    name: str, content: bytes, note: int | None = None, velocity: int = VELOCITY, hold: float | None = None
) -> MatchedSound:
    """Prepare a sound file that is given as bytes; nothing of it stays on the disk.

    Args:
        name: Name of the file. It is not trusted: only letters and digits of its suffix are used.
        content: Content of the file.
        note: MIDI note that was played; estimated if omitted.
        velocity: Velocity that is assumed, see `target.prepare_target`.
        hold: Time in seconds for which the key was held; found if omitted.

    Raises:
        AudioFileError: The file has no usable sound; the message says why.
    """
    shown = re.split(r"[/\\]", name)[-1] or "sound"
    with temporary_file(shown, content) as path:
        try:
            return MatchedSound(shown, prepare_target(path, note=note, velocity=velocity, hold=hold))
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
    start: Preset | None = None,
    locked: Mapping[str, str] | None = None,
    stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[int, float], None] = lambda renders, distance: None,
) -> Match:
    """Find presets for a sound, see `match.match_targets`.

    Args:
        source: Sound, see `take`.
        model: Model that proposes presets.
        known: Presets that may start the search too.
        budget: Number of renders.
        keep: Number of presets to return.
        seed: Random seed; equal seeds give equal matches.
        start: Preset to refine; none if omitted.
        locked: Values that parameters keep, see `parse_locks`.
        stopped: Called during the search; once it returns True, the best presets so far are returned.
        progress: Called with the number of renders and the smallest distance so far.
    """
    return match_targets(
        [source.target],
        model,
        known,
        budget=budget,
        keep=keep,
        name=display_name(Path(source.file).stem) or "MATCH",
        seed=seed,
        start=start,
        locked=locked,
        enough=stopped,
        progress=progress,
    )


def parse_locks(text: str) -> dict[str, str]:
    """Parse locked parameters, separated by commas or semicolons: "ALGORITHM=5, OP1 F COARSE=1".

    Args:
        text: Names and values as a DX7 shows them, see `locks.Locks.of`; "" for none.

    Raises:
        ParameterError: A name or a value is none.

    >>> parse_locks("ALGORITHM=5, LFO WAVE = sine")
    {'ALGORITHM': '5', 'LFO WAVE': 'sine'}
    """
    locked = dict(parse_lock(part) for part in re.split("[,;]", text) if part.strip())
    Locks.of(locked)
    return locked


def example(name: str) -> tuple[MatchedSound, str]:
    """Return a sound of the project as a source, and a sentence that says where it comes from.

    Args:
        name: Name of an out-of-domain sound ("Oboe", see `target_sounds`) or of one that moves ("vibrato
            lead", see `modulated_sounds`).

    Raises:
        KeyError: There is no such sound.
    """
    moving = {made.name: made for made in modulated_sounds.SOUNDS}
    if name in moving:
        source = take(f"{name}.wav", encode(moving[name].sound(), "wav"), note=moving[name].note)
        return source, "Made by the code of this book, of sines."
    target = {t.name: t for t in target_sounds.load("out of domain")}[name]
    source = take(f"{name}{target.path.suffix}", target.path.read_bytes(), note=target.note)
    return source, f"{target.source}; {target.license}."


PLAYINGS = {
    "held": (VELOCITY, 4.0),
    "let go at once": (VELOCITY, 0.3),
    "soft": (40, 2.0),
    "hard": (120, 2.0),
}
"""Velocities, and seconds for which the key is held, by name."""


def playings_html(preset: Preset, note: int) -> HTML:
    """Render a preset as a musician would play it: held, let go at once, soft and hard.

    All have the preset's own levels, so that what velocity does can be heard. The preset itself is offered
    where it was found.

    Args:
        preset: Preset to play.
        note: MIDI note.
    """
    synth, clips = Engine(), list[Clip]()
    for name, (velocity, hold) in PLAYINGS.items():
        played = play_note(preset, note, velocity, hold=hold, release=3.0, engine=synth)
        left = "faded" if np.isinf(played.end_db) else f"{played.end_db:.0f} dB 3 s after the key"
        clips.append(Clip(played.sound, name, (f"velocity {velocity}, {hold:g} s", left)))
    return listening_rows.row(clips, f"{preset.name}, played")


def found_html(found: Match, source: MatchedSound, remark: str = "") -> HTML:
    """Render a match: how the sound was prepared, the presets to hear and download, stages and a cartridge.

    Args:
        found: Match to show.
        source: Sound that was matched.
        remark: Sentence on the sound, shown above the row.
    """
    (clips,) = clips_of(found, [source])
    name = display_name(Path(source.file).stem) or "match"
    first, last = found.stages[0].distance, found.best.distance
    return render_template(
        "found.html",
        words=describe_match(found, [source.target]).sentence,
        file=source.file,
        played=source.played,
        remarks=source.target.remarks,
        warnings=source.target.warnings,
        row=listening_rows.row(
            clips,
            f"{source.file}, played at {source.played}",
            f"The target, then the presets found, closest first. {remark}".strip(),
        ),
        summary=f"distance {first:.2f} at first, {last:.2f} in the end, {found.renders:,} renders"
        f"{', stopped early' * found.interrupted}",
        stages=table_html(match_stages_table(found)),
        cartridge=cartridge([c.preset for c in found.candidates], name),
    )


# -- between two presets -------------------------------------------------------------------------------------


def journey(a: Preset, b: Preset, way: str = "latent") -> PresetBank:
    """Interpolate between two presets in `STEPS` steps, including both ends; see `interpolate.interpolate`.

    Args:
        a: First preset.
        b: Last preset.
        way: Method, one of `interpolate.METHODS`.

    Raises:
        LatentError: The model has no finite latents for these presets.
    """
    return interpolate(a, b, STEPS, way)


def steps_html(path: PresetBank, note: int, velocity: int, n: int = 5) -> HTML:
    """Render `n` evenly spaced steps of a path as a row that can play them one after another.

    Args:
        path: Presets of the path.
        note: MIDI note to play.
        velocity: Velocity, 1 to 127.
        n: Number of steps to show, including both ends.
    """
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
    """Audibility of a parameter in a preset.

    Attributes:
        parameter: Parameter of the voice.
        value: Value that it was moved to; of the two that were tried, the one that changes the sound more.
        distance: Distance of the changed sound from the preset's own, by `objective.FastObjective`.
    """

    parameter: Parameter
    value: int
    distance: float


def audible(preset: Preset, note: int, velocity: int, n: int = N_AUDIBLE) -> list[AudibleParameter]:
    """Find the parameters whose changes are most audible in a preset at one note.

    Each learned parameter is moved down and up by a quarter of its range (at least one step, and not past its
    limits), and both sounds are compared with the preset's own. This takes about 290 renders.

    Args:
        preset: Preset to examine.
        note: MIDI note to play.
        velocity: Velocity, 1 to 127.
        n: Number of parameters to return.

    Returns:
        Parameters, the most audible first.

    Raises:
        ParameterError: The preset is silent at this note.
    """
    sound = Dexed().render(preset, note, velocity)
    objective = FastObjective([sound], [(note, velocity)], levels_count=True)
    parameters = [p for p in voice_parameters() if p.learnable]
    down, up = zip(*(_moved(p, preset[p.name]) for p in parameters), strict=True)
    changed = [
        preset.with_values(**{p.name: value}).values
        for values in (down, up)
        for p, value in zip(parameters, values, strict=True)
    ]
    distances = objective(np.stack(changed)).reshape(2, -1)  # (direction, parameter)
    further = distances.argmax(0)
    found = [
        AudibleParameter(p, (down, up)[further[i]][i], float(distances[further[i], i]))
        for i, p in enumerate(parameters)
    ]
    return sorted(found, key=lambda each: -each.distance)[:n]


def _moved(p: Parameter, value: int) -> tuple[int, int]:
    """Return the values below and above `value` that are tried."""
    step = max(1, (p.maximum + 1) // _MOVE)
    return max(value - step, 0), min(value + step, p.maximum)


@shown
def audible_table(preset: Preset, found: Sequence[AudibleParameter]) -> pd.DataFrame:
    """Tabulate the parameters, their values, and the distance after moving them."""
    frame = pd.DataFrame(
        {
            "parameter": each.parameter.name,
            "value": each.parameter.text(preset[each.parameter.name]),
            "moved to": each.parameter.text(each.value),
            "distance": each.distance,
        }
        for each in found
    )
    return described(frame, f"The most audible parameters of {preset.name}", formats={"distance": ".2f"})


def moved_html(preset: Preset, found: Sequence[AudibleParameter], note: int, velocity: int) -> HTML:
    """Render a preset, and versions of it that have one of the parameters moved.

    Args:
        preset: Preset to change.
        found: Parameters to move, see `audible`.
        note: MIDI note to play.
        velocity: Velocity, 1 to 127.
    """
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


def played_html(preset: Preset, note: int, velocity: int, hold: float, *, autoplay: bool = False) -> HTML:
    """Render a preset as a musician plays it: held, let go, and heard until it has faded.

    Args:
        preset: Preset to play.
        note: MIDI note to play.
        velocity: Velocity, 1 to 127.
        hold: Time in seconds for which the key is held.
        autoplay: True to play the sound as soon as it is shown.
    """
    played = play_note(preset, note, velocity, hold=hold, engine=Engine())
    faded = f"it still sounds, at {played.end_db:.0f} dB" if np.isfinite(played.end_db) else "it has faded"
    facts = (f"{faded} after {len(played.sound) / SAMPLE_RATE:.1f} s",)
    where = f"Note {both_names(note)}, velocity {velocity}, let go after {hold:g} s"
    clip = Clip(played.sound, preset.name, facts, preset=preset)
    return listening_rows.row([clip], where, autoplay=autoplay)


def heard_html(preset: Preset, note: int, velocity: int, title: str = "", *, autoplay: bool = False) -> HTML:
    """Render one preset with its sound, picture, .syx file and algorithm.

    Args:
        preset: Preset to show.
        note: MIDI note to play.
        velocity: Velocity, 1 to 127.
        title: Title of the clip; by default the preset's name.
        autoplay: True to play the sound as soon as it is shown.
    """
    clip = Clip(Dexed().render(preset, note, velocity), title or preset.name, preset=preset)
    return listening_rows.row([clip], f"Played at {note_name(note)}@{velocity}", autoplay=autoplay)
