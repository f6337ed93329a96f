"""Held-out play: how well the answer to one note follows the true preset when it is played in other ways.

A match hears one note. What a preset does at other velocities, in other octaves, or when its key is held
longer, it has to guess. Here the answers to presets of a test set are played in those ways, beside the true
presets. Both are brought to equal loudness once, at the note that was heard: whoever plays them turns the
volume once, and then expects a soft note to be soft.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import HOLD, N_SAMPLES, SAMPLE_RATE
from latentdx.caching import code_hash, map_chunks
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.evaluation.statistics import bootstrap
from latentdx.files import write_files
from latentdx.metrics import gain, registry, sound_features
from latentdx.metrics.gain import amplified, gain_db
from latentdx.metrics.registry import log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from latentdx.provenance import code_commit
from latentdx.registry import data_path
from latentdx.run_options import RunOptions
from latentdx.typing import Floats, Rows, Values

FILE = "held-out-play.{}.json"
"""Name of a result's file, with the name of the result."""


class Playing(NamedTuple):
    """A way to play a preset.

    Attributes:
        note: MIDI note.
        velocity: MIDI velocity.
        hold: Seconds from note-on to note-off.
        n_samples: Number of samples that are heard, at 22,050 Hz.
    """

    note: int
    velocity: int
    hold: float = HOLD
    n_samples: int = N_SAMPLES


HEARD = "heard"
"""Name of the way of playing that the match heard."""

PLAYINGS: Mapping[str, Playing] = MappingProxyType(
    {
        HEARD: Playing(60, 85),
        "soft": Playing(60, 40),
        "hard": Playing(60, 120),
        "octave down": Playing(48, 85),
        "octave up": Playing(72, 85),
        "held 6 s": Playing(60, 85, 6.0, 7 * SAMPLE_RATE),
    }
)
"""Ways of playing, by name; the first one is what was heard."""

METRICS = ("log_stft_mae", "spectral_convergence", "mfcc13_mae")
"""Metrics that are measured, by their names in the registry."""


def compare(true: Preset, found: Preset, engine: Engine) -> Floats:
    """Compare an answer with the true preset in all `PLAYINGS`.

    Args:
        true: The preset whose sound was heard.
        found: The answer.
        engine: Synth that renders, at 22,050 Hz.

    Returns:
        Values of `METRICS`, float64 (playing, metric); `nan` where the true preset is silent.
    """
    pairs = [[engine.render(p, *way[:2], hold=way.hold, n_samples=way.n_samples) for p in (true, found)]
             for way in PLAYINGS.values()]  # fmt: skip
    shared = gain_db(*([sound] for sound in pairs[0]))
    out = np.full((len(PLAYINGS), len(METRICS)), np.nan)
    for measured, (wanted, heard) in zip(out, pairs, strict=True):
        target, sound = SoundFeatures(wanted), SoundFeatures(amplified(heard, shared))
        if not target.silent:
            measured[:] = (
                log_stft_mae(target, sound),
                spectral_convergence(target, sound),
                mfcc_mae(target, sound, 13),
            )
    return out


def _compare_all(true: Values, found: Values) -> Floats:
    engine = Engine()
    return np.stack([compare(Preset(a), Preset(b), engine) for a, b in zip(true, found, strict=True)])


@dataclass(frozen=True)
class HeldOutPlay:
    """What the answers to a test set do when they are played in ways that the match did not hear.

    Attributes:
        name: Name of the result.
        title: Name as tables show it.
        table: One row for each target and way of playing. Columns: row (of the corpus), playing, and one for
            each of `METRICS`.
        corpus, selection: Name of the corpus, and description of the presets.
        inference: Description of how the answers were found.
        checkpoint_sha256: SHA-256 of the model's weights.
        engine: Name and version of the synth.
        commit: Version of the code, see `latentdx.provenance.code_commit`.
    """

    name: str
    title: str
    table: pd.DataFrame
    corpus: str
    selection: str
    inference: str
    checkpoint_sha256: str
    engine: str
    commit: str

    def write(self, folder: Path) -> Path:
        """Write the result and return its path; equal figures give equal bytes."""
        records = json.loads(self.table.to_json(orient="records", double_precision=5))
        facts: dict[str, Any] = {**vars(self), "table": records}
        path = folder / FILE.format(self.name)
        write_files({path: (json.dumps(facts) + "\n").encode()})
        return path

    @classmethod
    def read(cls, path: Path) -> "HeldOutPlay":
        """Read what `write` wrote."""
        facts = json.loads(path.read_text("utf8"))
        table = pd.DataFrame(facts.pop("table")).astype(dict.fromkeys(METRICS, np.float64))
        return cls(table=table, **facts)

    def summary(self) -> pd.DataFrame:
        """Return one row for each way of playing: the median of each metric as an `Estimate`."""
        rows = []
        for playing in PLAYINGS:
            part = self.table[self.table["playing"] == playing]
            estimates = {name: bootstrap(part[name].to_numpy(), "median") for name in METRICS}
            rows.append({"playing": playing, **estimates})
        return pd.DataFrame(rows)


def read_all(folder: Path | None = None) -> list[HeldOutPlay]:
    """Read all results in a folder, default `data/results`.

    Raises:
        NotMeasuredError: There is none.
    """
    paths = sorted((folder or data_path("results")).glob(FILE.format("*")))
    if not paths:
        raise NotMeasuredError(
            "Held-out play has not been measured yet. `latentdx evaluate match` measures it."
        )
    return [HeldOutPlay.read(path) for path in paths]


def measure(
    true: Values,
    found: Values,
    rows: Rows,
    *,
    name: str,
    title: str,
    corpus: str,
    selection: str,
    inference: str,
    checkpoint_sha256: str,
    options: RunOptions = RunOptions(),
) -> HeldOutPlay:
    """Play answers and the true presets in all `PLAYINGS`.

    Args:
        true: Presets whose sounds were heard, uint8 (N, 145).
        found: The answers, uint8 (N, 145).
        rows: Rows of the presets in the corpus, (N,).
        name, title, corpus, selection, inference, checkpoint_sha256: See `HeldOutPlay`.
        options: Number of processes, progress bar, and location of the cache.
    """
    method = f"{code_hash(gain, registry, sound_features)} {Engine().engine} {tuple(PLAYINGS.values())}"
    measured = map_chunks(
        _compare_all, [true, found], method=method, kind="evaluation", size=8, description="playing",
        options=options,
    )  # fmt: skip
    table = pd.DataFrame(measured.reshape(-1, len(METRICS)).round(5), columns=list(METRICS))
    table.insert(0, "playing", np.tile(list(PLAYINGS), len(true)))
    table.insert(0, "row", np.repeat(rows, len(PLAYINGS)))
    return HeldOutPlay(
        name, title, table, corpus, selection, inference, checkpoint_sha256, Engine().engine, code_commit()
    )
