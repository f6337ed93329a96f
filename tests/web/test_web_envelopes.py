"""The envelopes that the synth's page draws, against what the library renders."""

from itertools import pairwise

import numpy as np
import pytest
from playwright.sync_api import Page

from latentdx.audio.engine.synth import Engine
from latentdx.presets.bank import Preset, PresetBank

RATE = 22_050
TRACE = """async (values) => {
  const { traceEnvelopes } = await import('/envelopes.js');
  return traceEnvelopes(values).map((stages) => stages.map(({ seconds, levels }) => [seconds, levels]));
}"""
DRAW = """async (values) => {
  const { EnvelopeDrawing, traceEnvelopes } = await import('/envelopes.js');
  const drawing = new EnvelopeDrawing(1);
  drawing.draw(traceEnvelopes(values)[5]);
  const lit = (stage, held) => {
    drawing.mark(stage, held);
    return drawing.parts.flatMap((part, i) => (part.classList.contains('ldx-now') ? [i] : []));
  };
  const sounding = [lit(0, true), lit(2, true), lit(3, true), lit(3, false), lit(4, false)];
  return [drawing.element.getAttribute('aria-label'), [...sounding, lit(undefined, false)]];
}"""


def sine(**changes: int) -> Preset:
    """A sine from operator 1, with a slow attack, a decay to nothing, and no key velocity."""
    names = {"OP1 EG RATE 1": 40, "OP1 EG RATE 2": 45, "OP1 EG LEVEL 2": 0, "OP1 EG LEVEL 3": 0}
    return PresetBank.init()[0].with_values(**names | changes)


def trace(page: Page, preset: Preset) -> list[tuple[float, list[float]]]:
    """Seconds and levels of the four stages of operator 1."""
    stages: list[tuple[float, list[float]]] = page.evaluate(TRACE, preset.values.tolist())[5]
    return stages


def test_stages_take_as_long_as_in_the_sound(page: Page) -> None:
    (attack, _), (decay, _), *_ = trace(page, sine())
    sound = Engine(RATE).render(sine(), 60, 100, hold=20, n_samples=20 * RATE)
    loudness = np.abs(sound[: len(sound) // 441 * 441].reshape(-1, 441)).max(1)  # 20 ms
    assert attack == pytest.approx(loudness.argmax() * 441 / RATE, abs=0.05)
    end = np.flatnonzero(loudness > 0.001 * loudness.max())[-1] * 441 / RATE
    # the sound is 60 dB down after 60 of the envelope's 90 dB, which fall at a steady pace
    assert decay * 60 / 90 == pytest.approx(end - attack, rel=0.1)


def test_a_release_starts_from_the_level_that_is_held(page: Page) -> None:
    preset = sine(**{"OP1 EG LEVEL 2": 80, "OP1 EG LEVEL 3": 60, "OP1 EG RATE 4": 30})
    stages = trace(page, preset)
    for (_, before), (_, after) in pairwise(stages):
        assert after[0] == pytest.approx(before[-1])
    held, end = stages[3][1][0], stages[3][1][-1]
    assert 0.3 < held < 0.8 and end < 0.1


def test_a_stage_that_never_ends_is_cut(page: Page) -> None:
    (seconds, _), *_ = trace(page, sine(**{"OP1 EG RATE 1": 0, "OP1 EG LEVEL 1": 99}))
    assert seconds == pytest.approx(30, abs=0.1)


def test_a_drawing_lights_the_stage_and_says_how_long_each_takes(page: Page) -> None:
    label, stages = page.evaluate(DRAW, sine().values.tolist())
    assert label.startswith("Envelope of operator 1: stages of ")
    assert stages == [[0], [2], [4], [3], [], []]  # 4 is the time for which the key is held
