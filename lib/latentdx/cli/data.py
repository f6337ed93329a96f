"""Commands for corpora: `latentdx fetch | curate | render`."""

from pathlib import Path
from typing import Annotated

import typer

from latentdx.cli import output
from latentdx.cli.cluster import dask_client
from latentdx.cli.common import INTERRUPTED, MOST_PROCESSES, Force, Lenient, Processes, fail, warn
from latentdx.cli.notes import parse_notes
from latentdx.presets import corpora
from latentdx.run_options import RunOptions

app = typer.Typer()

Corpus = Annotated[str, typer.Option(help=f"{', '.join(corpora.CORPORA)}, or a file or folder of presets.")]


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Corpus: {', '.join(corpora.CORPORA)}.")],
) -> None:
    """Find a corpus on this machine, or download it, and print where its files are.

    \b
    Example:  latentdx fetch learnfm
    """
    for path in corpora.fetch(name):
        typer.echo(path)


@app.command()
def curate(
    corpus: Corpus = "starter",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the table and its counts.")] = Path(
        "curation"
    ),
    lenient: Lenient = False,
    processes: Processes = None,
    force: Force = False,
) -> None:
    """Clean, label and split a corpus, and write a table without parameters.

    \b
    Example:  latentdx curate --corpus learnfm --out data/curation
    """
    from latentdx.dataset import curation

    names = [f"{curation.corpus_name(corpus)}{suffix}" for suffix in (".parquet", ".json")]
    output.check_folder(out, names, force=force, parents=True)
    outcome = curation.curate(corpus, strict=not lenient, options=RunOptions(processes))
    warn(outcome.notes)
    for path in output.write({out / name: data for name, data in outcome.files().items()}, force=force):
        typer.echo(path)
    for key, value in outcome.summary["counts"].items():
        typer.echo(f"{key:>32}: {value:,}")


@app.command()
def render(
    corpus: Corpus = "starter",
    notes: Annotated[str, typer.Option(help="single, six, or NOTE:VELOCITY pairs such as 60:85,60:42.")] = (
        "single"
    ),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the store; in the user's cache if omitted.")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_PROCESSES, help="Number of threads; one per core if omitted."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_PROCESSES, help="Start a local Dask cluster with this many processes."),
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Render on the Dask cluster at this address.")] = None,
    lenient: Lenient = False,
) -> None:
    """Render a corpus into a store of spectrograms. If interrupted, run the same command to resume.

    \b
    Example:  latentdx render --corpus learnfm --notes six
              latentdx render --corpus my-sounds/ --scheduler tcp://10.0.0.1:8786 --out /shared/my
    """
    from latentdx.dataset.rendering import render_store
    from latentdx.dataset.store import store_folder

    pairs = parse_notes(notes)
    if sum(choice is not None for choice in (threads, workers, scheduler)) > 1:
        raise typer.BadParameter("only one of --threads, --workers and --scheduler can be given")
    name = corpus if corpus in corpora.CORPORA else Path(corpus).resolve().name
    folder = out or store_folder(name, pairs)
    output.check_folder(folder, parents=True)
    bank = corpora.read(corpus, strict=not lenient).neutral()
    warn(bank.notes)
    try:
        with dask_client(workers, scheduler) as client:
            store = render_store(bank, pairs, folder, corpus=name, threads=threads, client=client)
    except KeyboardInterrupt:
        fail(f"stopped; run the same command to resume ({folder})", INTERRUPTED)
    typer.echo(f"{store.folder}: {len(store):,} presets, notes: {notes}")
