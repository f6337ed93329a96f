"""Reader of damaged SysEx files: what cables, librarians, mail and file systems do to dumps is undone.

Each case has a test in `tests/presets/test_sysex_recovery.py`:

- on the cable: real-time bytes (clock, active sensing) among the data; data bytes with an eighth bit; a lost
  start byte, end byte or checksum; a dump cut off by the next one or by the end of the file; a doubled start
  or end byte;
- from other programs: messages of other instruments; DX7 II supplements (AMEM); a wrong byte count or format
  number; MIDI files, also with a dump in packets; dumps printed as hexadecimal text;
- from disks, mail and file systems: padding with zeros; text before or after a dump; LF converted to CR LF;
  start and end bytes without their eighth bit; MacBinary headers.

A checksum has seven bits. A reading that removes bytes from a dump is therefore accepted only if its checksum
is right, and an end byte, another message or the end of the file follows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentdx.errors import PresetFileError, UnsupportedFormatError
from latentdx.presets.sysex import END, PACKED_SIZE, START, YAMAHA, checksum, out_of_range, unpack
from latentdx.presets.sysex_reader import (
    HEADER_SIZE,
    MOST_OUT_OF_RANGE,
    SIZES,
    Voices,
    cut_off,
    data_faults,
    identify,
    read_message,
    wrong_count,
)

_MOST_SKIPPED = 1000  # a file with more parts that are not DX7 voices is something else
_WINDOW = 2 * (HEADER_SIZE + max(SIZES.values()) + 2)  # a dump in which every byte has a companion
_SEVEN_BIT = bytes(i & 0x7F for i in range(256))
_HEADER = rb"\x43[\x00-\x0F](?:\x09\x20\x00|\x00\x01\x1B)"  # header of an intact dump, without its start byte
_NEXT = re.compile(rb"\xF0|" + _HEADER)
# in a MIDI file, the length of the message follows its start byte
_IN_MIDI_FILE = re.compile(rb"\xF0[\x80-\xFF]{0,3}[\x00-\x7F](?=" + _HEADER + rb")")
# a sequencer may divide a dump: time, 0xF7 and length of each further packet, which begins with data
_PACKET = re.compile(rb"[\x80-\xFF]{0,3}[\x00-\x7F]\xF7[\x80-\xFF]{0,3}[\x00-\x7F](?=[\x00-\x7F\xF7])")


@dataclass(frozen=True)
class _Reading:
    """One way to read a damaged dump.

    Attributes:
        number: Format that the header names, 0 or 9.
        claimed: Byte count that the header gives.
        payload: Data as stored, without the bytes that were removed.
        tail: Checksum and end byte as stored; fewer at the end of the file.
        after: Offset of the next part of the file.
        removed: Description of the bytes that were removed; empty if none.
    """

    number: int
    claimed: int
    payload: bytes
    tail: bytes
    after: int
    removed: str

    @property
    def seven_bit(self) -> bytes:
        return self.payload.translate(_SEVEN_BIT)

    @property
    def proven(self) -> bool:
        return self.tail[0] & 0x7F == checksum(self.seven_bit)

    @property
    def ended(self) -> bool:
        return self.tail[1:] in (b"", bytes([END]), bytes([START]), bytes([END & 0x7F]))

    @property
    def score(self) -> int:
        return 2 * self.proven + (self.tail[1:] == bytes([END]))

    @property
    def acceptable(self) -> bool:
        if self.proven and self.ended:
            return True
        if self.removed or END in self.payload or bytes([START, YAMAHA]) in self.payload + self.tail:
            return False
        return len(self.payload) == SIZES[self.number] or self.score > 0


def recover_messages(data: bytes, source: object) -> Voices:
    """Read all DX7 voices of a damaged file, and report in `notes` what was damaged, undone and skipped.

    Args:
        data: Bytes of the file.
        source: Name of the file, for messages.

    Raises:
        PresetFileError: The file holds no DX7 voice, or too much else; this is the first fault found.
    """
    voices, skipped = Voices(), list[PresetFileError]()
    if not data:
        raise PresetFileError(source, 0, "an empty file", "a SysEx message (0xF0 0x43 …)")
    if (raw := _from_hexadecimal(data)) is not None:
        voices.notes.append(f"{source}: read as hexadecimal text")
        data = raw
    at = 0
    while at < len(data):
        try:
            at = _recover_message(data, at, source, voices)
        except PresetFileError as error:
            skipped.append(error)
            if len(skipped) > _MOST_SKIPPED:
                raise
            voices.notes.append(f"skipped: {error}")
            following = _NEXT.search(data, at + 1)
            at = following.start() if following else len(data)
    if not voices.names:
        raise skipped[0]
    return voices


def _recover_message(data: bytes, at: int, source: object, voices: Voices) -> int:
    """Read the dump at `at` into `voices`, and return the offset after it."""
    try:
        return read_message(data, at, source, voices)
    except PresetFileError as error:
        fault = error
    bare = data[at] != START
    if bare and not _NEXT.match(data, at):
        raise fault
    in_file = _IN_MIDI_FILE.match(data, at)
    head = in_file.end() if in_file else at if bare else at + 1
    found = [reading for reading in _readings(data, head, source, in_file is not None) if reading.acceptable]
    best = max(found, key=lambda reading: reading.score, default=None)
    if best is not None and (best.proven or not bare):
        if bare or in_file:
            start = f"{head - at - 1} bytes of a MIDI file after 0xF0" if in_file else "no start byte"
            fault = PresetFileError(source, at, start, "0xF0 0x43, start of a message")
            voices.notes.append(str(fault))
        _add(best, head - 1, source, voices)
        return best.after
    if bare or isinstance(fault, UnsupportedFormatError):
        raise fault
    return _salvage(data, head, source, voices)


def _readings(data: bytes, head: int, source: object, in_file: bool) -> Iterator[_Reading]:
    """Yield the ways to read the dump whose manufacturer byte is at `head`, the plainest first.

    In a MIDI file, the dump may be divided into packets.
    """
    window = np.frombuffer(data, np.uint8, min(_WINDOW, len(data) - head), head)
    for removed, places in _views(window, in_file):
        kept = window[places].tobytes()
        try:
            number, claimed = identify(kept[: HEADER_SIZE - 1], head - 1, source)
        except PresetFileError:
            continue
        for size in (SIZES[number], SIZES[9 - number]):
            body, end = HEADER_SIZE - 1, HEADER_SIZE - 1 + size
            if tail := kept[end : end + 2]:
                last = end + (len(tail) > 1 and tail[1] != START)
                after = head + int(places[last]) + 1
                yield _Reading(number, claimed, kept[body:end], tail, after, removed)


def _views(window: npt.NDArray[np.uint8], in_file: bool) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """Yield ways to see some bytes: what was removed, and the places of the bytes that remain."""
    every = np.arange(len(window))
    yield "", every
    real_time = window >= 0xF8
    if real_time.any():
        yield "real-time bytes among the data", every[~real_time]
    added = np.append((window[:-1] == 0x0D) & (window[1:] == 0x0A), False)
    if added.any():
        yield "a CR before each LF", every[~added]
    if in_file and (headers := [every[slice(*m.span())] for m in _PACKET.finditer(window.tobytes())]):
        yield "the headers of a MIDI file's packets", np.delete(every, np.concatenate(headers))


def _add(reading: _Reading, at: int, source: object, voices: Voices) -> None:
    """Append the voices of a reading, and note its faults."""
    size = SIZES[reading.number]
    faults: list[PresetFileError] = []
    if reading.claimed != size:
        faults.append(wrong_count(reading.claimed, reading.number, at, source))
    if len(reading.payload) != size:
        found = f"{len(reading.payload)} bytes of data"
        faults.append(PresetFileError(source, at + 3, found, f"{size} for format {reading.number}"))
    if reading.removed:
        faults.append(PresetFileError(source, at + HEADER_SIZE, reading.removed, "data only"))
    faults += data_faults(reading.payload, reading.tail, at, source)
    voices.notes += map(str, faults)
    voices.add_payload(reading.seven_bit, damaged=not reading.proven)


def _salvage(data: bytes, head: int, source: object, voices: Voices) -> int:
    """Read the whole voices of a dump that is cut off, and return the offset after it.

    A dump with an early end byte lost some bytes on the way. Nobody knows where, so it is refused.
    """
    number, _ = identify(data[head : head + HEADER_SIZE - 1], head - 1, source)
    body, size = head + HEADER_SIZE - 1, SIZES[number]
    restart = data.find(bytes([START, YAMAHA]), body, body + size + 2)
    cut = restart if restart >= 0 else min(len(data), body + size)
    what = "the start of another message" if restart >= 0 else "the end of the file"
    early = data.find(bytes([END]), body, cut)
    if early >= 0:
        raise cut_off("the end byte", head - 1, early + 1 - head, size, source)
    fault = cut_off(what, head - 1, cut + 1 - head, size, source)
    unit = PACKED_SIZE if number == 9 else size
    payload = data[body : body + min((cut - body) // unit * unit, size)].translate(_SEVEN_BIT)
    packed = np.frombuffer(payload if number == 9 else b"", np.uint8).reshape(-1, PACKED_SIZE)
    if not payload or (len(packed) and out_of_range(unpack(packed)).mean() > MOST_OUT_OF_RANGE):
        raise fault
    n = voices.add_payload(payload, damaged=True)
    voices.notes.append(f"{fault}; voices read before that: {n}")
    return cut


def _from_hexadecimal(data: bytes) -> bytes | None:
    """Return the bytes of a dump that was saved as hexadecimal text, or `None` for all other data."""
    if data[0] == START:
        return None
    try:
        raw = bytes.fromhex(data.decode("ascii"))
    except ValueError:
        return None
    return raw if START in raw else None
