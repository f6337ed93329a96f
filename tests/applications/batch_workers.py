"""Stand-ins for the matching of one sound, in a module that processes import quickly."""

import os
import signal

from latentdx.applications.batch_sounds import BatchOutcome, BatchTask
from latentdx.applications.match_summary import FORMAT


def stand_in(task: BatchTask) -> BatchOutcome:
    """Match without a model: what it finds depends on the sound alone."""
    text = task.content.decode()
    if task.failure or "bad" in text:
        return BatchOutcome(None, task.failure or "it is bad")
    return BatchOutcome({"format": FORMAT, "text": text}, "", {"target": b"t" + task.content, "answer": b"a"})


def dies_once(task: BatchTask) -> BatchOutcome:
    """Kill this process at a certain sound, but only the first time."""
    mark = task.sound.path.with_name("mark")
    if task.content == b"3" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return stand_in(task)


def always_dies(task: BatchTask) -> BatchOutcome:
    if task.content == b"3":
        os.kill(os.getpid(), signal.SIGKILL)
    return stand_in(task)
