"""Run `latentdx` as `python -m latentdx.cli`."""

from latentdx.cli.app import app

app()
