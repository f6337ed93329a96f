"""Compiled functions are not waited for while they are being made, and are there at once afterwards."""

import re
from pathlib import Path

import numpy as np
import pytest

import latentdx
from latentdx.audio.stft.compilation import LIBRARY
from latentdx.compilation import LIBRARIES, CompilationError, Library, compile_all


def library() -> Library:
    """The library of spectrograms as another process would see it."""
    return Library(LIBRARY.name, LIBRARY.variable, LIBRARY._sources, LIBRARY._build)


@pytest.mark.slow
def test_functions_are_at_hand_once_they_have_been_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_ENGINE_CACHE", str(tmp_path))
    first = library()
    assert not first.ready() and first.at_hand() is None
    assert first._loading.is_alive()  # the other process still compiles
    assert first.functions() is first.at_hand() and first.ready()
    assert library().at_hand() is not None  # loaded, and waited for
    assert [folder.name.split("-")[0] for folder in tmp_path.iterdir()] == ["spectrogram"]


def test_code_that_does_not_compile_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_: object) -> None:
        raise NotImplementedError("no compiler for this processor")

    monkeypatch.setenv("LATENTDX_ENGINE_CACHE", str(tmp_path))
    broken = Library("toy", "latentdx.compilation:absent", ("latentdx.compilation",), build)
    with pytest.raises(CompilationError, match="the toy cannot be compiled: no compiler"):
        broken.functions()
    assert broken.at_hand() is None


def test_arguments_of_other_types_are_a_mistake() -> None:
    with pytest.raises(TypeError):
        LIBRARY.functions().mel_spectrogram(np.zeros(9), *[0] * 5)


def test_all_libraries_can_be_compiled_in_advance() -> None:
    package = Path(latentdx.__file__).parent
    found = {
        f"latentdx.{'.'.join(file.relative_to(package).with_suffix('').parts)}:{name}"
        for file in package.rglob("*.py")
        for name in re.findall(
            r"^([A-Z]+)(?:: Library\[Any\])? = Library\(", file.read_text("utf8"), re.MULTILINE
        )
    }
    assert found == set(LIBRARIES)
    compile_all()
    assert LIBRARY.at_hand() is not None
