"""The reader of the paper's SQLite database, tested on databases with the same schema."""

import io
import pickle
import re
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from databases import NAMES, npy, write_database

from latentdx.errors import PresetFileError
from latentdx.presets import Flag, PresetBank, parameter

MakeBank = Callable[..., PresetBank]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "presets #1 of 100%?.sqlite"  # characters with a special meaning in a URI


def test_values_names_and_uids_are_read(path: Path, make_bank: MakeBank) -> None:
    bank = make_bank(40).neutral()
    write_database(path, bank)
    before = path.read_bytes()
    read = PresetBank.read(path)
    assert read == bank
    assert read.ids.tolist() == list(range(0, 40 * 13, 13))
    assert not read.flags.any()
    assert read.notes == ()
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # no journal, no lock


def test_rows_are_ordered_by_uid(path: Path, make_bank: MakeBank) -> None:
    bank = make_bank(4)
    read = PresetBank.read(write_database(path, bank, uids=[393_878, 2, 77_603, 21_894]))
    assert read.ids.tolist() == [2, 21_894, 77_603, 393_878]
    assert read == bank[[1, 3, 2, 0]]


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", "f2"])
def test_any_float_type_is_read(path: Path, dtype: str) -> None:
    bank = PresetBank.init()
    write_database(path, bank, blobs=[npy(bank.plugin()[0], dtype)])
    assert PresetBank.read(path) == bank


def test_any_suffix_is_read(tmp_path: Path, make_bank: MakeBank) -> None:
    bank = make_bank(3)
    for name in ("presets.db", "presets.dat", "presets"):
        assert PresetBank.read(write_database(tmp_path / name, bank)) == bank


def test_values_above_one_are_clamped_and_level_4_becomes_0(path: Path) -> None:
    plugin = PresetBank.init().plugin()[0]
    plugin[parameter("OP3 EG LEVEL 4").index] = 127 / 99
    plugin[parameter("OP3 EG LEVEL 2").index] = 127 / 99
    plugin[parameter("OP2 F FINE").index] = 100 / 99
    bank = PresetBank.read(write_database(path, PresetBank.init(), blobs=[npy(plugin)]))
    assert (bank[0]["OP3 EG LEVEL 4"], bank[0]["OP3 EG LEVEL 2"], bank[0]["OP2 F FINE"]) == (0, 99, 99)
    assert bank.flags.tolist() == [Flag.MENDED]
    assert bank.mended.sum() == 3


def test_without_parameter_names_the_order_is_assumed_and_noted(path: Path, make_bank: MakeBank) -> None:
    bank = make_bank(3)
    read = PresetBank.read(write_database(path, bank, parameters=None))
    assert read == bank
    assert len(read.notes) == 1
    assert "no table param" in read.notes[0]


def test_unusual_names_are_read(path: Path, make_bank: MakeBank) -> None:
    odd = [None, "Flûte", "tab\there", b"\xff\xfe", 12, "a name of more than ten letters", "", "ü" * 10**5]
    bank = PresetBank.read(write_database(path, make_bank(len(odd)), names=odd))
    assert bank.names == ("", "Fl?te", "tab?here", "", "12", "a name of", "", "??????????")


def test_a_name_that_is_not_utf8_is_read(path: Path) -> None:
    write_database(path, PresetBank.init())
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE preset SET name = CAST(x'C1424300' AS TEXT)")
    assert PresetBank.read(path).names[0].endswith("BC?")


def pickled() -> bytes:
    return pickle.dumps(np.zeros(155, np.float32))


def object_npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}] * 155, object), allow_pickle=True)
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", npy(np.zeros(155)))
    return file.getvalue()


@pytest.mark.parametrize(
    ("blob", "found"),
    [
        (pickled(), "no readable .npy"),
        (object_npy(), "no readable .npy"),
        (npz(), "shape NpzFile"),
        (npy(np.zeros(155))[:-1], "no readable .npy"),
        (npy(np.zeros(155))[:20], "no readable .npy"),
        (npy(np.zeros(155)).replace(b"(155,)", b"(10**9,)"), "no readable .npy"),
        (npy(np.zeros(155)).replace(b"(155,), }         ", b"(999999999999,), }"), "no readable .npy"),
        (npy(np.zeros(154)), "shape (154,)"),
        (npy(np.zeros((5, 31))), "shape (5, 31)"),
        (npy(np.zeros(155), "i4"), "shape (155,)"),
        (npy(np.full(155, np.nan)), "NaN or infinity"),
        (npy(np.full(155, np.inf)), "NaN or infinity"),
        (npy(np.zeros(155)) + bytes(4000), "a blob of 4,748 bytes"),
        (bytes(2**20 + 2**10), "cannot be read"),
        (b"", "no readable .npy"),
        (None, "NoneType instead of a blob"),
        ("text", "str instead of a blob"),
        (3.5, "float instead of a blob"),
    ],
)
def test_a_bad_blob_is_refused(path: Path, blob: object, found: str) -> None:
    bank = PresetBank.concatenate([PresetBank.init()] * 3)
    good = npy(bank.plugin()[0])
    write_database(path, bank, blobs=[good, blob, good])
    with pytest.raises(PresetFileError, match=re.escape(found)) as caught:
        PresetBank.read(path)
    assert caught.value.source == str(path)
    if found != "cannot be read":  # SQLite itself refuses the cell
        assert caught.value.found.startswith("preset 13: ")


@dataclass
class Bomb:
    """Object that creates a file when it is unpickled."""

    file: Path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.file,)


def test_nothing_is_ever_unpickled(path: Path) -> None:
    crater = path.with_name("crater")
    blob = pickle.dumps(Bomb(crater))
    pickle.loads(blob)
    crater.unlink()  # the file exists, so the bomb works
    write_database(path, PresetBank.init(), blobs=[blob])
    with pytest.raises(PresetFileError, match=r"no readable \.npy"):
        PresetBank.read(path)
    assert not crater.exists()


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ([*NAMES[:3], "MonoMode", *NAMES[3:]], "parameter 3 named 'MonoMode'"),
        (NAMES[:-1], "154 parameters"),
        ([*NAMES, "Program"], "156 parameters"),
        ([*NAMES[:4], None, *NAMES[5:]], "parameter 4 named None"),
        ([], "0 parameters"),
        (NAMES * 20, "1024 parameters"),
    ],
)
def test_another_list_of_parameters_is_refused(path: Path, parameters: list[object], found: str) -> None:
    with pytest.raises(PresetFileError, match=found):
        PresetBank.read(write_database(path, PresetBank.init(), parameters=parameters))


@pytest.mark.parametrize("uid", ["abc", None, 1.5, 1e300, b"1"])
def test_a_uid_that_is_not_an_integer_is_refused(path: Path, uid: object) -> None:
    with pytest.raises(PresetFileError, match="index_preset .* in row 0, expected an integer"):
        PresetBank.read(write_database(path, PresetBank.init(), uids=[uid]))


def test_an_empty_table_is_refused(path: Path) -> None:
    with pytest.raises(PresetFileError, match="an empty table preset"):
        PresetBank.read(write_database(path, PresetBank.concatenate([])))


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE TABLE other (x)",
        "CREATE TABLE preset (x)",
        "CREATE VIEW preset AS SELECT 1 AS index_preset, 'a' AS name, x'00' AS pickled_params_np_array",
    ],
)
def test_another_schema_is_refused(path: Path, schema: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(schema)
    with pytest.raises(PresetFileError, match="expected a table preset"):
        PresetBank.read(path)


@pytest.mark.timeout(20)
def test_an_endless_view_is_not_run(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE VIEW preset AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) "
            "SELECT i AS index_preset, 'a' AS name, x'00' AS pickled_params_np_array FROM n"
        )
    with pytest.raises(PresetFileError, match="no table preset"):
        PresetBank.read(path)


def test_files_that_are_not_databases_are_refused(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.sqlite", tmp_path / "text.sqlite"
    empty.touch()
    text.write_text("SQLite format 3, not")
    for path in (empty, text):
        with pytest.raises(PresetFileError, match="no SQLite header"):
            PresetBank.read(path)
        with pytest.raises(PresetFileError):
            PresetBank.read(path, format="sqlite")
        assert path.stat().st_size in (0, 20)  # the files are unchanged


def test_ten_thousand_rows_are_read(path: Path, make_bank: MakeBank) -> None:
    bank = make_bank(10_000)
    assert PresetBank.read(write_database(path, bank)) == bank
