"""Render a bank at some notes into a spectrogram store: resumable, on threads of this machine or on Dask.

The work is cut into shards. One task renders one shard, writes it atomically and returns its SHA-256; only
the process that called `render_store` writes the manifest. So a task may run twice or die at any point: what
counts as finished is in the manifest, and as the engine is deterministic, a resumed store has the bytes of an
undisturbed one.
"""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from latentdx.audio.renderer import Dexed, Renderer, RenderError, check_note
from latentdx.audio.spectrogram import N_FRAMES, N_MELS, mel_spectrogram, to_codes
from latentdx.dataset.store import MANIFEST, Manifest, Notes, Store, is_intact, shard_name, write_shard
from latentdx.errors import ParameterError, StoreBusyError, StoreFullError
from latentdx.files import remove_leftovers
from latentdx.presets.bank import PresetBank

if TYPE_CHECKING:
    from distributed import Client

Submit = Callable[["ShardTask"], "Future[str]"]

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MARGIN_BYTES = 2**20  # for the manifest, which is written anew beside the old one


class _GivenUpError(Exception):
    """A task was asked to stop."""


@dataclass(frozen=True)
class ShardTask:
    """All that rendering one shard needs, small enough to be sent to another machine.

    `engine` is what the manifest promises: a worker with another version of the engine must not take part.
    """

    path: Path
    bank: PresetBank
    notes: Notes
    renderer: Renderer
    engine: str


def render_shard(task: ShardTask, stop: Callable[[], bool] = lambda: False) -> str:
    """Render and write one shard; returns its SHA-256. Running it again gives the same file.

    Args:
        task: what to render, and where to.
        stop: asked before each render; `True` gives the task up, with nothing written.

    Raises:
        RenderError: the engine is not the promised one, or its sound is not finite.
        OSError: the shard cannot be written.
    """
    renderer = task.renderer
    if renderer.engine != task.engine:
        raise RenderError(f"this worker has {renderer.engine}, but the store is made with {task.engine}")
    codes = np.empty((len(task.bank), len(task.notes), N_MELS, N_FRAMES), np.uint8)
    for preset, target in zip(task.bank, codes, strict=True):
        for (note, velocity), spectrogram in zip(task.notes, target, strict=True):
            if stop():
                raise _GivenUpError
            sound = renderer.render(preset, note, velocity)
            if not np.isfinite(sound).all():
                raise RenderError(
                    f"{renderer.engine}: preset {preset.id} gave NaN or infinity at note {note}"
                )
            spectrogram[...] = to_codes(mel_spectrogram(sound, renderer.sample_rate))
    return write_shard(task.path, codes)


def render_store(
    bank: PresetBank,
    notes: Notes,
    folder: str | Path,
    *,
    corpus: str,
    renderer: Renderer | None = None,
    threads: int | None = None,
    client: "Client | None" = None,
    shard_size: int | None = None,
    progress: bool = True,
) -> Store:
    """Render all presets at all notes into a store, or finish one that was interrupted.

    Finished shards are checked against their SHA-256 and skipped; damaged ones are rendered again. Memory
    stays at one shard (at most 64 MiB) a thread or worker.

    Args:
        bank: what to render; row i will be preset i (for the paper's transposition, pass `bank.neutral()`).
        notes: (MIDI note, velocity) pairs.
        folder: of the store; made if needed. With Dask, a folder that all workers share.
        corpus: name recorded in the manifest.
        renderer: default `Dexed()`.
        threads: default one a core; not used with a client.
        client: a Dask client; its workers render instead of this process's threads.
        shard_size: presets a shard; default at most 64 MiB of them, and a sixteenth of the bank.
        progress: show a progress bar (only on a terminal).

    Raises:
        ParameterError: an empty bank, no notes, or a number out of range.
        StoreMismatchError: the folder's store has other settings; each is listed.
        StoreBusyError: another process is rendering into the folder.
        StoreFullError: too little room, found before the start or on the way; finished shards are kept.
    """
    if not len(bank) or not notes:
        raise ParameterError(f"nothing to render: {len(bank)} presets at {len(notes)} notes")
    for note, velocity in notes:
        check_note(note, velocity)
    for name, value in (("threads", threads), ("shard_size", shard_size)):
        if value is not None and value < 1:
            raise ParameterError(f"{name} {value} is not positive")
    renderer, folder = renderer or Dexed(), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = Manifest.of(bank, notes, renderer, corpus, shard_size)
    with _sole_writer(folder):
        remove_leftovers(folder)
        manifest = _take_up(folder, wanted, progress)
        if manifest.missing():
            with _workers(threads, client) as (submit, capacity):
                _render_missing(folder, manifest, bank, renderer, submit, capacity, progress)
    return Store(folder)


def _render_missing(
    folder: Path,
    manifest: Manifest,
    bank: PresetBank,
    renderer: Renderer,
    submit: Submit,
    capacity: Callable[[], int],
    progress: bool,
) -> None:
    """Render what the manifest lacks, recording each shard as it finishes."""
    notes = tuple((note, velocity) for note, velocity in manifest.notes)
    needed = {shard: manifest.shard_bytes(shard) for shard in manifest.missing()}
    renders = {shard: manifest.shape(shard)[0] * len(notes) for shard in needed}
    if shutil.disk_usage(folder).free < sum(needed.values()) + _MARGIN_BYTES:
        raise _full(folder, sum(needed.values()))
    tasks = (
        (i, ShardTask(folder / shard_name(i), bank[manifest.rows(i)], notes, renderer, manifest.renderer))
        for i in tuple(needed)
    )
    total = len(bank) * len(notes)
    with tqdm(
        desc=f"render {manifest.corpus}",
        total=total,
        initial=total - sum(renders.values()),
        unit="note",
        disable=None if progress else True,
    ) as bar:
        try:
            manifest.write(folder)
            for shard, digest in _finished(tasks, submit, capacity):
                manifest = replace(manifest, shards=manifest.shards | {shard_name(shard): digest})
                manifest.write(folder)
                needed.pop(shard)
                bar.update(renders[shard])
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            raise _full(folder, sum(needed.values()), f" ({error.strerror})") from error


def _take_up(folder: Path, wanted: Manifest, progress: bool) -> Manifest:
    """The manifest to go on from: the folder's without its damaged shards, else the wanted one."""
    if not (folder / MANIFEST).exists():
        return wanted
    found = Manifest.read(folder)
    found.check(wanted, folder)
    shards = [i for i in range(found.n_shards) if shard_name(i) in found.shards]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing releases the GIL
        intact = tqdm(
            pool.map(partial(is_intact, folder, found), shards),
            desc="checking finished shards",
            total=len(shards),
            leave=False,
            disable=None if progress else True,
        )
        kept = [shard_name(i) for i, good in zip(shards, intact, strict=True) if good]
    return replace(found, shards={name: found.shards[name] for name in kept})


def _finished(
    tasks: Iterable[tuple[int, ShardTask]],
    submit: Submit,
    capacity: Callable[[], int],
) -> Iterator[tuple[int, str]]:
    """Run tasks, a few ahead of the workers; yields shard and SHA-256 as they finish."""
    waiting, running = iter(tasks), dict[Future[str], int]()
    while True:
        for shard, task in islice(waiting, max(0, 2 * capacity() - len(running))):
            running[submit(task)] = shard
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=lambda f: f.exception() is not None):  # record what succeeded first
            yield running.pop(future), future.result()


@contextmanager
def _workers(threads: int | None, client: "Client | None") -> Iterator[tuple[Submit, Callable[[], int]]]:
    """How to submit a task and how many can run at once. On leaving, what still runs or waits is given up."""
    if client is not None:
        remote = client.get_executor(pure=False)  # Dask runs the tasks of a lost worker again by itself
        try:
            yield (
                lambda task: remote.submit(render_shard, task),
                lambda: max(1, sum(client.nthreads().values())),
            )
        finally:
            remote.shutdown(wait=False)
        return
    stop, count = threading.Event(), threads or os.cpu_count() or 1
    local = ThreadPoolExecutor(count)
    try:
        yield lambda task: local.submit(render_shard, task, stop.is_set), lambda: count
    finally:
        stop.set()
        local.shutdown(cancel_futures=True)


@contextmanager
def _sole_writer(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / ".lock", blocking=False)  # the system frees it when its holder dies
    try:
        lock.acquire()
    except Timeout:
        raise StoreBusyError(f"{folder}: another process is rendering into it; wait, or stop it") from None
    try:
        yield
    finally:
        lock.release()


def _full(folder: Path, needed: int, reason: str = "") -> StoreFullError:
    needed += _MARGIN_BYTES
    free = shutil.disk_usage(folder).free
    return StoreFullError(
        f"no room in {folder}{reason}: {needed:,} bytes are needed, {free:,} are free, "
        f"{max(0, needed - free):,} are missing. Free some and run the same again (it goes on from there), "
        "or choose another folder"
    )
