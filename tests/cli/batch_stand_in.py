"""A stand-in for the matching of one sound of a batch: its answer is a starter preset."""

from latentdx.applications.batch_sounds import BatchOutcome, BatchTask
from latentdx.applications.match_summary import FORMAT
from latentdx.presets import corpora
from latentdx.presets.parameters import voice_parameters


def matched(task: BatchTask) -> BatchOutcome:
    """Answer the text of a sound, a row, by that starter preset."""
    text = task.content.decode()
    if task.failure or text == "bad":
        return BatchOutcome(None, task.failure or "it is bad")
    preset = corpora.read("starter")[int(text)]
    sound = {"note": 60, "velocity": 85, "hold_seconds": 3.0, "warnings": [], "remarks": []}
    close = {"word": "close", "percentile": 60, "tests": 200, "renders": 500}
    candidate = {
        "name": "X 1",
        "voice": 1,
        "mix": 0.3,
        "closeness": close,
        "parameters": {p.name: preset[p.name] for p in voice_parameters()},
    }
    summary = {"format": FORMAT, "renders": 4, "missing": [], "sounds": [sound], "candidates": [candidate]}
    return BatchOutcome(summary, "", {"target": b"t", "answer": b"a"})
