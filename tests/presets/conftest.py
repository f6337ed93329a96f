"""Presets that several tests share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentdx.errors import DataError
from latentdx.presets import PresetBank, corpora
from latentdx.presets.parameters import maxima

MakeBank = Callable[..., PresetBank]


@pytest.fixture(scope="session")
def make_bank() -> MakeBank:
    """Function (n, seed) -> bank of n random presets with uniformly distributed values."""

    def make(n: int, seed: int = 0) -> PresetBank:
        values = np.random.default_rng(seed).integers(0, maxima().astype(int) + 1, (n, len(maxima())))
        return PresetBank.from_values(values, [f"Voice {i:04d}" for i in range(n)])

    return make


@pytest.fixture(scope="session")
def learnfm() -> tuple[PresetBank, Path]:
    """The 31,380 voices of learnfm and their file, if they are on this machine."""
    try:
        (file,) = corpora.find("learnfm")
    except DataError as error:
        pytest.skip(f"needs the learnfm corpus: {error}")
    return corpora.read("learnfm"), file
