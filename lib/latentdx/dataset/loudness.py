"""The level at which a model expects a sound: sounds from elsewhere are brought to it, by one gain.

A preset's own level is part of what the models learn, so what they hear is never normalized. Another
instrument's level says nothing about a DX7: it is what somebody set at a mixer. The rule: its loudest frame
(RMS of 2,048 samples) gets the median level of the presets that the model was trained on.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from latentdx.dataset.audio_descriptors import FLOOR_DB, peak_rms_db
from latentdx.dataset.splits import Split
from latentdx.errors import ParameterError

TRAINING_LEVEL_DB = -20.899999618530273
"""`training_level_db()` of learnfm's twin-disjoint training set, on which the shipped models were trained."""


@cache
def training_levels_db(corpus: str = "learnfm", split: Split = "twin-disjoint") -> tuple[float, ...]:
    """Of each training preset the loudest frame's RMS at note 60, velocity 85, dB re full scale.

    Raises:
        DataMissingError: the corpus has no curation table.
    """
    from latentdx.dataset import curation  # its tables need pyarrow, which `leveled` does not

    table = curation.read_curation(corpus)
    return tuple(table.loc[table[f"split_{split.replace('-', '_')}"] == "train", "peak_rms_db_85"])


def training_level_db(corpus: str = "learnfm", split: Split = "twin-disjoint") -> float:
    """The median of `training_levels_db`."""
    return float(np.median(training_levels_db(corpus, split)))


def leveled(
    sound: npt.NDArray[np.float32], level_db: float | None = None
) -> tuple[npt.NDArray[np.float32], float]:
    """A mono sound at 22,050 Hz with its loudest frame at `level_db`, and the gain that took, in dB.

    Args:
        sound: float32 (samples,), of any level; beyond full scale is no harm, for nothing is clipped.
        level_db: RMS of its loudest frame, in dB; default `TRAINING_LEVEL_DB`.

    Raises:
        ParameterError: silence has no level.
    """
    now = peak_rms_db(sound)
    if now <= FLOOR_DB:
        raise ParameterError("the sound is silent: it has no level to change")
    gain = (TRAINING_LEVEL_DB if level_db is None else level_db) - now
    return (sound * np.float32(10 ** (gain / 20))).astype(np.float32), gain
