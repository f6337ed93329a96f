"""Corpora: search order, verification, and the errors for missing, corrupt and unreachable files."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from databases import write_database

from latentdx.errors import (
    DataCorruptError,
    DataError,
    DataMissingError,
    DataUnreachableError,
    PresetFileError,
)
from latentdx.files import sha256_of
from latentdx.presets import PresetBank, corpora, sysex
from latentdx.presets.corpora import CORPORA
from latentdx.registry import RemoteFile, registry
from static_host import served

MakeBank = Callable[..., PresetBank]


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any corpus: no LATENTDX_DATA, an empty cache, nothing in the project's data."""
    monkeypatch.delenv("LATENTDX_DATA", raising=False)
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpora, "data_path", lambda *parts: tmp_path.joinpath("beside", *parts))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A local web server: its address and its folder."""
    folder = tmp_path / "web"
    folder.mkdir()

    with served(folder) as address:
        yield address, folder


@pytest.fixture
def small(
    web: tuple[str, Path], make_bank: MakeBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PresetBank:
    """Small corpora in place of the real ones: learnfm and paper on the local server, starter in the project.

    Returns:
        Bank that all of them contain.
    """
    address, folder = web
    bank = make_bank(64).neutral()
    for name in CORPORA:
        (folder / name).mkdir()
    (folder / "learnfm" / "compact.bin").write_bytes(bank.packed().tobytes())
    write_database(folder / "paper" / "dexed_presets.sqlite", bank)
    sums = ""
    for file, part in [("1-of-two.syx", bank[:32]), ("2-of-two.syx", bank[32:])]:
        data = part.write(folder / "starter" / file).read_bytes()
        sums += f"{hashlib.sha256(data).hexdigest()}  {file}\n"
    (folder / "starter" / "SHA256SUMS").write_text(sums)
    entries = {}
    for name in FETCHED:
        file = folder / name / MAIN[name]
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        entry = f"corpora/{name}/{file.name}"
        entries[entry] = RemoteFile(
            entry, f"{address}/{name}/{file.name}", sha256, file.stat().st_size, "none"
        )
    monkeypatch.setattr(corpora, "registry", lambda: entries)
    monkeypatch.setattr(corpora, "STARTER_SUMS_SHA256", hashlib.sha256(sums.encode()).hexdigest())
    return bank


NAMES = sorted(CORPORA)
MAIN = {"learnfm": "compact.bin", "paper": "dexed_presets.sqlite", "starter": "SHA256SUMS"}
FETCHED = ["learnfm", "paper"]
"""The starter corpus is part of the project's data."""


def put(name: str, web: tuple[str, Path], tmp_path: Path) -> tuple[Path, ...]:
    """Download a corpus, or copy it to the project's data."""
    if name not in FETCHED:
        shutil.copytree(web[1] / name, tmp_path / "beside" / name, dirs_exist_ok=True)
    return corpora.fetch(name)


# -- the corpora ---------------------------------------------------------------------------------------


def test_every_corpus_is_described_and_published() -> None:
    assert NAMES == ["learnfm", "paper", "starter"]
    for name, corpus in CORPORA.items():
        assert corpus.name == name
        assert corpus.description
        assert corpus.provenance
        assert corpus.files == (MAIN[name],)
    assert all(f"corpora/{name}/{MAIN[name]}" in registry() for name in FETCHED)


def test_the_shipped_starter_corpus_is_the_published_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an intended change of the generator, update STARTER_SUMS_SHA256."""
    shipped = Path(corpora.__file__).parents[3] / "data"
    assert sha256_of(shipped / "starter" / "SHA256SUMS") == corpora.STARTER_SUMS_SHA256
    monkeypatch.setattr(corpora, "data_path", shipped.joinpath)
    files = corpora.find("starter")
    assert [f.suffix for f in files] == [".syx"] * len(files)
    assert {f.stat().st_size for f in files} == {4104}
    assert set(files) == set((shipped / "starter").glob("*.syx"))
    bank = corpora.read("starter")
    assert len(bank) == 32 * len(files) == 384
    assert bank.ids.tolist() == list(range(384))
    assert bank == PresetBank.read(shipped / "starter")


# -- where it is looked for -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_places_are_searched_in_the_documented_order(
    name: str, small: PresetBank, web: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_DATA", str(tmp_path / "data"))
    if name in FETCHED:
        corpora.fetch(name)
    for place in [
        tmp_path / "cache" / "corpora" / name,
        tmp_path / "beside" / name,
        tmp_path / "data" / name,
    ]:
        shutil.copytree(web[1] / name, place, dirs_exist_ok=True)
        assert {file.parent for file in corpora.find(name)} == {place}
        assert corpora.read(name) == small
    mine = shutil.copytree(web[1] / name, tmp_path / "mine")
    assert {file.parent for file in corpora.find(name, mine)} == {mine}
    assert corpora.read(name, mine) == small


@pytest.mark.parametrize("name", ["learnfm", "paper"])
def test_an_explicit_path_may_be_the_file(name: str, small: PresetBank, web: tuple[str, Path]) -> None:
    file = web[1] / name / MAIN[name]
    assert corpora.find(name, file) == (file,)
    assert corpora.read(name, file) == small
    assert corpora.read(name, str(file.parent)) == small


def test_an_explicit_path_replaces_the_search(small: PresetBank, tmp_path: Path) -> None:
    corpora.fetch("learnfm")
    with pytest.raises(DataMissingError, match="nowhere"):
        corpora.read("learnfm", tmp_path / "nowhere")


def test_ids_are_positions_or_the_authors_uids(
    small: PresetBank, web: tuple[str, Path], tmp_path: Path
) -> None:
    put("starter", web, tmp_path)
    for name in ("learnfm", "starter"):
        assert corpora.read(name).ids.tolist() == list(range(64))
    assert corpora.read("paper").ids.tolist() == list(range(0, 64 * 13, 13))


def test_any_file_or_folder_can_be_read_as_a_corpus(make_bank: MakeBank, tmp_path: Path) -> None:
    bank = make_bank(32)
    file = bank.write(tmp_path / "bank.syx")
    assert corpora.find(file) == (file,)
    assert corpora.read(file) == corpora.read(str(tmp_path)) == bank
    file.write_bytes(file.read_bytes()[:-2] + b"\x7f\xf7")
    with pytest.raises(PresetFileError):
        corpora.read(file)
    assert corpora.read(file, strict=False) == bank


# -- missing, corrupt, unreachable ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_error_for_a_missing_corpus_lists_the_places_and_the_remedy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_DATA", str(tmp_path / "data"))
    with pytest.raises(DataMissingError) as caught:
        corpora.find(name)
    for part in [
        str(tmp_path / "data" / name),
        str(tmp_path / "cache" / "corpora" / name),
        f"latentdx fetch {name}",
        "LATENTDX_DATA",
        f"{name}/{MAIN[name]}",
    ]:
        assert part in str(caught.value)


@pytest.mark.parametrize("act", [corpora.find, corpora.fetch, corpora.read])
def test_an_unknown_name_lists_the_known_ones(act: Callable[[str], object]) -> None:
    with pytest.raises(DataMissingError, match=r"lernfm is neither .* \(starter, learnfm, paper\)"):
        act("lernfm")


@pytest.mark.parametrize("name", NAMES)
def test_a_corrupt_local_file_is_reported_with_both_hashes_and_kept(
    name: str, small: PresetBank, web: tuple[str, Path], tmp_path: Path
) -> None:
    file = put(name, web, tmp_path)[0]
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    spoiled = file.read_bytes()
    for act in (corpora.find, corpora.fetch, corpora.read):
        with pytest.raises(DataCorruptError) as caught:
            act(name)
        message = str(caught.value)
        assert str(file) in message
        for content in (data, spoiled):
            assert hashlib.sha256(content).hexdigest() in message
        assert "Nothing was deleted" in message
        assert f"latentdx fetch {name}" in message
    assert file.read_bytes() == spoiled


def test_a_pointer_instead_of_the_database_is_corrupt(small: PresetBank, tmp_path: Path) -> None:
    """A clone without Git LFS contains such a pointer."""
    pointer = tmp_path / "dexed_presets.sqlite"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 25665536\n")
    with pytest.raises(DataCorruptError, match="70 bytes with SHA-256"):
        corpora.read("paper", pointer)


def test_a_changed_list_of_checksums_is_corrupt(
    small: PresetBank, web: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_DATA", str(tmp_path / "data"))
    sums = shutil.copytree(web[1] / "starter", tmp_path / "data/starter") / "SHA256SUMS"
    sums.write_text(sums.read_text().upper())
    with pytest.raises(DataCorruptError, match="SHA256SUMS is not the published file of corpus starter"):
        corpora.find("starter")


def test_a_missing_file_of_the_list_is_named_in_the_error(
    small: PresetBank, web: tuple[str, Path], tmp_path: Path
) -> None:
    put("starter", web, tmp_path)[1].unlink()
    with pytest.raises(DataMissingError, match=r"lacks 2-of-two\.syx"):
        corpora.read("starter")


@pytest.mark.parametrize("text", ["", "one two three\n", "abc\n"])
def test_an_invalid_list_of_checksums_is_corrupt(text: str, tmp_path: Path) -> None:
    (tmp_path / "beside" / "starter").mkdir(parents=True)
    (tmp_path / "beside" / "starter" / "SHA256SUMS").write_text(text)
    with pytest.raises(DataCorruptError, match="is not a list of checksums"):
        corpora.find("starter")


@pytest.mark.parametrize("name", FETCHED)
def test_a_failed_download_is_unreachable(
    name: str, small: PresetBank, web: tuple[str, Path], tmp_path: Path
) -> None:
    (web[1] / name).rename(tmp_path / "gone")
    with pytest.raises(DataUnreachableError, match="404"):
        corpora.read(name)


@pytest.mark.parametrize("name", FETCHED)
def test_wrong_bytes_from_the_server_are_corrupt(name: str, small: PresetBank, web: tuple[str, Path]) -> None:
    file = web[1] / name / MAIN[name]
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(DataCorruptError, match="the server's file"):
        corpora.fetch(name)
    with pytest.raises(DataMissingError):
        corpora.find(name)


def test_the_three_errors_are_distinct() -> None:
    reasons = {DataMissingError, DataCorruptError, DataUnreachableError}
    for one in reasons:
        assert issubclass(one, DataError)
        assert not any(issubclass(one, other) for other in reasons - {one})


def test_a_cached_corpus_is_not_downloaded_again(small: PresetBank, monkeypatch: pytest.MonkeyPatch) -> None:
    corpora.fetch("learnfm")

    def never(*_: object, **__: object) -> Path:
        raise AssertionError("a download of what is in the cache")

    monkeypatch.setattr(corpora, "fetch_file", never)
    assert corpora.read("learnfm") == small
    assert corpora.fetch("learnfm")


# -- hashes -----------------------------------------------------------------------------------------------


def test_the_bank_hash_depends_only_on_values_and_names(make_bank: MakeBank) -> None:
    bank = make_bank(5)
    same = PresetBank.from_values(bank.values, bank.names, [9, 8, 7, 6, 5])
    assert corpora.bank_hash(same) == corpora.bank_hash(bank) == corpora.bank_hash(bank[:])
    others = [
        bank[::-1],
        bank[:4],
        bank + bank,
        PresetBank.from_values(bank.values, ["other", *bank.names[1:]]),
        bank.neutral(),
        PresetBank.from_values(np.roll(bank.values, 1, 0), bank.names),
        PresetBank.concatenate([]),
    ]
    hashes = [corpora.bank_hash(b) for b in (bank, *others)]
    assert len(set(hashes)) == len(hashes)


def test_the_bank_hash_never_changes() -> None:
    """Stores and tables record this hash."""
    assert (
        corpora.bank_hash(PresetBank.init())
        == "c6bf333e34a78632a2f1602b4d948958f2f54fc950759d93fc27275dd2f70f57"
    )


@pytest.mark.corpus
def test_learnfm_is_the_published_corpus(learnfm: tuple[PresetBank, Path]) -> None:
    bank, file = learnfm
    assert len(bank) == 31_380
    assert bank.ids.tolist() == list(range(31_380))
    assert sha256_of(file) == registry()["corpora/learnfm/compact.bin"].sha256
    assert corpora.bank_hash(bank) == "4b73ebe91b7cf7485e520bff94c6c1c8758729d70c29481d67550c9ea09033b4"
    without_names = {
        row[: -sysex.NAME_LENGTH].tobytes()
        for row in np.frombuffer(file.read_bytes(), np.uint8).reshape(-1, 128)
    }
    assert len(without_names) == 31_380  # unique, as published
