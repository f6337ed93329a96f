from .objective import WEIGHTS as WEIGHTS
from .objective import FastObjective as FastObjective
from .objective import distance as distance
from .objective import score as score
from .registry import METRICS as METRICS
from .registry import AudioMetric as AudioMetric
from .registry import Metric as Metric
from .registry import ParameterMetric as ParameterMetric
from .sound_features import SoundFeatures as SoundFeatures

__all__ = [
    "METRICS",
    "WEIGHTS",
    "AudioMetric",
    "FastObjective",
    "Metric",
    "ParameterMetric",
    "SoundFeatures",
    "distance",
    "score",
]
