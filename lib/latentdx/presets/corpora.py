"""Named corpora of presets: find or fetch their files, verify them, read them.

A corpus is looked up in this order: an explicit path; `$LATENTDX_DATA/<name>/`; the project's data (the
starter corpus is part of it); the user's cache (`$LATENTDX_CACHE`, else the platform's place), folder
`corpora/<name>/`; a download into that cache.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from latentdx.errors import DataCorruptError, DataMissingError
from latentdx.files import sha256_of
from latentdx.presets import sysex
from latentdx.presets.bank import Format, PresetBank
from latentdx.registry import data_path, fetch_file, registry
from latentdx.run_options import cache_folder

SUMS = "SHA256SUMS"
"""List of a corpus's files and their checksums."""

STARTER_SUMS_SHA256 = "39cc2c8c7d2a2243226c5a194974ee63db3967974eb08d996de2181004fd926a"
"""SHA-256 of the list that ships with the starter corpus."""


@dataclass(frozen=True)
class Corpus:
    """A named collection of presets.

    Attributes:
        name: What a user types.
        description: One sentence.
        provenance: Who made or gathered it, and under which license.
        files: Names of its files in reading order; where that is one `SUMS`, the files that it lists.
        format: How its files are read.
    """

    name: str
    description: str
    provenance: str
    files: tuple[str, ...]
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
                (SUMS,),
                "sysex",
            ),
            Corpus(
                "learnfm",
                "31,380 unique DX7 voices",
                "gathered from public DX7 cartridges by Brian Whitman (GitHub bwhitman/learnfm); no license "
                "is stated for the voices, so this project does not pass them on",
                ("compact.bin",),  # names.txt beside it holds nothing more: the voices carry the same names
                "packed",
            ),
            Corpus(
                "paper",
                "the 30,293 presets of the paper",
                "gathered from various sources by the paper's authors (GitHub gwendal-lv/preset-gen-vae, "
                "AGPL-3.0); no license is stated for the voices, so this project does not pass them on",
                ("dexed_presets.sqlite",),
                "sqlite",
            ),
        )
    }
)


def find(name: str | Path, path: str | Path | None = None) -> tuple[Path, ...]:
    """Find the verified files of a corpus on this machine, in reading order; nothing is downloaded.

    Args:
        name: A key of `CORPORA`, or a path of any file or folder of presets (a name wins over a folder in the
            working directory: write "./learnfm" for that). A path has no known hash and is returned as it is.
        path: For a named corpus, the file or the folder to take it from, instead of searching.

    Raises:
        DataMissingError: It is in none of the places; they are listed.
        DataCorruptError: A file is there, but is not the published one. It is left alone.
    """
    if str(name) not in CORPORA:
        if not Path(name).exists():
            raise DataMissingError(
                f"{name} is neither a file or folder nor a known corpus ({', '.join(CORPORA)})"
            )
        return (Path(name),)
    corpus = CORPORA[str(name)]
    places = _places(corpus) if path is None else [Path(path)]
    for place in places:
        if place.is_file():
            return (_verified(place, corpus.files[0], corpus),)
        if all((place / file).is_file() for file in corpus.files):
            if corpus.files == (SUMS,):
                return _listed(place, corpus)
            return tuple(_verified(place / file, file, corpus) for file in corpus.files)
    searched = " nor in ".join(map(str, places))
    raise DataMissingError(
        f"corpus {corpus.name} ({', '.join(corpus.files)}) is not in {searched}. "
        f"Run `latentdx fetch {corpus.name}`, or set LATENTDX_DATA to a folder that holds "
        f"{corpus.name}/{corpus.files[0]}"
    )


def fetch(name: str) -> tuple[Path, ...]:
    """Find the verified files of a named corpus; download them if they are nowhere on this machine.

    Raises:
        DataMissingError: No corpus has this name, or it is part of the project's data and missing there.
        DataUnreachableError: The download failed.
        DataCorruptError: A local file, or what the server sent, is not the published one.
        DataError: The cache cannot be written.
    """
    try:
        return find(name)
    except DataMissingError:
        if name not in CORPORA or CORPORA[name].files == (SUMS,):
            raise
    for file in CORPORA[name].files:
        fetch_file(registry()[f"corpora/{name}/{file}"])
    return find(name)


def read(name: str | Path, path: str | Path | None = None, *, strict: bool = True) -> PresetBank:
    """Read a corpus, downloading a named one where it is nowhere on this machine.

    `ids` are the presets' positions in the corpus, or the authors' UIDs (paper).

    Args:
        name: A key of `CORPORA`, or a path of any file or folder of presets.
        path: For a named corpus, the file or folder to take it from.
        strict: For a path, as in `PresetBank.read`.

    Raises:
        DataError: As in `find` and `fetch`.
        PresetFileError: A file or folder named by its path cannot be read.
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


def _places(corpus: Corpus) -> list[Path]:
    data = os.environ.get("LATENTDX_DATA")
    named = [Path(data).expanduser() / corpus.name] if data else []
    return [*named, data_path(corpus.name), cache_folder() / "corpora" / corpus.name]


def _listed(folder: Path, corpus: Corpus) -> tuple[Path, ...]:
    """Return the verified files that a folder's list of checksums names."""
    listing = folder / SUMS
    if folder != data_path(corpus.name):  # there the list is what the project's own generator wrote
        _verify(listing, STARTER_SUMS_SHA256, corpus)
    lines = [line.split() for line in listing.read_text("ascii", "replace").splitlines()]
    if not lines or any(len(line) != 2 for line in lines):
        raise DataCorruptError(f"{listing} is not a list of checksums, with a hash and a name per line")
    if missing := [name for _, name in lines if not (folder / name).is_file()]:
        raise DataMissingError(f"{folder} lacks {', '.join(missing)}, which its {SUMS} lists")
    return tuple(_verify(folder / name, sha256, corpus) for sha256, name in lines)


def _verified(file: Path, name: str, corpus: Corpus) -> Path:
    return _verify(file, registry()[f"corpora/{corpus.name}/{name}"].sha256, corpus)


def _verify(file: Path, sha256: str, corpus: Corpus) -> Path:
    found = sha256_of(file)
    if found != sha256:
        raise DataCorruptError(
            f"{file} is not the published file of corpus {corpus.name}: {file.stat().st_size:,} bytes "
            f"with SHA-256 {found}, expected SHA-256 {sha256}. Nothing was deleted: move the file away, "
            f"then run `latentdx fetch {corpus.name}`"
        )
    return file
