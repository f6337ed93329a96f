"""Commands that train models: `latentdx train`."""

from pathlib import Path
from typing import Annotated

import typer

from latentdx.cli import output
from latentdx.cli.common import INTERRUPTED, MOST_PROCESSES, fail
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
        str, typer.Option(help="smoke (seconds), laptop (as published), paper (needs GPUs), or a .yml file.")
    ] = "laptop",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; in the user's cache if omitted.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Number of epochs; the profile's if omitted.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            envvar="LT_PRECISION",
            show_envvar=False,
            help="32-true, bf16-mixed, or auto (the faster one here); the profile's if omitted.",
        ),
    ] = None,
    devices: Annotated[
        str,
        typer.Option(
            envvar="LT_DEVICES",
            show_envvar=False,
            callback=_devices,
            help="Number of devices; auto uses every GPU.",
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
    from latentdx.training import read_profile, run_folder
    from latentdx.training import train as train_model
    from latentdx.training.fabric import rank_zero_only

    changes = {"epochs": epochs, "precision": precision}
    profile = read_profile(name, scale, {key: value for key, value in changes.items() if value is not None})
    folder = out or run_folder(profile)
    output.check_folder(folder, parents=True)
    if (folder / "model.safetensors").exists() and not (folder / "running.ckpt").exists():
        raise ParameterError(f"{folder} holds a model.safetensors of no run: choose another --out")
    try:
        path = train_model(profile, folder, devices=devices)
    except DevicesError as error:
        raise typer.BadParameter(f"--{error}") from error
    except KeyboardInterrupt:
        fail(f"stopped; run the same command to resume from the last checkpoint ({folder})", INTERRUPTED)
    rank_zero_only(typer.echo)(path)
