"""The default model in JavaScript: its export, and PyTorch's numbers in the page and in a worker."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Error, Page

from latentdx.applications.programmer import Programmer, load_model
from latentdx.audio.engine.synth import Engine
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.errors import CheckpointError
from latentdx.metrics.objective import fitted
from latentdx.presets.bank import PresetBank
from latentdx.training.augmentation import at_unknown_level
from latentdx.typing import Audio
from latentdx_book.build.web_model import MOST_BYTES, write_web_model
from static_host import served

ROOT = Path(__file__).parents[2]
WEB = ROOT / "lib/latentdx/web"
CHECKPOINTS = ROOT / "data/checkpoints"
ROWS = (3, 100, 250, 300)  # starter presets

# files travel faster than lists of numbers
LIBRARY = """async () => {
  const { WebModel } = await import('/network/model.js');
  globalThis.WebModel = WebModel;
  globalThis.floats = async (name) => new Float32Array(await (await fetch(`/${name}.f32`)).arrayBuffer());
  globalThis.difference = async (found, name) => {
    const wanted = await floats(name);
    if (found.length !== wanted.length) throw new Error(`${found.length} numbers, not ${wanted.length}`);
    if (!found.every(Number.isFinite)) throw new Error('not finite');
    return found.reduce((most, x, i) => Math.max(most, Math.abs(x - wanted[i])), 0);
  };
  globalThis.model = await WebModel.load(new URL('/model/model.json', location.href));
  globalThis.mapsOf = async (i) => model.encode(model.spectrogram(await floats(`sound${i}`)));
}"""


@pytest.fixture(scope="module")
def programmer() -> Programmer:
    return load_model("latentdx")


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return PresetBank.read(ROOT / "data/starter").neutral()


@pytest.fixture(scope="module")
def sounds(bank: PresetBank) -> list[Audio]:
    """Renders of four presets, and one minute of noise, which is louder and longer than a render."""
    noise = np.random.default_rng(0).uniform(-1, 1, 60 * 22_050).astype(np.float32)
    return [*(Engine().render(bank[row]) for row in ROWS), noise]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host's folder with the scripts and the model."""
    folder = tmp_path_factory.mktemp("host")
    for part in ("network", "random.js", "spectra.js", "wasm_assembler.js"):
        (folder / part).symlink_to(WEB / part)
    (folder / "page.html").write_text("<!doctype html><title>Model</title>", "utf8")
    assert write_web_model(CHECKPOINTS / "latentdx.safetensors", folder / "model") <= MOST_BYTES
    return folder


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def page(browser: Browser, host: str, folder: Path, sounds: list[Audio]) -> Iterator[Page]:
    """A page with the model as `model`, and the sounds by `floats`."""
    for i, sound in enumerate(sounds):
        sound.astype("<f4").tofile(folder / f"sound{i}.f32")
    page = browser.new_page()
    page.goto(f"{host}/page.html")
    page.evaluate(LIBRARY)
    yield page
    page.close()


def maps_of(programmer: Programmer, sound: Audio) -> torch.Tensor:
    model = programmer.model
    return model.encoder.maps(model.normalize(programmer.spectrograms(sound)))


@pytest.mark.parametrize(("m", "panels", "k"), [(1, 1, 4), (1, 7, 8), (3, 4, 28), (4, 1, 4), (6, 5, 160)])
def test_products_are_those_of_numpy(page: Page, m: int, panels: int, k: int) -> None:
    """Sums of products of matrices whose rows are apart, with panels of columns one after another."""
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=shape) for shape in ((m, k + 4), (panels, k, 8), (m, 8 * panels + 8)))
    found = page.evaluate(
        """async ([numbers, m, panels, k]) => {
          const { makeKernels } = await import('/network/kernels.js');
          const { memory, addProduct } = makeKernels(numbers.length);
          memory.set(numbers);
          const [a, b] = [m * (k + 4), panels * k * 8];
          addProduct(m, panels, k, 0, 4 * (k + 4), 4 * a, 32 * k, 32, 4 * (a + b), 32 * (panels + 1));
          return [...memory.slice(0, numbers.length)];
        }""",
        [[*a.ravel(), *b.ravel(), *c.ravel()], m, panels, k],
    )
    columns = b.swapaxes(0, 1).reshape(k, -1)
    c[:, : 8 * panels] += a[:, :k] @ columns
    np.testing.assert_allclose(found, [*a.ravel(), *b.ravel(), *c.ravel()], atol=1e-4)


def test_functions_are_those_of_pytorch(page: Page) -> None:
    """GELU and softmax, from far below zero to far above."""
    x = np.random.default_rng(0).normal(scale=20, size=64)
    gelu, softmax = page.evaluate(
        """async (x) => {
          const { makeKernels } = await import('/network/kernels.js');
          const { memory, gelu, softmax } = makeKernels(2 * x.length);
          memory.set([...x, ...x]);
          gelu(0, x.length);
          softmax(4 * x.length, x.length);
          return [[...memory.slice(0, x.length)], [...memory.slice(x.length, 2 * x.length)]];
        }""",
        x.tolist(),
    )
    wanted = torch.from_numpy(x)
    np.testing.assert_allclose(gelu, torch.nn.functional.gelu(wanted, approximate="tanh"), atol=1e-5)
    np.testing.assert_allclose(softmax, wanted.softmax(0), atol=1e-6)


def test_a_browser_without_webassembly_is_told(browser: Browser, host: str) -> None:
    with browser.new_context() as window:
        page = window.new_page()
        page.add_init_script("delete globalThis.WebAssembly")
        page.goto(f"{host}/page.html")
        with pytest.raises(Error, match="this browser has no WebAssembly"):
            page.evaluate("async () => (await import('/network/kernels.js')).makeKernels(1)")


def test_equal_checkpoints_give_equal_files(folder: Path, tmp_path: Path) -> None:
    write_web_model(CHECKPOINTS / "latentdx.safetensors", tmp_path)
    for name in ("model.json", "model.bin"):
        assert (tmp_path / name).read_bytes() == (folder / "model" / name).read_bytes()


@pytest.mark.parametrize("name", ["num", "numcat++-six"])
def test_models_that_pages_cannot_run_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="one note with a flow and a sampler only"):
        write_web_model(CHECKPOINTS / f"{name}.safetensors", tmp_path)
    assert not any(tmp_path.iterdir())


def test_spectrograms_are_those_of_the_library(page: Page, folder: Path, sounds: list[Audio]) -> None:
    for i, sound in enumerate(sounds):
        mel_spectrogram(fitted(sound)).astype("<f4").tofile(folder / f"spectrogram{i}.f32")
    call = "async (i) => difference(model.spectrogram(await floats(`sound${i}`)), `spectrogram${i}`)"
    assert max(page.evaluate(call, i) for i in range(len(sounds))) <= 0.05
    silence = "() => model.spectrogram([]).every((x) => x === -120)"
    assert page.evaluate(silence)


def test_levels_are_taken_away_if_the_model_learned_to_do_without(
    page: Page, folder: Path, sounds: list[Audio]
) -> None:
    found = torch.from_numpy(mel_spectrogram(sounds[1]))[None, None]
    at_unknown_level(found).numpy().astype("<f4").tofile(folder / "level.f32")
    found.numpy().astype("<f4").tofile(folder / "plain.f32")
    call = """async ([learned, name]) => {
      const before = model.header.spectrogram.unknown_level;
      model.header.spectrogram.unknown_level = learned;
      const found = model.spectrogram(await floats('sound1'), { unknownLevel: true });
      model.header.spectrogram.unknown_level = before;
      return difference(found, name);
    }"""
    assert page.evaluate(call, [True, "level"]) <= 0.05
    assert page.evaluate(call, [False, "plain"]) <= 0.05
    assert page.evaluate(call, [True, "plain"]) > 1


def test_logits_are_those_of_pytorch(
    page: Page, folder: Path, programmer: Programmer, bank: PresetBank, sounds: list[Audio]
) -> None:
    """Each parameter's, given a preset, in two orders of the blocks; the noise gets any preset."""
    sampler = programmer.model.sampler
    assert sampler is not None
    call = """async ([i, preset, blocks]) => {
      const maps = await mapsOf(i);
      const logits = model.sampler.logitsGiven(maps, preset, blocks).flatMap((each) => [...each]);
      return [await difference(maps, `maps${i}`), await difference(logits, `logits${i}`)];
    }"""
    for i, (sound, row) in enumerate(zip(sounds, [*ROWS, 7], strict=True)):
        blocks = [1, 2, 3, 4, 5, 6, 7] if i % 2 else [6, 2, 7, 1, 5, 3, 4]
        with torch.inference_mode():
            maps = maps_of(programmer, sound)
            logits = sampler.logits_given(maps, torch.from_numpy(bank.values[[row]]), blocks)
        maps[0].permute(1, 2, 0).numpy().astype("<f4").tofile(folder / f"maps{i}.f32")
        torch.cat([each[0] for each in logits]).numpy().astype("<f4").tofile(folder / f"logits{i}.f32")
        of_maps, of_logits = page.evaluate(call, [i, bank.values[row].tolist(), blocks])
        assert of_maps <= 5e-3
        assert of_logits <= 1e-2


def test_likeliest_presets_are_those_of_pytorch(
    page: Page, programmer: Programmer, bank: PresetBank, sounds: list[Audio]
) -> None:
    """Whole presets, and presets of which one block is drawn anew."""
    sampler = programmer.model.sampler
    assert sampler is not None
    given = torch.from_numpy(bank.values[[40, 41, 42]])
    call = """async ([i, presets, block]) => {
      const maps = await mapsOf(i);
      const options = { temperature: 0 };
      const found = [...model.draw(maps, 1, options), ...model.redraw(maps, presets, block, options)];
      return found.map((preset) => [...preset]);
    }"""
    for i, sound in enumerate(sounds[:3]):
        block = (2, 5, 7)[i]
        with torch.inference_mode():
            maps = maps_of(programmer, sound)
            drawn = sampler.sample(maps, 1, temperature=0)[0]
            redrawn = sampler.redraw(maps, given[None], block, temperature=0)[0]
        expected = torch.cat([drawn, redrawn]).tolist()
        assert page.evaluate(call, [i, given.tolist(), block]) == expected


def test_draws_follow_the_posterior(
    page: Page, programmer: Programmer, bank: PresetBank, sounds: list[Audio]
) -> None:
    """Frequencies of the least certain of the last parameters, in 1,000 draws at two temperatures."""
    sampler = programmer.model.sampler
    assert sampler is not None
    blocks = [1, 2, 3, 4, 5, 7, 6]
    with torch.inference_mode():
        values = torch.from_numpy(bank.values[[ROWS[0]]])
        logits = sampler.logits_given(maps_of(programmer, sounds[0]), values, blocks)
    entropies = [float(torch.distributions.Categorical(logits=each).entropy()) for each in logits]
    known = 140 + int(np.argmax(entropies[140:]))
    assert entropies[known] > 0.3
    column = int(sampler.column[sampler.order(blocks)[known]])
    call = """async ([preset, blocks, known, column, temperature]) => {
      const maps = await mapsOf(0);
      const presets = Array.from({ length: 1000 }, () => Uint8Array.from(preset));
      model.sampler.complete(maps, presets, blocks, known, temperature, 5);
      return presets.map((drawn) => drawn[column]);
    }"""
    for temperature in (1.0, 0.7):
        drawn = page.evaluate(call, [bank.values[ROWS[0]].tolist(), blocks, known, column, temperature])
        expected = 1000 * (logits[known][0] / temperature).softmax(0).numpy().astype(float)
        counts = np.bincount(drawn, minlength=len(expected)).astype(float)
        rare = expected < 5
        expected, counts = (np.append(x[~rare], x[rare].sum()) for x in (expected, counts))
        chi_square = float(((counts - expected) ** 2 / np.maximum(expected, 1)).sum())
        n = len(expected)
        assert n > 2
        assert chi_square < n + 5 * np.sqrt(2 * n)


def test_seeds_determine_draws_whatever_was_drawn_before(page: Page) -> None:
    """Draws are the same again, in smaller groups, and from a model that remembers no other draws."""
    call = """async () => {
      const lists = (presets) => presets.map((preset) => [...preset]);
      const maps = await mapsOf(1);
      const drawn = model.draw(maps, 9, { seed: 3 });
      const redrawn = [1, 4, 7].map((block) => model.redraw(maps, drawn.slice(0, 4), block, { seed: 8 }));
      const fresh = await WebModel.load(new URL('/model/model.json', location.href));
      const heard = maps.slice();
      return {
        drawn: lists(drawn),
        fewer: lists(model.draw(maps, 5, { seed: 3 })),
        other: lists(model.draw(maps, 9, { seed: 4 })),
        redrawn: redrawn.map(lists),
        fresh: [7, 4, 1].map((block) => lists(fresh.redraw(heard, drawn.slice(0, 4), block, { seed: 8 }))),
      };
    }"""
    found = page.evaluate(call)
    drawn, columns = np.array(found["drawn"]), np.arange(145)
    assert found["fewer"] == found["drawn"][:5]
    assert found["other"] != found["drawn"]
    assert len({tuple(preset) for preset in found["drawn"]}) > 1
    assert found["redrawn"] == found["fresh"][::-1]
    for block, presets in zip((1, 4, 7), found["redrawn"], strict=True):
        own = columns // 21 == 6 - block if block < 7 else (columns >= 126) & (columns < 144)
        changed = (np.array(presets) != drawn[:4]).any(0)
        assert not changed[~own].any()
        assert changed[own].any()


def test_the_forward_pass_is_close_to_pytorch(
    page: Page, folder: Path, programmer: Programmer, sounds: list[Audio]
) -> None:
    """Its 8 bits move few parameters, by a step or two; latents move by less than the posterior's noise."""
    model, slots = programmer.model, programmer.model.representation.slots
    scalars = [slot.column for slot in slots if not slot.one_hot]
    call = """async (i) => {
      const maps = await mapsOf(i);
      return [[...model.program(maps)], [...model.latents(maps)]];
    }"""
    for i, sound in enumerate(sounds[:4]):
        preset, latents = page.evaluate(call, i)
        with torch.inference_mode():
            decibels = programmer.spectrograms(sound)
            mean, log_variance = model.encode(model.normalize(decibels))
            expected, zk = programmer.predict(decibels).values[0], model.latent_flow(mean)[0][0]
        distance = np.abs(np.array(preset) - expected.astype(int))
        assert (distance > 0).mean() < 0.1
        assert distance[scalars].max() <= 2
        assert np.abs(np.array(latents) - zk.numpy()).max() < torch.exp(log_variance / 2).median()


def test_wrong_blocks_and_maps_are_named(page: Page) -> None:
    for call, message in (
        ("model.redraw(await mapsOf(0), [], 8)", "1 to 7, not 8"),
        ("model.draw(new Float32Array(7), 1)", "maps have 8960 numbers, not 7"),
    ):
        with pytest.raises(Error, match=message):
            page.evaluate(f"async () => {call}")


def load_in(browser: Browser, host: str, model: str = "model", calls: int = 1) -> dict[str, Any]:
    """Load a model several times in a window of its own: errors, steps of the progress, and requests."""
    with browser.new_context() as window:
        page, requests = window.new_page(), []
        window.on(
            "request", lambda request: requests.append(request.url.rpartition("/")[2].partition("?")[0])
        )
        page.goto(f"{host}/page.html")
        found: dict[str, Any] = page.evaluate(
            """async ([address, calls]) => {
              const { WebModel } = await import('/network/model.js');
              const steps = [], errors = [];
              for (let i = 0; i < calls; i++) {
                try { await WebModel.load(address, (progress) => steps.push(progress)); }
                catch (error) { errors.push(error.message); }
              }
              return { steps, errors };
            }""",
            [f"{host}/{model}/model.json", calls],
        )
        return found | {"requests": requests}


def test_the_model_is_loaded_once_with_progress(browser: Browser, host: str, folder: Path) -> None:
    found = load_in(browser, host, calls=2)
    size = (folder / "model/model.bin").stat().st_size
    *before, last = [step["loaded"] for step in found["steps"]]
    assert found["errors"] == []
    assert before[0] == 0 and before[-1] == last == size
    assert before == sorted(before) and len(before) > 3
    assert {step["total"] for step in found["steps"]} == {size}
    assert found["requests"].count("model.json") == 2
    assert found["requests"].count("model.bin") == 1


def test_damaged_files_are_refused(browser: Browser, host: str, folder: Path) -> None:
    data, text = ((folder / "model" / name).read_bytes() for name in ("model.bin", "model.json"))
    damaged = bytearray(data)
    damaged[1_000_000] ^= 1
    cases: list[tuple[bytes | None, bytes, str]] = [
        (damaged, text, "the file of the model is damaged"),
        (data[:-1], text, f"ends after {len(data) - 1} of {len(data)} bytes"),
        (data + b"0", text, "longer than it should be"),
        (None, text, "model.bin?sha256="),
        (data, json.dumps(json.loads(text) | {"format": 99}).encode(), "format is 99, not 1"),
    ]
    for i, (numbers, header, message) in enumerate(cases):
        (folder / f"case{i}").mkdir()
        (folder / f"case{i}/model.json").write_bytes(header)
        if numbers is not None:
            (folder / f"case{i}/model.bin").write_bytes(numbers)
        (error,) = load_in(browser, host, f"case{i}")["errors"]
        assert message in error


def test_it_runs_in_a_worker(page: Page, host: str) -> None:
    call = """async (host) => {
      const script = `
        import { WebModel } from '${host}/network/model.js';
        const model = await WebModel.load('${host}/model/model.json');
        const maps = (sound) => model.encode(model.spectrogram(sound));
        onmessage = ({ data }) => postMessage(model.draw(maps(data), 2, { seed: 1 }));
        postMessage('ready');
      `;
      const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
      const worker = new Worker(url, { type: 'module' });
      const answer = () => new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      });
      await answer();
      const sound = await floats('sound2');
      const next = answer();
      worker.postMessage(sound);
      const found = await next;
      worker.terminate();
      const here = model.draw(await mapsOf(2), 2, { seed: 1 });
      return [found, here].map((presets) => presets.map((preset) => [...preset]));
    }"""
    found, here = page.evaluate(call, host)
    assert found == here
    assert len(found) == 2 and len(found[0]) == 145
