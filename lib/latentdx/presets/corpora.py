"""Named corpora of presets: find or fetch their files, verify them, read them.

A corpus is looked up in this order: an explicit path; `$LATENTDX_DATA/<name>/`; `data/<name>/` beside the
package (the starter corpus ships there); the user's cache (`$LATENTDX_CACHE`, else the platform's place),
folder `corpora/<name>/`; a download into that cache.
"""

import hashlib
import importlib.metadata
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from latentdx.download import cache_folder, download, sha256_of
from latentdx.errors import CorpusCorruptError, CorpusMissingError
from latentdx.presets import sysex
from latentdx.presets.bank import Format, PresetBank
from latentdx.shipped import shipped

REPOSITORY = "https://github.com/latentdx/latentdx"
_SHIPPED = shipped()  # beside the package in an editable install; elsewhere there is no such folder

_RELEASE = f"{REPOSITORY}/raw/v{importlib.metadata.version('latentdx')}/data"
_LEARNFM = "https://raw.githubusercontent.com/bwhitman/learnfm/d7bc524c414ec06b8bdf5b7bfedcba2c38a4e0b3"
# Git LFS: the "media" address serves the object itself, not the pointer that lies at this commit
_PAPER = (
    "https://media.githubusercontent.com/media/gwendal-lv/preset-gen-vae/"
    "f36a0615c4921e0c9d63da17a85e6813bac70ea0/synth"
)
_SUMS = "SHA256SUMS"
_CARTRIDGE_BYTES = 4104  # every file that a list of checksums names is one 32-voice bulk dump


@dataclass(frozen=True)
class RemoteFile:
    """A file of a corpus: its name in the corpus's folder, where it is published, and what it must be."""

    name: str
    url: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Corpus:
    """A named collection of presets.

    Attributes:
        name: what a user types.
        description: one sentence.
        provenance: who made or gathered it, and under which license.
        files: what it consists of, in reading order; where that is one SHA256SUMS, the files that it lists.
        format: how its files are read.
    """

    name: str
    description: str
    provenance: str
    files: tuple[RemoteFile, ...]
    format: Format


CORPORA: Mapping[str, Corpus] = MappingProxyType(
    {
        corpus.name: corpus
        for corpus in (
            Corpus(
                "starter",
                "384 synthetic presets in families of FM sounds: small, and enough to run everything",
                "made by this project with a seeded generator (latentdx.presets.starter); GPL-3.0-or-later, "
                "and as presets also CC0-1.0",
                (
                    RemoteFile(
                        _SUMS,
                        f"{_RELEASE}/starter/{_SUMS}",
                        "39cc2c8c7d2a2243226c5a194974ee63db3967974eb08d996de2181004fd926a",
                        1004,
                    ),
                ),
                "sysex",
            ),
            Corpus(
                "learnfm",
                "31,380 unique DX7 voices",
                "gathered from public DX7 cartridges by Brian Whitman (GitHub bwhitman/learnfm); no license "
                "is stated for the voices, so this project does not pass them on",
                (
                    # names.txt beside it holds nothing more: the same names, as the voices carry them
                    RemoteFile(
                        "compact.bin",
                        f"{_LEARNFM}/compact.bin",
                        "669a269d2de62de060a263649de2ffd78ca3c78fb35a62a4f71fd63f3df40687",
                        4_016_640,
                    ),
                ),
                "packed",
            ),
            Corpus(
                "paper",
                "the 30,293 presets of the paper",
                "gathered from various sources by the paper's authors (GitHub gwendal-lv/preset-gen-vae, "
                "AGPL-3.0); no license is stated for the voices, so this project does not pass them on",
                (
                    RemoteFile(
                        "dexed_presets.sqlite",
                        f"{_PAPER}/dexed_presets.sqlite",
                        "9be1634991dc2eef85e4b5790563db99a3d3cf3479960d3aa8bc9909b1ced6ca",
                        25_665_536,
                    ),
                ),
                "sqlite",
            ),
        )
    }
)


def find(name: str | Path, path: str | Path | None = None) -> tuple[Path, ...]:
    """The verified files of a corpus on this machine, in reading order; nothing is downloaded.

    Args:
        name: a key of `CORPORA`, or a path of any file or folder of presets (a name wins over a folder in the
            working directory: write "./learnfm" for that). A path has no known hash and comes back as it is.
        path: for a named corpus, the file or the folder to take it from, instead of searching.

    Raises:
        CorpusMissingError: it is in none of the places; they are listed.
        CorpusCorruptError: a file is there, but is not the published one. It is left alone.
    """
    if str(name) not in CORPORA:
        if not Path(name).exists():
            raise CorpusMissingError(
                f"{name} is neither a file or folder nor a known corpus ({', '.join(CORPORA)})"
            )
        return (Path(name),)
    corpus = CORPORA[str(name)]
    places = _places(corpus) if path is None else [Path(path)]
    for place in places:
        if place.is_file():
            return (_verified(place, corpus.files[0], corpus),)
        if all((place / file.name).is_file() for file in _members(corpus, place)):
            return tuple(_verified(place / file.name, file, corpus) for file in _members(corpus, place))
    wanted = ", ".join(file.name for file in corpus.files)
    raise CorpusMissingError(
        f"corpus {corpus.name} ({wanted}) is not in {' nor in '.join(str(p) for p in places)}. "
        f"Run `latentdx fetch {corpus.name}`, or set LATENTDX_DATA to a folder that holds "
        f"{corpus.name}/{corpus.files[0].name}"
    )


def fetch(name: str) -> tuple[Path, ...]:
    """The verified files of a named corpus, downloaded into the cache if they are nowhere on this machine.

    A broken download is resumed by the next call; a file gets its name only when its SHA-256 is right.

    Raises:
        CorpusMissingError: no corpus has this name.
        CorpusUnreachableError: the download failed.
        CorpusCorruptError: a local file, or what the server sent, is not the published one.
        CorpusError: the cache cannot be written.
    """
    try:
        return find(name)
    except CorpusMissingError:
        if name not in CORPORA:
            raise
    corpus, folder = CORPORA[name], _cached(CORPORA[name])
    _download(corpus.files, folder)
    _download(_members(corpus, folder), folder)  # what a list of checksums names, once the list is here
    return find(name)


def read(name: str | Path, path: str | Path | None = None, *, strict: bool = True) -> PresetBank:
    """Read a corpus, downloading a named one where it is nowhere on this machine.

    `ids` are the presets' positions in the corpus, or the authors' UIDs (paper).

    Args:
        name: a key of `CORPORA`, or a path of any file or folder of presets.
        path: for a named corpus, the file or folder to take it from.
        strict: for a path, as in `PresetBank.read`.

    Raises:
        CorpusError: as `find` and `fetch` do.
        PresetFileError: a file or folder named by its path cannot be read.
    """
    if str(name) not in CORPORA:
        return PresetBank.read(*find(name), strict=strict)
    files = fetch(str(name)) if path is None else find(name, path)
    banks = [PresetBank.read(file, format=CORPORA[str(name)].format) for file in files]
    if len(banks) == 1:
        return banks[0]
    bank = PresetBank.concatenate(banks)
    return replace(bank, ids=np.arange(len(bank)))


def bank_hash(bank: PresetBank) -> str:
    """SHA-256 of what a bank's presets are, their values and names in order, wherever they were read from."""
    digest = hashlib.sha256(f"latentdx bank 1, {len(bank)} presets\n".encode())
    digest.update(np.ascontiguousarray(bank.values).tobytes())
    for name in bank.names:
        digest.update(sysex.encode_name(name))
    return digest.hexdigest()


def _cached(corpus: Corpus) -> Path:
    return cache_folder() / "corpora" / corpus.name


def _download(files: tuple[RemoteFile, ...], folder: Path) -> None:
    for file in files:
        if not (folder / file.name).is_file():
            download(file.url, folder / file.name, sha256=file.sha256, size=file.size)


def _places(corpus: Corpus) -> list[Path]:
    data = os.environ.get("LATENTDX_DATA")
    named = [Path(data).expanduser() / corpus.name] if data else []
    return [*named, _SHIPPED / corpus.name, _cached(corpus)]


def _members(corpus: Corpus, folder: Path) -> tuple[RemoteFile, ...]:
    """What the corpus's folder must hold: its files, or those that its list of checksums names."""
    listing = corpus.files[0]
    if listing.name != _SUMS or not (folder / _SUMS).is_file():
        return corpus.files
    if folder.parent != _SHIPPED:  # beside the package the list is what the package's own generator wrote
        _verified(folder / _SUMS, listing, corpus)
    lines = [line.split() for line in (folder / _SUMS).read_text("ascii", "replace").splitlines()]
    if not lines or any(len(line) != 2 for line in lines):
        raise CorpusCorruptError(f"{folder / _SUMS} is no list of checksums, a hash and a name a line")
    return tuple(
        RemoteFile(name, listing.url.replace(_SUMS, name), sha, _CARTRIDGE_BYTES) for sha, name in lines
    )


def _verified(file: Path, published: RemoteFile, corpus: Corpus) -> Path:
    found = sha256_of(file)
    if found != published.sha256:
        raise CorpusCorruptError(
            f"{file} is not the published {published.name} of corpus {corpus.name}: {file.stat().st_size:,} "
            f"bytes with SHA-256 {found}, expected {published.size:,} bytes with SHA-256 {published.sha256}. "
            f"Nothing was deleted: move the file away, then run `latentdx fetch {corpus.name}`"
        )
    return file
