"""Fixtures of the training tests: a profile, and a finished run of it."""

import pytest

from latentdx.training.loop import train
from latentdx.training.profile import read_profile


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """Skip fsync: no test cuts the power, and on a busy disk each call takes seconds."""
    monkeypatch.setattr("os.fsync", lambda file: None)


@pytest.fixture(scope="session")
def smoke():
    return read_profile("numcat++", "smoke", {"precision": "32-true"})


@pytest.fixture(scope="session")
def undisturbed(smoke, tmp_path_factory):
    """Return the folder of a complete smoke run of NumCat++; tests must not write to it."""
    folder = tmp_path_factory.mktemp("run")
    train(smoke, folder)
    return folder
