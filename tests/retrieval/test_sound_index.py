"""The index by sound: its results, its reproducibility, and the detection of damage."""

import re
import shutil
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import Dexed
from latentdx.audio.spectrogram import N_FRAMES, N_MELS, mel_spectrogram, to_codes
from latentdx.dataset import curation
from latentdx.dataset.rendering import render_store
from latentdx.dataset.store import Store
from latentdx.errors import DataMissingError, ParameterError, SoundIndexError
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.registry import data_path
from latentdx.retrieval import build_index
from latentdx.retrieval.exact_neighbors import Neighbors
from latentdx.retrieval.known_presets import INDEXED, known_presets
from latentdx.retrieval.sound_index import DIMENSIONS, IndexHeader, SoundIndex

NOTES = ((60, 85), (48, 40))
ROWS = np.arange(4, 64)


def heard(preset: Preset) -> np.ndarray:
    return to_codes(mel_spectrogram(Dexed().render(preset, 60, 85)))


def most_rounded(index: SoundIndex) -> float:
    """Return the largest distance of a sound from its rounded numbers: half a step in each of them."""
    return 0.5 * np.sqrt(index.codes.shape[1]) * index.about.scale * 1.001


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()[::6]


@pytest.fixture(scope="module")
def store(bank, tmp_path_factory) -> Store:
    return render_store(bank, NOTES, tmp_path_factory.mktemp("store"), corpus="some", shard_size=16)


@pytest.fixture(scope="module")
def index(store) -> SoundIndex:
    return SoundIndex.build(store, ROWS, split="random", subset="train", dimensions=32)


@pytest.fixture(scope="module")
def starter() -> SoundIndex:
    return SoundIndex.read(data_path("index", "starter.safetensors"))


# -- search results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("note", [0, 1])
def test_own_sound_is_found_first(store, note) -> None:
    index = SoundIndex.build(store, ROWS, note=note)
    for row in ROWS.tolist():
        rows, distances = index.nearest(store.row(row)[note], 3)
        assert rows[0] == row
        assert distances[0] < distances[1] <= distances[2]
        assert distances[0] <= most_rounded(index)


def test_distances_equal_those_of_block_means(store) -> None:
    """With as many dimensions as presets, distances equal their definition except for rounding."""

    def means(row: int) -> np.ndarray:
        root = 10 ** (store.decibels([row])[0, 0].astype(np.float64) * 0.4 / 20)
        mels, frames = [*range(0, 257, 4), 257], [*range(0, 64, 8), *range(64, 347, 24), 347]
        out = np.empty_like(root)
        for m in pairwise(mels):
            for f in pairwise(frames):
                out[slice(*m), slice(*f)] = root[slice(*m), slice(*f)].mean()
        return out

    index = SoundIndex.build(store, ROWS)
    blocks = {row: means(row) for row in ROWS.tolist()}
    rows, distances = index.nearest(store.row(20)[0], len(ROWS))
    expected = [np.sqrt(((blocks[row] - blocks[20]) ** 2).mean()) for row in rows.tolist()]
    np.testing.assert_allclose(distances, expected, atol=0.02 * max(expected))


def test_few_dimensions_find_mostly_the_same_presets_as_the_exact_search(index, store) -> None:
    neighbors = Neighbors(store, ROWS)
    shared = [
        len(set(index.nearest(codes, 10)[0]) & set(neighbors.nearest(codes, 10)[0])) / 10
        for codes in (store.row(row)[0] for row in ROWS.tolist())
    ]
    assert np.mean(shared) > 0.5  # 0.17 by chance


def test_at_any_level_a_quiet_copy_finds_the_same_presets(starter) -> None:
    bank = corpora.read("starter").neutral()
    sounds = [Engine().render(bank[row], 60, 85) for row in range(0, len(bank), 32)]
    loud, quiet = ([to_codes(mel_spectrogram(gain * s)) for s in sounds] for gain in (1, np.float32(0.25)))
    same, moved = [], []
    for a, b in zip(loud, quiet, strict=True):
        same.append(len(set(_nearest(starter, a)) & set(_nearest(starter, b))) / 8)
        moved.append(len(set(starter.nearest(a, 8)[0]) & set(starter.nearest(b, 8)[0])) / 8)
        own = starter.nearest(a, 1)[0][0]
        assert own == _nearest(starter, a)[0] and own in _nearest(starter, b)[:4]
    assert np.mean(same) > 0.9 > np.mean(moved)


def _nearest(index: SoundIndex, codes: np.ndarray) -> list[int]:
    rows, distances = index.nearest(codes, 8, at_any_level=True)
    assert (np.diff(distances) >= 0).all()
    return rows.tolist()


def test_excluded_rows_and_large_k(index, store) -> None:
    codes, excluded = store.row(7)[0], np.zeros(len(ROWS), bool)
    rows, distances = index.nearest(codes, 1000)
    assert sorted(rows) == ROWS.tolist() and len(distances) == len(ROWS)
    excluded[rows[:2] - ROWS[0]] = True
    np.testing.assert_array_equal(index.nearest(codes, 4, excluded=excluded)[0], rows[2:6])
    assert len(index.nearest(codes, 4, excluded=np.ones(len(ROWS), bool))[0]) == 0


def test_a_sound_outside_the_index_and_silence(index) -> None:
    for codes in (np.zeros((N_MELS, N_FRAMES), np.uint8), np.full((N_MELS, N_FRAMES), 255, np.uint8)):
        rows, distances = index.nearest(codes, 5)
        assert len(set(rows)) == 5 and np.isfinite(distances).all() and distances[0] > 0


def test_equal_presets_come_in_order(store) -> None:
    one = SoundIndex.build(store, [5])
    assert one.codes.shape == (1, 1) and one.nearest(store.row(9)[0], 3)[0].tolist() == [5]


def test_wrong_arguments(index, store) -> None:
    codes = store.row(7)[0]
    with pytest.raises(ParameterError, match="uint8"):
        index.nearest(codes.astype(np.float32))
    with pytest.raises(ParameterError, match="257"):
        index.nearest(codes[:, 1:])
    with pytest.raises(ParameterError, match="at least 1 preset, not 0"):
        index.nearest(codes, 0)
    for wrong in (np.zeros(3, bool), np.zeros(len(ROWS), int)):
        with pytest.raises(ParameterError, match=f"bool \\({len(ROWS)},\\)"):
            index.nearest(codes, excluded=wrong)
    for rows in ([], [[1, 2]], [3, 3]):
        with pytest.raises(ParameterError, match="rows to index"):
            SoundIndex.build(store, rows)
    with pytest.raises(ParameterError, match="outside"):
        SoundIndex.build(store, [len(store)])
    with pytest.raises(ParameterError, match="note 2"):
        SoundIndex.build(store, [1], note=2)
    with pytest.raises(ParameterError, match="at least 1 dimension, not 0"):
        SoundIndex.build(store, [1], dimensions=0)


# -- the file ------------------------------------------------------------------------------------------------


def test_round_trip_and_same_bytes(index, store, tmp_path) -> None:
    file = index.write(tmp_path / "a.safetensors")
    back = SoundIndex.read(file)
    assert back.about == index.about
    assert (back.about.corpus, back.about.split, back.about.subset) == ("some", "random", "train")
    assert back.about.corpus_sha256 == store.manifest.corpus_sha256 and back.about.note == [60, 85]
    for row in (0, 9, 40):
        for a, b in zip(index.nearest(store.row(row)[0], 9), back.nearest(store.row(row)[0], 9), strict=True):
            np.testing.assert_array_equal(a, b)
    again = SoundIndex.build(store, ROWS, split="random", subset="train", dimensions=32)
    assert again.write(tmp_path / "b.safetensors").read_bytes() == file.read_bytes()
    other = SoundIndex.build(store, ROWS[:-1], split="random", subset="train", dimensions=32)
    assert other.write(tmp_path / "b.safetensors").read_bytes() != file.read_bytes()


def test_a_damaged_file_is_refused(index, tmp_path) -> None:
    file = index.write(tmp_path / "a.safetensors")
    good = file.read_bytes()
    rng = np.random.default_rng(0)
    bad = {b"", b"junk" * 99, good[:-1], good + b"\0", good[:40], bytes(len(good))}
    for place in rng.integers(int.from_bytes(good[:8], "little") + 8, len(good), 20).tolist():
        bad.add(good[:place] + bytes([good[place] ^ 1 << rng.integers(8)]) + good[place + 1 :])
    for content in bad:
        file.write_bytes(content)
        with pytest.raises(SoundIndexError, match="a.safetensors"):
            SoundIndex.read(file)
    file.unlink()
    with pytest.raises(DataMissingError, match="does not exist"):
        SoundIndex.read(file)


def test_a_file_with_other_settings_or_shapes_is_refused(index, tmp_path) -> None:
    file = tmp_path / "a.safetensors"
    for changed in (
        replace(index, about=replace(index.about, spectrogram={**index.about.spectrogram, "hop": 512})),
        replace(index, about=replace(index.about, decibels=[-100.0, 0.0])),
        replace(index, rows=index.rows[1:]),
        replace(index, basis=index.basis[1:]),
        replace(index, codes=index.codes.astype(np.int16)),
        replace(index, codes=index.codes[:, 0]),
    ):
        changed.write(file)
        with pytest.raises(SoundIndexError, match="a.safetensors"):
            SoundIndex.read(file)
    save_file({"codes": index.codes}, file)
    with pytest.raises(SoundIndexError, match="not an index"):
        SoundIndex.read(file)


# -- shipped indexes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INDEXED)
def test_shipped_file_is_small_and_holds_no_preset(name) -> None:
    file = data_path("index", f"{name}.safetensors")
    index = SoundIndex.read(file)
    n, d = len(index), DIMENSIONS
    with safe_open(file, "np") as opened:
        slices = {key: opened.get_slice(key) for key in opened.keys()}  # noqa: SIM118 (no mapping)
        found = {key: (part.get_dtype(), part.get_shape()) for key, part in slices.items()}
        assert list(opened.metadata()) == ["latentdx"]
    assert found == {
        "rows": ("I32", [n]),
        "codes": ("I8", [n, d]),
        "basis": ("F16", [1300, d]),
        "offset": ("F32", [d]),
    }
    assert set(vars(index.about)) == {field.name for field in fields(IndexHeader)}
    assert file.stat().st_size < 1.5e6
    subset = None if name == "starter" else "train"
    np.testing.assert_array_equal(index.rows, curation.rows(name, split="twin-disjoint", subset=subset))
    assert index.about.corpus_sha256 == curation_hash(name)


def curation_hash(name: str) -> str:
    """Return the hash of a corpus as rendered; that of learnfm from a checkpoint, without the corpus."""
    if name == "starter":
        return corpora.bank_hash(corpora.read("starter").neutral())
    from latentdx.training.checkpoint import read_header

    return read_header(data_path("checkpoints", "latentdx.safetensors")).corpus_sha256


@pytest.mark.parametrize("name", INDEXED)
def test_shipped_indexes_find_their_own_presets(name) -> None:
    try:
        corpora.find(name)
    except DataMissingError:
        pytest.skip(f"{name} is not on this machine")
    (known,), remarks = known_presets([name])
    assert known.corpus == name and not remarks
    places = np.random.default_rng(1).choice(len(known.index), 12, replace=False)
    for place in places.tolist():
        row = int(known.index.rows[place])
        rows, distances = known.index.nearest(heard(known.bank[row]), 20)
        assert row in rows[distances <= distances[0] + 1e-6]  # another preset may sound the same
        assert distances[0] <= most_rounded(known.index)


def test_rebuilding_the_starter_index_gives_the_shipped_one(starter, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))
    build_index.main(["starter", "--out", str(tmp_path / "made")])
    made = SoundIndex.read(tmp_path / "made/starter.safetensors")
    np.testing.assert_array_equal(made.rows, starter.rows)
    np.testing.assert_allclose(made.about.scale, starter.about.scale, rtol=1e-6)
    # on another processor, one number in a thousand may be rounded differently
    steps = np.abs(made.codes.astype(int) - starter.codes)
    assert steps.max() <= 1 and steps.mean() < 1e-3


def test_building_an_index_checks_its_files_first(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(build_index, "build_index", None)
    (tmp_path / "starter.safetensors").touch()
    for folder, message in (
        (tmp_path, "starter.safetensors exists already: --force replaces it"),
        (tmp_path / "starter.safetensors" / "no", "no index can be written into .*: Not a directory"),
    ):
        with pytest.raises(SystemExit):
            build_index.main(["starter", "--out", str(folder)])
        assert re.search(message, capsys.readouterr().err)


# -- usable corpora ------------------------------------------------------------------------------------------


def test_a_missing_corpus_is_reported_and_not_downloaded(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path))
    monkeypatch.delenv("LATENTDX_DATA", raising=False)
    known, remarks = known_presets()
    assert [k.corpus for k in known] == ["starter"]
    assert len(remarks) == 1 and "learnfm" in remarks[0] and "latentdx fetch learnfm" in remarks[0]
    assert not list(tmp_path.iterdir())


def test_indexes_that_are_missing_damaged_or_of_other_presets_are_reported(starter, tmp_path) -> None:
    assert known_presets(["starter"], tmp_path)[0] == []
    file = tmp_path / "starter.safetensors"
    replace(starter, about=replace(starter.about, corpus_sha256="0" * 64)).write(file)
    known, remarks = known_presets(["starter"], tmp_path)
    assert not known and "other presets" in remarks[0]
    shutil.copy(data_path("index", "starter.safetensors"), file)
    known, remarks = known_presets(["starter"], tmp_path)
    assert len(known) == 1 and not remarks and len(known[0].bank) == 384
    Path(file).write_bytes(file.read_bytes()[:-9])
    known, remarks = known_presets(["starter"], tmp_path)
    assert not known and "not an index of sounds" in remarks[0]
