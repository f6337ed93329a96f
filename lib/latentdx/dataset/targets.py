"""The target sounds that ship in `data/targets`: the paper's named examples, and sounds from outside the DX7.

`load` reads them; `python -m latentdx.dataset.targets` makes the examples again, which needs the corpus.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latentdx.audio import files
from latentdx.audio.dexed import HOLD, N_SAMPLES, SAMPLE_RATE, Dexed
from latentdx.dataset.examples import CORPUS, EXAMPLES, Example
from latentdx.dataset.labels import LABEL_NOTE, label_names
from latentdx.errors import ShippedFileError
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.shipped import shipped

MANIFEST = "targets.json"


@dataclass(frozen=True)
class Target:
    """One sound to program.

    Attributes:
        file: path within `data/targets`, FLAC, mono, 22,050 Hz.
        name: as a listener reads it.
        kind: "example" (one of the paper's presets, our render) or "out of domain" (another instrument).
        note, velocity: how it was played; velocity is `None` where it is not known.
        labels: "harmonic", "percussive", both, or "sfx": by our measurement for examples, none out of domain.
        uid, index, chapter, page_label: of examples, see `Example`; else `None`.
        source, license: of out-of-domain sounds; else `None`.
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

    @property
    def path(self) -> Path:
        return shipped("targets") / self.file

    def audio(self) -> npt.NDArray[np.float32]:
        """The sound, float32 (samples,): examples 88,576 at plug-in scale, the others 88,200 at peak 0.89."""
        return files.read(self.path, SAMPLE_RATE)


def load(kind: str | None = None) -> list[Target]:
    """All target sounds, or those of one kind ("example", "out of domain"), in the order of the chapters."""
    path = shipped("targets") / MANIFEST
    if not path.exists():
        raise ShippedFileError(f"{path} is missing: the target sounds ship with the project's data folder")
    entries = json.loads(path.read_text(encoding="utf-8"))["sounds"]
    targets = [Target(**{**entry, "labels": tuple(entry["labels"])}) for entry in entries]
    return [t for t in targets if kind in (None, t.kind)]


def render(example: Example, bank: PresetBank, note: int, velocity: int) -> npt.NDArray[np.float32]:
    """A named example as it ships: the neutral bank's preset by `Dexed`, plug-in scale, float32 (88576,)."""
    return Dexed().render(bank.neutral()[example.index], note, velocity)


def _example_targets(bank: PresetBank, folder: Path) -> list[Target]:
    targets = []
    for example in EXAMPLES:
        labels = label_names(render(example, bank, *LABEL_NOTE))
        for note, velocity in example.notes:
            name = f"{example.uid}_{note:03}_{velocity:03}.flac"
            (folder / name).write_bytes(files.encode(render(example, bank, note, velocity), "flac"))
            targets.append(
                Target(
                    name,
                    example.name,
                    "example",
                    note,
                    velocity,
                    labels,
                    example.uid,
                    example.index,
                    example.chapter,
                    example.page_label,
                )
            )
    return targets


_FLUID = ("FluidR3Mono_GM SoundFont (Frank Wen; mono version Michael Cowgill), tinysoundfont", "MIT")
_VITAL = ("the Vital synthesizer's engine, own settings from its init preset", "own work")
_FAUST = ("own Faust program", "own work")
# file -> name, (source, license); the velocity of these renders was not recorded
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


def _out_of_domain_targets() -> list[Target]:
    """Those sounds cannot be made again, so they are taken to lie where they ship."""
    targets = []
    for stem, (name, (source, license)) in _OUT_OF_DOMAIN.items():
        file = f"ood/{stem}.flac"
        if not shipped("targets", file).exists():
            raise ShippedFileError(
                f"{shipped('targets', file)} is missing: restore it from the project's history"
            )
        targets.append(Target(file, name, "out of domain", 60, None, source=source, license=license))
    return targets


def make(folder: Path, corpus: str = CORPUS) -> list[Target]:
    """Render the named examples into `folder`; write the manifest of these and the out-of-domain sounds."""
    folder.mkdir(parents=True, exist_ok=True)
    bank = corpora.read(corpus)
    targets = [*_example_targets(bank, folder), *_out_of_domain_targets()]
    manifest = {
        "made_by": "python -m latentdx.dataset.targets",
        "corpus": corpus,
        "corpus_hash": corpora.bank_hash(bank),
        "engine": Dexed().engine,
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
    """`python -m latentdx.dataset.targets [--out data/targets]`"""
    parser = argparse.ArgumentParser(description="Render the paper's named examples again.")
    parser.add_argument("--out", type=Path, default=shipped("targets"))
    made = make(parser.parse_args(arguments).out)
    print(f"{len(made)} sounds")


if __name__ == "__main__":
    main()
