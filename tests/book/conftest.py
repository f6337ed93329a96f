"""What the tests of the book share: an empty working directory, as the notebook runner gives it."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a chapter named "chapter"."""
    return _enter(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def shared_chapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same for all tests of a file, which then write its sounds only once."""
    with pytest.MonkeyPatch.context() as patch:
        yield _enter(tmp_path_factory.mktemp("chapter"), patch)


def _enter(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    patch.chdir(folder)
    patch.setenv("LATENTDX_NOTEBOOK", "chapter")
    return folder
