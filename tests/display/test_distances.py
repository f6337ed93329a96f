"""Rows that compare sounds: distances, which originals may be shown, cartridges, the size of a page."""

from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup

from latentdx import Dexed, PresetBank
from latentdx.display import Clip, Distances, cartridge, originals_allowed, row
from latentdx.display.listening_rows import compared
from latentdx.errors import ParameterError
from latentdx.metrics.objective import distance
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import Preset
from tones import tone

INIT = PresetBank.init()[0]


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither CI nor a local build that shows originals, unless a test says so."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("ORIGINALS", raising=False)


def parse(html: object) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")  # type: ignore[attr-defined]


def at(log_stft: float, convergence: float, mfcc13: float, frequency: float = 500) -> Clip:
    clip = Clip(tone(0.2, frequency, 5000), "version")
    return Clip(clip.sound, "version", distances=Distances(log_stft, convergence, mfcc13, log_stft))


# -- distances


def test_versions_get_their_distances_to_the_target() -> None:
    target = Clip(tone(0.3, 400), "target")
    near, far = Clip(tone(0.3, 410), "near", ("kept",)), Clip(tone(0.1, 3000), "far")
    first, *versions = compared(target, [near, far, target])
    assert first is target
    assert versions[0].facts == ("kept",) and versions[0].sound is near.sound
    measured = [v.distances for v in versions]
    assert measured[2] == Distances(0.0, 0.0, 0.0, 0.0)
    for name in ("log_stft", "convergence", "mfcc13", "mixed"):
        assert 0 < getattr(measured[0], name) < getattr(measured[1], name), name
    assert measured[1].mixed == distance(SoundFeatures(target.sound), SoundFeatures(far.sound))


def test_the_shorter_sound_is_padded_with_silence() -> None:
    whole = tone(0.3, 400, 20_000)
    cut = np.pad(whole[:15_000], (0, 5_000))
    target = Clip(whole, "target")
    short, filled = compared(target, [Clip(whole[:15_000], "short"), Clip(cut, "filled")])[1:]
    assert short.distances == filled.distances
    assert short.distances and short.distances.mfcc13 > 0
    assert compared(Clip(cut, "target"), [Clip(whole[:15_000], "short")])[1].distances == Distances(
        0, 0, 0, 0
    )


def test_a_silent_target_has_no_convergence(chapter: Path) -> None:
    clips = compared(Clip(np.zeros(9000, np.float32), "nothing"), [Clip(tone(0.2, 400, 9000), "something")])
    shown = [span.text for span in parse(row(clips, "Row")).select(".ldx-distances > span")]
    assert shown[1] == "SC –"
    assert clips[1].distances and np.isfinite(clips[1].distances.mixed)


def least(clips: list[Clip]) -> list[list[str]]:
    return [
        [b.find(string=True, recursive=False) for b in clip.select(".ldx-distances b")]
        for clip in parse(row(clips, "Row")).select(".ldx-clip")
    ]


def test_the_smallest_distance_is_bold_unless_two_versions_share_it(chapter: Path) -> None:
    target = Clip(tone(0.2, 400, 5000), "target")
    assert least([target, at(0.1, 0.5, 9.96), at(0.2, 0.4, 10.0)]) == [
        [],
        ["0.10"],
        ["0.40"],
    ]  # both read 10.0
    assert least([target, at(0.1, 0.5, 9.0)]) == [[], []]  # nothing to beat
    assert least([target, at(0.1, float("nan"), 9.0), at(0.2, float("nan"), 3.0)]) == [[], ["0.10"], ["3.0"]]
    assert least([at(0.1, 0.5, 9.0), at(0.2, 0.6, 10.0)]) == [[], []]  # the first clip is not a target


def test_a_blind_row_needs_at_least_two_versions_with_distances() -> None:
    target = Clip(tone(0.2, 400, 5000), "target")
    for clips in ([target, at(1, 1, 1)], [target, at(1, 1, 1), target]):
        with pytest.raises(ParameterError, match="needs a target and at least 2 versions with distances"):
            row(clips, "Row", blind=True)


# -- originals


def comparison(original: Preset | None = None, preset: Preset | None = None) -> list[Clip]:
    found = INIT.with_values("found", **{"ALGORITHM": 4, "OP1 OSC DETUNE": 9})
    versions = [Clip(tone(0.2, 410, 5000), "version", preset=found)]
    return compared(Clip(tone(0.2, 400, 5000), "target", original=original, preset=preset), versions)


def test_an_original_is_shown_in_a_local_build_only(chapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = comparison(original=INIT.with_values("SECRET", ALGORITHM=30))
    published = parse(row(clips, "Row"))
    assert [a["download"] for a in published.select("a")] == ["found.syx"]
    assert published.select_one(".ldx-differences") is None and "SECRET" not in str(published)
    assert [s["data-algorithm"] for s in published.select("svg")] == ["5"]
    assert [PresetBank.read(p)[0].name for p in chapter.rglob("*.syx")] == ["found"]

    monkeypatch.setenv("ORIGINALS", "1")
    local = parse(row(clips, "Row"))
    assert [a["download"] for a in local.select("a")] == ["SECRET.syx", "found.syx"]
    assert [s["data-algorithm"] for s in local.select("svg")] == ["31", "5"]
    lines = [[c.text for c in r.select("th, td")] for r in local.select(".ldx-differences tr")]
    assert lines == [
        ["parameter", "target", "version"],
        ["ALGORITHM", "31", "5"],
        ["OP1 OSC DETUNE", "+0", "+2"],
    ]
    assert local.select_one(".ldx-differences").name == "details"


@pytest.mark.parametrize(
    ("environment", "allowed"),
    [
        ({}, False),
        ({"ORIGINALS": "1"}, True),
        ({"ORIGINALS": "0"}, False),
        ({"ORIGINALS": ""}, False),
        ({"ORIGINALS": "1", "CI": "true"}, False),
        ({"ORIGINALS": "1", "CI": "1"}, False),
        ({"ORIGINALS": "1", "CI": "false"}, True),
    ],
)
def test_originals_need_a_local_build_that_asks(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], allowed: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert originals_allowed() is allowed


def test_parameters_of_a_shipped_target_are_compared_in_every_build(chapter: Path) -> None:
    page = parse(row(comparison(preset=INIT), "Row"))
    assert [r.td.text for r in page.select(".ldx-differences tbody tr")] == ["ALGORITHM", "OP1 OSC DETUNE"]


def test_cells_equal_to_the_target_are_empty(chapter: Path) -> None:
    same = Clip(tone(0.2, 420, 5000), "same", preset=INIT)
    clips = comparison(preset=INIT) + compared(Clip(tone(0.2, 400, 5000), ""), [same])[1:]
    first = parse(row(clips, "Row")).select_one(".ldx-differences tbody tr")
    assert [cell.text for cell in first.select("td")] == ["ALGORITHM", "1", "5", ""]


# -- downloads


def test_a_preset_without_a_name_gets_its_clips_title(chapter: Path) -> None:
    page = parse(row([Clip(tone(0.2, 400, 5000), "NumCat++", preset=Preset(INIT.values))], "Row"))
    link = page.select_one("a")
    assert link["download"] == "NumCat++.syx"
    assert PresetBank.read(str(link["href"]))[0].name == "NumCat++"


def test_a_downloaded_preset_renders_to_exactly_the_sound_of_its_clip(chapter: Path) -> None:
    synth = Dexed()
    preset = INIT.with_values("bell", **{"ALGORITHM": 4, "OP2 OUTPUT LEVEL": 80, "OP2 F COARSE": 7})
    clip = Clip(synth.render(preset), "bell", preset=preset)
    found = PresetBank.read(str(parse(row([clip], "Row")).select_one("a")["href"]))
    assert len(found) == 1
    np.testing.assert_array_equal(synth.render(found[0]), clip.sound)


def test_a_cartridge_holds_the_presets_and_is_filled_up_with_init_voices(chapter: Path) -> None:
    presets = [INIT.with_values(f"<b> {i}", ALGORITHM=i) for i in range(5)]
    page = parse(cartridge(presets, "programming"))
    link = page.select_one("a")
    assert link["download"] == "programming.syx" and link["href"].startswith("media/chapter/")
    data = (chapter / link["href"]).read_bytes()
    assert len(data) == 4104
    bank = PresetBank.read(str(link["href"]))
    assert list(bank[:5]) == presets
    assert set(bank.names[5:]) == {"INIT VOICE"} and len(bank) == 32
    assert [item.text for item in page.select("li")] == [f"<b> {i}" for i in range(5)]
    assert "5 presets" in page.p.text


@pytest.mark.parametrize(
    ("presets", "message"),
    [
        ([], "1 to 32 presets, not 0"),
        ([INIT] * 33, "1 to 32 presets, not 33"),
        ([INIT, Preset(INIT.values), Preset(INIT.values, "  ")], r"presets \[2, 3\] .* have no name"),
    ],
)
def test_a_cartridge_refuses_too_many_too_few_or_nameless_presets(
    presets: list[Preset], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        cartridge(presets, "full")


# -- size of a page


def test_nine_rows_of_six_clips_fit_into_a_page(chapter: Path) -> None:
    """A page may have 400 kB, of which the book's frame and text take 60."""
    rng = np.random.default_rng(0)
    other = PresetBank.init().values[0].copy()
    other[:126] = rng.integers(0, 2, 126)  # nearly every parameter differs
    target = Clip(tone(0.2, 400, 5000), "Original", original=INIT)
    preset = Preset(other, "inferred")
    facts = ("in tune: 12 cents before, 3 after",)
    versions = [Clip(tone(0.2, 500, 5000), f"version {i}, tuned", facts, preset) for i in range(5)]
    clips = compared(target, versions)
    html = row(clips, "A preset's name", "A sentence on what to listen for in this row.", blind=True)
    assert len(html.encode()) * 9 < 340_000
