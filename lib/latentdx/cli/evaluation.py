"""Commands that evaluate: `latentdx evaluate model | anchors | published | …`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentdx.cli import output
from latentdx.cli.common import (
    INTERRUPTED,
    MOST_PRESETS,
    BestOf,
    Force,
    Lenient,
    Processes,
    fail,
    naming,
    warn,
)
from latentdx.cli.notes import parse_notes

if TYPE_CHECKING:
    from latentdx.evaluation import commands

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Measure models, anchors and searches on a whole test set. To resume, repeat the command.",
)

Split = Annotated[
    str | None,
    typer.Option(help="Split whose test set is used: random or twin-disjoint; the checkpoint's if omitted."),
]
Subset = Annotated[str, typer.Option(help="test; or validation, for settings.")]
Notes = Annotated[
    str, typer.Option(help="Notes at which sounds are compared: single, six, or NOTE:VELOCITY pairs.")
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, max=MOST_PRESETS, metavar="N", help="Number of presets; all if omitted."),
]
Quick = Annotated[bool, typer.Option("--quick", help="Leave out live parameters and pYIN.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder of the results; data/results if omitted.")
]
OwnOut = Annotated[
    Path | None, typer.Option("--out", "-o", help="Default: data/results; own files: your cache.")
]
Name = Annotated[str | None, typer.Option("--as", help="Name of the result; the model's if omitted.")]
Leaky = Annotated[bool, typer.Option("--leaky", help="Allow other presets than the model's own split.")]


@app.command()
def model(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Names of models, or .safetensors files.")
    ],
    split: Split = None,
    subset: Subset = "test",
    notes: Notes = "single",
    best_of: BestOf = 1,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=10, metavar="T", help="Temperature of the draws.")
    ] = None,
    limit: Limit = None,
    name: Name = None,
    leaky: Leaky = False,
    corpus: Annotated[
        str | None, typer.Option(help="Corpus, file or folder; the model's if omitted.")
    ] = None,
    lenient: Lenient = False,
    factory: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="Factory of your own network: code that is run."),
    ] = None,
    quick: Quick = False,
    processes: Processes = None,
    out: OwnOut = None,
    force: Force = False,
) -> None:
    """Evaluate models, in one forward pass or as the best of several presets.

    \b
    Example:  latentdx evaluate model numcat++ latentdx
              latentdx evaluate model latentdx --best-of 64 --limit 1000
    """
    from latentdx.evaluation import commands
    from latentdx.run_options import cache_folder

    if name is not None and len(names) > 1:
        raise typer.BadParameter(f"--as {name} names one result, but {len(names)} models are given")
    if corpus is not None:
        from latentdx.dataset import prepare_corpus

        corpus, remarks = prepare_corpus(corpus, strict=not lenient)
        warn(remarks)
    if out is None and commands.is_own(names, corpus):
        out = cache_folder() / "results"
    request = _request(
        processes, out, split=split, subset=subset, notes=notes, quick=quick, limit=limit, best_of=best_of,
        temperature=temperature, name=name, leaky=leaky, force=force,
        corpus=corpus,
    )  # fmt: skip
    models = [commands.find_model(each, factory) for each in names]
    for each in models:
        commands.check_model(each, request)
    for each in models:
        _write(commands.evaluate_model(each, request))
    _write(commands.summarize(request))


@app.command()
def anchors(
    split: Split = None,
    subset: Subset = "test",
    notes: Notes = "single",
    limit: Limit = None,
    quick: Quick = False,
    processes: Processes = None,
    out: Out = None,
    force: Force = False,
) -> None:
    """Evaluate the anchors of every table: perfect, one step away, nearest, mean and random presets.

    \b
    Example:  latentdx evaluate anchors
    """
    from latentdx.evaluation import commands

    request = _request(
        processes, out, split=split, subset=subset, notes=notes, quick=quick, limit=limit, force=force
    )
    _write(commands.evaluate_baselines(request))
    _write(commands.summarize(request))


@app.command()
def published(best_of: BestOf = 1, out: Out = None, force: Force = False) -> None:
    """Evaluate every model that ships on the examples of the paper's companion page.

    \b
    Example:  latentdx evaluate published
    """
    from latentdx.evaluation import commands

    request = _request(None, out, best_of=best_of, force=force)
    for each in commands.shipped_models():
        _write(commands.evaluate_published(each, request))
    _write(commands.summarize(request))


@app.command()
def listening(best_of: BestOf = 1, out: Out = None) -> None:
    """Render presets of the test set and the models' answers to them, as listening examples.

    \b
    Example:  latentdx evaluate listening --best-of 64
    """
    from latentdx.evaluation import commands

    _write(commands.render_listening_examples(_request(None, out, best_of=best_of)))


@app.command()
def listeners(
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder of the studies, as timbremetrics has them.")
    ],
    processes: Processes = None,
    out: Out = None,
    force: Force = False,
) -> None:
    """Compare every distance of sounds with listeners, who rated how different sounds are.

    The folder holds sounds/STUDY/* and true_dissim/STUDY_dissimilarity_matrix.txt.

    \b
    Example:  latentdx evaluate listeners --data timbre/
    """
    from latentdx.evaluation import commands
    from latentdx.evaluation.listening_studies import FILE, read_studies

    request = _request(processes, out, force=force)
    output.check_folder(request.folder, [FILE], force=force, parents=True)
    with naming("--data"):
        studies = read_studies(data)
    _write(commands.evaluate_listeners(studies, request))


@app.command()
def match(
    split: Split = None,
    subset: Subset = "test",
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_PRESETS, metavar="N", help="Number of targets; 200 if omitted."),
    ] = None,
    processes: Processes = None,
    out: Out = None,
    force: Force = False,
) -> None:
    """Evaluate `latentdx match` at several budgets, and the searches that it is compared with.

    \b
    Example:  latentdx evaluate match
    """
    from latentdx.evaluation import commands

    request = _request(processes, out, split=split, subset=subset, limit=limit, force=force)
    _write(commands.evaluate_match(request))
    _write(commands.summarize(request))


@app.command()
def interpolation(
    model: Annotated[
        str, typer.Option(help="Name or file of the model whose latents are used; numcat++ if omitted.")
    ] = "",
    split: Split = None,
    subset: Subset = "test",
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_PRESETS, metavar="N", help="Number of pairs; 500 if omitted."),
    ] = None,
    name: Name = None,
    leaky: Leaky = False,
    processes: Processes = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the results; data/interpolation if omitted.")
    ] = None,
    force: Force = False,
) -> None:
    """Evaluate paths between pairs of presets by every method.

    \b
    Example:  latentdx evaluate interpolation
    """
    from latentdx.evaluation import commands

    request = _request(
        processes,
        out,
        folder="interpolation",
        split=split,
        subset=subset,
        limit=limit,
        name=name,
        leaky=leaky,
        force=force,
    )
    _write(commands.evaluate_interpolation(model, request))


@app.command()
def summary(out: Out = None) -> None:
    """Summarize existing results without measuring anything, and write the model cards.

    \b
    Example:  latentdx evaluate summary
    """
    from latentdx.evaluation import commands

    _write(commands.summarize(_request(None, out)))


def _request(
    processes: int | None,
    out: Path | None,
    *,
    folder: str = "results",
    notes: str = "single",
    quick: bool = False,
    temperature: float | None = None,
    **asked: Any,
) -> "commands.EvaluationRequest":
    from latentdx.evaluation.commands import EvaluationRequest
    from latentdx.evaluation.results import Measurement
    from latentdx.registry import data_path
    from latentdx.run_options import RunOptions

    measurement = Measurement(parse_notes(notes))
    if temperature is not None:
        asked["temperature"] = temperature
    request = EvaluationRequest(
        measurement=measurement.quick() if quick else measurement,
        out=out,
        options=RunOptions(processes),
        **asked,
    )
    output.check_folder(out or data_path(folder), parents=True)
    return request


def _write(paths: Iterable[Path]) -> None:
    """Print each file as it is written."""
    try:
        for path in paths:
            typer.echo(path)
    except KeyboardInterrupt:
        fail("stopped; run the same command to resume from the last finished chunk", INTERRUPTED)
