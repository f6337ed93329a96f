"""SHA-256 hashes of a hundred renders of starter presets, for `test_renderer.py`.

Run `python tests/audio/render_hashes.py` after an intended change of the starter bank or the engine.
"""

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np

from latentdx import Dexed
from latentdx.audio.renderer import SIX_NOTES
from latentdx.presets import corpora

FILE = Path(__file__).with_suffix(".json")


def key() -> str:
    """Return the platform and the engine, because the bits of a render depend on both."""
    return f"{platform.system()} {platform.machine()}, {Dexed().engine}"


def compute() -> dict[str, Any]:
    """Hash the bank and 100 presets evenly spread over it, each at one of the six notes."""
    bank, renderer = corpora.read("starter"), Dexed()
    hashes = {}
    for i, row in enumerate(np.linspace(0, len(bank) - 1, 100).astype(int).tolist()):
        note, velocity = SIX_NOTES[i % len(SIX_NOTES)]
        sound = renderer.render(bank[row], note, velocity)
        hashes[f"{row} at {note}:{velocity}"] = hashlib.sha256(sound.tobytes()).hexdigest()
    return {"bank": corpora.bank_hash(bank), "renders": hashes}


if __name__ == "__main__":
    recorded = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    FILE.write_text(json.dumps(recorded | {key(): compute()}, indent=1) + "\n", "utf-8")
