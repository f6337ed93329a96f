"""The command line, `latentdx`: one module for each group of commands, and what they write."""

from latentdx.cli.app import app

__all__ = ["app"]
