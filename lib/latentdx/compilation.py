"""Compiled functions: made once for a machine, kept in the user's cache, and not waited for.

A `Library` is a group of functions that Numba compiles. Its first use starts a thread that loads them from
the cache. If they are not there, another process compiles them first, so that the program goes on at full
speed, and a short program need not wait for it. Processes that do this at the same time wait for one another,
because Numba's own cache does not survive two writers. A cache that cannot be written is replaced by a
temporary folder, and a damaged one is made anew.

``python -m latentdx.compilation`` compiles everything that is not in the cache yet, and waits for it.
"""

import atexit
import hashlib
import importlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

from latentdx.errors import LatentDXError
from latentdx.run_options import cache_folder

CACHE_VARIABLE = "LATENTDX_ENGINE_CACHE"
"""Environment variable with the folder of the compiled functions; by default `engine` in the user's cache."""

LIBRARIES = (
    "latentdx.audio.engine.compilation:LIBRARY",
    "latentdx.audio.engine.compilation:CONTROL",
    "latentdx.audio.stft.compilation:LIBRARY",
    "latentdx.metrics.distance_memory:LIBRARY",
    "latentdx.models.incremental_decoding:LIBRARY",
)
"""Where each library of the project is, "module:variable"."""

Functions = TypeVar("Functions")
Compiler = Callable[[Any], Any]

_DONE = "compiled"  # an empty file that a complete cache contains
_compiling = threading.Lock()
_libraries: "weakref.WeakSet[Library[Any]]" = weakref.WeakSet()


class CompilationError(LatentDXError):
    """Functions cannot be compiled on this machine."""


class _Loading(threading.Thread, Generic[Functions]):
    """Load the functions of a library, and compile them first if needed."""

    def __init__(self, library: "Library[Functions]") -> None:
        super().__init__(name=f"compilation of the {library.name}", daemon=True)
        self._library = library
        self.functions: Functions | None = None
        self.error: Exception | None = None
        self.looked_up = threading.Event()  # set when the functions are not in the cache, or are loaded

    def run(self) -> None:
        try:
            self.functions = self._load()
        except Exception as error:  # reported by `Library.functions`
            self.error = error
        self.looked_up.set()

    def _load(self) -> Functions:
        """Return the functions from the cache, after another process has compiled them if needed."""
        folder = self._library.folder()
        if not (folder / _DONE).exists():
            self.looked_up.set()
            path = os.pathsep.join(filter(None, sys.path))  # the same packages, wherever they come from
            command = [sys.executable, "-m", __name__, self._library.variable, str(folder)]
            environment = {**os.environ, "PYTHONPATH": path}
            with suppress(OSError):  # without an interpreter to run, this process compiles
                subprocess.run(
                    command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
                )
        if (folder / _DONE).exists():
            try:
                with _compiling:
                    return self._library.compile(folder)
            except Exception:  # damaged, for example by a full disk; the next process makes it anew
                shutil.rmtree(folder, ignore_errors=True)
        with _compiling:
            return self._library.compile(None)


class Library(Generic[Functions]):
    """Functions that are compiled together, in a thread and a process of their own.

    Args:
        name: Name of the library, for messages and in the cache.
        variable: Where the library is, "module:variable", so that another process finds it.
        sources: Packages and modules with the code; if one of them changes, the functions are made anew.
        build: Function that returns the compiled functions. It gets one that compiles a Numba function anew,
            and must call each compiled function once, with arguments of the types that it is meant for.
    """

    def __init__(
        self, name: str, variable: str, sources: tuple[str, ...], build: Callable[[Compiler], Functions]
    ) -> None:
        self.name, self.variable, self._sources, self._build = name, variable, sources, build
        self._lock = threading.Lock()
        self._loading: _Loading[Functions] | None = None
        _libraries.add(self)

    def _loader(self) -> _Loading[Functions]:
        """Return the thread that loads the functions, which the first call starts."""
        with self._lock:
            if self._loading is None:
                self._loading = _Loading(self)
                self._loading.start()
            return self._loading

    def ready(self) -> bool:
        """Tell whether `functions` returns at once; the first call starts the loading, without waiting."""
        return self._loader().functions is not None

    def at_hand(self) -> Functions | None:
        """Return the functions if they are in the cache, and `None` until they have been compiled.

        Loading them from the cache takes about a second, for which this waits, so that equal programs do
        equal things.
        """
        loading = self._loader()
        if loading.functions is None:
            loading.looked_up.wait()
        return loading.functions

    def functions(self) -> Functions:
        """Return the functions as soon as there are any.

        Raises:
            CompilationError: They cannot be compiled on this machine.
        """
        loading = self._loader()
        if loading.functions is None:
            loading.join()
        if loading.functions is None:
            raise CompilationError(f"the {self.name} cannot be compiled: {loading.error}") from loading.error
        return loading.functions

    def after_fork(self) -> None:
        """Start anew in a forked process, in which the thread does not go on."""
        self._lock = threading.Lock()
        if self._loading is not None and self._loading.functions is None:
            self._loading = None

    def folder(self) -> Path:
        """Return the writable folder for the functions of this code, these libraries and this processor."""
        from llvmlite import binding

        files = sorted(file for source in (*self._sources, __name__) for file in _files(source))
        features = binding.get_host_cpu_features().flatten()
        parts = [str(files[0].parent), platform.python_version(), version("numba"), version("numpy")]
        digest = hashlib.sha256("\n".join([*parts, binding.get_host_cpu_name(), features]).encode())
        for file in files:
            digest.update(file.read_bytes())
        caches = Path(os.environ.get(CACHE_VARIABLE) or cache_folder() / "engine")
        folder = caches / f"{self.name.replace(' ', '-')}-{digest.hexdigest()[:24]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            folder = Path(tempfile.mkdtemp(prefix="latentdx-engine-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def compile(self, folder: Path | None) -> Functions:
        """Return the functions, compiled or from a cache in a folder; `None` keeps nothing."""
        import numba

        config: Any = numba.config
        made: list[Any] = []

        def compiler(function: Any) -> Any:
            before = config.CACHE_DIR
            config.CACHE_DIR = str(folder or "")  # read where functions are decorated
            try:
                made.append(numba.jit(cache=folder is not None, **function.targetoptions)(function.py_func))
            finally:
                config.CACHE_DIR = before
            return made[-1]

        functions = self._build(compiler)
        for function in made:
            function.disable_compile()  # arguments of other types are a mistake, and would take seconds each
        return functions


def _files(source: str) -> list[Path]:
    """Return the Python files of a module or a package, without its subpackages."""
    file = Path(str(importlib.import_module(source).__file__))
    return sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]


def _after_fork() -> None:
    _compiling.release()
    for library in _libraries:
        library.after_fork()


if hasattr(os, "register_at_fork"):
    # a process that is forked while Numba holds its lock could never compile
    os.register_at_fork(
        before=_compiling.acquire, after_in_parent=_compiling.release, after_in_child=_after_fork
    )


def main(variable: str, folder: Path) -> None:
    """Compile a library into a folder, unless another process has just done so.

    Args:
        variable: Where the library is, "module:variable".
        folder: Folder of its functions.
    """
    from filelock import FileLock

    if hasattr(os, "nice"):
        os.nice(5)  # what the user waits for comes first, but on a busy machine this goes on, too
    library = _named(variable)
    with FileLock(folder / "lock"):
        if not (folder / _DONE).exists():
            library.compile(folder)
            (folder / _DONE).touch()


def compile_all() -> None:
    """Compile all `LIBRARIES` that are not in the cache yet, at the same time, and wait until they are there.

    Raises:
        CompilationError: They cannot be compiled on this machine.
    """
    libraries = [_named(variable) for variable in LIBRARIES]
    for library in libraries:
        library.ready()
    for library in libraries:
        library.functions()


def _named(variable: str) -> Library[Any]:
    """Return the library at "module:variable"."""
    module, name = variable.split(":")
    library: Library[Any] = getattr(importlib.import_module(module), name)
    return library


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2])) if sys.argv[1:] else compile_all()
