"""How plausible presets are for a sound, by the model's posterior, which has seen how presets are made.

One note does not tell how a preset answers to other velocities and keys, nor much else that its sound hardly
depends on; a search leaves there what its mutations left. Many presets that it tries are almost equally close
to the sound, and the most plausible of them is a little more like the true preset when it is played in other
ways: in searches for 15 validation presets (400 renders), the MFCC13 distance at two other velocities, in two
other octaves and held for 6 s had a median over the presets of 10.6 instead of 10.9, and a mean of 12.4
instead of 12.6; at the note heard, it was 9.1 instead of 9.0.

Drawing KEY VELOCITY, RATE SCALING and the keyboard scaling anew from the model, compensated by OUTPUT LEVEL
and the EG RATES at the note heard, did not help on eleven presets.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from latentdx.applications.programmer import Programmer
from latentdx.threads import one_thread
from latentdx.typing import Floats, Values

Plausibility = Callable[[Values], Floats]
"""Function that returns how plausible presets (N, 145) are, (N,), the larger the more."""


def log_likelihood(model: Programmer, decibels: Tensor, values: Values) -> Floats:
    """Return the logarithm of the probability of presets, given a sound; silent operators do not count.

    Args:
        model: Model with a sampler.
        decibels: Spectrogram of the sound as the model hears it, dB (1, 1, 257, 347).
        values: Presets, uint8 (N, 145), whose TRANSPOSE does not count.

    Returns:
        float64 (N,), nats.
    """
    network = model.model
    assert network.sampler is not None
    presets = torch.from_numpy(values)
    with one_thread(), torch.inference_mode():
        maps = network.encoder.maps(network.normalize(decibels)).expand(len(values), -1, -1, -1)
        nll = network.sampler(maps, presets) * network.sampler.heard(presets)
    return -nll.sum(1).double().numpy()
