"""Test damaged sound files: each is prepared or refused with an error of our own, quickly, leaving no files.

`LATENTDX_FUZZ=9999` tries 9999 files, each with its own seed.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from damage import mutated, originals

from latentdx.applications import target
from latentdx.audio import pitch
from latentdx.errors import LatentDXError

N = int(os.environ.get("LATENTDX_FUZZ", "1000"))
SECONDS = 2.0
"""CPU time allowed per file, in seconds; the slowest of 1,000 files took 0.02."""


def test_damaged_files_are_prepared_or_refused(tmp_path, monkeypatch):
    folder, elsewhere = tmp_path / "sounds", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.chdir(elsewhere)
    estimate = target.estimate
    made, taken, slowest = originals(), 0, 0.0
    for container, content in made:  # also triggers what is compiled at its first use
        path = folder / f"whole.{container}"
        path.write_bytes(content)
        assert target.prepare_target(path).sound.any()
        path.unlink()
    for seed in range(N):
        rng = np.random.default_rng(seed)
        container, content = made[seed % len(made)]
        data = mutated(content, rng)
        # one in six has another suffix, and the pitch of one in six is estimated
        path = folder / f"{seed}.{container if seed % 6 else ('wav', 'mp3', 'm4a', 'raw')[seed // 6 % 4]}"
        path.write_bytes(data)
        monkeypatch.setattr(
            target, "estimate", estimate if seed % 6 == 1 else lambda _: pitch.Pitch(440.0, 1.0)
        )
        began = time.process_time()
        try:
            found = target.prepare_target(path)
        except LatentDXError as error:
            assert str(path) in str(error), f"{seed}: {error}"
        else:
            taken += 1
            assert found.sound.ndim == 1 and 8_192 <= len(found.sound) <= 8 * 22_050, seed
            assert np.isfinite(found.sound).all() and found.sound.any(), seed
            assert 0 <= found.note <= 127 and found.remarks, seed
        slowest = max(slowest, time.process_time() - began)
        assert slowest < SECONDS, f"{seed}: {slowest:.1f} s"
        assert path.read_bytes() == data, f"{seed}: the file was changed"
        path.unlink()
    print(f"{taken} of {N} prepared, the slowest in {slowest:.2f} s")
    assert 0.2 * N < taken < 0.95 * N  # both outcomes are tried
    assert not list(folder.iterdir()) and not list(elsewhere.iterdir())


@pytest.mark.parametrize("container", ["wav", "flac", "mp3", "ogg"])
def test_truncated_files_are_prepared_or_refused(tmp_path, container, monkeypatch):
    """A file cut after different numbers of bytes is prepared or refused."""
    monkeypatch.setattr(target, "estimate", lambda _: pitch.Pitch(440.0, 1.0))
    content = dict(originals())[container]
    path: Path = tmp_path / f"a.{container}"
    lengths = sorted({*range(1, 64, 7), *range(64, len(content), max(len(content) // 12, 1))})
    taken = []
    for length in lengths:
        path.write_bytes(content[:length])
        try:
            taken.append(bool(target.prepare_target(path).remarks))
        except LatentDXError:
            taken.append(False)
    assert not taken[0] and (any(taken) or container == "ogg")  # an Ogg file this short is a single page
