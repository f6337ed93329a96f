from .anchors import ANCHORS as ANCHORS
from .results import Measurement as Measurement
from .results import Result as Result
from .results import evaluate_rows as evaluate_rows
from .results import read_all as read_all
from .trials import Trial as Trial

__all__ = ["ANCHORS", "Measurement", "Result", "Trial", "evaluate_rows", "read_all"]
