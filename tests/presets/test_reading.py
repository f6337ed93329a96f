"""Folders of presets as users have them, and files that are not ordinary ones."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from latentdx.errors import PresetFileError
from latentdx.presets import PresetBank
from latentdx.presets.reading import MAX_FILE_BYTES

MakeBank = Callable[..., PresetBank]


@pytest.fixture
def cartridge(make_bank: MakeBank, tmp_path: Path) -> bytes:
    """A valid cartridge of 4,104 bytes."""
    return make_bank(32).write(tmp_path / "sound.syx").read_bytes()


def test_a_folder_is_read_in_order_of_path(make_bank: MakeBank, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    parts = [make_bank(32, seed=s) for s in range(3)]
    parts[2].write(tmp_path / "c.SYX")
    parts[1].write(tmp_path / "b" / "b.syx")
    parts[0].write(tmp_path / "a.syx")
    (tmp_path / "readme.txt").write_text("not a preset")
    bank = PresetBank.read(tmp_path)
    assert bank == PresetBank.concatenate(parts)
    assert bank.ids.tolist() == list(range(96))


def test_a_loop_of_symbolic_links_ends(make_bank: MakeBank, tmp_path: Path) -> None:
    make_bank(32).write(tmp_path / "a.syx")
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "self.syx").symlink_to(tmp_path / "self.syx")
    (tmp_path / "gone.syx").symlink_to(tmp_path / "nowhere")
    assert PresetBank.read(tmp_path) == make_bank(32)
    with pytest.raises(PresetFileError, match="no such file"):
        PresetBank.read(tmp_path / "self.syx")


def test_a_bad_file_in_a_folder_is_named_or_skipped(make_bank: MakeBank, tmp_path: Path) -> None:
    make_bank(32).write(tmp_path / "good.syx")
    (tmp_path / "bad.syx").write_bytes(b"nothing")
    with pytest.raises(PresetFileError, match=r"bad\.syx, byte 0"):
        PresetBank.read(tmp_path)
    bank = PresetBank.read(tmp_path, strict=False)
    assert bank == make_bank(32)
    assert len(bank.notes) == 1
    assert "bad.syx" in bank.notes[0]


def test_a_folder_without_presets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(PresetFileError, match=r"found no \.syx file, expected at least one \.syx file"):
        PresetBank.read(tmp_path)
    (tmp_path / "bad.syx").write_bytes(b"nothing")
    with pytest.raises(PresetFileError, match=r"1 \.syx files, none of them readable"):
        PresetBank.read(tmp_path, strict=False)


@pytest.mark.parametrize("name", ["missing.syx", "folder/missing.syx", "a" * 5000, "nul\0.syx"])
def test_a_missing_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PresetFileError) as caught:
        PresetBank.read(tmp_path / name)
    assert caught.value.offset is None and ", byte" not in str(caught.value)


@pytest.mark.timeout(10)
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.syx")
    with pytest.raises(PresetFileError, match="a device, pipe or socket, expected an ordinary file"):
        PresetBank.read(tmp_path / "pipe.syx")
    with pytest.raises(PresetFileError, match=r"no \.syx file"):
        PresetBank.read(tmp_path)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(device: str) -> None:
    with pytest.raises(PresetFileError, match="a device, pipe or socket"):
        PresetBank.read(device)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", ["giant.syx", "giant.bin", "giant.sqlite"])
def test_a_huge_file_is_refused_without_reading_it(name: str, tmp_path: Path) -> None:
    with (tmp_path / name).open("wb") as file:
        file.write(b"SQLite format 3\0" if name.endswith("sqlite") else b"\xf0\x43")
        file.truncate(2**40)  # sparse: no disk is used
    with pytest.raises(
        PresetFileError, match=f"1,099,511,627,776 bytes, expected at most {MAX_FILE_BYTES:,}"
    ):
        PresetBank.read(tmp_path / name)


def test_a_file_without_read_permission_is_refused(
    cartridge: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(PresetFileError, match=r"cannot be read \(Permission denied\)"):
        PresetBank.read(tmp_path / "sound.syx")


APPLE_DOUBLE = b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(96)


@pytest.mark.parametrize("strict", [True, False])
def test_files_of_the_operating_system_are_ignored(
    strict: bool, cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    for name, data in {
        "a.syx": cartridge,
        "._a.syx": APPLE_DOUBLE,
        ".DS_Store": b"\0\0\0\1Bud1",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "desktop.ini": b"[.ShellClassInfo]",
        "__MACOSX/._a.syx": APPLE_DOUBLE,
        ".Trashes/501/old.syx": b"broken",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    bank = PresetBank.read(folder, strict=strict)
    assert bank == make_bank(32)
    assert bank.notes == ()


def test_archives_in_a_folder_are_named(cartridge: bytes, make_bank: MakeBank, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with zipfile.ZipFile(folder / "more.ZIP", "w") as archive:
        archive.writestr("b.syx", cartridge)
    with pytest.raises(PresetFileError, match=r"no \.syx file \(but archives, .* first: more\.ZIP"):
        PresetBank.read(folder)
    (folder / "a.dx7").write_bytes(cartridge)
    bank = PresetBank.read(folder)
    assert bank == make_bank(32)
    assert bank.notes == (f"skipped: {folder / 'more.ZIP'} is an archive; unpack it to read what it holds",)


def test_files_that_a_folder_hides_are_named(cartridge: bytes, make_bank: MakeBank, tmp_path: Path) -> None:
    """Alone, a file of packed voices or a MIDI file is read; silence about it would look like a loss."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "voices.bin").write_bytes(cartridge[6:-2])
    assert PresetBank.read(folder / "voices.bin") == make_bank(32)
    with pytest.raises(PresetFileError, match=r"no \.syx file \(but files .* one by one: voices\.bin"):
        PresetBank.read(folder)
    (folder / "a.syx").write_bytes(cartridge)
    bank = PresetBank.read(folder)
    assert bank == make_bank(32)
    assert bank.notes == (f"skipped: {folder / 'voices.bin'} is read if it is named itself, not its folder",)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.syx", b"PK\3\4rest", "a ZIP archive"),
        ("._a.syx", APPLE_DOUBLE, "macOS metadata (AppleDouble)"),
        ("a.syx.gz", b"\x1f\x8b\x08\0", "a gzip archive"),
        ("a.mid", b"MThd\0\0\0\6", "a MIDI file"),
        ("a.wav", b"RIFF\x24\0\0\0WAVE", "a RIFF file, such as a WAV sound"),
        ("a.flac", b"fLaC\0\0\0\x22", "a FLAC sound"),
    ],
)
def test_known_kinds_of_other_files_are_named(name: str, data: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PresetFileError, match="byte 0: found ") as caught:
        PresetBank.read(tmp_path / name)
    assert caught.value.found == kind
    assert ("unpack the archive first" in str(caught.value)) == ("archive" in kind)


@pytest.mark.parametrize("name", ["x.syx", "x.dx7", "x"])
@pytest.mark.parametrize("n", [1, 32])
def test_packed_voices_without_a_header_are_recognized_by_their_size(
    name: str, n: int, make_bank: MakeBank, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(make_bank(n).packed().tobytes())
    bank = PresetBank.read(tmp_path / name)
    assert bank == make_bank(n)
    assert bank.notes == (f"{tmp_path / name}: read as packed voices without a header",)


@pytest.mark.parametrize("data", [b"the quick brown fox jumps " * 158, bytes(4096), b" " * 128], ids=len)
def test_other_files_of_that_size_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.syx").write_bytes(data[:4096])
    for strict in (True, False):
        with pytest.raises(PresetFileError, match=r"rename the file to end in \.bin") as caught:
            PresetBank.read(tmp_path / "x.syx", strict=strict)
        assert not caught.value.forgivable


def test_an_error_says_whether_the_file_can_be_read_in_part(
    cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "bad.syx").write_bytes(cartridge[:-2] + b"\0\xf7")
    (tmp_path / "text.syx").write_bytes(b"text")
    for path, forgivable in [(folder / "bad.syx", True), (folder, True), (tmp_path / "text.syx", False)]:
        with pytest.raises(PresetFileError) as caught:
            PresetBank.read(path)
        assert caught.value.forgivable is forgivable
        assert str(caught.value).endswith("; strict=False reads what is intact") is forgivable
        assert ("--lenient" in caught.value.text("--lenient")) is forgivable
    assert PresetBank.read(folder, strict=False) == make_bank(32)
