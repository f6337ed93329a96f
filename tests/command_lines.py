"""Command lines that texts name: parsed as `latentdx` would, but not run."""

from collections.abc import Sequence

import typer

from latentdx.cli import app


def parse(arguments: Sequence[str]) -> None:
    """Parse what follows `latentdx`; raises what the command line would refuse it with."""
    found, left, context = typer.main.get_command(app), list(arguments), None
    while hasattr(found, "resolve_command"):
        context = found.make_context("latentdx", left, parent=context)
        _, found, left = found.resolve_command(context, [*context._protected_args, *context.args])
    found.make_context("latentdx", left, parent=context)
