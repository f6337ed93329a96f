"""Ablations: measure how each choice changes the rendered distance; write data/results/levers.csv.

    python benchmarks/levers.py training     # short trainings of NumCat++ that differ in one choice; resumes
    python benchmarks/levers.py default      # what the second training of the default model gave
    python benchmarks/levers.py rewards      # a third training, which rewards close draws; resumes
    python benchmarks/levers.py inference    # methods of inference with the default model

Those of the search are in `search_levers.py`. All distances are measured on validation presets; the test set
is never used. Needs learnfm.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from latentdx.applications.programmer import N_DRAWN, Programmer, load_model
from latentdx.audio.recording_simulation import SimulatedRecording
from latentdx.audio.renderer import SINGLE_NOTE, Dexed
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.dataset.curation import rows
from latentdx.dataset.store import Store, store_folder
from latentdx.evaluation import ablations
from latentdx.metrics.objective import score
from latentdx.metrics.registry import mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from latentdx.provenance import code_commit
from latentdx.run_options import cache_folder
from latentdx.training.loop import train
from latentdx.training.profile import Profile, read_profile, run_folder
from latentdx.typing import Values

N_PRESETS, N_SEARCHED = 200, 100
"""Numbers of validation presets: for one pass, and for ablations that render dozens of presets per target."""

SHORT = {"epochs": 1}
"""Settings of the compared trainings; an effect in such a short training may vanish in a longer one."""

Redraw = Callable[[Values], Values]

METRICS: Mapping[str, Callable[[SoundFeatures, SoundFeatures], float]] = {
    "spectral convergence": spectral_convergence,
    "MFCC13": lambda a, b: mfcc_mae(a, b, 13),
}


@dataclass(frozen=True)
class Change:
    """Ablation of one choice in training.

    Attributes:
        lever: Name of the choice.
        changed: Description of the choice and its alternative.
        other: Fields in which the profile with the other choice differs from the laptop profile.
        kept: Whether the shipped models make this choice, so that `other` undoes it; if false, `other` makes
            it.
    """

    lever: str
    changed: str
    other: Mapping[str, Any]
    kept: bool = True


CHANGES = (
    Change(
        "presets begin near constant",
        "scale e^-1.5 before the last couplings, against 1",
        {"initial_log_scale": 0.0},
    ),
    Change(
        "flows begin as scalings",
        "conditioners begin at zero, against at random",
        {"identity_start": False},
    ),
    Change(
        "presets are encoded in training",
        "their zK is pulled to that of their sound, against free",
        {"encoding_weight": 0.0},
    ),
    Change("little posterior noise at first", "log-variance -4, against 0", {"initial_log_variance": 0.0}),
    Change("the preset weighs more", "controls loss 10 times, against once", {"controls_weight": 1.0}),
    Change("small batches", "64 presets, against 160 as in the paper", {"batch": 160}),
    Change("absolute error of scalars", "against squared as in the paper", {"scalar_loss": "squared"}),
    Change("free ends", "nothing beyond the right end of a range counts, against all", {"free_ends": False}),
    Change(
        "little dropout",
        "as in the laptop profile, against the paper's 0.3 and 0.4",
        {"dropout": 0.3, "regression_dropout": 0.4},
    ),
    Change(
        "blanked bands",
        "two bands of mels and two of frames in each spectrogram, against none",
        {"blank_bands": 2},
        kept=False,
    ),
)


RECORDED = 0.3
"""Share of presets that the robust training hears as simulated recordings."""


def changed(profile: Profile, fields: Mapping[str, Any]) -> Profile:
    """Replace fields of the profile or of its architecture."""
    own = {k: v for k, v in fields.items() if hasattr(profile, k)}
    inner = {k: v for k, v in fields.items() if k not in own}
    return replace(profile, **own, architecture=replace(profile.architecture, **inner))


class Targets:
    """Validation presets with their spectrograms and sounds."""

    def __init__(self, n: int) -> None:
        every = rows("learnfm", "twin-disjoint", "validation")
        self.rows = np.sort(np.random.default_rng(0).choice(every, n, replace=False))
        bank = corpora.read("learnfm").neutral()
        self.sounds = [Dexed().render(bank[int(row)], *SINGLE_NOTE[0]) for row in self.rows]
        store = Store(store_folder("learnfm", SINGLE_NOTE))
        self.decibels = torch.from_numpy(store.decibels(self.rows))
        recorded = [SimulatedRecording().render(bank[int(row)], *SINGLE_NOTE[0]) for row in self.rows]
        self.recorded = torch.from_numpy(mel_spectrogram(np.stack(recorded)))[:, None]

    def measure(
        self, infer: Callable[[int], npt.NDArray[np.uint8]], what: str
    ) -> dict[str, npt.NDArray[Any]]:
        """Measure every metric for the preset that `infer` finds for each target."""
        out = []
        for i in tqdm(range(len(self.rows)), desc=what):
            target, found = (
                SoundFeatures(self.sounds[i]),
                SoundFeatures(Dexed().render(Preset(infer(i)), *SINGLE_NOTE[0])),
            )
            out.append([metric(target, found) for metric in METRICS.values()])
        return dict(zip(METRICS, np.array(out).T, strict=True))

    def one_pass(self, model: Programmer, decibels: Tensor | None = None) -> dict[str, npt.NDArray[Any]]:
        """Measure one pass on spectrograms (default the clean ones), always against the clean sounds."""
        values = model.predict(self.decibels if decibels is None else decibels).values
        return self.measure(lambda i: values[i], "one pass")

    def ranked(
        self, draw: Callable[[int, int], npt.NDArray[np.uint8]], what: str
    ) -> dict[str, npt.NDArray[Any]]:
        """Measure the best of `draw(i, N_DRAWN)`, which is found by rendering all of them."""

        def best(i: int) -> npt.NDArray[np.uint8]:
            drawn = draw(i, N_DRAWN)
            return drawn[score(drawn, [self.sounds[i]], SINGLE_NOTE).argmin()]

        return self.measure(best, what)


def note(lever: str, change: str, before: Mapping[str, Any], after: Mapping[str, Any], *, kept: bool) -> None:
    """Record and print the effect of one choice on every metric."""
    for metric in METRICS:
        line = ablations.record(
            lever, change, f"{metric}, median", before[metric], after[metric], kept=kept, commit=code_commit()
        )
        print(
            f"{line.lever}: {line.metric} {line.before:.3f} -> {line.after:.3f} (p {line.p:.2g}, n {line.n})"
        )


def training() -> None:
    """Run the ablations of choices in training."""
    targets = Targets(N_PRESETS)
    base = read_profile("numcat++", changes=SHORT)

    def trained(profile: Profile, name: str) -> Programmer:
        return load_model(train(profile, cache_folder() / "runs" / f"lever-{name}"))

    plain = trained(base, "base")
    shipped = targets.one_pass(plain)
    for change in CHANGES:
        other = targets.one_pass(trained(changed(base, change.other), "-".join(change.other)))
        description = f"{change.changed} ({base.epochs}-epoch NumCat++, one pass)"
        note(
            change.lever,
            description,
            *((other, shipped) if change.kept else (shipped, other)),
            kept=change.kept,
        )
    robust = trained(replace(base, recorded=RECORDED), "recorded")
    share = f"{RECORDED:.0%} of the presets heard as recorded, against none ({base.epochs}-epoch NumCat++)"
    note("training on recordings: clean sounds", share, shipped, targets.one_pass(robust), kept=False)
    heard = [targets.one_pass(model, targets.recorded) for model in (plain, robust)]
    note("training on recordings: recorded sounds", share, *heard, kept=False)


def default() -> None:
    """Compare the default model with the one, trained here, from which its training began."""
    targets, after = Targets(N_PRESETS), load_model("latentdx")
    before = load_model(run_folder(read_profile("latentdx-base")) / "model.safetensors")
    change = f"{after.about.profile.epochs} epochs on variations, recordings and unknown levels, against none"
    for kind, decibels in (("clean", targets.decibels), ("recorded", targets.recorded)):
        found = [targets.one_pass(model, decibels) for model in (before, after)]
        note(f"a second training: {kind} sounds", f"{change} (one pass)", *found, kept=True)


REWARDED: Mapping[str, Any] = {
    "initial": "latentdx",
    "epochs": 2,
    "batch": 32,
    "learning_rate": 6.0e-5,
    "joint_weight": 0.5,
    "rewarded": 8,
}
"""Settings of the default model's profile for a third training of its sampler."""


def rewards() -> None:
    """Compare the default model with one whose sampler was also rewarded for draws that come close."""
    targets, before = Targets(N_SEARCHED), load_model("latentdx")
    profile = read_profile("latentdx", changes=REWARDED)
    after = load_model(train(profile, cache_folder() / "runs" / "lever-rewarded"))
    change = f"{profile.epochs} epochs of rewards for {profile.rewarded} draws a sound, against none"

    def likeliest(model: Programmer) -> dict[str, npt.NDArray[Any]]:
        values = model.sample(targets.decibels, 1, temperature=0)
        return targets.measure(lambda i: values[i, 0], "likeliest draws")

    def best(model: Programmer) -> dict[str, npt.NDArray[Any]]:
        def explored(i: int, n: int) -> npt.NDArray[np.uint8]:
            rank = partial(score, targets=[targets.sounds[i]], notes=SINGLE_NOTE)
            return model.explore(targets.decibels[i : i + 1], n, rank, seed=int(targets.rows[i])).values

        return targets.ranked(explored, "best of draws")

    for what, measure in (("the likeliest draw", likeliest), (f"best of {N_DRAWN}", best)):
        note(f"rewards: {what}", change, measure(before), measure(after), kept=False)


def inference() -> None:
    """Run the ablations of choices in inference."""
    targets, joint = Targets(N_SEARCHED), load_model("latentdx")
    seeds = [int(row) for row in targets.rows]

    def draws(temperature: float, *, together: bool = True) -> Callable[[int, int], npt.NDArray[np.uint8]]:
        def draw(i: int, n: int) -> npt.NDArray[np.uint8]:
            decibels = targets.decibels[i : i + 1]
            drawn = joint.sample(decibels, n - 1, temperature=temperature, seed=seeds[i], joint=together)[0]
            return np.concatenate([joint.predict(decibels).values, drawn])

        return draw

    def explored(i: int, n: int) -> npt.NDArray[np.uint8]:
        rank = partial(score, targets=[targets.sounds[i]], notes=SINGLE_NOTE)
        return joint.explore(targets.decibels[i : i + 1], n, rank, seed=seeds[i]).values

    single = targets.one_pass(joint)
    warm = targets.ranked(draws(1.0), "joint draws")
    description = f"{N_DRAWN} joint draws, against one pass (default model)"
    note("the best of many by rendering", description, single, warm, kept=True)
    apart = targets.ranked(draws(1.0, together=False), "independent draws")
    description = f"best of {N_DRAWN} joint draws, against {N_DRAWN} of independent parameters"
    note("a joint posterior", description, apart, warm, kept=True)
    cool = targets.ranked(draws(DRAWING_TEMPERATURE), "cooler draws")
    description = f"best of {N_DRAWN} at temperature {DRAWING_TEMPERATURE}, against 1"
    note("cooler draws", description, warm, cool, kept=True)
    redrawn = targets.ranked(explored, "blocks drawn anew")
    description = (
        f"of {N_DRAWN} renders most for the best so far with one block drawn anew, against all for draws"
    )
    note("blocks drawn anew", description, cool, redrawn, kept=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = {"training": training, "default": default, "rewards": rewards, "inference": inference}
    parser.add_argument("what", choices=kinds, help="kind of ablations to run")
    kinds[parser.parse_args().what]()


if __name__ == "__main__":
    main()
