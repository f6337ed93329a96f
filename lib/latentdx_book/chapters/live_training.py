"""Training in a notebook: a run whose curves grow while it goes on, and answers of the model it makes."""

import io
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from IPython.display import Image, clear_output, display
from matplotlib.figure import Figure

from latentdx.applications.programmer import Programmer, load_model
from latentdx.audio import mel_spectrogram
from latentdx.audio.renderer import Dexed
from latentdx.display.figures import new_figure
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets.bank import Preset, PresetBank
from latentdx.training import LogRow, Profile, read_profile, run_folder, train
from latentdx.training.history import read_log, thinned
from latentdx.training.log import COLUMNS
from latentdx.training.network import make_network
from latentdx_book.chapters.training_curves import draw_curve

_LOSSES = ("reconstruction", "latent", "controls")

SMOKE_EPOCHS = 12
"""Number of epochs at the scale "smoke" where none is given: its own two are too few to see anything."""

_RECENT = 50  # steps whose median speed gives the time that is left
_SHARE_DRAWN = 0.02  # of the training time, at most


class LiveCurve:
    """Curves and progress of a training run, drawn into the running cell; a callback of `train`.

    Each drawing replaces the one before, at most every two seconds and in at most 2% of the time.

    Args:
        profile: Profile of the run.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile, self._rows = profile, list[LogRow]()
        self._next = time.monotonic() + 2

    def __call__(self, row: LogRow) -> None:
        """Take a row of the log, and draw if it is time to."""
        self._rows.append(row)
        began = time.monotonic()
        if began < self._next:
            return
        picture = io.BytesIO()
        draw_losses(self.log, row.n_steps // self._profile.epochs).savefig(picture, format="png", dpi=100)
        clear_output(wait=True)
        display(Image(picture.getvalue(), alt=f"Losses of {self._profile.name} so far"))
        print(self.progress, flush=True)
        now = time.monotonic()
        self._next = now + max(2.0, (now - began) / _SHARE_DRAWN)

    @property
    def log(self) -> pd.DataFrame:
        """Log so far, as a table with the columns `COLUMNS`."""
        rows = [{"step": r.step, "epoch": r.epoch, "subset": r.subset, **r.figures} for r in self._rows]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    @property
    def progress(self) -> str:
        """Line that says how far the run is, how fast, and how long it will take at most."""
        last = self._rows[-1]
        speeds = [r.figures["presets_per_second"] for r in self._rows if r.subset == "train"][-_RECENT:]
        speed = median(speeds)
        minutes = (last.n_steps - last.step) * self._profile.batch / speed / 60
        return (
            f"{self._profile.name}: step {last.step:,} of {last.n_steps:,}, "
            f"epoch {last.epoch + 1} of {self._profile.epochs}; {speed:,.0f} presets per second, "
            f"at most {minutes:,.1f} min of steps to go"
        )


def losses_of(log: pd.DataFrame) -> list[str]:
    """Return the losses to show of a log; networks of one's own may have none of the paper's three."""
    return [name for name in _LOSSES if log[name].notna().any()] or ["loss"]


def draw_losses(log: pd.DataFrame, per_epoch: int = 0) -> Figure:
    """Plot the losses of a log side by side, see `losses_of`.

    Args:
        log: Log with the columns of `latentdx.training.log.COLUMNS`, of any length.
        per_epoch: Number of steps per epoch, see `draw_curve`.
    """
    losses = losses_of(log)
    figure, axes = new_figure(1, len(losses), size=(7.4, 2.5))
    drawn = thinned(log) if len(log) > 1_000 else log
    for ax, name in zip(axes[0], losses, strict=True):
        draw_curve(ax, drawn, name, per_epoch=per_epoch)
        ax.set_title(name)
    return figure


@dataclass(frozen=True)
class TrainedHere:
    """Outcome of a training run in a notebook.

    Attributes:
        profile: Profile of the run, as its checkpoint has it.
        log: The whole log, see `latentdx.training.history.read_log`.
        programmer: Finished model.
        file: Its checkpoint; `None` if the run was thrown away.
    """

    profile: Profile
    log: pd.DataFrame
    programmer: Programmer
    file: Path | None

    @property
    def programs(self) -> bool:
        """Whether the model programs from sounds alone; a model with `note_latents` needs their notes too."""
        return not self.profile.architecture.note_latents


def train_here(
    model: str,
    scale: str,
    *,
    epochs: int | None = None,
    presets: int | None = None,
    initial: str | None = None,
    folder: str | Path = "",
) -> TrainedHere:
    """Train a model as ``latentdx train`` does, with a live curve; resume or only read an existing run.

    Args:
        model: Name of a model of the scale.
        scale: Name of a scale, or a file of your own, see `latentdx.training.read_profile`.
        epochs: Number of epochs; by default the profile's, or `SMOKE_EPOCHS` at the scale "smoke".
        presets: Number of training presets, for a trial; by default all.
        initial: Checkpoint whose weights the training begins with; by default the profile's.
        folder: Folder of the run; by default the one in the cache that ``latentdx train`` uses, or at the
            scale "smoke" a temporary one, so that the page always trains.
    """
    epochs = epochs or (SMOKE_EPOCHS if scale == "smoke" else None)
    wanted = {"epochs": epochs, "presets": presets, "initial": initial}
    profile = read_profile(model, scale, {key: value for key, value in wanted.items() if value})
    if folder or scale != "smoke":
        return _trained(profile, Path(folder) if folder else run_folder(profile), keep=True)
    with tempfile.TemporaryDirectory() as temporary:
        return _trained(profile, Path(temporary), keep=False)


def _trained(profile: Profile, folder: Path, *, keep: bool) -> TrainedHere:
    file = train(profile, folder, callback=LiveCurve(profile), show=False)
    clear_output()
    model = load_model(file, factory=profile.factory)
    return TrainedHere(model.about.profile, read_log(folder / "log.csv"), model, file if keep else None)


def program_all(model: Programmer, presets: PresetBank, synth: Dexed) -> PresetBank:
    """Program each of some presets from its sounds at the model's notes, in one forward pass each."""
    sounds = np.stack([[synth.render(preset, *note) for note in model.notes] for preset in presets])
    decibels = mel_spectrogram(sounds.reshape(-1, sounds.shape[-1]))
    spectrograms = torch.from_numpy(decibels).reshape(*sounds.shape[:2], *decibels.shape[-2:])
    return model.predict(spectrograms).bank


def program_one(model: Programmer, preset: Preset, synth: Dexed) -> Preset:
    """Program a preset from its sounds at the model's notes, in one forward pass."""
    return program_all(model, preset.bank, synth)[0]


def untrained(trained: TrainedHere, seed: int) -> Programmer:
    """Return the network of a run with random weights, at the level that its training set has."""
    torch.manual_seed(seed)
    network, live = cast(PresetVAE, make_network(trained.profile).eval()), trained.programmer
    if hasattr(network, "range_db"):  # a network of one's own may have none
        network.range_db.copy_(live.model.range_db)
    return Programmer(network, live.about, "")


def n_weights(trained: TrainedHere) -> int:
    """Count the weights of the network that was trained."""
    return sum(p.numel() for p in trained.programmer.model.parameters())


def describe_run(trained: TrainedHere, paper_weights: int) -> Mapping[str, Any]:
    """Return what was trained, by heading of a table."""
    p, steps = trained.profile, trained.log[trained.log.subset == "train"]
    epochs, kept = int(trained.log.epoch.max()) + 1, trained.programmer.about.epoch
    weights = n_weights(trained)
    return {
        "model": p.title,
        "scale": p.scale,
        "precision": p.precision,
        "weights": f"{weights:,}, {weights / paper_weights:.0%} of the paper's NumCat++",
        "learned from": f"{p.presets:,} presets of {p.corpus}" if p.presets else f"the corpus {p.corpus}",
        "steps": f"{len(steps):,} of {p.batch} presets",
        "epochs": f"{epochs}; the weights are those of epoch {kept}",
        "checkpoint": trained.programmer.sha256 if trained.file else "not kept",
    }
