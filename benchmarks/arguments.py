"""The command-line options that several benchmarks share."""

import argparse
from pathlib import Path

from latentdx.presets import corpora


def parser(description: str, results: Path, *, corpus: str | None = None) -> argparse.ArgumentParser:
    """Make a parser with --results and, for benchmarks that read a corpus, --corpus.

    Args:
        description: Docstring of the benchmark; its first line is shown.
        results: File for the results, by default.
        corpus: What the corpus is for ("corpus to render"), if there is one.
    """
    out = argparse.ArgumentParser(description=description.splitlines()[0])
    if corpus:
        choices = sorted(corpora.CORPORA)
        out.add_argument(
            "--corpus", default="learnfm", choices=choices, help=f"{corpus} (default: %(default)s)"
        )
    out.add_argument("--results", type=Path, default=results, help="file for the results")
    return out
