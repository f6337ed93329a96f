"""DX7 mark I SysEx messages and packed voices: conversion of bytes to arrays and back.

Voices are arrays of unsigned bytes: "unpacked" rows contain the 145 values in VCED order, and "packed" rows
contain the 128 bytes of a cartridge (the last ten are the name). The format is described in the Yamaha DX7
manual, section "MIDI data format"; `_layout` lists the packed layout.
"""

import unicodedata
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from latentdx.errors import ChecksumError, ParameterError, PresetFileError, UnsupportedFormatError
from latentdx.presets.parameters import N_OPERATORS, N_VALUES, NAME_LENGTH, column, maxima

Bytes = npt.NDArray[np.uint8]

PACKED_SIZE = 128
"""Bytes of a packed voice."""

BANK_VOICES = 32
"""Voices of a cartridge."""

YAMAHA = 0x43
"""Yamaha's manufacturer number in SysEx messages."""

_START, _END = 0xF0, 0xF7
_VOICE_SIZE = N_VALUES + NAME_LENGTH
_BANK_SIZE = BANK_VOICES * PACKED_SIZE
_PACKED_OPERATOR, _VOICE_OPERATOR = 17, 21
_MOST_SKIPPED = 1000  # a file with more parts that are not DX7 voices is something else

# format number of a Yamaha bulk dump -> its content; formats 0 and 9 are the DX7 voices read here
_FORMATS = {
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


def _layout() -> list[tuple[int, int, int, int]]:
    """List the place of each value in a packed voice: (VCED column, packed byte, lowest bit, bits)."""
    places: list[tuple[int, int, int, int]] = []
    for group in range(N_OPERATORS):  # both forms start with operator 6
        v, p = group * _VOICE_OPERATOR, group * _PACKED_OPERATOR
        places += [(v + i, p + i, 0, 8) for i in range(11)]  # EG, break point, depths
        places += [(v + 11, p + 11, 0, 2), (v + 12, p + 11, 2, 2)]  # curves
        places += [(v + 13, p + 12, 0, 3), (v + 20, p + 12, 3, 4)]  # rate scaling, detune
        places += [(v + 14, p + 13, 0, 2), (v + 15, p + 13, 2, 3)]  # AMS, key velocity
        places += [(v + 16, p + 14, 0, 8)]  # output level
        places += [
            (v + 17, p + 15, 0, 1),
            (v + 18, p + 15, 1, 5),
            (v + 19, p + 16, 0, 8),
        ]  # mode, coarse, fine
    places += [(126 + i, 102 + i, 0, 8) for i in range(8)]  # pitch EG
    places += [(134, 110, 0, 5), (135, 111, 0, 3), (136, 111, 3, 1)]  # algorithm, feedback, key sync
    places += [(137 + i, 112 + i, 0, 8) for i in range(4)]  # LFO speed, delay, depths
    places += [(141, 116, 0, 1), (142, 116, 1, 3), (143, 116, 4, 3), (144, 117, 0, 8)]  # LFO, PMS, transpose
    return sorted(places)


_PLACES = np.array(_layout())
_BYTE, _SHIFT, _BITS = _PLACES[:, 1], _PLACES[:, 2].astype(np.uint8), _PLACES[:, 3]
_MASK = ((1 << _BITS) - 1).astype(np.uint8)
_EG_LEVEL_4 = np.array([column(f"OP{k} EG LEVEL 4") for k in range(1, N_OPERATORS + 1)])


def unpack(packed: Bytes) -> Bytes:
    """Unpack voices to raw values; names are left out, and values out of range stay as they are.

    Bit fields lose the bits that the format does not define, and whole-byte values keep all eight bits.

    Args:
        packed: Packed voices, uint8 (N, 128).

    Returns:
        Raw values in VCED order, uint8 (N, 145).
    """
    return (packed[:, _BYTE] >> _SHIFT) & _MASK


def unpack_names(packed: Bytes) -> list[bytes]:
    """Return the ten raw name bytes of each packed voice, uint8 (N, 128)."""
    return [row.tobytes() for row in packed[:, -NAME_LENGTH:]]


def pack(values: Bytes, names: list[bytes]) -> Bytes:
    """Pack values and names into the form of a cartridge.

    Args:
        values: Values within their ranges in VCED order, uint8 (N, 145).
        names: N names of ten bytes; see `encode_name`.

    Returns:
        Packed voices, uint8 (N, 128).
    """
    packed = np.zeros((len(values), PACKED_SIZE), np.uint8)
    for col, byte, shift, _ in _PLACES:
        packed[:, byte] |= values[:, col] << np.uint8(shift)
    if len(values):
        packed[:, -NAME_LENGTH:] = np.frombuffer(b"".join(names), np.uint8).reshape(-1, NAME_LENGTH)
    return packed


def out_of_range(values: Bytes) -> npt.NDArray[np.bool_]:
    """Find the raw values, uint8 (N, 145), that exceed the largest integer of their parameter."""
    return values > maxima()


def sanitize(values: Bytes) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """Repair raw values: clamp each to its range, and set an EG level 4 that is out of range to 0.

    Level 4 is the level at which an envelope ends, so a corrupt level clamped to 99 would sound forever. The
    paper follows the same rule (section 2, note on the data).

    Args:
        values: Raw values, uint8 (N, 145).

    Returns:
        Repaired values, uint8 (N, 145), and a mask of the values that were repaired, bool (N, 145).
    """
    bad = out_of_range(values)
    mended = np.minimum(values, maxima())
    mended[:, _EG_LEVEL_4] = np.where(bad[:, _EG_LEVEL_4], 0, mended[:, _EG_LEVEL_4])
    return mended, bad


def checksum(payload: bytes) -> int:
    """Compute Yamaha's checksum: the lowest seven bits of the two's complement of the sum.

    >>> checksum(bytes([1, 2]))
    125
    """
    return -sum(payload) & 0x7F


def decode_name(raw: bytes) -> str:
    """Decode a stored name: use seven bits per byte, replace unprintable characters by spaces, and strip.

    >>> decode_name(b"E.PIANO 1 ")
    'E.PIANO 1'
    """
    return "".join(chr(c) if 32 <= c < 127 else " " for c in (b & 0x7F for b in raw)).strip()


def encode_name(name: str) -> bytes:
    """Encode a name as ten bytes of printable ASCII, padded with spaces.

    Characters that the DX7 cannot show become "?".

    >>> encode_name("Flûte")
    b'Fl?te     '
    """
    raw = name.encode("ascii", "replace")[:NAME_LENGTH].ljust(NAME_LENGTH)
    return bytes(c if 32 <= c < 127 else ord("?") for c in raw)


def display_name(text: str) -> str:
    """Turn any text into a name that a DX7 can show, of at most ten letters; the result may be empty.

    Accents and other characters that the DX7 cannot show are removed, and repeated spaces are merged.

    >>> display_name("Flûte  à bec")
    'Flute a be'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore")
    printable = "".join(chr(c) if 32 <= c < 127 else " " for c in plain)
    return " ".join(printable.split())[:NAME_LENGTH].rstrip()


@dataclass
class Voices:
    """Voices collected from a file.

    Attributes:
        values: Arrays of raw values, uint8 (n, 145) each.
        names: Raw names of ten bytes, one per voice.
        damaged: True for each voice from a damaged message.
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


def _preview(data: bytes) -> str:
    """Describe the first bytes of unexpected data, as text if they are printable."""
    head = data[:16]
    if head and all(32 <= b < 127 or b in b"\t\r\n" for b in head):
        return f"text {head.decode('ascii')!r}"
    return "bytes " + head.hex(" ").upper()


def _identify(data: bytes, at: int, source: object) -> tuple[int, int]:
    """Return the format (0 or 9) and payload size of the message that starts at `at`; refuse all others."""
    head = data[at : at + 6]
    if len(head) < 2:
        raise PresetFileError(source, at, f"{len(head)} bytes", "a SysEx header of 6 bytes")
    if head[1] != YAMAHA:
        maker = _MANUFACTURERS.get(head[1], "another manufacturer")
        raise UnsupportedFormatError(
            source, at + 1, f"manufacturer 0x{head[1]:02X} ({maker})", "0x43 (Yamaha)"
        )
    if len(head) < 6:
        raise PresetFileError(
            source, at, f"a header of {len(head)} bytes", "a header of 6 bytes (truncated file)"
        )
    kind, number = head[2] >> 4, head[3]
    if kind != 0:
        raise UnsupportedFormatError(
            source, at + 2, f"Yamaha sub-status {kind} (not a bulk dump)", "sub-status 0"
        )
    if number not in (0, 9):
        name = _FORMATS.get(number, "an unknown format")
        raise UnsupportedFormatError(
            source, at + 3, f"Yamaha format {number}: {name}", "format 0 (one DX7 voice) or 9 (32 DX7 voices)"
        )
    size = _VOICE_SIZE if number == 0 else _BANK_SIZE
    claimed = (head[4] << 7) | head[5]
    if claimed != size:
        raise PresetFileError(source, at + 4, f"a byte count of {claimed}", f"{size} for format {number}")
    return number, size


def _message(data: bytes, at: int, source: object, strict: bool, voices: Voices) -> int:
    """Read the bulk dump at `at` into `voices` and return the offset after it."""
    number, size = _identify(data, at, source)
    body, end = at + 6, at + 6 + size + 2
    payload = data[body : body + size]
    if len(data) < end:
        raise PresetFileError(
            source,
            len(data),
            f"the end of the file after {len(data) - at} bytes of the message",
            f"{end - at} bytes (truncated file)",
        )
    restart = data.find(bytes([_START, YAMAHA]), body, end)
    if restart >= 0:
        raise PresetFileError(
            source,
            restart,
            f"the start of another message after {restart - at} bytes of this one",
            f"{end - at} bytes (truncated message)",
        )
    damage: list[PresetFileError] = []
    high = next((i for i, b in enumerate(payload) if b > 0x7F), None)
    if high is not None:
        damage.append(
            PresetFileError(
                source,
                body + high,
                f"the byte 0x{payload[high]:02X} inside a message",
                "seven-bit data (below 0x80)",
            )
        )
    found, wanted = data[end - 2], checksum(payload)
    if found != wanted:
        damage.append(
            ChecksumError(
                source, end - 2, f"checksum 0x{found:02X}", f"0x{wanted:02X} (strict=False reads on)"
            )
        )
    if data[end - 1] != _END:
        damage.append(
            PresetFileError(source, end - 1, f"the byte 0x{data[end - 1]:02X}", "0xF7, end of message")
        )
    if damage and strict:
        raise damage[0]
    voices.notes += [str(d) for d in damage]
    raw = np.frombuffer(payload, np.uint8)
    if number == 0:
        voices.add(raw[None, :N_VALUES], [payload[N_VALUES:]], bool(damage))
    else:
        packed = raw.reshape(BANK_VOICES, PACKED_SIZE)
        voices.add(unpack(packed), unpack_names(packed), bool(damage))
    return end


def read_messages(data: bytes, source: object, strict: bool = True) -> Voices:
    """Read all DX7 voices from a stream of SysEx messages.

    Args:
        data: Bytes of the file.
        source: Name of the file in error messages.
        strict: Refusal of damaged files. `False` reads dumps with a wrong checksum, eight-bit data or
            a missing end byte, skips messages that are not DX7 voices if others are, and describes both in
            `notes`.

    Raises:
        UnsupportedFormatError: A message is from another manufacturer, or in another Yamaha format.
        ChecksumError: A checksum is wrong (only if strict).
        PresetFileError: The file is damaged in another way; the message states where.
    """
    voices, at, skipped = Voices(), 0, list[PresetFileError]()
    if not data:
        raise PresetFileError(source, 0, "an empty file", "a SysEx message (0xF0 0x43 …)")
    while at < len(data):
        try:
            if data[at] != _START:
                hint = ""
                if at == 0 and len(data) % PACKED_SIZE == 0:
                    hint = ' (to read packed voices without a header, use format="packed")'
                raise PresetFileError(
                    source, at, _preview(data[at:]), f"0xF0, start of a SysEx message{hint}"
                )
            at = _message(data, at, source, strict, voices)
        except PresetFileError as error:
            skipped.append(error)
            if strict or len(skipped) > _MOST_SKIPPED:
                raise
            voices.notes.append(f"skipped: {error}")
            following = data.find(_START, at + 1)
            at = following if following >= 0 else len(data)
    if not voices.names:
        raise skipped[0]
    return voices


def read_packed(data: bytes, source: object, most_bad: float = 0.15) -> Voices:
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
    values = unpack(packed)
    bad = out_of_range(values)
    if bad.mean() > most_bad:
        row, col = np.argwhere(bad)[0]
        raise PresetFileError(
            source,
            int(row * PACKED_SIZE + _BYTE[col]),
            f"{bad.mean():.0%} of the values out of range",
            f"at most {most_bad:.0%} (are these packed DX7 voices?)",
        )
    voices = Voices()
    voices.add(values, unpack_names(packed), damaged=False)
    return voices


def bank_message(packed: Bytes, channel: int = 0) -> bytes:
    """Write a 32-voice bulk dump.

    Args:
        packed: Packed voices, uint8 (32, 128).
        channel: MIDI channel, 0 … 15.

    Returns:
        Message of 4,104 bytes.

    Raises:
        ParameterError: The shape is not (32, 128).
    """
    if packed.shape != (BANK_VOICES, PACKED_SIZE):
        raise ParameterError(
            f"a cartridge must have shape ({BANK_VOICES}, {PACKED_SIZE}), not {packed.shape}"
        )
    payload = packed.tobytes()
    return bytes([_START, YAMAHA, channel, 9, _BANK_SIZE >> 7, _BANK_SIZE & 0x7F]) + payload + _tail(payload)


def voice_message(values: Bytes, name: bytes, channel: int = 0) -> bytes:
    """Write a single-voice bulk dump.

    Args:
        values: Values within their ranges in VCED order, uint8 (145,).
        name: Name of ten bytes; see `encode_name`.
        channel: MIDI channel, 0 … 15.

    Returns:
        Message of 163 bytes.
    """
    payload = values.tobytes() + name
    return (
        bytes([_START, YAMAHA, channel, 0, _VOICE_SIZE >> 7, _VOICE_SIZE & 0x7F]) + payload + _tail(payload)
    )


def _tail(payload: bytes) -> bytes:
    """Return the checksum and the end byte of a message."""
    return bytes([checksum(payload), _END])
