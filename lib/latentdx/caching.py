"""Computations that are kept on disk, under one scheme of keys.

A part's key is a hash of its method (the code, the settings and the libraries that the result depends on) and
of the arrays that it was computed from. A finished part is never computed again.
"""

import ast
import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from latentdx.files import atomic_write
from latentdx.run_options import RunOptions

Array = npt.NDArray[Any]


def code_hash(*modules: ModuleType) -> str:
    """Return a hash of what modules do: their code without comments and docstrings."""
    digest = hashlib.sha256()
    for module in modules:
        tree = ast.parse(inspect.getsource(module))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):  # a lambda's is an expression
                node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a docstring, or a string that documents a constant."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def cache_key(method: str, *arrays: Array) -> str:
    """Return the key of a result: 32 hexadecimal digits."""
    key = hashlib.sha256(method.encode())
    for array in arrays:
        key.update(f"{array.dtype} {array.shape}".encode())
        key.update(np.ascontiguousarray(array).tobytes())
    return key.hexdigest()[:32]


def cached(
    compute: Callable[[], Array], *arrays: Array, method: str, kind: str, options: RunOptions = RunOptions()
) -> Array:
    """Return `compute()`, or what it returned before.

    Args:
        compute: Gives the result.
        *arrays: What it is computed from.
        method: All else that the result depends on.
        kind: Name of the folder in the cache.
        options: Where the cache is.
    """
    path = options.folder(kind) / f"{cache_key(method, *arrays)}.npy"
    if not path.exists():
        _write(path, compute())
    return np.load(path)


def map_chunks(
    work: Callable[..., Array],
    arrays: Sequence[Array],
    *,
    method: str,
    kind: str,
    options: RunOptions = RunOptions(),
    size: int = 256,
    description: str = "",
) -> Array:
    """Return `work(*arrays)`, computed in chunks along the first axis, over processes.

    Processes, because threads wait for one another in Python: two took 18.7 ms per evaluated preset, two
    processes 14.4 ms.

    Args:
        work: Takes as many arrays as given and returns one of the same length; picklable.
        arrays: Arrays of one length N.
        method: All else that the result depends on.
        kind: Name of the folder in the cache.
        options: Number of processes, progress, and where the cache is.
        size: Rows of a chunk.
        description: Label of the progress bar.

    Returns:
        (N, …), as if `work` had been called once.
    """
    folder = options.folder(kind)
    chunks = list(_chunks(arrays, size, method, folder))
    todo = [(parts, path) for parts, path in chunks if not path.exists()]
    rows = sum(len(parts[0]) for parts, _ in todo)
    with tqdm(total=rows, unit="preset", desc=description, disable=options.hidden) as bar:
        for path, result in _results(work, todo, options.workers):
            _write(path, result)
            bar.update(len(result))
    if not chunks:  # no rows
        return work(*arrays)
    return np.concatenate([np.load(path) for _, path in chunks])


def _write(path: Path, result: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        np.save(file, result, allow_pickle=False)


def _chunks(
    arrays: Sequence[Array], size: int, method: str, folder: Path
) -> Iterator[tuple[list[Array], Path]]:
    for start in range(0, len(arrays[0]), size):
        parts = [np.ascontiguousarray(a[start : start + size]) for a in arrays]
        yield parts, folder / f"{cache_key(method, *parts)}.npy"


def _results(
    work: Callable[..., Array], todo: Sequence[tuple[list[Array], Path]], processes: int
) -> Iterator[tuple[Path, Array]]:
    if processes == 1 or len(todo) < 2:
        for parts, path in todo:
            yield path, work(*parts)
        return
    with ProcessPoolExecutor(min(processes, len(todo))) as pool:
        futures = {pool.submit(work, *parts): path for parts, path in todo}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:  # an error or Ctrl-C: what is not begun is not wanted any more
            pool.shutdown(cancel_futures=True)
            raise
