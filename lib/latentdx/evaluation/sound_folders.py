"""Folders of sounds that a JSON file names."""

import re
from pathlib import Path


def remove_sounds(manifest: Path) -> None:
    """Remove the sounds of an earlier run; other sounds in the folder, such as the user's own, stay.

    Args:
        manifest: JSON file that names the FLAC files beside it; it need not exist.
    """
    if manifest.exists():
        for name in set(re.findall(r'"([^"/\\]+\.flac)"', manifest.read_text("utf-8"))):
            (manifest.parent / name).unlink(missing_ok=True)
