"""Augmentation of the inputs of a training step; the targets never change."""

import torch
from torch import Tensor

from latentdx.audio.spectrogram import FLOOR_DB

MOST_MELS, MOST_FRAMES = 26, 35
"""Width of the widest blanked bands: a tenth of the mels, a tenth of the frames."""

UNKNOWN_LEVEL_DB = 10.0
"""Loudest point of a spectrogram whose level says nothing; renders of presets stay below -5 dB."""

RANGE_DB = 90.0
"""Range of levels that such a spectrogram keeps; below that, recordings hold noise."""


def blank_bands(spectrograms: Tensor, n: int) -> Tensor:
    """Blank random bands of mels and of frames in each item by filling them with the item's mean.

    The widths are uniform between zero and the widest band (`MOST_MELS` or `MOST_FRAMES`), and the positions
    are uniform too. All notes of an item get the same bands. This is SpecAugment's masking (Park et al.,
    Interspeech 2019, https://doi.org/10.21437/Interspeech.2019-2680).

    Args:
        spectrograms: Spectrograms (B, note, mel, frame); not changed.
        n: Number of bands of mels, and of bands of frames, per item; 0 blanks nothing.

    Returns:
        (B, note, mel, frame).
    """
    if not n:
        return spectrograms
    *_, mels, frames = spectrograms.shape
    blank = torch.zeros(len(spectrograms), 1, mels, frames, dtype=torch.bool, device=spectrograms.device)
    for _ in range(n):
        blank |= _bands(spectrograms, mels, MOST_MELS)[:, None, :, None]
        blank |= _bands(spectrograms, frames, MOST_FRAMES)[:, None, None, :]
    return torch.where(blank, spectrograms.mean((1, 2, 3), keepdim=True), spectrograms)


def at_unknown_level(decibels: Tensor) -> Tensor:
    """Take the level away from spectrograms: bring the loudest point of each item to `UNKNOWN_LEVEL_DB`.

    The result is the same for every gain of the sound. No render of a preset is as loud, so that a network
    can tell such an item from one whose level means something. All notes of an item are changed alike.

    Args:
        decibels: Spectrograms in dB (B, note, mel, frame); not changed.

    Returns:
        (B, note, mel, frame), at least `RANGE_DB` below `UNKNOWN_LEVEL_DB`; silent items stay silent.
    """
    loudest = decibels.amax((1, 2, 3), keepdim=True)
    leveled = (decibels - loudest + UNKNOWN_LEVEL_DB).clamp(min=UNKNOWN_LEVEL_DB - RANGE_DB)
    return torch.where(loudest > FLOOR_DB, leveled, decibels)


def _bands(items: Tensor, length: int, most: int) -> Tensor:
    """Draw one band per item, bool (B, length)."""
    width = torch.randint(most + 1, (len(items), 1), device=items.device)
    first = (torch.rand(len(items), 1, device=items.device) * (length + 1 - width)).long()
    place = torch.arange(length, device=items.device)
    return (place >= first) & (place < first + width)
