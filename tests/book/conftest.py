"""What the tests of the book share: an empty working directory, as the notebook runner gives one."""

from pathlib import Path

import pytest


@pytest.fixture
def chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a chapter named "chapter"."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENTDX_NOTEBOOK", "chapter")
    return tmp_path
