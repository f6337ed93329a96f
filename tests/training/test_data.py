"""Batches hold the right presets, spectrograms, notes and masks, in an order that can be resumed."""

import numpy as np
import pytest
import torch

from latentdx.audio.recording_simulation import SimulatedRecording
from latentdx.audio.renderer import NOTE_SETS, Dexed
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.dataset.splits import SUBSETS
from latentdx.models.representation import representation
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.equivalence import canonical
from latentdx.training.augmentation import UNKNOWN_LEVEL_DB
from latentdx.training.data import TrainingData, batches, n_batches
from latentdx.training.profile import read_profile


def data_of(name, changes=None):
    profile = read_profile(name, "smoke", changes)
    a = profile.architecture
    return TrainingData(profile, representation(a.representation, a.n_operators))


def rendered(bank, row, note, velocity, renderer=None):
    sound = (renderer or Dexed()).render(bank[row], note=note, velocity=velocity)
    return torch.from_numpy(mel_spectrogram(sound))


def test_a_batch_holds_presets_and_their_rendered_spectrograms():
    data = data_of("numcat++")
    bank = corpora.read("starter").neutral()
    rows = data.items("train")[[5, 0, 100]]
    batch = data.batch(rows)
    assert batch.rows.tolist() == rows.tolist() and batch.notes is None
    assert torch.equal(batch.targets, data.representation.encode(bank.values[rows]))
    assert torch.equal(batch.counts, data.representation.of_sounding_operators(bank.values[rows]))
    for i, row in enumerate(rows):  # the store's codes are steps of 140 / 255 dB
        assert (batch.decibels[i, 0] - rendered(bank, int(row), 60, 85)).abs().max() <= 70 / 255 + 1e-4


def test_a_share_of_a_training_batch_is_simulated_recordings():
    data, bank = data_of("numcat++", {"recorded": 0.5}), corpora.read("starter").neutral()
    rows = data.items("train")[[5, 0, 100, 7]]
    plain, batch = data.batch(rows), data.batch(rows, training=True)
    assert torch.equal(plain.targets, batch.targets)
    changed = (plain.decibels != batch.decibels).flatten(1).any(1)
    assert changed.sum() == 2
    for i in torch.nonzero(changed)[:, 0].tolist():
        expected = rendered(bank, int(rows[i]), 60, 85, SimulatedRecording())
        assert (batch.decibels[i, 0] - expected).abs().max() <= 70 / 255 + 1e-4
        assert (plain.decibels[i] - batch.decibels[i]).abs().max() > 1


def test_recordings_and_variations_are_anywhere_in_a_training_batch():
    data = data_of("numcat++", {"recorded": 0.25, "varied": 0.5})
    items = data.items("train")[:64]
    plain, batch = data.batch(items), data.batch(items, training=True)
    changed = (plain.decibels != batch.decibels).flatten(1).any(1)
    varied = (plain.values != batch.values).any(1)
    assert 42 < changed.sum() <= 48 and 26 < varied.sum() <= 32
    for part in (slice(0, 16), slice(-16, None)):
        assert 0 < changed[part].sum() < 16 and 0 < varied[part].sum() < 16


def test_a_share_of_a_training_batch_is_variations_which_are_rendered():
    data = data_of("numcat++", {"varied": 0.5})
    rows = data.items("train")[[5, 0, 100, 7]]
    plain, batch, again = data.batch(rows), data.batch(rows, training=True), data.batch(rows, training=True)
    assert torch.equal(batch.values, again.values) and torch.equal(batch.decibels, again.decibels)
    assert torch.equal(batch.targets, data.representation.encode(batch.values.numpy()))
    varied = (plain.values != batch.values).any(1)
    assert varied.sum() == 2 and torch.equal(plain.decibels[~varied], batch.decibels[~varied])
    for i in torch.nonzero(varied)[:, 0].tolist():
        bank = PresetBank.from_values(batch.values[i : i + 1].numpy())
        assert (batch.decibels[i, 0] - rendered(bank, 0, 60, 85)).abs().max() <= 70 / 255 + 1e-4


def test_levels_are_taken_away_from_a_share_of_a_training_batch_and_from_all_recordings():
    data = data_of("numcat++", {"recorded": 0.25, "unknown_level": 0.3})
    items = data.items("train")[:64]
    plain, batch = data.batch(items), data.batch(items, training=True)
    unknown = batch.decibels.amax((1, 2, 3)) == UNKNOWN_LEVEL_DB
    known = (plain.decibels == batch.decibels).flatten(1).all(1)
    assert (unknown | known).all() and 16 + 5 < unknown.sum() < 16 + 25
    assert (plain.decibels.amax((1, 2, 3)) < 0).all()


def test_a_variation_is_no_preset_of_the_test_set():
    data = data_of("numcat++", {"varied": 1.0})
    rows = data.items("train")[:2]
    forbidden = data.batch(rows, training=True).values.numpy().copy()
    data._forbidden = forbidden
    found = data.batch(rows, training=True).values.numpy()
    assert ((found[:, None] != forbidden).sum(2) >= 3).all()


def test_canonical_presets_are_learned_with_the_spectrograms_of_the_stored_ones():
    data, bank = data_of("numcat++", {"canonical": True}), corpora.read("starter").neutral()
    rows = data.items("train")
    plain, batch = data_of("numcat++").batch(rows), data.batch(rows)
    assert torch.equal(batch.values, torch.from_numpy(canonical(bank.values[rows])))
    assert not torch.equal(batch.values, plain.values) and torch.equal(batch.decibels, plain.decibels)
    assert torch.equal(batch.targets, data.representation.encode(batch.values.numpy()))
    assert torch.equal(batch.counts, data.representation.of_sounding_operators(batch.values.numpy()))


def test_an_item_of_an_unstacked_model_is_one_note_with_its_pitch_and_velocity():
    data = data_of("numcat++-unstacked")
    bank = corpora.read("starter").neutral()
    rows = data.rows("train")
    items = data.items("train")
    assert len(items) == 6 * len(rows) and len(set(items.tolist())) == len(items)
    chosen = items[[0, 10, 17]]
    batch = data.batch(chosen)
    assert batch.decibels.shape == (3, 1, 257, 347)
    for i in range(3):
        note, velocity = batch.notes[i].tolist()
        row = int(batch.rows[i])
        assert (note, velocity) == NOTE_SETS["six"][int(chosen[i]) - 6 * row]
        assert (batch.decibels[i, 0] - rendered(bank, row, note, velocity)).abs().max() <= 70 / 255 + 1e-4


def test_an_item_of_a_stacked_model_has_six_notes():
    data = data_of("numcat++-six")
    whole = data.batch(data.items("train")[:2])
    assert whole.decibels.shape == (2, 6, 257, 347)
    single = data_of("numcat++").batch(data.items("train")[:2])
    at = NOTE_SETS["six"].index((60, 85))
    assert torch.equal(whole.decibels[:, at], single.decibels[:, 0])


def test_with_three_operators_the_other_three_are_silent_and_not_learned():
    data = data_of("numcat++-op123")
    row = int(data.items("train")[3])
    bank = corpora.read("starter").neutral()
    muted = bank[row].with_values(**{f"OP{k} OUTPUT LEVEL": 0 for k in (4, 5, 6)})
    assert data.batch(np.array([row])).targets.shape == (1, 340)
    found = data.batch(np.array([row])).decibels[0, 0]
    assert (found - rendered(muted.bank, 0, 60, 85)).abs().max() <= 70 / 255 + 1e-4
    assert data.corpus_sha256 != data_of("numcat++").corpus_sha256


def test_subsets_have_no_preset_in_common():
    data = data_of("num")
    rows = [set(data.rows(subset).tolist()) for subset in SUBSETS]
    assert all(rows) and sum(map(len, rows)) == len(set.union(*rows))


@pytest.mark.parametrize("n", [3, 32, 100])
def test_batches_in_order_serve_every_item_once(n):
    served = list(batches(np.arange(n), 32))
    assert np.concatenate(served).tolist() == list(range(n))
    assert all(len(batch) == 32 for batch in served[:-1])


def test_shuffled_epochs_differ_but_each_is_repeatable_and_can_be_resumed():
    items = np.arange(1000, 1100)
    epoch = list(batches(items, 32, shuffle=(0, 4)))
    assert len(epoch) == n_batches(100, 32) == 3 and all(len(batch) == 32 for batch in epoch)
    assert len(set(np.concatenate(epoch).tolist())) == 96 and set(np.concatenate(epoch)) <= set(items)
    resumed = list(batches(items, 32, shuffle=(0, 4), first=1))
    np.testing.assert_array_equal(resumed, epoch[1:])
    for other in [(0, 5), (1, 4)]:
        assert not np.array_equal(list(batches(items, 32, shuffle=other)), epoch)


def test_fewer_items_than_a_batch_make_one_batch():
    (batch,) = batches(np.arange(5), 32, shuffle=(0, 0))
    assert sorted(batch.tolist()) == [0, 1, 2, 3, 4] and n_batches(5, 32) == 1


def test_a_number_of_presets_takes_that_many_to_train_and_the_same_share_to_validate():
    whole, part = data_of("numcat++"), data_of("numcat++", {"presets": 40})
    n_train, n_validation = len(whole.rows("train")), len(whole.rows("validation"))
    assert len(part.rows("train")) == 40
    assert len(part.rows("validation")) == round(n_validation * 40 / n_train)
    for subset in SUBSETS:
        chosen = part.rows(subset)
        assert set(chosen) <= set(whole.rows(subset)) and (np.diff(chosen) > 0).all()
    assert np.array_equal(part.rows("test"), whole.rows("test"))
    more = data_of("numcat++", {"presets": 10 * n_train})
    assert all(np.array_equal(more.rows(subset), whole.rows(subset)) for subset in SUBSETS)
