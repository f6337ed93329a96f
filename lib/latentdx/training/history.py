"""Training histories for the book: the thinned log of a finished run, and its cost.

``python -m latentdx.training.history RUN_FOLDER ...`` writes ``data/results/training/NAME.csv`` for each run.
The first line holds the provenance as JSON after ``# latentdx:``. The rows that follow are like those of the
run's ``log.csv``: all validation rows, and about 200 training rows, each the mean of several steps.
"""

import argparse
import io
import json
import math
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
"""Number of training rows that a shipped history has at most, roughly."""

_MARK = "# latentdx: "


@dataclass(frozen=True)
class RunProvenance:
    """Provenance of a shipped history.

    Attributes:
        profile: Resolved training profile, as plain values.
        checkpoint_sha256: First sixteen hexadecimal digits of the SHA-256 of the finished model's file.
        corpus_sha256: Hash of the presets that the model learned from.
        parameters: Number of trained parameters of the model; of a network of one's own, with its buffers.
        presets_per_epoch: Number of presets that a training epoch served.
        epochs: Number of epochs that were trained.
        best_epoch: Epoch whose weights were kept, counted from 1.
        minutes: Wall time of all training steps.
        presets_per_second: Training speed, median over all steps.
        commit: Commit of the code that trained the model.
        libraries: Versions of the libraries that it used, by name.
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
    """Log of a training run with its provenance.

    Attributes:
        table: Rows of the log, with the columns of `latentdx.training.log.COLUMNS`.
        provenance: Record of the run.
    """

    table: pd.DataFrame
    provenance: RunProvenance

    @property
    def validation(self) -> pd.DataFrame:
        """Validation rows, one per epoch; the column `epoch` counts from 0."""
        return self.table[self.table.subset == "validation"]

    @property
    def training(self) -> pd.DataFrame:
        """Training rows, each the mean of several steps."""
        return self.table[self.table.subset == "train"]

    def write(self, folder: Path) -> Path:
        """Write ``<name>.csv`` atomically and return its path; equal histories give equal bytes.

        Args:
            folder: Folder that gets the file; created if missing.
        """
        folder.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        text.write(_MARK + json.dumps(asdict(self.provenance)) + "\n")
        self.table.to_csv(text, index=False, float_format="%.5g", lineterminator="\n")
        file = folder / f"{self.provenance.profile['name']}.csv"
        with atomic_write(file) as opened:
            opened.write(text.getvalue().encode())
        return file


def read_log(file: Path) -> pd.DataFrame:
    """Read the log.csv of a finished or unfinished run as a table."""
    return pd.read_csv(file)


def thinned(log: pd.DataFrame, points: int = N_POINTS) -> pd.DataFrame:
    """Thin a log: keep its validation rows, and average its training rows over stretches of steps.

    A stretch never crosses the end of an epoch, and its row has the number of its last step.

    Args:
        log: Log of a run, see `read_log`.
        points: Number of stretches to aim at; epochs whose steps do not divide evenly add up to one each.
    """
    log = log.reindex(columns=list(COLUMNS))  # logs of older runs lack some columns
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
    """Build the history of a finished run from its ``log.csv`` and ``model.safetensors``.

    Args:
        folder: Folder of the run.

    Raises:
        CheckpointError: The run is not finished, or its log does not belong to the model.
    """
    model, log = folder / "model.safetensors", folder / "log.csv"
    about = checkpoint.read_header(model)
    if not log.exists():
        raise CheckpointError(f"there is no log.csv in {folder}")
    table = read_log(log)
    train = table[table.subset == "train"]
    if len(train) != about.steps:
        raise CheckpointError(f"{log} has {len(train)} steps, but {model} was trained for {about.steps}")
    epochs = int(table.epoch.max()) + 1
    n_weights = sum(math.prod(shape) for shape in checkpoint.shapes(model).values())
    provenance = RunProvenance(
        profile=json.loads(json.dumps(about.profile.as_dict())),  # tuples become lists
        checkpoint_sha256=checkpoint.checkpoint_hash(model),
        corpus_sha256=about.corpus_sha256,
        parameters=n_parameters(about.profile.architecture) if about.profile.factory is None else n_weights,
        presets_per_epoch=about.steps * about.profile.batch // epochs,
        epochs=epochs,
        best_epoch=about.epoch,
        minutes=round(float((about.profile.batch / train.presets_per_second).sum()) / 60, 1),
        presets_per_second=round(float(train.presets_per_second.median()), 1),
        commit=about.commit,
        libraries=about.libraries,
    )
    return History(thinned(table), provenance)


def read_history(name: str | Path) -> History:
    """Read a training history.

    Args:
        name: Name of a model whose history ships with the project, or path of a CSV file that `History.write`
            wrote.

    Raises:
        DataMissingError: There is no history of this name, or the file is not a training history.
    """
    file = Path(name)
    if file.suffix != ".csv":
        file = data_path("results", "training") / f"{name}.csv"
    if not file.exists():
        raise DataMissingError(f"there is no training history {file.name} in {file.parent}")
    with file.open(encoding="utf8") as opened:
        first = opened.readline()
        if not first.startswith(_MARK):
            raise DataMissingError(f"{file} is not a training history: its first line describes no run")
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
