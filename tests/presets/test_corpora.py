"""Corpora: where they are looked for, what is verified, and how missing, corrupt and unreachable differ."""

import functools
import hashlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from databases import write_database

from latentdx import download
from latentdx.errors import (
    CorpusCorruptError,
    CorpusError,
    CorpusMissingError,
    CorpusUnreachableError,
    PresetFileError,
)
from latentdx.presets import PresetBank, corpora, sysex
from latentdx.presets.corpora import CORPORA, RemoteFile

MakeBank = Callable[..., PresetBank]


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that holds no corpus: no LATENTDX_DATA, an empty cache, nothing beside the package."""
    monkeypatch.delenv("LATENTDX_DATA", raising=False)
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpora, "_SHIPPED", tmp_path / "beside")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A local web server: its address and its folder."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder
    server.shutdown()
    server.server_close()


def published(file: Path, url: str) -> RemoteFile:
    return RemoteFile(file.name, url, hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size)


@pytest.fixture
def small(
    web: tuple[str, Path], make_bank: MakeBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PresetBank:
    """Puts small corpora in the places of the real ones, on the local server; returns what they all hold."""
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
    moved = {
        name: replace(
            corpus,
            files=tuple(
                published(folder / name / f.name, f"{address}/{name}/{f.name}") for f in corpus.files
            ),
        )
        for name, corpus in CORPORA.items()
    }
    monkeypatch.setattr(corpora, "CORPORA", MappingProxyType(moved))
    return bank


NAMES = sorted(CORPORA)
MAIN = {"learnfm": "compact.bin", "paper": "dexed_presets.sqlite", "starter": "SHA256SUMS"}


# -- the registry ---------------------------------------------------------------------------------------


def test_the_registry_is_complete() -> None:
    assert NAMES == ["learnfm", "paper", "starter"]
    for name, corpus in CORPORA.items():
        assert corpus.name == name
        assert corpus.description
        assert corpus.provenance
        for file in corpus.files:
            assert file.url.startswith("https://")
            assert file.url.endswith(f"/{file.name}")
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert file.size > 0
    assert CORPORA["learnfm"].files[0].size == 31_380 * 128


def test_the_shipped_starter_corpus_is_the_published_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the generator was changed on purpose, put the new hash of data/starter/SHA256SUMS in CORPORA."""
    shipped = Path(corpora.__file__).parents[3] / "data"
    sums = CORPORA["starter"].files[0]
    assert published(shipped / "starter" / "SHA256SUMS", sums.url) == sums
    monkeypatch.setattr(corpora, "_SHIPPED", shipped)
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
def test_each_place_comes_before_the_next(
    name: str, small: PresetBank, web: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_DATA", str(tmp_path / "data"))
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


def test_an_explicit_path_that_lacks_it_is_not_searched_further(small: PresetBank, tmp_path: Path) -> None:
    corpora.fetch("learnfm")
    with pytest.raises(CorpusMissingError, match="nowhere"):
        corpora.read("learnfm", tmp_path / "nowhere")


def test_ids_are_positions_or_the_authors_uids(small: PresetBank) -> None:
    for name in ("learnfm", "starter"):
        assert corpora.read(name).ids.tolist() == list(range(64))
    assert corpora.read("paper").ids.tolist() == list(range(0, 64 * 13, 13))


def test_any_file_or_folder_is_a_corpus_too(make_bank: MakeBank, tmp_path: Path) -> None:
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
def test_missing_lists_the_places_and_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTDX_DATA", str(tmp_path / "data"))
    with pytest.raises(CorpusMissingError) as caught:
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
    with pytest.raises(CorpusMissingError, match=r"lernfm is neither .* \(starter, learnfm, paper\)"):
        act("lernfm")


@pytest.mark.parametrize("name", NAMES)
def test_a_corrupt_local_file_is_named_with_both_hashes_and_kept(
    name: str, small: PresetBank, tmp_path: Path
) -> None:
    file = corpora.fetch(name)[0]
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    spoiled = file.read_bytes()
    for act in (corpora.find, corpora.fetch, corpora.read):
        with pytest.raises(CorpusCorruptError) as caught:
            act(name)
        message = str(caught.value)
        assert str(file) in message
        for content in (data, spoiled):
            assert hashlib.sha256(content).hexdigest() in message
        assert "Nothing was deleted" in message
        assert f"latentdx fetch {name}" in message
    assert file.read_bytes() == spoiled


def test_a_pointer_instead_of_the_database_is_corrupt(small: PresetBank, tmp_path: Path) -> None:
    """What a clone without Git LFS leaves."""
    pointer = tmp_path / "dexed_presets.sqlite"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 25665536\n")
    with pytest.raises(CorpusCorruptError, match="70 bytes with SHA-256"):
        corpora.read("paper", pointer)


def test_a_changed_list_of_checksums_is_corrupt(small: PresetBank) -> None:
    sums = corpora.fetch("starter")[0].with_name("SHA256SUMS")
    sums.write_text(sums.read_text().upper())
    with pytest.raises(CorpusCorruptError, match="SHA256SUMS is not the published SHA256SUMS"):
        corpora.find("starter")


@pytest.mark.parametrize("text", ["", "one two three\n", "abc\n"])
def test_a_list_of_checksums_beside_the_package_must_be_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "beside" / "starter").mkdir(parents=True)
    (tmp_path / "beside" / "starter" / "SHA256SUMS").write_text(text)
    with pytest.raises(CorpusCorruptError, match="is no list of checksums"):
        corpora.find("starter")


@pytest.mark.parametrize("name", NAMES)
def test_unreachable(name: str, small: PresetBank, web: tuple[str, Path], tmp_path: Path) -> None:
    (web[1] / name).rename(tmp_path / "gone")
    with pytest.raises(CorpusUnreachableError, match="the server answered 404"):
        corpora.read(name)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_bytes_from_the_server(name: str, small: PresetBank, web: tuple[str, Path]) -> None:
    file = web[1] / name / MAIN[name]
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(CorpusCorruptError, match="the server sent"):
        corpora.fetch(name)
    with pytest.raises(CorpusMissingError):
        corpora.find(name)


def test_a_fetch_that_broke_off_between_files_goes_on(
    small: PresetBank, web: tuple[str, Path], tmp_path: Path
) -> None:
    second = web[1] / "starter" / "2-of-two.syx"
    second.rename(tmp_path / "away")
    with pytest.raises(CorpusUnreachableError):
        corpora.fetch("starter")
    (tmp_path / "away").rename(second)
    (web[1] / "starter" / "1-of-two.syx").unlink()  # it is here already
    assert corpora.read("starter") == small


def test_the_three_are_told_apart() -> None:
    reasons = {CorpusMissingError, CorpusCorruptError, CorpusUnreachableError}
    for one in reasons:
        assert issubclass(one, CorpusError)
        assert not any(issubclass(one, other) for other in reasons - {one})


def test_what_is_here_is_not_fetched(small: PresetBank, monkeypatch: pytest.MonkeyPatch) -> None:
    corpora.fetch("learnfm")

    def never(*_: object, **__: object) -> Path:
        raise AssertionError("a download of what is in the cache")

    monkeypatch.setattr(corpora, "download", never)
    assert corpora.read("learnfm") == small
    assert corpora.fetch("learnfm")


# -- hashes -----------------------------------------------------------------------------------------------


def test_bank_hash_is_of_values_and_names_only(make_bank: MakeBank) -> None:
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


def test_bank_hash_never_changes() -> None:
    """Stores and tables record it."""
    assert (
        corpora.bank_hash(PresetBank.init())
        == "c6bf333e34a78632a2f1602b4d948958f2f54fc950759d93fc27275dd2f70f57"
    )


@pytest.mark.corpus
def test_learnfm_is_the_published_one(learnfm: tuple[PresetBank, Path]) -> None:
    bank, file = learnfm
    assert len(bank) == 31_380
    assert bank.ids.tolist() == list(range(31_380))
    assert download.sha256_of(file) == CORPORA["learnfm"].files[0].sha256
    assert corpora.bank_hash(bank) == "4b73ebe91b7cf7485e520bff94c6c1c8758729d70c29481d67550c9ea09033b4"
    without_names = {
        row[: -sysex.NAME_LENGTH].tobytes()
        for row in np.frombuffer(file.read_bytes(), np.uint8).reshape(-1, 128)
    }
    assert len(without_names) == 31_380  # unique, as published
