"""Choice of the precision in which training steps are fastest on the machine at hand.

Processors with bfloat16 instructions for matrices train about one and a half times as fast with them.
Without such instructions, PyTorch still accepts bfloat16, but a step takes up to eight times as long.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from latentdx.threads import one_thread

Precision = Literal["32-true", "bf16-mixed"]

LEAST_GAIN = 1.1
"""Speed of bfloat16 relative to single precision from which it is chosen."""

_MINIMUM_RUNS = 2
_HOPELESS = 5.0  # times as slow in bfloat16 in the first run: seconds per run, and no need for a second one


@dataclass(frozen=True)
class PrecisionChoice:
    """Precision of training steps, and why it was chosen.

    Attributes:
        precision: "32-true" or "bf16-mixed".
        reason: The reason as a phrase, for messages.
    """

    precision: Precision
    reason: str


def fastest_precision(
    step: Callable[[Precision], None], device: torch.device, n_processes: int = 1
) -> PrecisionChoice:
    """Choose the precision for a device.

    A GPU gets bfloat16 if it has the instructions. A processor is measured, for a few seconds at most.
    Several processes must not differ in their choice; on processors they get single precision, unmeasured.

    Args:
        step: Function that does a forward and a backward pass in the given precision.
        device: Device that trains.
        n_processes: Number of processes that train together.
    """
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return PrecisionChoice("bf16-mixed", "this GPU has bfloat16 instructions")
        return PrecisionChoice("32-true", "this GPU has no bfloat16 instructions")
    if device.type != "cpu" or n_processes > 1:
        return PrecisionChoice("32-true", f"not measured on {n_processes} device(s) of type {device.type!r}")
    gain = bfloat16_gain(step)
    said = f"a step in bfloat16 has {gain:.2f} times the speed of single precision here"
    return PrecisionChoice("bf16-mixed" if gain >= LEAST_GAIN else "32-true", said)


def bfloat16_gain(step: Callable[[Precision], None], seconds: float = 1.0) -> float:
    """Measure how many times as fast as in single precision a step is in bfloat16 on this processor.

    The step runs on one thread, the two precisions alternate, and the fastest run of each counts, because
    other programs may slow the machine down at any time.

    Args:
        step: Function that does a forward and a backward pass in the given precision.
        seconds: Time that is spent on the measurement, apart from the first run of each precision.
    """
    times: dict[Precision, list[float]] = {"32-true": [], "bf16-mixed": []}
    with one_thread():
        single, half = (_timed(step, precision) for precision in times)  # prepares the kernels
        if half > _HOPELESS * single:
            return single / half
        began = time.perf_counter()
        while time.perf_counter() - began < seconds or len(times["bf16-mixed"]) < _MINIMUM_RUNS:
            for precision, found in times.items():
                found.append(_timed(step, precision))
    return min(times["32-true"]) / min(times["bf16-mixed"])


def _timed(step: Callable[[Precision], None], precision: Precision) -> float:
    began = time.thread_time()  # not the wall's: other programs share the processor
    step(precision)
    return time.thread_time() - began
