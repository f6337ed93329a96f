"""Versions of a sound measured against it, for listening rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from latentdx.display.listening_rows import Clip, Distances
from latentdx.metrics.objective import distance
from latentdx.metrics.registry import log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.metrics.sound_features import SoundFeatures


def compared(target: Clip, versions: Sequence[Clip]) -> list[Clip]:
    """The target, then its versions with their distances to it: what `row` takes.

    Sounds are compared at the synth's own level, unaligned; of two lengths, the shorter is filled up with
    silence.

    Raises:
        ParameterError: a sound of less than 4,096 samples.
    """
    return [target, *(replace(clip, distances=measured(target, clip)) for clip in versions)]


def measured(target: Clip, version: Clip) -> Distances:
    """The distances of one version to its target."""
    samples = max(len(target.sound), len(version.sound))
    a, b = (SoundFeatures(np.pad(c.sound, (0, samples - len(c.sound)))) for c in (target, version))
    return Distances(log_stft_mae(a, b), spectral_convergence(a, b), mfcc_mae(a, b, 13), distance(a, b))
