from .applications.match import match as match
from .applications.programmer import Programmer as Programmer
from .applications.programmer import load_model as load_model
from .audio.engine.synth import Engine as Engine
from .audio.renderer import Dexed as Dexed
from .presets.bank import Preset as Preset
from .presets.bank import PresetBank as PresetBank

__all__ = ["Dexed", "Engine", "Preset", "PresetBank", "Programmer", "load_model", "match"]
__version__: str
