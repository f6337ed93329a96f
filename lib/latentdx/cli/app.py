"""The command `latentdx` with all its subcommands."""

from typing import Annotated

import typer

from latentdx import __version__
from latentdx.cli import data, evaluation, match, presets, sounds, training
from latentdx.cli.common import Group

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Program a DX7 from a sound: presets, datasets, models.",
)
for group in (sounds, match, presets, data, training):  # in the order of the help
    app.registered_commands += group.app.registered_commands
app.add_typer(evaluation.app, name="evaluate")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Program a DX7 from a sound: presets, datasets, models."""
