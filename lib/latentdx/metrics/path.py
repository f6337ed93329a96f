"""Measures of a path of sounds, given as standardized features, (steps, features).

Two measures come from SPINVAE (Le Vaillant & Dutoit, ICASSP 2023):

- smoothness: RMS of the second difference along the path, divided by the squared step size. The whole path
  has length 1, so the step size of a path of seven sounds is 1/6. It is 0 if the features change by the same
  amount at every step. Lower is smoother.
- non-linearity: RMS distance of the inner steps from the straight line between the ends. It is 0 if every
  step lies on that line. Lower is straighter.

Both measures can be gamed: a path that stays at the start and then leaps to the end has few second
differences, and lies as close to the line as its ends do. A third measure detects such paths:

- unevenness: RMS difference between the progress of the inner steps and equal steps from 0 to 1. The progress
  of a step is its distance to the start, divided by the sum of its distances to the start and to the end. It
  is 0 if the progress grows by the same amount at every step. Lower is more even.
"""

import numpy as np

from latentdx.errors import ParameterError
from latentdx.typing import Floats


def smoothness(path: Floats) -> float:
    """Return the RMS of the second difference along a path, divided by the squared step size.

    Args:
        path: Standardized features, (steps, features), with at least three steps.

    >>> smoothness(np.array([[0.0], [0.5], [1.0]])), smoothness(np.array([[0.0], [0.0], [1.0]]))
    (0.0, 4.0)
    """
    _check_path(path)
    step = 1 / (len(path) - 1)
    second = path[2:] - 2 * path[1:-1] + path[:-2]
    return float(np.sqrt(np.mean(np.square(second / step**2))))


def nonlinearity(path: Floats) -> float:
    """Return the RMS distance of the inner steps of a path from the straight line between its ends.

    Args:
        path: Standardized features, (steps, features), with at least three steps.

    >>> nonlinearity(np.array([[0.0], [0.5], [1.0]])), nonlinearity(np.array([[0.0], [0.0], [1.0]]))
    (0.0, 0.5)
    """
    _check_path(path)
    return float(np.sqrt(np.mean(np.square(path - straight(path))[1:-1])))


def straight(path: Floats) -> Floats:
    """Return equally spaced points on the line between the ends of a path, (steps, features)."""
    t = np.linspace(0, 1, len(path))[:, None]
    return (1 - t) * path[0] + t * path[-1]


def progress(path: Floats) -> Floats:
    """Return the progress of each step from the start (0) to the end (1) of a path.

    Args:
        path: Standardized features, (steps, features).

    Returns:
        Distance of each step to the start, divided by the sum of its distances to both ends, (steps,). Where
        both distances are 0, the progress is that of equal steps.

    >>> progress(np.array([[0.0], [0.25], [1.0]])).tolist()
    [0.0, 0.25, 1.0]
    """
    first, last = (np.linalg.norm(path - end, axis=1) for end in (path[0], path[-1]))
    whole = first + last
    return np.divide(first, whole, out=np.linspace(0, 1, len(path)), where=whole > 0)


def unevenness(path: Floats) -> float:
    """Return the RMS difference between the progress of the inner steps of a path and equal steps.

    Args:
        path: Standardized features, (steps, features), with at least three steps.

    >>> unevenness(np.array([[0.0], [0.25], [1.0]]))
    0.25
    """
    _check_path(path)
    return float(np.sqrt(np.mean(np.square(progress(path) - np.linspace(0, 1, len(path)))[1:-1])))


def largest_step(path: Floats) -> float:
    """Return the largest change between two neighboring steps of a path, as RMS over the features.

    Args:
        path: Standardized features, (steps, features), with at least two steps.
    """
    return float(np.sqrt(np.mean(np.square(np.diff(path, axis=0)), axis=1)).max())


def _check_path(path: Floats) -> None:
    if path.ndim != 2 or len(path) < 3:
        raise ParameterError(f"a path has shape (steps, features) with at least 3 steps, not {path.shape}")
