"""Where the files that ship with the project lie: `data/`, beside the package."""

from pathlib import Path


def shipped(*parts: str) -> Path:
    """`data/<parts>` of this checkout, whether or not it exists: `shipped("targets")`."""
    return Path(__file__).resolve().parents[2].joinpath("data", *parts)
