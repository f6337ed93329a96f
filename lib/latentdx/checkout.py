"""The checkout of the repository, if the package runs from one."""

from pathlib import Path


def checkout() -> Path | None:
    """Return the root folder of the checkout, or `None` for an installed package."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "data").is_dir() else None
