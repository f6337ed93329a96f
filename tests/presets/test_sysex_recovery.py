"""Damage of every kind that cables, librarians, mail and file systems do to SysEx, read with strict=False."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentdx.errors import PresetFileError
from latentdx.presets import Flag, PresetBank
from latentdx.presets.parameters import N_VALUES

MakeBank = Callable[..., PresetBank]


@pytest.fixture
def cartridge(make_bank: MakeBank, tmp_path: Path) -> bytes:
    """A valid cartridge of 4,104 bytes."""
    return make_bank(32).write(tmp_path / "sound.syx").read_bytes()


def patched(at: int, *new: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes(new) + data[at + len(new) :]


def read_anyway(path: Path, data: bytes) -> PresetBank:
    path.write_bytes(data)
    with pytest.raises(PresetFileError) as caught:
        PresetBank.read(path)
    assert caught.value.forgivable
    bank = PresetBank.read(path, strict=False)
    assert bank.notes
    return bank


def test_a_wrong_checksum_is_read_and_reported(cartridge: bytes, make_bank: MakeBank, tmp_path: Path) -> None:
    path = tmp_path / "stale.syx"
    bank = read_anyway(path, cartridge[:-2] + bytes([cartridge[-2] ^ 5, 0xF7]))
    assert bank == make_bank(32)
    assert (bank.flags == Flag.DAMAGED).all()
    assert len(bank.notes) == 1
    assert bank.notes[0].startswith(f"{path}, byte 4102: found checksum")


def test_only_the_damaged_message_is_flagged(cartridge: bytes, make_bank: MakeBank, tmp_path: Path) -> None:
    bank = read_anyway(tmp_path / "two.syx", cartridge + patched(4102, cartridge[4102] ^ 1)(cartridge))
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


def with_eighth_bits(data: bytes, every: int = 7) -> bytes:
    """Set the eighth bit of some data bytes of a dump."""
    payload = bytearray(data[6:-2])
    payload[::every] = bytes(b | 0x80 for b in payload[::every])
    return data[:6] + bytes(payload) + data[-2:]


def with_clock(data: bytes, byte: int) -> bytes:
    """Insert a real-time byte after every 31 bytes of a dump."""
    return bytes([byte]).join(data[i : i + 31] for i in range(0, len(data), 31))


def length_in_midi(length: int) -> bytes:
    return bytes([0x80 | length >> 7, length & 0x7F]) if length > 127 else bytes([length])


def in_midi_file(dump: bytes) -> bytes:
    """Put a dump into a MIDI file of one track, as a SysEx event."""
    track = b"\0\xf0" + length_in_midi(len(dump) - 1) + dump[1:] + b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + len(track).to_bytes(4, "big") + track


def in_packets(dump: bytes, size: int, wait: bytes) -> bytes:
    """Put a dump into a MIDI file as packets of some size, with a time of waiting before each."""
    first, *later = (dump[i : i + size] for i in range(1, len(dump), size))
    track = b"\0\xf0" + length_in_midi(len(first)) + first
    track += b"".join(wait + b"\xf7" + length_in_midi(len(part)) + part for part in later)
    track += wait + b"\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + len(track).to_bytes(4, "big") + track


@pytest.mark.parametrize("size", [100, 256, 4102])
@pytest.mark.parametrize("wait", [b"\0", b"\x48", b"\x83\x60"])
def test_a_dump_in_packets_of_a_midi_file_is_read(
    size: int, wait: bytes, cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    bank = read_anyway(tmp_path / "bank.mid", in_packets(cartridge, size, wait))
    assert bank == make_bank(32) and not bank.flags.any()
    assert any("headers of a MIDI file's packets" in note for note in bank.notes)


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        pytest.param(with_eighth_bits, "seven-bit data (below 0x80)", id="8th bit in every 7th byte"),
        pytest.param(lambda d: with_eighth_bits(d, 1), "seven-bit data (below 0x80)", id="in all bytes"),
        pytest.param(lambda d: d[:-1], "found the end of the file, expected 0xF7", id="no end byte"),
        pytest.param(patched(4103, 0), "found the byte 0x00, expected 0xF7", id="another end byte"),
        pytest.param(lambda d: with_clock(d, 0xF8), "real-time bytes among the data", id="clock"),
        pytest.param(lambda d: with_clock(d, 0xFE), "real-time bytes among the data", id="active sensing"),
        pytest.param(lambda d: b"\xfe\xf8" + d + b"\xf8", "skipped: ", id="real-time bytes around it"),
        pytest.param(lambda d: d[1:], "found no start byte", id="no start byte"),
        pytest.param(lambda d: b"\xf0" + d, "skipped: ", id="doubled start byte"),
        pytest.param(lambda d: d + b"\xf7", "skipped: ", id="doubled end byte"),
        pytest.param(patched(4, 0x10), "a byte count of 2048, expected 4096", id="wrong byte count"),
        pytest.param(patched(3, 0), "4096 bytes of data, expected 155 for format 0", id="wrong format"),
        pytest.param(lambda d: d + bytes(512), "bytes 00 00", id="padded with zeros"),
        pytest.param(lambda d: d + b"\x1a" * 24, "bytes 1A 1A", id="padded with CP/M end-of-file marks"),
        pytest.param(lambda d: b"My DX7 patches\r\n" + d + b"the end", "text 'My DX7", id="text around it"),
        pytest.param(lambda d: b"\0\7patches" + bytes(119) + d, "bytes 00 07", id="MacBinary header"),
        pytest.param(lambda d: d.replace(b"\n", b"\r\n"), "a CR before each LF", id="LF became CR LF"),
        pytest.param(lambda d: b"\x70" + d[1:-1] + b"\x77", "found no start byte", id="7-bit mail"),
        pytest.param(in_midi_file, "bytes of a MIDI file after 0xF0", id="MIDI file"),
        pytest.param(lambda d: d.hex(" ", 1).encode(), "hexadecimal text", id="hexadecimal text"),
        pytest.param(lambda d: d.hex().upper().encode() + b"\r\n", "hexadecimal text", id="without spaces"),
        pytest.param(lambda d: b"\xf0\x43\0\6\x08\x60" + bytes(1121) + b"\xf7" + d, "(AMEM)", id="AMEM"),
        pytest.param(lambda d: b"\xf0\x7e\0\6\1\xf7" + d, "universal", id="identity request before it"),
    ],
)  # fmt: skip
def test_damage_that_leaves_the_checksum_right_changes_no_value(
    spoil: Callable[[bytes], bytes], note: str, cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    bank = read_anyway(tmp_path / "bad.syx", spoil(cartridge))
    assert bank == make_bank(32)
    assert not bank.flags.any()
    assert any(note in line for line in bank.notes), bank.notes


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        pytest.param(lambda d: patched(4102, d[4102] ^ 1)(d), "found checksum 0x", id="wrong checksum"),
        pytest.param(lambda d: patched(4102, d[4102] ^ 1)(d)[:-1], "found checksum 0x", id="and no end byte"),
        pytest.param(lambda d: d[:-2], "the end of the file after 4102 bytes", id="no checksum"),
        pytest.param(lambda d: patched(4102, d[4102] ^ 1, 0)(d), "found checksum 0x", id="nor an end byte"),
        pytest.param(
            lambda d: patched(3, 0)(patched(4102, d[4102] ^ 1)(d)), "4096 bytes of data", id="wrong format"
        ),
    ],
)  # fmt: skip
def test_without_a_right_checksum_voices_are_flagged(
    spoil: Callable[[bytes], bytes], note: str, cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    bank = read_anyway(tmp_path / "bad.syx", spoil(cartridge))
    assert bank == make_bank(32)
    assert (bank.flags == Flag.DAMAGED).all()
    assert any(note in line for line in bank.notes), bank.notes


def test_a_missing_end_byte_does_not_affect_the_next_dump(
    cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    other = make_bank(32, seed=1).sysex()
    for last in (b"", patched(4102, cartridge[4102] ^ 1)(cartridge)[4102:4103]):
        first = cartridge[:-1] if not last else cartridge[:-2] + last
        bank = read_anyway(tmp_path / "two.syx", first + other)
        assert bank == make_bank(32) + make_bank(32, seed=1)


def test_a_single_voice_under_the_number_of_a_cartridge_is_read_by_its_size(
    make_bank: MakeBank, tmp_path: Path
) -> None:
    voice = make_bank(1)[0]
    bank = read_anyway(tmp_path / "one.syx", patched(3, 9)(voice.sysex()))
    assert bank == voice.bank
    assert any("155 bytes of data, expected 4096 for format 9" in line for line in bank.notes)


def test_eighth_bits_of_a_single_voice_are_removed(make_bank: MakeBank, tmp_path: Path) -> None:
    voice = make_bank(1)[0]
    bank = read_anyway(tmp_path / "one.syx", with_eighth_bits(voice.sysex(), 3))
    assert bank == voice.bank
    assert bank.values.shape == (1, N_VALUES) and not bank.mended.any()


def test_a_dump_cut_off_by_another_gives_its_whole_voices(
    cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    bank = read_anyway(tmp_path / "cut.syx", cartridge[:2500] + cartridge)
    assert bank == make_bank(32)[:19] + make_bank(32)
    assert (bank.flags[:19] == Flag.DAMAGED).all() and not bank.flags[19:].any()
    assert "byte 2500: found the start of another message after 2500 bytes" in bank.notes[0]
    assert bank.notes[0].endswith("voices read before that: 19")


def test_a_dump_cut_off_by_the_end_of_the_file_gives_its_whole_voices(
    cartridge: bytes, make_bank: MakeBank, tmp_path: Path
) -> None:
    bank = read_anyway(tmp_path / "cut.syx", cartridge[:3000])
    assert bank == make_bank(32)[:23]
    assert (bank.flags == Flag.DAMAGED).all()


def test_a_dump_that_lost_bytes_on_the_way_is_not_guessed(cartridge: bytes, tmp_path: Path) -> None:
    path = tmp_path / "lost.syx"
    path.write_bytes(cartridge[:1000] + cartridge[1003:])
    with pytest.raises(PresetFileError, match="the end byte after 4100 bytes"):
        PresetBank.read(path, strict=False)


def test_the_starter_banks_survive_each_damage_of_the_documentation(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "data/starter"
    a, b = (folder / name for name in ("01-electric-pianos.syx", "03-basses.syx"))
    first, second = PresetBank.read(a), PresetBank.read(b)
    one, two = a.read_bytes(), b.read_bytes()
    assert read_anyway(tmp_path / "x.syx", with_eighth_bits(one)) == first
    assert read_anyway(tmp_path / "x.syx", one[:-1]) == first
    assert read_anyway(tmp_path / "x.syx", one[:-1] + two) == first + second
    (tmp_path / "x.syx").write_bytes(one[6:-2])
    assert PresetBank.read(tmp_path / "x.syx") == first


def test_random_bytes_inserted_by_a_clock_never_change_a_value(make_bank: MakeBank, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    for seed in range(30):
        whole = make_bank(32, seed)
        data = bytearray(whole.sysex())
        for at in sorted(rng.integers(6, len(data), 5).tolist(), reverse=True):
            data.insert(at, int(rng.integers(0xF8, 0x100)))
        bank = read_anyway(tmp_path / "clock.syx", bytes(data))
        assert bank == whole and not bank.flags.any()


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
