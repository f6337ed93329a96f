"""A small bank and its store, shared by the dataset tests."""

import pytest
from small_stores import NOTES, SHARD_SIZE, random_bank

from latentdx import PresetBank
from latentdx.dataset.rendering import render_store
from latentdx.dataset.store import Store


@pytest.fixture(scope="session")
def bank() -> PresetBank:
    return random_bank(20)


@pytest.fixture(scope="session")
def store(bank: PresetBank, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An undisturbed store of `bank`: 20 presets at two notes in seven shards. Not to be changed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return render_store(bank, NOTES, folder, corpus="random", shard_size=SHARD_SIZE)
