"""Results that compare conditions: how answers are played, or what is known of a sound, as JSON files.

The other results (`latentdx.evaluation.results`) hold every metric of one way to program a test set. These
hold few metrics, of the same targets under several conditions.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.evaluation.statistics import Estimate, bootstrap
from latentdx.files import write_files
from latentdx.metrics.registry import log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.registry import data_path
from latentdx.typing import Floats, Rows

METRICS = ("log_stft_mae", "spectral_convergence", "mfcc13_mae")
"""Metrics that are measured, by their names in the registry."""


def measured(target: SoundFeatures, found: SoundFeatures) -> tuple[float, float, float]:
    """Return the values of `METRICS` for two sounds; `nan` if the target is silent."""
    if target.silent:
        return (float("nan"),) * 3
    return log_stft_mae(target, found), spectral_convergence(target, found), mfcc_mae(target, found, 13)


@dataclass(frozen=True)
class ConditionTable:
    """Measurements of the same targets under several conditions.

    Attributes:
        study: Name of what is compared, such as "held-out-play".
        name: Name of the result.
        title: Name as tables show it.
        table: One row for each target and condition. Columns: row (of the corpus), label (kind of sound),
            condition, and one for each of `METRICS`.
        corpus, selection: Name of the corpus, and description of the presets.
        inference: Description of how the answers were found.
        checkpoint_sha256: SHA-256 of the model's weights.
        engine: Name and version of the synth.
        commit: Version of the code, see `latentdx.provenance.code_commit`.
    """

    study: str
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
        """Write `<study>.<name>.json` into a folder and return its path; equal figures give equal bytes."""
        records = json.loads(self.table.to_json(orient="records", double_precision=5))
        facts: dict[str, Any] = {**vars(self), "table": records}
        path = folder / f"{self.study}.{self.name}.json"
        write_files({path: (json.dumps(facts) + "\n").encode()})
        return path

    @classmethod
    def read(cls, path: Path) -> "ConditionTable":
        """Read what `write` wrote."""
        facts = json.loads(path.read_text("utf8"))
        table = pd.DataFrame(facts.pop("table")).astype(dict.fromkeys(METRICS, np.float64))
        return cls(table=table, **facts)

    def summary(self, label: str | None = None) -> dict[str, dict[str, Estimate]]:
        """Return the median of each metric, by condition and metric, with its 95% interval.

        Args:
            label: Kind of sound, such as "sfx", whose targets alone count; default: all.
        """
        table = self.table if label is None else self.table[self.table["label"] == label]
        return {
            str(condition): {name: bootstrap(part[name].to_numpy(), "median") for name in METRICS}
            for condition, part in table.groupby("condition", sort=False)
        }


def condition_frame(
    values: Floats, rows: Rows, labels: Sequence[str], conditions: Sequence[str]
) -> pd.DataFrame:
    """Return the table of a `ConditionTable`.

    Args:
        values: Measurements (target, condition, metric).
        rows: Rows of the targets in the corpus.
        labels: Their kinds of sound.
        conditions: Names of the conditions.
    """
    table = pd.DataFrame(values.reshape(-1, len(METRICS)).round(5), columns=list(METRICS))
    table.insert(0, "condition", np.tile(list(conditions), len(rows)))
    table.insert(0, "label", np.repeat(np.asarray(labels, dtype=object), len(conditions)))
    table.insert(0, "row", np.repeat(rows, len(conditions)))
    return table


def read_conditions(study: str, folder: Path | None = None) -> list[ConditionTable]:
    """Read all results of a study in a folder, default `data/results`.

    Raises:
        NotMeasuredError: There is none.
    """
    paths = sorted((folder or data_path("results")).glob(f"{study}.*.json"))
    if not paths:
        raise NotMeasuredError(f"{study} is not measured yet: `latentdx evaluate match` does.")
    return [ConditionTable.read(path) for path in paths]
