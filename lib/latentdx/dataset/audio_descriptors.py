"""Audio descriptors of presets: levels, harmonic and percussive shares, and fundamental frequency."""

from importlib.metadata import version

import librosa
import numpy as np
import numpy.typing as npt

from latentdx.audio import pitch
from latentdx.audio.renderer import SINGLE_NOTE, Dexed
from latentdx.caching import map_chunks
from latentdx.dataset.labels import LABEL_NOTE, balance
from latentdx.presets.bank import PresetBank
from latentdx.run_options import RunOptions

MEASURES = (
    "peak_rms_db",  # largest RMS of the (60, 100) render's frames (2,048 samples every 512), at least -120 dB
    "peak_rms_db_85",  # largest RMS of the (60, 85) render's frames
    "peak",  # largest absolute sample of the (60, 85) render, plug-in scale
    "f0_hz",  # YIN pitch of the (60, 85) render; nan if it is silent
    "harmonic_share",  # this and the next three: `labels.Balance` of the (60, 100) render
    "percussive_share",
    "harmonic_attack",
    "percussive_attack",
)
FLOOR_DB = -120.0
_PART = 256  # presets per part: about ten seconds on one core, the most that an interruption loses
_METHOD = 1  # increase it when the measures change, so that stale parts are not reused


def peak_rms_db(audio: npt.NDArray[np.float32]) -> float:
    """Return the largest RMS over librosa's default frames (2,048 samples every 512) in dB, at least -120."""
    return float(20 * np.log10(max(float(librosa.feature.rms(y=audio).max()), 10 ** (FLOOR_DB / 20))))


def measure(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Compute all `MEASURES` of presets in the current process.

    Args:
        values: Presets, uint8 (N, 145).

    Returns:
        float32 (N, 8), columns as in `MEASURES`.
    """
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


def measure_bank(bank: PresetBank, options: RunOptions = RunOptions()) -> npt.NDArray[np.float32]:
    """Compute all `MEASURES` of a bank, in about 25 ms per preset and core; finished parts are kept.

    Args:
        bank: N presets.
        options: Number of processes, progress bar, and location of the cache.

    Returns:
        float32 (N, 8), columns as in `MEASURES`.
    """
    return map_chunks(
        measure,
        [bank.values],
        method=f"{_METHOD} {Dexed().engine} librosa {version('librosa')}",
        kind="descriptors",
        options=options,
        size=_PART,
        description="measuring",
    )
