"""A batch of matches: one preset for each of many sounds, on processes or Dask workers, and resumable.

Each finished sound leaves three files in the batch's folder: its summary as JSON and two previews, named by
the key of the result (see `batch_sounds.BatchTask.key`). The summary is written last, so its presence says
that the sound is finished; only the process that called `match_batch` writes. A task may therefore run
twice, or its worker die, and the results stay the same. In memory are the sounds that are being matched and
the summaries, of 9 kB each.
"""

import json
import os
import re
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from latentdx.applications.batch_sounds import (
    PREVIEWS,
    BatchOutcome,
    BatchSettings,
    BatchTask,
    Surroundings,
    match_sound,
    parse_outcome,
)
from latentdx.applications.preset_names import numbered, preset_name
from latentdx.applications.target import TargetFile
from latentdx.caching import sole_writer
from latentdx.errors import ParameterError
from latentdx.files import atomic_write, remove_leftovers

if TYPE_CHECKING:
    from distributed import Client

PARTS = "parts"
"""Folder of the finished sounds, within that of the batch."""

MOST_DEATHS = 2
"""A sound whose process dies so often, while it is the only one, is given up."""


SUFFIXES = (".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav")
"""Suffixes of the sound files that are looked for in a folder."""


@dataclass(frozen=True)
class BatchEntry:
    """One sound of a batch, and its result.

    Attributes:
        file: File as it was given.
        name: Name of its preset, different from those of all others.
        key: Key of the result; "" where the file cannot be read.
        summary: Summary of the match; `None` if it failed.
        failure: Why it failed; "" for a match.
    """

    file: str
    name: str
    key: str
    summary: Mapping[str, Any] | None
    failure: str = ""


def match_batch(
    sounds: Sequence[TargetFile],
    settings: BatchSettings,
    surroundings: Surroundings,
    folder: Path,
    *,
    workers: int | None = None,
    client: "Client | None" = None,
    progress: Callable[[BatchEntry, bool], None] = lambda entry, new: None,
) -> list[BatchEntry]:
    """Match many sounds, one preset each, or finish a batch that was interrupted.

    Args:
        sounds: Sound files, with notes and velocities where they are known.
        settings: Settings of all matches.
        surroundings: What the results depend on besides, see `batch_sounds.surroundings_of`.
        folder: Folder of the batch; created if needed.
        workers: Number of processes; default one per core, and 1 works in this process.
        client: Dask client, whose workers match instead.
        progress: Function called with each sound as it is finished, and whether it was matched now.

    Returns:
        The sounds in their order, those that failed included.

    Raises:
        ParameterError: There are no sounds, or a Dask worker differs from this process.
        StoreBusyError: Another process is working in the folder.
        OSError: A result cannot be written.
    """
    if not sounds:
        raise ParameterError("there is no sound to match: give at least one")
    parts = folder / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    names = batch_names([sound.path.stem for sound in sounds])
    entries: list[BatchEntry | None] = [None] * len(sounds)
    places: dict[str, list[int]] = {}
    with sole_writer(folder, "matching"):
        remove_leftovers(parts)

        def finish(i: int, key: str, summary: Mapping[str, Any] | None, failure: str, new: bool) -> None:
            entry = BatchEntry(str(sounds[i].path), names[i], key, summary, failure)
            entries[i] = entry
            progress(entry, new)

        def task(i: int, key: str = "") -> BatchTask:
            """Read a sound, for the second time if its key is known."""
            made = partial(BatchTask, sounds[i], settings=settings, surroundings=surroundings)
            try:
                read = made(sounds[i].path.read_bytes())
            except OSError as error:
                return made(b"", failure=f"it cannot be read: {error.strerror or error}")
            return made(b"", failure="it changed meanwhile") if key and read.key != key else read

        for i in range(len(sounds)):
            read = task(i)
            if read.failure:
                finish(i, "", None, read.failure, False)
            else:
                places.setdefault(read.key, []).append(i)
        missing: dict[str, Callable[[], BatchTask]] = {}
        for key, indices in places.items():
            summary = _stored(parts, key)
            if summary is None:
                missing[key] = partial(task, indices[0], key)
            else:
                for i in indices:
                    finish(i, key, summary, "", False)
        for key, outcome in _outcomes(missing, workers, client):
            if outcome.summary is not None:
                _store(parts, key, outcome)
            for i in places[key]:
                finish(i, key, outcome.summary, outcome.failure, True)
    return [entry for entry in entries if entry is not None]


def expand_folders(sounds: Sequence[TargetFile]) -> list[TargetFile]:
    """Replace folders by the sound files in them, sorted by name: "2.wav" comes before "10.wav".

    Args:
        sounds: Files and folders, with notes and velocities where they are known.

    Raises:
        ParameterError: A folder holds no sound file.
    """
    found = []
    for sound in sounds:
        if not sound.path.is_dir():
            found.append(sound)
            continue
        inside = [path for path in sound.path.iterdir() if path.suffix.lower() in SUFFIXES]
        if not inside:
            raise ParameterError(f"{sound.path} holds no sound file ({', '.join(SUFFIXES)})")
        found += [replace(sound, path=path) for path in sorted(inside, key=_natural)]
    return found


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return the key that sorts numbers in names by their size."""
    pieces = re.split(r"([0-9]+)", path.name)
    return [(int(piece[:18]) if i % 2 else 0, piece) for i, piece in enumerate(pieces)]


def batch_names(stems: Sequence[str]) -> list[str]:
    """Return a different preset name for each file name; those that would be equal are numbered.

    >>> batch_names(["Flute", "a very long name 1", "a very long name 2"])
    ['Flute', 'a very l 1', 'a very l 2']
    """
    shown = [preset_name(stem) for stem in stems]
    often, taken = Counter(shown), {name for name, n in Counter(shown).items() if n == 1}
    names = []
    for name in shown:
        number = 1
        unique = name
        while often[name] > 1 and (unique == name or unique in taken):
            unique, number = numbered(name, number), number + 1
        taken.add(unique)
        names.append(unique)
    return names


def _stored(parts: Path, key: str) -> dict[str, Any] | None:
    """Return the summary of a finished sound; `None` if it is not finished."""
    try:
        content = (parts / f"{key}.json").read_bytes()
    except OSError:
        return None
    whole = all((parts / f"{key}.{name}.mp3").is_file() for name in PREVIEWS)
    return parse_outcome(content) if whole else None


def _store(parts: Path, key: str, outcome: BatchOutcome) -> None:
    for name, data in outcome.previews.items():
        with atomic_write(parts / f"{key}.{name}.mp3") as file:
            file.write(data)
    with atomic_write(parts / f"{key}.json") as file:
        file.write(json.dumps(outcome.summary, indent=1, ensure_ascii=False, allow_nan=False).encode())


def _outcomes(
    tasks: Mapping[str, Callable[[], BatchTask]], workers: int | None, client: "Client | None"
) -> Iterator[tuple[str, BatchOutcome]]:
    """Run tasks and yield the outcome of each as it is finished."""
    count = min(workers or os.cpu_count() or 1, len(tasks))
    if client is not None:
        yield from _on_dask(tasks, client)
    elif count > 1:
        yield from _in_processes(tasks, count)
    else:
        for key, task in tasks.items():
            yield key, match_sound(task())


def _on_dask(
    tasks: Mapping[str, Callable[[], BatchTask]], client: "Client"
) -> Iterator[tuple[str, BatchOutcome]]:
    """Run tasks on a cluster, which runs those of a lost worker again by itself."""
    from distributed import KilledWorker

    remote = client.get_executor(pure=False)
    waiting, running = deque(tasks), dict[Future[BatchOutcome], str]()
    try:
        while waiting or running:
            while waiting and len(running) < 2 * max(1, sum(client.nthreads().values())):
                key = waiting.popleft()
                running[remote.submit(match_sound, tasks[key]())] = key
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key = running.pop(future)
                try:
                    yield key, future.result()
                except KilledWorker as error:
                    yield key, BatchOutcome(None, f"the workers that matched it died: {error}")
    finally:
        remote.shutdown(wait=False)


def _in_processes(
    tasks: Mapping[str, Callable[[], BatchTask]], count: int
) -> Iterator[tuple[str, BatchOutcome]]:
    """Run tasks in processes. When one dies, the sounds that were being matched are tried one by one."""
    waiting, suspects, deaths = deque(tasks), deque[str](), Counter[str]()
    while waiting or suspects:
        alone = bool(suspects)
        queue, most = (suspects, 1) if alone else (waiting, count)
        running: dict[Future[BatchOutcome], str] = {}
        with _processes(most) as pool:
            while queue or running:
                while queue and len(running) < most:
                    key = queue.popleft()
                    try:
                        running[pool.submit(match_sound, tasks[key]())] = key
                    except BrokenProcessPool:  # it broke while idle
                        queue.appendleft(key)
                        break
                broken = not running
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    if isinstance(future.exception(), BrokenProcessPool):
                        broken = True
                    else:
                        yield running.pop(future), future.result()
                if broken:
                    break
        for future, key in running.items():  # all of them are done
            if not isinstance(future.exception(), BrokenProcessPool):
                yield key, future.result()
                continue
            deaths[key] += alone
            if deaths[key] < MOST_DEATHS:
                suspects.append(key)
            else:
                yield key, BatchOutcome(None, f"the process that matched it died {MOST_DEATHS} times")


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of fresh processes; on leaving, start nothing more."""
    pool = ProcessPoolExecutor(count, _context(), _start_process)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _context() -> BaseContext:
    """Return how processes start: forked from a server that has imported everything, where there is one."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([match_sound.__module__])
    return context


def _start_process() -> None:
    """Prepare a process for its work on one core; Ctrl-C ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(1)
