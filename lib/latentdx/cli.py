"""The command line: `latentdx fetch | curate | render | train | evaluate`, and what `cli_sounds` adds."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from latentdx import cli_sounds
from latentdx.audio.dexed import NOTE_SETS, check_note
from latentdx.errors import LatentDXError
from latentdx.presets import corpora

if TYPE_CHECKING:
    from distributed import Client


class _Group(TyperGroup):
    """Prints errors that are ours, or the system's, as one line on stderr; exit status 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LatentDXError as error:
            _fail(str(error))
        except KeyboardInterrupt:
            _fail("stopped", cli_sounds.INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:  # `latentdx info … | head` is no error
                raise
            _fail(str(error))


def _fail(message: str, status: int = 1) -> NoReturn:
    typer.echo(f"latentdx: {' '.join(message.split())}", err=True)
    raise typer.Exit(status)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Program a DX7 from a sound: presets, datasets, models.",
)
app.registered_commands += cli_sounds.app.registered_commands  # first in the help


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(corpora.CORPORA)}.")],
) -> None:
    """Find a corpus on this machine, or download it; print where its files are.

    \b
    Example:  latentdx fetch learnfm
    """
    for path in corpora.fetch(name):
        typer.echo(path)


@app.command()
def curate(
    corpus: Annotated[
        str, typer.Option(help=f"{', '.join(corpora.CORPORA)}, or a file or folder of presets.")
    ] = "starter",
    out: Annotated[Path, typer.Option(help="Folder for the table and its counts.")] = Path("curation"),
    processes: Annotated[int | None, typer.Option(min=1, help="Default: one a core.")] = None,
) -> None:
    """Clean, label and split a corpus: a table without parameters, and its counts.

    \b
    Example:  latentdx curate --corpus learnfm --out data/curation
    """
    from latentdx.dataset import curation  # here, for it takes a second to import

    outcome = curation.curate(corpus, processes=processes)
    for path in outcome.write(out):
        typer.echo(path)
    for key, value in outcome.summary["counts"].items():
        typer.echo(f"{key:>32}: {value:,}")


@app.command()
def render(
    corpus: Annotated[
        str, typer.Option(help=f"{', '.join(corpora.CORPORA)}, or a file or folder of presets.")
    ] = "starter",
    notes: Annotated[str, typer.Option(help="single, six, or NOTE:VELOCITY pairs: 60:85,60:42.")] = "single",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the store; default: in the user's cache.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Default: one a core.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Start a local Dask cluster of this many processes.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Render on the Dask cluster at this address.")] = None,
) -> None:
    """Render a corpus into a store of spectrograms; the same command resumes what was interrupted.

    \b
    Example:  latentdx render --corpus learnfm --notes six
              latentdx render --corpus my-sounds/ --scheduler tcp://10.0.0.1:8786 --out /shared/my
    """
    from latentdx.dataset.rendering import render_store  # here, for they take a second to import
    from latentdx.dataset.store import store_folder

    pairs = _parse_notes(notes)
    if sum(choice is not None for choice in (threads, workers, scheduler)) > 1:
        raise typer.BadParameter("--threads, --workers and --scheduler exclude each other")
    bank = corpora.read(corpus).neutral()
    name = corpus if corpus in corpora.CORPORA else Path(corpus).resolve().name
    folder = out or store_folder(name, pairs)
    try:
        with _client(workers, scheduler) as client:
            store = render_store(bank, pairs, folder, corpus=name, threads=threads, client=client)
    except KeyboardInterrupt:
        _fail(f"stopped; the same command goes on from here ({folder})", cli_sounds.INTERRUPTED)
    typer.echo(f"{store.folder}: {len(store):,} presets, notes: {notes}")


@app.command()
def train(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a model: numcat++, for one.")],
    scale: Annotated[
        str, typer.Option(help="smoke (seconds), laptop (what ships), paper (GPUs).")
    ] = "laptop",
    out: Annotated[Path | None, typer.Option(help="Folder of the run; default: in the user's cache.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Default: the profile's, as all below.")] = None,
    precision: Annotated[
        str | None, typer.Option(envvar="LT_PRECISION", show_envvar=False, help="32-true or bf16-mixed.")
    ] = None,
    devices: Annotated[
        str, typer.Option(envvar="LT_DEVICES", show_envvar=False, help="How many, or auto: all GPUs.")
    ] = "auto",
) -> None:
    """Train a model; the same command goes on with what was interrupted.

    \b
    Example:  latentdx train numcat++ --scale smoke --out run
    Many nodes: python -m pydoc latentdx.training.loop
    """
    if devices in ("auto", "1"):
        # one process has the cores to itself: threads that wait awake make it a third faster
        os.environ.setdefault("OMP_WAIT_POLICY", "ACTIVE")
    from lightning_fabric import Fabric  # here, for they take seconds to import

    from latentdx.training.loop import train
    from latentdx.training.profile import read_profile
    from latentdx.training.run import run_folder

    asked = {"epochs": epochs, "precision": precision}
    profile = read_profile(name, scale, {key: value for key, value in asked.items() if value is not None})
    try:
        fabric = Fabric(precision=profile.precision, devices=devices)
    except (RuntimeError, TypeError, ValueError) as error:
        raise typer.BadParameter(f"--devices {devices}: {error}") from error
    folder = out or run_folder(profile)
    try:
        path = train(profile, folder, fabric=fabric)
    except KeyboardInterrupt:
        why = f"stopped; the same command goes on from the last checkpoint ({folder})"
        _fail(why, cli_sounds.INTERRUPTED)
    if fabric.is_global_zero:
        typer.echo(path)


@app.command()
def evaluate(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME", help="Models; anchors; published; listen; match; interpolation[:MODEL]."
        ),
    ],
    split: Annotated[str | None, typer.Option(help="Whose test set; default: the checkpoint's own.")] = None,
    subset: Annotated[
        str, typer.Option(show_default=False, help="test; or validation, to choose settings.")
    ] = "test",
    notes: Annotated[str, typer.Option(show_default=False, help="To compare at; default: 60:85.")] = "single",
    best_of: Annotated[
        int, typer.Option(min=1, show_default=False, help="Presets tried, ranked by rendering.")
    ] = 1,
    temperature: Annotated[float | None, typer.Option(min=0.0, help="Of the draws.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Presets, drawn by seed; default: all.")] = None,
    name: Annotated[
        str | None, typer.Option("--as", help="Name of the result; default: the model's.")
    ] = None,
    leaky: Annotated[bool, typer.Option("--leaky", help="Allow another split than the model's.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="No live parameters, no pYIN.")] = False,
    processes: Annotated[int | None, typer.Option(min=1, help="Default: one a core.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; default: data/results.")] = None,
) -> None:
    """Evaluate models on a whole test set; the same command resumes.

    \b
    Example:  latentdx evaluate numcat++ latentdx
              latentdx evaluate latentdx --best-of 64 --limit 1000
    """
    from latentdx.applications import evaluation  # here, for it takes seconds to import

    asked = evaluation.Asked(
        split=split,
        subset=subset,
        notes=_parse_notes(notes),
        best_of=best_of,
        temperature=temperature,
        limit=limit,
        name=name,
        leaky=leaky,
        quick=quick,
        processes=processes,
        out=out,
    )
    if name is not None and len(names) > 1:
        raise typer.BadParameter(f"--as {name} names one result, not {len(names)}")
    try:
        for path in evaluation.evaluate_all(names, asked):
            typer.echo(path)
    except KeyboardInterrupt:
        _fail("stopped; the same command goes on from the last finished chunk", cli_sounds.INTERRUPTED)


def _parse_notes(text: str) -> tuple[tuple[int, int], ...]:
    if text in NOTE_SETS:
        return NOTE_SETS[text]
    try:
        pairs = [[int(number) for number in pair.split(":")] for pair in text.split(",")]
        notes = tuple((note, velocity) for note, velocity in pairs)
        for note, velocity in notes:
            check_note(note, velocity)
    except ValueError as error:  # `ParameterError` is one too
        known = ", ".join(NOTE_SETS)
        raise typer.BadParameter(f"--notes {text}: not {known} or NOTE:VELOCITY,… ({error})") from error
    return notes


@contextmanager
def _client(workers: int | None, scheduler: str | None) -> "Iterator[Client | None]":
    """A Dask client for what was asked, or `None` for this process's own threads."""
    if workers is None and scheduler is None:
        yield None
        return
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        _fail("--workers and --scheduler need Dask: pip install 'latentdx[cluster]'")
    if scheduler is not None:
        with Client(scheduler) as client:
            yield client
        return
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


if __name__ == "__main__":
    app()
