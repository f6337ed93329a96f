"""Chapter "Program your own sound" without a browser: functions, and panels whose controls are changed."""

import tempfile
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from latentdx import Dexed, PresetBank
from latentdx.audio.io import encoding
from latentdx.dataset import target_sounds
from latentdx.display import media
from latentdx.errors import AudioFileError, ParameterError
from latentdx.presets import corpora
from latentdx_book.chapters import own_sound, own_sound_widgets, widget_panels

pytestmark = pytest.mark.usefixtures("chapter")


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


@pytest.fixture(scope="module")
def content(bank) -> bytes:
    return encoding.encode(0.5 * Dexed().render(bank[40], 48, 100), "flac")


@pytest.fixture
def panels(smoke_model, bank):
    sounds = target_sounds.load("out of domain")[:2]
    return own_sound_widgets.Panels(smoke_model, bank, sounds, start=bank[0].name, end=bank[1].name)


@pytest.mark.parametrize("name", ["../../x.flac", "C:\\temp\\x.flac", "x.fl/ac", "<b>.flac", "", ".flac"])
def test_a_file_may_have_any_name_and_leaves_nothing_on_the_disk(
    name, content, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    source = own_sound.take(name, content, note=48)
    assert source.target.note == 48 and source.file == (name.replace("\\", "/").split("/")[-1] or "sound")
    with pytest.raises(AudioFileError) as refused:
        own_sound.take(name, content[:50])
    assert str(tmp_path) not in str(refused.value) and source.file in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_an_example_is_an_out_of_domain_sound_or_one_that_moves() -> None:
    source, origin = own_sound.example("Marimba")
    assert source.file == "Marimba.flac" and source.target.note == 60 and "FluidR3" in origin
    source, origin = own_sound.example("vibrato lead")
    assert source.target.note == 69 and "the code of this book" in origin
    with pytest.raises(KeyError, match="Theremin"):
        own_sound.example("Theremin")


def test_an_answer_is_held_let_go_and_hit_soft_and_hard(bank) -> None:
    shown = str(own_sound.playings_html(bank["TINE EP 1"], 60))
    assert shown.count("<audio") == len(own_sound.PLAYINGS) == 4
    assert "velocity 40, 2 s" in shown and "velocity 120, 2 s" in shown and "faded" in shown
    assert "data-voice" not in shown  # it is offered where it was found


def test_audible_parameters_are_ranked_and_change_the_sound(bank) -> None:
    found = own_sound.audible(bank[0], 60, 85, 5)
    assert len(found) == 5 and all(a.distance >= b.distance > 0 for a, b in pairwise(found))
    own = Dexed().render(bank[0], 60, 85)
    for each in found:
        moved = Dexed().render(bank[0].with_values(**{each.parameter.name: each.value}), 60, 85)
        assert np.abs(moved - own).max() > 1e-3
    silent = PresetBank.init()[0].with_values(**{"OP1 OUTPUT LEVEL": 0})
    with pytest.raises(ParameterError, match="silent"):
        own_sound.audible(silent, 60, 85)


def test_the_match_panel_finds_presets_and_adds_them_to_the_shelf(panels) -> None:
    panel = panels.match
    panel.start.click()
    assert "Choose a sound file first" in panel.told.value

    panel.sound.value, panel.budget.value = panel.sound.options[1][1], 20
    panel.start.click()
    panel.wait()
    assert panel.told.value.count("Done: ") == 1 and "20 renders" in panel.told.value
    assert panel.match.renders == 20 and panel.bar.value == 20
    assert panel.found.value.count("<audio") == 1 + len(panel.match.candidates)
    assert "data:audio/" in panel.found.value and 'src="media' not in panel.found.value
    newest = next(iter(panels.shelf.presets))
    assert newest.endswith("match 1") and panels.shelf.presets[newest] == panel.match.best.preset
    assert newest in panels.between.start.options and newest in panels.edit.preset.options
    assert panels.between.start.value != newest  # the selection stays


def uploaded(name: str, content: bytes) -> dict[str, object]:
    """Return an upload as the browser reports it."""
    return {
        "name": name,
        "content": memoryview(content),
        "type": "",
        "size": len(content),
        "last_modified": datetime.now(UTC),
    }


def test_the_match_panel_stops_on_request_and_reports_bad_files(panels, content) -> None:
    panel = panels.match
    panel.upload.value = (uploaded("a.flac", content),)
    assert f"{len(content):,} bytes" in panel.told.value
    panel.budget.value = own_sound_widgets.MOST_RENDERS
    panel.start.click()
    panel.stop.click()
    panel.wait()
    assert panel.match.interrupted and panel.match.renders < own_sound_widgets.MOST_RENDERS
    assert "Stopped: " in panel.told.value and not panel.start.disabled and panel.stop.disabled

    panel.upload.value = (uploaded("<i>b.flac", b"fLaC"),)
    panel.start.click()
    panel.wait()
    assert 'role="alert"' in panel.told.value and "&lt;i&gt;b.flac" in panel.told.value
    assert panel.found.value == "" and not panel.start.disabled


def test_the_match_panel_locks_refines_and_holds(panels, bank, content) -> None:
    panel = panels.match
    panel.upload.value = (uploaded("a.flac", content),)
    panel.budget.value, panel.hold.value = 24, 1.5
    panel.locked.value = "ALGORITHM=40"
    panel.start.click()
    assert "Lock: ALGORITHM = 40 is outside 1 … 32" in panel.told.value and panel.match is None

    panel.locked.value = "feedback = 3; OP1 F COARSE=2"
    panel.refined.value = bank[41].name
    panel.start.click()
    panel.wait()
    assert panel.match.stages[0].name == "start"  # and no known preset
    for candidate in panel.match.candidates:
        assert candidate.preset["FEEDBACK"] == 3 and candidate.preset["OP1 F COARSE"] == 2
    assert "The closest preset: " in panel.found.value and "held for 1.50 s" in panel.found.value
    assert panel.refined.options[0] == own_sound_widgets.NO_PRESET
    assert panel.refined.value == bank[41].name  # although the shelf has new presets


def test_locks_are_separated_and_checked() -> None:
    assert own_sound.parse_locks(" ") == {}
    assert own_sound.parse_locks("ALGORITHM=5,LFO WAVE=sine ;") == {"ALGORITHM": "5", "LFO WAVE": "sine"}
    for wrong in ("ALGORITHM", "NOTHING=1", "FEEDBACK=8"):
        with pytest.raises(ParameterError, match=wrong.partition("=")[0]):
            own_sound.parse_locks(f"ALGORITHM=5,{wrong}")


def test_a_preset_is_played_until_it_has_faded(panels, bank) -> None:
    panel = panels.play
    assert panel.sound.value == "" and panel.preset.value == bank[0].name
    panel.note.value, panel.velocity.value, panel.hold.value = 48, 30, 0.4
    panel.play.click()
    shown = panel.sound.value
    assert shown.count("<audio") == 1 and "autoplay" in shown and bank[0].name in shown
    assert "Note 48 (C3; Yamaha calls it C2), velocity 30, let go after 0.4 s" in shown
    assert "it has faded after " in shown
    endless = bank[0].with_values("ENDLESS", **{f"OP{k} EG LEVEL 4": 99 for k in range(1, 7)})
    assert "it still sounds, at " in own_sound.played_html(endless, 60, 85, 0.2)


def test_the_slider_between_presets_is_exact_at_its_ends(panels, bank) -> None:
    panel = panels.between
    panel.way.value = "naive"
    assert panel.path[0] == bank[0] and panel.path[-1] == bank[1]
    assert panel.sound.value.count("<audio") == 1 and "0.50: " in panel.sound.value
    before = panel.sound.value
    panel.position.value = 1.0
    assert f"1.00: {bank[1].name}" in panel.sound.value != before
    assert "autoplay" in panel.sound.value
    panel.play.value, panel.velocity.value = False, 20
    assert "autoplay" not in panel.sound.value and "@20" in panel.sound.value


def test_the_edit_panel_changes_a_parameter_and_starts_again(panels, bank) -> None:
    panel = panels.edit
    name, slider = next(iter(panel.sliders.items()))
    values = [value for _, value in slider.options]
    slider.value = values[0] if slider.value != values[0] else values[-1]
    assert panel.edited[name] == slider.value != bank[0][name]
    assert (panel.edited.values != bank[0].values).sum() == 1
    panel.again.click()
    assert panel.edited[name] == slider.value
    panel.reset.click()
    assert panel.edited == bank[0]


@pytest.mark.parametrize("name", ["match", "play", "between", "edit"])
def test_a_panel_answers_every_press_with_a_new_line(panels, name) -> None:
    panel = getattr(panels, name)
    assert panel.ask in panel.children and panel.answer in panel.children
    lines = {panel.answer.value}
    for _ in range(3):
        panel.ask.click()
        lines.add(panel.answer.value)
    assert len(lines) == 4  # an equal one would leave the script's message in place


def test_the_notebook_uses_the_books_style_sheet() -> None:
    assert media.web_asset("site.css") in widget_panels.look()
