"""The checkout of the repository that this package runs from, if it is not installed elsewhere."""

from pathlib import Path


def checkout() -> Path | None:
    """Return the checkout's root; `None` for an installed package."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "data").is_dir() else None
