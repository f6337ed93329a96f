"""Choose the steps of a path by their sound, so that the sound changes as evenly as possible.

Equal steps of parameters, or of latents, are not equal steps of sound: the sound may stay the same for a
while and then leap. Therefore many candidates are rendered. The progress of a candidate is its distance from
the start, divided by the sum of its distances from both ends. Among all paths with the wanted number of
steps, the chosen one has progress closest to equal steps and has small distances between neighbors. Without
the second criterion, a step might have the right progress and yet sound unlike its neighbors. The second
alone would not do either, because it favors paths that stay at one end and then leap.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SINGLE_NOTE, Renderer, sound_identity
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.caching import map_chunks
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset
from latentdx.run_options import RunOptions
from latentdx.typing import Floats, Values

FLOOR_DB = -80.0
"""Level in dB below which everything counts as silent."""

NEARNESS = 0.1
"""Weight of squared distances between neighbors (relative to the distance of the ends) against squared errors
of progress. Chosen among 0, 0.03, 0.1, 0.3 and 1 on pairs of the validation set: larger weights make paths
less even, smaller ones less smooth."""

_POOL = 4  # number of mel bands, and of frames, that are averaged into one
_CHUNK = 4  # paths computed at a time; each takes seconds of rendering


def descriptor(preset: Values, renderer: Renderer) -> npt.NDArray[np.float32]:
    """Describe a preset's sound at note 60, velocity 85, by its mel spectrogram.

    Args:
        preset: Preset, uint8 (145,).
        renderer: Synth that renders it.

    Returns:
        Mel spectrogram in dB, at least -80, averaged over four bands by four frames, float32 (5504,).
    """
    decibels = np.maximum(mel_spectrogram(renderer.render(Preset(preset), *SINGLE_NOTE[0])), FLOOR_DB)
    rows, columns = (n // _POOL for n in decibels.shape)
    return (
        decibels[: rows * _POOL, : columns * _POOL].reshape(rows, _POOL, columns, _POOL).mean((1, 3)).ravel()
    )


def shares(from_start: Floats, from_end: Floats) -> Floats:
    """Return the progress of candidates along a path.

    Args:
        from_start: Distances from the start of the path, (N,).
        from_end: Distances from its end, (N,).

    Returns:
        Distance from the start divided by the sum of both, in [0, 1], (N,); 0.5 where both are 0.

    >>> shares(np.array([0.0, 1.0, 0.0]), np.array([2.0, 3.0, 0.0])).tolist()
    [0.0, 0.25, 0.5]
    >>> shares(np.array([1, 0]), np.array([3, 0])).tolist()
    [0.25, 0.5]
    """
    whole = from_start + from_end
    return np.divide(from_start, whole, out=np.full(np.shape(whole), 0.5), where=whole > 0)


def most_even(times: Sequence[float], distances: Floats, steps: int) -> list[int]:
    """Find the path through candidates whose sound changes most evenly.

    The path leads from the first candidate to the last, with strictly ascending times, and has the least cost
    as described for this module; among paths of equal cost, earlier candidates are preferred.

    Args:
        times: Time of each of N candidates, ascending. Several candidates may share a time, except for the
            first and the last.
        distances: Distances between the candidates' sounds, (N, N).
        steps: Number of candidates to choose, at least 2.

    Returns:
        Indices of the chosen candidates, `steps` of them.

    Raises:
        ParameterError: There are fewer different times than steps.

    >>> position = np.array([0, 0, 0, 1.0, 2, 2])  # a sound that stays, changes, and stays again
    >>> most_even(range(6), np.abs(position[:, None] - position), 3)
    [0, 3, 5]
    """
    t = np.asarray(times, np.float64)
    if not 2 <= steps <= len(np.unique(t)):
        raise ParameterError(f"{steps} steps are outside 2 … {len(np.unique(t))}, the number of times")
    whole = distances[0, -1] or 1.0
    leap = np.where(t[:, None] < t, NEARNESS * np.square(distances / whole, dtype=np.float64), np.inf)
    share = shares(distances[0], distances[-1])
    cost, before = np.where(np.arange(len(t)) == 0, 0.0, np.inf), []
    for wanted in np.linspace(0, 1, steps)[1:]:
        total = cost[:, None] + leap
        before.append(total.argmin(0))
        cost = total.min(0) + np.square(share - wanted)
    path = [len(t) - 1]
    for best in reversed(before):
        path.append(int(best[path[-1]]))
    return path[::-1]


def _choose_one(candidates: Values, steps: int, renderer: Renderer) -> Values:
    """Choose one path (steps, 145) from candidates (path, fine, 145) that share both ends."""
    fine = candidates.shape[1]
    inner = candidates[:, 1:-1].swapaxes(0, 1).reshape(-1, candidates.shape[2])
    presets = np.concatenate([candidates[:1, 0], inner, candidates[:1, -1]])
    times = [0, *np.repeat(np.arange(1, fine - 1), len(candidates)), fine - 1]
    distinct, where = np.unique(presets, axis=0, return_inverse=True)
    sounds = np.stack([descriptor(v, renderer) for v in distinct]).astype(np.float64)
    products = sounds @ sounds.T
    squares = np.diag(products)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * products, 0))
    where = where.ravel()
    return presets[most_even(times, apart[np.ix_(where, where)], steps)]


def _choose(candidates: Values, *, steps: int, renderer: Renderer) -> Values:
    return np.stack([_choose_one(c, steps, renderer) for c in candidates])


def choose(
    candidates: Values,
    steps: int,
    *,
    renderer: Renderer | None = None,
    options: RunOptions | None = None,
) -> Values:
    """Choose for each pair of presets the path whose sound changes most evenly; see `most_even`.

    Args:
        candidates: Presets, uint8 (P, path, fine, 145): for each of P pairs one or more paths of `fine` steps
            that share both ends.
        steps: Number of steps to choose, 2 … `fine`.
        renderer: Synth that renders; default `Engine()`. A candidate takes about 5 ms.
        options: How the computation runs and where its results are cached; without it, the computation runs
            in this process and nothing is cached.

    Returns:
        Chosen presets, uint8 (P, steps, 145).

    Raises:
        ParameterError: The number of steps is out of bounds.
    """
    synth = renderer or Engine()
    engine = sound_identity(synth.engine)
    work = partial(_choose, steps=steps, renderer=synth)
    if options is None:
        return work(candidates)
    return map_chunks(
        work,
        [candidates],
        method=f"{FLOOR_DB} {NEARNESS} {_POOL} {steps} {engine} {synth.sample_rate} {SINGLE_NOTE}",
        kind="paths",
        size=_CHUNK,
        options=options,
        description="choosing steps",
    )
