from .posterior_sampler import PresetSampler as PresetSampler
from .preset_vae import Architecture as Architecture
from .preset_vae import PresetVAE as PresetVAE
from .representation import REPRESENTATIONS as REPRESENTATIONS
from .representation import Representation as Representation

__all__ = ["REPRESENTATIONS", "Architecture", "PresetSampler", "PresetVAE", "Representation"]
