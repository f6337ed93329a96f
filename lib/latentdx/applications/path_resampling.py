"""Choose steps of a path by their sound: of many candidates those that come nearer in equal parts.

Equal steps of parameters, or of latents, are not equal steps of sound: it may stand still and then leap.
Candidates are rendered. How far along one is is its distance from the start as a share of its distances from
both ends. Of all ways from end to end in so many steps, the one is taken whose shares are nearest to equal
parts, and whose neighbors are near each other: without that, a share may be reached far from its neighbors.
Nearness alone would not do: steps are smallest for those who stay where they are and then leap.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import SINGLE_NOTE, Dexed, Renderer
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.caching import map_chunks
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset
from latentdx.run_options import RunOptions
from latentdx.typing import Floats, Values

FLOOR_DB = -80.0
"""What is quieter counts as silent."""

NEARNESS = 0.1
"""Weight of squared distances between neighbors (that of the ends being 1) against squared errors of the
share. Of 0, 0.03, 0.1, 0.3 and 1, on pairs of the validation set: more is less even, less is less smooth."""

_POOL = 4  # mel bands, and frames, that are averaged into one
_CHUNK = 4  # paths: seconds of rendering


def descriptor(preset: Values, renderer: Renderer) -> npt.NDArray[np.float32]:
    """What a preset's sound at (60, 85) is compared by: its mel spectrogram in dB from -80 on, every four
    bands and frames averaged, flat (5504,)."""
    decibels = np.maximum(mel_spectrogram(renderer.render(Preset(preset), *SINGLE_NOTE[0])), FLOOR_DB)
    rows, columns = (n // _POOL for n in decibels.shape)
    return (
        decibels[: rows * _POOL, : columns * _POOL].reshape(rows, _POOL, columns, _POOL).mean((1, 3)).ravel()
    )


def shares(from_start: Floats, from_end: Floats) -> Floats:
    """How far along: the distance from the start as a share of both; a half where both are 0."""
    whole = from_start + from_end
    return np.divide(from_start, whole, out=np.full_like(whole, 0.5), where=whole > 0)


def most_even(times: Sequence[float], distances: Floats, steps: int) -> list[int]:
    """Indices of the way from the first candidate to the last in `steps`, times always growing, that costs
    least by the module's rule (of equals the earlier candidates).

    Args:
        times: ascending, one a candidate; only the first and the last stand alone at theirs.
        distances: (N, N).
        steps: at least 2.

    Raises:
        ParameterError: there are not so many different times.
    """
    t = np.asarray(times, np.float64)
    if not 2 <= steps <= len(np.unique(t)):
        raise ParameterError(f"{steps} steps are outside 2 … {len(np.unique(t))}, the different times")
    whole = distances[0, -1] or 1.0
    leap = np.where(t[:, None] < t, NEARNESS * np.square(distances / whole, dtype=np.float64), np.inf)
    share = shares(distances[0], distances[-1])
    cost, before = np.where(np.arange(len(t)) == 0, 0.0, np.inf), []
    for wanted in np.linspace(0, 1, steps)[1:]:
        total = cost[:, None] + leap
        before.append(total.argmin(0))
        cost = total.min(0) + np.square(share - wanted)
    way = [len(t) - 1]
    for best in reversed(before):
        way.append(int(best[way[-1]]))
    return way[::-1]


def _choose_one(candidates: Values, steps: int, renderer: Renderer) -> Values:
    """One path (steps, 145) from candidates (way, fine, 145) that share both ends."""
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
    """The most even paths through candidates, in `steps`.

    Args:
        candidates: uint8 (P, way, fine, 145): of each pair several paths of `fine` steps with the same ends.
        steps: at most `fine`.
        renderer: default `Dexed`; a candidate takes a render and its mel spectrogram, about 5 ms.
        options: how the computation runs, and where it is kept; `None` computes it here and keeps nothing.

    Returns:
        uint8 (P, steps, 145).
    """
    synth = renderer or Dexed()
    work = partial(_choose, steps=steps, renderer=synth)
    if options is None:
        return work(candidates)
    return map_chunks(
        work,
        [candidates],
        method=f"{FLOOR_DB} {NEARNESS} {_POOL} {steps} {synth.engine} {synth.sample_rate} {SINGLE_NOTE}",
        kind="paths",
        size=_CHUNK,
        options=options,
        description="choosing steps",
    )
