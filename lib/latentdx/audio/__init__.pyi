from .engine.synth import Engine as Engine
from .pitch import Pitch as Pitch
from .recording_simulation import SimulatedRecording as SimulatedRecording
from .renderer import NOTE_SETS as NOTE_SETS
from .renderer import SAMPLE_RATE as SAMPLE_RATE
from .renderer import SINGLE_NOTE as SINGLE_NOTE
from .renderer import SIX_NOTES as SIX_NOTES
from .renderer import Dexed as Dexed
from .renderer import PluginRenderer as PluginRenderer
from .renderer import Renderer as Renderer
from .spectrogram import mel_spectrogram as mel_spectrogram

__all__ = [
    "NOTE_SETS",
    "SAMPLE_RATE",
    "SINGLE_NOTE",
    "SIX_NOTES",
    "Dexed",
    "Engine",
    "Pitch",
    "PluginRenderer",
    "Renderer",
    "SimulatedRecording",
    "mel_spectrogram",
]
