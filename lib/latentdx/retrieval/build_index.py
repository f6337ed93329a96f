"""Build the indexes that ship: `python -m latentdx.retrieval.build_index [CORPUS …] [--out data/index]`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.dataset import curation
from latentdx.dataset.rendering import render_store
from latentdx.dataset.store import store_folder
from latentdx.presets import corpora
from latentdx.registry import data_path
from latentdx.retrieval.known_presets import INDEXED
from latentdx.retrieval.sound_index import SoundIndex


def build_index(corpus: str, folder: Path) -> Path:
    """Index a corpus at (60, 85): the twin-disjoint training set of learnfm, all kept presets of others.

    Renders the corpus into its store, unless it is there.
    """
    bank = corpora.read(corpus).neutral()
    store = render_store(bank, SINGLE_NOTE, store_folder(corpus, SINGLE_NOTE), corpus=corpus)
    if corpus == "starter":  # our own sounds, on which nobody is tested
        rows, split, subset = curation.rows(corpus), "", "all"
    else:
        split, subset = "twin-disjoint", "train"
        rows = curation.rows(corpus, split="twin-disjoint", subset="train")
    folder.mkdir(parents=True, exist_ok=True)
    return SoundIndex.build(store, rows, split=split, subset=subset).write(folder / f"{corpus}.safetensors")


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the indexes of some corpora."""
    parser = argparse.ArgumentParser(description="Index corpora by sound.")
    parser.add_argument("corpora", nargs="*", default=INDEXED, metavar="CORPUS")
    parser.add_argument("--out", type=Path, default=data_path("index"))
    options = parser.parse_args(arguments)
    for corpus in options.corpora:
        print(build_index(corpus, options.out))


if __name__ == "__main__":
    main()
