"""What a profile trains on: presets, their spectrograms, and the rows of each subset."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from latentdx.audio.recording_simulation import SimulatedRecording
from latentdx.audio.renderer import NOTE_SETS, Dexed, Renderer
from latentdx.dataset.curation import rows
from latentdx.dataset.loading import SpectrogramDataset, to_decibels
from latentdx.dataset.rendering import render_store
from latentdx.dataset.splits import Subset
from latentdx.dataset.store import Store, store_folder
from latentdx.errors import StoreMissingError
from latentdx.models.representation import Representation
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import N_OPERATORS, column
from latentdx.training.profile import Profile


@dataclass(frozen=True)
class Batch:
    """Tensors of a batch of B items, on the device that trains.

    Attributes:
        decibels: spectrograms (B, note, 257, 347), dB.
        targets: preset tensors (B, length).
        counts: bool (B, parameters), which parameters the loss counts.
        values: the presets, uint8 (B, 145).
        notes: (B, 2), MIDI pitch and velocity, for models that are told; else None.
        rows: (B,), of the corpus.
    """

    decibels: Tensor
    targets: Tensor
    counts: Tensor
    values: Tensor
    notes: Tensor | None
    rows: Tensor


def training_bank(profile: Profile) -> PresetBank:
    """The profile's corpus, neutral; without the operators that its representation leaves out."""
    bank = corpora.read(profile.corpus).neutral()
    silent = range(profile.architecture.n_operators + 1, N_OPERATORS + 1)
    if not silent:
        return bank
    values = bank.values.copy()
    values[:, [column(f"OP{k} OUTPUT LEVEL") for k in silent]] = 0
    return PresetBank.from_values(values, bank.names)


class TrainingData:
    """Batches of one profile. The store is rendered into the user's cache where it is not there yet."""

    def __init__(self, profile: Profile, representation: Representation, *, threads: int | None = None):
        self.profile, self.representation = profile, representation
        n_operators = profile.architecture.n_operators
        corpus = profile.corpus if n_operators == N_OPERATORS else f"{profile.corpus}-op{n_operators}"
        self.notes = NOTE_SETS[profile.notes]
        self.bank = training_bank(profile)

        def store(name: str, renderer: Renderer) -> Store:
            folder = store_folder(name, self.notes)
            try:
                found = Store(folder)
                found.manifest.check(replace(found.manifest, renderer=renderer.engine), folder)
                return found
            except StoreMissingError:
                return render_store(
                    self.bank, self.notes, folder, corpus=name, renderer=renderer, threads=threads
                )

        self.store = store(corpus, Dexed())
        self._dataset = SpectrogramDataset(self.store, self.bank)
        self._recorded = (
            SpectrogramDataset(store(f"{corpus}-recorded", SimulatedRecording()), self.bank)
            if profile.recorded
            else None
        )

    @property
    def corpus_sha256(self) -> str:
        """Of the presets that were rendered."""
        return self.store.manifest.corpus_sha256

    def rows(self, subset: Subset) -> npt.NDArray[np.int64]:
        """Of the corpus, in one subset of the profile's split."""
        return rows(self.profile.corpus, self.profile.split, subset)

    def items(self, subset: Subset) -> npt.NDArray[np.int64]:
        """What is shuffled: rows, or row * notes + note where a model is told which note it hears."""
        chosen = self.rows(subset)
        if not self.profile.architecture.note_latents:
            return chosen
        return (chosen[:, None] * len(self.notes) + np.arange(len(self.notes))).ravel()

    def batch(
        self, items: npt.NDArray[np.int64], device: torch.device | str = "cpu", *, training: bool = False
    ) -> Batch:
        """Load the items; in training the profile's share of them, the first ones, as recorded."""
        told = self.profile.architecture.note_latents
        chosen, note = np.divmod(items, len(self.notes)) if told else (items, None)
        item = self._dataset[chosen]
        if training and self._recorded is not None:
            n = round(len(items) * self.profile.recorded)
            item.spectrogram[:n] = self._recorded[chosen[:n]].spectrogram
        codes = item.spectrogram if note is None else item.spectrogram[torch.arange(len(note)), note][:, None]
        values = item.values.numpy()
        return Batch(
            to_decibels(codes.to(device)),
            self.representation.encode(values).to(device),
            self.representation.of_sounding_operators(values).to(device),
            item.values.to(device),
            None if note is None else torch.tensor(self.notes)[torch.from_numpy(note)].to(device),
            item.row,
        )


def batches(
    items: npt.NDArray[np.int64], size: int, *, shuffle: tuple[int, int] | None = None, first: int = 0
) -> Iterator[npt.NDArray[np.int64]]:
    """Batches of `size` items, in order or shuffled.

    Args:
        items: what to serve.
        size: of a batch, over all processes.
        shuffle: (seed, epoch): the order depends on nothing else, so that a resumed epoch is the same. An
            incomplete last batch is left out then, and served where the order is kept.
        first: batch to begin with.
    """
    if shuffle is None:
        order, last = items, -(-len(items) // size)
    else:
        order, last = np.random.default_rng(shuffle).permutation(items), n_batches(len(items), size)
    for i in range(first, last):
        yield order[i * size : (i + 1) * size]


def n_batches(n_items: int, size: int) -> int:
    """Whole batches in a shuffled epoch; a corpus smaller than one batch is one."""
    return max(n_items // size, 1)
