"""Results kept on disk: their keys, their reuse, computation in chunks, and the hash of code."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from latentdx.caching import cache_key, cached, code_hash, map_chunks
from latentdx.run_options import RunOptions

KIND = "sums"
ROWS = np.arange(20.0).reshape(10, 2)
FACTORS = np.arange(10.0)


def weighted_sums(rows: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return one number per row; defined at module level so that other processes can import it."""
    return rows.sum(1) * factors


EXPECTED = weighted_sums(ROWS, FACTORS)


class Counting:
    """`weighted_sums` that records the lengths of its chunks, and can fail after some of them."""

    def __init__(self, fail_after: int = 1000) -> None:
        self.lengths: list[int] = []
        self.fail_after = fail_after

    def __call__(self, rows: np.ndarray, factors: np.ndarray) -> np.ndarray:
        if len(self.lengths) == self.fail_after:
            raise KeyboardInterrupt
        self.lengths.append(len(rows))
        return weighted_sums(rows, factors)


@pytest.fixture
def options(tmp_path: Path) -> RunOptions:
    return RunOptions(processes=1, progress=False, cache=tmp_path / "cache")


# -- keys ----------------------------------------------------------------------------------------------------


def test_a_key_is_32_hexadecimal_digits_and_equal_for_equal_inputs() -> None:
    key = cache_key("method", ROWS, FACTORS)
    assert len(key) == 32 and set(key) <= set("0123456789abcdef")
    assert cache_key("method", ROWS.copy(), FACTORS.copy()) == key
    assert cache_key("method", np.asfortranarray(ROWS), FACTORS) == key


def test_a_key_depends_on_method_values_dtype_shape_and_order() -> None:
    keys = {
        cache_key("method", ROWS, FACTORS),
        cache_key("another", ROWS, FACTORS),
        cache_key("method", ROWS + 1, FACTORS),
        cache_key("method", ROWS.view(np.int64), FACTORS),
        cache_key("method", ROWS.reshape(2, 10), FACTORS),
        cache_key("method", FACTORS, ROWS),
        cache_key("method", ROWS),
    }
    assert len(keys) == 7


# -- single results ------------------------------------------------------------------------------------------


def test_a_cached_result_is_computed_once(options: RunOptions) -> None:
    calls: list[int] = []

    def compute() -> np.ndarray:
        calls.append(1)
        return EXPECTED

    for _ in range(2):
        found = cached(compute, ROWS, FACTORS, method="sums", kind=KIND, options=options)
        np.testing.assert_array_equal(found, EXPECTED)
    assert len(calls) == 1
    assert [path.name for path in options.folder(KIND).iterdir()] == [
        f"{cache_key('sums', ROWS, FACTORS)}.npy"
    ]
    cached(compute, ROWS, FACTORS, method="another", kind=KIND, options=options)
    cached(compute, ROWS + 1, FACTORS, method="sums", kind=KIND, options=options)
    assert len(calls) == 3


def test_a_failed_computation_leaves_nothing(options: RunOptions) -> None:
    def fail() -> np.ndarray:
        raise ValueError("no result")

    with pytest.raises(ValueError, match="no result"):
        cached(fail, ROWS, method="sums", kind=KIND, options=options)
    assert not options.folder(KIND).exists()


# -- chunks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 5, 10, 100])
def test_chunks_of_any_size_give_the_result_of_one_call(options: RunOptions, size: int) -> None:
    work = Counting()
    found = map_chunks(work, [ROWS, FACTORS], method="sums", kind=KIND, options=options, size=size)
    np.testing.assert_array_equal(found, EXPECTED)
    assert found.dtype == EXPECTED.dtype
    assert sum(work.lengths) == 10 and max(work.lengths) == min(size, 10)


def test_finished_chunks_are_never_computed_again(options: RunOptions) -> None:
    for calls in (4, 0):
        work = Counting()
        found = map_chunks(work, [ROWS, FACTORS], method="sums", kind=KIND, options=options, size=3)
        np.testing.assert_array_equal(found, EXPECTED)
        assert len(work.lengths) == calls


def test_an_interrupted_computation_resumes(options: RunOptions) -> None:
    with pytest.raises(KeyboardInterrupt):
        map_chunks(Counting(fail_after=2), [ROWS, FACTORS], method="sums", kind=KIND, options=options, size=3)
    assert len(list(options.folder(KIND).iterdir())) == 2  # finished chunks, and nothing half-written
    work = Counting()
    found = map_chunks(work, [ROWS, FACTORS], method="sums", kind=KIND, options=options, size=3)
    np.testing.assert_array_equal(found, EXPECTED)
    assert work.lengths == [3, 1]


def test_only_changed_chunks_are_computed_again(options: RunOptions) -> None:
    map_chunks(Counting(), [ROWS, FACTORS], method="sums", kind=KIND, options=options, size=5)
    changed = FACTORS.copy()
    changed[7] = 99
    work = Counting()
    found = map_chunks(work, [ROWS, changed], method="sums", kind=KIND, options=options, size=5)
    np.testing.assert_array_equal(found, weighted_sums(ROWS, changed))
    assert work.lengths == [5]
    map_chunks(work, [ROWS, changed], method="another", kind=KIND, options=options, size=5)
    assert work.lengths == [5, 5, 5]


def test_processes_do_not_change_the_result(tmp_path: Path) -> None:
    options = RunOptions(processes=2, progress=False, cache=tmp_path)
    found = map_chunks(weighted_sums, [ROWS, FACTORS], method="sums", kind=KIND, options=options, size=2)
    np.testing.assert_array_equal(found, EXPECTED)
    assert len(list((tmp_path / KIND).iterdir())) == 5


def test_no_rows_give_an_empty_result(options: RunOptions) -> None:
    found = map_chunks(
        weighted_sums, [ROWS[:0], FACTORS[:0]], method="sums", kind=KIND, options=options, size=3
    )
    assert found.shape == (0,)


# -- hash of code --------------------------------------------------------------------------------------------

SOURCE = '''"""A module."""

FACTOR = 2
"""Number to multiply by."""


def double(x):
    """Return twice the number."""
    return FACTOR * x  # as promised


class Doubler:
    """Doubles numbers."""

    text = "# not a comment"

    def __call__(self, x):
        return double(x)
'''


@pytest.fixture
def module(tmp_path: Path) -> Callable[[str], ModuleType]:
    """Return a function that makes a module from source code."""
    count = iter(range(100))

    def make(source: str) -> ModuleType:
        path = tmp_path / f"hashed_{next(count)}.py"
        path.write_text(source, "utf-8")
        spec = spec_from_file_location(path.stem, path)
        assert spec and spec.loader
        made = module_from_spec(spec)
        spec.loader.exec_module(made)
        return made

    return make


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("as promised", "as documented"),
        ("  # as promised", ""),
        ("    return FACTOR", "    # a comment on its own line\n    return FACTOR"),
        ("Return twice the number.", "Return the number, doubled.\n\n    Args:\n        x: Number.\n    "),
        ('    """Doubles numbers."""\n', ""),
        ('"""Number to multiply by."""\n', ""),
        ('"""A module."""', '"""Another text.\n\nWith "quotes" and # signs.\n"""'),
        ("\n\nclass", "\n\n\n\nclass"),
    ],
)
def test_comments_docstrings_and_blank_lines_do_not_change_the_hash(
    module: Callable[[str], ModuleType], old: str, new: str
) -> None:
    changed = SOURCE.replace(old, new)
    assert changed != SOURCE
    assert code_hash(module(changed)) == code_hash(module(SOURCE))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FACTOR = 2", "FACTOR = 3"),
        ("return double(x)", "return -double(x)"),
        ('"# not a comment"', '"# no comment"'),
        ("def double(x)", "def double(x, y=0)"),
        ("        return double(x)", "        return double(x)\n\n    extra = None"),
    ],
)
def test_code_changes_the_hash(module: Callable[[str], ModuleType], old: str, new: str) -> None:
    changed = SOURCE.replace(old, new)
    assert changed != SOURCE
    assert code_hash(module(changed)) != code_hash(module(SOURCE))


def test_a_hash_covers_all_modules(module: Callable[[str], ModuleType]) -> None:
    one, other = module(SOURCE), module(SOURCE.replace("2", "3"))
    assert len({code_hash(one), code_hash(other), code_hash(one, other), code_hash(other, one)}) == 4
