"""Known presets: the corpora on this machine that have an index, and their nearest presets to a sound."""

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
"""Corpora whose index ships."""


@dataclass(frozen=True, eq=False)
class KnownPresets:
    """A corpus that is on this machine: its name, its index, and its presets (TRANSPOSE at 24)."""

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
        What can be used, and for each of the others a sentence that says why it cannot.
    """
    known: list[KnownPresets] = []
    remarks: list[str] = []
    for name in names:
        try:
            file = f"{name}.safetensors"
            corpora.find(name)  # `read` alone would download it, and its index is of no use without it
            index = SoundIndex.read(folder / file if folder else data_path("index", file))
            bank = corpora.read(name).neutral()
        except (DataError, SoundIndexError) as error:
            remarks.append(f"without presets of {name}: {error}")
            continue
        if corpora.bank_hash(bank) == index.about.corpus_sha256:
            known.append(KnownPresets(name, index, bank))
        else:
            remarks.append(f"without presets of {name}: its index was made of other presets than are here")
    return known, remarks


def nearest_presets(codes: Codes, known: Sequence[KnownPresets], n: int) -> Values:
    """Find the presets of some corpora that sound nearest.

    Args:
        codes: Mel spectrogram of a sound at note 60, uint8 (257, 347); see `audio.spectrogram.to_codes`.
        known: The corpora.
        n: Number of presets, at most.

    Returns:
        uint8 (n, 145), nearest first, as made for note 60.
    """
    found = []
    for corpus in known:
        rows, distances = corpus.index.nearest(codes, n)
        found += list(zip(distances, corpus.bank.values[rows], strict=True))
    found.sort(key=lambda pair: pair[0])
    return np.array([values for _, values in found[:n]], np.uint8).reshape(-1, N_VALUES)
