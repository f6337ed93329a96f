"""Named corpora of presets: their files are found or downloaded, verified, and read.

A corpus is looked up in this order:

1. an explicit path;
2. `$LATENTDX_DATA/<name>/`;
3. the project's data, which includes the starter corpus;
4. `corpora/<name>/` in the user's cache (`$LATENTDX_CACHE`, or the platform's default folder);
5. a download into that cache.

Presets of one's own that a model learned from are in that cache too, see `latentdx.dataset.own_corpus`.
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
from latentdx.presets.bank import PresetBank
from latentdx.presets.reading import Format
from latentdx.registry import data_path, fetch_file, registry
from latentdx.run_options import cache_folder

SUMS = "SHA256SUMS"
"""Name of the file that lists a corpus's files and their checksums."""

OWN_PRESETS = "presets.bin"
"""Name of the file, in a folder of the cache, that holds a corpus of one's own as packed voices."""

STARTER_SUMS_SHA256 = "39cc2c8c7d2a2243226c5a194974ee63db3967974eb08d996de2181004fd926a"
"""SHA-256 of the list that ships with the starter corpus."""


@dataclass(frozen=True)
class Corpus:
    """A named collection of presets.

    Attributes:
        name: Name that a user types.
        description: Description in one sentence.
        provenance: Authors and license.
        files: Names of the files in reading order; `SUMS` alone stands for the files that it lists.
        format: Format of the files.
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
                ("compact.bin",),  # names.txt is not needed, because the voices contain the same names
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
        name: Key of `CORPORA`, name of a corpus of one's own in the cache, or path of any file or folder of
            presets. A name takes precedence over a folder in the working directory; write "./learnfm" for
            such a folder. A path has no known hash and is returned unverified.
        path: File or folder of a named corpus, which replaces the search.

    Raises:
        DataMissingError: The corpus is in none of the places; the message lists them.
        DataCorruptError: A file exists but is not the published one; it is left unchanged.
    """
    if str(name) not in CORPORA:
        if in_cache(str(name)):
            return (cache_place(str(name)) / OWN_PRESETS,)
        if Path(name).exists():
            return (Path(name),)
        raise DataMissingError(
            f"{name} is neither a file or folder nor a known corpus ({', '.join(CORPORA)}), "
            f"nor one of your own that a model learned from, in {cache_folder() / 'corpora'}"
        )
    corpus = CORPORA[str(name)]
    places = _places(corpus) if path is None else [Path(path)]
    for place in places:
        if place.is_file():
            return (_verified(place, corpus.files[0], corpus),)
        if all((place / file).is_file() for file in corpus.files):
            if corpus.files == (SUMS,):
                return _listed(place, corpus)
            return tuple(_verified(place / file, file, corpus) for file in corpus.files)
    searched = " or ".join(map(str, places))
    raise DataMissingError(
        f"corpus {corpus.name} ({', '.join(corpus.files)}) is not in {searched}. "
        f"Run `latentdx fetch {corpus.name}`, or set LATENTDX_DATA to a folder that contains "
        f"{corpus.name}/{corpus.files[0]}"
    )


def fetch(name: str) -> tuple[Path, ...]:
    """Find the verified files of a named corpus, and download them if they are not on this machine.

    Args:
        name: Key of `CORPORA`.

    Returns:
        Paths of the files in reading order.

    Raises:
        DataMissingError: No corpus has this name, or it is part of the project's data but missing there.
        DataUnreachableError: The download failed.
        DataCorruptError: A local or downloaded file is not the published one.
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
    """Read a corpus, and download a named corpus if it is not on this machine.

    Args:
        name: Key of `CORPORA`, or path of any file or folder of presets.
        path: File or folder of a named corpus, which replaces the search.
        strict: Refusal of damaged files if `name` is a path; see `PresetBank.read`.

    Returns:
        Presets; `ids` are their positions in the corpus, or the authors' UIDs for "paper".

    Raises:
        DataError: The corpus is missing, corrupt or unreachable; see `find` and `fetch`.
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
    """Compute the SHA-256 hash of a bank's values and names in order; ids, flags and notes do not count."""
    digest = hashlib.sha256(f"latentdx bank 1, {len(bank)} presets\n".encode())
    digest.update(np.ascontiguousarray(bank.values).tobytes())
    for name in bank.names:
        digest.update(sysex.encode_name(name))
    return digest.hexdigest()


def cache_place(name: str) -> Path:
    """Return the folder of a corpus in the user's cache."""
    return cache_folder() / "corpora" / name


def in_cache(name: str) -> bool:
    """Return whether the cache holds the presets of one's own corpus of this name, which is no path."""
    return Path(name).name == name and (cache_place(name) / OWN_PRESETS).is_file()


def _places(corpus: Corpus) -> list[Path]:
    """Return the folders in which a corpus is searched for, in order."""
    data = os.environ.get("LATENTDX_DATA")
    named = [Path(data).expanduser() / corpus.name] if data else []
    return [*named, data_path(corpus.name), cache_place(corpus.name)]


def _listed(folder: Path, corpus: Corpus) -> tuple[Path, ...]:
    """Return the verified files that a folder's list of checksums names."""
    listing = folder / SUMS
    if folder != data_path(corpus.name):  # the list in the project's data is written by its own generator
        _verify(listing, STARTER_SUMS_SHA256, corpus)
    lines = [line.split() for line in listing.read_text("ascii", "replace").splitlines()]
    if not lines or any(len(line) != 2 for line in lines):
        raise DataCorruptError(f"{listing} is not a list of checksums with a hash and a name on each line")
    if missing := [name for _, name in lines if not (folder / name).is_file()]:
        raise DataMissingError(f"{folder} lacks {', '.join(missing)}, which its {SUMS} lists")
    return tuple(_verify(folder / name, sha256, corpus) for sha256, name in lines)


def _verified(file: Path, name: str, corpus: Corpus) -> Path:
    """Return a file if its hash is the published one."""
    return _verify(file, registry()[f"corpora/{corpus.name}/{name}"].sha256, corpus)


def _verify(file: Path, sha256: str, corpus: Corpus) -> Path:
    """Return a file if it has the given hash; otherwise raise `DataCorruptError`."""
    found = sha256_of(file)
    if found != sha256:
        raise DataCorruptError(
            f"{file} is not the published file of corpus {corpus.name}: {file.stat().st_size:,} bytes "
            f"with SHA-256 {found}, expected SHA-256 {sha256}. Nothing was deleted: move the file away, "
            f"then run `latentdx fetch {corpus.name}`"
        )
    return file
