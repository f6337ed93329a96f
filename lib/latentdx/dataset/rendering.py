"""Render a bank at several notes into a spectrogram store, on threads of this machine or on Dask workers.

The work is divided into shards. One task renders one shard, writes it atomically and returns its SHA-256;
only the process that called `render_store` writes the manifest. A task may therefore run twice or die at any
point: the manifest lists the shards that are finished, and because the engine is deterministic, a resumed
store has the same bytes as an uninterrupted one, if one code computed its spectrograms (see `Manifest.code`).
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
from tqdm import tqdm

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import Renderer, RenderError, check_note, sound_identity
from latentdx.audio.spectrogram import N_FRAMES, N_MELS, mel_spectrogram, spectrogram_code, to_codes
from latentdx.caching import sole_writer
from latentdx.dataset.store import MANIFEST, Manifest, Notes, Store, is_intact, shard_name, write_shard
from latentdx.errors import ParameterError, StoreFullError
from latentdx.files import remove_leftovers
from latentdx.presets.bank import PresetBank

if TYPE_CHECKING:
    from distributed import Client

Submit = Callable[["ShardTask"], "Future[str]"]

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MARGIN_BYTES = 2**20  # for the manifest: a new one is written before the old one is replaced


class _GivenUpError(Exception):
    """A task was asked to stop."""


@dataclass(frozen=True)
class ShardTask:
    """Task of rendering one shard, small enough to be sent to another machine.

    Attributes:
        path: File of the shard.
        bank: Presets of the shard.
        notes: (MIDI note, velocity) pairs.
        renderer: Synth that renders.
        engine: Name and version of the engine in the manifest; a worker with another one must not take part.
    """

    path: Path
    bank: PresetBank
    notes: Notes
    renderer: Renderer
    engine: str


def render_shard(task: ShardTask, stop: Callable[[], bool] = lambda: False) -> str:
    """Render and write one shard; running it again gives the same file.

    Args:
        task: Task to run.
        stop: Function that is called before each render; if it returns `True`, the task is abandoned and
            nothing is written.

    Returns:
        SHA-256 of the file.

    Raises:
        RenderError: The engine differs from the task's, or its sound is not finite.
        OSError: The shard cannot be written.
    """
    renderer = task.renderer
    if sound_identity(renderer.engine) != sound_identity(task.engine):
        raise RenderError(f"this worker runs {renderer.engine}, but the store is made with {task.engine}")
    spectrogram_code()  # so that all of a store is computed by one code
    codes = np.empty((len(task.bank), len(task.notes), N_MELS, N_FRAMES), np.uint8)
    for preset, target in zip(task.bank, codes, strict=True):
        for (note, velocity), spectrogram in zip(task.notes, target, strict=True):
            if stop():
                raise _GivenUpError
            sound = renderer.render(preset, note, velocity)
            if not np.isfinite(sound).all():
                raise RenderError(
                    f"{renderer.engine}: preset {preset.id} gives NaN or infinity at note {note}"
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

    Finished shards are checked against their SHA-256 and skipped; damaged ones are rendered again. Each
    thread or worker needs memory for one shard (at most 64 MiB).

    Args:
        bank: Presets to render; row i of the store is preset i. For the paper's transposition, pass
            `bank.neutral()`.
        notes: (MIDI note, velocity) pairs, at least one.
        folder: Folder of the store; created if needed. With Dask, all workers must share it.
        corpus: Name of the corpus, recorded in the manifest.
        renderer: Synth that renders; default `Engine()`.
        threads: Number of threads; default one per core. Not used with a client.
        client: Dask client, whose workers render instead of this process's threads.
        shard_size: Number of presets in a shard; default at most 64 MiB, and at most a sixteenth of the bank.
        progress: Show a progress bar (only on a terminal).

    Returns:
        Finished store.

    Raises:
        ParameterError: The bank is empty, there are no notes, or a number is out of range.
        StoreMismatchError: The store in the folder was made with other settings; each difference is listed.
        StoreBusyError: Another process is rendering into the folder.
        StoreFullError: The disk is too small, before the start or later; finished shards are kept.
    """
    if not len(bank) or not notes:
        raise ParameterError(f"nothing to render: {len(bank)} presets at {len(notes)} notes")
    for note, velocity in notes:
        check_note(note, velocity)
    for name, value in (("threads", threads), ("presets per shard", shard_size)):
        if value is not None and value < 1:
            raise ParameterError(f"the number of {name} must be at least 1, not {value}")
    renderer, folder = renderer or Engine(), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = replace(Manifest.of(bank, notes, renderer, corpus, shard_size), code=[spectrogram_code()])
    with sole_writer(folder, "rendering"):
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
    """Render the missing shards, and record each of them in the manifest when it is finished."""
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
    """Return the manifest to continue with: the folder's without damaged shards, or else the wanted one."""
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
    code = [*found.code, *(set(wanted.code) - set(found.code) if len(kept) < found.n_shards else ())]
    return replace(found, shards={name: found.shards[name] for name in kept}, code=code)


def _finished(
    tasks: Iterable[tuple[int, ShardTask]],
    submit: Submit,
    capacity: Callable[[], int],
) -> Iterator[tuple[int, str]]:
    """Run tasks, with a few submitted in advance, and yield shard and SHA-256 of each one that finishes."""
    waiting, running = iter(tasks), dict[Future[str], int]()
    while True:
        for shard, task in islice(waiting, max(0, 2 * capacity() - len(running))):
            running[submit(task)] = shard
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=lambda f: f.exception() is not None):  # record successes first
            yield running.pop(future), future.result()


@contextmanager
def _workers(threads: int | None, client: "Client | None") -> Iterator[tuple[Submit, Callable[[], int]]]:
    """Yield a function that submits a task and one that counts workers; abandon all tasks on leaving."""
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


def _full(folder: Path, needed: int, reason: str = "") -> StoreFullError:
    needed += _MARGIN_BYTES
    free = shutil.disk_usage(folder).free
    return StoreFullError(
        f"no room in {folder}{reason}: {needed:,} bytes are needed, {free:,} are free, "
        f"{max(0, needed - free):,} are missing. Free some space and run the same command again "
        "(it resumes where it stopped), or choose another folder"
    )
