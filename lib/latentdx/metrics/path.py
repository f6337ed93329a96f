"""Measures of a path of sounds, given as standardized features, (steps, features).

Two are those of SPINVAE (Le Vaillant & Dutoit, ICASSP 2023):

- smoothness: RMS of the second difference along the path divided by the step squared, a path being as long
  as 1 (the step of seven is 1/6); 0 where the sound changes by the same amount at every step. Lower is
  smoother.
- non-linearity: RMS distance of the steps between the ends from the straight line between the ends; 0 where
  each step lies on it. Lower is straighter.

Both can be had for nothing: a path that stays at the start and then leaps to the end has few second
differences, and is as near to the line as its ends are. So there is a third:

- unevenness: RMS distance of how far along each step between the ends is from equal parts; how far along is
  the distance to the start as a share of the distances to both ends. 0 where each step brings as much.
"""

import numpy as np

from latentdx.errors import ParameterError
from latentdx.typing import Floats


def smoothness(path: Floats) -> float:
    """Of standardized features along a path, (steps, features); at least three steps."""
    _check_path(path)
    step = 1 / (len(path) - 1)
    second = path[2:] - 2 * path[1:-1] + path[:-2]
    return float(np.sqrt(np.mean(np.square(second / step**2))))


def nonlinearity(path: Floats) -> float:
    """Of standardized features along a path, (steps, features); at least three steps."""
    _check_path(path)
    return float(np.sqrt(np.mean(np.square(path - straight(path))[1:-1])))


def straight(path: Floats) -> Floats:
    """Where the steps of a path, (steps, features), would lie on the line between its ends."""
    t = np.linspace(0, 1, len(path))[:, None]
    return (1 - t) * path[0] + t * path[-1]


def progress(path: Floats) -> Floats:
    """How far along each step of a path (steps, features) is, 0 … 1, (steps,): see `unevenness`. Where the
    ends and a step are alike, in equal parts."""
    first, last = (np.linalg.norm(path - end, axis=1) for end in (path[0], path[-1]))
    whole = first + last
    return np.divide(first, whole, out=np.linspace(0, 1, len(path)), where=whole > 0)


def unevenness(path: Floats) -> float:
    """Of standardized features along a path, (steps, features); at least three steps."""
    _check_path(path)
    return float(np.sqrt(np.mean(np.square(progress(path) - np.linspace(0, 1, len(path)))[1:-1])))


def largest_step(path: Floats) -> float:
    """RMS over the features of the largest change between two neighboring steps."""
    return float(np.sqrt(np.mean(np.square(np.diff(path, axis=0)), axis=1)).max())


def _check_path(path: Floats) -> None:
    if path.ndim != 2 or len(path) < 3:
        raise ParameterError(f"a path has at least 3 steps, (steps, features), not shape {path.shape}")
