"""How functions on lanes are compiled; importing this module imports Numba."""

from collections.abc import Callable
from typing import Any

from numba import njit

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
"""Options of the compiler; a product and a sum may become one instruction, and no sum is reordered."""

jit: Callable[..., Any] = njit(**OPTIONS)
"""Compile a function."""

inline: Callable[..., Any] = njit(forceinline=True, **OPTIONS)
"""Compile a function into each place where it is called."""
