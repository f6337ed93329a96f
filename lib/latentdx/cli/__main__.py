"""`python -m latentdx.cli` is `latentdx`."""

from latentdx.cli.app import app

app()
