"""Training data of a profile: presets, their spectrograms and the rows of each subset."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from latentdx.audio.engine.synth import Engine
from latentdx.audio.recording_simulation import SimulatedRecording
from latentdx.audio.renderer import N_SAMPLES, NOTE_SETS, Renderer
from latentdx.audio.spectrogram import mel_spectrogram, to_codes
from latentdx.dataset.curation import rows
from latentdx.dataset.loading import SpectrogramDataset, to_decibels
from latentdx.dataset.rendering import render_store
from latentdx.dataset.splits import Subset
from latentdx.dataset.store import Store, store_folder
from latentdx.errors import StoreMissingError
from latentdx.models.representation import Representation
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.equivalence import canonical
from latentdx.presets.parameters import N_OPERATORS, column
from latentdx.training.augmentation import at_unknown_level
from latentdx.training.profile import Profile
from latentdx.training.variation import too_close, vary
from latentdx.typing import Notes, Values


class Batch(NamedTuple):
    """Batch of B items, on the device that trains.

    Attributes:
        decibels: Spectrograms (B, note, 257, 347), dB.
        targets: Preset tensors (B, length).
        counts: Mask of the parameters that count in the loss, bool (B, parameters).
        values: Presets, uint8 (B, 145), in VCED order.
        notes: MIDI pitch and velocity, (B, 2), for models with `note_latents`; else `None`.
        rows: Rows of the presets in the corpus, (B,), on the CPU.
        level_known: Whether the level of each spectrogram is that of its preset, bool (B,), on the CPU.
    """

    decibels: Tensor
    targets: Tensor
    counts: Tensor
    values: Tensor
    notes: Tensor | None
    rows: Tensor
    level_known: Tensor


def training_bank(profile: Profile) -> PresetBank:
    """Return the profile's corpus, neutral; operators that its representation leaves out are silenced."""
    bank = corpora.read(profile.corpus).neutral()
    silent = range(profile.architecture.n_operators + 1, N_OPERATORS + 1)
    if not silent:
        return bank
    values = bank.values.copy()
    values[:, [column(f"OP{k} OUTPUT LEVEL") for k in silent]] = 0
    return PresetBank.from_values(values, bank.names)


class TrainingData:
    """Training data of one profile; spectrograms that are missing are rendered into the user's cache.

    Args:
        profile: Training profile.
        representation: Representation of the presets, which makes the targets.
        threads: Number of rendering threads; default all cores.
    """

    def __init__(self, profile: Profile, representation: Representation, *, threads: int | None = None):
        self.profile, self.representation = profile, representation
        n_operators = profile.architecture.n_operators
        corpus = profile.corpus if n_operators == N_OPERATORS else f"{profile.corpus}-op{n_operators}"
        self.notes = NOTE_SETS[profile.notes]
        self.bank = training_bank(profile)
        self._values = canonical(self.bank.values) if profile.canonical else self.bank.values

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

        self._engine = Engine()
        self.store = store(corpus, self._engine)
        self._dataset = SpectrogramDataset(self.store, self.bank)
        self._recorded = (
            SpectrogramDataset(store(f"{corpus}-recorded", SimulatedRecording()), self.bank)
            if profile.recorded
            else None
        )

    @property
    def corpus_sha256(self) -> str:
        """Hash of the presets that were rendered, see `latentdx.presets.corpora.bank_hash`."""
        return self.store.manifest.corpus_sha256

    def rows(self, subset: Subset) -> npt.NDArray[np.int64]:
        """Return the corpus rows of one subset ("train", "validation" or "test") of the profile's split.

        A profile with a number of `presets` gets as many rows of the training set, and the same share of the
        validation set.
        """
        wanted, split = self.profile.presets, partial(rows, self.profile.corpus, self.profile.split)
        chosen = split(subset)
        if wanted is None or subset == "test":
            return chosen
        share = min(wanted / len(split("train")), 1.0)
        drawn = np.random.default_rng(0).choice(chosen, max(round(share * len(chosen)), 1), replace=False)
        return np.sort(drawn)

    def items(self, subset: Subset) -> npt.NDArray[np.int64]:
        """Return the items of a subset, in the order of the corpus.

        An item is a row of the corpus. For models with `note_latents` it is one note of a row, numbered
        row * number of notes + index of the note.
        """
        chosen = self.rows(subset)
        if not self.profile.architecture.note_latents:
            return chosen
        return (chosen[:, None] * len(self.notes) + np.arange(len(self.notes))).ravel()

    def batch(
        self, items: npt.NDArray[np.int64], device: torch.device | str = "cpu", *, training: bool = False
    ) -> Batch:
        """Load a batch.

        Args:
            items: Items of the batch, see `items`.
            device: Device that gets the tensors.
            training: Whether the profile's shares of the batch get the spectrograms of simulated recordings
                (`Profile.recorded`), are replaced by variations (`Profile.varied`), and lose their level
                (`Profile.unknown_level`). Equal items get equal changes.
        """
        separate = self.profile.architecture.note_latents
        chosen, note = np.divmod(items, len(self.notes)) if separate else (items, None)
        item, profile = self._dataset[chosen], self.profile
        # where in the batch: the decoder sees only its first items, which should be of all kinds
        rng = np.random.default_rng([profile.seed, *items])
        order, n_recorded = rng.permutation(len(items)), round(len(items) * profile.recorded)
        recorded = order[:n_recorded] if training else order[:0]
        if self._recorded is not None and len(recorded):
            item.spectrogram[recorded] = self._recorded[chosen[recorded]].spectrogram
        codes = item.spectrogram if note is None else item.spectrogram[torch.arange(len(note)), note][:, None]
        values = self._values[item.row.numpy()]
        if training and (n_varied := round(len(items) * profile.varied)):
            varied = order[-n_varied:]
            played: list[Notes] = [self.notes if note is None else (self.notes[note[i]],) for i in varied]
            values[varied], codes[varied] = self._variations(values[varied], played, rng)
        decibels, unknown = to_decibels(codes.to(device)), np.zeros(len(items), bool)
        if training and profile.unknown_level:
            unknown = rng.random(len(items)) < profile.unknown_level
            unknown[recorded] = True
            where = torch.from_numpy(unknown).to(device)[:, None, None, None]
            decibels = torch.where(where, at_unknown_level(decibels), decibels)
        return Batch(
            decibels,
            self.representation.encode(values).to(device),
            self.representation.of_sounding_operators(values).to(device),
            torch.from_numpy(values).to(device),
            None if note is None else torch.tensor(self.notes)[torch.from_numpy(note)].to(device),
            item.row,
            torch.from_numpy(~unknown),
        )

    @cached_property
    def _forbidden(self) -> Values:
        """Presets of the test set, which a model must not know."""
        return self.bank.values[self.rows("test")]

    def _variations(
        self, values: Values, notes: Sequence[Notes], rng: np.random.Generator
    ) -> tuple[Values, Tensor]:
        """Make and render variations of presets that sound, and differ from those that must not be known.

        Args:
            values: Presets (N, 145).
            notes: The notes of each of them.
            rng: Random number generator.

        Returns:
            Variations (N, 145) and the codes of their spectrograms (N, note, 257, 347).
        """
        training, out, missing = self.rows("train"), values.copy(), np.arange(len(values))
        sounds = np.zeros((len(values), len(notes[0]), N_SAMPLES), np.float32)
        while len(missing):
            out[missing] = vary(values[missing], self.bank.values[rng.choice(training, len(missing))], rng)
            for i in missing.tolist():
                sounds[i] = [self._engine.render(Preset(out[i]), *note) for note in notes[i]]
            usable = ~too_close(out[missing], self._forbidden) & sounds[missing].any((1, 2))
            missing = missing[~usable]
        codes = torch.from_numpy(to_codes(mel_spectrogram(sounds)))
        return canonical(out) if self.profile.canonical else out, codes


def batches(
    items: npt.NDArray[np.int64], size: int, *, shuffle: tuple[int, int] | None = None, first: int = 0
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield batches of items, in order or shuffled.

    Args:
        items: Items to serve.
        size: Number of items per batch, over all processes.
        shuffle: (seed, epoch); default no shuffling. The order depends on nothing else, so that a resumed
            epoch has the same order. If the items are shuffled, an incomplete last batch is left out.
        first: Number of the first batch, counted from 0.

    >>> [batch.tolist() for batch in batches(np.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    if shuffle is None:
        order, last = items, -(-len(items) // size)
    else:
        order, last = np.random.default_rng(shuffle).permutation(items), n_batches(len(items), size)
    for i in range(first, last):
        yield order[i * size : (i + 1) * size]


def n_batches(n_items: int, size: int) -> int:
    """Count the full batches of a shuffled epoch; fewer items than a batch still make one batch."""
    return max(n_items // size, 1)
