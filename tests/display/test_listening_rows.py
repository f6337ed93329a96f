import io
from base64 import urlsafe_b64decode
from pathlib import Path

import numpy as np
import pytest
import soundfile
from bs4 import BeautifulSoup, Tag
from PIL import Image

from latentdx import Dexed, PresetBank
from latentdx.audio.io import encoding
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.dataset import target_sounds
from latentdx.display import Clip, listening_rows, row, sound_pictures
from latentdx.errors import ParameterError
from tones import Sound, tone


def parse(html: object) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")  # type: ignore[attr-defined]


def played(page: BeautifulSoup | Tag) -> list[Sound]:
    """Decode what a browser gets to play."""
    return [
        soundfile.read(io.BytesIO(Path(str(a["src"])).read_bytes()), dtype="float32")[0]
        for a in page.select("audio")
    ]


def peak_db(sound: Sound) -> float:
    return float(20 * np.log10(np.abs(sound).max()))


@pytest.mark.parametrize(
    ("peaks", "loudest", "gain"),
    [
        ((0.5, 0.1, 0.02), -1.0, 5.02),  # boosted
        ((2.5, 0.7), -1.0, -8.96),  # above full scale on the synth: turned down
        ((0.01, 0.001), -28.0, 12.0),  # the boost ends at 12 dB
    ],
)
def test_one_gain_brings_the_loudest_clip_of_a_row_to_minus_1_dbfs(
    chapter: Path, peaks: tuple[float, ...], loudest: float, gain: float
) -> None:
    page = parse(row([Clip(tone(p), f"peak {p}") for p in peaks], "Levels"))
    levels = [peak_db(sound) for sound in played(page)]
    assert max(levels) == pytest.approx(loudest, abs=0.5)
    relations = 20 * np.log10(np.array(peaks) / max(peaks))
    np.testing.assert_allclose(np.array(levels) - max(levels), relations, atol=0.5)
    assert float(page.figure["data-gain-db"]) == pytest.approx(gain, abs=0.01)
    assert f"{gain:+.1f} dB".replace("-", "−") in page.select_one(".ldx-foot").text


def test_real_presets_follow_the_level_rule_and_never_clip(chapter: Path) -> None:
    synth, init = Dexed(), PresetBank.init()[0]
    voices = [init.with_values(**{"ALGORITHM": 31, f"OP{k} OUTPUT LEVEL": 99}) for k in (2, 3, 6)]
    clips = [Clip(synth.render(voice, 48, 127), f"voice {i}") for i, voice in enumerate(voices)]
    levels = [peak_db(sound) for sound in played(parse(row(clips, "Voices")))]
    assert max(levels) == pytest.approx(-1.0, abs=0.5)


def test_no_target_clips_although_some_have_peaks_between_samples(chapter: Path) -> None:
    examples = target_sounds.load("example")
    over = [encoding.true_peak(t.audio()) / np.abs(t.audio()).max() for t in examples]
    assert max(over) > 1.5  # the case in point
    for target in examples:
        (sound,) = played(parse(row([Clip(target.audio(), target.name)], "Target")))
        assert np.abs(sound).max() < 0.95, target.name


def test_a_silent_clip_stays_silent_and_is_marked(chapter: Path) -> None:
    page = parse(row([Clip(tone(0.5), "heard"), Clip(np.zeros(88_576, np.float32), "unheard")], "Two"))
    heard, unheard = page.select(".ldx-clip")
    assert heard.select_one(".ldx-badge") is None
    assert unheard.select_one(".ldx-badge").text == "silent"
    assert "the sound is silent" in str(unheard.img["alt"])
    assert np.abs(played(unheard)[0]).max() < 1e-4


def test_a_row_of_silences_is_not_boosted(chapter: Path) -> None:
    page = parse(row([Clip(np.zeros(4000, np.float32), "a"), Clip(tone(1e-5), "b")], "Nothing"))
    assert float(page.figure["data-gain-db"]) == 0.0
    assert len(page.select(".ldx-badge")) == 2
    assert np.asarray(Image.open(str(page.img["src"])))[100:].max() < 20  # nothing made visible


def test_stated_levels_are_those_of_the_synths_output(chapter: Path) -> None:
    facts = parse(row([Clip(tone(0.1), "sine", ("a remark",))], "One")).select_one(".ldx-facts")
    assert [span.text for span in facts.select("span")] == ["peak −20.0", "RMS −23.1 dBFS", "a remark"]


def test_two_builds_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTDX_NOTEBOOK", "chapter")
    noise = np.random.default_rng(0).normal(0, 0.1, 30_000).astype(np.float32)
    builds = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        html = row([Clip(noise, "noise"), Clip(tone(0.3), "tone")], "Same", "Each time.")
        encoding = {p.name: p.read_bytes() for p in Path("media/chapter").iterdir()}
        builds.append((html, encoding))
    assert builds[0] == builds[1]
    assert len(builds[0][1]) == 4


def test_every_link_is_relative_and_exists_and_nothing_is_embedded(chapter: Path) -> None:
    preset = PresetBank.init()[0]
    page = parse(row([Clip(tone(0.2), "one", preset=preset), Clip(tone(0.3), "two")], "Links"))
    links = [str(tag.get("src") or tag["href"]) for tag in page.select("[src], [href]")]
    assert sorted(Path(link).suffix for link in links) == [".mp3", ".mp3", ".syx", ".webp", ".webp"]
    for link in links:
        assert link.startswith("media/chapter/")
        assert (chapter / link).stat().st_size > 0
    assert "base64" not in str(page)
    assert PresetBank.read(page.select_one("a")["href"])[0] == preset


def test_a_clip_holds_the_voice_of_a_preset_that_may_be_shown(
    chapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = PresetBank.init()[0].with_values("a<b>&\"c'")
    clips = [
        Clip(tone(0.2), "found", preset=preset),
        Clip(tone(0.3), "corpus", original=preset),
        Clip(tone(0.4), "recorded"),
    ]

    def voices() -> list[bytes | None]:
        texts = [clip.get("data-voice") for clip in parse(row(clips, "Voices")).select(".ldx-clip")]
        return [text and urlsafe_b64decode(f"{text}==") for text in texts]  # type: ignore[misc]

    packed = preset.bank.packed().tobytes()
    monkeypatch.setattr(listening_rows, "originals_allowed", lambda: False)
    assert voices() == [packed, None, None]
    monkeypatch.setattr(listening_rows, "originals_allowed", lambda: True)
    assert voices() == [packed, packed, None]


def test_a_row_holds_what_the_authors_heard_where_it_differs(chapter: Path) -> None:
    loud, soft = tone(0.8, 700), tone(0.2, 500)
    moved = [
        Clip(soft, "moved", paper_sound=loud),
        Clip(soft, "equal", paper_sound=soft.copy()),
        Clip(soft, "x"),
    ]
    page = parse(row(moved, "Eras"))
    links = [clip.select_one(".ldx-paper") for clip in page.select(".ldx-clip")]
    assert links[0] is not None and links[1:] == [None, None]
    heard, _ = soundfile.read(str(links[0]["href"]), dtype="float32")
    assert peak_db(heard) == pytest.approx(-1.0, abs=0.5)  # the loudest of the row
    assert links[0]["data-alt"].startswith("Waveform and mel spectrogram of moved: strongest near 7")
    assert links[0]["data-src"] != page.img["src"] and Path(str(links[0]["data-src"])).exists()
    told = [clip.select_one(".ldx-facts").text for clip in page.select(".ldx-clip")]
    assert ["the same in Dexed 0.9.3" in text for text in told] == [False, True, False]
    assert not page.select(".ldx-same") and len(list(Path("media/chapter").glob("*.mp3"))) == 2

    equal = parse(row(moved[1:2], "Equal"))
    assert "The authors’ Dexed 0.9.3 gives the same samples" in equal.select_one(".ldx-foot").text
    assert "the same in Dexed 0.9.3" not in equal.select_one(".ldx-facts").text
    assert not equal.select(".ldx-paper") and not parse(row(moved[2:], "X")).select(".ldx-same")


def test_every_player_and_picture_has_a_name(chapter: Path) -> None:
    page = parse(row([Clip(tone(0.2, 1000), "high"), Clip(tone(0.2, 200), "low", alt="as given")], "Two"))
    high, low = (str(image["alt"]) for image in page.select("img"))
    assert high.startswith("Waveform and mel spectrogram of high: strongest near 990 Hz")
    assert low == "Waveform and mel spectrogram of low: as given."
    assert [a["aria-label"] for a in page.select("audio")] == ["Play high, Two", "Play low, Two"]
    for audio in page.select("audio"):
        assert audio["preload"] == "none" and audio.has_attr("controls") and not audio.has_attr("autoplay")
    for image in page.select("img"):
        width, height = Image.open(str(image["src"])).size
        assert (width, height) == (2 * int(str(image["width"])), 2 * int(str(image["height"])))


@pytest.mark.parametrize("name", ['<b>BASS</b>"', "R&B'S <3 >", "</figure><script>alert(1)</script>"])
def test_names_are_escaped_wherever_they_appear(chapter: Path, name: str) -> None:
    preset = PresetBank.init()[0].with_values(name[:10])
    page = parse(row([Clip(tone(0.2), name, (name,), preset)], name, name))
    assert page.select_one(".ldx-title").text == name
    assert page.select_one(".ldx-row-title").text == page.select_one(".ldx-caption").text == name
    assert name in page.select_one("audio")["aria-label"] and name in page.img["alt"]
    assert page.select_one("a")["download"] == f"{name[:10]}.syx"
    assert not page.select("b, script")


def test_an_empty_row_is_refused() -> None:
    with pytest.raises(ParameterError, match="'Nothing' has no clips"):
        row([], "Nothing")


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 3), (7, 4), (9, 5)])
def test_lines_of_a_row_are_nearly_equal(chapter: Path, n: int, columns: int) -> None:
    clips = [Clip(tone(0.1, 100 * (i + 1), 3000), str(i)) for i in range(n)]
    assert f"--ldx-columns: {columns}" in row(clips, "Columns")


# -- pictures


def test_a_tone_appears_at_its_mark_on_the_frequency_axis(chapter: Path) -> None:
    marks = {tick.label: tick.place for tick in sound_pictures.frequency_ticks()}
    for label, frequency in ((".5", 500), ("1", 1000), ("2", 2000), ("4", 4000), ("8", 8000)):
        sound = tone(0.3, frequency)
        link = sound_pictures.sound_picture(sound, sound_pictures.Scale.of([sound]))
        light = np.asarray(Image.open(link), float).sum(-1)
        below = round(0.2 * len(light))  # the waveform is above
        brightest = below + int(light[below:, 100:200].mean(1).argmax())
        assert 100 * (brightest + 0.5) / len(light) == pytest.approx(marks[label], abs=1.0)


def test_a_shared_scale_shows_softer_sounds_darker_and_smaller(chapter: Path) -> None:
    loud, soft = tone(0.4), tone(0.04)
    scale = sound_pictures.Scale.of([loud, soft])
    assert (scale.high - scale.low, scale.peak) == (80.0, pytest.approx(0.4, abs=1e-3))
    light = [
        np.asarray(Image.open(sound_pictures.sound_picture(s, scale)), float).sum(-1) for s in (loud, soft)
    ]
    assert light[0][84:].max() > light[1][84:].max() + 50  # 20 dB darker
    assert [(image[:84, 280] > 200).sum() for image in light] == [pytest.approx(n, abs=3) for n in (78, 8)]


def test_the_description_states_what_is_measured() -> None:
    time = np.arange(88_576) / SAMPLE_RATE
    decaying = (tone(0.5, 2000) * 10 ** (-10 * time / 20)).astype(np.float32)  # 10 dB a second
    assert sound_pictures.describe(decaying) == (
        "strongest near 2.0 kHz, reaching up to 2.1 kHz, at full level after 0.1 s, "
        "28 dB weaker by the time the key is released at 3 s"
    )
    assert "steady by the time" in sound_pictures.describe(tone(0.5, 2000))


@pytest.mark.parametrize(
    ("seconds", "labels"), [(4.017, ["0", "1", "2", "3", "4"]), (0.5, ["0", "0.1", "0.2", "0.3", "0.4"])]
)
def test_time_marks_are_at_round_seconds(seconds: float, labels: list[str]) -> None:
    ticks = sound_pictures.time_ticks(seconds)
    assert [tick.label for tick in ticks] == labels
    assert ticks[-1].place == pytest.approx(100 * float(labels[-1]) / seconds)
