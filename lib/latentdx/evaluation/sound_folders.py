"""Folders of sounds that a JSON file names."""

import io
import re
from pathlib import Path

import soundfile

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.files import atomic_write
from latentdx.typing import Audio


def write_sound(path: Path, sound: Audio) -> None:
    """Write a sound, at 22,050 Hz, as a FLAC file of 16 bits, which has half the size of 24 bits."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    with atomic_write(path) as opened:
        opened.write(buffer.getvalue())


def remove_sounds(manifest: Path) -> None:
    """Remove the sounds of an earlier run; other sounds in the folder, such as the user's own, stay.

    Args:
        manifest: JSON file that names the FLAC files beside it; it need not exist.
    """
    if manifest.exists():
        for name in set(re.findall(r'"([^"/\\]+\.flac)"', manifest.read_text("utf-8"))):
            (manifest.parent / name).unlink(missing_ok=True)
