"""The compiled functions of the engine; see `latentdx.compilation` for how and where they are made."""

from typing import Any, NamedTuple

import numpy as np

from latentdx.audio.engine.layout import BLOCK, CURRENT, VOICE
from latentdx.audio.engine.tables import clocks, oscillator, phase_steps
from latentdx.compilation import Compiler, Library


class Kernels(NamedTuple):
    """Compiled functions of `voice` and `unheard`, with the same arguments."""

    start: Any
    render: Any
    clear_unheard: Any


def _build(compiler: Compiler) -> Kernels:
    from latentdx.audio.engine import unheard, voice

    start, render = compiler(voice.start), compiler(voice.render)
    clear_unheard = compiler(unheard.clear_unheard)
    rate, record = 22_050, np.zeros(1, VOICE)
    start(record, np.zeros(145, np.int64), 60, 85, 1, CURRENT, 0, 0, clocks(rate))
    sound, operators = np.empty(BLOCK, np.float32), np.empty((0, BLOCK), np.float32)
    render(record, sound, operators, np.zeros(1, np.int64), phase_steps(rate), *oscillator())
    clear_unheard(record)
    return Kernels(start, render, clear_unheard)


LIBRARY = Library("engine", f"{__name__}:LIBRARY", (__package__,), _build)
"""The engine's functions."""

ready, kernels = LIBRARY.ready, LIBRARY.functions


def _build_control(compiler: Compiler) -> Any:
    from latentdx.audio.engine.control import CHUNK, control

    function = compiler(control)
    record, numbers = np.zeros(1, VOICE), np.empty((4, CHUNK), np.int64)
    gains, steps = np.empty((6, CHUNK), np.int32), np.empty((6, CHUNK), np.uint32)
    function(record[0], 1, np.zeros(1, np.int64), phase_steps(22_050), gains, steps, numbers)
    return function


CONTROL = Library("engine control", f"{__name__}:CONTROL", (__package__,), _build_control)
"""`control.control` by itself, which only pictures of it need."""
