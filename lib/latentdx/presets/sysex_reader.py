"""Reader of intact SysEx dumps and of packed voices; `sysex_recovery` reads damaged ones.

Sources: Yamaha DX7 manual, section "MIDI data format", and the manuals of the other instruments named.
"""

from dataclasses import dataclass, field

import numpy as np

from latentdx.errors import ChecksumError, PresetFileError, UnsupportedFormatError
from latentdx.presets.parameters import N_VALUES, NAME_LENGTH
from latentdx.presets.sysex import (
    BANK_VOICES,
    END,
    PACKED_SIZE,
    START,
    YAMAHA,
    Bytes,
    checksum,
    first_out_of_range,
    out_of_range,
    unpack,
    unpack_names,
)

SIZES = {0: N_VALUES + NAME_LENGTH, 9: BANK_VOICES * PACKED_SIZE}
"""Size of the data in a dump of each format: 0, one voice; 9, a cartridge."""

MOST_OUT_OF_RANGE = 0.15
"""Largest accepted share of values out of range in data that nothing marks as DX7 voices."""

HEADER_SIZE = 6
"""Bytes of a dump before its data: start, manufacturer, channel, format, and two for the byte count."""

_NOT_DX7 = {
    1: "DX7 performance (PCED)",
    2: "DX7/TX816 performances (PMEM)",
    3: "one 4-operator voice (DX21/27/100, TX81Z)",
    4: "4-operator voices (DX21/27/100, DX11/TX81Z)",
    5: "DX7 II supplement of one voice (ACED)",
    6: "DX7 II supplement of 32 voices (AMEM)",
    0x7E: "a universal Yamaha bulk dump (DX11/TX81Z, DX7 II, TX802)",
}
_MANUFACTURERS = {
    0x41: "Roland",
    0x42: "Korg",
    0x40: "Kawai",
    0x44: "Casio",
    0x01: "Sequential",
    0x10: "Oberheim",
    0x7E: "universal, no manufacturer",
    0x7F: "universal real time, no manufacturer",
}
_OTHER_FILES = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x00\x05\x16\x07": "macOS metadata (AppleDouble)",
    b"MThd": "a MIDI file",
    b"RIFF": "a RIFF file, such as a WAV sound",
    b"FORM": "an IFF file, such as an AIFF sound",
    b"fLaC": "a FLAC sound",
    b"OggS": "an Ogg sound",
    b"ID3": "an MP3 sound",
}


@dataclass
class Voices:
    """Voices collected from a file.

    Attributes:
        values: Arrays of raw values, uint8 (n, 145) each.
        names: Raw names of ten bytes, one per voice.
        damaged: True for each voice whose values nothing proves; see `Flag.DAMAGED`.
        notes: Sentences about damaged and skipped parts.
    """

    values: list[Bytes] = field(default_factory=list)
    names: list[bytes] = field(default_factory=list)
    damaged: list[bool] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, values: Bytes, names: list[bytes], damaged: bool) -> None:
        """Append voices: raw values, uint8 (n, 145), n raw names, and whether their message was damaged."""
        self.values.append(values)
        self.names += names
        self.damaged += [damaged] * len(names)

    def add_payload(self, payload: bytes, damaged: bool) -> int:
        """Append the voices in the data of a dump, one unpacked or several packed; return their number."""
        raw = np.frombuffer(payload, np.uint8)
        if len(payload) == SIZES[0]:
            self.add(raw[None, :N_VALUES], [payload[N_VALUES:]], damaged)
            return 1
        packed = raw.reshape(-1, PACKED_SIZE)
        self.add(unpack(packed), unpack_names(packed), damaged)
        return len(packed)


def describe_bytes(data: bytes) -> str:
    """Describe the first bytes of unexpected data: a known kind of file, text if printable, or bytes."""
    for magic, kind in _OTHER_FILES.items():
        if data.startswith(magic):
            return kind
    head = data[:16]
    if head and all(32 <= b < 127 or b in b"\t\r\n" for b in head):
        return f"text {head.decode('ascii')!r}"
    return "bytes " + head.hex(" ").upper()


def identify(head: bytes, at: int, source: object) -> tuple[int, int]:
    """Identify a dump of DX7 voices by its header, and refuse all other messages.

    Args:
        head: Five bytes of the header after the start byte; fewer at the end of a file.
        at: Offset of the start byte, for error messages.
        source: Name of the file, for error messages.

    Returns:
        Format, 0 or 9, and the byte count that the header gives.
    """
    if not head:
        raise PresetFileError(source, at, "1 bytes", "a SysEx header of 6 bytes")
    if head[0] != YAMAHA:
        maker = _MANUFACTURERS.get(head[0], "another manufacturer")
        raise UnsupportedFormatError(
            source, at + 1, f"manufacturer 0x{head[0]:02X} ({maker})", "0x43 (Yamaha)"
        )
    if len(head) < HEADER_SIZE - 1:
        found = f"a header of {1 + len(head)} bytes"
        raise PresetFileError(source, at, found, "a header of 6 bytes (truncated file)")
    kind, number = head[1] >> 4, head[2]
    if kind != 0:
        raise UnsupportedFormatError(
            source, at + 2, f"Yamaha sub-status {kind} (not a bulk dump)", "sub-status 0"
        )
    if number not in SIZES:
        name = _NOT_DX7.get(number, "an unknown format")
        raise UnsupportedFormatError(
            source, at + 3, f"Yamaha format {number}: {name}", "format 0 (one DX7 voice) or 9 (32 DX7 voices)"
        )
    return number, (head[3] << 7) | head[4]


def wrong_count(claimed: int, number: int, at: int, source: object) -> PresetFileError:
    """Return the error for a byte count that does not belong to a format."""
    return PresetFileError(
        source, at + 4, f"a byte count of {claimed}", f"{SIZES[number]} for format {number}"
    )


def cut_off(what: str, at: int, length: int, size: int, source: object) -> PresetFileError:
    """Return the error for a dump that ends early.

    Args:
        what: What ends it.
        at: Offset of its start byte.
        length: Its bytes that are there.
        size: Size of the data that its format has.
        source: Name of the file.
    """
    if "file" in what:
        found, kind = f"{what} after {length} bytes of the message", "file"
    else:
        found, kind = f"{what} after {length} bytes of this one", "message"
    expected = f"{HEADER_SIZE + size + 2} bytes (truncated {kind})"
    return PresetFileError(source, at + length, found, expected)


def data_faults(payload: bytes, tail: bytes, at: int, source: object) -> list[PresetFileError]:
    """Find what is wrong with the data of a dump, its checksum and its end byte.

    Args:
        payload: Data of the dump.
        tail: Checksum and end byte; fewer bytes if they are missing.
        at: Offset of the start byte, for error messages.
        source: Name of the file, for error messages.
    """
    faults: list[PresetFileError] = []
    body, end = at + HEADER_SIZE, at + HEADER_SIZE + len(payload)
    high = next((i for i, b in enumerate(payload) if b > 0x7F), None)
    if high is not None:
        found = f"the byte 0x{payload[high]:02X} inside a message"
        faults.append(PresetFileError(source, body + high, found, "seven-bit data (below 0x80)"))
    wanted = checksum(payload)
    if not tail:
        faults.append(ChecksumError(source, end, "no checksum", f"0x{wanted:02X}"))
    elif tail[0] != wanted:
        faults.append(ChecksumError(source, end, f"checksum 0x{tail[0]:02X}", f"0x{wanted:02X}"))
    if tail[1:] != bytes([END]):
        last = f"the byte 0x{tail[1]:02X}" if len(tail) > 1 else "the end of the file"
        faults.append(PresetFileError(source, end + 1, last, "0xF7, end of message"))
    return faults


def not_a_message(data: bytes, at: int, source: object) -> PresetFileError:
    """Return the error for bytes that do not start a message."""
    kind, hint = describe_bytes(data[at : at + 16]), ""
    if kind.endswith("archive"):
        hint = " (unpack the archive first)"
    elif at == 0 and len(data) % PACKED_SIZE == 0:
        hint = " (if these are packed voices without a header, rename the file to end in .bin)"
    return PresetFileError(source, at, kind, f"0xF0, start of a SysEx message{hint}")


def read_message(data: bytes, at: int, source: object, voices: Voices) -> int:
    """Read the intact dump at `at` into `voices`, and return the offset after it; see `read_messages`."""
    if data[at] != START:
        raise not_a_message(data, at, source)
    number, claimed = identify(data[at + 1 : at + HEADER_SIZE], at, source)
    size = SIZES[number]
    if claimed != size:
        raise wrong_count(claimed, number, at, source)
    body = at + HEADER_SIZE
    end = body + size + 2
    if len(data) < end:
        raise cut_off("the end of the file", at, len(data) - at, size, source)
    restart = data.find(bytes([START, YAMAHA]), body, end)
    if restart >= 0:
        raise cut_off("the start of another message", at, restart - at, size, source)
    payload = data[body : body + size]
    if faults := data_faults(payload, data[body + size : end], at, source):
        raise faults[0]
    voices.add_payload(payload, damaged=False)
    return end


def read_messages(data: bytes, source: object) -> Voices:
    """Read all DX7 voices from a stream of intact SysEx messages.

    Args:
        data: Bytes of the file.
        source: Name of the file, for error messages.

    Raises:
        UnsupportedFormatError: A message is from another manufacturer, or in another Yamaha format.
        ChecksumError: A checksum is wrong.
        PresetFileError: The file is damaged in another way; the message states where.
    """
    voices, at = Voices(), 0
    if not data:
        raise PresetFileError(source, 0, "an empty file", "a SysEx message (0xF0 0x43 …)")
    while at < len(data):
        at = read_message(data, at, source, voices)
    return voices


def read_packed(data: bytes, source: object, most_bad: float = MOST_OUT_OF_RANGE) -> Voices:
    """Read packed voices of 128 bytes each, without header or checksum.

    Nothing marks such a file as DX7 voices. If too many of its values are out of range, it must be something
    else and is refused.

    Args:
        data: Bytes of the file.
        source: Name of the file in error messages.
        most_bad: Largest accepted share of values that are out of range, 0 … 1.

    Raises:
        PresetFileError: The length is not a multiple of 128, or too many values are out of range.
    """
    if not data or len(data) % PACKED_SIZE:
        raise PresetFileError(
            source, len(data), f"{len(data)} bytes", f"a positive multiple of {PACKED_SIZE} bytes"
        )
    packed = np.frombuffer(data, np.uint8).reshape(-1, PACKED_SIZE)
    share = out_of_range(unpack(packed)).mean()
    if share > most_bad:
        raise PresetFileError(
            source,
            first_out_of_range(packed),
            f"{share:.0%} of the values out of range",
            f"at most {most_bad:.0%} (are these packed DX7 voices?)",
        )
    voices = Voices()
    voices.add_payload(data, damaged=False)
    return voices


def is_headerless(data: bytes) -> bool:
    """Check whether a file holds one packed voice or a cartridge without header and checksum."""
    if len(data) not in (PACKED_SIZE, SIZES[9]) or data[0] == START or len(set(data)) == 1:
        return False
    packed = np.frombuffer(data, np.uint8).reshape(-1, PACKED_SIZE)
    return bool(out_of_range(unpack(packed)).mean() <= MOST_OUT_OF_RANGE)
