from .bank import Flag as Flag
from .bank import Preset as Preset
from .bank import PresetBank as PresetBank
from .parameters import PARAMETERS as PARAMETERS
from .parameters import Parameter as Parameter
from .parameters import learnable_parameters as learnable_parameters
from .parameters import parameter as parameter
from .predictions import Predictions as Predictions

__all__ = [
    "PARAMETERS",
    "Flag",
    "Parameter",
    "Predictions",
    "Preset",
    "PresetBank",
    "learnable_parameters",
    "parameter",
]
