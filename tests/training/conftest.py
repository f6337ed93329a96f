"""What the training tests share: a profile, and a run of it."""

import pytest

from latentdx.training.loop import train
from latentdx.training.profile import read_profile


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """No test cuts the power, and a busy disk takes seconds for each."""
    monkeypatch.setattr("os.fsync", lambda file: None)


@pytest.fixture(scope="session")
def smoke():
    return read_profile("numcat++", "smoke")


@pytest.fixture(scope="session")
def undisturbed(smoke, tmp_path_factory):
    """The folder of a whole smoke run of NumCat++; not to be written to."""
    folder = tmp_path_factory.mktemp("run")
    train(smoke, folder)
    return folder
