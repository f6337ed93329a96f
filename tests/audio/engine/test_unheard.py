"""Test which presets are known to sound the same before they are rendered."""

import numpy as np
import pytest

from latentdx.audio.engine import compilation
from latentdx.audio.engine.synth import Engine
from latentdx.presets import corpora
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import maxima, voice_parameters

SAMPLES = 44_100


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    compilation.kernels()  # without which keys are the presets' bytes
    return corpora.read("starter").neutral()


def key(preset: Preset, note: int = 60, hold: float = 1.0) -> bytes:
    return Engine().sound_key(preset, note, 85, hold=hold)


@pytest.mark.parametrize("era", ["current", "0.9.3"])
def test_presets_of_one_key_sound_the_same_sample_by_sample(bank, era) -> None:
    """Presets are changed as a search does it, from ones with quiet operators and flat stages on."""
    rng, engine, equal = np.random.default_rng(4), Engine(era=era), 0
    level = [i for i, p in enumerate(voice_parameters()) if p.name.endswith(("OUTPUT LEVEL", "DEPTH"))]
    for row in range(0, len(bank), 5):
        first = bank.values[row].copy()
        first[rng.choice(level, 3, replace=False)] = rng.integers(0, 12, 3) * rng.integers(0, 2, 3)
        for k in rng.integers(0, 6, 2):
            first[21 * k + 5 : 21 * k + 7] = first[21 * k + 4]  # three envelope levels alike
        note, velocity, hold = int(rng.integers(24, 97)), int(rng.integers(1, 128)), rng.uniform(0.05, 1.5)
        played = {"note": note, "velocity": velocity, "hold": hold}
        sound = engine.render(Preset(first), **played, n_samples=SAMPLES)
        wanted = engine.sound_key(Preset(first), **played)
        for column in rng.choice(144, 40, replace=False):
            changed = first.copy()
            changed[column] = rng.integers(0, maxima()[column] + 1)
            if (changed == first).all():
                continue
            if engine.sound_key(Preset(changed), **played) == wanted:
                equal += 1
                np.testing.assert_array_equal(
                    engine.render(Preset(changed), **played, n_samples=SAMPLES), sound
                )
    assert equal > 200


def test_what_cannot_be_heard_makes_no_difference(bank) -> None:
    plain = bank[0].with_values(
        **{"LFO PM DEPTH": 0, "LFO AM DEPTH": 0, "OP6 OUTPUT LEVEL": 0, "FEEDBACK": 0, "ALGORITHM": 0},
        **{f"PITCH EG LEVEL {k}": 50 for k in range(1, 5)},
    )
    for change in (
        {"LFO SPEED": 90, "LFO WAVE": 4, "LFO DELAY": 20, "P MODE SENS.": 7},
        {"OP6 F COARSE": 9, "OP6 EG RATE 1": 3, "OP6 MODE": 1, "OP6 A MOD SENS.": 3},
        {"PITCH EG RATE 1": 3, "PITCH EG RATE 4": 77},
    ):
        assert key(plain.with_values(**change)) == key(plain)
    for change in ({"OP6 OUTPUT LEVEL": 90}, {"LFO PM DEPTH": 50, "P MODE SENS.": 7}, {"TRANSPOSE": 25}):
        assert key(plain.with_values(**change)) != key(plain)
    assert key(plain, hold=2.0) != key(plain) and key(plain, note=61) != key(plain)


def test_operators_in_a_loop_are_heard_although_they_are_silent(bank) -> None:
    loop = bank[0].with_values(**{"ALGORITHM": 3, "FEEDBACK": 7, "OP5 OUTPUT LEVEL": 0})
    assert key(loop.with_values(**{"OP5 F COARSE": 9})) != key(loop)


def test_without_the_compiled_engine_a_key_is_the_preset(bank, monkeypatch) -> None:
    monkeypatch.setattr(compilation, "ready", lambda: False)
    assert key(bank[0]) == bank[0].values.tobytes()
