"""Valid and damaged databases with the schema of the paper's `dexed_presets.sqlite`."""

import io
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latentdx.presets import PARAMETERS, PresetBank

NAMES = [p.name for p in PARAMETERS]


def npy(vector: npt.ArrayLike, dtype: str = "f4") -> bytes:
    """Return a vector as the bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, np.asarray(vector, dtype))
    return file.getvalue()


def write_database(
    path: Path,
    bank: PresetBank,
    uids: Sequence[object] | None = None,
    names: Sequence[object] | None = None,
    blobs: Sequence[object] | None = None,
    parameters: Sequence[object] | None = NAMES,
) -> Path:
    """Write a bank in the format of the paper's authors; the contents of each column can be replaced."""
    uids = list(range(0, 13 * len(bank), 13)) if uids is None else uids
    names = bank.names if names is None else names
    blobs = [npy(v) for v in bank.plugin()] if blobs is None else blobs
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE TABLE preset (index_preset INTEGER, index_cart INTEGER, index_in_cartridge INTEGER, "
            "name TEXT, pickled_params_np_array NPARRAY, other_names TEXT, labels TEXT, info TEXT)"
        )
        db.execute("CREATE TABLE cartridge (index_cart INTEGER, name TEXT)")
        db.executemany(
            "INSERT INTO preset VALUES (?, 0, 0, ?, ?, NULL, 'harmonic', NULL)",
            zip(uids, names, blobs, strict=True),
        )
        if parameters is not None:
            db.execute("CREATE TABLE param (index_param INTEGER, name TEXT)")
            db.executemany("INSERT INTO param VALUES (?, ?)", enumerate(parameters))
    return path
