"""20,000 damaged files: each is read as presets within range, or refused with a `PresetFileError`."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from databases import write_database

from latentdx.errors import PresetFileError
from latentdx.presets import PresetBank
from latentdx.presets.parameters import maxima

MakeBank = Callable[..., PresetBank]
SECONDS = 2.0  # limit for one file; each takes well under a millisecond on an idle machine
ROUNDS, FILES = 20, 1000


def spoil(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Make one random change to `data`: of a byte, a bit, or the length, or a splice with `other`."""
    at, length = int(rng.integers(0, len(data) + 1)), int(2 ** rng.uniform(0, 10))
    # change the header often, because the reader decides there
    if rng.random() < 0.3:
        at = int(rng.integers(0, min(len(data), 8) + 1))
    match rng.integers(0, 9):
        case 0:
            return data[:at]
        case 1:
            return data[at:]
        case 2:
            return data[:at] + rng.bytes(length) + data[at:]
        case 3:
            return data[:at] + data[at + length :]
        case 4:
            return data[:at] + rng.bytes(length) + data[at + length :]
        case 5:
            return data[:at] + bytes([int(rng.integers(0, 256))]) + data[at + 1 :]
        case 6:
            flipped = bytes([b ^ (1 << int(rng.integers(0, 8))) for b in data[at : at + 1]])
            return data[:at] + flipped + data[at + 1 :]
        case 7:
            return data[:at] + other[int(rng.integers(0, len(other) + 1)) :]
        case _:
            return data[:at] + other + data[at:]


def random_file(rng: np.random.Generator) -> bytes:
    """Return random bytes, with or without the beginning of a header."""
    header = [b"", b"\xf0", b"\xf0\x43", b"\xf0\x43\x00\x09\x20\x00", b"\xf0\x43\x00\x00\x01\x1b"]
    top = 128 if rng.random() < 0.5 else 256
    body = rng.integers(0, top, int(rng.choice([0, 1, 128, 157, 163, 4096, 4098, 5000])), np.uint8)
    return header[int(rng.integers(0, len(header)))] + body.tobytes()


def check(bank: PresetBank) -> None:
    """Check that a bank is within range, complete, and unchanged by a round trip."""
    n = len(bank)
    assert n > 0
    assert bank.values.shape == bank.mended.shape == (n, 145)
    assert (bank.values <= maxima()).all()
    assert len(bank.names) == len(bank.ids) == len(bank.flags) == len(bank.transposes) == n
    assert ((bank.flags & 1) == bank.mended.any(1)).all()
    assert PresetBank.from_packed(bank.packed()) == bank
    assert PresetBank.from_plugin(bank[:2].plugin(), bank.names[:2]) == bank[:2]


def outcome(read: Callable[[], PresetBank]) -> PresetBank | None:
    """Return the checked bank, or None if it was refused; any other error fails the test."""
    start = time.perf_counter()
    try:
        bank = read()
    except PresetFileError as error:
        assert error.found, error
        assert error.expected, error
        return None
    finally:
        assert time.perf_counter() - start < SECONDS
    check(bank)
    return bank


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_damaged_files_are_read_or_refused(seed: int, make_bank: MakeBank, tmp_path: Path) -> None:
    rng = np.random.default_rng([1983, seed])
    whole = make_bank(64, seed)
    cartridge = whole[:32].write(tmp_path / "valid.syx").read_bytes()
    voices = b"".join(preset.sysex() for preset in whole[:3])
    packed = whole[:4].packed().tobytes()
    sound = [cartridge, voices, packed, cartridge + voices]
    tally: Counter[str] = Counter()
    for _ in range(FILES):
        if rng.random() < 0.2:
            data = random_file(rng)
        else:
            a, b = rng.choice(len(sound), 2)
            data = spoil(sound[a], sound[b], rng)
            while rng.random() < 0.3:
                data = spoil(data, sound[b], rng) if data else data + sound[b][:7]
        path = tmp_path / ("fuzz.bin" if rng.random() < 0.2 else "fuzz.syx")
        path.write_bytes(data)
        strict = outcome(lambda path=path: PresetBank.read(path))
        lenient = outcome(lambda path=path: PresetBank.read(path, strict=False))
        if strict is not None:
            assert lenient == strict
            if path.suffix == ".syx":  # only complete, valid messages
                if strict.notes:  # packed voices without a header
                    assert len(data) in (128, 4096)
                    assert len(strict) == len(data) // 128
                else:
                    cartridges, singles = divmod(len(data), 4104)[0], len(data) % 4104
                    assert len(strict) == 32 * cartridges + singles // 163
                    assert singles % 163 == 0
        elif lenient is not None:
            assert lenient.notes
        path.unlink()  # a new file is written faster than an old one is overwritten
        tally["read" if strict is not None else "read anyway" if lenient is not None else "refused"] += 1
    assert tally["read"] >= 5, tally
    assert min(tally["read anyway"], tally["refused"]) >= FILES // 10, tally


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(3))
def test_damaged_databases_are_read_or_refused(seed: int, make_bank: MakeBank, tmp_path: Path) -> None:
    rng = np.random.default_rng([2021, seed])
    path = write_database(tmp_path / "valid.sqlite", make_bank(30, seed))
    data, other = path.read_bytes(), write_database(tmp_path / "other.sqlite", make_bank(3)).read_bytes()
    tally: Counter[bool] = Counter()
    for _ in range(200):
        spoiled = np.frombuffer(data, np.uint8).copy()
        if rng.random() < 0.5:  # a few bytes, half of them in the pages' headers
            places = rng.integers(0, len(spoiled), 5)
            places[::2] = places[::2] // 4096 * 4096 + rng.integers(0, 100, 3)
            spoiled[places] = rng.integers(0, 256, 5)
            changed = spoiled.tobytes()
        else:
            changed = data[:16] + spoil(data, other, rng)[16:]
        path.write_bytes(changed)
        tally[outcome(lambda: PresetBank.read(path)) is None] += 1
    assert min(tally.values()) >= 10, tally
    assert len(tally) == 2
