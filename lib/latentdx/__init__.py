"""LatentDX: program a DX7 from a sound.

A reproducible companion to "Improving Synthesizer Programming from Variational Autoencoders Latent Space"
(Le Vaillant, Dutoit, Dekeyser, DAFx 2021, DOI 10.23919/DAFx51585.2021.9768218).
"""

from typing import TYPE_CHECKING, Any

from latentdx.audio.dexed import Dexed
from latentdx.presets.bank import Preset, PresetBank

if TYPE_CHECKING:
    from latentdx.applications.program import load_model

__all__ = ["Dexed", "Preset", "PresetBank", "load_model"]


def __getattr__(name: str) -> Any:
    """`load_model` is imported when asked for: PyTorch takes seconds, and presets need none."""
    if name == "load_model":
        from latentdx.applications.program import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
