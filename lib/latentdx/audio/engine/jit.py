"""How the engine's functions are compiled; importing this module imports Numba."""

from collections.abc import Callable
from typing import Any

from numba import njit

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""Options of the compiler; the functions run without Python's global lock."""

jit: Callable[..., Any] = njit(**OPTIONS)
"""Compile a function of the engine."""
