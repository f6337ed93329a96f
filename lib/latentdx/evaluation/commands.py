"""Steps of `latentdx evaluate`: measure models, anchors and searches, and write results to `data/results`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentdx.applications.interpolate import DEFAULT_MODEL, METHODS, Pairs
from latentdx.applications.programmer import N_DRAWN, Programmer, load_model, published_models
from latentdx.dataset import paper_examples
from latentdx.dataset.splits import SPLITS, SUBSETS, Split
from latentdx.errors import CheckpointError, DataMissingError, ParameterError
from latentdx.evaluation import (
    best_of_n,
    closeness_table,
    condition_benchmark,
    interpolation,
    listening_examples,
    listening_studies,
    path_examples,
    published,
    search_benchmark,
    summary,
    trials,
)
from latentdx.evaluation.anchors import ANCHORS, evaluate_anchors
from latentdx.evaluation.model_cards import write_cards
from latentdx.evaluation.results import Measurement, Result, check_name, name_of, read_all
from latentdx.evaluation.trials import Trial
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.registry import data_path
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.run_options import RunOptions
from latentdx.training.checkpoint import differences
from latentdx.training.profile import model_names, read_profile, run_folder
from latentdx.typing import Mask, Rows

PLAYED = ("latent", "naive", "matched", "naive-paced", "latent-paced", "paced")
"""Methods whose sounds between the page's presets are kept (3.3 MB); other methods keep only numbers."""

_REMEDY = "--force replaces it, or choose another --out"


@dataclass(frozen=True)
class EvaluationRequest:
    """Settings of an evaluation.

    Attributes:
        split: Split whose test set is used; `None` for each checkpoint's own ("twin-disjoint" for anchors).
        subset: Part of the split: "test", or "validation" to choose settings by.
        limit: Number of presets, drawn by seed; `None` for all.
        measurement: Metrics to compute, and the notes at which sounds are compared.
        best_of: Number of candidates per preset; 1 is the single pass.
        temperature: Temperature of the draws.
        name: Name of the result; `None` for the model's.
        leaky: True to allow another split than the model's.
        out: Folder of the results; `None` for `data/results`.
        force: True to replace results of other checkpoints, or with more metrics, that have the same names.
        corpus: Name of another corpus than the model's; see `latentdx.dataset.own_corpus`.
        options: Number of processes, progress bar, and location of the cache.
    """

    split: str | None = None
    subset: str = "test"
    limit: int | None = None
    measurement: Measurement = Measurement()
    best_of: int = 1
    temperature: float = DRAWING_TEMPERATURE
    name: str | None = None
    leaky: bool = False
    out: Path | None = None
    force: bool = False
    corpus: str | None = None
    options: RunOptions = RunOptions()

    @property
    def folder(self) -> Path:
        """Folder of the results."""
        return self.out or data_path("results")

    def trial(self, corpus: str, split: Split) -> Trial:
        """Return the presets to evaluate on.

        Args:
            corpus: Name of the corpus to use if the request names none: the model's own.
            split: Split to use if the request names none: the model's own.

        Raises:
            ParameterError: There is no split or subset of that name, or the limit is below 1.
        """
        wanted = split if self.split is None else self.split
        if wanted not in SPLITS:
            raise ParameterError(f"there is no split {wanted!r}, only {', '.join(SPLITS)}")
        if self.subset not in SUBSETS:
            raise ParameterError(f"there is no subset {self.subset!r}, only {', '.join(SUBSETS)}")
        return Trial.of(self.corpus or corpus, wanted, self.subset, limit=self.limit)


def _check_results(names: Iterable[str], trial: Trial, checkpoint: str, request: EvaluationRequest) -> None:
    """Check before the work that results replace only those of the same checkpoint and metrics."""
    measurement = request.measurement
    for name in names:
        check_name(name)
        file = name_of(trial.name(name), trial.split, trial.subset, measurement.notes)
        if request.force or not (path := request.folder / file).exists():
            continue
        there = Result.read(path).provenance
        _check_checkpoint(path, there.checkpoint_sha256, checkpoint)
        if there.live_notes and measurement.live_notes is None:
            raise ParameterError(f"{path} holds more metrics than --quick measures: {_REMEDY}")


def _check_checkpoint(path: Path, there: str, checkpoint: str) -> None:
    if there != checkpoint:
        raise ParameterError(f"{path} holds a result of another checkpoint ({there}): {_REMEDY}")


def _check_examples(model: Programmer, request: EvaluationRequest) -> None:
    """Check before the work that measurements of the paper's examples replace only the same checkpoint's."""
    for n in sorted({1, request.best_of}):
        path = request.folder / published.file_name(best_of_n.name_of(model.about.profile.name, n))
        if not request.force and path.exists():
            there = pd.read_csv(path, nrows=1).get("checkpoint_sha256", pd.Series(["none"]))
            _check_checkpoint(path, str(there[0]), model.sha256)


def find_model(name: str, factory: str | None = None) -> Programmer:
    """Load a model: a checkpoint file, a published model, or the result of a laptop training on this machine.

    Args:
        name: Path of a .safetensors file, or name of a model; published models take precedence.
        factory: Import path of the factory of a network of one's own, see `latentdx.training.network`.

    Raises:
        DataMissingError: There is no such model.
    """
    is_file = name.endswith(".safetensors")
    if is_file or name in published_models() or name not in model_names("laptop"):
        return load_model(name, factory=factory)
    own = run_folder(read_profile(name, "laptop")) / "model.safetensors"
    if not own.exists():
        raise DataMissingError(
            f"no model {name!r} is published, and there is none at {own}: run `latentdx train {name}` first"
        )
    return load_model(own, factory=factory)


def is_own(names: Iterable[str], corpus: str | None = None) -> bool:
    """Return whether results of these models on a corpus are a user's own, and none that could ship."""
    return any(name.endswith(".safetensors") for name in names) or corpus not in (None, *corpora.CORPORA)


def shipped_models() -> list[Programmer]:
    """Return all models that ship, in the order of their training profiles."""
    files = [data_path("checkpoints", f"{name}.safetensors") for name in model_names("laptop")]
    return [load_model(file) for file in files if file.exists()]


def summarize(request: EvaluationRequest) -> Iterator[Path]:
    """Summarize the results; if they are the ones that ship, write the model cards too. Yields each file."""
    yield summary.write(request.folder)
    if request.out is None:  # the figures on the cards come from the results that ship
        yield from write_cards()


def check_model(model: Programmer, request: EvaluationRequest) -> None:
    """Check before the work that a model can be evaluated, and replaces no result that it should not.

    Raises:
        CheckpointError: The model does not fit the presets.
        ParameterError: A result of the same name is from another checkpoint, or holds more metrics.
    """
    profile = model.about.profile
    trial = request.trial(profile.corpus, profile.split)
    trials.check(model, trial, leaky=request.leaky)
    base = request.name or profile.name
    names = {base, best_of_n.name_of(base, request.best_of)}
    _check_results(sorted(names), trial, model.sha256, request)
    if _has_examples(model, request):
        _check_examples(model, request)


def _has_examples(model: Programmer, request: EvaluationRequest) -> bool:
    return model.about.profile.corpus == paper_examples.CORPUS and not request.name


def evaluate_model(model: Programmer, request: EvaluationRequest) -> Iterator[Path]:
    """Evaluate a model in one pass or as best of several, and on the paper's examples. Yields each file."""
    profile = model.about.profile
    trial = request.trial(profile.corpus, profile.split)
    shared: dict[str, Any] = {
        "name": request.name,
        "leaky": request.leaky,
        "measurement": request.measurement,
        "options": request.options,
    }
    check_model(model, request)
    if request.best_of == 1:
        yield trials.one_pass(model, trial, **shared).write(request.folder)
    else:
        results, curve = best_of_n.best_of(
            model, trial, request.best_of, temperature=request.temperature, **shared
        )
        for result in results:
            yield result.write(request.folder)
        yield best_of_n.write_curve(curve, request.folder)
    if _has_examples(model, request):
        yield from evaluate_published(model, request)


def evaluate_published(model: Programmer, request: EvaluationRequest) -> Iterator[Path]:
    """Evaluate a model on the paper's examples, in one pass and as the best of several. Yields each file."""
    _check_examples(model, request)
    for n in sorted({1, request.best_of}):
        yield listening_examples.evaluate_examples(model, n, folder=request.folder)


def evaluate_baselines(
    request: EvaluationRequest,
    corpus: str = paper_examples.CORPUS,
    split: Split = "twin-disjoint",
    names: Sequence[str] = tuple(ANCHORS),
) -> Iterator[Path]:
    """Evaluate anchors, which need no training. Yields each file.

    Args:
        request: Settings of the evaluation.
        corpus: Name of the corpus.
        split: Name of the split, if the request names none.
        names: Names of the anchors; by default all that the tables have.
    """
    trial = request.trial(corpus, split)
    _check_results(names, trial, "", request)
    for result in evaluate_anchors(
        names,
        corpus=trial.corpus,
        split=trial.split,
        subset=trial.subset,
        rows=trial.rows if trial.selection else None,
        selection=trial.selection,
        measurement=request.measurement,
        options=request.options,
    ):
        yield result.write(request.folder)


def evaluate_match(request: EvaluationRequest) -> Iterator[Path]:
    """Evaluate matches by the default model, and the searches that they are compared with. Yields each file.

    Args:
        request: Settings of the evaluation; without a limit, 200 targets are used.
    """
    file = data_path("checkpoints", "latentdx.safetensors")
    model = load_model(file)
    profile = model.about.profile
    request = replace(request, limit=request.limit or search_benchmark.N_TARGETS)
    trial = request.trial(profile.corpus, profile.split)
    index = SoundIndex.read(data_path("index", f"{profile.corpus}.safetensors"))
    best = best_of_n.name_of(profile.name, N_DRAWN)
    _check_results([best], trial, model.sha256, replace(request, measurement=request.measurement.quick()))
    for found in search_benchmark.measure(model, file, trial, index, options=request.options):
        if isinstance(found, Result):
            yield found.write(request.folder)
        else:
            yield best_of_n.write_curve(found, request.folder)
    if trial.subset == "test":
        yield closeness_table.write(request.folder)
    for study in condition_benchmark.measure_conditions(model, file, trial, index, request.options):
        yield study.write(request.folder)


def evaluate_interpolation(model: str, request: EvaluationRequest) -> Iterator[Path]:
    """Evaluate paths between presets by every method, and render those of the paper's page. Yields each file.

    Files are written to `data/interpolation`, unless the request names another folder.

    Args:
        model: Name or checkpoint of the model whose latents are used; "" for the shipped NumCat++.
        request: Settings of the evaluation; without a limit, 500 pairs of presets are used.

    Raises:
        CheckpointError: The checkpoint was trained on other presets or another split.
    """
    programmer = find_model(model or DEFAULT_MODEL)
    profile = programmer.about.profile
    trial = replace(request, limit=None).trial(profile.corpus, profile.split)
    wanted = {"split": trial.split, "corpus_sha256": corpora.bank_hash(trial.bank)}
    there = {"split": profile.split, "corpus_sha256": programmer.about.corpus_sha256}
    if not request.leaky and (found := differences(there, wanted)):
        raise CheckpointError(f"the checkpoint of {profile.name} does not fit: {'; '.join(found)}")
    folder = request.out or data_path(interpolation.FOLDER)
    n_pairs = min(request.limit or interpolation.N_PAIRS, len(trial.rows) // 2)
    pairs = interpolation.draw_pairs(trial.rows, n_pairs)
    name = request.name or profile.name
    label = f"{name}-on-{len(pairs)}" if request.limit else name
    path = folder / f"pairs.{label}.parquet"
    if not request.force and path.exists():
        _check_checkpoint(
            path, interpolation.PairResult.read(path).provenance.checkpoint_sha256, programmer.sha256
        )
    sources, _ = _sources(programmer, trial.bank, pairs, request.options)
    result = interpolation.evaluate_paths(
        sources,
        pairs,
        trial.bank,
        model=label,
        title=profile.title,
        checkpoint_sha256=programmer.sha256,
        corpus=trial.corpus,
        split=trial.split,
        subset=trial.subset,
        options=request.options,
    )
    yield result.write(folder)
    if trial.corpus == paper_examples.CORPUS:
        page = np.array([(a.index, b.index) for a, b in path_examples.page_pairs()])
        sources, exact = _sources(programmer, trial.bank, page, request.options)
        standard = interpolation.Standard.of_features(
            result.provenance.features, result.provenance.n_training
        )
        yield path_examples.write(
            sources,
            exact,
            standard,
            model=name,
            title=profile.title,
            checkpoint_sha256=programmer.sha256,
            played=PLAYED,
            folder=folder,
        )


def _sources(
    model: Programmer, bank: PresetBank, pairs: Rows, options: RunOptions
) -> tuple[dict[str, interpolation.MethodPaths], dict[str, Mask]]:
    """Return the paths of all methods between pairs of rows, and masks of the ends that they reproduce."""
    a, b = bank.values[pairs[:, 0]], bank.values[pairs[:, 1]]
    interpolation_methods = Pairs(a, b, model, options=options)
    sources, exact = {}, {}
    for m in METHODS.values():
        paths = interpolation_methods.paths(m.name, interpolation.N_STEPS)
        about: dict[str, Any] = {"title": m.title, "text": m.text, "exact": float(paths.exact.mean())}
        if m.model:
            about["radius"] = float(f"{np.median(paths.radius):.4g}")
        sources[m.name] = interpolation.MethodPaths(paths.values, paths.failed, about)
        exact[m.name] = paths.exact
    return sources, exact


def render_listening_examples(request: EvaluationRequest) -> Iterator[Path]:
    """Render presets of the test set next to what NumCat++ and the default model infer, if these models ship.

    The presets are chosen by the default model's distances, so its result must exist. Yields the manifest.

    Raises:
        DataMissingError: No model ships, or the default model has no result.
    """
    models = [m for m in shipped_models() if m.about.profile.name in ("numcat++", "latentdx")]
    if not models:
        raise DataMissingError(f"there is nothing to listen to: {data_path('checkpoints')} has no model")
    last = models[-1]
    references = [
        r
        for r in read_all(request.folder)
        if (r.provenance.checkpoint_sha256, r.provenance.inference) == (last.sha256, "one pass")
        and not r.provenance.selection
        and len(r.provenance.notes) == 1
    ]
    if not references:
        name = last.about.profile.name
        raise DataMissingError(
            f"{request.folder} has no result of {name}: run `latentdx evaluate model {name}` first"
        )
    yield listening_examples.write_listening(references[0], models, n=request.best_of, folder=request.folder)


def evaluate_listeners(
    studies: Sequence[listening_studies.ListeningStudy], request: EvaluationRequest
) -> Iterator[Path]:
    """Compare the metrics of sounds, and the objective, with listeners. Yields the file.

    Args:
        studies: Listening studies, see `listening_studies.read_studies`.
        request: Folder of the result, and options of the run.
    """
    yield listening_studies.measure(studies, request.options).write(request.folder)
