"""The two interpolations of the paper's page as renders and numbers, in `data/interpolation`.

Both need presets of a corpus whose parameters are not ours to publish, so what ships is their sound, and how
far along they are at each step: never a parameter. The checkpoint's hash says to which model they belong.
"""

import io
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from latentdx.audio.io import encoding
from latentdx.audio.renderer import SAMPLE_RATE, SINGLE_NOTE, Dexed
from latentdx.dataset.paper_examples import CORPUS, EXAMPLES, Example
from latentdx.evaluation.interpolation import FOLDER, MethodPaths, Standard
from latentdx.files import atomic_write
from latentdx.metrics.path import largest_step, nonlinearity, progress, smoothness, unevenness
from latentdx.metrics.timbre import FEATURES, TimbreAnalysis
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import column, learnable_parameters
from latentdx.provenance import code_commit
from latentdx.registry import data_path
from latentdx.training.checkpoint import checkpoint_hash
from latentdx.typing import Floats, Values

MANIFEST = "paths.json"


@dataclass(frozen=True)
class PathStep:
    """One sound of a path.

    Attributes:
        file: within the folder, FLAC, 16 bits, plug-in scale; ways share the files of their ends. "" where
            only its numbers are kept.
        silent: no frame reaches -60 dB.
        sound: how far along it sounds, 0 … 1, see `path.progress`.
        aside: how far from the straight line between the features of the ends, RMS over the features, in
            deviations over training presets.
        parameters: how far along the numerical parameters are, 0 … 1, by their mean distance to both ends.
        categories: of the categorical parameters that differ at the ends, the share that has the end's value.
    """

    file: str
    silent: bool
    sound: float
    aside: float
    parameters: float
    categories: float

    def audio(self, folder: Path) -> npt.NDArray[np.float32]:
        """float32 (88576,)."""
        return encoding.read(folder / self.file, SAMPLE_RATE)


@dataclass(frozen=True)
class ExamplePath:
    """One method between one pair: its measures, as of `latentdx.evaluation.interpolation`, and steps.

    Attributes:
        exact: whether the method itself gives back the preset at each end; where not, it was put there.
    """

    smoothness: float
    nonlinearity: float
    unevenness: float
    largest_step: float
    exact: list[bool]
    steps: list[PathStep]

    @property
    def kept(self) -> bool:
        """Whether its sounds are."""
        return all(step.file for step in self.steps)


@dataclass(frozen=True)
class PathExample:
    """A pair of the page's presets and all ways between them, method -> way."""

    start: str
    end: str
    start_uid: str
    end_uid: str
    ways: dict[str, ExamplePath]

    @property
    def title(self) -> str:
        return f"{self.start} to {self.end}"


@dataclass(frozen=True)
class PathExamples:
    """What ships.

    Attributes:
        folder: where it lies.
        about: model, title, checkpoint_sha256, commit, engine, corpus, note, methods (name -> title, text).
        journeys: in the order of the page.
    """

    folder: Path
    about: Mapping[str, Any]
    journeys: list[PathExample]

    def belongs(self, checkpoint: Path | None = None) -> bool:
        """Whether these are of the checkpoint with that file, default the shipped one of the same name."""
        file = checkpoint or data_path("checkpoints", f"{self.about['model']}.safetensors")
        return file.exists() and checkpoint_hash(file) == self.about["checkpoint_sha256"]


def page_pairs() -> list[tuple[Example, Example]]:
    """Start and end of the two interpolations of the paper's page."""
    pairs = []
    for chapter in ("interpolation 1", "interpolation 2"):
        start, end = (e for e in EXAMPLES if e.chapter == chapter)
        pairs.append((start, end))
    return pairs


# -- how far along -------------------------------------------------------------------------------------------


def aside(path: Floats) -> Floats:
    """Of standardized features (steps, 46): how far from the nearest place on the line through the ends,
    RMS, (steps,). Ends that sound the same have no line, but a place."""
    line = path[-1] - path[0]
    length = line @ line
    place = (path - path[0]) @ line / length if length > 0 else np.zeros(len(path))
    return np.asarray(np.sqrt(np.mean(np.square(path - path[0] - place[:, None] * line), axis=1)))


def parameters_along(path: Values) -> tuple[Floats, Floats]:
    """`parameters` and `categories` of `PathStep` for presets (steps, 145), (steps,) each; 0 where the ends
    are alike."""
    learnt = learnable_parameters()
    columns, maxima = np.array([(column(p.name), p.maximum) for p in learnt if p.kind == "numerical"]).T
    x = path[:, columns] / maxima
    first, last = (np.abs(x - end).mean(1) for end in (x[0], x[-1]))
    whole = first + last
    numerical = np.divide(first, whole, out=np.zeros_like(first), where=whole > 0)
    classes = path[:, [column(p.name) for p in learnt if p.kind == "categorical"]]
    differ = classes[0] != classes[-1]
    there = (classes == classes[-1])[:, differ]
    return numerical, there.mean(1) if differ.any() else np.zeros(len(path))


# -- writing -------------------------------------------------------------------------------------------------


def write(
    sources: Mapping[str, MethodPaths],
    exact: Mapping[str, npt.NDArray[np.bool_]],
    standard: Standard,
    *,
    model: str,
    title: str,
    checkpoint_sha256: str,
    played: Collection[str] = (),
    folder: Path | None = None,
) -> Path:
    """Render the page's paths and write them with their manifest; what was there before goes.

    Args:
        sources: method -> paths between `page_pairs()`, in their order; failed ones are left out.
        exact: method -> bool (pairs, 2), see `ExamplePath`.
        standard: of the features.
        model, title, checkpoint_sha256: whose latents were used.
        played: methods whose sounds are kept; none for all.
        folder: default `data/interpolation`.

    Returns:
        The manifest.
    """
    out = folder or data_path(FOLDER)
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.flac"):
        old.unlink()
    journeys = []
    for i, (start, end) in enumerate(page_pairs()):
        ways = {
            name: _way(
                source.values[i],
                exact[name][i],
                standard,
                f"{start.uid}-{end.uid}",
                name,
                out if not played or name in played else None,
            )
            for name, source in sources.items()
            if not source.failed[i]
        }
        journeys.append(PathExample(start.name, end.name, start.uid, end.uid, ways))
    facts = {
        "model": model,
        "title": title,
        "checkpoint_sha256": checkpoint_sha256,
        "commit": code_commit(),
        "engine": Dexed().engine,
        "corpus": CORPUS,
        "note": list(SINGLE_NOTE[0]),
        "methods": {name: source.about for name, source in sources.items()},
        "journeys": [asdict(j) for j in journeys],
    }
    with atomic_write(out / MANIFEST) as file:
        file.write((json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())
    return out / MANIFEST


def _way(
    path: Values,
    exact: npt.NDArray[np.bool_],
    standard: Standard,
    pair: str,
    method: str,
    folder: Path | None,
) -> ExamplePath:
    """Without a folder, only its numbers."""
    synth = Dexed()
    sounds = [synth.render(Preset(v), *SINGLE_NOTE[0]) for v in path]
    heard = [TimbreAnalysis(sound) for sound in sounds]
    found = standard.of_path(np.array([[f.compute(a) for f in FEATURES] for a in heard]))
    names = [f"{pair}.{method}.{i}.flac" for i in range(1, len(path) + 1)]
    names[0], names[-1] = f"{pair}.start.flac", f"{pair}.end.flac"
    if folder is None:
        names = [""] * len(path)
    else:
        for name, sound in zip(names, sounds, strict=True):
            if not (folder / name).exists():  # ends are written once
                _write_sound(folder / name, sound)
    numbers = np.stack([progress(found), aside(found), *parameters_along(path)], 1)
    steps = [
        PathStep(name, a.silent, *(float(f"{x:.4g}") for x in line))
        for name, a, line in zip(names, heard, numbers, strict=True)
    ]
    measures = (smoothness, nonlinearity, unevenness, largest_step)
    rough, bent, uneven, leap = (float(f"{measure(found):.5g}") for measure in measures)
    return ExamplePath(rough, bent, uneven, leap, [bool(e) for e in exact], steps)


def _write_sound(path: Path, sound: npt.NDArray[np.float32]) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


# -- reading -------------------------------------------------------------------------------------------------


def read(folder: Path | None = None) -> PathExamples | None:
    """What `write` left in a folder, default `data/interpolation`; `None` where there is nothing."""
    place = folder or data_path(FOLDER)
    if not (place / MANIFEST).exists():
        return None
    about = json.loads((place / MANIFEST).read_text("utf-8"))
    journeys = [_journey(entry) for entry in about.pop("journeys")]
    return PathExamples(place, about, journeys)


def _journey(entry: dict[str, Any]) -> PathExample:
    ways = {
        name: ExamplePath(**{**way, "steps": [PathStep(**step) for step in way["steps"]]})
        for name, way in entry["ways"].items()
    }
    return PathExample(**{**entry, "ways": ways})
