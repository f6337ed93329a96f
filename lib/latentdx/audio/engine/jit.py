"""How the engine's functions are compiled; importing this module imports Numba."""

from collections.abc import Callable
from typing import Any

from numba import njit

jit: Callable[..., Any] = njit(nogil=True, error_model="numpy")
"""Compile a function, which then runs without Python's global lock."""
