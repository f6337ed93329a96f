"""The compiled functions: kept for all processes, and not waited for where dexed-py can render instead."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latentdx import Dexed, Engine, PresetBank
from latentdx.audio.engine import compilation
from latentdx.audio.renderer import SOUND_EQUAL, RenderError, sound_identity
from latentdx.compilation import _Loading

RENDER = """
import hashlib
from latentdx import Engine, PresetBank
sound = Engine(era="0.9.3").render(PresetBank.init()[0], n_samples=20_000)
print(hashlib.sha256(sound.tobytes()).hexdigest())
"""


def starting(cache: Path) -> "subprocess.Popen[str]":
    """A process that renders what dexed-py cannot, so that it waits for the compiled functions."""
    environment = {**os.environ, "LATENTDX_CACHE": str(cache), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("LATENTDX_ENGINE_CACHE")
    return subprocess.Popen(
        [sys.executable, "-c", RENDER], env=environment, stdout=subprocess.PIPE, text=True
    )


def sounds(*processes: "subprocess.Popen[str]") -> set[str]:
    found = {process.communicate(timeout=500)[0] for process in processes}
    assert all(process.returncode == 0 for process in processes)
    return found


@pytest.mark.slow
def test_processes_at_once_compile_once_and_later_ones_load(tmp_path: Path) -> None:
    here = sounds(starting(tmp_path), starting(tmp_path))
    assert len(here) == 1
    (folder,) = (tmp_path / "engine").iterdir()
    assert (folder / "compiled").exists()
    kept = {file: file.stat().st_mtime_ns for file in folder.rglob("*.nb?")}
    assert len(kept) == 6  # an index and the code of each of the three functions
    assert sounds(starting(tmp_path)) == here
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.nb?")} == kept

    for file in kept:  # a damaged cache is thrown away
        file.write_bytes(file.read_bytes()[:100])
    assert sounds(starting(tmp_path)) == here
    assert not (folder / "compiled").exists()


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert len(sounds(starting(tmp_path / "file"))) == 1


def test_dexed_py_renders_until_the_functions_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    preset = PresetBank.init()[0]
    expected = Engine(era="0.9.3").render(preset)  # before the patch, compiled

    def never() -> compilation.Kernels:
        raise AssertionError("this would wait for a compiler")

    monkeypatch.setattr(compilation, "ready", lambda: False)
    monkeypatch.setattr(compilation, "kernels", never)
    for blocker in (False, True):
        found = Engine(dc_blocker=blocker).render(preset, 50, 70, hold=0.4, n_samples=9_999)
        own = Dexed(dc_blocker=blocker).render(preset, 50, 70, hold=0.4, n_samples=9_999)
        np.testing.assert_array_equal(found, own)
    for engine, more in (
        *((Engine(era="0.9.3"), {}), (Engine(tune=1), {})),
        *((Engine(), {"bend": 1.0}), (Engine(), {"muted": [2]})),
    ):
        with pytest.raises(AssertionError, match="wait for a compiler"):
            engine.render(preset, **more)  # type: ignore[arg-type]
    monkeypatch.undo()
    np.testing.assert_array_equal(Engine(era="0.9.3").render(preset), expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_renders_whatever_its_parent_was_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    compilation.kernels()
    preset, old = PresetBank.init()[0], Engine(era="0.9.3")
    expected = hashlib.sha256(old.render(preset, n_samples=64).tobytes()).digest()
    library = compilation.LIBRARY
    for loading in (library._loading, _Loading(library)):  # loaded, and just about to
        monkeypatch.setattr(library, "_loading", loading)
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.write(writer, hashlib.sha256(old.render(preset, n_samples=64).tobytes()).digest())
            os._exit(0)
        assert os.read(reader, 32) == expected
        os.waitpid(child, 0)


def test_another_version_of_dexed_py_is_no_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    compilation.kernels()
    monkeypatch.setattr(compilation, "ready", lambda: False)
    monkeypatch.setattr(Dexed, "engine", "dexed-py 0.4.0")
    monkeypatch.setattr(Dexed, "render", None)
    assert Engine().render(PresetBank.init()[0], n_samples=64).shape == (64,)


def test_a_stand_in_that_cannot_render_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise RenderError("another sample rate is in use")

    preset = PresetBank.init()[0]
    expected = Dexed(48_000).render(preset, n_samples=4800)
    monkeypatch.setattr(compilation, "ready", lambda: False)
    monkeypatch.setattr(Dexed, "render", busy)
    np.testing.assert_array_equal(Engine(48_000).render(preset, n_samples=4800), expected)


def test_engines_of_equal_sound_share_their_caches() -> None:
    """`test_engine.py` proves that the samples are equal; here are the names."""
    assert sound_identity(Engine().engine) == Dexed().engine == "dexed-py 0.3.0"
    assert sound_identity(Engine(dc_blocker=True).engine) == Dexed(dc_blocker=True).engine
    others = [Engine(era="0.9.3"), Engine(tune=1), Engine(tune=2), Engine(era="0.9.3", dc_blocker=True)]
    names = {sound_identity(engine.engine) for engine in others}
    assert len(names) == len(others) and not names & {Dexed().engine, Dexed(dc_blocker=True).engine}
    assert all(Engine().engine.startswith(name) for name in SOUND_EQUAL)
