"""What a finished run leaves for the book: its log, thinned, and what it cost.

``python -m latentdx.training.history RUN_FOLDER ...`` writes ``data/results/training/NAME.csv`` for each run:
a first line of provenance as JSON behind ``# latentdx:``, then rows like those of the run's ``log.csv``, all
of the validation's and about 200 of the training's, each the mean of a stretch of steps.
"""

import argparse
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from latentdx.errors import CheckpointError, DataMissingError
from latentdx.files import atomic_write
from latentdx.models.model_summary import n_parameters
from latentdx.registry import data_path
from latentdx.training import checkpoint
from latentdx.training.log import COLUMNS

N_POINTS = 200
"""Training rows that a shipped history has, at most."""

_MARK = "# latentdx: "


@dataclass(frozen=True)
class RunProvenance:
    """Of a shipped history.

    Attributes:
        profile: resolved, as plain values.
        checkpoint_sha256: of the finished model, first sixteen digits.
        corpus_sha256: of the presets that it learned from.
        parameters: of the model, all that is trained.
        presets_per_epoch: that a training epoch served.
        epochs: that were trained.
        best_epoch: the one kept, counted from 1.
        minutes: wall time of all training steps.
        presets_per_second: median over all steps.
        commit, libraries: of the code that trained.
    """

    profile: dict[str, Any]
    checkpoint_sha256: str
    corpus_sha256: str
    parameters: int
    presets_per_epoch: int
    epochs: int
    best_epoch: int
    minutes: float
    presets_per_second: float
    commit: str
    libraries: dict[str, str]


@dataclass(frozen=True)
class History:
    """A run's log as a table with the columns of `latentdx.training.log.COLUMNS`, and what made it."""

    table: pd.DataFrame
    provenance: RunProvenance

    @property
    def validation(self) -> pd.DataFrame:
        """A row an epoch; `epoch` counts from 0, so that row i is of epoch i + 1."""
        return self.table[self.table.subset == "validation"]

    @property
    def training(self) -> pd.DataFrame:
        return self.table[self.table.subset == "train"]

    def write(self, folder: Path) -> Path:
        """Write ``<name>.csv``, atomically: the same history, the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        text.write(_MARK + json.dumps(asdict(self.provenance)) + "\n")
        self.table.to_csv(text, index=False, float_format="%.5g", lineterminator="\n")
        file = folder / f"{self.provenance.profile['name']}.csv"
        with atomic_write(file) as opened:
            opened.write(text.getvalue().encode())
        return file


def read_log(file: Path) -> pd.DataFrame:
    """A run's log.csv as a table; an unfinished run's too."""
    return pd.read_csv(file)


def thinned(log: pd.DataFrame, points: int = N_POINTS) -> pd.DataFrame:
    """The validation rows as they are; the training rows as means of at most `points` stretches of steps.

    A stretch stays within an epoch and stands at its last step.
    """
    log = log.reindex(columns=list(COLUMNS))  # logs of older runs lack some
    train = log[log.subset == "train"]
    each = -(-len(train) // points)
    keys = [train.epoch, (train.groupby("epoch").cumcount() // max(each, 1)).rename("stretch")]
    figures = [name for name in COLUMNS if name not in ("step", "epoch", "subset")]
    means = train.groupby(keys)[figures].mean()
    means["step"] = train.groupby(keys).step.max()
    means = means.reset_index().assign(subset="train")
    whole = pd.concat([means, log[log.subset == "validation"]])
    return whole.sort_values(["step", "subset"], kind="stable")[list(COLUMNS)].reset_index(drop=True)


def of_run(folder: Path) -> History:
    """The history of a finished run, from its ``log.csv`` and ``model.safetensors``.

    Raises:
        CheckpointError: the run is not finished, or its log is not of that model.
    """
    model, log = folder / "model.safetensors", folder / "log.csv"
    about = checkpoint.read_header(model)
    if not log.exists():
        raise CheckpointError(f"{folder} holds no log.csv")
    table = read_log(log)
    train = table[table.subset == "train"]
    if len(train) != about.steps:
        raise CheckpointError(f"{log} has {len(train)} steps, the model in {model} had {about.steps}")
    epochs = int(table.epoch.max()) + 1
    provenance = RunProvenance(
        profile=json.loads(json.dumps(about.profile.as_dict())),  # lists, as they read back
        checkpoint_sha256=checkpoint.checkpoint_hash(model),
        corpus_sha256=about.corpus_sha256,
        parameters=n_parameters(about.profile.architecture),
        presets_per_epoch=about.steps * about.profile.batch // epochs,
        epochs=epochs,
        best_epoch=about.epoch,
        minutes=about.training_minutes,
        presets_per_second=round(float(train.presets_per_second.median()), 1),
        commit=about.commit,
        libraries=about.libraries,
    )
    return History(thinned(table), provenance)


def read_history(name: str | Path) -> History:
    """A shipped history by the model's name, or any file that `History.write` wrote.

    Raises:
        DataMissingError: there is none of this name, or it is none of ours.
    """
    file = Path(name)
    if file.suffix != ".csv":
        file = data_path("results", "training") / f"{name}.csv"
    if not file.exists():
        raise DataMissingError(f"no training history {file.name} in {file.parent}")
    with file.open(encoding="utf8") as opened:
        first = opened.readline()
        if not first.startswith(_MARK):
            raise DataMissingError(f"{file} is no training history: its first line says nothing of a run")
        plain: dict[str, Any] = json.loads(first.removeprefix(_MARK))
        return History(pd.read_csv(opened), RunProvenance(**plain))


def main() -> None:
    """Write the histories of finished runs into data/results/training."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs")
    parser.add_argument("--out", type=Path, default=data_path("results", "training"))
    options = parser.parse_args()
    for folder in options.runs:
        print(of_run(folder).write(options.out))


if __name__ == "__main__":
    main()
