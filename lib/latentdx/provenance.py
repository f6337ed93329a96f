"""Provenance: which code made something, as every checkpoint and every result says."""

import subprocess
from importlib.metadata import version
from pathlib import Path

from latentdx.checkout import checkout


def code_commit() -> str:
    """Return the checkout's commit, with "+" where the package has changes; elsewhere "release 0.2.0"."""
    if checkout() is None:  # a package may be installed within a repository that is not ours
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
    """For readers: "0123456789ab", or "0123456789ab with changes"."""
    return commit.replace("+", " with changes")
