"""The engine in JavaScript: the library's samples, in the page and in Node."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Error, Page

from latentdx.audio.engine.synth import Engine, Era
from latentdx.audio.renderer import FADE, Dexed
from latentdx.presets import sysex
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import maxima

ENGINE = Path(__file__).parents[2] / "lib/latentdx/web/engine/engine.js"
RATE = 22_050
N_SAMPLES = 88_200
WHOLE = N_SAMPLES - round(FADE * RATE)  # the library fades its renders out; the page doesn't

# hashes travel faster than sounds
HASHES = """async ([presets, options, samples]) => {
  const { render } = await import('/engine/engine.js');
  const hashes = [];
  for (const [i, preset] of presets.entries()) {
    const bytes = new Uint8Array(render(preset, options[i]).slice(0, samples).buffer);
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    hashes.push([...hash].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
  }
  return hashes;
}"""


def sha256(sound: npt.NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(sound, "<f4").tobytes()).hexdigest()


def starter() -> PresetBank:
    return PresetBank.read(Path(__file__).parents[2] / "data/starter")


@pytest.mark.parametrize("rate", [22_050, 48_000])
@pytest.mark.parametrize("era", ["current", "0.9.3"])
def test_presets_sound_as_in_the_library(page: Page, era: Era, rate: int) -> None:
    """200 starter presets and 100 presets of random values, at random notes and velocities."""
    rng = np.random.default_rng(0)
    fuzzed = rng.integers(0, maxima() + 1, (100, len(maxima())), dtype=np.uint8)
    bank = PresetBank.concatenate([starter()[:200], PresetBank.from_values(fuzzed)])
    keys = np.where(np.arange(300) < 150, 60, rng.integers(0, 128, 300))
    velocities, holds = rng.integers(1, 128, 300), rng.uniform(0.1, 3, 300)
    synth, n = Engine(rate, era=era), 2 * rate
    whole = n - round(FADE * rate)
    options, expected = [], []
    for preset, key, velocity, hold in zip(
        bank, keys.tolist(), velocities.tolist(), holds.tolist(), strict=True
    ):
        play = {"note": key, "velocity": velocity, "hold": hold}
        options.append({**play, "seconds": 2, "rate": rate, "era": era})
        expected.append(sha256(synth.render(preset, key, velocity, hold=hold, n_samples=n)[:whole]))
    assert page.evaluate(HASHES, [bank.values.tolist(), options, whole]) == expected


def test_packed_voices_sound_like_their_values(page: Page) -> None:
    bank = starter()[:8]
    packed = sysex.pack(bank.values, [b"A" * 10] * 8).tolist()
    named = [[*values, *b"0123456789"] for values in bank.values.tolist()]
    options: list[dict[str, Any]] = [{}] * 8
    assert (
        page.evaluate(HASHES, [packed, options, WHOLE])
        == page.evaluate(HASHES, [named, options, WHOLE])
        == page.evaluate(HASHES, [bank.values.tolist(), options, WHOLE])
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("render(new Uint8Array(100))", "128 bytes, or 145 or 155 values, not 100"),
        ("render(new Uint8Array(145), {rate: 8000})", "16384 to 96000 Hz, not 8000"),
        ("render(new Uint8Array(145), {hold: -1})", "must not be negative: -1"),
        ("render(new Uint8Array(145), {era: '1.0'})", 'no era "1.0"'),
    ],
)
def test_errors_name_the_value_and_the_bound(page: Page, call: str, message: str) -> None:
    with pytest.raises(Error, match="RangeError") as error:
        page.evaluate(f"async () => {{ const {{render}} = await import('/engine/engine.js'); {call}; }}")
    assert message in str(error.value)


def test_node_computes_the_same(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("no Node.js on the path")
    preset = starter()[5]
    module = shutil.copy(ENGINE, tmp_path / "engine.mjs")  # a module for every version of Node
    script = (
        f"import {{render}} from {json.dumps(str(module))}; import {{createHash}} from 'node:crypto';"
        f"const sound = render({preset.values.tolist()}).slice(0, {WHOLE});"
        "console.log(createHash('sha256').update(new Uint8Array(sound.buffer)).digest('hex'));"
    )
    found = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == sha256(Dexed().render(preset, hold=3.0, n_samples=N_SAMPLES)[:WHOLE])
