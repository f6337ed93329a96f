"""Ablations: measure how each choice changes the rendered distance; write data/results/levers.csv.

    python benchmarks/levers.py training     # short trainings of NumCat++ that differ in one choice; resumes
    python benchmarks/levers.py default      # what the second training of the default model gave
    python benchmarks/levers.py inference    # methods of inference with the default model
    python benchmarks/levers.py search       # choices of the evolutionary search, at equal numbers of renders

All distances are measured on validation presets; the test set is never used. Needs learnfm.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from latentdx.applications import evolutionary_search, mutations
from latentdx.applications.programmer import N_DRAWN, Programmer, load_model
from latentdx.audio.engine.synth import Engine
from latentdx.audio.recording_simulation import SimulatedRecording
from latentdx.audio.renderer import SINGLE_NOTE, Dexed
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.dataset.curation import rows
from latentdx.dataset.store import Store, store_folder
from latentdx.evaluation import ablations
from latentdx.metrics.gain import amplified, gain_db
from latentdx.metrics.objective import FastObjective, score
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


class SearchSettings(NamedTuple):
    """Settings of a search that are compared.

    Attributes:
        moves: Names of its mutations.
        of_family: Most presets of the population whose algorithms are of one family.
        temperatures: Temperatures at which the model proposes, in turn.
    """

    moves: tuple[str, ...]
    of_family: int
    temperatures: tuple[float, ...] = (DRAWING_TEMPERATURE,)


_MODULATION = ("change_modulation", "change_pitch_envelope", "fix_frequency")
_SHIPPED = SearchSettings(tuple(mutations.MOVES), evolutionary_search.OF_FAMILY)


def _without(*moves: str) -> SearchSettings:
    return _SHIPPED._replace(moves=tuple(name for name in _SHIPPED.moves if name not in moves))


SEARCHES: Mapping[str, tuple[str, SearchSettings, SearchSettings]] = {
    "moves of modulation": (
        "LFO, pitch envelope and fixed frequencies change as a whole, against one by one",
        _without(*_MODULATION),
        _SHIPPED,
    ),
    "moves between algorithms": (
        "to a similar algorithm with operators in its order, against any algorithm",
        _without("change_algorithm"),
        _SHIPPED,
    ),
    "room for families": (
        f"at most {_SHIPPED.of_family} of {evolutionary_search.POPULATION} of the population, against any",
        _SHIPPED._replace(of_family=evolutionary_search.POPULATION),
        _SHIPPED,
    ),
    "proposals at two temperatures": (
        f"{DRAWING_TEMPERATURE} and 1 in turn, against {DRAWING_TEMPERATURE}",
        _SHIPPED,
        _SHIPPED._replace(temperatures=(DRAWING_TEMPERATURE, 1.0)),
    ),
}
"""Choices of a search: name -> description, the settings before, and those after."""


def in_turn(redraws: Sequence[Redraw]) -> Redraw:
    """Return a function that calls one of several after the other."""
    turn = cycle(redraws)
    return lambda values: next(turn)(values)


def search(n: int, budget: int) -> None:
    """Run the ablations of choices of the search, from the same starts and with as many renders."""
    bank, model = corpora.read("learnfm").neutral(), load_model("latentdx")
    every = rows("learnfm", "twin-disjoint", "validation")
    chosen = np.sort(np.random.default_rng(0).choice(every, n, replace=False))
    settings = list(dict.fromkeys(s for _, *pair in SEARCHES.values() for s in pair))
    found: dict[SearchSettings, dict[str, list[float]]] = {
        s: {"mix": [], **{m: [] for m in METRICS}} for s in settings
    }
    all_moves = dict(mutations.MOVES)
    for row in tqdm(chosen.tolist(), desc="searches"):
        sound = Engine().render(bank[row], *SINGLE_NOTE[0])
        decibels, target = model.spectrograms(sound), SoundFeatures(sound)
        objective = FastObjective([sound], SINGLE_NOTE, threads=1)
        starts = model.explore(decibels, N_DRAWN, objective, seed=row).values
        for which in settings:
            mutations.MOVES = {name: all_moves[name] for name in which.moves}
            evolutionary_search.OF_FAMILY = which.of_family
            redraws = [model.redraw(decibels, temperature=t, seed=row) for t in which.temperatures]
            tried = evolutionary_search.evolutionary_search(
                starts, objective, budget, propose=in_turn(redraws), seed=row
            )
            heard = Engine().render(Preset(tried.values[tried.distances.argmin()]), *SINGLE_NOTE[0])
            gain = gain_db([sound], [heard])
            features = SoundFeatures(amplified(heard, gain))
            found[which]["mix"].append(float(tried.distances.min()))
            for name, measure in METRICS.items():
                found[which][name].append(measure(target, features))
    for lever, (description, before, after) in SEARCHES.items():
        text = f"{description} ({budget:,} renders)"
        for metric in ("mix", *METRICS):
            ablations.record(
                lever,
                text,
                f"{metric}, median",
                found[before][metric],
                found[after][metric],
                kept=after == _SHIPPED,
                commit=code_commit(),
            )
            a, b = np.array(found[before][metric]), np.array(found[after][metric])
            ratio = np.exp(np.log(b / a).mean())
            print(f"{lever}: {metric} {np.median(a):.3f} -> {np.median(b):.3f}, ratio {ratio:.3f} (n {n})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", choices=("training", "default", "inference", "search"), help="kind of ablations to run"
    )
    parser.add_argument("--targets", type=int, default=N_SEARCHED, help="number of targets of searches")
    parser.add_argument("--budget", type=int, default=500, help="number of renders of each search")
    options = parser.parse_args()
    if options.what == "search":
        search(options.targets, options.budget)
    else:
        {"training": training, "default": default, "inference": inference}[options.what]()


if __name__ == "__main__":
    main()
