"""Measure every preset of a bank once: levels, harmonic and percussive shares, fundamental; resumable."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from latentdx.audio import pitch
from latentdx.audio.dexed import SINGLE_NOTE, Dexed
from latentdx.dataset.labels import LABEL_NOTE, balance
from latentdx.presets.bank import PresetBank

MEASURES = (
    "peak_rms_db",  # of the (60, 100) render: largest RMS of frames of 2,048 samples every 512, floor -120
    "peak_rms_db_85",  # the same of the (60, 85) render
    "peak",  # largest absolute sample of the (60, 85) render, plug-in scale
    "f0_hz",  # of the (60, 85) render by YIN; nan where silent
    "harmonic_share",  # the four of `labels.Balance`, (60, 100)
    "percussive_share",
    "harmonic_attack",
    "percussive_attack",
)
FLOOR_DB = -120.0
_PART = 256  # presets per part: about ten seconds of one core, what an interruption loses at most
_METHOD = 1  # raise it when this module measures otherwise, lest stale parts be reused


def peak_rms_db(audio: npt.NDArray[np.float32]) -> float:
    """Largest RMS over librosa's default frames (2,048 samples every 512), dB, at least -120."""
    return float(20 * np.log10(max(float(librosa.feature.rms(y=audio).max()), 10 ** (FLOOR_DB / 20))))


def measure(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """All `MEASURES` of presets (N, 145): float32 (N, 8)."""
    bank, synth = PresetBank.from_values(values), Dexed()
    out = np.empty((len(bank), len(MEASURES)), np.float32)
    for i, preset in enumerate(bank):
        loud = synth.render(preset, *LABEL_NOTE)
        plain = synth.render(preset, *SINGLE_NOTE[0])
        parts = balance(loud)
        out[i] = (
            peak_rms_db(loud),
            peak_rms_db(plain),
            np.abs(plain).max(),
            pitch.estimate_fast(plain),
            parts.harmonic,
            parts.percussive,
            parts.harmonic_attack,
            parts.percussive_attack,
        )
    return out


def _parts(values: npt.NDArray[np.uint8], cache: Path) -> Iterator[tuple[slice, Path]]:
    method = f"{_METHOD} {Dexed().engine} librosa {version('librosa')}".encode()
    for start in range(0, len(values), _PART):
        rows = slice(start, start + _PART)
        key = hashlib.sha256(method + values[rows].tobytes()).hexdigest()[:20]
        yield rows, cache / f"{key}.npy"


def measure_bank(
    bank: PresetBank, cache: Path, processes: int | None = None, progress: bool | None = None
) -> npt.NDArray[np.float32]:
    """All `MEASURES` of a bank, over processes, about 25 ms a preset and core; finished parts are reused.

    Args:
        bank: N presets.
        cache: folder of finished parts, made if missing. A part's file is named by what was measured and how.
        processes: default one a core.
        progress: show a bar; default only on a terminal.

    Returns:
        float32 (N, 8), columns as in `MEASURES`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    parts = list(_parts(bank.values, cache))
    todo = [(rows, path) for rows, path in parts if not path.exists()]
    with (
        ProcessPoolExecutor(processes or os.cpu_count()) as pool,
        tqdm(
            total=len(todo), unit="part", desc="measuring", disable=None if progress is None else not progress
        ) as bar,
    ):
        results = pool.map(measure, [bank.values[rows] for rows, _ in todo])
        for (_, path), result in zip(todo, results, strict=True):
            temporary = path.with_suffix(f".{os.getpid()}.tmp.npy")
            np.save(temporary, result)
            temporary.replace(path)
            bar.update()
    none = np.empty((0, len(MEASURES)), np.float32)
    return np.concatenate([none, *(np.load(path) for _, path in parts)])
