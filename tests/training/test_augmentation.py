"""Blanked bands are filled with the item's mean, levels move within their bounds; all else is unchanged."""

import torch

from latentdx.audio.spectrogram import FLOOR_DB
from latentdx.training.augmentation import (
    MOST_FRAMES,
    MOST_MELS,
    RANGE_DB,
    UNKNOWN_LEVEL_DB,
    at_unknown_level,
    blank_bands,
)


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


def test_a_spectrogram_at_an_unknown_level_is_the_same_for_every_gain() -> None:
    torch.manual_seed(0)
    x = torch.empty(40, 2, 8, 8).uniform_(-70, -10)
    before = x.clone()
    out = at_unknown_level(x)
    assert torch.equal(x, before)
    assert torch.allclose(at_unknown_level(x + 7), out, atol=1e-4)
    assert torch.allclose(out.amax((1, 2, 3)), torch.tensor(UNKNOWN_LEVEL_DB))
    shifts = (out - x).flatten(1)
    assert (shifts.max(1).values - shifts.min(1).values).max() < 1e-3  # one gain for all notes of an item


def test_levels_that_a_recording_cannot_hold_are_cut_and_silence_stays_silent() -> None:
    x = torch.full((2, 1, 4, 4), FLOOR_DB)
    x[0, 0, 0, 0] = -20
    out = at_unknown_level(x)
    assert out[0].min() == UNKNOWN_LEVEL_DB - RANGE_DB
    assert torch.equal(out[1], x[1])
