"""DX7 mark I voices as bytes: packed and unpacked voices, their names, and the SysEx messages that hold them.

Voices are arrays of unsigned bytes: "unpacked" rows contain the 145 values in VCED order, and "packed" rows
contain the 128 bytes of a cartridge (the last ten are the name). The format is described in the Yamaha DX7
manual, section "MIDI data format"; `_layout` lists the packed layout.
"""

import unicodedata

import numpy as np
import numpy.typing as npt

from latentdx.errors import ParameterError
from latentdx.presets.parameters import N_OPERATORS, N_VALUES, NAME_LENGTH, column, maxima

Bytes = npt.NDArray[np.uint8]

PACKED_SIZE = 128
"""Bytes of a packed voice."""

BANK_VOICES = 32
"""Voices of a cartridge."""

YAMAHA = 0x43
"""Yamaha's manufacturer number in SysEx messages."""

START, END = 0xF0, 0xF7
"""First and last byte of a SysEx message."""

_VOICE_SIZE = N_VALUES + NAME_LENGTH
_BANK_SIZE = BANK_VOICES * PACKED_SIZE
_PACKED_OPERATOR, _VOICE_OPERATOR = 17, 21


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


def first_out_of_range(packed: Bytes) -> int:
    """Return the offset of the first byte in packed voices, uint8 (N, 128), with a value out of range."""
    row, col = np.argwhere(out_of_range(unpack(packed)))[0]
    return int(row * PACKED_SIZE + _BYTE[col])


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
    return bytes([START, YAMAHA, channel, 9, _BANK_SIZE >> 7, _BANK_SIZE & 0x7F]) + payload + _tail(payload)


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
    return bytes([START, YAMAHA, channel, 0, _VOICE_SIZE >> 7, _VOICE_SIZE & 0x7F]) + payload + _tail(payload)


def _tail(payload: bytes) -> bytes:
    """Return the checksum and the end byte of a message."""
    return bytes([checksum(payload), END])
