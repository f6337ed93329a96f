"""Tasks of the pipeline, which run again only when the content of their inputs has changed; see `doit list`.

The Makefile calls them, for instance by `doit profile=smoke site`. The site's tasks write only to
build/<profile>/; `reproduce`, `train` and `evaluate` write to the user's cache and copy results into data/.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from doit import get_var
from doit.tools import config_changed

from latentdx.display.downloads import originals_allowed
from latentdx.errors import LatentDXError
from latentdx.training import profile as training
from latentdx_book.build.notebook_runner import read_profile
from latentdx_book.build.pipeline import (
    EVALUATION_CODE,
    N_CANDIDATES,
    TRAINING_CODE,
    Pipeline,
    as_options,
    evaluations,
)
from latentdx_book.build.sphinx_extension import BUILD_VARIABLE
from latentdx_book.build.stage_times import StageReporter

Task = dict[str, Any]

PROFILE = get_var("profile", "laptop")
PROFILE_FILE = Path(f"book/profiles/{PROFILE}.yml")
BUILD = Path("build", PROFILE)
EXECUTED = BUILD / "executed"  # executed chapters, and their sounds and pictures in media/<chapter>/
STAGED = BUILD / "src"  # Jupyter Book's sources: all pages under their names in the repository
SITE = BUILD / "_build"
WEB_MODEL = BUILD / "web_model"

LIBRARY = sorted(str(p) for p in Path("lib").rglob("*") if p.suffix in {".py", ".html", ".json", ".yml"})
SHIPPED = sorted(str(path) for path in Path("data").rglob("*") if path.is_file())
CHAPTERS = sorted(Path("book").glob("*.ipynb"))
PAGES = sorted(
    path
    for path in [
        *Path("book").rglob("*.md"),
        *Path("book").glob("*.bib"),
        *Path("book/_static").rglob("*"),
        *Path("lib/latentdx/web").rglob("*"),
    ]
    if path.is_file()
)
MODULE = [sys.executable, "-m"]

COMMAND = "make site" if PROFILE == "laptop" else f"make site PROFILE={PROFILE}"
MEASURED = json.loads(Path("data/benchmarks/commands.json").read_text("utf8"))
WORKERS = os.cpu_count() or 1

DOIT_CONFIG = {
    "default_tasks": ["site"],
    "dep_file": str(BUILD / ".doit.json"),
    "backend": "json",
    "num_process": WORKERS,
    "par_type": "thread",
    "verbosity": 2,
    "reporter": StageReporter(BUILD, WORKERS, "site", MEASURED.get(COMMAND)),
}

for variable in {"LATENTDX_DATA", "LATENTDX_CACHE"} & set(os.environ):
    os.environ[variable] = str(Path(os.environ[variable]).absolute())  # each chapter runs in its own folder

if not PROFILE_FILE.exists():
    sys.exit(
        f"no profile {PROFILE_FILE}; there are {sorted(p.stem for p in PROFILE_FILE.parent.glob('*.yml'))}"
    )
BUILD.mkdir(parents=True, exist_ok=True)


def code_of(*packages: str) -> list[str]:
    """Return the source files of packages."""
    return [file for file in LIBRARY if set(packages) & set(Path(file).parts)]


MODELS = get_var("models", "").split()  # all of them, if empty
try:
    PIPELINE = Pipeline.of(
        {name: read_profile(PROFILE_FILE, name) for name in ("training", "evaluation")}, MODELS, BUILD
    )
except LatentDXError as error:
    sys.exit(f"error: {error}")


def task_pipeline() -> Iterator[Task]:
    """Fetch, curate, render, train and evaluate one after another, where the profile shows its own models."""
    before: list[str] = []
    for step in PIPELINE.steps() if PIPELINE else ():
        actions = [[*MODULE, *each] if isinstance(each, list) else each for each in step.actions]
        yield {
            "name": step.name,
            "file_dep": [*map(str, step.sources), *code_of(*step.code)],
            "task_dep": before,
            "uptodate": [config_changed(step.settings)] if step.targets else [False],
            "targets": list(map(str, step.targets)),
            "actions": actions,
        }
        before = [f"pipeline:{step.name}"]


def task_notebook() -> Iterator[Task]:
    """Execute one chapter with the profile's parameters."""
    run = [*MODULE, "latentdx_book.build.notebook_runner", "--profile", str(PROFILE_FILE)]
    made = [str(file) for step in PIPELINE.steps() for file in step.targets] if PIPELINE else []
    for chapter in CHAPTERS:
        target = EXECUTED / chapter.name
        own = PIPELINE.parameters(chapter.stem) if PIPELINE else {}
        given = [part for name, value in own.items() for part in ("-p", f"{name}={json.dumps(value)}")]
        settings = {
            "parameters": read_profile(PROFILE_FILE, chapter.stem) | own,
            "corpora": os.environ.get("LATENTDX_DATA", ""),
            "originals": originals_allowed(),
        }
        yield {
            "name": chapter.stem,
            "file_dep": [str(chapter), *LIBRARY, *SHIPPED, *made],
            "uptodate": [config_changed(settings)],
            "targets": [str(target)],
            "task_dep": ["pipeline"] if PIPELINE else [],
            "actions": [[*run, *given, str(chapter), str(target)]],
        }


def describe_build() -> str:
    """Return the commit and the profile that a site is built from; equal for equal sources."""
    try:
        commit = subprocess.check_output(
            ["git", "describe", "--always", "--dirty"], text=True, stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError):
        commit = f"release {version('latentdx')}"
    private = ", with parameters of the originals: not to be published" if originals_allowed() else ""
    return f"{commit.strip()}, profile {PROFILE}{private}"


def task_web_model() -> Task:
    """Export the default model for the page that matches a reader's sound."""
    checkpoint = "data/checkpoints/latentdx.safetensors"
    return {
        "file_dep": [checkpoint, *code_of("models"), "lib/latentdx_book/build/web_model.py"],
        "targets": [str(WEB_MODEL / name) for name in ("model.json", "model.bin")],
        "actions": [[*MODULE, "latentdx_book.build.web_model", checkpoint, str(WEB_MODEL)]],
    }


FIRST_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>LatentDX</title>
<link rel="icon" href="_static/favicon.svg">
"""


def build_site() -> bool:
    """Gather pages, executed chapters and media, and run Jupyter Book on them with warnings as errors."""
    for folder in [STAGED, SITE]:  # a full build takes seconds, and an incremental one keeps stale pages
        shutil.rmtree(folder, ignore_errors=True)
    for page in PAGES:
        (STAGED / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(page, STAGED / page)
    shutil.copytree(WEB_MODEL, STAGED / "lib/latentdx/web/model")  # beside the scripts, in _static/model/
    for chapter in CHAPTERS:
        shutil.copy2(EXECUTED / chapter.name, STAGED / chapter)
        media = Path("media", chapter.stem)
        if (EXECUTED / media).is_dir():
            shutil.copytree(EXECUTED / media, STAGED / "book" / media)
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    options = [
        "--config",
        "_config.yml",
        "--toc",
        str(Path("_toc.yml").resolve()),
        "--path-output",
        str(BUILD),
    ]
    command = [jupyter_book, "build", str(STAGED), *options, "-W", "--keep-going", "-q"]
    built = subprocess.run(command, env=os.environ | {BUILD_VARIABLE: describe_build()}, check=False)
    first = SITE / "html/index.html"
    if first.is_file():  # Jupyter Book's redirection lacks what a page needs, among it an icon
        first.write_text(f"{FIRST_PAGE}{first.read_text('utf8').strip()}\n", "utf8")
    return built.returncode == 0


def task_site() -> Task:
    """Build the book from the executed chapters."""
    return {
        "file_dep": ["_config.yml", "_toc.yml", *map(str, PAGES), *LIBRARY]
        + [str(EXECUTED / chapter.name) for chapter in CHAPTERS]
        + [str(WEB_MODEL / name) for name in ("model.json", "model.bin")],
        "uptodate": [config_changed(describe_build())],
        "targets": [str(SITE / "html/index.html")],
        "actions": [build_site],
    }


# Reproducing the contents of data/. Each stage writes below MADE; only `promote` changes data/.
MADE = Path("build/made")
CORPUS = get_var("corpus", "learnfm")
NOTES = get_var("notes", "single")


DATASET_CODE = code_of("presets", "audio", "dataset")


def task_fetch() -> Task:
    """Find the corpus on this machine, or download and verify it."""
    return {"actions": [[*MODULE, "latentdx.cli", "fetch", CORPUS]]}


def task_make() -> Iterator[Task]:
    """Make one part of data/: the starter presets, the curation tables, the target sounds."""
    curation = MADE / "curation"
    commands = {
        "starter": (["latentdx.presets.starter", str(MADE / "starter")], MADE / "starter"),
        "dynamics": (
            ["latentdx.dataset.dynamics", "--out", str(MADE / "targets")],
            MADE / "targets/dynamics.parquet",
        ),
        "targets": (
            ["latentdx.dataset.target_sounds", "--out", str(MADE / "targets")],
            MADE / "targets/targets.json",
        ),
    }
    for corpus in sorted({"starter", CORPUS}):
        command = ["latentdx.cli", "curate", "--corpus", corpus, "--out", str(curation), "--force"]
        commands[f"curation-{corpus}"] = command, curation / f"{corpus}.parquet"
    for name, (command, made) in commands.items():
        yield {
            "name": name,
            "file_dep": DATASET_CODE,
            "task_dep": ["fetch"],
            "uptodate": [config_changed(" ".join(command)), made.exists()],
            "actions": [[*MODULE, *command]],
        }


def task_render() -> Task:
    """Render the corpus into its store in the user's cache; an existing store is only verified."""
    return {
        "actions": [[*MODULE, "latentdx.cli", "render", "--corpus", CORPUS, "--notes", NOTES]],
        "task_dep": ["fetch"],
    }


def task_index() -> Iterator[Task]:
    """Build the sound indexes that data/ holds, from the stores that `render` makes."""
    made = MADE / "index"
    for corpus in sorted({"starter", CORPUS} & {"starter", "learnfm"}):
        yield {
            "name": corpus,
            "file_dep": [
                *DATASET_CODE,
                "lib/latentdx/retrieval/sound_index.py",
                "lib/latentdx/retrieval/build_index.py",
                f"data/curation/{corpus}.parquet",
            ],
            "task_dep": ["render"],
            "uptodate": [(made / f"{corpus}.safetensors").exists()],
            "actions": [[*MODULE, "latentdx.retrieval.build_index", corpus, "--out", str(made), "--force"]],
        }


def task_verify() -> Task:
    """Compare every sample of the engine with dexed-py, for all voices of the corpus."""
    made = MADE / "benchmarks/engine_equality.json"
    command = [sys.executable, "benchmarks/verify_engine.py", "--corpus", CORPUS, "--results", str(made)]
    return {
        "file_dep": [*code_of("audio"), "benchmarks/verify_engine.py"],
        "task_dep": ["fetch"],
        "uptodate": [config_changed(" ".join(command)), made.exists()],
        "actions": [command],
    }


def task_eras() -> Task:
    """Count how many voices of the corpus sound otherwise today than in Dexed 0.9.3, and how far."""
    made = MADE / "benchmarks/compare_eras.json"
    command = [sys.executable, "benchmarks/compare_eras.py", "--corpus", CORPUS, "--results", str(made)]
    return {
        "file_dep": [
            *code_of("audio"),
            "lib/latentdx/evaluation/era_comparison.py",
            "benchmarks/compare_eras.py",
        ],
        "task_dep": ["fetch"],
        "uptodate": [config_changed(" ".join(command)), made.exists()],
        "actions": [command],
    }


def promote() -> None:
    """Copy the files made into data/, and print which of them differ."""
    for made in sorted(path for path in MADE.rglob("*") if path.is_file()):
        shipped = Path("data") / made.relative_to(MADE)
        same = shipped.is_file() and shipped.read_bytes() == made.read_bytes()
        print(f"{'same   ' if same else 'changed'} {shipped}")
        if not same:
            shipped.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(made, shipped)


def task_reproduce() -> Task:
    """Fetch, make, render, index, verify the engine, compare its eras; then copy the results into data/."""
    return {"actions": [promote], "task_dep": ["make", "render", "index", "verify", "eras"]}


# Training and evaluation take hours, so they are not part of `reproduce`. Both resume and repeat nothing.
LAPTOP_MODELS = [] if PIPELINE else MODELS or list(training.model_names("laptop"))
if unknown := set(LAPTOP_MODELS) - set(training.model_names("laptop")):
    sys.exit(f"no model {', '.join(sorted(unknown))}; there are {', '.join(training.model_names('laptop'))}")
SHIPPED_MODELS = {"num", "numcat", "numcat++", "numcat++-six", "latentdx"}  # the others ship only results


def trained(name: str) -> Path:
    """Return the path of a finished checkpoint of the laptop profile, in the user's cache."""
    return training.run_folder(training.read_profile(name, "laptop")) / "model.safetensors"


def promote_model(name: str) -> None:
    """Copy a finished checkpoint into data/checkpoints, if it differs from the one there."""
    made, shipped_file = trained(name), Path("data/checkpoints", f"{name}.safetensors")
    if shipped_file.is_file() and shipped_file.read_bytes() == made.read_bytes():
        return
    print(f"changed {shipped_file}")
    shipped_file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(made, shipped_file)


def task_train() -> Iterator[Task]:
    """Train one model with the laptop profile in the user's cache, and copy it into data/ if it ships."""
    for name in LAPTOP_MODELS:
        profile = repr(training.read_profile(name, "laptop"))
        yield {
            "name": name,
            "file_dep": code_of(*TRAINING_CODE),
            "uptodate": [config_changed(profile), trained(name).exists()],
            "actions": [
                [*MODULE, "latentdx.cli", "train", name],
                *([(promote_model, [name])] if name in SHIPPED_MODELS else []),
            ],
        }


def evaluations_of(name: str) -> list[list[str]]:
    """Return the arguments of `latentdx evaluate` for all results of a model, or of the anchors."""
    if name == "anchors":
        return [["anchors"]]
    several = [["match"]] if name == "latentdx" else []
    return [*(["model", name, *as_options(each)] for each in evaluations(name)), *several]


def task_evaluate() -> Iterator[Task]:
    """Evaluate one trained model, or the anchors; write results, summary and model cards to data/results."""
    for name in ["anchors", *LAPTOP_MODELS]:
        checkpoints = [Path("data/checkpoints", f"{name}.safetensors")]
        if name in training.model_names("laptop"):
            checkpoints.append(trained(name))  # for models that do not ship
        used = [str(file) for file in checkpoints if file.exists()][:1]
        yield {
            "name": name,
            "file_dep": [*code_of(*EVALUATION_CODE), *used],
            "uptodate": [config_changed(str(evaluations_of(name)))],
            "actions": [
                [*MODULE, "latentdx.cli", "evaluate", *arguments, "--force"]
                for arguments in evaluations_of(name)
            ],
        }


def task_interpolation() -> Task:
    """Evaluate paths between presets with the shipped NumCat++; write results to data/interpolation."""
    return {"actions": [[*MODULE, "latentdx.cli", "evaluate", "interpolation", "--force"]]}


def task_listening() -> Task:
    """Render listening examples of the test set for the results chapter, after `evaluate`."""
    command = [*MODULE, "latentdx.cli", "evaluate", "listening", "--best-of", str(N_CANDIDATES)]
    return {"actions": [command], "task_dep": ["evaluate"]}
