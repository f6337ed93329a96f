"""Audio descriptors of presets: levels, harmonic and percussive shares, fundamental; each measured once."""

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
_METHOD = 1  # raise it when the measures change, so that stale parts are not reused


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


def measure_bank(bank: PresetBank, options: RunOptions = RunOptions()) -> npt.NDArray[np.float32]:
    """Measure a bank, over processes, about 25 ms per preset and core; finished parts are kept.

    Args:
        bank: N presets.
        options: How the computation runs.

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
