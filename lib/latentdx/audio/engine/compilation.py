"""The compiled functions of the engine: made once for a machine, and kept in the user's cache.

`ready` starts a thread that loads the functions from the cache. If they are not there, another process
compiles them first, so that the program goes on at full speed, and a short program need not wait for it.
Processes that do this at the same time wait for one another, because Numba's own cache does not survive two
writers. A cache that cannot be written is replaced by a temporary folder, and a damaged one is made anew.
"""

import atexit
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from latentdx.audio.engine.layout import BLOCK, CURRENT, VOICE
from latentdx.audio.engine.tables import clocks, oscillator, phase_steps
from latentdx.errors import LatentDXError
from latentdx.run_options import cache_folder

CACHE_VARIABLE = "LATENTDX_ENGINE_CACHE"
"""Environment variable with the folder of the compiled functions; by default `engine` in the user's cache."""

_DONE = "compiled"  # an empty file that a complete cache contains


class CompilationError(LatentDXError):
    """The engine cannot be compiled on this machine."""


class Kernels(NamedTuple):
    """Compiled functions of `voice`, with the same arguments."""

    start: Any
    render: Any


class _Loading(threading.Thread):
    """Load the compiled functions, and compile them first if needed."""

    def __init__(self) -> None:
        super().__init__(name="engine compilation", daemon=True)
        self.kernels: Kernels | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.kernels = _load()
        except Exception as error:  # reported by `kernels`
            self.error = error


_lock, _compiling = threading.Lock(), threading.Lock()
_loading: _Loading | None = None


def _loader() -> _Loading:
    """Return the thread that loads the functions, which the first call starts."""
    global _loading
    with _lock:
        if _loading is None:
            _loading = _Loading()
            _loading.start()
        return _loading


def ready() -> bool:
    """Tell whether `kernels` returns at once; the first call starts the loading, and does not wait for it."""
    return _loader().kernels is not None


def kernels() -> Kernels:
    """Return the compiled functions as soon as there are any.

    Raises:
        CompilationError: The engine cannot be compiled on this machine.
    """
    loading = _loader()
    if loading.kernels is None:
        loading.join()
    if loading.kernels is None:
        raise CompilationError(f"the engine cannot be compiled: {loading.error}") from loading.error
    return loading.kernels


def _after_fork() -> None:
    """Start anew in a forked process, in which the thread does not go on."""
    global _lock, _loading
    _lock = threading.Lock()
    _compiling.release()
    if _loading is not None and _loading.kernels is None:
        _loading = None


if hasattr(os, "register_at_fork"):
    # a process that is forked while Numba holds its lock could never compile
    os.register_at_fork(
        before=_compiling.acquire, after_in_parent=_compiling.release, after_in_child=_after_fork
    )


_LOCK = "lock"


@cache
def control() -> tuple[Any, int]:
    """Return the compiled `control.control`, and the largest number of blocks that it takes at once.

    Only pictures need it by itself, so it is compiled when first asked for, in six seconds, and kept too.
    """
    from filelock import FileLock

    from latentdx.audio.engine.control import CHUNK

    kernels()  # otherwise it might be compiled at the same time
    folder = _folder()
    with FileLock(folder / _LOCK), _compiling:
        try:
            return _compile_control(folder), CHUNK
        except Exception:  # a damaged file, which only a new folder would replace
            return _compile_control(None), CHUNK


def _compile_control(folder: Path | None) -> Any:
    from latentdx.audio.engine.control import CHUNK, control

    function = _cached(control, folder)
    record, numbers = np.zeros(1, VOICE), np.empty((4, CHUNK), np.int64)
    gains, steps = np.empty((6, CHUNK), np.int32), np.empty((6, CHUNK), np.uint32)
    function(record[0], 1, np.zeros(1, np.int64), phase_steps(22_050), gains, steps, numbers)
    return function


def _cached(function: Any, folder: Path | None) -> Any:
    """Return a function to be compiled, and kept in a folder unless it is `None`."""
    import numba

    from latentdx.audio.engine.jit import OPTIONS

    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder or "")  # read where functions are decorated
    try:
        return numba.njit(cache=folder is not None, **OPTIONS)(function.py_func)
    finally:
        config.CACHE_DIR = before


def _load() -> Kernels:
    """Return the functions from the cache, after another process has compiled them if needed."""
    folder = _folder()
    if not (folder / _DONE).exists():
        path = os.pathsep.join(filter(None, sys.path))  # the same packages, wherever they come from
        command = [sys.executable, "-m", "latentdx.audio.engine.compilation", str(folder)]
        environment = {**os.environ, "PYTHONPATH": path}
        with suppress(OSError):  # without an interpreter to run, this process compiles
            subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
    if (folder / _DONE).exists():
        try:
            with _compiling:
                return _compile(folder)
        except Exception:  # damaged, for example by a full disk; the next process makes it anew
            shutil.rmtree(folder, ignore_errors=True)
    with _compiling:
        return _compile(None)


def _folder() -> Path:
    """Return the writable folder for the functions of this code, these libraries and this processor."""
    from llvmlite import binding

    here = Path(__file__).parent
    features = binding.get_host_cpu_features().flatten()
    parts = [str(here), platform.python_version(), version("numba"), version("numpy")]
    digest = hashlib.sha256("\n".join([*parts, binding.get_host_cpu_name(), features]).encode())
    for file in sorted(here.glob("*.py")):
        digest.update(file.read_bytes())
    caches = Path(os.environ.get(CACHE_VARIABLE) or cache_folder() / "engine")
    folder = caches / digest.hexdigest()[:32]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="latentdx-engine-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _compile(folder: Path | None) -> Kernels:
    """Return the functions, compiled or from a cache in a folder; `None` keeps nothing."""
    from latentdx.audio.engine import voice

    start, render = (_cached(function, folder) for function in (voice.start, voice.render))
    rate, record = 22_050, np.zeros(1, VOICE)
    start(record, np.zeros(145, np.int64), 60, 85, 1, CURRENT, 0, 0, clocks(rate))
    sound, operators = np.empty(BLOCK, np.float32), np.empty((0, BLOCK), np.float32)
    render(record, sound, operators, np.zeros(1, np.int64), phase_steps(rate), *oscillator())
    start.disable_compile()  # arguments of other types are a mistake, and would take seconds each
    render.disable_compile()
    return Kernels(start, render)


def main(folder: Path) -> None:
    """Compile the functions into a folder, unless another process has just done so."""
    from filelock import FileLock

    if hasattr(os, "nice"):
        os.nice(10)  # what the user waits for comes first
    with FileLock(folder / _LOCK):
        if not (folder / _DONE).exists():
            _compile(folder)
            (folder / _DONE).touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
