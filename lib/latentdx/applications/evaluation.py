"""`latentdx evaluate`: trained models, anchors and the published examples, measured into `data/results`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latentdx.applications import match_quality
from latentdx.applications.interpolate import DEFAULT_MODEL, METHODS, Pairs
from latentdx.applications.program import Programmer, load_model, score
from latentdx.audio.dexed import SINGLE_NOTE
from latentdx.dataset import examples
from latentdx.dataset.splits import SPLITS, SUBSETS, Split
from latentdx.download import cache_folder
from latentdx.errors import CheckpointError, ParameterError, ShippedFileError
from latentdx.evaluation import exhibits, interpolation, journeys, runs, samples, summary
from latentdx.evaluation.anchors import evaluate_anchors
from latentdx.evaluation.results import Notes, Result, read_all
from latentdx.evaluation.runs import Trial
from latentdx.models.index import SoundIndex
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.shipped import shipped
from latentdx.training.cards import title, write_cards
from latentdx.training.checkpoint import differences
from latentdx.training.profile import model_names, read_profile
from latentdx.training.run import run_folder

ANCHORS, PUBLISHED, LISTEN, MATCH, SUMMARY = "anchors", "published", "listen", "match", "summary"
INTERPOLATION = "interpolation"

PLAYED = ("latent", "naive", "matched", "naive-paced", "latent-paced", "paced")
"""Ways between the page's presets whose sounds are kept, 3.3 MB; of the others only the numbers."""


@dataclass(frozen=True)
class Asked:
    """How to evaluate.

    Attributes:
        split: whose test set; `None` for each checkpoint's own ("twin-disjoint" for anchors).
        subset: of the split: "test", or "validation" to choose settings by.
        notes: at which sounds are compared.
        best_of: candidates a preset; 1 is the single pass.
        temperature: of the draws; default `samples.best_of`'s.
        limit: presets of the test set, drawn by seed; `None` for all.
        name: of the result; `None` for the model's.
        leaky: allow another split than the model's.
        quick: no live parameters, no pYIN.
        processes: default one a core.
        out: folder of the results; default `data/results`.
        progress: as everywhere.
    """

    split: str | None = None
    subset: str = "test"
    notes: Notes = SINGLE_NOTE
    best_of: int = 1
    temperature: float | None = None
    limit: int | None = None
    name: str | None = None
    leaky: bool = False
    quick: bool = False
    processes: int | None = None
    out: Path | None = None
    progress: bool | None = None

    @property
    def folder(self) -> Path:
        return self.out or shipped("results")

    @property
    def how(self) -> dict[str, Any]:
        """What every evaluation takes."""
        out: dict[str, Any] = {"notes": self.notes, "processes": self.processes, "progress": self.progress}
        return {**out, "live_notes": None, "n_pyin": 0} if self.quick else out

    def trial(self, corpus: str, split: Split) -> Trial:
        """On which presets, `split` being the model's own."""
        wanted = split if self.split is None else self.split
        if wanted not in SPLITS:
            raise ParameterError(f"no split {wanted!r}: there are {', '.join(SPLITS)}")
        if self.subset not in SUBSETS:
            raise ParameterError(f"no subset {self.subset!r}: there are {', '.join(SUBSETS)}")
        return Trial.of(corpus, wanted, self.subset, limit=self.limit)


def find_model(name: str) -> Programmer:
    """A checkpoint file; else the shipped model of that name; else this machine's own laptop training."""
    is_file = name.endswith(".safetensors")
    if is_file or shipped("checkpoints", f"{name}.safetensors").exists() or name not in model_names("laptop"):
        return load_model(name)
    own = run_folder(read_profile(name, "laptop")) / "model.safetensors"
    if not own.exists():
        raise ShippedFileError(
            f"no model {name!r}: neither shipped nor at {own}; train it by `latentdx train {name}`"
        )
    return load_model(own)


def shipped_models() -> list[Programmer]:
    """All, in the order of their training profiles."""
    files = [shipped("checkpoints", f"{name}.safetensors") for name in model_names("laptop")]
    return [load_model(file) for file in files if file.exists()]


def evaluate_all(names: Sequence[str], asked: Asked) -> Iterator[Path]:
    """Evaluate each of `names`, then summarize the folder, and write the model cards where it is what ships.

    Gives every file as it is written.

    Args:
        names: models or checkpoints; "anchors"; "published", all shipped models on the published examples;
            "listen", sounds of the test set; "match", searches from the default model's answers; "summary",
            nothing but that; "interpolation", paths between presets, by the shipped NumCat++, or
            "interpolation:MODEL", by another (see `_interpolation`).
    """
    paths = [name for name in names if name.partition(":")[0] == INTERPOLATION]
    for name in paths:
        yield from _interpolation(find_model(name.partition(":")[2] or DEFAULT_MODEL), asked)
    names = [name for name in names if name not in paths]
    if paths and not names:  # they are summarized nowhere
        return
    for name in names:
        if name == ANCHORS:
            yield from _anchors(asked)
        elif name == PUBLISHED:
            for model in shipped_models():
                yield from _examples(model, asked)
        elif name == LISTEN:
            yield _listen(asked)
        elif name == MATCH:
            yield from _match(asked)
        elif name != SUMMARY:
            yield from _model(find_model(name), asked)
    yield summary.write(asked.folder)
    if asked.out is None:  # what ships has its figures from there
        yield from write_cards()


def _model(model: Programmer, asked: Asked) -> Iterator[Path]:
    profile = model.about.profile
    trial = asked.trial(profile.corpus, profile.split)
    if asked.best_of == 1:
        found = runs.one_pass(model, trial, name=asked.name, leaky=asked.leaky, **asked.how)
        yield found.write(asked.folder)
    else:
        cooler: dict[str, Any] = {} if asked.temperature is None else {"temperature": asked.temperature}
        results, curve = samples.best_of(
            model,
            score,
            trial,
            asked.best_of,
            name=asked.name,
            leaky=asked.leaky,
            **cooler,
            **asked.how,
        )
        for result in results:
            yield result.write(asked.folder)
        yield samples.write_curve(curve, asked.folder)
    if profile.corpus == examples.CORPUS and not asked.name:
        yield from _examples(model, asked)


def _match(asked: Asked) -> Iterator[Path]:
    """`asked.limit` targets, default 200."""
    file = shipped("checkpoints", "latentdx.safetensors")
    model = load_model(file)
    profile = model.about.profile
    limit = asked.limit or match_quality.N_TARGETS
    trial = replace(asked, limit=limit).trial(profile.corpus, profile.split)
    index = SoundIndex.read(shipped("index", f"{profile.corpus}.safetensors"))
    how: dict[str, Any] = {"processes": asked.processes, "progress": asked.progress}
    for found in match_quality.measure(model, file, trial, index, **how):
        if isinstance(found, Result):
            yield found.write(asked.folder)
        else:
            yield samples.write_curve(found, asked.folder)


def _examples(model: Programmer, asked: Asked) -> Iterator[Path]:
    """In one pass, and, where it was asked for, as the best of several."""
    yield exhibits.evaluate_examples(model, folder=asked.folder)
    if asked.best_of > 1:
        yield exhibits.evaluate_examples(model, score, asked.best_of, folder=asked.folder)


def _anchors(asked: Asked) -> Iterator[Path]:
    trial = asked.trial(examples.CORPUS, "twin-disjoint")
    part = {"rows": trial.rows, "selection": trial.selection} if trial.selection else {}
    where: dict[str, Any] = {"corpus": trial.corpus, "split": trial.split, "subset": trial.subset, **part}
    for result in evaluate_anchors(**where, **asked.how):
        yield result.write(asked.folder)


def _interpolation(model: Programmer, asked: Asked) -> Iterator[Path]:
    """Paths between pairs of the test set by every method (`asked.limit` pairs, default 500), and the paper's
    own two as sounds, into `data/interpolation`."""
    profile = model.about.profile
    trial = replace(asked, limit=None).trial(profile.corpus, profile.split)
    wanted = {"split": trial.split, "corpus_sha256": corpora.bank_hash(trial.bank)}
    there = {"split": profile.split, "corpus_sha256": model.about.corpus_sha256}
    if not asked.leaky and (found := differences(there, wanted)):
        raise CheckpointError(f"the checkpoint of {profile.name} does not fit: {'; '.join(found)}")
    folder = asked.out or shipped(interpolation.FOLDER)
    pairs = interpolation.draw_pairs(
        trial.rows, min(asked.limit or interpolation.N_PAIRS, len(trial.rows) // 2)
    )
    how: dict[str, Any] = {"processes": asked.processes, "progress": asked.progress}
    name = asked.name or profile.name
    who: dict[str, Any] = {"title": title(profile), "checkpoint_sha256": model.sha256}
    sources, _ = _sources(model, trial.bank, pairs, how)
    result = interpolation.evaluate_paths(
        sources,
        pairs,
        trial.bank,
        model=f"{name}-on-{len(pairs)}" if asked.limit else name,
        corpus=trial.corpus,
        split=trial.split,
        subset=trial.subset,
        **who,
        **how,
    )
    yield result.write(folder)
    if trial.corpus == examples.CORPUS:
        page = np.array([(a.index, b.index) for a, b in journeys.page_pairs()])
        sources, exact = _sources(model, trial.bank, page, how)
        standard = interpolation.Standard.of_features(
            result.provenance.features, result.provenance.n_training
        )
        yield journeys.write(sources, exact, standard, model=name, played=PLAYED, folder=folder, **who)


def _sources(
    model: Programmer, bank: PresetBank, pairs: npt.NDArray[np.int64], how: Mapping[str, Any]
) -> tuple[dict[str, interpolation.Source], dict[str, npt.NDArray[np.bool_]]]:
    """All methods' paths between pairs of rows, and whether the ends are their own."""
    a, b = bank.values[pairs[:, 0]], bank.values[pairs[:, 1]]
    ways = Pairs(a, b, model, cache=cache_folder() / "paths", **how)
    sources, exact = {}, {}
    for m in METHODS.values():
        paths = ways.paths(m.name, interpolation.N_STEPS)
        about: dict[str, Any] = {"title": m.title, "text": m.text, "exact": float(paths.exact.mean())}
        if m.model:
            about["radius"] = float(f"{np.median(paths.radius):.4g}")
        sources[m.name] = interpolation.Source(paths.values, paths.failed, about)
        exact[m.name] = paths.exact
    return sources, exact


def _listen(asked: Asked) -> Path:
    """NumCat++ and the default model, where they ship, on presets chosen by the last one's distances."""
    models = [m for m in shipped_models() if m.about.profile.name in ("numcat++", "latentdx")]
    if not models:
        raise ShippedFileError(f"no model ships in {shipped('checkpoints')}: there is nothing to listen to")
    last = models[-1]
    references = [
        r
        for r in read_all(asked.folder)
        if (r.provenance.checkpoint_sha256, r.provenance.inference) == (last.sha256, "one pass")
        and not r.provenance.selection
        and len(r.provenance.notes) == 1
    ]
    if not references:
        name = last.about.profile.name
        raise ShippedFileError(f"no result of {name} in {asked.folder}: `latentdx evaluate {name}` first")
    return exhibits.write_listening(references[0], models, rank=score, n=asked.best_of, folder=asked.folder)
