"""Files of a match, read by a second reader, rendered again and opened in a browser."""

import json
import re
from base64 import b64decode
from dataclasses import asdict, replace
from html import unescape

import dexed
import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, expect

from latentdx import Dexed, PresetBank
from latentdx.applications.closeness import closeness
from latentdx.applications.match import match_targets
from latentdx.applications.match_words import describe_match
from latentdx.applications.target import prepare_target
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.cli.output import MatchFiles
from latentdx.display import level_course_figure, match_search_figure, match_stages_table
from latentdx.display.match_report import (
    MatchedSound,
    MatchSettings,
    _remarkable,
    _structures,
    match_report,
)
from latentdx.presets import corpora

NAME = '<b>"horn" & Söhne \udcfc'  # what a file name may contain; the last is a byte that is no UTF-8


@pytest.fixture(scope="module")
def sources():
    """Sounds of one preset at two notes."""
    bank = corpora.read("starter").neutral()
    return [
        MatchedSound(
            f"{NAME}.{note}.wav",
            replace(
                prepare_target(Dexed().render(bank[40], note, 85), SAMPLE_RATE, note=note),
                warnings=(f"something about {note}",),
            ),
        )
        for note in (48, 60)
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory, smoke_model, sources):
    """Match of the sounds, and the files that were written."""
    folder = tmp_path_factory.mktemp("match")
    found = match_targets([s.target for s in sources], smoke_model, budget=80, keep=3, name="horn")
    settings = MatchSettings(80, None, 0, ("No corpus was here.",))
    (folder / "out").mkdir()
    files = MatchFiles(folder / "out" / "horn.syx")
    written = files.write(match_report(found, sources, smoke_model, settings))
    assert written == [files.cartridge, files.page, files.summary, files.previews]
    return found, files


def test_a_second_reader_finds_the_same_presets_on_the_cartridge(made) -> None:
    found, files = made
    file = files.cartridge
    names = [c.preset.name for c in found.candidates]
    bank = PresetBank.read(file)
    assert len(bank) == 32 and list(bank.names[: len(names)]) == names
    for candidate, read in zip(found.candidates, bank, strict=False):
        np.testing.assert_array_equal(read.values, candidate.preset.values)
    patches = dexed.Patch.load_bank(str(file))
    assert [patch.name.rstrip() for patch in patches[: len(names)]] == names
    for candidate, patch in zip(found.candidates, patches, strict=False):
        assert list(patch.to_raw()[:145]) == candidate.preset.values.tolist()


def test_the_stages_and_the_search_are_a_table_and_a_figure(made) -> None:
    found, files = made
    table = match_stages_table(found)
    assert table["renders"].tolist() == [stage.renders for stage in found.stages]
    assert table["mix"].tolist() == [stage.distance for stage in found.stages]
    assert table.index[0] == "one forward pass of the model"
    text = match_search_figure(found).alt
    assert f"after {found.renders:,} renders" in text and text in files.page.read_text("utf8")


def test_presets_are_grouped_by_structure(made) -> None:
    found, files = made
    page, table = files.page.read_text("utf8"), _structures(found)
    assert "Ways to make this sound" in page and len(table) == len({c.family for c in found.candidates})
    assert table["distance"].iloc[0] == found.best.distance and table["distance"].is_monotonic_increasing
    told = "; ".join(table["presets"])
    assert sorted(re.findall(r"(\d+): ", told)) == [str(i) for i in range(1, len(found.candidates) + 1)]


def test_what_a_player_should_know_is_told(made) -> None:
    best = made[0].best
    assert list(_remarkable(replace(best, changed=None, rings=False))) == []
    loud = replace(best, changed=12, rings=True, release_db=-31.4)
    assert list(_remarkable(loud)) == ["12 values changed", "still at −31 dB 5 s after the key is released"]


def test_the_course_of_the_level_is_shown_and_told(made) -> None:
    _, files = made
    page = files.page.read_text("utf8")
    assert page.count("Attack, sustain and release at C") == 2 and "The attack takes 0.0" in page
    assert "Distances are at equal loudness" in page
    for sound, note in zip(json.loads(files.summary.read_text("utf8"))["sounds"], ("C3", "C4"), strict=True):
        assert sound["hold_seconds"] == pytest.approx(3.0, abs=0.2) and 3 < sound["seconds"] < 4.017
        assert f"Played at {note}@85, held for {sound['hold_seconds']:.2f} s" in page


def test_the_figure_of_the_level_marks_the_note_off() -> None:
    t = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 440 * t) * 10 ** (-np.maximum(t - 1, 0) * 5)
    target = prepare_target(tone, SAMPLE_RATE)
    answer = 3 * tone[: len(target.sound)].astype(np.float32)
    figure = level_course_figure(target, [("an answer", answer)])
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert set(lines) == {"the sound", "an answer", "key let go"}
    assert lines["key let go"].get_xdata()[0] == 1.0
    course, found = (lines[name].get_ydata() for name in ("the sound", "an answer"))
    assert course.max() == 0 and np.allclose(course[10:150], found[10:150], atol=0.2)  # at equal loudness
    assert figure.alt == "The attack takes 0.01 s; the key is let go after 1.00 s."


def test_previews_are_the_rendered_presets_at_one_gain(made, sources) -> None:
    found, files = made
    folder = files.previews
    assert folder.name == "horn-previews"
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        f"{what}.{note}@85.flac"
        for note in ("C3", "C4")
        for what in ("target", *range(1, len(found.candidates) + 1))
    )
    summary = json.loads(files.summary.read_text("utf8"))
    gain, hold = np.float32(10 ** (summary["previews_gain_db"] / 20)), summary["sounds"][0]["hold_seconds"]
    for number, candidate in enumerate(found.candidates, 1):
        sound, rate = soundfile.read(folder / f"{number}.C3@85.flac", dtype="float32")
        assert rate == SAMPLE_RATE
        render = Dexed().render(candidate.preset, 48, 85, hold=hold, n_samples=len(sound))
        np.testing.assert_allclose(sound, gain * render, atol=2e-3)


def test_the_summary_has_the_numbers_and_the_words_of_the_match(made, sources) -> None:
    found, files = made
    summary = json.loads(files.summary.read_text("utf8"))
    assert (summary["format"], summary["model"], summary["renders"]) == (3, "latentdx", found.renders)
    assert [s["note"] for s in summary["sounds"]] == [48, 60]
    assert [s["hold_seconds"] for s in summary["sounds"]] == [round(s.target.hold, 3) for s in sources]
    assert summary["sounds"][0]["file"] == f"{NAME}.48.wav"
    assert all(any("level changed by" in line for line in s["remarks"]) for s in summary["sounds"])
    assert summary["remarks"] == ["No corpus was here."]
    assert [s["name"] for s in summary["stages"]] == [s.name for s in found.stages]
    for written, candidate in zip(summary["candidates"], found.candidates, strict=True):
        assert written["mix"] == pytest.approx(candidate.distance, abs=1e-6)
        assert written["parameters"]["ALGORITHM"] == candidate.preset["ALGORITHM"]
        assert len(written["parameters"]) == 145
        assert written["tuning"]["verdict"] == candidate.tuning.verdict
        assert written["closeness"] == asdict(closeness(candidate.measures, found.renders))
    words = describe_match(found, [source.target for source in sources])
    assert summary["missing"] == list(words.missing)
    assert f"The closest one: {words.sentence}." in unescape(files.page.read_text("utf8"))


def test_the_page_is_self_contained_escaped_and_offers_each_preset(made) -> None:
    found, files = made
    html = files.page.read_text("utf8")
    assert '<b>"horn"' not in html and "&lt;b&gt;" in html
    warning = "<p><b>&lt;b&gt;&#34;horn&#34; &amp; Söhne ?.48.wav: something about 48</b></p>"
    assert html.index(warning) < html.index("<details")  # above everything that is folded
    assert not re.search(r'(src|href)="(?!data:)', html)
    offered = re.findall(r'href="data:application/octet-stream;base64,([^"]+)"', html)
    assert len(offered) == 2 * len(found.candidates)
    assert all(dexed.Patch.from_sysex(b64decode(message)[6:161] + b"\x3f").name for message in offered)
    assert "No corpus was here." in html


def test_the_page_plays_in_a_browser_without_other_requests(made, browser: Browser) -> None:
    _, files = made
    page = browser.new_page(viewport={"width": 360, "height": 800})
    asked, errors = [], []
    page.on("request", lambda r: asked.append(r.url))
    page.on("pageerror", lambda e: errors.append(e))
    page.goto(files.page.as_uri())
    button = page.locator(".ldx-play").nth(1)
    button.click()
    expect(page.locator(".ldx-clip").nth(1)).to_have_class(re.compile("ldx-playing"))
    page.wait_for_function("[...document.querySelectorAll('audio')].some(a => a.currentTime > 0.2)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".ldx-keys").first.click()  # live, by modules that the page holds
    page.wait_for_function("document.querySelector('ldx-dock')")
    page.evaluate("async () => { window.player = (await ldxLoad('player.js')).player; }")
    page.wait_for_function("window.player.state === 'on'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not errors and all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    page.close()
