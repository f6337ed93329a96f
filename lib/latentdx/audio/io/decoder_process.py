"""Decoding with pedalboard in a separate process, for formats that only the operating system can read.

pedalboard 0.9.26 crashes on 8 of 300 damaged files, and searches 3 GB of zeros for sound for two minutes. A
file from a stranger must cause neither here. This module is also the program that the process runs, so it
imports nothing from this package.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

TIMEOUT = 20.0
"""Seconds after which decoding is given up."""

_MOST_BYTES = 2**28  # 67 million values, nine times as many as 38 s of stereo at 96,000 Hz
_BLOCK = 65_536


def decode(
    path: Path, seconds: float, timeout: float = TIMEOUT
) -> tuple[npt.NDArray[np.float32], float, int]:
    """Decode the beginning of a sound file.

    Args:
        path: Sound file.
        seconds: Duration to decode, from the beginning.
        timeout: Time limit in seconds.

    Returns:
        Samples, float32 (samples, channels); sample rate in Hz; length of the whole file in samples.

    Raises:
        RuntimeError: The file cannot be decoded, takes too long, or has too many values.
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
    """Decode a file and write a JSON header and the samples to the standard output."""
    from pedalboard.io import AudioFile

    with AudioFile(path) as file:
        wanted = min(math.ceil(seconds * file.samplerate), int(file.frames))
        if 4 * wanted * file.num_channels > _MOST_BYTES:
            raise ValueError(
                f"{wanted:,} samples of {file.num_channels} channels need more than {_MOST_BYTES:,} bytes"
            )
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
