"""Blanked bands are filled with the item's mean; everything else is unchanged."""

import torch

from latentdx.training.augmentation import MOST_FRAMES, MOST_MELS, blank_bands


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
