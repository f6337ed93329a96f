"""Master tune, for players that have it: found for presets as they are, and heard."""

import numpy as np
import pytest

from latentdx import Engine, Preset, PresetBank
from latentdx.applications.master_tune import MasterTuning, master_tune
from latentdx.applications.tune import IN_TUNE, tune, tune_to
from latentdx.audio import pitch
from latentdx.presets import corpora

BANK = corpora.read("starter").neutral()
INIT = PresetBank.init()[0]


def heard(preset: Preset, setting: MasterTuning, note: int = 60) -> float:
    moved = preset.with_values(TRANSPOSE=preset["TRANSPOSE"] + setting.transpose)
    return pitch.estimate(Engine(tune=setting.cents).render(moved, note)).midi


@pytest.mark.parametrize(
    ("midi", "transpose", "cents"),
    [(60.34, 0, 34), (59.1, 0, -90), (61, 0, 100), (63.2, 3, 20), (52.55, -7, -45)],
)
def test_the_setting_brings_a_preset_as_it_was_in_tune(midi: float, transpose: int, cents: float) -> None:
    found = tune_to(INIT, midi)
    setting = master_tune(INIT, found)
    assert setting is not None and (found.wanted, setting.transpose) == (midi, transpose)
    assert setting.cents == pytest.approx(cents, abs=1)
    assert heard(INIT, setting) == pytest.approx(midi, abs=0.02)
    assert 100 * (heard(INIT, setting) - midi) == pytest.approx(setting.after_cents, abs=1e-6)
    assert np.isnan(setting.distance_after)


def test_master_tune_moves_what_parameters_cannot() -> None:
    """A sine of fixed frequency has no ratio to change."""
    fixed = INIT.with_values(**{"OP1 MODE": 1, "OP1 F COARSE": 2, "OP1 F FINE": 42})  # 263 Hz
    found = tune_to(fixed, 60.3)
    assert found.verdict == "kept" and abs(found.after_cents) > 10
    setting = master_tune(fixed, found)
    assert setting is not None and setting.transpose == 0 and abs(setting.after_cents) < 1
    assert master_tune(fixed, tune_to(fixed, 65)) is None  # a player cannot transpose it


def test_a_sound_as_target_decides_too() -> None:
    original = BANK["CLARINET 1"]
    target = Engine(tune=37).render(original)
    found = tune(original, target)
    setting = master_tune(original, found, target=target)
    assert setting is not None and setting.cents == pytest.approx(37, abs=2)
    assert setting.distance_after < found.distance_after < found.distance_before
    wrong = tune(original, Engine().render(original), wanted=pitch.Pitch(330.0, 1.0))  # a third too high
    assert wrong.verdict == "kept"
    assert master_tune(original, wrong, target=Engine().render(original)) is None


def test_the_octave_is_the_one_that_tuning_chose() -> None:
    original = BANK["CLARINET 1"]
    target = Engine().render(original)
    true = pitch.estimate(target)
    flat = original.with_values(TRANSPOSE=21)
    found = tune(flat, target, wanted=pitch.Pitch(true.f0 / 2, true.voiced))
    setting = master_tune(flat, found, target=target)
    assert found.tuned and setting is not None and setting.transpose == 3
    assert abs(setting.cents) <= IN_TUNE and abs(setting.after_cents) <= IN_TUNE


def test_no_setting_without_a_pitch_and_zeros_in_tune() -> None:
    silent = INIT.with_values(**{"OP1 OUTPUT LEVEL": 0})
    assert master_tune(silent, tune_to(silent, 60)) is None
    setting = master_tune(INIT, tune_to(INIT, 60))
    assert setting is not None and (setting.transpose, setting.cents) == (0, 0)
    at_the_end = INIT.with_values(TRANSPOSE=48)
    assert master_tune(at_the_end, tune_to(at_the_end, 100)) is None
