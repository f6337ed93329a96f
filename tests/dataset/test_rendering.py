"""Rendering into a store can be interrupted in any way, and always gives the same bytes."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_stores import NOTES, SHARD_SIZE, contents, random_bank

from latentdx import Dexed, Engine, PresetBank
from latentdx.audio.renderer import RenderError
from latentdx.audio.spectrogram import spectrogram_code
from latentdx.dataset import rendering
from latentdx.dataset.rendering import ShardTask, render_shard, render_store
from latentdx.dataset.store import MANIFEST, Manifest, Store, shard_name
from latentdx.errors import (
    ParameterError,
    StoreBusyError,
    StoreCorruptError,
    StoreFullError,
    StoreMismatchError,
    StoreMissingError,
)

SLOW = """
import os, sys, time
sys.path.insert(0, {here!r})
from small_stores import NOTES, SHARD_SIZE, random_bank
from latentdx.dataset.rendering import render_store
real = os.fsync
def fsync(fd):  # so that most of the time passes while a file is being written
    time.sleep(0.1)
    real(fd)
os.fsync = fsync
{before}
render_store(random_bank(20), NOTES, {folder!r}, corpus="random", shard_size=SHARD_SIZE, threads=2)
"""


def render_again(bank: PresetBank, folder: Path, **options: Any) -> Store:
    return render_store(bank, NOTES, folder, **({"corpus": "random", "shard_size": SHARD_SIZE} | options))


@contextmanager
def slow_process(folder: Path, before: str = "") -> Iterator[subprocess.Popen[str]]:
    """Another process that renders the bank of `store` into `folder`, slowly."""
    code = SLOW.format(here=str(Path(__file__).parent), folder=str(folder), before=before)
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.002)


def finished(folder: Path) -> int:
    return len(Manifest.read(folder).shards) if (folder / MANIFEST).exists() else 0


def assert_nothing_half_written(folder: Path, store: Store) -> None:
    """Check that every shard file is complete, and that the manifest lists only existing ones."""
    whole, found = contents(store.folder), contents(folder)
    for name, digest in found.items():
        if name.startswith("shard-"):
            assert digest == whole[name]
    if MANIFEST in found:
        shards = Manifest.read(folder).shards
        assert shards.items() <= found.items()


def test_threads_and_shard_size_do_not_change_the_result(
    store: Store, bank: PresetBank, tmp_path: Path
) -> None:
    for threads in (1, 3, 16):
        render_again(bank, tmp_path / str(threads), threads=threads)
        assert contents(tmp_path / str(threads)) == contents(store.folder)
    other = render_again(bank, tmp_path / "other", shard_size=7)
    np.testing.assert_array_equal(other.codes(range(20)), store.codes(range(20)))


@pytest.mark.parametrize("shards", [0, 1, 4])
def test_a_killed_process_can_be_resumed(store: Store, bank: PresetBank, tmp_path: Path, shards: int) -> None:
    with slow_process(tmp_path) as process:
        wait_for(lambda: finished(tmp_path) >= shards and list(tmp_path.glob(".writing-*")))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert_nothing_half_written(tmp_path, store)
    assert finished(tmp_path) < 7
    with pytest.raises(StoreMissingError):
        Store(tmp_path)
    render_again(bank, tmp_path)
    assert contents(tmp_path) == contents(store.folder)  # and no leftovers


def test_finished_shards_are_not_rendered_again(store: Store, bank: PresetBank, tmp_path: Path) -> None:
    shutil.copytree(store.folder, tmp_path, dirs_exist_ok=True)
    manifest = Manifest.read(tmp_path)
    del manifest.shards[shard_name(2)]
    manifest.write(tmp_path)

    class Counting(Engine):
        played: list[bytes] = []  # noqa: RUF012

        def render(self, preset, *args, **options):  # type: ignore[no-untyped-def]
            self.played.append(preset.values.tobytes())
            return super().render(preset, *args, **options)

    render_again(bank, tmp_path, renderer=Counting())
    assert sorted(Counting.played) == sorted(2 * [bank.values[i].tobytes() for i in (6, 7, 8)])
    assert contents(tmp_path) == contents(store.folder)
    render_again(bank, tmp_path, renderer=Counting())
    assert len(Counting.played) == 6


def test_a_store_made_with_dexed_py_is_one_of_the_engine(
    store: Store, bank: PresetBank, tmp_path: Path
) -> None:
    made = render_again(bank, tmp_path, renderer=Dexed())
    assert made.manifest.renderer == Dexed().engine != store.manifest.renderer == Engine().engine
    assert made.manifest.shards == store.manifest.shards
    (tmp_path / sorted(made.manifest.shards)[0]).unlink()
    assert render_again(bank, tmp_path, renderer=Engine()).manifest == made.manifest


def test_the_manifest_names_every_code_that_computed_spectrograms(
    store: Store, bank: PresetBank, tmp_path: Path
) -> None:
    now = [spectrogram_code()]
    assert store.manifest.code == now
    shutil.copytree(store.folder, tmp_path, dirs_exist_ok=True)
    path = tmp_path / MANIFEST
    older = json.loads(path.read_text("utf-8"))
    del older["code"]  # as written by a version that did not know the field
    path.write_text(json.dumps(older), "utf-8")
    assert render_again(bank, tmp_path).manifest.code == ["SciPy"]  # nothing was left to do
    (tmp_path / shard_name(0)).unlink()
    assert render_again(bank, tmp_path).manifest.code == ["SciPy", *now]


def test_control_c_stops_at_once_and_keeps_finished_shards(
    store: Store, bank: PresetBank, tmp_path: Path
) -> None:
    # from the third shard on, a render takes 3 s and a shard 18 s, longer than the stop may take
    slow = "import latentdx.audio.engine.synth as d; render = d.Engine.render\n"
    slow += "d.Engine.render = lambda self, preset, *n: "
    slow += "(time.sleep(3 * (preset.id >= 6)), render(self, preset, *n))[1]"
    with slow_process(tmp_path, slow) as process:
        wait_for(lambda: finished(tmp_path) >= 2)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert "KeyboardInterrupt" in errors and time.monotonic() - start < 15
    assert_nothing_half_written(tmp_path, store)
    assert not list(tmp_path.glob(".writing-*")) and finished(tmp_path) == 2
    render_again(bank, tmp_path)
    assert contents(tmp_path) == contents(store.folder)


def test_a_second_process_is_refused_and_the_first_goes_on(
    store: Store, bank: PresetBank, tmp_path: Path
) -> None:
    with slow_process(tmp_path) as process:
        wait_for(lambda: finished(tmp_path) >= 1)
        with pytest.raises(StoreBusyError, match="another process is rendering into it"):
            render_again(bank, tmp_path)
        assert process.wait(60) == 0
    assert contents(tmp_path) == contents(store.folder)


CHANGES: dict[str, dict[str, Any]] = {
    "corpus": {"corpus": "another"},
    "corpus_sha256": {"bank": random_bank(20, seed=1)},
    "ids": {"bank": PresetBank.from_values(random_bank(20).values, random_bank(20).names, range(1, 21))},
    "notes": {"notes": ((60, 85),)},
    "renderer": {"renderer": Engine(dc_blocker=True)},
    "render": {"renderer": Engine(44_100)},
    "shard_size": {"shard_size": 4},
}


@pytest.mark.parametrize("setting", CHANGES)
def test_another_setting_is_refused(store: Store, bank: PresetBank, setting: str) -> None:
    before = contents(store.folder)
    options = {"bank": bank, "notes": NOTES, "corpus": "random", "shard_size": SHARD_SIZE} | CHANGES[setting]
    with pytest.raises(StoreMismatchError, match=rf"{setting}: the store has .*, expected "):
        render_store(folder=store.folder, **options)
    assert contents(store.folder) == before


def test_a_mismatch_lists_every_difference(store: Store, bank: PresetBank) -> None:
    with pytest.raises(StoreMismatchError) as caught:
        render_again(bank, store.folder, corpus="another", shard_size=4)
    assert (
        'corpus: the store has "random", expected "another"; shard_size: the store has 3, expected 4'
    ) in str(caught.value)


def test_damaged_shards_are_rendered_again(store: Store, bank: PresetBank, tmp_path: Path) -> None:
    shutil.copytree(store.folder, tmp_path, dirs_exist_ok=True)
    shard = bytearray((tmp_path / shard_name(1)).read_bytes())
    shard[-1] ^= 128
    (tmp_path / shard_name(1)).write_bytes(shard)
    (tmp_path / shard_name(3)).write_bytes(b"")
    (tmp_path / shard_name(5)).unlink()
    with pytest.raises(StoreCorruptError):
        Store(tmp_path)
    render_again(bank, tmp_path).verify()
    assert contents(tmp_path) == contents(store.folder)


# -- a full disk ---------------------------------------------------------------------------------------------


def test_too_little_space_is_reported_before_the_start(
    bank: PresetBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = sum(Manifest.of(bank, NOTES, Engine(), "random", SHARD_SIZE).shard_bytes(i) for i in range(7))
    assert needed == 7 * 128 + 20 * 2 * 257 * 347
    needed += rendering._MARGIN_BYTES
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed - 5))
    with pytest.raises(StoreFullError) as caught:
        render_again(bank, tmp_path)
    expected = f"{needed:,} bytes are needed, {needed - 5:,} are free, 5 are missing"
    assert expected in str(caught.value)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("call", range(10))
def test_the_disk_may_become_full_at_any_moment(
    store: Store, bank: PresetBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    real, calls = os.fsync, iter(range(1000))

    def fsync(fd: int) -> None:
        if next(calls) >= call:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(StoreFullError, match="No space left on device.* bytes are needed"):
            render_again(bank, tmp_path, threads=2)
    assert_nothing_half_written(tmp_path, store)
    assert not list(tmp_path.glob(".writing-*"))
    render_again(bank, tmp_path)
    assert contents(tmp_path) == contents(store.folder)


def test_a_limit_of_file_size_counts_as_a_full_disk(store: Store, bank: PresetBank, tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))"  # < 1 shard
    with slow_process(tmp_path, limit) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "StoreFullError" in errors and "File too large" in errors
    # the last shard is smaller than the limit and may have been finished
    assert contents(tmp_path).keys() <= {MANIFEST, shard_name(6)}
    assert_nothing_half_written(tmp_path, store)
    render_again(bank, tmp_path)
    assert contents(tmp_path) == contents(store.folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB: room for the store of `bank` and two more."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "latentdx-test", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs needs root privileges")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(store: Store, bank: PresetBank, small_disk: Path) -> None:
    large, folder = random_bank(80), small_disk / "store"
    with pytest.raises(StoreFullError, match="are missing"):  # 7.1 MB
        render_again(large, folder)
    assert contents(folder) == {}

    class Neighbor(Engine):
        """Somebody else fills the disk while we render."""

        def render(self, *args, **options):  # type: ignore[no-untyped-def]
            if finished(folder) == 3 and not (small_disk / "filler").exists():
                with pytest.raises(OSError, match="No space"), (small_disk / "filler").open("wb", 0) as file:
                    while True:
                        file.write(bytes(4096))
            return super().render(*args, **options)

    with pytest.raises(StoreFullError, match=r"No space left on device.* 0 are free"):
        render_again(bank, folder, renderer=Neighbor(), threads=1)
    assert_nothing_half_written(folder, store)
    assert finished(folder) >= 3 and not list(folder.glob(".writing-*"))
    (small_disk / "filler").unlink()
    render_again(bank, folder)
    assert contents(folder) == contents(store.folder)


# -- Dask ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


def test_a_killed_worker_changes_nothing(
    cluster: Any, store: Store, bank: PresetBank, tmp_path: Path
) -> None:
    from distributed import Client

    class Slow(Engine):  # defined here, so that it travels by value
        def render(self, *args, **options):  # type: ignore[no-untyped-def]
            time.sleep(0.05)
            return super().render(*args, **options)

    with Client(cluster.scheduler_address) as client:
        pids = client.run(os.getpid)

        def kill_one() -> None:
            wait_for(lambda: finished(tmp_path) >= 2)
            os.kill(next(iter(pids.values())), signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        render_again(bank, tmp_path, client=client, renderer=Slow())
        killer.join()
        wait_for(lambda: len(client.run(os.getpid)) == 2)
        assert set(client.run(os.getpid).values()) != set(pids.values())
    assert contents(tmp_path) == contents(store.folder)


def test_an_error_of_a_worker_is_reported_like_a_local_one(
    cluster: Any, bank: PresetBank, tmp_path: Path
) -> None:
    from distributed import Client

    class Full(Engine):
        def render(self, *args, **options):  # type: ignore[no-untyped-def]
            raise OSError(errno.ENOSPC, "No space left on device")

    with Client(cluster.scheduler_address) as client:
        with pytest.raises(StoreFullError, match="No space left on device"):
            render_again(bank, tmp_path, client=client, renderer=Full())
        render_again(bank, tmp_path, client=client)  # the cluster goes on


def test_a_worker_with_another_engine_takes_no_part(bank: PresetBank, tmp_path: Path) -> None:
    task = ShardTask(tmp_path / "shard.npy", bank[:1], NOTES, Engine(), "dexed-py 0.0")
    with pytest.raises(
        RenderError, match=rf"runs {Engine().engine}, but the store is made with dexed-py 0.0"
    ):
        render_shard(task)


# -- bad input -----------------------------------------------------------------------------------------------


def test_a_sound_that_is_not_finite_is_refused(bank: PresetBank, tmp_path: Path) -> None:
    class Broken(Engine):
        def render(self, preset, *args, **options):  # type: ignore[no-untyped-def]
            return super().render(preset, *args, **options) * (np.nan if preset.id == 4 else 1)

    with pytest.raises(RenderError, match="preset 4 gives NaN or infinity at note 60"):
        render_again(bank, tmp_path, renderer=Broken())
    assert shard_name(1) not in contents(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bank": random_bank(0)}, "0 presets at 2 notes"),
        ({"notes": ()}, "20 presets at 0 notes"),
        ({"notes": ((60, 0),)}, "velocity 0 is not an integer in 1 … 127"),
        ({"notes": ((128, 1),)}, "note 128 is not an integer in 0 … 127"),
        ({"threads": 0}, "number of threads must be at least 1, not 0"),
        ({"shard_size": -1}, "number of presets per shard must be at least 1, not -1"),
    ],
)
def test_bad_arguments(bank: PresetBank, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    folder = tmp_path / "new"
    with pytest.raises(ParameterError, match=message):
        render_store(**({"bank": bank, "notes": NOTES, "folder": folder, "corpus": "x"} | options))
    assert not folder.exists()


def test_progress_is_silent_when_not_a_terminal(
    bank: PresetBank, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    render_again(bank, tmp_path)
    assert capfd.readouterr() == ("", "")
