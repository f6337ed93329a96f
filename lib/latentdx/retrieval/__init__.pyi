from .exact_neighbors import Neighbors as Neighbors
from .known_presets import KnownPresets as KnownPresets
from .known_presets import nearest_presets as nearest_presets
from .sound_index import SoundIndex as SoundIndex

__all__ = ["KnownPresets", "Neighbors", "SoundIndex", "nearest_presets"]
