"""Choice of the precision in which training steps are fastest on the machine at hand.

Processors with bfloat16 instructions train several times as fast with them. Without them, PyTorch still
accepts bfloat16, but a convolution takes up to eighteen times as long as in single precision.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn

from latentdx.threads import one_thread

Precision = Literal["32-true", "bf16-mixed"]

LEAST_GAIN = 1.2
"""Speed of bfloat16 relative to single precision from which it is chosen."""

_SECONDS = 1.0
_MINIMUM_RUNS = 2


@dataclass(frozen=True)
class PrecisionChoice:
    """Precision of training steps, and why it was chosen.

    Attributes:
        precision: "32-true" or "bf16-mixed".
        reason: The reason as a phrase, for messages.
    """

    precision: Precision
    reason: str


def fastest_precision(device: torch.device, n_processes: int = 1) -> PrecisionChoice:
    """Choose the precision for a device.

    A GPU gets bfloat16 if it has the instructions. A processor is measured for a second. Several processes
    must not differ in their choice; on processors they get single precision, unmeasured.

    Args:
        device: Device that trains.
        n_processes: Number of processes that train together.
    """
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return PrecisionChoice("bf16-mixed", "this GPU has bfloat16 instructions")
        return PrecisionChoice("32-true", "this GPU has no bfloat16 instructions")
    if device.type != "cpu" or n_processes > 1:
        return PrecisionChoice("32-true", f"not measured on {n_processes} device(s) of type {device.type!r}")
    gain = bfloat16_gain()
    if gain >= LEAST_GAIN:
        return PrecisionChoice("bf16-mixed", f"measured {gain:.1f} times as fast as single precision here")
    return PrecisionChoice("32-true", f"bfloat16 was measured {gain:.2g} times as fast here")


@cache
def bfloat16_gain(seconds: float = _SECONDS) -> float:
    """Measure how many times as fast as in single precision a step is in bfloat16 on this processor.

    The step is a forward and a backward pass through two convolutions and a linear layer, which are typical
    of this project's networks. It runs on one thread, the two precisions alternate, and the fastest run of
    each counts, because other programs may slow the machine down at any time.

    Args:
        seconds: Time that is spent on the measurement, apart from the first run of each precision.
    """
    network = nn.Sequential(
        nn.Conv2d(16, 32, 4, 2),
        nn.LeakyReLU(0.1),
        nn.Conv2d(32, 64, 4, 2),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        nn.Linear(64 * 14 * 20, 64),
    ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    maps = torch.zeros(4, 16, 64, 86).contiguous(memory_format=torch.channels_last)
    times: dict[bool, list[float]] = {False: [], True: []}
    with one_thread():
        for half in times:  # prepares the kernels
            _timed(network, maps, half)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds or len(times[True]) < _MINIMUM_RUNS:
            for half, found in times.items():
                found.append(_timed(network, maps, half))
    return min(times[False]) / min(times[True])


def _timed(network: Callable[[Tensor], Tensor], maps: Tensor, half: bool) -> float:
    began = time.thread_time()  # not the wall's: other programs share the processor
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        loss = network(maps).float().square().mean()
    loss.backward()
    return time.thread_time() - began
