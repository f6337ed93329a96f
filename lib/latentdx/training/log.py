"""The log of a training run: log.csv, which the book reads, and TensorBoard events."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from latentdx.extras import needs_extra
from latentdx.files import atomic_write
from latentdx.training.run import Progress

with needs_extra("train"):
    from torch.utils.tensorboard import SummaryWriter

COLUMNS = (
    *("step", "epoch", "subset", "loss", "reconstruction", "latent", "controls", "encoding", "joint"),
    "log_distance",
    *("categorical_accuracy", "numerical_mae"),
    *("learning_rate", "beta", "gradient_norm", "presets_per_second"),
)
"""Columns of log.csv.

There is one row per step (subset "train") and one at the end of each epoch ("validation"). Epochs count from
0.
"""


@dataclass(frozen=True)
class LogRow:
    """Row of a log, as the callback of `latentdx.training.train` gets it.

    Attributes:
        step: Number of finished steps.
        n_steps: Number of steps of the whole run.
        epoch: Epoch, counted from 0.
        subset: "train" after a step, "validation" at the end of an epoch.
        figures: Values by name, see `COLUMNS`; losses are not weighted.
    """

    step: int
    n_steps: int
    epoch: int
    subset: str
    figures: Mapping[str, float]


class Log:
    """Writer that appends to a run's log; a context manager.

    Args:
        folder: Folder of the run.
        progress: Progress of the run. Later rows of an existing log are removed, because their steps will be
            done again.
        active: Whether this process writes; only one process may.
        n_steps: Number of steps of the whole run, for `LogRow.n_steps`.
        callback: Function that is called with each row: first with those that are in the log already.
    """

    def __init__(
        self,
        folder: Path,
        progress: Progress,
        *,
        active: bool = True,
        n_steps: int = 0,
        callback: Callable[[LogRow], None] | None = None,
    ) -> None:
        self._active = active
        if not active:
            return
        self._n_steps, self._callback = n_steps, callback
        path = folder / "log.csv"
        kept = [row for row in _read(path) if _is_past(row, progress)]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(kept)
        with atomic_write(path) as file:
            file.write(text.getvalue().encode())
        self._file = path.open("a", newline="")
        self._writer = csv.DictWriter(self._file, COLUMNS, extrasaction="ignore")
        self._board = SummaryWriter(folder / "tensorboard", purge_step=progress.step + 1)
        for row in kept:
            step, epoch, subset = int(row.pop("step")), int(row.pop("epoch")), row.pop("subset")
            self._report(step, epoch, subset, {name: float(text) for name, text in row.items() if text})

    def write(self, progress: Progress, subset: str, figures: dict[str, float]) -> None:
        """Add a row to log.csv and the same values to TensorBoard, then call the callback.

        Args:
            progress: Progress of the run, which gives step and epoch.
            subset: "train" or "validation".
            figures: Values by name, see `COLUMNS`; others are written to TensorBoard only.
        """
        if not self._active:
            return
        rounded = {name: f"{value:.6g}" for name, value in figures.items()}
        self._writer.writerow({"step": progress.step, "epoch": progress.epoch, "subset": subset, **rounded})
        self._file.flush()
        for name, value in figures.items():
            self._board.add_scalar(f"{subset}/{name}", value, progress.step)
        self._report(progress.step, progress.epoch, subset, figures)

    def _report(self, step: int, epoch: int, subset: str, figures: Mapping[str, float]) -> None:
        if self._callback is not None:
            self._callback(LogRow(step, self._n_steps, epoch, subset, figures))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active:
            self._file.close()
            self._board.close()


def _read(path: Path) -> list[dict[str, str]]:
    """Read the complete rows of a log, if there is one."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            row for row in csv.DictReader(file) if None not in row.values()
        ]  # a killed process can leave an incomplete last row


def _is_past(row: dict[str, str], progress: Progress) -> bool:
    """Return whether a row belongs to the part of the run that is done."""
    if int(row["epoch"]) != progress.epoch:
        return int(row["epoch"]) < progress.epoch
    return row["subset"] == "train" and int(row["step"]) <= progress.step
