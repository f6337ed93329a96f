"""The training loop, written out on Lightning Fabric so that the same code runs on one CPU or on many nodes.

Three examples: train on the devices that this machine has; train on four GPUs of one machine; train on two
nodes of four GPUs (run the command on each node, with ``--node-rank`` 0 and 1)::

    latentdx train numcat++
    latentdx train numcat++ --scale paper --devices 4
    fabric run --devices 4 --num-nodes 2 --node-rank 0 --main-address 10.0.0.1 \\
        "$(which latentdx)" train numcat++ --scale paper --out /shared/run

All nodes must see the run's folder. With several devices, each device gets an equal share of every batch (the
profile's batch size counts all devices together) and gradients are averaged, so that losses and gradients are
those of one device. Batch norms see only the share of their own device, as in the authors' data-parallel
training.
"""

import copy
import os
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from math import isfinite
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LinearLR, LRScheduler, OneCycleLR, ReduceLROnPlateau
from tqdm import tqdm

from latentdx.dataset.own_corpus import check_size, prepare_corpus
from latentdx.errors import ProfileError, TrainingDivergedError
from latentdx.models.preset_vae import PresetVAE
from latentdx.models.representation import Representation
from latentdx.training import checkpoint
from latentdx.training.data import Batch, TrainingData, batches, n_batches
from latentdx.training.fabric import Fabric, make_fabric
from latentdx.training.log import Log, LogRow
from latentdx.training.network import PresetNetwork, make_network
from latentdx.training.objective import beta, losses, mean_over_ranks, parameter_accuracies, score
from latentdx.training.precision import Precision, PrecisionChoice, fastest_precision
from latentdx.training.profile import Profile, run_folder
from latentdx.training.run import Run, resume, save, save_best

SAVE_SECONDS = 300.0
"""Training time in seconds between two saves within an epoch; the end of an epoch is always saved."""

_TRIED = 32  # presets in a step that is timed to choose the precision: with few, the weights cost most


def train(
    profile: Profile,
    folder: Path | None = None,
    *,
    devices: str | int = "auto",
    callback: Callable[[LogRow], None] | None = None,
    show: bool | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> Path:
    """Train a model to the end; resume the run if it was interrupted.

    This is what ``latentdx train`` calls. Ctrl-C, or "interrupt" in a notebook, stops it at any time; the
    same call then resumes it, and ends with the same checkpoint as without the interruption.

    Args:
        profile: Training profile, see `read_profile`. The precision "auto" stands for that of a run that is
            resumed, or else for the fastest one here (see `fastest_precision`); the checkpoint says which.
        folder: Folder of the run, which all nodes must see; default `run_folder(profile)`, in the cache.
        devices: Number of devices; "auto" takes every GPU, or else the processor.
        callback: Function that is called with each new row of the log, for a live curve: after each step, and
            after the validation at the end of each epoch. A resumed run passes its earlier rows first. Only
            the first process calls it; with an exception, it stops the run.
        show: Whether a progress bar is shown; default only on a terminal. If false, nothing is printed.
        save_seconds: Training time in seconds between two saves of the running checkpoint within an epoch.

    Returns:
        Path of the finished ``model.safetensors``.

    Raises:
        CheckpointError: The folder holds a run of another profile or corpus.
        DataError: There is no such corpus.
        DevicesError: This machine does not have these devices.
        ParameterError: The corpus is too small.
        PresetFileError: A file of a corpus of one's own is damaged; `prepare_corpus` can read the rest.
        ProfileError: The batch cannot be shared evenly by the devices.
        TrainingDivergedError: A loss or a gradient is NaN or infinite; the batch is saved in the folder.
    """
    profile = replace(profile, corpus=prepare_corpus(profile.corpus)[0])
    if profile.initial:
        profile = replace(profile, initial=checkpoint.identified(profile.initial))
    check_size(profile.corpus, profile.split)
    folder = folder or run_folder(profile)
    fabric = make_fabric(devices)
    folder.mkdir(parents=True, exist_ok=True)
    if os.environ.get("LT_CLI_USED") != "1":  # `fabric run` has launched already; twice is an error
        fabric.launch()
    # a harmless warning of DDP about weights with one channel, whose strides can be written in two ways
    warnings.filterwarnings("ignore", message="Grad strides do not match")
    first = fabric.is_global_zero
    run = set_up(profile, folder, fabric)
    resume(run)
    if run.profile.precision == "auto":
        choice = choose_precision(run)
        run.profile = replace(run.profile, precision=choice.precision)
        if first and show is not False:
            tqdm.write(f"{profile.name}: precision {choice.precision}: {choice.reason}", file=sys.stderr)
    final = folder / "model.safetensors"
    if _finished(run) and final.exists():
        return final
    progress = run.progress
    n_steps = n_batches(len(run.data.items("train")), profile.batch) * profile.epochs
    bar = tqdm(
        total=n_steps,
        initial=progress.step,
        unit="step",
        desc=profile.name,
        disable=(None if show is None else not show) if first else True,
    )
    with Log(folder, progress, active=first, n_steps=n_steps, callback=callback) as log, bar:
        while not _finished(run):
            train_epoch(run, log, bar, save_seconds)
            figures = validate(run)
            log.write(progress, "validation", figures)
            _end_epoch(run, figures)
            bar.set_postfix(validation=f"{score(run, figures):.4f}")
    if first:
        _write_model(run, final)
    fabric.barrier()
    return final


def choose_precision(run: Run) -> PrecisionChoice:
    """Choose the precision in which the steps of a run are fastest, see `fastest_precision`.

    Args:
        run: Run at its beginning, which is not changed.
    """

    def on_copy(precision: Precision) -> None:
        trial.profile = replace(run.profile, precision=precision)
        run.fabric.backward(losses(trial, batch, training=False)[0]["loss"])

    batch = run.data.batch(run.data.items("train")[:_TRIED], run.fabric.device)
    trial = replace(run, model=SimpleNamespace(module=copy.deepcopy(run.bare).train()))
    with torch.random.fork_rng():
        return fastest_precision(on_copy, run.fabric.device, run.fabric.world_size)


def set_up(profile: Profile, folder: Path, fabric: Fabric) -> Run:
    """Set up data, model, optimizer and schedules for the beginning of a run.

    Args:
        profile: Training profile.
        folder: Folder of the run.
        fabric: Devices; must be launched.

    Raises:
        ProfileError: The batch cannot be shared evenly by the devices, or several are to reward a sampler.
    """
    if profile.batch % fabric.world_size:
        raise ProfileError(f"{fabric.world_size} devices cannot share a batch of {profile.batch} evenly")
    if profile.rewarded and fabric.world_size > 1:
        raise ProfileError(f"{profile.name}: a sampler is rewarded on one device, not on {fabric.world_size}")
    torch.manual_seed(profile.seed)
    model = make_network(profile)
    data = _prepared(profile, cast(PresetNetwork, model).representation, fabric)
    run_starts = not (folder / "running.ckpt").exists()
    if fabric.is_global_zero and run_starts:  # `fabric.setup` copies rank 0's to the others
        found = data.store.statistics(data.rows("train"))
        if isinstance(levels := getattr(model, "range_db", None), Tensor):
            levels.copy_(torch.tensor([found.minimum, found.maximum]))
        if profile.initial:
            checkpoint.load_initial(model, profile.initial)
    if profile.rewarded:
        for name, weight in model.named_parameters():
            weight.requires_grad_(name.startswith("sampler."))
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[profile.optimizer]
    optimizer = kind(
        model.parameters(), lr=profile.learning_rate, weight_decay=profile.weight_decay, fused=True
    )
    wrapped, optimizer = fabric.setup(model, optimizer)
    if not isinstance(model, PresetVAE):
        wrapped.mark_forward_method("losses")
    torch.manual_seed(profile.seed * 1000 + fabric.global_rank + 1)  # seeds dropout and noise
    steps = n_batches(len(data.items("train")), profile.batch) * profile.epochs
    return Run(profile, folder, fabric, data, wrapped, optimizer, _schedulers(profile, optimizer, steps))


def _prepared(profile: Profile, representation: Representation, fabric: Fabric) -> TrainingData:
    """Load the data; missing data is rendered once, or once per node if the nodes do not share a cache."""
    with fabric.rank_zero_first():
        if fabric.is_global_zero:
            TrainingData(profile, representation)
    with fabric.rank_zero_first(local=True):
        return TrainingData(profile, representation)


def _schedulers(
    profile: Profile, optimizer: Optimizer, steps: int
) -> dict[str, LRScheduler | ReduceLROnPlateau]:
    """Return the schedulers by what they follow: "step", "epoch", or the "validation" loss."""
    if profile.schedule == "one-cycle":
        total = steps + 1
        rise = max(0.2, 2 / total)  # at least one step, because PyTorch divides by the length of the rise
        return {"step": OneCycleLR(optimizer, profile.learning_rate, total_steps=total, pct_start=rise)}
    plateau = ReduceLROnPlateau(
        optimizer, factor=0.2, patience=profile.patience, cooldown=profile.patience, threshold=1e-4
    )
    if not profile.warmup_epochs:
        return {"validation": plateau}
    return {"validation": plateau, "epoch": LinearLR(optimizer, 0.1, total_iters=profile.warmup_epochs)}


def _finished(run: Run) -> bool:
    """Return whether all epochs are done, or (as in the paper) the learning rate has become too small."""
    rate = run.optimizer.param_groups[0]["lr"]
    exhausted = run.profile.schedule == "plateau" and rate < run.profile.least_learning_rate
    return exhausted or run.progress.epoch >= run.profile.epochs


def train_epoch(run: Run, log: Log, bar: "tqdm[Any]", save_seconds: float = SAVE_SECONDS) -> None:
    """Train the remaining steps of an epoch; `bar` counts them.

    Raises:
        TrainingDivergedError: A loss or a gradient is NaN or infinite.
    """
    profile, fabric, progress = run.profile, run.fabric, run.progress
    largest = float("inf") if profile.max_gradient_norm is None else profile.max_gradient_norm
    run.model.train()
    saved, began = progress.seconds, time.monotonic()
    order = batches(
        run.data.items("train"),
        profile.batch,
        shuffle=(profile.seed, progress.epoch),
        first=progress.step_in_epoch,
    )
    for n, batch in _loaded_ahead(run, order):
        parts, _ = losses(run, batch, training=True)
        run.optimizer.zero_grad()
        fabric.backward(parts["loss"])
        norm = fabric.clip_gradients(run.model, run.optimizer, max_norm=largest, error_if_nonfinite=False)
        assert norm is not None
        now = time.monotonic()  # a step is timed from here to here, so that all its work counts
        seconds = torch.tensor(now - began, device=norm.device)
        began = now
        values = [*(part.detach() for part in parts.values()), norm, seconds]
        *means, gradient, spent = mean_over_ranks(run, torch.stack([v.float() for v in values])).tolist()
        figures = dict(zip(parts, means, strict=True))
        _stop_if_diverged(run, figures | {"gradient_norm": gradient}, batch)
        figures |= {
            "learning_rate": run.optimizer.param_groups[0]["lr"],
            "beta": beta(profile, progress.epoch),
            "gradient_norm": gradient,
            "presets_per_second": n / spent,
        }
        run.optimizer.step()
        if "step" in run.schedulers:
            run.schedulers["step"].step()  # type: ignore[call-arg]
        progress.step, progress.step_in_epoch = progress.step + 1, progress.step_in_epoch + 1
        progress.seconds += spent
        log.write(progress, "train", figures)
        bar.update()
        if progress.seconds - saved >= save_seconds:  # equal on all processes, which must save together
            save(run)
            saved, began = progress.seconds, time.monotonic()


def _loaded_ahead(run: Run, order: Iterator[npt.NDArray[np.int64]]) -> Iterator[tuple[int, Batch]]:
    """Yield each batch's total size and this process's share, loaded during the steps before.

    A GPU takes batches faster than one core renders variations, so that all cores but one load for it.
    """
    rank, world = run.fabric.global_rank, run.fabric.world_size

    def load(items: npt.NDArray[np.int64]) -> tuple[int, Batch]:
        even = len(items) // world * world
        return even, run.data.batch(items[rank:even:world], run.fabric.device, training=True)

    loaders = 1 if run.fabric.device.type == "cpu" else max((os.cpu_count() or 1) - 1, 1)
    with ThreadPoolExecutor(loaders) as loader:
        ahead: deque[Future[tuple[int, Batch]]] = deque()
        for items in order:
            ahead.append(loader.submit(load, items))
            if len(ahead) > loaders:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


@torch.no_grad()
def validate(run: Run) -> dict[str, float]:
    """Compute losses and parameter accuracies (the paper's, without masks) over the whole validation set.

    Each process takes whole batches, so that the results do not depend on the number of processes.

    Returns:
        Mean values by name, see `latentdx.training.log.COLUMNS`.

    Raises:
        TrainingDivergedError: A value is NaN or infinite.
    """
    fabric, representation = run.fabric, run.bare.representation
    run.model.eval()
    order = list(batches(run.data.items("validation"), run.profile.batch))
    # a process without a batch must know the names of the losses too, so it takes one that does not count
    own = [(items, len(items)) for items in order[fabric.global_rank :: fabric.world_size]] or [(order[0], 0)]
    sums, names = torch.zeros((), dtype=torch.float64), []
    for items, weight in own:
        batch = run.data.batch(items, fabric.device)
        parts, presets = losses(run, batch, training=False)
        accuracies = parameter_accuracies(representation, presets, batch.targets)
        names = [*parts, "categorical_accuracy", "numerical_mae"]
        values = [*map(float, parts.values()), *accuracies, 1.0]
        sums = sums + weight * torch.tensor(values, dtype=torch.float64)
    total = fabric.all_reduce(sums.float().to(fabric.device), reduce_op="sum")  # Apple's GPUs have no double
    *values, n = torch.as_tensor(total).tolist()
    figures = {name: value / n for name, value in zip(names, values, strict=True)}
    _stop_if_diverged(run, figures)
    return figures


def _end_epoch(run: Run, figures: dict[str, float]) -> None:
    """Step the schedulers, save the weights if they are the best so far, and save the run."""
    progress, value = run.progress, score(run, figures)
    if "epoch" in run.schedulers:
        run.schedulers["epoch"].step()  # type: ignore[call-arg]
    if "validation" in run.schedulers:
        run.schedulers["validation"].step(value)  # type: ignore[arg-type]
    progress.epoch, progress.step_in_epoch = progress.epoch + 1, 0
    if value < progress.best:
        progress.best, progress.best_epoch = value, progress.epoch
        save_best(run, figures)
    save(run)


def _stop_if_diverged(run: Run, figures: dict[str, float], batch: Batch | None = None) -> None:
    """Raise on all processes if a value is not finite; each process saves its own share of the batch."""
    if all(map(isfinite, figures.values())):
        return
    values = ", ".join(f"{name} {value:g}" for name, value in figures.items())
    if batch is None:
        raise TrainingDivergedError(
            f"training diverged, in the validation after step {run.progress.step}: {values}"
        )
    file = run.folder / f"diverged-step{run.progress.step}-rank{run.fabric.global_rank}.npz"
    np.savez(file, rows=batch.rows.cpu().numpy(), decibels=batch.decibels.cpu().numpy())
    raise TrainingDivergedError(
        f"training diverged at step {run.progress.step}: {values}; the batch is saved in {file}"
    )


def _write_model(run: Run, file: Path) -> None:
    """Write the checkpoint of the best epoch's model."""
    best = torch.load(run.best, weights_only=True, map_location="cpu")
    run.bare.load_state_dict(best["model"])
    about = checkpoint.CheckpointHeader(
        profile=run.profile,
        corpus_sha256=run.data.corpus_sha256,
        epoch=run.progress.best_epoch,
        steps=run.progress.step,
        training_minutes=None,
        validation=best["figures"],
    )
    checkpoint.save(run.bare, about, file)
