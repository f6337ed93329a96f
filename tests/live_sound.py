"""What a page's live player sounds like, and pages that modules can be imported into."""

from playwright.sync_api import Page

from latentdx.presets import sysex
from latentdx.presets.bank import PresetBank

SINE: list[int] = sysex.pack(PresetBank.init().values, [b"SINE      "])[0].tolist()
"""A packed voice that sounds as a sine for as long as its key is held."""

HEAR = """() => {
  const {output, context} = window.player;
  if (window.analyser?.context !== context) {
    window.analyser = new AnalyserNode(context, {fftSize: 16384, smoothingTimeConstant: 0});
    output.connect(window.analyser);
  }
  const size = window.analyser.fftSize, levels = new Float32Array(size / 2), sound = new Float32Array(size);
  window.analyser.getFloatFrequencyData(levels);
  window.analyser.getFloatTimeDomainData(sound);
  const loudest = levels.indexOf(Math.max(...levels));
  return {hertz: loudest * context.sampleRate / size, peak: Math.max(...sound.map(Math.abs))};
}"""
"""Script that measures the last third of a second of `window.player`: its strongest partial and its peak."""

SILENT = f"() => ({HEAR})().peak === 0"


def hear(page: Page, seconds: float = 0.6) -> dict[str, float]:
    """Listen for as long, and return the strongest partial in Hz, within 3 Hz, and the peak amplitude."""
    page.evaluate(HEAR)  # the analyser must listen first
    page.wait_for_timeout(1000 * seconds)
    heard: dict[str, float] = page.evaluate(HEAR)
    return heard


def open_empty_page(page: Page, host: str = "") -> None:
    """Open an empty page of HTML beside the modules, which are loaded anew; a style sheet has no elements."""
    html = '<!doctype html><meta name="viewport" content="width=device-width">'
    page.route("**/empty.html", lambda route: route.fulfill(content_type="text/html", body=html))
    page.goto(f"{host or page.url.rpartition('/')[0]}/empty.html")
