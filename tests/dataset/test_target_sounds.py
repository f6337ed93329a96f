"""The shipped target sounds: complete, readable, and what the code renders."""

import json

import numpy as np
import pytest

from latentdx import Engine
from latentdx.audio.io import encoding
from latentdx.audio.renderer import SIX_NOTES
from latentdx.dataset import dynamics, target_sounds
from latentdx.dataset.paper_examples import EXAMPLES
from latentdx.errors import DataMissingError
from latentdx.presets import corpora
from latentdx.registry import data_path

MANIFEST = json.loads((data_path("targets") / target_sounds.MANIFEST).read_text())


@pytest.fixture(scope="module")
def learnfm():
    try:
        corpora.find("learnfm")
    except DataMissingError as error:
        pytest.skip(str(error))
    return corpora.read("learnfm")


def test_every_example_and_every_file_is_listed_once() -> None:
    listed = [file for t in target_sounds.load() for file in {t.file, t.paper_file or t.file}]
    on_disk = [p.relative_to(data_path("targets")).as_posix() for p in data_path("targets").rglob("*.flac")]
    assert sorted(listed) == sorted(on_disk)
    played = {(t.uid, t.note, t.velocity) for t in target_sounds.load("example")}
    assert played == {(e.uid, *note) for e in EXAMPLES for note in e.notes}
    assert len(target_sounds.load("out of domain")) == 13


@pytest.mark.parametrize("target", target_sounds.load(), ids=lambda t: t.file)
def test_sounds_are_audible_and_whole(target: target_sounds.TargetSound) -> None:
    sound = target.audio()
    assert sound.shape == ((88_200,) if target.kind == "out of domain" else (88_576,))
    assert 0.02 < np.abs(sound).max() <= 1.0
    assert (target.license is not None) == (target.kind == "out of domain")
    paper = target.paper_audio()
    assert (paper is None) == (target.kind == "out of domain")
    if paper is not None:
        assert paper.shape == sound.shape and 0.02 < np.abs(paper).max() <= 1.0
        assert np.array_equal(paper, sound) == (target.paper_file == target.file)


def test_velocity_example_gets_louder_with_velocity() -> None:
    at = {
        t.velocity: np.abs(t.audio()).max() for t in target_sounds.load("example") if t.name == "Hollow.Str"
    }
    assert sorted(at) == [20, 64, 85, 127]
    assert at[20] < at[64] < at[85] < at[127]


def test_three_presets_ship_at_all_notes_that_their_chapter_needs() -> None:
    """The page's example and the two chosen presets ship at the six-note models' notes and the grid's."""
    example = next(e for e in EXAMPLES if e.chapter == "multiple notes")
    chosen = dynamics.choose(dynamics.read())
    assert {t.chosen: t.index for t in target_sounds.load("dynamics") if t.chosen} == chosen
    for index in (example.index, *chosen.values()):
        assert set(target_sounds.notes_of(index)) >= {*SIX_NOTES, *target_sounds.GRID}
    assert len(target_sounds.load("dynamics")) == 3 * 14 - len(
        {*target_sounds.DYNAMIC_NOTES} & {*example.notes}
    )


@pytest.mark.corpus
def test_committed_sounds_are_fresh_renders(learnfm) -> None:
    assert MANIFEST["corpus_hash"] == corpora.bank_hash(learnfm)
    for target in target_sounds.load():
        if target.index is None or target.velocity is None:
            continue
        fresh = target_sounds.render(target.index, learnfm, target.note, target.velocity)
        # 24 bits: half a step, and one more for the encoder's rounding
        np.testing.assert_allclose(target.audio(), fresh, rtol=0, atol=1.5 * 2**-23, err_msg=target.file)
        old = target_sounds.render(target.index, learnfm, target.note, target.velocity, Engine(era="0.9.3"))
        np.testing.assert_allclose(target.paper_audio(), old, rtol=0, atol=1.5 * 2**-23, err_msg=target.file)


@pytest.mark.corpus
def test_most_examples_are_stored_an_octave_lower(learnfm) -> None:
    """The listening chapters state these numbers."""
    below = [24 - int(learnfm[[e.index]].transposes[0]) for e in EXAMPLES]
    assert below.count(12) == 10
    assert {e.name: n for e, n in zip(EXAMPLES, below, strict=True)}["CongaBongo"] == 7


@pytest.mark.corpus
def test_rendering_again_gives_the_shipped_bytes(learnfm, tmp_path) -> None:
    folder = tmp_path / "made" / "targets"  # created if needed
    target_sounds.make(folder)
    for path in data_path("targets").rglob("*_*_*.flac"):
        name = path.relative_to(data_path("targets"))
        if name.parts[0] != "ood":
            assert (folder / name).read_bytes() == path.read_bytes(), name
    made = json.loads((folder / target_sounds.MANIFEST).read_text())
    assert made["sounds"] == MANIFEST["sounds"]


def test_missing_folder_is_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(target_sounds, "data_path", lambda *parts: tmp_path)
    with pytest.raises(DataMissingError, match="ship with the project"):
        target_sounds.load()


def test_flac_keeps_24_bits() -> None:
    target = target_sounds.load("example")[0]
    assert encoding.encode(target.audio(), "flac") == target.path.read_bytes()
