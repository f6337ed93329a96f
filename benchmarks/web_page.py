"""Measure how soon the pages sound and answer in Chromium, and the memory that a match takes.

    make site && python benchmarks/web_page.py     # writes data/benchmarks/web_page.json; two minutes

The first sound is measured from the press of a key, once the keyboard is loaded, to the first sample that is
not zero; the first answer from the click on "Match" to the first distance that the page tells, the model
being loaded in between, for starter presets at other notes. Memory is that of the page's process (PSS).
"""

import io
import statistics
from pathlib import Path
from typing import Any

import soundfile as sf
from arguments import parser
from lighthouse import built_from, chromium, served
from machine import machine
from playwright.sync_api import Browser, Page, sync_playwright

from latentdx.audio.engine.synth import Engine
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.presets.bank import PresetBank
from latentdx.registry import data_path

SOUNDS = {"starter preset 17": (17, 48), "starter preset 90": (90, 62), "starter preset 250": (250, 67)}
"""Number of a starter preset, and the note at which it is played, by the name of the sound."""

FIRST_SOUND = """async () => {
  const { player } = await import(new URL('../_static/player.js', location));
  await player.start();
  const probe = new AnalyserNode(player.context, { fftSize: 2048 });
  player.output.connect(probe);
  const samples = new Float32Array(probe.fftSize);
  const until = async (sounding) => {
    do {
      await new Promise((done) => setTimeout(done, 1));
      probe.getFloatTimeDomainData(samples);
    } while (samples.some((x) => x !== 0) !== sounding);
  };
  const send = (type, code) => document.dispatchEvent(new KeyboardEvent(type, { code, bubbles: true }));
  const times = [];
  for (const letter of 'ASDFGHJASD') {
    await until(false);
    const begun = performance.now();
    send('keydown', `Key${letter}`);
    await until(true);
    times.push(performance.now() - begun);
    send('keyup', `Key${letter}`);
    player.stop();
  }
  return times;
}"""
FIRST_ANSWER = """() => new Promise((done) => {
  const { course } = document.querySelector('ldx-own-sound').matchForm;
  const begun = performance.now();
  const add = course.add.bind(course);
  course.add = (...point) => { add(...point); done((performance.now() - begun) / 1000); };
  [...document.querySelectorAll('ldx-own-sound button')].find((b) => b.textContent === 'Match').click();
})"""


def first_sounds(page: Page, address: str) -> list[float]:
    """Return milliseconds from the press of a key to its sound, for several keys."""
    page.goto(f"{address}book/programming.html")
    page.locator(".ldx-keys").first.click()
    page.locator("ldx-keyboard").wait_for()
    times: list[float] = page.evaluate(FIRST_SOUND)
    return times


def first_answer(page: Page, address: str, number: int, note: int) -> float:
    """Return seconds from the click on "Match" to the first distance that is told."""
    preset = PresetBank.read(data_path("starter"))[number]
    file = io.BytesIO()
    sf.write(file, 0.5 * Engine().render(preset, note, hold=1.0, n_samples=44_100), 22_050, format="WAV")
    page.goto(f"{address}book/your_sound.html")
    page.locator(".ldx-own-page:not([hidden])").wait_for()
    page.locator("ldx-own-sound input[type=file]").first.set_input_files(
        {"name": "sound.wav", "mimeType": "audio/wav", "buffer": file.getvalue()}
    )
    page.wait_for_function("() => document.querySelector('ldx-own-sound').target")
    seconds: float = page.evaluate(FIRST_ANSWER)
    page.locator("section[aria-label='Answers']").wait_for(timeout=120_000)
    return seconds


def memory_mb(browser: Browser) -> float:
    """Return the proportional set size of the largest page's process, in MB."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    sizes = [_pss_mb(p["id"]) for p in processes if p["type"] == "renderer"]
    return max(sizes)


def _pss_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("Pss:"))


def main() -> None:
    options = parser(__doc__ or "", data_path("benchmarks", "web_page.json"))
    options.add_argument(
        "--site", type=Path, default=Path("build/laptop/_build/html"), help="folder of the site"
    )
    given = options.parse_args()
    with served(given.site) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        with browser.new_context() as context:
            sounds = first_sounds(context.new_page(), address)
        answers: dict[str, Any] = {}
        memory = 0.0
        for name, (number, note) in SOUNDS.items():
            with browser.new_context() as context:  # nothing is cached
                answers[name] = round(first_answer(context.new_page(), address, number, note), 2)
                memory = max(memory, memory_mb(browser))
        browser.close()
    measured = {
        "machine": machine(),
        "site": built_from(given.site),
        "first_sound_ms": {
            "median": round(statistics.median(sounds), 1),
            "most": round(max(sounds), 1),
        },
        "first_answer_seconds": answers,
        "memory_mb": round(memory),
    }
    write_benchmark(measured, given.results)


if __name__ == "__main__":
    main()
