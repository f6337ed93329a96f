"""Damaged files of every kind: errors name the file, the byte offset, and what was found and expected."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentdx.errors import ChecksumError, LatentDXError, PresetFileError, UnsupportedFormatError
from latentdx.presets import Flag, PresetBank, sysex
from latentdx.presets.reading import MAX_FILE_BYTES

MakeBank = Callable[..., PresetBank]


@pytest.fixture
def cartridge(make_bank: MakeBank, tmp_path: Path) -> bytes:
    """A valid cartridge of 4,104 bytes."""
    return make_bank(32).write(tmp_path / "sound.syx").read_bytes()


@dataclass
class Bad:
    """A damaged cartridge and the error that it must give."""

    name: str
    spoil: Callable[[bytes], bytes]
    offset: int
    found: str
    expected: str
    error: type[PresetFileError] = PresetFileError


def patched(at: int, *new: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes(new) + data[at + len(new) :]


def constant(data: bytes) -> Callable[[bytes], bytes]:
    return lambda _: data


OTHER = UnsupportedFormatError
BAD = [
    Bad("empty", constant(b""), 0, "an empty file", "a SysEx message (0xF0 0x43 …)"),
    Bad("truncated", lambda d: d[:3000], 3000, "the end of the file after 3000 bytes", "4104 bytes (trunc"),
    Bad("last byte missing", lambda d: d[:-1], 4103, "the end of the file after 4103 bytes", "4104 bytes"),
    Bad("header only", lambda d: d[:4], 0, "a header of 4 bytes", "a header of 6 bytes (truncated file)"),
    Bad("one byte", lambda d: d[:1], 0, "1 bytes", "a SysEx header of 6 bytes"),
    Bad(
        "second message truncated",
        lambda d: d + d[:100],
        4204,
        "the end of the file after 100 bytes",
        "4104 bytes",
    ),
    Bad(
        "cut in the middle, another follows",
        lambda d: d[:1000] + d,
        1000,
        "the start of another message after 1000 bytes",
        "4104 bytes (truncated message)",
    ),
    Bad("wrong checksum", lambda d: patched(4102, d[4102] ^ 1)(d), 4102, "checksum 0x", "0x", ChecksumError),
    Bad(
        "one value changed",
        lambda d: patched(50, d[50] ^ 1)(d),
        4102,
        "checksum 0x",
        "strict=False",
        ChecksumError,
    ),
    Bad("eight-bit data", patched(77, 0x90), 77, "the byte 0x90 inside a message", "seven-bit data"),
    Bad("no end byte", patched(4103, 0x00), 4103, "the byte 0x00", "0xF7, end of message"),
    Bad("line endings changed", lambda d: d[:6] + b"\r" + d[6:], 4102, "checksum 0x", "0x", ChecksumError),
    Bad("junk after it", lambda d: d + b"\0\0", 4104, "bytes 00 00", "0xF0, start of a SysEx message"),
    Bad("wrong byte count", patched(4, 0x10), 4, "a byte count of 2048", "4096 for format 9"),
    Bad("text", constant(b"Patch list\r\n1. Piano\r\n"), 0, r"text 'Patch list\r\n1. P'", "0xF0, start of"),
    Bad("UTF-16 text", constant("Hé".encode("utf-16")), 0, "bytes FF FE 48 00 E9 00", "0xF0, start of"),
    Bad("a picture", constant(b"\x89PNG\r\n\x1a\n" + bytes(50)), 0, "bytes 89 50 4E 47", "0xF0, start of"),
    Bad(
        "headerless payload",
        lambda d: d[6:-2],
        0,
        "bytes",
        '(to read packed voices without a header, use format="packed")',
    ),
    Bad("Roland", patched(1, 0x41), 1, "manufacturer 0x41 (Roland)", "0x43 (Yamaha)", OTHER),
    Bad("Korg", constant(b"\xf0\x42\xf7"), 1, "manufacturer 0x42 (Korg)", "0x43 (Yamaha)", OTHER),
    Bad("unknown maker", patched(1, 0x55), 1, "manufacturer 0x55 (another", "0x43 (Yamaha)", OTHER),
    Bad("universal", patched(1, 0x7E), 1, "universal, no manufacturer", "0x43 (Yamaha)", OTHER),
    Bad("parameter change", patched(2, 0x10), 2, "sub-status 1 (not a bulk dump)", "sub-status 0", OTHER),
    Bad("dump request", patched(2, 0x20), 2, "sub-status 2 (not a bulk dump)", "sub-status 0", OTHER),
    Bad("DX7 performance", patched(3, 1), 3, "Yamaha format 1: DX7 performance", "0 (one DX7", OTHER),
    Bad("TX816 performances", patched(3, 2), 3, "Yamaha format 2: DX7/TX816", "9 (32 DX7", OTHER),
    Bad("one 4-operator voice", patched(3, 3), 3, "format 3: one 4-operator voice", "0 (one", OTHER),
    Bad("4-operator voices", patched(3, 4), 3, "Yamaha format 4: 4-operator voices (", "0 (one", OTHER),
    Bad("DX7 II supplement", patched(3, 5), 3, "format 5: DX7 II supplement of one", "0 (one", OTHER),
    Bad("DX7 II supplements", patched(3, 6), 3, "format 6: DX7 II supplement of 32", "0 (one", OTHER),
    Bad("DX11, TX81Z, …", patched(3, 0x7E), 3, "universal Yamaha bulk dump (DX11/TX81Z", "0 (one", OTHER),
    Bad("unknown format", patched(3, 0x33), 3, "Yamaha format 51: an unknown format", "0 (one", OTHER),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda b: b.name)
def test_a_damaged_file_is_refused_with_details(bad: Bad, cartridge: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad one.syx"
    path.write_bytes(bad.spoil(cartridge))
    with pytest.raises(PresetFileError) as caught:
        PresetBank.read(path)
    error = caught.value
    assert type(error) is bad.error
    assert error.source == str(path)
    assert error.offset == bad.offset
    assert bad.found in error.found
    assert bad.expected in error.expected
    assert all(part in str(error) for part in [str(path), f"byte {bad.offset}", error.found, error.expected])


@pytest.mark.parametrize("length", [1, 127, 129, 4104, 4097])
def test_packed_voices_must_be_a_multiple_of_128_bytes(length: int, tmp_path: Path) -> None:
    path = tmp_path / "voices.bin"
    path.write_bytes(bytes(length))
    with pytest.raises(PresetFileError, match="a positive multiple of 128 bytes") as caught:
        PresetBank.read(path)
    assert (caught.value.offset, caught.value.found) == (length, f"{length} bytes")


def test_a_payload_that_is_not_voices_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "voices.bin"
    path.write_bytes(b"the quick brown fox jumps over the lazy dog " * 64)
    with pytest.raises(PresetFileError, match="% of the values out of range, expected at most 15%") as caught:
        PresetBank.read(path)
    assert caught.value.offset == 0  # "t" is out of range for a rate


def test_packed_voices_are_read_on_request(make_bank: MakeBank, tmp_path: Path) -> None:
    bank = make_bank(32)
    for name in ("voices.bin", "headerless.syx"):
        (tmp_path / name).write_bytes(bank.packed().tobytes())
    assert PresetBank.read(tmp_path / "voices.bin") == bank
    assert PresetBank.read(tmp_path / "headerless.syx", format="packed") == bank
    with pytest.raises(PresetFileError, match="0xF0"):
        PresetBank.read(tmp_path / "voices.bin", format="sysex")


# -- strict=False -------------------------------------------------------------------------------------


def read_anyway(path: Path, data: bytes) -> PresetBank:
    path.write_bytes(data)
    with pytest.raises(PresetFileError):
        PresetBank.read(path)
    return PresetBank.read(path, strict=False)


def test_a_wrong_checksum_is_read_and_reported(cartridge: bytes, make_bank: MakeBank, tmp_path: Path) -> None:
    path = tmp_path / "stale.syx"
    bank = read_anyway(path, cartridge[:-2] + bytes([cartridge[-2] ^ 5, 0xF7]))
    assert bank == make_bank(32)
    assert (bank.flags == Flag.DAMAGED).all()
    assert len(bank.notes) == 1
    assert bank.notes[0].startswith(f"{path}, byte 4102: found checksum")


def test_only_the_damaged_message_is_flagged(cartridge: bytes, make_bank: MakeBank, tmp_path: Path) -> None:
    bank = read_anyway(tmp_path / "two.syx", cartridge + patched(4103, 0)(cartridge))
    assert bank == make_bank(32) + make_bank(32)
    assert (bank.flags[:32] == Flag.NONE).all()
    assert (bank.flags[32:] == Flag.DAMAGED).all()


def test_foreign_messages_between_dx7_voices_are_skipped(
    cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    voice = make_bank(1, seed=3)[0]
    data = b"\xf0\x41\x10\xf7" + cartridge + b"readme\r\n" + patched(3, 6)(cartridge) + voice.sysex()
    bank = read_anyway(tmp_path / "mixed.syx", data)
    assert bank == make_bank(32) + voice.bank
    assert not bank.flags.any()
    assert len(bank.notes) == 3
    for note, what in zip(
        bank.notes, ["byte 1: found manufacturer 0x41", "byte 4108", "format 6"], strict=True
    ):
        assert note.startswith("skipped: ")
        assert what in note


def test_a_truncated_dump_does_not_affect_the_next(
    cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    bank = read_anyway(tmp_path / "cut.syx", cartridge[:2500] + cartridge)
    assert bank == make_bank(32)
    assert "byte 2500: found the start of another message after 2500 bytes" in bank.notes[0]


@pytest.mark.parametrize("data", [b"", b"just text", b"\xf0\x41\xf7", b"a \xf0 b \xf0\x43\x00", b"\xf0" * 50])
def test_a_file_without_any_voice_is_refused_even_if_not_strict(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "none.syx").write_bytes(data)
    with pytest.raises(PresetFileError) as caught:
        PresetBank.read(tmp_path / "none.syx", strict=False)
    assert caught.value.offset <= 1  # the first error is reported, not the last


def test_a_long_run_of_start_bytes_is_given_up(cartridge: bytes, tmp_path: Path) -> None:
    (tmp_path / "starts.syx").write_bytes(cartridge + b"\xf0" * 2**22)
    start = time.perf_counter()
    with pytest.raises(PresetFileError, match="byte 5105"):
        PresetBank.read(tmp_path / "starts.syx", strict=False)
    assert time.perf_counter() - start < 5


# -- folders and unusual files ----------------------------------------------------------------------------


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
    with pytest.raises(PresetFileError):
        PresetBank.read(tmp_path / name)


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


# -- the bytes themselves -----------------------------------------------------------------------------


def test_the_checksum_of_known_payloads() -> None:
    assert sysex.checksum(bytes(4096)) == 0
    assert sysex.checksum(b"\x01") == 0x7F
    assert (sum(b"DX7 rules") + sysex.checksum(b"DX7 rules")) & 0x7F == 0


def test_any_midi_channel_is_read(cartridge: bytes, make_bank: MakeBank) -> None:
    for channel in range(16):
        voices = sysex.read_messages(patched(2, channel)(cartridge), "memory")
        assert len(voices.names) == 32


def test_out_of_range_values_in_a_valid_dump_are_repaired(make_bank: MakeBank, tmp_path: Path) -> None:
    packed = make_bank(32).packed()
    packed[7, 102 - 17 + 7] = 120  # operator 1, EG level 4
    packed[7, 102 - 17 + 6] = 120  # operator 1, EG level 3
    packed[9, 116] = 0b1111  # LFO wave 7
    path = tmp_path / "odd.syx"
    path.write_bytes(sysex.bank_message(packed))
    bank = PresetBank.read(path)
    assert (bank[7]["OP1 EG LEVEL 4"], bank[7]["OP1 EG LEVEL 3"], bank[9]["LFO WAVE"]) == (0, 99, 5)
    assert [i for i, f in enumerate(bank.flags) if f & Flag.MENDED] == [7, 9]
    assert bank.mended.sum() == 3


def test_unprintable_names_are_flagged() -> None:
    packed = PresetBank.init().packed()
    packed[0, -10:] = list(b"\xc1B\x00\x07C\x7f    ")
    bank = PresetBank.from_packed(packed)
    assert bank.names == ("AB  C",)
    assert bank.flags[0] == Flag.RENAMED


def test_all_errors_share_one_base_class() -> None:
    assert issubclass(ChecksumError, PresetFileError)
    assert issubclass(UnsupportedFormatError, PresetFileError)
    assert issubclass(PresetFileError, LatentDXError)


@given(st.text())
def test_a_display_name_of_any_text_is_kept_by_a_bank(text: str) -> None:
    name = sysex.display_name(text)
    assert len(name) <= 10 and name.isascii() and (name.isprintable() or not name)
    assert PresetBank.from_values(PresetBank.init().values, [name]).names == (name,)


def test_display_names_of_known_texts() -> None:
    texts = ("Flöte,  très\tbelle", "low", "日本", "a b c d e f g")
    assert [sysex.display_name(t) for t in texts] == ["Flote, tre", "low", "", "a b c d e"]
