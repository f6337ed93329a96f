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
from latentdx.display import match_search_figure, match_stages_table
from latentdx.display.match_report import MatchedSound, MatchSettings, match_report
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


def test_previews_are_the_rendered_presets_at_one_gain(made, sources) -> None:
    found, files = made
    folder = files.previews
    assert folder.name == "horn-previews"
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        f"{what}.{note}@85.flac"
        for note in ("C3", "C4")
        for what in ("target", *range(1, len(found.candidates) + 1))
    )
    gain = np.float32(10 ** (json.loads(files.summary.read_text("utf8"))["previews_gain_db"] / 20))
    for number, candidate in enumerate(found.candidates, 1):
        sound, rate = soundfile.read(folder / f"{number}.C3@85.flac", dtype="float32")
        assert rate == SAMPLE_RATE
        low = sources[0].target
        wanted = Dexed().render(candidate.preset, 48, 85, hold=low.hold, n_samples=len(low.sound))
        np.testing.assert_allclose(sound, gain * wanted, atol=2e-3)


def test_the_summary_has_the_numbers_and_the_words_of_the_match(made, sources) -> None:
    found, files = made
    summary = json.loads(files.summary.read_text("utf8"))
    assert (summary["format"], summary["model"], summary["renders"]) == (2, "latentdx", found.renders)
    assert [s["note"] for s in summary["sounds"]] == [48, 60]
    assert [s["hold"] for s in summary["sounds"]] == [round(s.target.hold, 3) for s in sources]
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
    assert f"The closest one is {words.sentence}." in unescape(files.page.read_text("utf8"))


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
    assert not errors and all(url.startswith(("file:", "data:")) for url in asked)
    page.close()
