"""Blanked bands are filled with the item's mean, levels move within their bounds; all else is unchanged."""

import torch

from latentdx.audio.spectrogram import FLOOR_DB
from latentdx.training.augmentation import MOST_FRAMES, MOST_MELS, blank_bands, change_levels


def test_bands_of_mels_and_frames_are_filled_with_the_mean() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 2, 257, 347)
    before = x.clone()
    out = blank_bands(x, 1)
    assert torch.equal(x, before)  # never in place
    changed = out != x
    assert torch.equal(changed[:, 0], changed[:, 1])  # equal for all notes
    means = x.mean((1, 2, 3), keepdim=True).expand_as(x)
    assert torch.equal(out[changed], means[changed])
    rows, columns = changed[:, 0].all(2).sum(1), changed[:, 0].all(1).sum(1)
    assert rows.max() <= MOST_MELS and columns.max() <= MOST_FRAMES
    assert rows.float().mean() > MOST_MELS / 4 and columns.float().mean() > MOST_FRAMES / 4
    assert changed[:, 0].any(2).sum(1).unique().tolist() != [257]  # not only bands of frames


def test_zero_bands_change_nothing() -> None:
    x = torch.randn(2, 1, 257, 347)
    assert torch.equal(blank_bands(x, 0), x)


def test_each_item_gets_a_gain_within_bounds_and_silence_stays_silent() -> None:
    torch.manual_seed(0)
    x = torch.empty(400, 2, 8, 8).uniform_(-100, 0)
    x[:, :, 0] = FLOOR_DB
    before = x.clone()
    out = change_levels(x, 12)
    assert torch.equal(x, before)
    assert torch.equal(out[:, :, 0], x[:, :, 0])
    gains = (out - x)[:, :, 1:].flatten(1)
    assert (gains.max(1).values - gains.min(1).values).max() < 1e-3  # one gain for all notes of an item
    assert -12 <= gains.min() < -11 and 11 < gains.max() <= 12


def test_levels_end_at_the_floor() -> None:
    assert change_levels(torch.full((50, 1, 4, 4), FLOOR_DB + 1), 12).min() == FLOOR_DB


def test_no_gain_changes_nothing() -> None:
    x = torch.randn(2, 1, 257, 347)
    assert torch.equal(change_levels(x, 0), x)
