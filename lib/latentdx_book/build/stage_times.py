"""Reporter for doit that prints how long each stage took, and before a build how long it will take.

Estimates come from the last build on this machine, whose times are kept beside what was built. Where there
was none, the committed measurement of the whole command is quoted with its machine.
"""

import heapq
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from doit.dependency import Dependency, JsonDB
from doit.reporter import ConsoleReporter
from doit.task import Task


def duration(seconds: float) -> str:
    """Return a time in words.

    >>> duration(42.3), duration(112), duration(3900)
    ('42 s', '1 min 52 s', '1 h 5 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def makespan(steps: Mapping[str, Iterable[str]], seconds: Mapping[str, float], workers: int) -> float:
    """Return how long steps take, in seconds, when each starts as soon as a worker and its inputs are there.

    Args:
        steps: Name of each step -> names of those before it, in an order in which they can run.
        seconds: Name of each step -> how long it takes.
        workers: Number of steps that run at once.
    """
    free, ends = [0.0] * workers, {"": 0.0}
    for name, before in steps.items():
        start = max(heapq.heappop(free), *(ends.get(other, 0.0) for other in ["", *before]))
        ends[name] = start + seconds[name]
        heapq.heappush(free, ends[name])
    return max(ends.values())


def steps_to(tasks: Mapping[str, Task], names: Iterable[str]) -> list[str]:
    """Return these tasks and all before them that do something, in an order in which they can run."""
    found: dict[str, None] = {}
    for name in names:
        found |= dict.fromkeys(steps_to(tasks, tasks[name].task_dep))
        if tasks[name].actions:
            found[name] = None
    return list(found)


class StageReporter(ConsoleReporter):  # type: ignore[misc]  # doit has no types
    """Reporter that adds times to doit's own messages.

    Args:
        build: Folder of the build, with doit's database; times go to `stage_times.json` in it.
        workers: Number of tasks that run at once.
        goal: Task whose time, and that of all tasks before it, is estimated.
        committed: Measurement of the whole goal by `benchmarks/commands.py`; `None` if there is none.
    """

    desc = "console output with times"

    def __init__(
        self, build: Path, workers: int, goal: str, committed: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(sys.stdout, {})
        self.build, self.workers, self.goal, self.committed = build, workers, goal, committed
        self.file = build / "stage_times.json"
        self.seconds: dict[str, float] = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.started: dict[str, float] = {}
        self.due: dict[str, list[str]] = {}
        self.done = 0

    def initialize(self, tasks: Mapping[str, Task], selected_tasks: Sequence[str]) -> None:
        """Print how many steps to the goal are due, and how long they will take."""
        needed, every = steps_to(tasks, selected_tasks), steps_to(tasks, [self.goal])
        if not set(needed) <= set(every):
            return
        database = Dependency(JsonDB, str(self.build / ".doit.json"))
        for name in needed:
            before = steps_to(tasks, tasks[name].task_dep)
            status = database.get_status(tasks[name], tasks).status
            if status != "up-to-date" or self.due.keys() & set(before):
                self.due[name] = before
        if self.due:
            forecast = self._forecast(whole=len(self.due) == len(every))
            self._say(f"{len(self.due)} of {len(needed)} stages to do: {forecast}")

    def execute_task(self, task: Task) -> None:
        """Note the time at which a task starts."""
        super().execute_task(task)
        self.started[task.name] = time.monotonic()

    def skip_uptodate(self, task: Task) -> None:
        """Expect no time for a task that need not run after all."""
        super().skip_uptodate(task)
        self.due.pop(task.name, None)

    def add_success(self, task: Task) -> None:
        """Print and keep the time that a task took."""
        super().add_success(task)
        if task.name not in self.started or not task.actions:
            return
        taken = time.monotonic() - self.started.pop(task.name)
        self.seconds[task.name] = round(taken, 1)
        self.file.write_text(json.dumps(self.seconds, indent=1, sort_keys=True) + "\n")
        self.done += self.due.pop(task.name, None) is not None
        left = f" ({self._left()})" if self.due else ""
        self._say(f"{task.name}: {duration(taken)}{left}")

    def _forecast(self, *, whole: bool) -> str:
        unknown = self.due.keys() - self.seconds.keys()
        if not unknown:
            expected = makespan(self.due, self.seconds, self.workers)
            return f"about {duration(expected)}, by the last build on this machine"
        if whole and self.committed:
            machine = self.committed["machine"]
            return (
                f"{duration(self.committed['seconds'])} when measured on {machine['cores']} cores of"
                f" {machine['processor']}; how long here, the next build will know"
            )
        return f"no estimate, because {len(unknown)} never ran on this machine"

    def _left(self) -> str:
        now = time.monotonic()
        text = f"{self.done} of {self.done + len(self.due)} done"
        if not self.due.keys() <= self.seconds.keys():
            return text
        rest = {name: max(self.seconds[name] - (now - self.started.get(name, now)), 0.0) for name in self.due}
        return f"{text}, about {duration(makespan(self.due, rest, self.workers))} left"

    def _say(self, text: str) -> None:
        self.write(f"== {text}\n")
        self.outstream.flush()
