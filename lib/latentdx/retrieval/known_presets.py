"""Known presets: the corpora on this machine that have an index, and their presets closest to a sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentdx.errors import DataError, SoundIndexError
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import N_VALUES
from latentdx.registry import data_path
from latentdx.retrieval.sound_index import SoundIndex
from latentdx.typing import Codes, Values

INDEXED = ("learnfm", "starter")
"""Corpora whose index ships with the project."""


@dataclass(frozen=True, eq=False)
class KnownPresets:
    """A corpus on this machine together with its index.

    Attributes:
        corpus: Name of the corpus.
        index: Index of its presets by sound.
        bank: All of its presets, with TRANSPOSE at 24.
    """

    corpus: str
    index: SoundIndex
    bank: PresetBank


def known_presets(
    names: Sequence[str] = INDEXED, folder: Path | None = None
) -> tuple[list[KnownPresets], list[str]]:
    """Find the indexes whose corpus is on this machine; nothing is downloaded.

    Args:
        names: Corpora to look for.
        folder: Folder of the indexes; default `data/index`.

    Returns:
        Usable corpora, and for each of the others a sentence that explains why it cannot be used.
    """
    known: list[KnownPresets] = []
    remarks: list[str] = []
    for name in names:
        try:
            file = f"{name}.safetensors"
            corpora.find(name)  # `read` alone would download a missing corpus
            index = SoundIndex.read(folder / file if folder else data_path("index", file))
            bank = corpora.read(name).neutral()
        except (DataError, SoundIndexError) as error:
            remarks.append(f"without presets of {name}: {error}")
            continue
        if corpora.bank_hash(bank) == index.about.corpus_sha256:
            known.append(KnownPresets(name, index, bank))
        else:
            remarks.append(
                f"without presets of {name}: its index was made from other presets than those on this machine"
            )
    return known, remarks


def nearest_presets(codes: Codes, known: Sequence[KnownPresets], n: int) -> Values:
    """Find the presets of some corpora whose sound is closest to a given one, each at its best level.

    Args:
        codes: Mel spectrogram of a sound at note 60, uint8 (257, 347); see `audio.spectrogram.to_codes`.
        known: Corpora to search, see `known_presets`.
        n: Number of presets, at most.

    Returns:
        Presets, uint8 (n, 145), closest first, with TRANSPOSE at 24.
    """
    found = []
    for corpus in known:
        rows, distances = corpus.index.nearest(codes, n, at_any_level=True)
        found += list(zip(distances, corpus.bank.values[rows], strict=True))
    found.sort(key=lambda pair: pair[0])
    return np.array([values for _, values in found[:n]], np.uint8).reshape(-1, N_VALUES)
