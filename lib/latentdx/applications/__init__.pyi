from .interpolate import METHODS as METHODS
from .interpolate import Pairs as Pairs
from .master_tune import MasterTuning as MasterTuning
from .match import Candidate as Candidate
from .match import Match as Match
from .programmer import Programmer as Programmer
from .programmer import load_model as load_model
from .target import Target as Target
from .target import prepare_target as prepare_target
from .tune import Tuning as Tuning

__all__ = [
    "METHODS",
    "Candidate",
    "MasterTuning",
    "Match",
    "Pairs",
    "Programmer",
    "Target",
    "Tuning",
    "load_model",
    "prepare_target",
]
