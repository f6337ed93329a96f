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

_QUERY = "SELECT index_preset, name, pickled_params_np_array FROM preset ORDER BY index_preset"


def read(path: Path) -> tuple[npt.NDArray[np.float64], list[str], npt.NDArray[np.int64], tuple[str, ...]]:
    """Read the table `preset`: plug-in values (N, 155), names, UIDs, notes.

    The blobs are .npy files; pickles and oversized blobs are refused. Error offsets are row numbers' blobs,
    so they are given as 0 with the UID in the text.
    """
    rows: list[npt.NDArray[np.float64]] = []
    names: list[str] = []
    uids: list[int] = []
    try:
        # read-only and immutable: a database is data here, never created, never written
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as db:
            _check_order(db, path)
            for uid, name, blob in db.execute(_QUERY):
                rows.append(_vector(blob, uid, path))
                names.append(str(name))
                uids.append(int(uid))
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise PresetFileError(
            path,
            0,
            f"a database that cannot be read ({error})",
            "a table preset (index_preset, name, pickled_params_np_array)",
        ) from error
    if not rows:
        raise PresetFileError(path, 0, "an empty table preset", "at least one preset")
    return np.array(rows), names, np.array(uids, np.int64), ()


def _check_order(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a database whose parameter list is not Dexed's of the time (0.9.8 inserted MonoMode)."""
    has_table = db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'param'").fetchone()
    if not has_table:
        return
    names = [row[0] for row in db.execute("SELECT name FROM param ORDER BY index_param")]
    expected = [p.name for p in PARAMETERS]
    for i, (found, wanted) in enumerate(zip(names, expected, strict=False)):
        if found.strip() != wanted:
            raise PresetFileError(
                path, 0, f"parameter {i} named {found!r}", f"{wanted!r} (Dexed up to 0.9.7)"
            )
    if len(names) != len(expected):
        raise PresetFileError(path, 0, f"{len(names)} parameters", f"{len(expected)}")


def _vector(blob: object, uid: int, path: Path) -> npt.NDArray[np.float64]:
    if not isinstance(blob, bytes):
        raise PresetFileError(
            path, 0, f"preset {uid}: {type(blob).__name__} instead of a blob", "a .npy blob"
        )
    if len(blob) > _MAX_BLOB:
        raise PresetFileError(
            path, 0, f"preset {uid}: a blob of {len(blob):,} bytes", f"at most {_MAX_BLOB:,}"
        )
    try:
        vector = np.load(io.BytesIO(blob), allow_pickle=False)
    except Exception as error:  # whatever numpy's parser meets in a hostile blob
        raise PresetFileError(
            path, 0, f"preset {uid}: no readable .npy ({error})", "float32 (155,)"
        ) from error
    if not isinstance(vector, np.ndarray) or vector.shape != (len(PARAMETERS),) or vector.dtype.kind != "f":
        shape = getattr(vector, "shape", type(vector).__name__)
        raise PresetFileError(path, 0, f"preset {uid}: shape {shape}", f"float ({len(PARAMETERS)},)")
    if not np.isfinite(vector).all():
        raise PresetFileError(path, 0, f"preset {uid}: NaN or infinity", "finite values in [0, 1]")
    return vector.astype(np.float64)
