"""The whole way from a corpus to the book, as steps for doit: fetch, curate, render, train, evaluate.

A book profile whose training chapter trains at another scale than "smoke" asks for it (``full.yml``,
``paper.yml``). Training and evaluation run through their chapters. Each step resumes where it was stopped,
and repeats nothing that is done. What they make goes to the user's cache and to the folder of the build;
`data/` stays as it is.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

from latentdx.display.cost_tables import N_SEARCHED
from latentdx.errors import ProfileError
from latentdx.evaluation.anchors import ANCHORS
from latentdx.presets.corpora import CORPORA
from latentdx.registry import data_path
from latentdx.training.profile import SCALES, Profile, model_names, read_profile, run_folder

SHOWN = ("num", "numcat", "numcat++", "numcat++-six", "latentdx")
"""Models that the chapters show."""

FIVE_NOTES = "60:20,60:64,60:127,40:85,70:85"
N_AT_FIVE_NOTES = 2_000
N_CANDIDATES = 64

TRAINING_CODE = ("presets", "audio", "dataset", "models", "training")
EVALUATION_CODE = (*TRAINING_CODE, "metrics", "retrieval", "applications", "evaluation")
"""Packages that a training, or an evaluation, depends on."""

BOOK = Path("book")


def evaluations(name: str) -> list[dict[str, Any]]:
    """Return the evaluations of a model, as parameters of the evaluation chapter.

    Each is also a call of ``latentdx evaluate model``, see `as_options`.
    """
    quick = {"quick": name == "numcat++-random"}  # live parameters would take half an hour
    five = {"notes": FIVE_NOTES, "quick": True, "limit": N_AT_FIVE_NOTES}
    several = {"best_of": N_CANDIDATES, "limit": N_SEARCHED, "quick": False}
    return [
        {"limit": None} | quick,
        *([five] if name in ("numcat++", "numcat++-epochs5", "numcat++-six") else []),
        *([several] if name == "latentdx" else []),
    ]


def as_options(parameters: Mapping[str, Any]) -> list[str]:
    """Return the options of ``latentdx evaluate model`` for parameters of the evaluation chapter.

    >>> as_options({"best_of": 64, "quick": True, "limit": None})
    ['--best-of', '64', '--quick']
    """
    options = []
    for name, value in parameters.items():
        if value not in (None, False):
            options += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return options


@dataclass(frozen=True)
class Step:
    """Step of the pipeline.

    Attributes:
        name: Name of doit's task.
        actions: Actions of doit's task, one after another: arguments of ``python -m``, or functions with
            their arguments.
        targets: Files that the step makes; without any, it runs each time.
        sources: Files that it depends on.
        code: Packages that it depends on.
    """

    name: str
    actions: Sequence[Any]
    targets: tuple[Path, ...] = ()
    sources: tuple[Path, ...] = ()
    code: tuple[str, ...] = ()

    @property
    def settings(self) -> str:
        """Text that changes when the actions do, but is equal in every process."""
        return str([each if isinstance(each, list) else (each[0].__name__, each[1]) for each in self.actions])


@dataclass(frozen=True)
class Pipeline:
    """The steps for some models.

    Attributes:
        scale: Scale of the training profiles, or a profile file of one's own.
        models: Names of the models.
        build: Folder of the build, an absolute path.
        shown: Model on the pages "Training" and "Evaluation".
        trial: Parameters of the training chapter that make a run shorter: "epochs" and "presets".
        limit: Highest number of presets of each evaluation; `None` for no limit.
    """

    scale: str
    models: tuple[str, ...]
    build: Path
    shown: str
    trial: Mapping[str, int] = field(default_factory=dict)
    limit: int | None = None

    @classmethod
    def of(cls, chapters: Mapping[str, Mapping[str, Any]], models: Sequence[str], build: Path) -> Self | None:
        """Return the pipeline that a book profile asks for, or `None` if it shows what ships.

        Args:
            chapters: The book profile: chapter -> parameters.
            models: Names of models; by default those of `SHOWN` that the scale has, or the training
                chapter's model with a profile of one's own.
            build: Folder of the build.

        Raises:
            ProfileError: The scale has no such model, or a model learns from a corpus without a name.
        """
        training, evaluation = (chapters.get(name) or {} for name in ("training", "evaluation"))
        scale = str(training.get("scale", "smoke"))
        if scale == "smoke":
            return None
        scale = scale if scale in SCALES else str(Path(scale).absolute())
        wanted = training.get("model")
        if scale in SCALES:
            known = model_names(scale)
            chosen = tuple(models) or tuple(name for name in SHOWN if name in known)
        else:
            chosen = tuple(models) or (str(wanted),)
        trial = {key: training[key] for key in ("epochs", "presets") if training.get(key)}
        shown = wanted if wanted in chosen else chosen[0]
        pipeline = cls(scale, chosen, build.absolute(), shown, trial, evaluation.get("limit"))
        for name in chosen:
            corpus = pipeline.profile(name).corpus
            if corpus not in CORPORA:
                raise ProfileError(f"the corpus {corpus} of {name} is not one of {', '.join(CORPORA)}")
        return pipeline

    def profile(self, name: str) -> Profile:
        """Return the training profile of a model."""
        return read_profile(name, self.scale, self.trial)

    def run(self, name: str) -> Path:
        """Return the folder of a model's run: that of ``latentdx train``, or the build's for a trial."""
        return self.build / "runs" / name if self.trial else run_folder(self.profile(name)).absolute()

    def evaluations(self, name: str) -> list[dict[str, Any]]:
        """Return the evaluations of a model, within the limit; none for a model that cannot be evaluated."""
        a = self.profile(name).architecture
        if a.note_latents or a.n_operators != 6:  # see `latentdx.evaluation.trials.check`
            return []
        return [e | {"limit": self._limited(e["limit"])} for e in evaluations(name)]

    def _limited(self, limit: int | None) -> int | None:
        return min((n for n in (limit, self.limit) if n is not None), default=None)

    def curation(self, corpus: str) -> Path:
        """Return the curation table of a corpus, in a folder of its own."""
        return self.build / "curation" / corpus / f"{corpus}.parquet"

    @property
    def trained(self) -> tuple[str, ...]:
        """Models in the order of their trainings: each follows the one whose weights it begins with."""
        known = model_names(self.scale) if self.scale in SCALES else ()
        found: dict[str, None] = {}
        for name in self.models:
            base = self.profile(name).initial
            found |= dict.fromkeys([base, name] if base in known else [name])
        return tuple(found)

    @property
    def checkpoints(self) -> Path:
        """Folder with a copy of each finished model, as NAME.safetensors."""
        return self.build / "checkpoints"

    @property
    def results(self) -> Path:
        """Folder of the results."""
        return self.build / "results"

    def checkpoint(self, name: str) -> Path:
        """Return the copy of a finished model."""
        return self.checkpoints / f"{name}.safetensors"

    def parameters(self, chapter: str) -> dict[str, Any]:
        """Return what a chapter of the book needs to show the models of this pipeline."""
        evaluation = self.evaluations(self.shown)[:1]
        folders, measured = {"checkpoints": str(self.checkpoints)}, {"results": str(self.results)}
        return {
            "training": self._training(self.shown),
            "evaluation": self._evaluation(self.shown, *evaluation) if evaluation else {},
            **dict.fromkeys(("results", "results_parameters", "results_search"), measured),
            "programming": folders,
            "notes": folders,
            "outofdomain": folders,
            "model": {"model_name": str(self.checkpoint("latentdx"))} if "latentdx" in self.models else {},
        }.get(chapter, {})

    def steps(self) -> Iterator[Step]:
        """Yield the steps in their order."""
        profiles = {name: self.profile(name) for name in self.trained}
        yield Step("cost", [["latentdx_book.build.pipeline_cost", *self._as_arguments()]])
        for corpus in sorted({p.corpus for p in profiles.values()}):
            table = self.curation(corpus)
            curate = ["latentdx.cli", "curate", "--corpus", corpus, "--out", str(table.parent), "--force"]
            yield Step(f"fetch-{corpus}", [["latentdx.cli", "fetch", corpus]])
            actions = [curate, (_compare, [table, corpus])]
            yield Step(f"curate-{corpus}", actions, (table,), code=("presets", "audio", "dataset"))
        for corpus, notes in sorted({(p.corpus, p.notes) for p in profiles.values()}):
            render = ["latentdx.cli", "render", "--corpus", corpus, "--notes", notes]
            yield Step(f"render-{corpus}-{notes}", [render])
        for name in self.trained:
            page, copy = self.build / "trained" / f"{name}.ipynb", self.checkpoint(name)
            yield Step(
                f"train-{name}",
                [
                    _chapter("training", page, self._training(name)),
                    (_copy, [self.run(name) / "model.safetensors", copy]),
                ],
                (page, copy),
                (BOOK / "training.ipynb",),
                TRAINING_CODE,
            )
        for name in self.models:
            for i, evaluation in enumerate(self.evaluations(name), 1):
                page = self.build / "evaluated" / f"{name}-{i}.ipynb"
                # the whole test set gets all anchors; elsewhere the chapter's own choice is enough
                anchors = {"anchors": list(ANCHORS)} if i == 1 else {}
                yield Step(
                    f"evaluate-{name}-{i}",
                    [_chapter("evaluation", page, self._evaluation(name, evaluation) | anchors)],
                    (page,),
                    (BOOK / "evaluation.ipynb", self.checkpoint(name)),
                    EVALUATION_CODE,
                )

    def _training(self, name: str) -> dict[str, Any]:
        base = self.profile(name).initial
        # the run of a trial is not where `latentdx train` looks for a model to begin with
        begin = {"initial": str(self.checkpoint(base))} if self.trial and base in self.trained else {}
        return {"model": name, "scale": self.scale, "folder": str(self.run(name)), **self.trial, **begin}

    def _evaluation(self, name: str, evaluation: Mapping[str, Any]) -> dict[str, Any]:
        return {"model": str(self.checkpoint(name)), "results": str(self.results), **evaluation}

    def _as_arguments(self) -> list[str]:
        limit = [] if self.limit is None else ["--limit", str(self.limit)]
        trial = [part for key, value in self.trial.items() for part in (f"--{key}", str(value))]
        return [self.scale, *self.models, "--build", str(self.build), *trial, *limit]


def _chapter(name: str, page: Path, parameters: Mapping[str, Any]) -> list[str]:
    """Return the arguments that run a chapter on all cores, with its progress on the terminal."""
    runner = ["latentdx_book.build.notebook_runner", "--alone"]
    given = [part for key, value in parameters.items() for part in ("-p", f"{key}={json.dumps(value)}")]
    return [*runner, *given, str(BOOK / f"{name}.ipynb"), str(page)]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    shutil.copy2(source, part)
    part.replace(target)


def _compare(made: Path, corpus: str) -> None:
    """Say whether a curation table is the one in data/, whose splits the trainings use."""
    shipped = data_path("curation", f"{corpus}.parquet")
    same = shipped.is_file() and pd.read_parquet(shipped).equals(pd.read_parquet(made))
    print(f"{made} {'equals' if same else 'differs from'} {shipped}, which is used")
