"""The level at which a model expects a sound, and the gain that brings other sounds to it.

The level of a preset is part of what the models learn, so the sounds of presets are never normalized. The
level of another instrument says nothing about a DX7: somebody set it at a mixer. Such a sound is therefore
amplified so that its loudest frame (RMS of 2,048 samples) has the median level of the training presets.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from latentdx.dataset.audio_descriptors import FLOOR_DB, peak_rms_db
from latentdx.dataset.splits import Split
from latentdx.errors import ParameterError

TRAINING_LEVEL_DB = -20.899999618530273
"""Level in dB for the shipped models: `training_level_db()` of learnfm's twin-disjoint training set."""


@cache
def training_levels_db(corpus: str = "learnfm", split: Split = "twin-disjoint") -> tuple[float, ...]:
    """Return the level of each training preset's loudest frame at note 60, velocity 85.

    Args:
        corpus: Name of a corpus.
        split: Split whose training set is used.

    Returns:
        RMS levels in dB re full scale.

    Raises:
        DataMissingError: The corpus has no curation table.
    """
    from latentdx.dataset import curation  # imported here because it needs pyarrow, which `leveled` does not

    table = curation.read_curation(corpus)
    return tuple(table.loc[table[f"split_{split.replace('-', '_')}"] == "train", "peak_rms_db_85"])


def training_level_db(corpus: str = "learnfm", split: Split = "twin-disjoint") -> float:
    """Return the median of `training_levels_db` in dB re full scale."""
    return float(np.median(training_levels_db(corpus, split)))


def leveled(
    sound: npt.NDArray[np.float32], level_db: float | None = None
) -> tuple[npt.NDArray[np.float32], float]:
    """Amplify a sound so that its loudest frame has a given level.

    Args:
        sound: Mono sound at 22,050 Hz, float32 (samples,), of any level, even beyond full scale.
        level_db: RMS of the loudest frame in dB re full scale; default `TRAINING_LEVEL_DB`.

    Returns:
        Amplified sound, float32 (samples,), never clipped, and the gain in dB.

    Raises:
        ParameterError: The sound is silent.

    >>> _, gain = leveled(np.full(22_050, 0.1, np.float32), level_db=-26.0)
    >>> round(gain, 3)
    -6.0
    """
    now = peak_rms_db(sound)
    if now <= FLOOR_DB:
        raise ParameterError("the sound is silent: it has no level to change")
    gain = (TRAINING_LEVEL_DB if level_db is None else level_db) - now
    return (sound * np.float32(10 ** (gain / 20))).astype(np.float32), gain
