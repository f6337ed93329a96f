"""Command line `latentdx`: one module for each group of commands, and one for the files that they write."""

from latentdx.cli.app import app

__all__ = ["app"]
