"""SHA-256 of a hundred renders of starter presets, for `test_dexed.py`.

After the starter bank or the engine has changed on purpose:  python tests/audio/render_hashes.py
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
    """Platform and engine: floating point differs between processors' families, sound between engines."""
    return f"{platform.system()} {platform.machine()}, {Dexed().engine}"


def compute() -> dict[str, Any]:
    """The bank's hash and those of 100 presets evenly spread over it, each at one of the six notes."""
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
