"""Decode with pedalboard in a process of its own, for the formats that only the operating system can read.

pedalboard 0.9.26 crashes on 8 of 300 damaged files, and looks for sound in 3 GB of zeros for two minutes; a
file that somebody sends must do neither to us. This file is also the program that the process runs, so it
imports nothing of this package.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

TIMEOUT = 20.0
"""Seconds that decoding may take."""

_MOST_BYTES = 2**28  # 67 million values; 34 s of stereo at 96,000 Hz are a tenth
_BLOCK = 65_536


def decode(
    path: Path, seconds: float, timeout: float = TIMEOUT
) -> tuple[npt.NDArray[np.float32], float, int]:
    """The first seconds of a sound file: float32 (samples, channels), rate in Hz, samples of the whole file.

    Raises:
        RuntimeError: it cannot be decoded; or not in time, or within bounds.
    """
    command = [sys.executable, "-P", __file__, str(path.absolute()), repr(seconds)]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"not decoded within {timeout:g} s") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
        raise RuntimeError(lines[-1])
    head, _, data = done.stdout.partition(b"\n")
    about = json.loads(head)
    return np.frombuffer(data, np.float32).reshape(-1, about["channels"]), about["rate"], about["length"]


def _main(path: str, seconds: float) -> None:
    from pedalboard.io import AudioFile

    with AudioFile(path) as file:
        wanted = min(math.ceil(seconds * file.samplerate), int(file.frames))
        if 4 * wanted * file.num_channels > _MOST_BYTES:
            raise ValueError(f"{file.samplerate:,} Hz, {file.num_channels} channels are too many")
        about = {"rate": file.samplerate, "channels": file.num_channels, "length": int(file.frames)}
        sys.stdout.buffer.write(json.dumps(about).encode() + b"\n")
        while wanted > 0:
            block = file.read(min(_BLOCK, wanted))
            if not block.shape[1]:
                break
            wanted -= block.shape[1]
            sys.stdout.buffer.write(np.ascontiguousarray(block.T, np.float32).tobytes())


if __name__ == "__main__":
    _main(sys.argv[1], float(sys.argv[2]))
