"""Provenance: the version of the code, recorded in every checkpoint and every result."""

import subprocess
from importlib.metadata import version
from pathlib import Path

from latentdx.checkout import checkout


def code_commit() -> str:
    """Return the version of the code that runs.

    Returns:
        In a checkout the commit's first twelve digits, followed by "+" if tracked files of the package differ
        from it; in an installed package the release, such as "release 0.2.0"; "unknown" if git fails.
    """
    if checkout() is None:  # not a checkout: a repository around the package is not ours
        return f"release {version('latentdx')}"
    package = Path(__file__).parent

    def git(*arguments: str) -> str:
        run = subprocess.run(["git", *arguments], cwd=package, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        changes = git("status", "--porcelain", "--untracked-files=no", ".")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + "+" * bool(changes)


def describe_commit(commit: str) -> str:
    """Return the result of `code_commit` as readers see it.

    >>> describe_commit("0123456789ab+")
    '0123456789ab with changes'
    """
    return commit.replace("+", " with changes")
