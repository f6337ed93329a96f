"""Reinforcement learning of the sampler: what it draws is rendered, and compared with the sound.

Likelihood rewards only the preset that made a sound, although other presets sound almost the same, and takes
every wrong value for equally bad. Here the sampler draws several presets for each sound, and those that come
closer than the others become likelier. They are compared as they were heard, and played in another way, so
that what velocity and key do counts, too. This is REINFORCE with the mean of a sound's draws as baseline
(Kool et al. 2019, https://openreview.net/forum?id=r1lgTGL5DE), divided by their standard deviation as in
GRPO (Shao et al. 2024, https://arxiv.org/abs/2402.03300).
"""

import copy
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE
from latentdx.metrics.objective import FastObjective
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE, PresetSampler
from latentdx.presets.bank import Preset
from latentdx.typing import Floats, Mask, Notes, Values

FARTHEST = 9.0
"""Largest distance that counts; all draws for a silent sound, which has no distances, count as so far."""

_LEAST_DISTANCE = 0.02  # smaller ones count as equal, because their logarithms would count too much
_LEAST_SPREAD = 0.05  # added to that of the logarithms, so that nearly equal draws teach little
_AT_ONCE = 16  # sounds that one thread draws for; a fixed number, so that draws do not depend on the cores
_NOTES, _VELOCITIES = (36, 85), (20, 128)  # from … up to, but not including
_LENGTH = 10.0  # brings the policy's loss to the size of the joint loss


def draw(sampler: PresetSampler, maps: Tensor, n: int, blocks: list[int]) -> Tensor:
    """Draw presets for several sounds on all cores; the random numbers depend on PyTorch's generator alone.

    Args:
        sampler: Sampler, in evaluation mode.
        maps: Encoder maps (B, channels, rows, columns).
        n: Number of presets per sound.
        blocks: Order of the blocks, see `PresetSampler.order`.

    Returns:
        uint8 (B, n, 145).
    """
    parts = torch.split(maps.detach(), _AT_ONCE)
    seeds = torch.randint(2**62, (len(parts),)).tolist()

    def drawn(part: Tensor, seed: int) -> Tensor:
        # a copy, because a sampler draws for one thread at a time
        own, generator = copy.deepcopy(sampler), torch.Generator(part.device).manual_seed(seed)
        return own.sample(part, n, temperature=DRAWING_TEMPERATURE, blocks=blocks, generator=generator)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return torch.cat(list(pool.map(drawn, parts, seeds)))


def other_ways(n: int) -> list[tuple[int, int]]:
    """Draw (MIDI note, velocity) of other ways to play presets, from PyTorch's generator.

    Half of them have another velocity, and half another note.

    >>> _ = torch.manual_seed(0)
    >>> other_ways(4)
    [(47, 85), (60, 71), (78, 85), (59, 85)]
    """
    note, velocity = SINGLE_NOTE[0]
    notes, velocities = (torch.randint(*bounds, (n,)).tolist() for bounds in (_NOTES, _VELOCITIES))
    another_note = (torch.rand(n) < 0.5).tolist()
    return [
        (k, velocity) if moved else (note, v)
        for k, v, moved in zip(notes, velocities, another_note, strict=True)
    ]


def distances(drawn: Values, true: Values, notes: Sequence[Notes], level_known: Mask) -> Floats:
    """Compare the sounds of presets with those of the true ones.

    Args:
        drawn: Presets for each sound, uint8 (B, n, 145).
        true: Presets that made the sounds, uint8 (B, 145).
        notes: For each sound, (MIDI note, velocity) of each note at which presets are compared. Notes at
            which the true preset is silent do not count.
        level_known: Whether the level of each sound could be heard, bool (B,). If so, levels count; else
            sounds are compared at equal loudness.

    Returns:
        Values of the objective, at most `FARTHEST`, float64 (B, n).
    """
    engine = Engine()

    def of(values: Values, wanted: Values, played: Notes, known: bool) -> Floats:
        targets = {note: engine.render(Preset(wanted), *note) for note in played}
        audible = {note: sound for note, sound in targets.items() if not SoundFeatures(sound).silent}
        if not audible:
            return np.full(len(values), FARTHEST)
        sounds = list(audible.values())
        return FastObjective(sounds, [*audible], renderer=engine, threads=1, levels_count=known)(values)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = np.array(list(pool.map(of, drawn, true, notes, level_known.tolist())))
    return np.nan_to_num(found, nan=FARTHEST, posinf=FARTHEST).clip(max=FARTHEST)


def log_distances(distances: Floats) -> Floats:
    """Return the logarithms of distances, which weigh a change of a tenth alike near and far."""
    return np.log(np.maximum(distances, _LEAST_DISTANCE))


def advantages(distances: Floats) -> Floats:
    """Rate draws by how much closer they are than the other draws for the same sound.

    Args:
        distances: Distances (B, n) of the draws for each sound.

    Returns:
        float64 (B, n), with mean 0 for each sound; more than 0 for those that are closer.

    >>> advantages(np.array([[0.5, 1.0, 2.0], [1.0, 1.0, 1.0]])).round(2).tolist()
    [[1.13, 0.0, -1.13], [0.0, 0.0, 0.0]]
    """
    logs = log_distances(distances)
    gains = logs.mean(1, keepdims=True) - logs
    return gains / (gains.std(1, keepdims=True) + _LEAST_SPREAD) + 0.0


def policy_loss(nll: Tensor, heard: Tensor, advantages: Tensor) -> Tensor:
    """Compute the loss whose gradient makes close draws likelier, and distant ones less likely.

    Args:
        nll: Negative log-likelihoods of the draws (N, 144) at the temperature at which they were drawn, nats.
        heard: Mask of the parameters that can be heard, bool (N, 144), see `PresetSampler.heard`.
        advantages: See `advantages`, (N,).
    """
    return (advantages * (nll * heard).sum(1)).mean() / _LENGTH
