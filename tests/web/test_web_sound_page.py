"""The page for a reader's own sound: dropped, prepared, matched, answered and kept, without a network."""

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from latentdx.audio.engine.synth import Engine
from latentdx.presets import PresetBank
from latentdx_book.build.starter_json import write_starter
from static_host import served

WEB = Path(__file__).parents[2] / "lib/latentdx/web"
HTML = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Match</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="../_static/report.css"><link rel="stylesheet" href="../_static/site.css">
<script src="../_static/site.js"></script><script type="module" src="../_static/sound_page.js"></script>
</head><body><main><h1>Match</h1><ldx-own-sound></ldx-own-sound></main></body></html>"""
# a microphone that plays a tone of 330 Hz
MICROPHONE = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const tone = new OscillatorNode(context, { frequency: 330 });
    tone.connect(out);
    tone.start();
    return out.stream;
  };
}"""
ANSWERS = "section[aria-label='Answers']"
FORM = "document.querySelector('ldx-own-sound').matchForm"
SUMMARY = f"{ANSWERS} > h2 + p"
DURATION = """() => new Promise((done) => {
  const audio = document.querySelectorAll('audio')[1];
  audio.preload = 'auto';
  audio.onloadedmetadata = () => done(audio.duration);
  audio.load();
})"""
LONG = 120_000  # milliseconds: this machine may be busy


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return PresetBank.read(Path(__file__).parents[2] / "data/starter")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A static host with the page below a sub-path, as on a project's site; it has no model."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "site/book").mkdir(parents=True)
    (folder / "site/_static").mkdir()
    for part in WEB.iterdir():
        (folder / "site/_static" / part.name).symlink_to(part)
    starter = folder / "site/_static/starter.json"
    write_starter(starter)
    starter.write_text(json.dumps(json.loads(starter.read_text())[:1]))  # the first cartridge
    (folder / "site/book/page.html").write_text(HTML)
    with served(folder) as address:
        yield f"{address}/site"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1200, "height": 1000}, reduced_motion="reduce") as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, host: str) -> Iterator[Page]:
    """The page, ready; errors of its scripts and requests to other hosts fail the test."""
    trouble: list[str] = []
    context.on("request", lambda r: r.url.startswith((host, "blob:", "data:")) or trouble.append(r.url))
    page = context.new_page()
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(f"{host}/book/page.html")
    page.locator(".ldx-own-page:not([hidden])").wait_for(timeout=LONG)
    yield page
    assert not trouble


def wav(sound: np.ndarray, rate: int = 22_050) -> dict[str, str | bytes]:
    """A file for `set_input_files`."""
    buffer = BytesIO()
    sf.write(buffer, sound, rate, "FLOAT", format="WAV")
    return {"name": "brass hit.wav", "mimeType": "audio/wav", "buffer": buffer.getvalue()}


def choose(page: Page, file: dict[str, str | bytes]) -> None:
    page.locator("input[type=file]").first.set_input_files(file)  # type: ignore[arg-type]


def ready(page: Page) -> None:
    """Wait for the sound to be prepared."""
    page.wait_for_function("() => document.querySelector('ldx-own-sound').target", timeout=LONG)


def answered(page: Page) -> None:
    page.locator(ANSWERS).wait_for(timeout=LONG)


def rendered(bank: PresetBank, number: int) -> np.ndarray:
    """A starter preset, played by a musician who waits a little and holds C for 0.4 s, at another level."""
    sound = Engine().render(bank[number], 48, hold=0.4, n_samples=17_000)
    return np.concatenate([np.zeros(6000, np.float32), 0.4 * sound])


def axe_violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


def test_a_starter_preset_comes_back_with_the_network_cut(
    page: Page, context: BrowserContext, bank: PresetBank, tmp_path: Path
) -> None:
    """Exactly, to be heard, kept and linked; the page says that it has no model, and nothing is requested."""
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_offline(True)
    requests: list[str] = []
    context.on("request", lambda r: r.url.startswith(("blob:", "data:")) or requests.append(r.url))
    choose(page, wav(rendered(bank, 17)))
    ready(page)
    expect(page.get_by_label("Note")).to_have_value("48")
    expect(page.get_by_label("Note").locator("option:checked")).to_have_text("48 (C3; Yamaha calls it C2)")
    assert float(page.get_by_label("Held, in seconds").input_value()) == pytest.approx(0.4, abs=0.03)
    overview = page.locator(".ldx-own-overview svg").get_attribute("aria-label") or ""
    assert re.search(r"onset at 0\.2\d s, key let go 0\.[34]\d s later", overview)
    page.get_by_label("Play each improvement").check()
    page.evaluate("() => { document.querySelector('ldx-own-sound').budget = 200; }")  # as many on any machine
    page.get_by_role("button", name="Match", exact=True).click()
    answered(page)
    expect(page.locator(".ldx-own-going .ldx-own-alert")).to_contain_text("model could not be loaded")
    expect(page.locator(SUMMARY)).to_contain_text(
        "closest one, brass hi 1, is almost the same as your sound."
    )
    clips = page.locator(".ldx-clip")
    assert clips.count() == 9
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as a cartridge").click()
    assert waiting.value.suggested_filename == "brass hit as DX7.syx"
    cartridge = PresetBank.read(Path(waiting.value.path()).rename(tmp_path / "found.syx"))
    assert np.array_equal(cartridge.values[0], bank.values[17])
    clips.nth(1).get_by_role("button", name="copy link").click()
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert link.startswith(page.url.replace("book/page.html", "book/instrument.html#v=1."))
    assert link == clips.nth(1).get_by_role("link", name="open in the synth").get_attribute("href")
    opened = page.evaluate(
        """async (link) => {
          const { decodeVoice } = await import('../_static/voice_link.js');
          return [...decodeVoice(new URL(link).hash)];
        }""",
        link,
    )
    assert bytes(opened) == cartridge.sysex()[6:134]
    clips.nth(1).get_by_role("button", name=re.compile("^Play brass hi 1")).click()
    page.wait_for_function("() => [...document.querySelectorAll('audio')].some((a) => a.currentTime > 0.1)")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Report as one file").click()
    text = Path(waiting.value.path()).read_text("utf8")
    assert all(url.startswith(page.url.replace("book/page.html", "_static/")) for url in requests)  # in vain
    report = context.new_page()
    report.set_content(text)
    expect(report.get_by_role("heading", level=1)).to_have_text("Presets that sound like brass hit.wav")
    assert report.locator(".ldx-clip audio").count() == 9
    assert not re.search(r'(src|href)="(?!data:|http://127)', text.replace('href="#"', ""))
    assert report.evaluate(DURATION) == pytest.approx(page.evaluate(DURATION), abs=0.01)


def test_a_worker_that_could_not_be_loaded_is_named_and_tried_again(
    context: BrowserContext, host: str, bank: PresetBank
) -> None:
    page = context.new_page()
    page.route("**/match.js", lambda route: route.abort())
    page.goto(f"{host}/book/page.html")
    page.locator(".ldx-own-page:not([hidden])").wait_for(timeout=LONG)
    choose(page, wav(rendered(bank, 17)))
    alert = page.locator(".ldx-own-page > .ldx-own-alert")
    expect(alert).to_have_text(
        "brass hit.wav could not be prepared: the worker could not be loaded", timeout=LONG
    )
    page.unroute("**/match.js")
    choose(page, wav(rendered(bank, 17)))
    ready(page)
    expect(alert).to_have_text("")


def test_a_match_waits_for_what_was_just_said_of_the_sound(page: Page, bank: PresetBank) -> None:
    """Two changes and a match at once: both count. Stopped before it began, a match finds nothing."""
    choose(page, wav(rendered(bank, 17)))
    ready(page)
    say = """(changes) => {
        for (const [name, value] of Object.entries(changes)) {
            const field = document.querySelector('ldx-own-sound').form.fields[name];
            field.value = value;
            field.dispatchEvent(new Event('change'));
        }
    }"""
    own = "document.querySelector('ldx-own-sound')"
    page.evaluate(f"({say})({{velocity: 100, hold: 0.5}}); {own}.match(); {own}.stop()")
    page.wait_for_function(f"() => !{own}.matching", timeout=LONG)
    assert page.evaluate(f"[{own}.target.velocity, {own}.target.hold, {own}.result]") == [100, 0.5, None]
    page.evaluate(f"{own}.budget = 120; ({say})({{velocity: 90, note: 50}}); {own}.match()")
    answered(page)
    played = page.evaluate(f"(({{velocity, note, hold}}) => [velocity, note, hold])({own}.target)")
    assert played == [90, 50, 0.5]


def test_by_keyboard_alone_with_a_limit_and_stop_keeps_the_best(page: Page, bank: PresetBank) -> None:
    page.on("filechooser", lambda _: None)  # watched for from here on, not from the key on
    page.locator("body").press("Tab")
    expect(page.get_by_role("button", name="Choose a file", exact=True)).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(wav(rendered(bank, 200)))  # type: ignore[arg-type]
    ready(page)
    expect(page.locator("h2", has_text="brass hit.wav")).to_be_focused()
    more = page.get_by_text("Limit what is found, or refine a preset")
    more.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("1-4, 32")
    page.keyboard.press("Tab")
    page.keyboard.type("FEEDBACK=9")
    expect(page.locator(".ldx-own-wrong")).to_have_text("FEEDBACK = 9 is outside 0 … 7.")
    page.keyboard.press("Backspace")
    page.keyboard.type("2")
    expect(page.locator(".ldx-own-wrong")).to_have_text("")
    page.get_by_label("Search for up to").select_option("2 minutes")
    page.get_by_role("button", name="Match", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_focused()
    page.wait_for_function(f"() => {FORM}.stage === 'search'", timeout=LONG)
    best = page.evaluate(f"() => {FORM}.course.points.at(-1)[1]")
    page.keyboard.press("Enter")
    answered(page)
    answers = page.evaluate("""() => document.querySelector('ldx-own-sound').result.answers
      .map(({ values, distance }) => [values[134] + 1, values[135], distance])""")
    assert {feedback for _, feedback, _ in answers} == {2}
    assert {algorithm for algorithm, _, _ in answers} <= {1, 2, 3, 4, 32}
    assert min(distance for _, _, distance in answers) < 1.3 * best + 0.05  # exact, not the search's measure
    expect(page.locator(SUMMARY)).to_contain_text("stopped early")
    expect(page.locator(SUMMARY)).to_be_focused()
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    for theme in ("light", "dark"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        assert axe_violations(page) == []
    clip = page.locator(".ldx-clip").nth(1)
    clip.get_by_role("button", name=re.compile("^play it")).click()
    expect(page.locator("ldx-dock h2")).to_have_text(clip.locator(".ldx-title").inner_text())
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_what_cannot_be_used_is_refused_in_words_and_the_sound_stays(page: Page, bank: PresetBank) -> None:
    choose(page, wav(rendered(bank, 3)))
    ready(page)
    for file, words in (
        (
            {"name": "a.mp3", "mimeType": "audio/mpeg", "buffer": b"ID3 no sound" * 99},
            "a.mp3 cannot be used: this browser cannot decode",
        ),
        (wav(np.zeros(9000, np.float32)), "brass hit.wav cannot be used: silent: the loudest 12 ms"),
        ({"name": "b.syx", "mimeType": "", "buffer": b"\xf0\x42\xf7"}, "b.syx, byte 1"),
    ):
        choose(page, file)  # type: ignore[arg-type]
        expect(page.locator(".ldx-own-page > .ldx-own-alert")).to_contain_text(words, timeout=LONG)
    expect(page.get_by_label("Note")).to_have_value("48")
    page.get_by_label("Note").select_option("50")
    expect(page.get_by_role("button", name="As found")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="As found").click()
    expect(page.get_by_label("Note")).to_have_value("48", timeout=LONG)
    choose(page, {"name": "two.syx", "mimeType": "", "buffer": PresetBank(bank[:2]).sysex()})
    expect(page.locator(".ldx-own-refined")).to_have_text(
        f"The next match starts from {bank[0].name}, and refines it."
    )
    page.get_by_label("Preset to refine", exact=True).select_option("1")
    expect(page.locator(".ldx-own-refined")).to_contain_text(bank[1].name)
    page.evaluate("() => { document.querySelector('ldx-own-sound').budget = 200; }")  # as many on any machine
    page.get_by_role("button", name="Match", exact=True).click()
    answered(page)
    parent = bank.values[1]
    closest = page.evaluate("() => [...document.querySelector('ldx-own-sound').result.answers[0].values]")
    assert (np.array(closest) == parent).mean() > 0.7


def test_a_recording_is_counted_in_and_prepared(page: Page) -> None:
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator(".ldx-own-page > .ldx-own-alert")).to_contain_text(
        re.compile("microphone")
    )  # none, or not allowed
    page.evaluate(MICROPHONE)
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator(".ldx-own-count")).to_contain_text(re.compile(r"[123] …"))
    expect(page.locator(".ldx-own-count")).to_contain_text("Play one note now", timeout=LONG)
    page.wait_for_function("() => document.querySelector('meter').value > 0.3", timeout=LONG)
    page.wait_for_timeout(700)
    page.keyboard.press("Enter")  # the button has the focus
    ready(page)
    expect(page.locator("h2", has_text="recording")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("64")
