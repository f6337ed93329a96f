"""Commands that train models: `latentdx train`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from latentdx.cli import output
from latentdx.cli.common import INTERRUPTED, MOST_PROCESSES, Lenient, fail, warn
from latentdx.errors import DevicesError, ParameterError
from latentdx.run_options import keep_threads_awake

app = typer.Typer()


def _devices(text: str) -> str:
    """Refuse numbers of devices that would start more processes than a machine can hold."""
    if text.isdecimal() and int(text) > MOST_PROCESSES:
        raise typer.BadParameter(f"{text} is more than {MOST_PROCESSES}.")
    return text


@app.command()
def train(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a model, such as numcat++.")],
    scale: Annotated[
        str | None,
        typer.Option(help="smoke, laptop (as published; the default), gpu or paper."),
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE.yml", help="Own settings; they replace those of a scale.")
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="Corpus, file or folder; the profile's if omitted.")
    ] = None,
    lenient: Lenient = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the run; in the user's cache if omitted.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Number of epochs; the profile's if omitted.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            envvar="LT_PRECISION",
            show_envvar=False,
            help="32-true, bf16-mixed or auto (the faster one).",
        ),
    ] = None,
    devices: Annotated[
        str,
        typer.Option(
            envvar="LT_DEVICES",
            show_envvar=False,
            callback=_devices,
            help="Number; auto uses every GPU.",
        ),
    ] = "auto",
) -> None:
    """Train a model. If interrupted, run the same command to resume.

    \b
    Example:  latentdx train numcat++ --scale smoke --out run
    Several machines: see python -m pydoc latentdx.training.loop
    """
    if devices in ("auto", "1"):
        keep_threads_awake()
    if scale and profile:
        raise typer.BadParameter("--scale and --profile exclude each other: write the scale into the file")
    if profile and profile.suffix not in (".yml", ".yaml"):
        raise typer.BadParameter(f"--profile {profile}: the name must end in .yml or .yaml")
    from latentdx.dataset import prepare_corpus
    from latentdx.training import read_profile, run_folder
    from latentdx.training import train as train_model
    from latentdx.training.fabric import rank_zero_only

    changes = {"epochs": epochs, "precision": precision, "corpus": corpus}
    changes = {key: value for key, value in changes.items() if value is not None}
    settings = read_profile(name, profile or scale or "laptop", changes)
    try:
        known, notes = prepare_corpus(settings.corpus, strict=not lenient)
        warn(notes)
        settings = replace(settings, corpus=known)
        folder = out or run_folder(settings)
        output.check_folder(folder, parents=True)
        if (folder / "model.safetensors").exists() and not (folder / "running.ckpt").exists():
            raise ParameterError(f"{folder} holds a model.safetensors of no run: choose another --out")
        path = train_model(settings, folder, devices=devices)
    except DevicesError as error:
        raise typer.BadParameter(f"--{error}") from error
    except KeyboardInterrupt:
        where = f" ({out})" if out else ""
        fail(f"stopped; run the same command to resume from the last checkpoint{where}", INTERRUPTED)
    rank_zero_only(typer.echo)(path)
