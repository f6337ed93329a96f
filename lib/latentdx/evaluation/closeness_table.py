"""The measurements behind the words for an answer's closeness, in `data/results/closeness.json`.

- words: for each word the largest distance that it stands for, measured on validation presets: a median, or
  an upper quartile
- tests: for each number of renders the percentiles 0 … 100 of the distance of our matches of test presets

`latentdx evaluate match` writes the file; `python -m latentdx.evaluation.closeness_table` makes it again from
the results that are there.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from latentdx.applications import mutations
from latentdx.applications.closeness import FILE, METRICS, mixed
from latentdx.applications.match_result import MEASURES
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.audio.spectrogram import mel_spectrogram, to_codes
from latentdx.evaluation.baselines import relatives
from latentdx.evaluation.results import Result
from latentdx.evaluation.trials import Trial
from latentdx.files import atomic_write
from latentdx.metrics.gain import gain_db
from latentdx.metrics.objective import WEIGHTS, at_gain, weighted
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import maxima
from latentdx.provenance import code_commit
from latentdx.registry import data_path
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.typing import Audio, Floats, Values

N_PRESETS = 200
"""Number of validation presets that the words are measured on."""

SEED = 0
"""Random seed of the parameters that are moved."""

_WORDS = {
    "almost the same": ("one step of one parameter", 50),
    "close": ("a quarter of the range of one parameter", 75),
    "a relative": ("the closest known preset, relatives removed", 50),
}
_CHANGES = 5  # of each preset
_TRIES = 20  # parameters that are moved until one can be heard
_HEARD = 1e-3  # distance from which a change can be heard


def measure_words(trial: Trial, index: SoundIndex) -> dict[str, Floats]:
    """Measure on presets how far small changes of them are, and the closest known presets.

    Args:
        trial: Presets, of which silent ones are left out.
        index: Index of the known presets, of the same corpus.

    Returns:
        Distances by word, float64: five for each preset, and one from the closest known preset.
    """
    rng, synth, (note,) = np.random.default_rng(SEED), Engine(), SINGLE_NOTE
    known = trial.bank.values[index.rows]

    def heard(values: Values) -> Audio:
        return synth.render(Preset(values), *note)

    found: dict[str, list[float]] = {word: [] for word in _WORDS}
    for row in trial.rows.tolist():
        values = trial.bank.values[row]
        sound = SoundFeatures(heard(values))
        if sound.silent:
            continue
        for word, parts in (("almost the same", None), ("close", 4)) * _CHANGES:
            changes = (_moved(values, parts, rng) for _ in range(_TRIES))
            distances = (_distance(sound, SoundFeatures(heard(changed))) for changed in changes)
            found[word].append(next((d for d in distances if d > _HEARD), 0.0))
        codes = to_codes(mel_spectrogram(sound.audio))
        nearest, _ = index.nearest(codes, 1, excluded=relatives(values, known))
        closest = SoundFeatures(heard(trial.bank.values[nearest[0]]))
        found["a relative"].append(_distance(sound, closest))
    return {word: np.array(distances) for word, distances in found.items()}


def _distance(sound: SoundFeatures, found: SoundFeatures) -> float:
    """Return the distance at equal loudness, as a match measures its answers."""
    equal = at_gain(found, gain_db([sound.audio], [found.audio]))
    return mixed({name: MEASURES[name](sound, equal) for name in METRICS})


def _moved(values: Values, parts: int | None, rng: np.random.Generator) -> Values:
    """Move one parameter that may be heard, up or down, by one step or by a part of its range."""
    column = int(rng.choice(mutations.audible(values)))
    most = int(maxima()[column])
    step = 1 if parts is None else max(1, (most + 1) // parts)
    changed = values.copy()
    changed[column] = np.clip(int(values[column]) + step * int(rng.choice((-1, 1))), 0, most)
    return changed


def result_distances(folder: Path) -> Iterator[tuple[int, Result, Floats]]:
    """Yield for each result of a match its number of renders, itself, and the distances of its answers."""
    for path in sorted(folder.glob("match-*.parquet")):
        result = Result.read(path)
        if result.provenance.subset != "test":
            continue
        renders = int(result.provenance.name.split("-")[1])
        yield renders, result, weighted({name: result.table[name].to_numpy() for name in WEIGHTS})


def table(trial: Trial, index: SoundIndex, folder: Path) -> dict[str, Any]:
    """Return the content of the file.

    Args:
        trial: Validation presets.
        index: Index of the known presets.
        folder: Folder of the results on test presets.
    """
    words = {
        word: {
            "most": round(float(np.percentile(distances, _WORDS[word][1])), 4),
            "from": _WORDS[word][0],
            "percentile": _WORDS[word][1],
            "n": len(distances),
        }
        for word, distances in measure_words(trial, index).items()
    }
    tests = [
        {
            "renders": renders,
            "n": len(distances),
            "quantiles": np.percentile(distances, np.arange(101)).round(4).tolist(),
            "result": result.provenance.name,
            "checkpoint_sha256": result.provenance.checkpoint_sha256,
            "commit": result.provenance.commit,
        }
        for renders, result, distances in sorted(result_distances(folder), key=lambda found: found[0])
    ]
    return {
        "words": words,
        "presets": f"{trial.selection or trial.subset} ({trial.corpus})",
        "seed": SEED,
        "engine": Engine().engine,
        "commit": code_commit(),
        "tests": tests,
    }


def write(folder: Path | None = None) -> Path:
    """Measure the words, and write the file into a folder of results; default `data/results`."""
    folder = folder or data_path("results")
    trial = Trial.of("learnfm", "twin-disjoint", "validation", limit=N_PRESETS)
    content = table(trial, SoundIndex.read(data_path("index", "learnfm.safetensors")), folder)
    with atomic_write(folder / FILE) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
    return folder / FILE


if __name__ == "__main__":
    print(write())
