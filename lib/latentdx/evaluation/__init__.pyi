from .anchors import ANCHORS as ANCHORS
from .interpolation_data import InterpolationData as InterpolationData
from .listening_studies import ListenerAgreement as ListenerAgreement
from .result_data import NotMeasuredError as NotMeasuredError
from .result_data import PublishedExamples as PublishedExamples
from .result_data import ResultData as ResultData
from .results import Measurement as Measurement
from .results import Result as Result
from .results import evaluate_rows as evaluate_rows
from .results import read_all as read_all
from .trials import Trial as Trial

__all__ = [
    "ANCHORS",
    "InterpolationData",
    "ListenerAgreement",
    "Measurement",
    "NotMeasuredError",
    "PublishedExamples",
    "Result",
    "ResultData",
    "Trial",
    "evaluate_rows",
    "read_all",
]
