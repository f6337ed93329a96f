"""The target sounds that ship in `data/targets`: the paper's named examples, and sounds of other instruments.

`load` reads them; `python -m latentdx.dataset.target_sounds` renders the presets again, for which it needs
the corpus.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latentdx.audio.engine.synth import Engine
from latentdx.audio.io import encoding
from latentdx.audio.renderer import HOLD, N_SAMPLES, SAMPLE_RATE, SIX_NOTES, Dexed, Renderer
from latentdx.dataset import dynamics
from latentdx.dataset.labels import LABEL_NOTE, label_names
from latentdx.dataset.paper_examples import CORPUS, EXAMPLES
from latentdx.errors import DataMissingError
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.registry import data_path

MANIFEST = "targets.json"

VELOCITIES = (20, 64, 127)
"""Velocities at which the paper's page plays its example of velocity."""

GRID = tuple((note, velocity) for note in (36, 60, 84) for velocity in VELOCITIES)
"""(MIDI note, velocity) pairs of three Cs, two of them outside the notes of the six-note model."""

PAPER_FOLDER = "dexed-0.9.3"
"""Folder of the sounds as the paper's authors heard them."""

_PAPER = Engine(era="0.9.3")

DYNAMIC_NOTES = tuple(dict.fromkeys([*SIX_NOTES, *GRID]))
"""(MIDI note, velocity) pairs at which the chapter on multiple notes plays each of its presets."""


@dataclass(frozen=True)
class TargetSound:
    """One sound to program.

    Attributes:
        file: Path within `data/targets`; FLAC, mono, 22,050 Hz.
        name: Name for listeners.
        kind: "example" (a preset of the paper at the notes of its page, rendered here), "dynamics" (more
            notes, and presets that depend strongly on velocity or key), or "out of domain" (another
            instrument).
        note: MIDI note that was played.
        velocity: MIDI velocity, or `None` if it is not known.
        labels: ("harmonic",), ("percussive",), both, or ("sfx",), see `labels.label_names`; empty for sounds
            out of domain.
        uid: Number of a preset of the paper, see `Example`; else `None`.
        index: Row in the corpus; `None` for sounds out of domain.
        chapter: Part of the paper's page, see `Example`; else `None`.
        page_label: Group on the paper's page, see `Example`; else `None`.
        source: Origin of a sound out of domain; else `None`.
        license: License of a sound out of domain; else `None`.
        chosen: "velocity" or "key" if `dynamics.choose` chose the preset for it; else `None`.
        paper_file: The same as the paper's authors heard it, from Dexed 0.9.3: path like `file`, and equal to
            it where both versions of Dexed give the same samples; `None` for sounds out of domain.
    """

    file: str
    name: str
    kind: str
    note: int
    velocity: int | None
    labels: tuple[str, ...] = ()
    uid: str | None = None
    index: int | None = None
    chapter: str | None = None
    page_label: str | None = None
    source: str | None = None
    license: str | None = None
    chosen: str | None = None
    paper_file: str | None = None

    @property
    def path(self) -> Path:
        """Path of the file, see `data_path`."""
        return data_path("targets") / self.file

    def audio(self) -> npt.NDArray[np.float32]:
        """Read the sound.

        Returns:
            Mono sound at 22,050 Hz, float32: (88576,) at plug-in scale for renders, and (88200,) with a peak
            of 0.89 for sounds out of domain.
        """
        return encoding.read(self.path, SAMPLE_RATE)

    def paper_audio(self) -> npt.NDArray[np.float32] | None:
        """Read the sound as Dexed 0.9.3 plays it, as `audio` does; `None` for sounds out of domain."""
        if self.paper_file is None:
            return None
        return encoding.read(data_path("targets") / self.paper_file, SAMPLE_RATE)


def load(kind: str | None = None) -> list[TargetSound]:
    """List the target sounds in the order of the chapters; their audio is not read yet.

    Args:
        kind: "example", "dynamics" or "out of domain"; default all kinds.

    Raises:
        DataMissingError: The target sounds are not on this machine.

    >>> load("example")[0].name
    'Rhodes 3'
    """
    path = data_path("targets") / MANIFEST
    if not path.exists():
        raise DataMissingError(f"{path} is missing: the target sounds ship with the project's data folder")
    entries = json.loads(path.read_text(encoding="utf-8"))["sounds"]
    targets = [TargetSound(**{**entry, "labels": tuple(entry["labels"])}) for entry in entries]
    return [t for t in targets if kind in (None, t.kind)]


def render(
    index: int, bank: PresetBank, note: int, velocity: int, renderer: Renderer | None = None
) -> npt.NDArray[np.float32]:
    """Render a preset of the corpus as it ships: with TRANSPOSE at 24.

    Args:
        index: Row in the corpus.
        bank: Corpus.
        note: MIDI note.
        velocity: MIDI velocity.
        renderer: Synth that renders; default `Dexed()`.

    Returns:
        Mono sound at 22,050 Hz and plug-in scale, float32 (88576,).
    """
    return (renderer or Dexed()).render(bank[[index]].neutral()[0], note, velocity)


def notes_of(index: int) -> dict[tuple[int, int], TargetSound]:
    """Return the target sounds of one preset of the corpus, by (MIDI note, velocity).

    Args:
        index: Row in the corpus.
    """
    return {(t.note, t.velocity): t for t in load() if t.index == index and t.velocity is not None}


def _example_targets() -> list[TargetSound]:
    return [
        TargetSound(
            f"{example.uid}_{note:03}_{velocity:03}.flac",
            example.name,
            "example",
            note,
            velocity,
            uid=example.uid,
            index=example.index,
            chapter=example.chapter,
            page_label=example.page_label,
        )
        for example in EXAMPLES
        for note, velocity in example.notes
    ]


def _dynamic_targets(bank: PresetBank) -> list[TargetSound]:
    """Return more notes of the page's velocity example, and all notes of the presets from `dynamics`."""
    chapter = "multiple notes"
    shared: dict[str, Any] = {"kind": "dynamics", "chapter": chapter}
    targets = [
        TargetSound(
            f"{e.uid}_{n:03}_{v:03}.flac", e.name, note=n, velocity=v, uid=e.uid, index=e.index, **shared
        )
        for e in EXAMPLES
        if e.chapter == chapter
        for n, v in DYNAMIC_NOTES
        if (n, v) not in e.notes
    ]
    for kind, row in dynamics.choose(dynamics.read()).items():
        name = bank.names[row].strip()
        targets += [
            TargetSound(
                f"row{row:05}_{n:03}_{v:03}.flac", name, note=n, velocity=v, index=row, chosen=kind, **shared
            )
            for n, v in DYNAMIC_NOTES
        ]
    return targets


def _written(targets: Sequence[TargetSound], bank: PresetBank, folder: Path) -> list[TargetSound]:
    """Render targets into `folder`, and return them with their labels."""
    labels = {
        i: label_names(render(i, bank, *LABEL_NOTE)) for i in {t.index for t in targets} if i is not None
    }
    written = []
    for t in targets:
        assert t.index is not None and t.velocity is not None
        played = t.index, bank, t.note, t.velocity
        today, paper = (encoding.encode(render(*played, r), "flac") for r in (Dexed(), _PAPER))
        (folder / t.file).write_bytes(today)
        paper_file = t.file if paper == today else f"{PAPER_FOLDER}/{t.file}"
        if paper != today:
            (folder / PAPER_FOLDER).mkdir(exist_ok=True)
            (folder / paper_file).write_bytes(paper)
        written.append(replace(t, labels=labels[t.index], paper_file=paper_file))
    return written


_FLUID = ("FluidR3Mono_GM SoundFont (Frank Wen; mono version Michael Cowgill), tinysoundfont", "MIT")
_VITAL = ("The Vital synthesizer's engine, with settings of ours made from its init preset", "our own work")
_FAUST = ("A Faust program of ours", "our own work")
# file: name, (source, license); the velocity of these renders was not recorded
_OUT_OF_DOMAIN: dict[str, tuple[str, tuple[str, str]]] = {
    "fluid_piano": ("Piano", _FLUID),
    "fluid_guitar_nylon": ("Nylon-string guitar", _FLUID),
    "fluid_guitar_steel": ("Steel-string guitar", _FLUID),
    "fluid_violin": ("Violin", _FLUID),
    "fluid_cello": ("Cello", _FLUID),
    "fluid_flute": ("Flute", _FLUID),
    "fluid_oboe": ("Oboe", _FLUID),
    "fluid_marimba": ("Marimba", _FLUID),
    "fluid_voice_choir_aahs": ("Choir, aahs", _FLUID),
    "vital_init_saw": ("Vital: sawtooth", _VITAL),
    "vital_lead_unison": ("Vital: unison lead", _VITAL),
    "vital_subtractive_bass": ("Vital: subtractive bass", _VITAL),
    "faust_moog_bass": ("Moog-style bass", _FAUST),
}


def _out_of_domain_targets() -> list[TargetSound]:
    """Return the sounds out of domain; they cannot be made again, so their files must already exist."""
    targets = []
    for stem, (name, (source, license)) in _OUT_OF_DOMAIN.items():
        file = f"ood/{stem}.flac"
        if not data_path("targets", file).exists():
            raise DataMissingError(
                f"{data_path('targets', file)} is missing: restore it from the project's history"
            )
        targets.append(TargetSound(file, name, "out of domain", 60, None, source=source, license=license))
    return targets


def make(folder: Path, corpus: str = CORPUS) -> list[TargetSound]:
    """Render the target sounds that are presets, and write the manifest of all target sounds.

    Args:
        folder: Folder to write to; created if needed.
        corpus: Name of the corpus that the presets come from.

    Returns:
        All target sounds, including those out of domain.

    Raises:
        DataError: The corpus is not available.
        DataMissingError: A sound out of domain is missing in `data/targets`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bank = corpora.read(corpus)
    rendered = _written([*_example_targets(), *_dynamic_targets(bank)], bank, folder)
    targets = [*rendered, *_out_of_domain_targets()]
    manifest = {
        "made_by": "python -m latentdx.dataset.target_sounds",
        "corpus": corpus,
        "corpus_hash": corpora.bank_hash(bank),
        "engine": Dexed().engine,
        "paper_engine": _PAPER.engine,
        "encoder": f"soundfile {version('soundfile')}, FLAC, 24 bits",
        "sample_rate": SAMPLE_RATE,
        "samples": N_SAMPLES,
        "hold_seconds": HOLD,
        "transpose": 24,
        "scale": "plug-in: no normalization; linear fade over the last 0.1 s; no DC blocker",
        "label_note": LABEL_NOTE,
        "sounds": [asdict(t) for t in targets],
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return targets


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `python -m latentdx.dataset.target_sounds [--out data/targets]`."""
    parser = argparse.ArgumentParser(
        description="Render the target sounds that are presets of the corpus again."
    )
    parser.add_argument("--out", type=Path, default=data_path("targets"))
    made = make(parser.parse_args(arguments).out)
    print(f"{len(made)} sounds")


if __name__ == "__main__":
    main()
