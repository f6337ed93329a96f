"""LatentDX: program a DX7 from a sound.

A reproducible companion to "Improving Synthesizer Programming from Variational Autoencoders Latent Space"
(Le Vaillant, Dutoit, Dekeyser, DAFx 2021, DOI 10.23919/DAFx51585.2021.9768218).
"""

from latentdx.audio.dexed import Dexed
from latentdx.presets.bank import Preset, PresetBank

__all__ = ["Dexed", "Preset", "PresetBank"]
