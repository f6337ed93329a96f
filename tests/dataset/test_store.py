"""The store's format: reading returns what was written, and damage is noticed."""

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_stores import NOTES, SHARD_SIZE, contents

from latentdx import Dexed, Engine, PresetBank
from latentdx.audio.spectrogram import from_codes, mel_spectrogram, to_codes
from latentdx.dataset import store as store_module
from latentdx.dataset.store import SHARD_BYTES, Manifest, Store, store_folder
from latentdx.errors import ParameterError, StoreCorruptError, StoreMismatchError, StoreMissingError
from latentdx.files import atomic_write
from latentdx.presets.corpora import bank_hash


@pytest.fixture
def copy(store: Store, tmp_path: Path) -> Path:
    return shutil.copytree(store.folder, tmp_path / "copy")


def test_rows_are_the_banks_spectrograms(store: Store, bank: PresetBank) -> None:
    assert store.shape == (20, 2, 257, 347) and len(store) == 20 and store.notes == NOTES
    for row in (0, 2, 3, 19):  # both sides of a shard's edge, and the short last shard
        for j, (note, velocity) in enumerate(NOTES):
            expected = to_codes(mel_spectrogram(Dexed().render(bank[row], note, velocity)))
            np.testing.assert_array_equal(store.row(row)[j], expected)


def test_codes_and_decibels_of_any_rows(store: Store) -> None:
    rows = [19, 0, 7, 0]
    codes = store.codes(rows)
    assert codes.shape == (4, 2, 257, 347) and codes.dtype == np.uint8
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(codes[i], store.row(row))
    np.testing.assert_array_equal(store.decibels(rows), from_codes(codes))
    assert store.codes(5).shape == (1, 2, 257, 347)


def test_rows_are_memory_mapped_and_read_only(store: Store) -> None:
    view = store.row(4)
    assert isinstance(view, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        view[...] = 0


@pytest.mark.parametrize("row", [-1, 20])
def test_a_row_beyond_the_store_is_refused(store: Store, row: int) -> None:
    with pytest.raises(ParameterError, match=f"row {row} is outside 0 … 19"):
        store.codes([0, row])


def test_a_pickled_store_carries_no_spectrograms(store: Store) -> None:
    store.row(0)
    data = pickle.dumps(store)
    assert len(data) < 10_000
    np.testing.assert_array_equal(pickle.loads(data).row(11), store.row(11))


def test_the_manifest_records_how_the_store_was_made(store: Store, bank: PresetBank) -> None:
    manifest = json.loads((store.folder / "manifest.json").read_text())
    assert manifest["corpus"] == "random" and manifest["corpus_sha256"] == bank_hash(bank)
    assert manifest["ids"] == list(range(20)) and manifest["notes"] == [[60, 85], [50, 20]]
    assert manifest["renderer"] == Engine().engine
    assert manifest["render"] == {"sample_rate": 22050, "hold": 3.0, "fade": 0.1, "samples": 88576}
    assert manifest["codes"] == {"dtype": "uint8", "lowest_db": -120.0, "highest_db": 20.0}
    assert manifest["spectrogram"]["n_mels"] == 257 and manifest["shard_size"] == SHARD_SIZE
    files = contents(store.folder)
    assert manifest["shards"] == {name: sha for name, sha in files.items() if name != "manifest.json"}
    assert len(manifest["shards"]) == 7


def test_shards_are_ordinary_npy_files(store: Store) -> None:
    np.testing.assert_array_equal(np.load(store.folder / "shard-00002.npy"), store.codes([6, 7, 8]))
    assert np.load(store.folder / "shard-00006.npy").shape == (2, 2, 257, 347)


def test_statistics_are_those_of_the_decibels(store: Store) -> None:
    rows = [1, 5, 18]
    decibels, found = store.decibels(rows).astype(np.float64), store.statistics(rows)
    assert (found.minimum, found.maximum) == (decibels.min(), decibels.max())
    assert found.mean == pytest.approx(decibels.mean(), abs=1e-6)
    assert found.deviation == pytest.approx(decibels.std(), abs=1e-6)
    assert store.statistics() == store.statistics(range(20)) != found
    with pytest.raises(ParameterError, match="no rows"):
        store.statistics([])


def test_verify_names_a_shard_with_one_wrong_bit(copy: Path) -> None:
    Store(copy).verify()
    shard = copy / "shard-00003.npy"
    data = bytearray(shard.read_bytes())
    data[5000] ^= 1
    shard.write_bytes(data)
    with pytest.raises(StoreCorruptError, match="wrong SHA-256 of shard-00003.npy"):
        Store(copy).verify()


def test_a_truncated_or_lost_shard_is_noticed_on_opening(copy: Path) -> None:
    shard = copy / "shard-00001.npy"
    size = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(StoreCorruptError, match=rf"shard-00001.npy: found 1,000 bytes, expected {size:,}"):
        Store(copy)
    shard.unlink()
    with pytest.raises(StoreCorruptError, match="found 0 bytes"):
        Store(copy)


def test_an_unfinished_store_is_not_opened(copy: Path) -> None:
    manifest = Manifest.read(copy)
    del manifest.shards["shard-00004.npy"]
    manifest.write(copy)
    with pytest.raises(StoreMissingError, match="unfinished: it lacks 1 of 7 shards"):
        Store(copy)


@pytest.mark.parametrize(
    ("name", "value"), [("format", 2), ("codes", {"dtype": "uint8"}), ("spectrogram", {"n_fft": 2048})]
)
def test_spectrograms_with_other_settings_are_refused(copy: Path, name: str, value: object) -> None:
    replace(Manifest.read(copy), **{name: value}).write(copy)
    with pytest.raises(StoreMismatchError, match=f"{name}: the store has"):
        Store(copy)


def test_a_missing_store_and_a_broken_manifest_differ(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="holds no store"):
        Store(tmp_path)
    for text in ("{", "[]", '{"corpus": 1}', "\xff"):
        (tmp_path / "manifest.json").write_text(text, "latin-1")
        with pytest.raises(StoreCorruptError, match="is not a manifest"):
            Store(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:
        file.write(b"half of the n")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_default_shards_fit_memory_and_occupy_every_thread(bank: PresetBank) -> None:
    large = PresetBank.concatenate(1000 * [bank])
    for n_notes in (1, 2, 6):
        notes = tuple((60 + i, 85) for i in range(n_notes))
        size, item = Manifest.of(large, notes, Dexed(), "x").shard_size, 257 * 347 * n_notes
        assert size * item <= SHARD_BYTES < (size + 1) * item
        assert Manifest.of(bank[:5], notes, Dexed(), "x").n_shards == 5
        assert Manifest.of(large[:320], notes, Dexed(), "x").n_shards == 16


def test_few_files_are_open_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MOST_MAPS", 2)
    fresh = Store(store.folder)
    for row in (0, 19, 7, 0, 12, 19):
        np.testing.assert_array_equal(fresh.row(row), store.row(row))
        assert len(fresh._maps) <= 2


def test_stores_live_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path))
    assert store_folder("learnfm", ((60, 85),)) == tmp_path / "stores" / "learnfm-single"
    assert store_folder("x", NOTES) == tmp_path / "stores" / "x-60-85_50-20"
