"""Damaged files of every kind: errors name the file, the byte offset, and what was found and expected."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentdx.errors import ChecksumError, LatentDXError, PresetFileError, UnsupportedFormatError
from latentdx.presets import Flag, PresetBank, sysex, sysex_reader

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
        "0x",
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
        "two cartridges without headers",
        lambda d: 2 * d[6:-2],
        0,
        "bytes",
        "(if these are packed voices without a header, rename the file to end in .bin)",
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
    assert not PresetBank.read(tmp_path / "voices.bin").notes
    assert PresetBank.read(tmp_path / "headerless.syx", format="packed") == bank
    with pytest.raises(PresetFileError, match="0xF0"):
        PresetBank.read(tmp_path / "voices.bin", format="sysex")


# -- the bytes themselves -----------------------------------------------------------------------------


def test_the_checksum_of_known_payloads() -> None:
    assert sysex.checksum(bytes(4096)) == 0
    assert sysex.checksum(b"\x01") == 0x7F
    assert (sum(b"DX7 rules") + sysex.checksum(b"DX7 rules")) & 0x7F == 0


def test_any_midi_channel_is_read(cartridge: bytes, make_bank: MakeBank) -> None:
    for channel in range(16):
        voices = sysex_reader.read_messages(patched(2, channel)(cartridge), "memory")
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
