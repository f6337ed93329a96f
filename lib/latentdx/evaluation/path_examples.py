"""The two interpolations of the paper's companion page, as sounds and numbers in `data/interpolation`.

Both connect presets of a corpus whose parameters are not ours to publish. What ships is therefore the sound
of each step and its progress along the path, never a parameter. The checkpoint's hash identifies the model.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latentdx.audio.io import encoding
from latentdx.audio.renderer import SAMPLE_RATE, SINGLE_NOTE, Dexed
from latentdx.dataset.paper_examples import CORPUS, EXAMPLES, Example
from latentdx.evaluation.interpolation import FOLDER, MethodPaths, Standard
from latentdx.evaluation.sound_folders import remove_sounds, write_sound
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
"""Name of the file that describes the paths."""


@dataclass(frozen=True)
class PathStep:
    """One sound of a path.

    Attributes:
        file: Name of the FLAC file (16 bits, plug-in scale) in the folder; paths of one pair share the files
            of their ends. "" where only the numbers are kept.
        silent: True if no frame reaches -60 dB.
        sound: Progress of the sound from start to end, 0 … 1, see `latentdx.metrics.path.progress`.
        aside: Distance from the straight line between the features of the ends: RMS over the features, in
            standard deviations over training presets.
        parameters: Progress of the numerical parameters, 0 … 1, by their mean distance to both ends.
        categories: Share of the categorical parameters that differ at the ends and already have the value at
            the end, 0 … 1.
    """

    file: str
    silent: bool
    sound: float
    aside: float
    parameters: float
    categories: float

    def audio(self, folder: Path) -> npt.NDArray[np.float32]:
        """Read the sound from the folder: float32 (88576,), 22,050 Hz."""
        return encoding.read(folder / self.file, SAMPLE_RATE)


@dataclass(frozen=True)
class ExamplePath:
    """Path of one method between one pair of presets.

    Attributes:
        smoothness, nonlinearity, unevenness, largest_step: Measures, see `latentdx.metrics.path`.
        exact: For each end, True if the method itself reproduces the preset; otherwise it was inserted.
        steps: Steps of the path, ends included.
    """

    smoothness: float
    nonlinearity: float
    unevenness: float
    largest_step: float
    exact: list[bool]
    steps: list[PathStep]

    @property
    def kept(self) -> bool:
        """True if the sounds of all steps are kept."""
        return all(step.file for step in self.steps)


@dataclass(frozen=True)
class PathExample:
    """A pair of the page's presets and the paths between them.

    Attributes:
        start, end: Names of the presets.
        start_uid, end_uid: Numbers of the presets in the paper.
        ways: Path of each method.
    """

    start: str
    end: str
    start_uid: str
    end_uid: str
    ways: dict[str, ExamplePath]

    @property
    def title(self) -> str:
        """Title of the pair, such as "Dingle 1 to Get it"."""
        return f"{self.start} to {self.end}"


@dataclass(frozen=True)
class PathExamples:
    """The interpolations that ship, with their provenance.

    Attributes:
        folder: Folder of the sounds.
        about: Provenance: model, title, checkpoint_sha256, commit, engine, corpus, note, and methods (title
            and text of each).
        journeys: Pairs of presets and the paths between them, in the order of the page.
    """

    folder: Path
    about: Mapping[str, Any]
    journeys: list[PathExample]

    def belongs(self, checkpoint: Path | None = None) -> bool:
        """Tell whether the paths were made by a checkpoint; default: the shipped one of the same name.

        Args:
            checkpoint: Checkpoint file.

        Returns:
            False if the file does not exist.
        """
        file = checkpoint or data_path("checkpoints", f"{self.about['model']}.safetensors")
        return file.exists() and checkpoint_hash(file) == self.about["checkpoint_sha256"]


def page_pairs() -> list[tuple[Example, Example]]:
    """Return the presets at the start and end of the two interpolations of the paper's page."""
    pairs = []
    for chapter in ("interpolation 1", "interpolation 2"):
        start, end = (e for e in EXAMPLES if e.chapter == chapter)
        pairs.append((start, end))
    return pairs


# -- progress ------------------------------------------------------------------------------------------------


def aside(path: Floats) -> Floats:
    """Measure the distance of each step from the line through the ends of a path.

    If both ends have the same features, the distance from that point is measured.

    Args:
        path: Standardized features, float64 (steps, features).

    Returns:
        RMS distance over the features, float64 (steps,).

    >>> aside(np.array([[0.0, 0.0], [1.0, 2.0], [4.0, 0.0]])).round(3).tolist()
    [0.0, 1.414, 0.0]
    """
    line = path[-1] - path[0]
    length = line @ line
    place = (path - path[0]) @ line / length if length > 0 else np.zeros(len(path))
    return np.asarray(np.sqrt(np.mean(np.square(path - path[0] - place[:, None] * line), axis=1)))


def parameters_along(path: Values) -> tuple[Floats, Floats]:
    """Measure the progress of parameters along a path, see `parameters` and `categories` of `PathStep`.

    Args:
        path: Presets, uint8 (steps, 145).

    Returns:
        Progress of the numerical parameters and of the categorical ones, float64 (steps,) each; 0 where both
        ends are equal.
    """
    learnable = learnable_parameters()
    columns, maxima = np.array([(column(p.name), p.maximum) for p in learnable if p.kind == "numerical"]).T
    x = path[:, columns] / maxima
    first, last = (np.abs(x - end).mean(1) for end in (x[0], x[-1]))
    whole = first + last
    numerical = np.divide(first, whole, out=np.zeros_like(first), where=whole > 0)
    classes = path[:, [column(p.name) for p in learnable if p.kind == "categorical"]]
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
    """Render the page's paths and write them with their description; sounds of an earlier run are removed.

    Args:
        sources: Paths of each method between `page_pairs()`, in that order; failed ones are left out.
        exact: Masks of the ends that each method reproduces, bool (pairs, 2), see `ExamplePath`.
        standard: Standardization of the features.
        model: Name of the model whose latents were used.
        title: Title of that model.
        checkpoint_sha256: SHA-256 of its weights.
        played: Methods whose sounds are kept; all if empty.
        folder: Folder to write to; default `data/interpolation`.

    Returns:
        File that describes the paths.
    """
    out = folder or data_path(FOLDER)
    out.mkdir(parents=True, exist_ok=True)
    remove_sounds(out / MANIFEST)
    pairs = []
    for i, (start, end) in enumerate(page_pairs()):
        paths = {
            name: _example_path(
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
        pairs.append(PathExample(start.name, end.name, start.uid, end.uid, paths))
    facts = {
        "model": model,
        "title": title,
        "checkpoint_sha256": checkpoint_sha256,
        "commit": code_commit(),
        "engine": Dexed().engine,
        "corpus": CORPUS,
        "note": list(SINGLE_NOTE[0]),
        "methods": {name: source.about for name, source in sources.items()},
        "journeys": [asdict(pair) for pair in pairs],
    }
    with atomic_write(out / MANIFEST) as file:
        file.write((json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())
    return out / MANIFEST


def _example_path(
    path: Values,
    exact: npt.NDArray[np.bool_],
    standard: Standard,
    pair: str,
    method: str,
    folder: Path | None,
) -> ExamplePath:
    """Render and measure a path; without a folder, only its numbers are kept."""
    synth = Dexed()
    sounds = [synth.render(Preset(v), *SINGLE_NOTE[0]) for v in path]
    analyses = [TimbreAnalysis(sound) for sound in sounds]
    found = standard.of_path(np.array([[f.compute(a) for f in FEATURES] for a in analyses]))
    names = [f"{pair}.{method}.{i}.flac" for i in range(1, len(path) + 1)]
    names[0], names[-1] = f"{pair}.start.flac", f"{pair}.end.flac"
    if folder is None:
        names = [""] * len(path)
    else:
        for name, sound in zip(names, sounds, strict=True):  # paths of one pair share their ends
            write_sound(folder / name, sound)
    numbers = np.stack([progress(found), aside(found), *parameters_along(path)], 1)
    steps = [
        PathStep(name, a.silent, *(float(f"{x:.4g}") for x in line))
        for name, a, line in zip(names, analyses, numbers, strict=True)
    ]
    measures = (smoothness, nonlinearity, unevenness, largest_step)
    smooth, linear, even, largest = (float(f"{measure(found):.5g}") for measure in measures)
    return ExamplePath(smooth, linear, even, largest, [bool(e) for e in exact], steps)


# -- reading -------------------------------------------------------------------------------------------------


def read(folder: Path | None = None) -> PathExamples | None:
    """Read what `write` wrote to a folder, default `data/interpolation`; `None` if there is nothing."""
    place = folder or data_path(FOLDER)
    if not (place / MANIFEST).exists():
        return None
    about = json.loads((place / MANIFEST).read_text("utf-8"))
    pairs = [_path_example(entry) for entry in about.pop("journeys")]
    return PathExamples(place, about, pairs)


def _path_example(entry: dict[str, Any]) -> PathExample:
    paths = {
        name: ExamplePath(**{**path, "steps": [PathStep(**step) for step in path["steps"]]})
        for name, path in entry["ways"].items()
    }
    return PathExample(**{**entry, "ways": paths})
