"""Sound: the synth, spectrograms, pitch, files."""

from latentdx.audio.dexed import NOTE_SETS, SINGLE_NOTE, SIX_NOTES, Dexed, Renderer
from latentdx.audio.spectrogram import mel_spectrogram

__all__ = ["NOTE_SETS", "SINGLE_NOTE", "SIX_NOTES", "Dexed", "Renderer", "mel_spectrogram"]
