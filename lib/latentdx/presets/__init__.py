"""DX7 presets: the parameter table, banks, SysEx files, corpora."""

from latentdx.presets.bank import Flag, Preset, PresetBank
from latentdx.presets.parameters import PARAMETERS, Parameter, learnable_parameters, parameter

__all__ = ["PARAMETERS", "Flag", "Parameter", "Preset", "PresetBank", "learnable_parameters", "parameter"]
