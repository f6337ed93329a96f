"""Test what commands write: no file is replaced without being asked, and no sound is clipped."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentdx import Dexed, PresetBank
from latentdx.cli.output import check_folder, check_free, previews, sysex
from latentdx.errors import ParameterError
from latentdx.files import write_files
from latentdx.presets import corpora


def test_existing_files_are_not_replaced_without_force(tmp_path: Path) -> None:
    path = tmp_path / "bank.syx"
    check_free(path, ".syx")
    path.write_bytes(b"mine")
    with pytest.raises(ParameterError, match="bank.syx exists already: --force"):
        check_free(path, ".syx")
    check_free(path, ".syx", force=True)
    (tmp_path / "link.syx").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ParameterError, match="link.syx exists already"):
        check_free(tmp_path / "link.syx", ".syx")
    (tmp_path / "folder.syx").mkdir()
    with pytest.raises(ParameterError, match="folder.syx is a folder"):
        check_free(tmp_path / "folder.syx", ".syx", force=True)


@pytest.mark.parametrize(("name", "message"), [("a.wav", "does not end in .syx"), ("b/a.syx", "no folder")])
def test_files_that_cannot_be_written_are_refused_in_advance(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        check_free(tmp_path / name, ".syx", force=True)


def test_a_folder_may_be_missing_or_hold_other_files(tmp_path: Path) -> None:
    names = ["step-1.flac", "step-2.flac"]
    check_folder(tmp_path / "new", names)
    (tmp_path / "other.flac").touch()
    check_folder(tmp_path, names)
    (tmp_path / "step-2.flac").touch()
    with pytest.raises(ParameterError, match="step-2.flac exists already"):
        check_folder(tmp_path, names)
    check_folder(tmp_path, names, force=True)
    with pytest.raises(ParameterError, match="other.flac is a file"):
        check_folder(tmp_path / "other.flac", names, force=True)
    with pytest.raises(ParameterError, match="no folder"):
        check_folder(tmp_path / "none" / "new", names)


def test_written_files_are_complete_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_files({tmp_path / "a": b"1", tmp_path / "b": b"22"})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"1", "b": b"22"}


def test_one_preset_becomes_a_voice_and_several_become_cartridges(tmp_path: Path) -> None:
    bank = corpora.read("starter")[:33]
    for n, size in ((1, 163), (2, 4104), (33, 8208)):
        path = tmp_path / f"{n}.syx"
        path.write_bytes(sysex(bank[:n]))
        assert path.stat().st_size == size
        assert PresetBank.read(path)[:n] == bank[:n]


def test_previews_keep_their_relative_levels_and_are_not_clipped() -> None:
    class Loud(Dexed):
        def render(self, *args, **kwargs):
            return 40 * super().render(*args, **kwargs)

    presets = list(corpora.read("starter")[[0, 70]])
    plain, loud = (
        [
            soundfile.read(io.BytesIO(data), dtype="float32")
            for data in previews(presets, (50, 85), renderer=synth)
        ]
        for synth in (Dexed(), Loud())
    )
    for preset, (sound, rate) in zip(presets, plain, strict=True):
        assert rate == 22_050
        np.testing.assert_allclose(sound, Dexed().render(preset, 50, 85), atol=2**-23)
    peaks = [np.abs(sound).max() for sound, _ in loud]
    assert max(peaks) == pytest.approx(1, abs=1e-6)
    wanted = [np.abs(sound).max() for sound, _ in plain]
    assert min(peaks) / max(peaks) == pytest.approx(min(wanted) / max(wanted), rel=1e-4)
