"""LatentDX: program a DX7 from a sound.

A reproducible companion to "Improving Synthesizer Programming from Variational Autoencoders Latent Space"
(Le Vaillant, Dutoit, Dekeyser, DAFx 2021, DOI 10.23919/DAFx51585.2021.9768218).

>>> from latentdx import Dexed, PresetBank
>>> preset = PresetBank.init()[0]
>>> preset.name, preset["ALGORITHM"] + 1
('INIT VOICE', 1)
>>> sound = Dexed().render(preset, note=60, velocity=85)
>>> sound.shape, sound.dtype
((88576,), dtype('float32'))
"""

from importlib.metadata import version

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = version("latentdx")
