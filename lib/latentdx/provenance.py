"""Which code made something: every checkpoint and every result carries it."""

import subprocess
from pathlib import Path


def code_commit() -> str:
    """Of this checkout, with "+" where the package has changes; "unknown" outside of one."""
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
