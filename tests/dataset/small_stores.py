"""Small banks, and a fingerprint of a store's folder, for the dataset tests."""

import hashlib
from pathlib import Path

import numpy as np

from latentdx import PresetBank
from latentdx.presets.parameters import column, maxima

NOTES = ((60, 85), (50, 20))
SHARD_SIZE = 3


def random_bank(n: int, seed: int = 0) -> PresetBank:
    """Presets with random values and an audible carrier."""
    values = np.random.default_rng(seed).integers(0, maxima().astype(int) + 1, (n, len(maxima())))
    values[:, column("OP1 OUTPUT LEVEL")] = 99
    return PresetBank.from_values(values, [f"RANDOM {i}" for i in range(n)])


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a store, leftovers included, without the lock."""
    files = (path for path in folder.iterdir() if path.name != ".lock")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
