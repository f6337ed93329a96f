"""Test what commands write: no file is replaced without being asked, and no sound is clipped."""

import errno
import io
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from latentdx import Dexed, PresetBank
from latentdx.cli.output import MatchFiles, check_folder, check_free, previews, sysex, write
from latentdx.errors import ParameterError
from latentdx.files import write_files
from latentdx.presets import corpora


def test_existing_files_are_not_replaced_without_force(tmp_path: Path) -> None:
    path = tmp_path / "bank.syx"
    check_free(path, ".syx")
    path.write_bytes(b"mine")
    with pytest.raises(ParameterError, match="bank.syx exists already: --force"):
        check_free(path, ".syx")
    check_free(path, ".syx", force=True)
    (tmp_path / "link.syx").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ParameterError, match="link.syx exists already"):
        check_free(tmp_path / "link.syx", ".syx")
    (tmp_path / "folder.syx").mkdir()
    with pytest.raises(ParameterError, match="folder.syx is a folder"):
        check_free(tmp_path / "folder.syx", ".syx", force=True)


@pytest.mark.parametrize(("name", "message"), [("a.wav", "does not end in .syx"), ("b/a.syx", "no folder")])
def test_files_that_cannot_be_written_are_refused_in_advance(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        check_free(tmp_path / name, ".syx", force=True)


def test_a_folder_may_be_missing_or_hold_other_files(tmp_path: Path) -> None:
    names = ["step-1.flac", "step-2.flac"]
    check_folder(tmp_path / "new", names)
    (tmp_path / "other.flac").touch()
    check_folder(tmp_path, names)
    (tmp_path / "step-2.flac").touch()
    with pytest.raises(ParameterError, match="step-2.flac exists already"):
        check_folder(tmp_path, names)
    check_folder(tmp_path, names, force=True)
    with pytest.raises(ParameterError, match="other.flac is a file"):
        check_folder(tmp_path / "other.flac", names, force=True)
    with pytest.raises(ParameterError, match="no folder"):
        check_folder(tmp_path / "none" / "new", names)


def test_written_files_are_complete_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_files({tmp_path / "a": b"1", tmp_path / "b": b"22"})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"1", "b": b"22"}


def test_folders_that_cannot_be_synchronized_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")  # as on some network drives

    monkeypatch.setattr(os, "fsync", fsync)
    write_files({tmp_path / "a": b"1"})
    assert (tmp_path / "a").read_bytes() == b"1"


def test_one_preset_becomes_a_voice_and_several_become_cartridges(tmp_path: Path) -> None:
    bank = corpora.read("starter")[:33]
    for n, size in ((1, 163), (2, 4104), (33, 8208)):
        path = tmp_path / f"{n}.syx"
        path.write_bytes(sysex(bank[:n]))
        assert path.stat().st_size == size
        assert PresetBank.read(path)[:n] == bank[:n]


def test_previews_keep_their_relative_levels_and_are_not_clipped() -> None:
    class Loud(Dexed):
        def render(self, *args, **kwargs):
            return 40 * super().render(*args, **kwargs)

    presets = list(corpora.read("starter")[[0, 70]])
    plain, loud = (
        [
            soundfile.read(io.BytesIO(data), dtype="float32")
            for data in previews(presets, (50, 85), renderer=synth)
        ]
        for synth in (Dexed(), Loud())
    )
    for preset, (sound, rate) in zip(presets, plain, strict=True):
        assert rate == 22_050
        np.testing.assert_allclose(sound, Dexed().render(preset, 50, 85), atol=2**-23)
    peaks = [np.abs(sound).max() for sound, _ in loud]
    assert max(peaks) == pytest.approx(1, abs=1e-6)
    wanted = [np.abs(sound).max() for sound, _ in plain]
    assert min(peaks) / max(peaks) == pytest.approx(min(wanted) / max(wanted), rel=1e-4)


@contextmanager
def full_disk() -> Iterator[None]:
    """Let this process write no more than 1,000 bytes into a file, as on a full disk; also for root.

    Not longer than needed: pytest's own output may go into a file.
    """
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_refused_in_advance(tmp_path: Path) -> None:
    with full_disk():
        check_free(tmp_path / "a.syx", ".syx", size=1_000)
        with pytest.raises(ParameterError, match=f"a.syx cannot be written into {tmp_path}: .*2,000 bytes"):
            check_free(tmp_path / "a.syx", ".syx", size=2_000)
        with pytest.raises(ParameterError, match="files cannot be written into .*/sounds: .*2,000,000 bytes"):
            check_folder(tmp_path / "sounds", ["1.flac", "2.flac"], size=2_000_000)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    not Path("/proc/self").is_dir(), reason="only Linux has /proc, where not even root writes"
)
def test_a_folder_that_cannot_be_written_is_refused_in_advance() -> None:
    with pytest.raises(ParameterError, match="a.syx cannot be written into /proc: "):
        check_free(Path("/proc/a.syx"), ".syx")
    with pytest.raises(ParameterError, match="files cannot be written into /proc/sounds: "):
        check_folder(Path("/proc/sounds"), ["1.flac"])


def test_names_that_are_too_long_are_refused_in_advance(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=f"x.syx cannot be written into {tmp_path}: File name too long"):
        check_free(tmp_path / f"{300 * 'x'}.syx", ".syx")
    with pytest.raises(ParameterError, match="files cannot be written into .*-previews: File name too long"):
        MatchFiles(tmp_path / f"{248 * 'x'}.syx").check()  # only the folder's name is too long
    with pytest.raises(ParameterError, match="cannot be written into .*/b: Not a directory"):
        check_folder(Path(__file__) / "a" / "b", parents=True)
    assert not list(tmp_path.iterdir())


def test_previews_of_other_matches_are_not_replaced_without_force(tmp_path: Path) -> None:
    files = MatchFiles(tmp_path / "m.syx")
    files.previews.mkdir()
    for name in ("notes.txt", "10.flac", "1st take.flac"):
        (files.previews / name).touch()
    files.check(keep=8)
    for name in ("1.flac", "8.C3@85.flac", "target.FLAC"):
        (files.previews / name).touch()
        with pytest.raises(ParameterError, match=f"m-previews/{name} exists already: --force"):
            files.check(keep=8)
        files.check(keep=8, force=True)
        (files.previews / name).unlink()
    (files.previews / "target.flac").mkdir()
    with pytest.raises(ParameterError, match="target.flac is a folder"):
        files.check(force=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another home; the working directory is "here", and temporary files go to "temporary"."""
    for name in ("here", "home", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "home"


def lost(contents: dict[Path, bytes], capsys: pytest.CaptureFixture[str], *, force: bool = False) -> str:
    """Write files, which must fail, and return the message."""
    with pytest.raises(typer.Exit) as stopped:
        write(contents, force=force)
    assert stopped.value.exit_code == 1
    return capsys.readouterr().err


def rescued(message: str, place: Path) -> dict[str, bytes]:
    """Return the files in the folder that a message names."""
    folder = Path(re.search("the result was written to (.*) instead\n$", message)[1])
    assert folder.parent == place
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_result_that_cannot_be_written_goes_elsewhere(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    contents = {tmp_path / "file" / "m.syx": b"1", tmp_path / "file" / "m-previews" / "1.flac": b"2"}
    kept = {"m.syx": b"1", "m-previews/1.flac": b"2"}
    message = lost(contents, capsys)
    assert "file/m.syx cannot be written: File exists" in message
    assert rescued(message, tmp_path / "here") == kept
    used: list[Path] = []

    def folder(prefix: str, dir: Path | None) -> str:
        used.append(Path(dir or tempfile.gettempdir()))
        if len(used) < 3:
            raise PermissionError(errno.EACCES, "read-only")
        return real(prefix=prefix, dir=dir)

    real = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", folder)
    assert rescued(lost(contents, capsys), tmp_path / "temporary") == kept
    assert used == [tmp_path / "here", home, tmp_path / "temporary"]


def test_a_file_made_during_the_work_is_kept(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "here" / "m.syx"
    check_free(path, ".syx")
    path.write_bytes(b"of another match")
    message = lost({path: b"1"}, capsys)
    assert f"another program has made {path} in the meantime" in message
    assert rescued(message, tmp_path / "here") == {"m.syx": b"1"}
    assert path.read_bytes() == b"of another match"
    assert write({path: b"1"}, force=True) == [path]
    assert path.read_bytes() == b"1"


def test_a_full_disk_in_the_end_leaves_no_part_of_a_file(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_disk():
        message = lost({tmp_path / "m.syx": bytes(4104)}, capsys)
    assert "m.syx cannot be written: File too large; it is lost" in message
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["here", "home", "temporary"]
