"""What changes the input of a training step, never its targets."""

import torch
from torch import Tensor

MOST_MELS, MOST_FRAMES = 26, 35
"""Widest band blanked: a tenth of the mels, a tenth of the frames."""


def blank_bands(spectrograms: Tensor, n: int) -> Tensor:
    """Blank `n` bands of mels and `n` of frames in each item (B, note, mel, frame), with its own mean.

    Widths are uniform from nothing to the widest, places uniform; all notes of an item alike. This is
    SpecAugment's masking (Park et al., Interspeech 2019, https://doi.org/10.21437/Interspeech.2019-2680).
    """
    if not n:
        return spectrograms
    *_, mels, frames = spectrograms.shape
    blank = torch.zeros(len(spectrograms), 1, mels, frames, dtype=torch.bool, device=spectrograms.device)
    for _ in range(n):
        blank |= _bands(spectrograms, mels, MOST_MELS)[:, None, :, None]
        blank |= _bands(spectrograms, frames, MOST_FRAMES)[:, None, None, :]
    return torch.where(blank, spectrograms.mean((1, 2, 3), keepdim=True), spectrograms)


def _bands(items: Tensor, length: int, most: int) -> Tensor:
    """One band an item, bool (B, length)."""
    width = torch.randint(most + 1, (len(items), 1), device=items.device)
    first = (torch.rand(len(items), 1, device=items.device) * (length + 1 - width)).long()
    place = torch.arange(length, device=items.device)
    return (place >= first) & (place < first + width)
