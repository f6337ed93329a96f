"""What the header of a sound file says about its length, compared with the file.

A program that writes to a pipe, or is stopped, leaves a header that states 0, the largest number, or more
than there is. libsndfile reads nothing of some such files, and it estimates the length of an MP3 file that
does not state its own by the bit rate of the first frame. The samples that are in the file count.
"""

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_UNKNOWN = 0x7FFF0000  # least 32-bit length that means "unknown": programs write 2³² - 1, 2³¹ or a bit less
_MPEG_HEAD = 4096  # bytes at the start of an MP3 file in which its number of frames is stated, if at all
_OGG_PAGE = 65_307  # bytes of the largest page
_ENDLESS = 2**63 - 1  # size of a file from which libsndfile concludes that it has to count the frames


@dataclass(frozen=True)
class _Chunks:
    """Layout of a format of chunks: a name of four bytes, a length in bytes, the data."""

    first: int  # offset of the first chunk
    length: str  # format of the length, as in `struct`
    samples: bytes  # name of the chunk that holds the samples


_FORMATS = {
    b"RIFF": _Chunks(12, "<I", b"data"),
    b"RIFX": _Chunks(12, ">I", b"data"),
    b"RF64": _Chunks(12, "<I", b"data"),
    b"FORM": _Chunks(12, ">I", b"SSND"),
    b"caff": _Chunks(8, ">q", b"data"),
}


@dataclass(frozen=True)
class Stated:
    """What a sound file states about its length.

    Attributes:
        missing: Bytes of samples that the file states and does not have.
        ends: False if the end of the file is missing, and nothing says how much that is.
        patch: Offset of a false length, and the bytes of the true one.
        counted: True if the file states no length and its frames have to be counted.
    """

    missing: int = 0
    ends: bool = True
    patch: tuple[int, bytes] | None = None
    counted: bool = False


def examine(path: Path) -> Stated:
    """Compare the length that a file states with the file. A damaged header states nothing.

    Args:
        path: Sound file in any format.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        magic = file.read(4)
        try:
            if layout := _FORMATS.get(magic):
                return _of_chunks(file, size, layout)
            if magic == b".snd":
                start, length = struct.unpack(">2I", file.read(8))
                return _compared(size - start, length, 8, ">I")
        except struct.error:  # the file ends within its header
            return Stated()
        if magic == b"OggS":
            return Stated(ends=_has_last_page(file, size))
        return Stated(counted=_counts_no_frames(file))


def patched(path: Path, stated: Stated) -> IO[bytes] | None:
    """Open a file so that libsndfile finds its true length; return `None` if it finds that by itself."""
    return _Patched(path, stated) if stated.patch or stated.counted else None


class _Patched(io.FileIO):
    """A file that reads as if its false length were replaced, or as if it had no end."""

    def __init__(self, path: Path, stated: Stated) -> None:
        super().__init__(path)
        self._at, self._bytes = stated.patch or (0, b"")
        self._endless, self._at_end = stated.counted, False

    def readinto(self, buffer: Any) -> int:
        begin = super().tell()
        count = super().readinto(buffer)
        first, last = max(self._at, begin), min(self._at + len(self._bytes), begin + count)
        if first < last:
            memoryview(buffer)[first - begin : last - begin] = self._bytes[first - self._at : last - self._at]
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at_end = self._endless and whence == os.SEEK_END
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: super().tell()}.get(whence, os.fstat(self.fileno()).st_size)
        return super().seek(
            max(origin + offset, 0)
        )  # damaged files make libsndfile ask for negative positions

    def tell(self) -> int:
        return _ENDLESS if self._at_end else super().tell()


def _of_chunks(file: IO[bytes], size: int, layout: _Chunks) -> Stated:
    """Examine the chunk that holds the samples."""
    lengths: tuple[int, str] | None = None  # where RF64 states the length of the samples in 64 bits
    for name, start, length in _chunks(file, layout.first, size, layout):
        if name == b"ds64":
            lengths = start + 8, "<Q"
        if name != layout.samples:
            continue
        if not length and any(True for _ in _chunks(file, start, size, layout)):
            return Stated()  # no samples, but more chunks
        at, form = lengths or (start - struct.calcsize(layout.length), layout.length)
        file.seek(at)
        (length,) = struct.unpack(form, file.read(struct.calcsize(form)))
        return _compared(size - start, length, at, form)
    return Stated()


def _chunks(file: IO[bytes], at: int, size: int, layout: _Chunks) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each chunk, the offset of its data and its length, up to one that is no chunk."""
    width = struct.calcsize(layout.length)
    while at + 4 + width <= size:
        file.seek(at)
        name = file.read(4)
        (length,) = struct.unpack(layout.length, file.read(width))
        start = at + 4 + width
        if name != layout.samples and not (
            name.isascii() and name.strip().isalnum() and 0 <= length <= size - start
        ):
            return
        yield name, start, length
        at = start + max(length, 0)
        at += at % 2 if layout.length != ">q" else 0  # chunks begin at even offsets, except in CAF


def _compared(there: int, stated: int, at: int, form: str) -> Stated:
    """Compare the bytes of samples that are there with the length stated at an offset."""
    if 0 < stated <= there:
        return Stated()
    width = struct.calcsize(form)
    unknown = stated <= 0 or (width == 4 and stated >= _UNKNOWN) or stated >= 2**62
    true = max(min(there, 0xFFFFFFFF if width == 4 else there), 0)
    return Stated(missing=0 if unknown else stated - there, patch=(at, struct.pack(form, true)))


def _has_last_page(file: IO[bytes], size: int) -> bool:
    """Tell whether the last page of an Ogg file is marked as the last."""
    file.seek(max(size - _OGG_PAGE, 0))
    tail = file.read()
    page = tail.rfind(b"OggS")
    return page < 0 or page + 5 >= len(tail) or bool(tail[page + 5] & 4)


def _counts_no_frames(file: IO[bytes]) -> bool:
    """Tell whether a file is MPEG audio without a frame that states the number of frames."""
    file.seek(0)
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:  # a tag, whose length has 7 bits a byte
        file.seek(
            10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        )
        head = b""
    head += file.read(_MPEG_HEAD)
    is_mpeg = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    return is_mpeg and not any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))
