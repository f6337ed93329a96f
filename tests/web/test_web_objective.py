"""The distance of the search in the page: the library's, on the same samples."""

from base64 import b64encode
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Page

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.metrics.modulation import strongest_modulation
from latentdx.metrics.objective import FastObjective, distance
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets.bank import PresetBank

Audio = npt.NDArray[np.float32]

DECODE = """(text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer)"""
COMPARE = f"""async (pairs) => {{
  const {{ SoundDistance }} = await import('/search/objective.js');
  const decode = {DECODE};
  return pairs.map(([target, found]) =>
    [false, true].map((exact) => new SoundDistance(decode(target), {{ exact }}).of(decode(found))));
}}"""
PLAY = """async ([values, played, presets]) => {
  const { Objective, play } = await import('/search/objective.js');
  const target = { ...played, sound: new Float32Array(played.length) };
  target.sound = play(values, target);
  const objective = new Objective(target);
  return presets.map((preset) => objective.of(Uint8Array.from(preset)));
}"""
MODULATION = f"""async (sounds) => {{
  const {{ SoundDistance }} = await import('/search/objective.js');
  const {{ strongestModulation }} = await import('/search/modulation.js');
  const decode = {DECODE};
  return sounds.map((sound) => strongestModulation(new SoundDistance(decode(sound)).tracks));
}}"""


def starter() -> PresetBank:
    return PresetBank.read(Path(__file__).parents[2] / "data/starter")


def encode(sound: Audio) -> str:
    return b64encode(np.ascontiguousarray(sound, "<f4").tobytes()).decode()


def renders(rng: np.random.Generator, n: int, length: int) -> list[Audio]:
    bank, synth = starter(), Engine()
    numbers = rng.choice(len(bank), n, replace=False)
    keys = rng.integers(36, 85, n)
    return [
        synth.render(bank[int(i)], int(key), hold=0.6 * length / SAMPLE_RATE, n_samples=length)
        for i, key in zip(numbers, keys, strict=True)
    ]


class Played:
    """A renderer that "renders" one sound."""

    sample_rate, engine = SAMPLE_RATE, "none"

    def __init__(self, sound: Audio) -> None:
        self.sound = sound

    def render(self, *_: object, **__: object) -> Audio:
        return self.sound


def fast(target: Audio, found: Audio) -> float:
    objective = FastObjective([target], [(60, 85)], renderer=Played(found), threads=1)
    return float(objective(PresetBank.init().values)[0])


def test_distances_are_the_librarys(page: Page) -> None:
    """20 pairs: of several lengths, one of them with a silent end, one very soft, one of noise."""
    rng = np.random.default_rng(0)
    pairs = []
    for length in (44_100, 30_001, 5_123, 22_050):
        sounds = renders(rng, 10, length)
        pairs += list(zip(sounds[:5], sounds[5:], strict=True))
    pairs[0][1][25_000:] = 0
    pairs[1][0][25_000:] = 0
    pairs[2][1][:] *= np.float32(0.004)
    pairs[3][1][:] = rng.normal(0, 0.1, 44_100).astype(np.float32)
    pairs[4] = pairs[4][0], pairs[4][0].copy()
    found = np.array(page.evaluate(COMPARE, [[encode(a), encode(b)] for a, b in pairs]))
    quick = np.array([fast(a, b) for a, b in pairs])
    exact = np.array([distance(SoundFeatures(a), SoundFeatures(b)) for a, b in pairs])
    np.testing.assert_allclose(found, np.stack([quick, exact], 1), rtol=1e-4, atol=1e-5)
    assert quick[5:].min() > 0.1 and found[4].max() < 1e-5


@pytest.mark.parametrize(("note", "hold", "length"), [(60, 3.0, 88_576), (43, 0.777, 33_333)])
def test_presets_are_rendered_as_in_the_library(page: Page, note: int, hold: float, length: int) -> None:
    """The render and its fade-out, too, are those that the library compares."""
    bank, synth = starter(), Engine()
    target = synth.render(bank[7], note, 99, hold=hold, n_samples=length)
    presets = bank.values[[7, 20, 90, 150]]
    played = {"note": note, "velocity": 99, "hold": hold, "length": length}
    found = page.evaluate(PLAY, [bank.values[7].tolist(), played, presets.tolist()])
    expected = FastObjective([target], [(note, 99)], holds=[hold], threads=1)(presets)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert found[0] < 1e-6


def test_a_gain_beyond_a_volume_knobs_has_its_price(page: Page) -> None:
    tone = 0.5 * np.sin(np.arange(30_000) / 10).astype(np.float32)
    found = page.evaluate(COMPARE, [[encode(tone), encode(tone / np.float32(g))] for g in (2, 8)])
    assert found[0][0] < 1e-5
    assert found[1][0] == pytest.approx(0.01 * (20 * np.log10(8) - 12), abs=1e-4)


def test_what_moves_is_heard_as_in_the_library(page: Page) -> None:
    time = np.arange(88_200) / SAMPLE_RATE
    wobble = np.sin(2 * np.pi * 5.2 * time)
    vibrato = 0.3 * np.sin(2 * np.pi * (440 * time + 0.8 * wobble))
    tremolo = 0.3 * np.sin(2 * np.pi * 440 * time) * (1 + 0.3 * wobble)
    sounds = [
        vibrato,
        tremolo,
        0.3 * np.sin(2 * np.pi * 440 * time),
        *renders(np.random.default_rng(1), 5, 88_576),
    ]
    sounds = [sound.astype(np.float32) for sound in sounds]
    found = page.evaluate(MODULATION, [encode(sound) for sound in sounds])
    for sound, heard in zip(sounds, found, strict=True):
        expected = strongest_modulation(SoundFeatures(sound))
        assert (heard is None) == (expected is None)
        if expected is not None:
            assert heard["moving"] == expected.moving
            assert [heard["rate"], heard["depth"]] == pytest.approx([expected.rate, expected.depth], rel=0.01)
    assert [heard and heard["moving"] for heard in found[:3]] == ["pitch", "level", None]
