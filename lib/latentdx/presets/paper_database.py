"""Reader of the authors' SQLite database of presets, `dexed_presets.sqlite`."""

import contextlib
import io
import sqlite3
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latentdx.errors import PresetFileError
from latentdx.presets.parameters import PARAMETERS

_MAX_BLOB = 4096  # a .npy of 155 float32 (or float64) has under 1,400 bytes
_LEAST_BYTES = 4 * len(PARAMETERS)  # smallest possible size of a row in the file
_MAX_TEXT = 1024  # largest number of parameter names to read; a longer list is wrong in any case

_NO_TABLE = "a table preset (index_preset, name, pickled_params_np_array)"


def read(path: Path) -> tuple[npt.NDArray[np.float64], list[str], npt.NDArray[np.int64], tuple[str, ...]]:
    """Read the table `preset` of the database, in ascending order of UID.

    The blobs are .npy files; pickles and oversized blobs are refused. A database has no meaningful byte
    offsets, so errors give offset 0 and name the preset's UID.

    Args:
        path: Database file; it is opened read-only.

    Returns:
        Plug-in values, float64 (N, 155); N names; UIDs, int64 (N,); and notes for the reader, in sentences.

    Raises:
        PresetFileError: The database, its schema or one of its rows does not match the paper's database.
    """
    try:
        # read-only and immutable, so that the file is never created or changed
        address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2**20)  # refuses larger cells, whatever the file claims
            db.text_factory = lambda raw: raw.decode("utf8", "replace")
            notes = _check_order(db, path)
            rows = _rows(db, path)
    except sqlite3.Error as error:
        raise PresetFileError(path, 0, f"a database that cannot be read ({error})", _NO_TABLE) from error
    if not rows:
        raise PresetFileError(path, 0, "an empty table preset", "at least one preset")
    rows.sort(key=lambda row: row[0])
    uids, names, vectors = zip(*rows, strict=True)
    return np.array(vectors), list(names), np.array(uids, np.int64), notes


def _is_table(db: sqlite3.Connection, name: str) -> bool:
    """Check that a name is a real table, because a view could run an endless computation."""
    found = db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [name]).fetchone()
    return found is not None


def _rows(db: sqlite3.Connection, path: Path) -> list[tuple[int, str, npt.NDArray[np.float64]]]:
    """Read all rows: UID, name and plug-in values."""
    if not _is_table(db, "preset"):
        raise PresetFileError(path, 0, "no table preset", _NO_TABLE)
    # pages of a forged file may form an endless loop, so stop at the number of rows that fit in the file
    room = path.stat().st_size // _LEAST_BYTES
    rows: list[tuple[int, str, npt.NDArray[np.float64]]] = []
    for uid, name, blob in db.execute("SELECT index_preset, name, pickled_params_np_array FROM preset"):
        if len(rows) >= room:
            raise PresetFileError(path, 0, f"more than {room} presets", "no more than the file has room for")
        if not isinstance(uid, int):
            raise PresetFileError(path, 0, f"index_preset {uid!r} in row {len(rows)}", "an integer")
        rows.append((uid, name if isinstance(name, str) else "", _vector(blob, uid, path)))
    return rows


def _check_order(db: sqlite3.Connection, path: Path) -> tuple[str, ...]:
    """Refuse a database whose parameters are not those of Dexed up to 0.9.7 (0.9.8 inserted MonoMode)."""
    if not _is_table(db, "param"):
        return (
            f"{path}: no table param, so the parameters are assumed to be in the order of Dexed up to 0.9.7",
        )
    listed = db.execute("SELECT index_param, name FROM param").fetchmany(_MAX_TEXT)
    listed.sort(key=lambda row: row[0] if isinstance(row[0], int) else -1)
    expected = [p.name for p in PARAMETERS]
    for i, ((_, found), wanted) in enumerate(zip(listed, expected, strict=False)):
        if not isinstance(found, str) or found.strip() != wanted:
            raise PresetFileError(
                path, 0, f"parameter {i} named {found!r}", f"{wanted!r} (Dexed up to 0.9.7)"
            )
    if len(listed) != len(expected):
        raise PresetFileError(path, 0, f"{len(listed)} parameters", f"{len(expected)}")
    return ()


def _vector(blob: object, uid: int, path: Path) -> npt.NDArray[np.float64]:
    """Read the plug-in values of one preset from its .npy blob."""

    def refuse(found: str, expected: str) -> PresetFileError:
        return PresetFileError(path, 0, f"preset {uid}: {found}", expected)

    if not isinstance(blob, bytes):
        raise refuse(f"{type(blob).__name__} instead of a blob", "a .npy blob")
    if len(blob) > _MAX_BLOB:
        raise refuse(f"a blob of {len(blob):,} bytes", f"at most {_MAX_BLOB:,}")
    try:
        loaded = np.load(io.BytesIO(blob), allow_pickle=False)
    except Exception as error:  # NumPy's parser may raise any exception for a hostile blob
        raise refuse(f"no readable .npy ({error})", f"float ({len(PARAMETERS)},)") from error
    if not isinstance(loaded, np.ndarray) or loaded.shape != (len(PARAMETERS),) or loaded.dtype.kind != "f":
        shape = getattr(loaded, "shape", type(loaded).__name__)
        raise refuse(f"shape {shape}", f"float ({len(PARAMETERS)},)")
    with np.errstate(all="ignore"):  # signaling NaN and values beyond float64 are refused below
        vector = loaded.astype(np.float64)
    if not np.isfinite(vector).all():
        raise refuse("NaN or infinity", "finite values in [0, 1]")
    return vector
