"""The page's reader and writer of .syx files: the library's voices, notes and errors, for the same bytes."""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from latentdx.errors import PresetFileError
from latentdx.presets import Flag, PresetBank
from latentdx.presets.parameters import maxima

STARTER = Path(__file__).parents[2] / "data/starter"
READ = """async (files) => {
  const { readPresets } = await import('/preset_files.js');
  const { PresetFileError } = await import('/sysex_reader.js');
  return files.map(([name, text]) => {
    try {
      const { voices, notes } = readPresets(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), name);
      const flags = voices.map((v) => Number(v.mended) + 2 * v.renamed + 4 * v.damaged);
      const values = btoa(voices.map((v) => String.fromCharCode(...v.values)).join(''));
      return { names: voices.map((v) => v.name), values, flags, notes };
    } catch (error) {
      if (!(error instanceof PresetFileError)) throw error;
      return { error: error.message };
    }
  });
}"""
WRITE = """async (voices) => {
  const { writeCartridge, writeVoice } = await import('/preset_files.js');
  const text = (bytes) => btoa(String.fromCharCode(...bytes));
  const given = voices.map(([values, name]) => ({ values: Uint8Array.from(values), name }));
  return { cartridge: text(writeCartridge(given)), voices: given.map((voice) => text(writeVoice(voice))) };
}"""

Spoil = Callable[[bytes], bytes]


def patched(at: int, *new: int) -> Spoil:
    return lambda data: data[:at] + bytes(new) + data[at + len(new) :]


def wrong_checksum(data: bytes) -> bytes:
    return patched(len(data) - 2, data[-2] ^ 1)(data)


def with_clock(data: bytes) -> bytes:
    return b"\xf8".join(data[i : i + 31] for i in range(0, len(data), 31))


def with_eighth_bits(data: bytes) -> bytes:
    return data[:6] + bytes(b | 128 * (i % 7 == 0) for i, b in enumerate(data[6:-2])) + data[-2:]


def out_of_range(data: bytes) -> bytes:
    """An envelope's level 4 and level 3, an LFO wave, and an unprintable name, with the right checksum."""
    packed = np.frombuffer(data[6:-2], np.uint8).copy()
    packed[[92, 91, 116, 118]] = 120, 120, 0b1111, 7
    return data[:6] + packed.tobytes() + bytes([-int(packed.sum()) & 0x7F, 0xF7])


def length_in_midi(length: int) -> bytes:
    return bytes([0x80 | length >> 7, length & 0x7F]) if length > 127 else bytes([length])


def in_midi_file(dump: bytes, size: int = 5000) -> bytes:
    first, *later = (dump[i : i + size] for i in range(1, len(dump), size))
    track = b"\0\xf0" + length_in_midi(len(first)) + first
    track += b"".join(b"\x83\x60\xf7" + length_in_midi(len(part)) + part for part in later) + b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + len(track).to_bytes(4, "big") + track


VOICE = PresetBank.read(STARTER / "03-basses.syx")[0].sysex()
CASES: Mapping[str, Spoil] = {
    "intact": lambda d: d,
    "two cartridges and a voice": lambda d: d + d + VOICE,
    "one voice": lambda d: VOICE,
    "headerless": lambda d: d[6:-2],
    "one headerless voice": lambda d: d[6:134],
    "two headerless cartridges": lambda d: 2 * d[6:-2],
    "another channel": patched(2, 5),
    "values out of range": out_of_range,
    "wrong checksum": wrong_checksum,
    "wrong checksum and no end byte": lambda d: wrong_checksum(d)[:-1],
    "no checksum": lambda d: d[:-2],
    "no end byte": lambda d: d[:-1],
    "no end byte, another follows": lambda d: d[:-1] + d,
    "another end byte": patched(4103, 0),
    "eighth bits": with_eighth_bits,
    "clock": with_clock,
    "real-time bytes around it": lambda d: b"\xfe\xf8" + d + b"\xf8",
    "no start byte": lambda d: d[1:],
    "doubled start byte": lambda d: b"\xf0" + d,
    "doubled end byte": lambda d: d + b"\xf7",
    "wrong byte count": patched(4, 0x10),
    "wrong format": patched(3, 0),
    "wrong format of a voice": lambda d: patched(3, 9)(VOICE),
    "padding": lambda d: d + bytes(512),
    "text around it": lambda d: b'It\'s "mine"\r\n' + d + b"the end",
    "MacBinary": lambda d: b"\0\7patches" + bytes(119) + d,
    "CR LF": lambda d: d.replace(b"\n", b"\r\n"),
    "7-bit mail": lambda d: b"\x70" + d[1:-1] + b"\x77",
    "MIDI file": in_midi_file,
    "MIDI file in packets": lambda d: in_midi_file(d, 256),
    "hexadecimal text": lambda d: d.hex(" ").encode() + b"\r\n",
    "hexadecimal text without spaces": lambda d: d.hex().upper().encode(),
    "DX7 II supplements before it": lambda d: b"\xf0\x43\0\6\x08\x60" + bytes(1121) + b"\xf7" + d,
    "other makers between": lambda d: b"\xf0\x41\x10\xf7" + d + b"readme\r\n" + patched(3, 6)(d) + VOICE,
    "cut by another": lambda d: d[:2500] + d,
    "cut by the end": lambda d: d[:3000],
    "bytes lost": lambda d: d[:1000] + d[1003:],
    "empty": lambda d: b"",
    "one byte": lambda d: d[:1],
    "header only": lambda d: d[:4],
    "text": lambda d: b"Patch list\r\n1. It's\r\n",
    "ZIP": lambda d: b"PK\3\4rest",
    "WAV": lambda d: b"RIFF\x24\0\0\0WAVE",
    "Korg": lambda d: b"\xf0\x42\xf7",
    "unknown maker": patched(1, 0x55),
    "parameter change": patched(2, 0x10),
    "TX81Z": patched(3, 4),
    "unknown format": patched(3, 0x33),
    "zeros": lambda d: bytes(4096),
    "4,096 letters": lambda d: (b"the quick brown fox jumps " * 158)[:4096],
    "a run of start bytes": lambda d: b"\xf0" * 3000,
}


def fuzzed(seed: int) -> bytes:
    """A cartridge, or two, with a few random cuts, insertions and changed bytes."""
    rng = np.random.default_rng([14, seed])
    data = (STARTER / "04-brass.syx").read_bytes() + (VOICE if seed % 2 else b"")
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(0, len(data))), int(2 ** rng.uniform(0, 9))
        at = at if rng.random() < 0.7 else at % 8  # the reader decides at the header
        new = [b"", rng.bytes(1), rng.bytes(length), VOICE, b"\xf0\x43"][int(rng.integers(0, 5))]
        data = data[:at] + new + data[at + int(rng.choice([0, 1, length])) :]
    return data


def outcome(name: str, data: bytes) -> dict[str, Any]:
    Path(name).write_bytes(data)
    try:
        bank = PresetBank.read(name, strict=False)
    except PresetFileError as error:
        return {"error": str(error)}
    finally:
        Path(name).unlink()
    return {
        "names": list(bank.names),
        "values": b64encode(bank.values.tobytes()).decode(),  # travels faster than numbers
        "flags": bank.flags.tolist(),
        "notes": list(bank.notes),
    }


def read(page: Page, files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(
        READ, [(name, b64encode(data).decode()) for name, data in files.items()]
    )
    return found


def test_every_kind_of_file_gives_the_librarys_voices_notes_and_errors(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # so that both sides name the file alike
    whole = (STARTER / "01-electric-pianos.syx").read_bytes()
    files = {f"{name}.syx": spoil(whole) for name, spoil in CASES.items()}
    files |= {f"{name}.bin": data for name, data in [("packed", whole[6:-2]), ("letters", b"x" * 256)]}
    files |= {"odd.BIN": bytes(127)}
    for (name, data), found in zip(files.items(), read(page, files), strict=True):
        assert found == outcome(name, data), name


def test_random_damage_is_read_as_in_the_library(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {f"{seed}.syx": fuzzed(seed) for seed in range(150)}
    tally: Counter[str] = Counter()
    for (name, data), found in zip(files.items(), read(page, files), strict=True):
        assert found == outcome(name, data), name
        tally["refused" if "error" in found else "proven" if 4 not in found["flags"] else "damaged"] += 1
    assert min(tally[kind] for kind in ("refused", "proven", "damaged")) >= 5, tally


def test_flags_are_those_of_the_library() -> None:
    assert (Flag.MENDED, Flag.RENAMED, Flag.DAMAGED) == (1, 2, 4)


def test_a_huge_file_is_refused_without_reading_it(page: Page) -> None:
    message = page.evaluate("""async () => {
      const { readPresets } = await import('/preset_files.js');
      const huge = Object.create(Uint8Array.prototype, { length: { value: 2 ** 26 + 1 } });
      try { readPresets(huge, 'huge.syx'); } catch (error) { return error.message; }
    }""")
    assert message == "huge.syx: found 67,108,865 bytes, expected at most 67,108,864"


def test_files_are_written_as_by_the_library(page: Page) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, maxima() + 1, (5, len(maxima())), dtype=np.uint8)
    bank = PresetBank.from_values(values, ["ALPHA", "", "0123456789", "a ~", "Flûte 🎹"])
    given = [
        [row, name] for row, name in zip(values.tolist(), [*bank.names[:4], "Flûte 🎹 and more"], strict=True)
    ]
    bank = PresetBank.from_values(values, [name for _, name in given])
    written = page.evaluate(WRITE, given)
    assert b64decode(written["cartridge"]) == bank.sysex()
    assert [b64decode(voice) for voice in written["voices"]] == [preset.sysex() for preset in bank]


def test_starter_cartridges_come_back_byte_for_byte(page: Page) -> None:
    files = {path.name: path.read_bytes() for path in sorted(STARTER.glob("*.syx"))}
    assert len(files) == 12
    for data, found in zip(files.values(), read(page, files), strict=True):
        assert found["notes"] == []
        values = np.frombuffer(b64decode(found["values"]), np.uint8).reshape(-1, len(maxima()))
        voices = list(zip(values.tolist(), found["names"], strict=True))
        assert b64decode(page.evaluate(WRITE, voices)["cartridge"]) == data
