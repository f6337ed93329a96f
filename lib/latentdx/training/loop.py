"""The training loop: explicit, on Lightning Fabric, so that the same code runs on one CPU or many nodes.

    latentdx train numcat++ --scale laptop
    fabric run --devices 4 lib/latentdx/training/loop.py numcat++ paper

A run lives in a folder: ``running.ckpt`` (everything needed to go on exactly), ``best.ckpt`` (weights of the
best epoch on the validation set), ``log.csv`` (a row for each step and each validation), TensorBoard events,
and at the end ``model.safetensors``, see `latentdx.training.checkpoint`.
"""

import csv
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LinearLR, LRScheduler, OneCycleLR, ReduceLROnPlateau
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from latentdx.download import cache_folder
from latentdx.errors import CheckpointError, TrainingDivergedError
from latentdx.models.preset_vae import PresetVAE
from latentdx.training import checkpoint
from latentdx.training.data import Batch, TrainingData, batches, n_batches
from latentdx.training.losses import controls_loss, latent_loss, reconstruction_loss
from latentdx.training.profile import Profile, read_profile

SAVE_SECONDS = 300
"""Between two saves of the running checkpoint within an epoch; one is always saved at its end."""

_LOG_COLUMNS = (
    *("step", "epoch", "subset", "loss", "reconstruction", "latent", "controls"),
    *("categorical_accuracy", "numerical_mae"),
    *("learning_rate", "beta", "gradient_norm", "presets_per_second"),
)


def run_folder(profile: Profile) -> Path:
    """Where a run's checkpoints and logs go, in the user's cache."""
    return cache_folder() / "runs" / f"{profile.scale}-{profile.name}"


@dataclass
class Progress:
    """Where a run stands; it travels in the running checkpoint."""

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best: float = float("inf")
    best_epoch: int = -1
    seconds: float = 0.0


@dataclass
class Run:
    """The parts of one training run."""

    profile: Profile
    folder: Path
    fabric: Fabric
    data: TrainingData
    model: Any  # a PresetVAE as Fabric wraps it
    optimizer: Optimizer
    schedulers: Mapping[str, LRScheduler | ReduceLROnPlateau]
    progress: Progress = field(default_factory=Progress)

    @property
    def bare(self) -> PresetVAE:
        """The model without Fabric's wrapping."""
        bare: PresetVAE = self.model.module
        return bare


def train(
    profile: Profile, folder: Path | None = None, *, fabric: Fabric | None = None, show: bool | None = None
) -> Path:
    """Train, or go on where the same profile was interrupted, to the end.

    Args:
        profile: what to do.
        folder: of the run; default `run_folder`.
        fabric: devices; default what the machine has, or what ``fabric run`` says.
        show: a progress bar; default on a terminal.

    Returns:
        The path of the finished ``model.safetensors``.

    Raises:
        CheckpointError: the folder holds a run of another profile or corpus.
        TrainingDivergedError: a loss is NaN or infinite; the batch is saved.
    """
    folder = folder or run_folder(profile)
    folder.mkdir(parents=True, exist_ok=True)
    fabric = fabric or Fabric(precision=profile.precision)
    fabric.launch()
    run = _set_up(profile, folder, fabric)
    _resume(run)
    log = _Log(run)
    per_epoch = n_batches(len(run.data.items("train")), profile.batch)
    hidden = None if show is None else not show
    with tqdm(
        total=per_epoch * profile.epochs,
        initial=run.progress.step,
        unit="step",
        desc=profile.name,
        disable=hidden,
    ) as bar:
        while run.progress.epoch < profile.epochs and not _exhausted(run):
            _train_epoch(run, log, bar)
            figures = _validate(run)
            log.write("validation", figures)
            _end_epoch(run, figures)
            bar.set_postfix(validation=f"{figures['reconstruction'] + figures['controls']:.4f}")
    log.close()
    final = folder / "model.safetensors"
    if fabric.is_global_zero:
        _finish(run, final)
    fabric.barrier()
    return final


def _set_up(profile: Profile, folder: Path, fabric: Fabric) -> Run:
    torch.manual_seed(profile.seed)
    model = PresetVAE(profile.architecture)
    with fabric.rank_zero_first():  # the first process renders what is missing
        data = TrainingData(profile, model.representation)
    statistics = _statistics(data, folder, fabric)
    model.range_db.copy_(torch.tensor(statistics))
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[profile.optimizer]
    optimizer = kind(model.parameters(), lr=profile.learning_rate, weight_decay=profile.weight_decay)
    wrapped, optimizer = fabric.setup(model, optimizer)
    torch.manual_seed(profile.seed * 1000 + fabric.global_rank + 1)  # of dropout and noise
    steps = n_batches(len(data.items("train")), profile.batch) * profile.epochs
    return Run(profile, folder, fabric, data, wrapped, optimizer, _schedulers(profile, optimizer, steps))


def _statistics(data: TrainingData, folder: Path, fabric: Fabric) -> tuple[float, float]:
    """Lowest and highest dB of the training rows: kept beside the run, for they take a while."""
    file = folder / f"range-{data.corpus_sha256[:16]}.csv"
    with fabric.rank_zero_first():
        if not file.exists():
            found = data.store.statistics(data.rows("train"))
            file.write_text(f"{found.minimum},{found.maximum}")
    low, high = map(float, file.read_text().split(","))
    return low, high


def _schedulers(
    profile: Profile, optimizer: Optimizer, steps: int
) -> dict[str, LRScheduler | ReduceLROnPlateau]:
    if profile.schedule == "one-cycle":
        return {"step": OneCycleLR(optimizer, profile.learning_rate, total_steps=steps + 1, pct_start=0.2)}
    plateau = ReduceLROnPlateau(
        optimizer, factor=0.2, patience=profile.patience, cooldown=profile.patience, threshold=1e-4
    )
    if not profile.warmup_epochs:
        return {"validation": plateau}
    return {"validation": plateau, "epoch": LinearLR(optimizer, 0.1, total_iters=profile.warmup_epochs)}


def _exhausted(run: Run) -> bool:
    """The paper's end: the plateau schedule has made the learning rate too small to matter."""
    rate = run.optimizer.param_groups[0]["lr"]
    return run.profile.schedule == "plateau" and bool(rate < run.profile.least_learning_rate)


def beta(profile: Profile, epoch: int) -> float:
    """Weight of the latent loss in an epoch: grows linearly, then stays."""
    first, last = profile.beta
    return first + (last - first) * min(epoch / profile.beta_epochs, 1.0)


def losses(run: Run, batch: Batch, decoded: int | None = None) -> tuple[dict[str, Tensor], Tensor]:
    """The three losses and their weighted sum "loss", and the predicted vectors (B, length)."""
    profile, fabric = run.profile, run.fabric
    spectrograms = run.bare.normalize(batch.decibels)
    output = run.model(spectrograms, batch.notes, decoded)
    parts = {
        "reconstruction": reconstruction_loss(output, spectrograms),
        "latent": latent_loss(output),
        "controls": controls_loss(
            run.bare.representation,
            output.presets,
            batch.targets,
            batch.counts,
            clamped=profile.clamped,
            scalar_loss=profile.scalar_loss,
            over_ranks=lambda count: torch.as_tensor(fabric.all_reduce(count, reduce_op="mean")),
        ),
    }
    total = parts["reconstruction"] + beta(profile, run.progress.epoch) * parts["latent"] + parts["controls"]
    return {"loss": total, **parts}, output.presets


def _train_epoch(run: Run, log: "_Log", bar: "tqdm[Any]") -> None:
    profile, fabric, progress = run.profile, run.fabric, run.progress
    run.model.train()
    saved = time.monotonic()
    for items in batches(
        run.data.items("train"),
        profile.batch,
        shuffle=(profile.seed, progress.epoch),
        first=progress.step_in_epoch,
        rank=fabric.global_rank,
        world=fabric.world_size,
    ):
        began = time.monotonic()
        batch = run.data.batch(items, fabric.device)
        parts, _ = losses(run, batch, max(round(len(items) * profile.decoded), 2))
        _stop_if_diverged(run, batch, parts)
        run.optimizer.zero_grad(set_to_none=True)
        fabric.backward(parts["loss"])
        norm = fabric.clip_gradients(run.model, run.optimizer, max_norm=10.0, error_if_nonfinite=False)
        assert norm is not None
        rate = run.optimizer.param_groups[0]["lr"]
        run.optimizer.step()
        if "step" in run.schedulers:
            run.schedulers["step"].step()  # type: ignore[call-arg]
        seconds = time.monotonic() - began
        progress.step, progress.step_in_epoch = progress.step + 1, progress.step_in_epoch + 1
        progress.seconds += seconds
        figures = {name: float(value.detach()) for name, value in parts.items()}
        figures |= {
            "learning_rate": rate,
            "beta": beta(profile, progress.epoch),
            "gradient_norm": float(norm),
        }
        log.write("train", figures | {"presets_per_second": len(items) * fabric.world_size / seconds})
        bar.update()
        if time.monotonic() - saved > SAVE_SECONDS:
            _save(run)
            saved = time.monotonic()


@torch.no_grad()
def _validate(run: Run) -> dict[str, float]:
    """Losses and parameter accuracies (the paper's, unmasked) over the whole validation set."""
    fabric, representation = run.fabric, run.bare.representation
    run.model.eval()
    sums: dict[str, float] = {}
    n = 0.0
    for items in batches(
        run.data.items("validation"), run.profile.batch, rank=fabric.global_rank, world=fabric.world_size
    ):
        batch = run.data.batch(items, fabric.device)
        parts, presets = losses(run, batch, max(round(len(items) * run.profile.decoded), 1))
        figures = {name: float(value) for name, value in parts.items()}
        guess, truth = representation.plugin(presets), representation.plugin(batch.targets)
        categorical = [s.parameter.index for s in representation.slots if s.parameter.kind == "categorical"]
        numerical = [s.parameter.index for s in representation.slots if s.parameter.kind != "categorical"]
        maxima = np.array(
            [s.parameter.maximum for s in representation.slots if s.parameter.kind == "categorical"]
        )
        exact = np.rint(guess[:, categorical] * maxima) == np.rint(truth[:, categorical] * maxima)
        figures["categorical_accuracy"] = float(exact.mean())
        figures["numerical_mae"] = float(np.abs(guess[:, numerical] - truth[:, numerical]).mean())
        for name, value in figures.items():
            sums[name] = sums.get(name, 0.0) + value * len(items)
        n += len(items)
    values = torch.tensor([*sums.values(), n], dtype=torch.float64, device=fabric.device)
    total = torch.as_tensor(fabric.all_reduce(values, reduce_op="sum")).tolist()
    return {name: value / total[-1] for name, value in zip(sums, total, strict=False)}


def _end_epoch(run: Run, figures: dict[str, float]) -> None:
    progress = run.progress
    score = figures["reconstruction"] + figures["controls"]
    if "epoch" in run.schedulers:
        run.schedulers["epoch"].step()  # type: ignore[call-arg]
    if "validation" in run.schedulers:
        run.schedulers["validation"].step(score)  # type: ignore[arg-type]
    progress.epoch, progress.step_in_epoch = progress.epoch + 1, 0
    if score < progress.best:
        progress.best, progress.best_epoch = score, progress.epoch
        _save_atomically(run, run.folder / "best.ckpt", {"model": run.model, "figures": figures})
    _save(run)


def _stop_if_diverged(run: Run, batch: Batch, parts: dict[str, Tensor]) -> None:
    """Raise on all ranks if a loss of any is not finite."""
    finite = torch.isfinite(parts["loss"]).float()
    if float(torch.as_tensor(run.fabric.all_reduce(finite, reduce_op="mean"))) == 1.0:
        return
    file = run.folder / f"diverged-step{run.progress.step}-rank{run.fabric.global_rank}.npz"
    np.savez(file, rows=batch.rows.cpu().numpy(), decibels=batch.decibels.cpu().numpy())
    values = ", ".join(f"{name} {float(value):g}" for name, value in parts.items())
    raise TrainingDivergedError(f"step {run.progress.step}: {values}; the batch is saved in {file}")


# -- checkpoints of a run ------------------------------------------------------------------------------------


def _state(run: Run) -> dict[str, Any]:
    rng = {"cpu": torch.get_rng_state()}
    if run.fabric.device.type == "cuda":
        rng["cuda"] = torch.cuda.get_rng_state(run.fabric.device)
    gathered = {k: torch.as_tensor(run.fabric.all_gather(v)).view(-1, len(v)).cpu() for k, v in rng.items()}
    return {
        "model": run.model,
        "optimizer": run.optimizer,
        "schedulers": {name: s.state_dict() for name, s in run.schedulers.items()},
        "progress": vars(run.progress),
        "rng": gathered,  # (rank, bytes)
        "profile": run.profile.as_dict(),
        "corpus_sha256": run.data.corpus_sha256,
    }


def _save(run: Run) -> None:
    _save_atomically(run, run.folder / "running.ckpt", _state(run))


def _save_atomically(run: Run, file: Path, state: dict[str, Any]) -> None:
    part = file.with_name(file.name + ".part")
    run.fabric.save(part, state)
    if run.fabric.is_global_zero:
        part.replace(file)
    run.fabric.barrier()


def _resume(run: Run) -> None:
    file = run.folder / "running.ckpt"
    if not file.exists():
        return
    try:
        state = run.fabric.load(file, weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{file} cannot be read ({error}): delete it to start again") from error
    asked, there = run.profile.as_dict(), state["profile"]
    differences = checkpoint.differences(
        {**there, "corpus_sha256": state["corpus_sha256"]}, {**asked, "corpus_sha256": run.data.corpus_sha256}
    )
    if differences:
        raise CheckpointError(f"{run.folder} holds a run of another profile: {'; '.join(differences)}")
    run.bare.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    for name, scheduler in run.schedulers.items():
        scheduler.load_state_dict(state["schedulers"][name])
    run.progress = Progress(**state["progress"])
    rank = min(run.fabric.global_rank, len(state["rng"]["cpu"]) - 1)
    torch.set_rng_state(state["rng"]["cpu"][rank].cpu())
    if "cuda" in state["rng"] and run.fabric.device.type == "cuda":
        torch.cuda.set_rng_state(state["rng"]["cuda"][rank].cpu(), run.fabric.device)


def _finish(run: Run, final: Path) -> None:
    best = torch.load(run.folder / "best.ckpt", weights_only=True, map_location="cpu")
    model = PresetVAE(run.profile.architecture)
    model.load_state_dict(best["model"])
    about = checkpoint.About(
        profile=run.profile,
        corpus_sha256=run.data.corpus_sha256,
        epoch=run.progress.best_epoch,
        steps=run.progress.step,
        training_minutes=round(run.progress.seconds / 60, 1),
        validation=best["figures"],
    )
    checkpoint.save(model, about, final)


class _Log:
    """Appends to log.csv and TensorBoard; what a resumed run will do again is cut off first."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._file = self._board = None
        if not run.fabric.is_global_zero:
            return
        path = run.folder / "log.csv"
        kept: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="") as file:
                kept = [row for row in csv.DictReader(file) if int(row["step"]) <= run.progress.step]
        self._file = path.open("w", newline="")
        self._writer = csv.DictWriter(self._file, _LOG_COLUMNS)
        self._writer.writeheader()
        self._writer.writerows(kept)
        self._board = SummaryWriter(run.folder / "tensorboard", purge_step=run.progress.step + 1)

    def write(self, subset: str, figures: dict[str, float]) -> None:
        if self._file is None or self._board is None:
            return
        progress = self._run.progress
        rounded = {name: f"{value:.6g}" for name, value in figures.items()}
        self._writer.writerow({"step": progress.step, "epoch": progress.epoch, "subset": subset, **rounded})
        self._file.flush()
        for name, value in figures.items():
            self._board.add_scalar(f"{subset}/{name}", value, progress.step)

    def close(self) -> None:
        if self._file is not None and self._board is not None:
            self._file.close()
            self._board.close()


if __name__ == "__main__":  # for `fabric run`, which wants a script
    chosen = read_profile(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "laptop")
    print(train(chosen, fabric=Fabric()))
