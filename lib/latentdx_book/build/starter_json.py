"""The starter cartridges as one file that the synth's page reads."""

import json
from base64 import b64encode
from pathlib import Path

from latentdx.presets import corpora


def title(stem: str) -> str:
    """Turn the name of a starter file into a title.

    >>> title("01-electric-pianos")
    'Electric pianos'
    """
    return stem.split("-", 1)[1].replace("-", " ").capitalize()


def write_starter(target: Path) -> None:
    """Write the starter cartridges as JSON: a list of titles, file names and the files in base64.

    Args:
        target: File to write, beside ``synth_page.js``.
    """
    cartridges = [
        {"name": title(path.stem), "file": path.name, "data": b64encode(path.read_bytes()).decode("ascii")}
        for path in sorted(corpora.find("starter"))
    ]
    target.write_text(json.dumps(cartridges), "ascii")
