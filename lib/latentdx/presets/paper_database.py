"""The authors' SQLite database of presets (`dexed_presets.sqlite`), schema in `paper.md` section 1.3."""

import contextlib
import io
import sqlite3
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latentdx.errors import PresetFileError
from latentdx.presets.parameters import PARAMETERS

_MAX_BLOB = 4096  # a .npy of 155 float32 (or float64) has under 1,400 bytes
_LEAST_BYTES = 4 * len(PARAMETERS)  # that a row takes in the file, at the very least
_MAX_TEXT = 1024  # parameter names to look at, before the list is called wrong

_NO_TABLE = "a table preset (index_preset, name, pickled_params_np_array)"


def read(path: Path) -> tuple[npt.NDArray[np.float64], list[str], npt.NDArray[np.int64], tuple[str, ...]]:
    """Read the table `preset`: plug-in values (N, 155), names, UIDs, notes, in ascending order of UID.

    The blobs are .npy files; pickles and oversized blobs are refused. A database has no meaningful byte
    offsets, so errors give 0 and name the preset's UID.

    Raises:
        PresetFileError: the database, its schema or one of its rows is not as the paper's.
    """
    try:
        # read-only and immutable: a database is data here, never created, never written
        address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2**20)  # no cell is larger, whatever the file claims
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
    """Whether it is a true table: a view could compute anything, for ever."""
    found = db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [name]).fetchone()
    return found is not None


def _rows(db: sqlite3.Connection, path: Path) -> list[tuple[int, str, npt.NDArray[np.float64]]]:
    if not _is_table(db, "preset"):
        raise PresetFileError(path, 0, "no table preset", _NO_TABLE)
    # the pages of a forged file may refer to each other without end: no more rows than the file has room for
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
    """Refuse a database whose parameter list is not Dexed's of the time (0.9.8 inserted MonoMode)."""
    if not _is_table(db, "param"):
        return (
            f"{path}: no table param, so the parameters are taken to be in the order of Dexed up to 0.9.7",
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
    def refuse(found: str, expected: str) -> PresetFileError:
        return PresetFileError(path, 0, f"preset {uid}: {found}", expected)

    if not isinstance(blob, bytes):
        raise refuse(f"{type(blob).__name__} instead of a blob", "a .npy blob")
    if len(blob) > _MAX_BLOB:
        raise refuse(f"a blob of {len(blob):,} bytes", f"at most {_MAX_BLOB:,}")
    try:
        loaded = np.load(io.BytesIO(blob), allow_pickle=False)
    except Exception as error:  # whatever numpy's parser meets in a hostile blob
        raise refuse(f"no readable .npy ({error})", f"float ({len(PARAMETERS)},)") from error
    if not isinstance(loaded, np.ndarray) or loaded.shape != (len(PARAMETERS),) or loaded.dtype.kind != "f":
        shape = getattr(loaded, "shape", type(loaded).__name__)
        raise refuse(f"shape {shape}", f"float ({len(PARAMETERS)},)")
    with np.errstate(all="ignore"):  # a signaling NaN, or a float128 beyond float64, is refused below
        vector = loaded.astype(np.float64)
    if not np.isfinite(vector).all():
        raise refuse("NaN or infinity", "finite values in [0, 1]")
    return vector
