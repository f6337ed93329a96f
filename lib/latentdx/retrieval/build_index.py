"""Build the indexes that ship: `python -m latentdx.retrieval.build_index [CORPUS …] --out FOLDER`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset import curation
from latentdx.dataset.rendering import render_store
from latentdx.dataset.store import store_folder
from latentdx.files import try_writing
from latentdx.presets import corpora
from latentdx.registry import data_path
from latentdx.retrieval.known_presets import INDEXED
from latentdx.retrieval.sound_index import SoundIndex

INDEX_BYTES = 10_000_000
"""Room for all indexes, for which the disk is checked before the work."""


def build_index(corpus: str, folder: Path) -> Path:
    """Index a corpus at note 60, velocity 85, and write the index.

    The index of "starter" holds all presets that its curation keeps; that of another corpus holds only the
    twin-disjoint training set. The corpus is first rendered into its store, unless that exists.

    Args:
        corpus: Name of the corpus.
        folder: Folder to write to; created if needed.

    Returns:
        Path of the index, `<corpus>.safetensors`.
    """
    bank = corpora.read(corpus).neutral()
    store = render_store(bank, SINGLE_NOTE, store_folder(corpus, SINGLE_NOTE), corpus=corpus)
    if corpus == "starter":  # no model is tested on these presets
        rows, split, subset = curation.rows(corpus), "", "all"
    else:
        split, subset = "twin-disjoint", "train"
        rows = curation.rows(corpus, split="twin-disjoint", subset="train")
    folder.mkdir(parents=True, exist_ok=True)
    return SoundIndex.build(store, rows, split=split, subset=subset).write(folder / f"{corpus}.safetensors")


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the indexes of the corpora named on the command line."""
    parser = argparse.ArgumentParser(description="Index corpora by sound.")
    parser.add_argument("corpora", nargs="*", default=INDEXED, metavar="CORPUS")
    parser.add_argument("--out", type=Path, default=data_path("index"))
    parser.add_argument("--force", action="store_true", help="replace indexes that exist")
    options = parser.parse_args(arguments)
    paths = [options.out / f"{corpus}.safetensors" for corpus in options.corpora]
    for path in paths:
        if path.exists() and not options.force:
            parser.error(f"{path} exists already: --force replaces it")
    try:
        try_writing(paths, INDEX_BYTES)
    except OSError as error:
        parser.error(f"no index can be written into {options.out}: {error.strerror}")
    for corpus in options.corpora:
        print(build_index(corpus, options.out))


if __name__ == "__main__":
    main()
