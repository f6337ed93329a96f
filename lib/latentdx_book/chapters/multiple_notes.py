"""Presets at several keys and velocities, as single-note and six-note models program them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import librosa
import numpy as np
import pandas as pd
from matplotlib import rc_context

from latentdx.audio.renderer import Dexed
from latentdx.dataset import dynamics, target_sounds
from latentdx.dataset.audio_descriptors import peak_rms_db
from latentdx.dataset.target_sounds import VELOCITIES, TargetSound
from latentdx.display.figures import DescribedFigure, new_figure
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, measured, row
from latentdx.display.table_formats import described
from latentdx.typing import Audio, Note
from latentdx_book.chapters.presentation import shown
from latentdx_book.chapters.programming import Models, ProgrammedPreset, infer, named, original

KEYS = tuple(dict.fromkeys(note for note, _ in target_sounds.GRID))
"""MIDI notes at which presets are compared."""


@dataclass(frozen=True)
class Played:
    """Preset of the corpus at many notes, and each model's answer to it.

    Attributes:
        target: Preset as played at middle C.
        sounds: (MIDI note, velocity) -> sound of the original, for all notes that ship.
        paper_sounds: The same as Dexed 0.9.3 plays them.
        answers: Answers of the models, not tuned.
    """

    target: TargetSound
    sounds: Mapping[Note, Audio]
    paper_sounds: Mapping[Note, Audio | None]
    answers: tuple[ProgrammedPreset, ...]

    @cached_property
    def versions(self) -> dict[str, dict[Note, Clip]]:
        """Title of each answer -> its sounds at `target_sounds.GRID`, with distances from the original's."""
        return {a.title: {note: self._clip(a, note) for note in target_sounds.GRID} for a in self.answers}

    def _clip(self, answer: ProgrammedPreset, note: Note) -> Clip:
        clip = Clip(Dexed().render(answer.preset, *note), answer.title)
        return replace(clip, distances=measured(Clip(self.sounds[note], ""), clip))


def presets() -> list[TargetSound]:
    """Return the velocity example of the paper's page, then those chosen by rule, all played at middle C."""
    played = [
        t for t in target_sounds.load() if t.chapter == "multiple notes" and (t.note, t.velocity) == (60, 85)
    ]
    return list({t.index: t for t in played}.values())


def play(target: TargetSound, models: Models) -> Played:
    """Let each model program the preset from the notes that it was trained on."""
    assert target.index is not None
    played = target_sounds.notes_of(target.index)
    sounds = {note: t.audio() for note, t in played.items()}
    paper_sounds = {note: t.paper_audio() for note, t in played.items()}
    answers = []
    for name, model in models.found.items():
        found = infer(model, [sounds[note] for note in model.notes])
        answers.append(ProgrammedPreset(name, model.about.profile.title, named(found, target.name, name)))
    return Played(target, sounds, paper_sounds, tuple(answers))


# -- rows ----------------------------------------------------------------------------------------------------


def key_name(key: int) -> str:
    """Return the name of a MIDI note, such as "C4" for 60."""
    return str(librosa.midi_to_note(key, unicode=True))


def key_row(p: Played, key: int, caption: str = "") -> HTML:
    """Render the sounds of one key from soft to hard: the original's, then each model's, all at one gain.

    At middle C each model's preset is offered for download, and the original's in a build that may show it.

    Args:
        p: Preset and its answers.
        key: MIDI note, one of `KEYS`.
        caption: Sentence on what to listen for.
    """
    home = key == p.target.note
    clips = []
    for i, v in enumerate(VELOCITIES):
        shown = original(p.target) if home and i == 0 else None
        paper = p.paper_sounds[key, v]
        clips.append(Clip(p.sounds[key, v], f"original, velocity {v}", original=shown, paper_sound=paper))
    for answer in p.answers:
        for i, v in enumerate(VELOCITIES):
            clip = p.versions[answer.title][key, v]
            assert clip.distances
            facts = tuple(f"{name} {text}" for name, text in clip.distances.texts().items())
            # shown as facts, because a row measures distances from its first clip
            named_clip = Clip(clip.sound, f"{answer.title}, velocity {v}", facts)
            clips.append(replace(named_clip, preset=answer.preset if home and i == 0 else None))
    return row(clips, f"{p.target.name}, {key_name(key)}", caption, sequence=True)


def rise(sounds: Mapping[Note, Audio], key: int) -> float:
    """Return how much louder the hardest touch is than the softest, in dB between their loudest frames."""
    soft, hard = (peak_rms_db(sounds[key, v]) for v in (VELOCITIES[0], VELOCITIES[-1]))
    return hard - soft


# -- tables and figures --------------------------------------------------------------------------------------


def _notes_table(played: Sequence[Played]) -> pd.DataFrame:
    """Tabulate MFCC13 at middle C by velocity and at the other keys, and the level between soft and hard.

    Returns:
        One row per preset and version: the original, then each model's answer.
    """
    others = [key for key in KEYS if key != 60]
    louder = f"hard above soft at {key_name(60)}, dB"
    lines: list[dict[str, object]] = []
    for p in played:
        lines.append({"version": "original", louder: rise(p.sounds, 60)})
        for title, clips in p.versions.items():
            mfcc = {note: clip.distances.mfcc13 for note, clip in clips.items() if clip.distances}
            line: dict[str, object] = {"version": title}
            line |= {f"velocity {v}": mfcc[60, v] for v in VELOCITIES}
            line |= {f"{key_name(k)}, mean": np.mean([mfcc[k, v] for v in VELOCITIES]) for k in others}
            lines.append(line | {louder: rise({n: c.sound for n, c in clips.items()}, 60)})
    names = [p.target.name for p in played for _ in range(1 + len(p.versions))]
    frame = pd.DataFrame(lines, index=pd.Index(names, name="preset"))
    numbers = [*(f"velocity {v}" for v in VELOCITIES), *(f"{key_name(k)}, mean" for k in others), louder]
    return described(
        frame.reindex(columns=["version", *numbers]),  # without models, only the originals have numbers
        f"MFCC13, lower is better: each velocity at {key_name(60)}, the mean of three at other keys",
        formats=dict.fromkeys(numbers, ".1f") | {louder: "+.1f"},
    )


notes_table = shown(_notes_table, units_in_cells=True)


@rc_context()
def _choice_figure() -> DescribedFigure:
    """Plot how much velocity and key change the timbre of each candidate, and mark the two chosen ones."""
    table = dynamics.read()
    fit = table[dynamics.fit(table)]
    figure, axes = new_figure(size=(7.0, 4.2))
    ax = axes[0, 0]
    ax.plot(fit["velocity"], fit["key"], ".", color="C3", alpha=0.5, markersize=5)
    texts = []
    names = {t.index: t.name for t in presets()}
    for kind, index in dynamics.choose(table).items():
        line = fit.set_index("row").loc[index]
        ax.plot(line["velocity"], line["key"], "o", color="C0", markersize=8)
        right = line["velocity"] > fit["velocity"].max() / 2
        ax.annotate(
            names[index],
            (line["velocity"], line["key"]),
            (-9 if right else 9, 0),
            textcoords="offset points",
            ha="right" if right else "left",
            va="center",
        )
        texts.append(f"{names[index]} depends most on {kind}, by {line[kind]:.1f} dB")
    (low, high), (deep, tall) = dynamics.VELOCITIES, dynamics.KEYS
    ax.set(
        xlabel=f"dB between velocities {low[1]} and {high[1]}",
        ylabel=f"dB between keys {key_name(deep[0])} and {key_name(tall[0])}",
        xlim=(-0.5, None),
        ylim=(0, 1.1 * fit["key"].max()),
    )
    return figure.described(
        f"{len(fit):,} presets by how much velocity and key change their timbre. {'; '.join(texts)}.",
        f"{len(fit):,} presets of the test set. {'; '.join(texts)}.",
    )


choice_figure = shown(_choice_figure, format="webp")
