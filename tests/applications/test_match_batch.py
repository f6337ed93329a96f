"""Test batches of matches: the same results in any way they are computed, whatever dies on the way."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_workers import always_dies, dies_once, stand_in

from latentdx import Dexed
from latentdx.applications import batch_sounds, match_batch
from latentdx.applications.batch_sounds import BatchOutcome, BatchSettings, BatchTask, Surroundings
from latentdx.applications.match_batch import BatchEntry, batch_names, expand_folders
from latentdx.applications.match_summary import FORMAT, MatchSettings
from latentdx.applications.target import TargetFile
from latentdx.audio.io import encoding
from latentdx.errors import ParameterError, StoreBusyError
from latentdx.presets import corpora

SETTINGS = BatchSettings("latentdx", MatchSettings(4, None, 0), None, 85, None)
HERE = Surroundings("0", "abc", "synth 1", "0123", ())


@pytest.fixture
def sounds(tmp_path: Path) -> list[TargetFile]:
    folder = tmp_path / "sounds"
    folder.mkdir()
    for i in range(6):
        (folder / f"s {i}.wav").write_text(str(i))
    return expand_folders([TargetFile(folder)])


def run(sounds: list[TargetFile], folder: Path, **how: Any) -> list[BatchEntry]:
    return match_batch.match_batch(sounds, SETTINGS, HERE, folder, **{"workers": 1, **how})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "parts").iterdir()}


def test_each_sound_has_a_summary_and_two_previews(sounds, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(match_batch, "match_sound", stand_in)
    entries = run(sounds, tmp_path / "out")
    assert [e.file for e in entries] == [str(s.path) for s in sounds]
    assert [e.summary["text"] for e in entries] == list("012345")
    key = entries[2].key
    there = contents(tmp_path / "out")
    assert len(there) == 18 and there[f"{key}.target.mp3"] == b"t2" and there[f"{key}.answer.mp3"] == b"a"
    assert json.loads(there[f"{key}.json"]) == {"format": FORMAT, "text": "2"}


def test_an_interrupted_batch_goes_on_where_it_stood(sounds, tmp_path, monkeypatch) -> None:
    asked = []

    def stopped(task: BatchTask) -> BatchOutcome:
        asked.append(task.content)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return stand_in(task)

    monkeypatch.setattr(match_batch, "match_sound", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(sounds, tmp_path / "out")
    told: list[tuple[str, bool]] = []
    entries = run(sounds, tmp_path / "out", progress=lambda entry, new: told.append((entry.name, new)))
    assert asked == [b"0", b"1", b"2", b"3", b"3", b"4", b"5"] and all(e.summary for e in entries)
    assert told == [(f"s {i}", i > 2) for i in range(6)]
    run(sounds, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_result_is_not_used_for_another_sound_setting_or_version(sounds) -> None:
    task = BatchTask(sounds[0], b"0", SETTINGS, HERE)
    others = [
        replace(task, content=b"1"),
        replace(task, sound=replace(sounds[0], note=60)),
        replace(task, sound=replace(sounds[0], path=Path("s.mp3"))),
        replace(task, settings=replace(SETTINGS, match=MatchSettings(5, None, 0))),
        replace(task, settings=replace(SETTINGS, match=MatchSettings(4, None, 1))),
        replace(task, settings=replace(SETTINGS, hold=1.0)),
        replace(task, settings=replace(SETTINGS, search={"start": corpora.read("starter")[3]})),
        replace(task, settings=replace(SETTINGS, search={"start": corpora.read("starter")[4]})),
        replace(task, settings=replace(SETTINGS, search={"banks": (corpora.read("starter")[:4],)})),
        replace(task, settings=replace(SETTINGS, search={"banks": (corpora.read("starter")[:5],)})),
        replace(task, settings=replace(SETTINGS, search={"locked": {"ALGORITHM": "5"}})),
        replace(task, settings=replace(SETTINGS, search={"algorithms": (5, 7)})),
        replace(task, surroundings=replace(HERE, commit="abd")),
        replace(task, surroundings=replace(HERE, known=(("starter", "1"),))),
    ]
    assert len({task.key, *(other.key for other in others)}) == 1 + len(others)
    assert replace(task, sound=replace(sounds[0], path=Path("elsewhere/b.wav"))).key == task.key


def test_damaged_results_are_made_again(sounds, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(match_batch, "match_sound", stand_in)
    entries, parts = run(sounds, tmp_path / "out"), tmp_path / "out" / "parts"
    before = contents(tmp_path / "out")
    (parts / f"{entries[0].key}.json").write_text('{"format": 2')
    (parts / f"{entries[1].key}.answer.mp3").unlink()
    (parts / ".writing-1").touch()
    again: list[str] = []
    run(sounds, tmp_path / "out", progress=lambda entry, new: again.extend([entry.name] * new))
    assert again == ["s 0", "s 1"] and contents(tmp_path / "out") == before


def test_failures_are_listed_and_tried_again(sounds, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(match_batch, "match_sound", stand_in)
    sounds[1].path.write_text("bad")
    sounds[4].path.unlink()
    entries = run(sounds, tmp_path / "out")
    assert [e.failure for e in entries] == [
        "",
        "it is bad",
        "",
        "",
        "it cannot be read: No such file or directory",
        "",
    ]
    sounds[1].path.write_text("good")
    assert run(sounds, tmp_path / "out")[1].summary["text"] == "good"


def test_equal_sounds_are_matched_once(sounds, tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(match_batch, "match_sound", lambda task: asked.append(1) or stand_in(task))
    sounds[5].path.write_text("0")
    entries = run(sounds, tmp_path / "out")
    assert len(asked) == 5 and entries[5].summary == entries[0].summary and entries[5].name == "s 5"


def test_processes_find_the_same_after_one_was_killed(sounds, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(match_batch, "match_sound", stand_in)
    one = run(sounds, tmp_path / "one")
    monkeypatch.setattr(match_batch, "match_sound", dies_once)
    assert run(sounds, tmp_path / "two", workers=2) == one
    assert sounds[0].path.with_name("mark").exists()
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_a_sound_that_kills_its_process_fails_alone(sounds, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(match_batch, "match_sound", always_dies)
    entries = run(sounds, tmp_path / "out", workers=2)
    assert [e.summary is None for e in entries] == [False] * 3 + [True] + [False] * 2
    assert entries[3].failure == "the process that matched it died 2 times"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


@pytest.mark.slow
def test_a_dask_cluster_finds_the_same_after_a_kill(cluster, sounds, tmp_path, monkeypatch) -> None:
    from distributed import Client

    mark = tmp_path / "mark"

    def once(task, mark=mark, stand_in=stand_in):  # travels by value
        import os
        import signal

        if task.content == b"3" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return stand_in(task)

    monkeypatch.setattr(match_batch, "match_sound", stand_in)
    one = run(sounds, tmp_path / "one")
    monkeypatch.setattr(match_batch, "match_sound", once)
    with Client(cluster.scheduler_address) as client:
        assert run(sounds, tmp_path / "dask", client=client) == one
    assert mark.exists() and contents(tmp_path / "dask") == contents(tmp_path / "one")


def test_two_batches_cannot_share_a_folder(sounds, tmp_path, monkeypatch) -> None:
    def nested(task: BatchTask) -> BatchOutcome:
        with pytest.raises(StoreBusyError, match="another process is matching into it"):
            run(sounds, tmp_path / "out")
        return stand_in(task)

    monkeypatch.setattr(match_batch, "match_sound", nested)
    run(sounds[:1], tmp_path / "out")


def test_a_process_with_another_model_takes_no_part(sounds, monkeypatch) -> None:
    monkeypatch.setattr(
        batch_sounds, "_tools", lambda model: (None, [], replace(HERE, checkpoint_sha256="9"))
    )
    with pytest.raises(ParameterError, match="differs .* checkpoint_sha256: 9 instead of 0123"):
        batch_sounds.match_sound(BatchTask(sounds[0], b"0", SETTINGS, HERE))


def test_a_real_match_is_summarized_and_repeatable(tmp_path, smoke_model, monkeypatch) -> None:
    monkeypatch.setattr(batch_sounds, "_tools", lambda model: (smoke_model, [], HERE))
    content = encoding.encode(Dexed().render(corpora.read("starter")[40], 48), "flac")
    task = BatchTask(TargetFile(tmp_path / "x.flac", 48, 85), content, SETTINGS, HERE)
    outcome = batch_sounds.match_sound(task)
    assert outcome == batch_sounds.match_sound(task) and outcome.failure == ""
    assert outcome.summary["sounds"][0]["note"] == 48 and outcome.summary["renders"] == 4
    assert len(outcome.summary["candidates"]) == 1
    assert batch_sounds.parse_outcome(json.dumps(outcome.summary).encode()) == outcome.summary
    for preview in outcome.previews.values():
        (tmp_path / "x.mp3").write_bytes(preview)
        seconds = len(encoding.read(tmp_path / "x.mp3", 44_100)) / 44_100
        assert seconds == pytest.approx(outcome.summary["sounds"][0]["seconds"], abs=1e-3)
    (tmp_path / "x.mp3").write_bytes(outcome.previews["target"])
    assert 0.8 < np.abs(encoding.read(tmp_path / "x.mp3", 44_100)).max() <= 1
    refused = batch_sounds.match_sound(replace(task, content=b"hello"))
    assert refused.summary is None and "5 bytes" in refused.failure and "/" not in refused.failure


def test_an_unexpected_error_is_a_failure_of_one_sound(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(batch_sounds, "_tools", lambda model: (None, [], HERE))
    content = encoding.encode(Dexed().render(corpora.read("starter")[40], 48), "flac")
    failed = batch_sounds.match_sound(BatchTask(TargetFile(Path("x.flac"), 48), content, SETTINGS, HERE))
    assert failed.failure.startswith("the match failed unexpectedly: ")


def test_names_differ_and_fit_a_dx7() -> None:
    stems = ["Flute", "Flute", "Flute 1", "a very long name", "a very long nose", "音", "音"]
    names = batch_names(stems)
    assert len(set(names)) == len(stems) and all(1 <= len(name) <= 10 for name in names)
    assert names[2] == "Flute 1" and names[0] == "Flute 2"
    assert len(set(batch_names(["same"] * 1000))) == 1000


def test_a_folder_stands_for_its_sounds_in_natural_order(tmp_path) -> None:
    for name in ("10.wav", "2.WAV", "1.flac", "notes.txt"):
        (tmp_path / name).touch()
    found = expand_folders([TargetFile(tmp_path, 60), TargetFile(Path("x.wav"))])
    assert [s.path.name for s in found] == ["1.flac", "2.WAV", "10.wav", "x.wav"]
    assert [s.note for s in found] == [60, 60, 60, None]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ParameterError, match="empty holds no sound file"):
        expand_folders([TargetFile(tmp_path / "empty")])
    with pytest.raises(ParameterError, match="no sound to match"):
        run([], tmp_path / "out")
