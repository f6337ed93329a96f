"""Measure the page's model: its size, its times in Chromium, and how far it is from PyTorch; write JSON.

    python benchmarks/web_network.py    # writes data/benchmarks/web_network.json; takes two minutes

The sounds are 37 starter presets and the 13 out-of-domain sounds of data/targets/ood. Differences are the
largest ones; logits are those of all parameters of a preset (the starter preset, or a draw), each given the
ones before it. Times are medians over the sounds, by the clock, so that they hold only on an idle machine.
"""

import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import arguments
import numpy as np
import torch
from machine import machine
from playwright.sync_api import Page, sync_playwright

from latentdx import Engine, load_model
from latentdx.applications.programmer import Programmer
from latentdx.applications.target import prepare_target
from latentdx.applications.transposition import nearest_c, resampled
from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.presets import corpora
from latentdx.registry import data_path
from latentdx.threads import one_thread
from latentdx.training.augmentation import at_unknown_level
from latentdx.typing import Audio
from latentdx_book.build.web_model import write_web_model

RESULTS = data_path("benchmarks", "web_network.json")
WEB = Path(__file__).parents[1] / "lib/latentdx/web"
N_STARTER, N_DRAWN, N_REDRAWN = 37, 24, 4

LOAD = """async () => {
  const { WebModel } = await import('/network/model.js');
  globalThis.floats = async (name) => new Float32Array(await (await fetch(`/${name}.f32`)).arrayBuffer());
  globalThis.difference = (found, wanted) =>
    found.reduce((most, x, i) => Math.max(most, Math.abs(x - wanted[i])), 0);
  const start = performance.now();
  globalThis.model = await WebModel.load(new URL('/model/model.json', location.href));
  const load_ms = performance.now() - start;
  model.draw(model.encode(model.spectrogram(new Float32Array(1))), 24); // until it is compiled
  return load_ms;
}"""

COMPARE = """async ([i, given, unknownLevel, expected]) => {
  const times = {};
  const timed = (name, work) => {
    const start = performance.now();
    const result = work();
    times[name] = performance.now() - start;
    return result;
  };
  const sound = await floats(`sound${i}`);
  const spectrogram = timed('spectrogram', () => model.spectrogram(sound, { unknownLevel }));
  const maps = timed('encoder', () => model.encode(spectrogram));
  const drawn = timed('draws', () => model.draw(maps, N_DRAWN, { seed: i }));
  const best = drawn.slice(0, N_REDRAWN);
  const redraws = [1, 2, 3, 4, 5, 6, 7].map((block) => {
    timed('redraws', () => model.redraw(maps, best, block, { seed: i }));
    return times.redraws;
  });
  times.redraws = redraws.reduce((sum, time) => sum + time, 0) / redraws.length;
  const program = timed('forward_pass', () => model.program(maps));
  const logits = model.sampler.logitsGiven(maps, given).flatMap((each) => [...each]);
  const wanted = await floats(`spectrogram${i}`);
  return {
    times,
    spectrogram: difference(spectrogram, wanted),
    maps: difference(maps, await floats(`maps${i}`)),
    logits: difference(logits, await floats(`logits${i}`)),
    moved: program.reduce((sum, value, j) => sum + (value !== expected[j]), 0),
  };
}""".replace("N_DRAWN", str(N_DRAWN)).replace("N_REDRAWN", str(N_REDRAWN))

# a product of 24 rows with a layer's weights, by the kernel, and by blocked loops without it
SPEED = """async () => {
  const { PANEL, makeKernels } = await import('/network/kernels.js');
  const [m, k, n] = [24, 160, 640];
  const { memory, addProduct } = makeKernels(m * k + k * n + m * n);
  memory.fill(0.01);
  const [b, c] = [m * k, m * k + k * n];
  const webassembly = () =>
    addProduct(m, n / PANEL, k, 0, 4 * k, 4 * b, 4 * k * PANEL, 4 * PANEL, 4 * c, 4 * n);
  const javascript = () => {
    for (let panel = 0; panel < n; panel += 4) {
      for (let r = 0; r < m; r += 2) {
        let [s0, s1, s2, s3, t0, t1, t2, t3] = [0, 0, 0, 0, 0, 0, 0, 0];
        for (let i = 0, at = b + panel * k; i < k; i++, at += 4) {
          const [x, y] = [memory[r * k + i], memory[(r + 1) * k + i]];
          s0 += x * memory[at]; s1 += x * memory[at + 1]; s2 += x * memory[at + 2]; s3 += x * memory[at + 3];
          t0 += y * memory[at]; t1 += y * memory[at + 1]; t2 += y * memory[at + 2]; t3 += y * memory[at + 3];
        }
        const to = c + r * n + panel;
        memory[to] += s0; memory[to + 1] += s1; memory[to + 2] += s2; memory[to + 3] += s3;
        memory[to + n] += t0; memory[to + n + 1] += t1; memory[to + n + 2] += t2; memory[to + n + 3] += t3;
      }
    }
  };
  const speed = (work) => {
    let best = 0;
    for (let round = 0; round < 20; round++) {
      const start = performance.now();
      for (let i = 0; i < 20; i++) work();
      best = Math.max(best, (20 * 2 * m * k * n) / (performance.now() - start) / 1e6);
    }
    return best;
  };
  return { webassembly: speed(webassembly), javascript: speed(javascript) };
}"""


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """Open an empty page of Chromium, of a host that serves a folder."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    (folder / "page.html").write_text("<!doctype html><title>Model</title>", "utf8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/page.html")
        yield page
        browser.close()
    server.shutdown()


def heard() -> Iterator[tuple[Audio, bool, Any]]:
    """Yield sounds as the model hears them, whether their level says nothing, and presets if there are."""
    bank = corpora.read("starter").neutral()
    for row in np.linspace(0, len(bank) - 1, N_STARTER).astype(int).tolist():
        yield Engine().render(bank[row]), False, bank.values[row]
    for file in sorted(data_path("targets", "ood").glob("*.flac")):
        target = prepare_target(file)
        shift = nearest_c(target.note) - target.note
        yield resampled(target.sound, shift), not target.level_known, None


def measure(model: Programmer, page: Page, folder: Path) -> list[dict[str, Any]]:
    """Compare the page's model with PyTorch for all sounds."""
    networks, found = model.model, []
    assert networks.sampler is not None
    for i, (sound, unknown, values) in enumerate(heard()):
        decibels = model.spectrograms(sound)
        if unknown and model.about.profile.unknown_level:
            decibels = at_unknown_level(decibels)
        maps = networks.encoder.maps(networks.normalize(decibels))
        given = values if values is not None else model.sample(decibels, 1, seed=i)[0, 0]
        logits = networks.sampler.logits_given(maps, torch.from_numpy(given[None].copy()))
        numbers = {
            "sound": torch.from_numpy(sound),
            "spectrogram": decibels,
            "maps": maps[0].permute(1, 2, 0),
            "logits": torch.cat([each[0] for each in logits]),
        }
        for name, tensor in numbers.items():
            tensor.numpy().astype("<f4").tofile(folder / f"{name}{i}.f32")
        expected = model.predict(decibels).values[0].tolist()
        found.append(page.evaluate(COMPARE, [i, given.tolist(), unknown, expected]))
    return found


def main() -> None:
    options = arguments.parser(__doc__, RESULTS).parse_args()
    model = load_model("latentdx")
    with (
        tempfile.TemporaryDirectory() as name,
        chromium(Path(name)) as page,
        one_thread(),
        torch.inference_mode(),
    ):
        folder = Path(name)
        for part in ("network", "random.js", "spectra.js", "wasm_assembler.js"):
            (folder / part).symlink_to(WEB / part)
        size = write_web_model(data_path("checkpoints", "latentdx.safetensors"), folder / "model")
        load_ms = page.evaluate(LOAD)
        found = measure(model, page, folder)
        speed = page.evaluate(SPEED)
        version = page.context.browser.version if page.context.browser else ""
    median = {part: statistics.median(each["times"][part] for each in found) for part in found[0]["times"]}
    results = {
        "machine": machine(),
        "browser": version,
        "checkpoint": model.sha256,
        "sounds": len(found),
        "bytes": size,
        "script_bytes": sum(file.stat().st_size for file in (WEB / "network").glob("*.js")),
        "load_ms": load_ms,
        "spectrogram_ms": median["spectrogram"],
        "encoder_ms": median["encoder"],
        f"draw_{N_DRAWN}_s": median["draws"] / 1e3,
        f"slowest_draw_{N_DRAWN}_s": max(each["times"]["draws"] for each in found) / 1e3,
        f"redraw_{N_REDRAWN}_ms": median["redraws"],
        "forward_pass_ms": median["forward_pass"],
        "gflops": speed,
        "largest_difference": {
            "spectrogram_db": max(each["spectrogram"] for each in found),
            "maps": max(each["maps"] for each in found),
            "logits": max(each["logits"] for each in found),
        },
        "parameters_moved_by_8_bits": statistics.mean(each["moved"] for each in found),
    }
    write_benchmark(results, options.results)


if __name__ == "__main__":
    main()
