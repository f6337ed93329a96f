"""A corpus of one's own is curated into the cache under a name, and stays readable without its files."""

import shutil

import numpy as np
import pytest

from latentdx import PresetBank
from latentdx.dataset import curation
from latentdx.dataset.own_corpus import check_size, prepare_corpus
from latentdx.errors import DataMissingError, ParameterError, PresetFileError
from latentdx.presets import corpora
from latentdx.registry import data_path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder of eight presets, two of which are equal, with an empty cache."""
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))
    sounds = tmp_path / "my sounds.old"
    sounds.mkdir()
    bank = PresetBank.read(data_path("starter", "01-electric-pianos.syx"))
    for i in range(7):
        bank[i].write(sounds / f"{i}.syx")
    bank[0].write(sounds / "copy.syx")
    return sounds


def test_a_folder_is_curated_into_the_cache_and_no_longer_needed(folder, tmp_path):
    before = PresetBank.read(folder)
    name, notes = prepare_corpus(folder)
    assert name == f"my-sounds-{corpora.bank_hash(before)[:8]}" and notes == ()
    assert sorted(p.name for p in folder.iterdir()) == sorted(f"{i}.syx" for i in [*range(7), "copy"])
    shutil.rmtree(folder)
    assert corpora.read(name) == before
    table = curation.read_curation(name)
    assert len(table) == 8 and table.kept.sum() == 7
    assert len(curation.rows(name, subset="train")) + len(curation.rows(name, subset="test")) < 8
    assert {p.name for p in (tmp_path / "cache/corpora" / name).iterdir()} == {
        "presets.bin",
        f"{name}.json",
        f"{name}.parquet",
    }


def test_a_prepared_corpus_is_not_touched_again(folder, monkeypatch):
    name, _ = prepare_corpus(folder)
    monkeypatch.setattr(curation, "curate", lambda *rest, **named: pytest.fail("curated again"))
    assert prepare_corpus(name) == (name, ()) and prepare_corpus(folder)[0] == name
    assert prepare_corpus("starter") == ("starter", ())


def test_a_path_is_not_taken_for_a_name(folder, tmp_path):
    """Even if the folder holds a file that is called like those in the cache."""
    bank = PresetBank.read(folder)
    (folder / "presets.bin").write_bytes(bank.packed().tobytes())
    name, _ = prepare_corpus(folder)
    assert name.startswith("my-sounds-") and not list(folder.glob("*.parquet"))


def test_other_presets_get_another_name(folder):
    name, _ = prepare_corpus(folder)
    (folder / "6.syx").unlink()
    assert prepare_corpus(folder)[0] != name


def test_damaged_files_are_refused_or_read_in_part(folder):
    content = bytearray((folder / "3.syx").read_bytes())
    content[20] ^= 1
    (folder / "3.syx").write_bytes(content)
    with pytest.raises(PresetFileError, match=r"3\.syx.*strict=False"):
        prepare_corpus(folder)
    name, notes = prepare_corpus(folder, strict=False)
    assert len(corpora.read(name)) == 8 and any("3.syx" in note for note in notes)


def test_an_interrupted_curation_is_done_again(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(curation, "curate", lambda *rest, **named: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prepare_corpus(folder)
    name, _ = prepare_corpus(folder)
    assert np.array_equal(curation.rows(name), curation.rows(prepare_corpus(name)[0]))


def test_a_corpus_that_is_too_small_is_refused_with_its_sizes(folder):
    for path in folder.iterdir():
        if path.name not in ("0.syx", "copy.syx"):
            path.unlink()
    name, _ = prepare_corpus(folder)
    with pytest.raises(ParameterError, match="1 presets for train, 0 presets for validation"):
        check_size(name, "twin-disjoint")


def test_an_unknown_name_is_said_to_be_missing(folder):
    with pytest.raises(DataMissingError, match=r"nothing-12345678 is neither .* nor one of your own"):
        prepare_corpus("nothing-12345678")
