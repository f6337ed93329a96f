"""Sound files in many formats, and random damage to them."""

import io

import numpy as np
import soundfile

KINDS = [
    ("wav", "PCM_16"),
    ("wav", "FLOAT"),
    ("wav", "IMA_ADPCM"),
    ("aiff", "PCM_24"),
    ("flac", "PCM_16"),
    ("mp3", "MPEG_LAYER_III"),
    ("ogg", "VORBIS"),
    ("ogg", "OPUS"),
    ("caf", "PCM_16"),
]


def originals() -> list[tuple[str, bytes]]:
    """Return a tenth of a second of sound in each format, in stereo; the first two state no length."""
    t = np.arange(4800) / 48_000
    sound = np.stack([np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 660 * t)], 1) * np.exp(-9 * t)[:, None]
    made = []
    for container, subtype in KINDS:
        buffer = io.BytesIO()
        soundfile.write(buffer, 0.5 * sound, 48_000, format=container, subtype=subtype)
        made.append((container, buffer.getvalue()))
    wav, mp3 = made[0][1], next(content for container, content in made if container == "mp3")
    without_length = [("wav", wav[:40] + bytes(4) + wav[44:]), ("mp3", mp3[mp3.find(b"\xff\xfb", 4) :])]
    return without_length + made


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file one to three times: change, cut, repeat or insert bytes, or put extremes in its head."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(data) + 1))
        length = int(rng.integers(1, 200))
        kind = rng.integers(7)
        if kind <= 1:  # changed bytes, anywhere or in the first 80
            for i in rng.integers(len(data) if kind else min(80, len(data)), size=rng.integers(1, 12)):
                data[i] = rng.integers(256)
        elif kind == 2:  # a field of the header
            at = int(rng.integers(min(80, len(data))))
            field = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\x01\0"][
                rng.integers(5)
            ]
            data[at : at + len(field)] = field
        elif kind == 3:
            del data[max(at, 1) :]
        elif kind == 4:
            del data[at : at + length]
        elif kind == 5:
            data[at:at] = data[at : at + length] or b"\0"
        else:
            data[at:at] = rng.bytes(length)
        if not data:
            return b"\0"
    return bytes(data)
