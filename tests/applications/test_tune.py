"""Test tuning on presets that were detuned and are tuned to their own original sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentdx import Dexed, Preset, PresetBank
from latentdx.applications.tune import IN_TUNE, LEAST_SAMPLES, moves, tune, tune_to
from latentdx.audio import pitch
from latentdx.audio.pitch import Pitch
from latentdx.errors import ParameterError
from latentdx.metrics.objective import score
from latentdx.presets import corpora
from latentdx.presets.parameters import column, maxima, operator_columns

BANK = corpora.read("starter").neutral()
SYNTH = Dexed()
NOISE_CENTS = 2.0
"""Largest difference between two estimates of one pitch, where operators beat or decay."""


def cents(preset: Preset, operator: int, note: int = 60) -> float:
    """Return an operator's pitch in ratio mode at a note, in cents above MIDI note 0, as in dx7note.cc."""
    coarse, fine, detune = (preset[f"OP{operator} {n}"] for n in ("F COARSE", "F FINE", "OSC DETUNE"))
    key = note + preset["TRANSPOSE"] - 24
    octaves = 50857776 / 2**24 + key / 12
    octaves *= 1 + 0.0209 * np.exp(-0.396 * octaves) / 7 * (detune - 7)
    return 1200 * (octaves - 50857776 / 2**24 + np.log2((coarse or 0.5) * (1 + fine / 100)))


def in_ratio_mode(preset: Preset) -> list[int]:
    return [n for n in range(1, 7) if preset[f"OP{n} MODE"] == 0]


def sounding(preset: Preset) -> list[int]:
    return [n for n in in_ratio_mode(preset) if preset[f"OP{n} OUTPUT LEVEL"]]


def transposed(semitones: int):
    return lambda preset: preset.with_values(TRANSPOSE=24 + semitones)


def coarse(preset: Preset) -> Preset:
    """Shift a preset up an octave by its ratios."""
    doubled = {f"OP{n} F COARSE": min(2 * preset[f"OP{n} F COARSE"] or 1, 31) for n in in_ratio_mode(preset)}
    return preset.with_values(**doubled)


def fine(preset: Preset) -> Preset:
    """Shift a preset up by 51 cents, if no operator has a fine frequency yet."""
    return preset.with_values(
        **{f"OP{n} F FINE": min(preset[f"OP{n} F FINE"] + 3, 99) for n in in_ratio_mode(preset)}
    )


def flat(preset: Preset) -> Preset:
    return preset.with_values(
        **{f"OP{n} OSC DETUNE": max(preset[f"OP{n} OSC DETUNE"] - 5, 0) for n in in_ratio_mode(preset)}
    )


@pytest.mark.parametrize(
    "detune",
    [transposed(3), transposed(-3), transposed(12), transposed(-12), coarse, fine, flat],
    ids=["+3", "-3", "+12", "-12", "coarse", "fine", "detune"],
)
@pytest.mark.parametrize("name", ["TINE EP 1", "CLARINET 1", "CELESTA 4"])
def test_detuned_presets_are_tuned_to_their_original_sound(name, detune, tmp_path) -> None:
    original = BANK[name]
    target, detuned = SYNTH.render(original), detune(original)
    found = tune(detuned, target)
    assert found.tuned and abs(found.before_cents) > IN_TUNE
    assert abs(found.after_cents) <= found.reachable_cents + NOISE_CENTS
    assert found.reachable_cents < 4
    # the reported errors and distances agree with those of the preset read from a .syx file
    read = PresetBank.read(found.preset.write(tmp_path / "tuned.syx")).restored()[0]
    assert read.values.tolist() == found.preset.values.tolist()
    sound = SYNTH.render(read)
    assert 100 * (pitch.estimate(sound).midi - pitch.estimate(target).midi) == found.after_cents
    before, after = score(np.stack([detuned.values, read.values]), [target], [(60, 85)])
    assert (found.distance_before, found.distance_after) == (before, after)
    assert after < before
    shifts = [cents(read, n) - cents(detuned, n) for n in sounding(detuned)]
    assert np.ptp(shifts) <= 2 * found.reachable_cents + 1e-6, "carriers and modulators keep their ratios"


def test_a_preset_in_tune_is_unchanged() -> None:
    preset = BANK["TINE EP 1"]
    found = tune(preset, SYNTH.render(preset))
    assert (found.verdict, found.preset) == ("in tune", preset)
    assert found.before_cents == found.after_cents == 0
    assert found.distance_before == found.distance_after == 0


NO_PITCH = {
    "noise": np.random.default_rng(0).normal(0, 0.1, 44_100).astype(np.float32),
    "silence": np.zeros(44_100, np.float32),
    "percussion": SYNTH.render(BANK["SNARE 5"]),
}


@pytest.mark.parametrize("sound", NO_PITCH)
def test_a_target_without_pitch_leaves_the_preset_unchanged(sound) -> None:
    preset = BANK["TINE EP 1"]
    found = tune(preset, NO_PITCH[sound])
    assert (found.verdict, found.preset) == ("no pitch", preset)
    assert "of the target is voiced" in found.why
    assert np.isnan(found.before_cents) and np.isnan(found.reachable_cents)
    assert found.distance_before == found.distance_after > 0


@pytest.mark.parametrize(
    "preset",
    [BANK["SNARE 5"], BANK["TINE EP 1"].with_values(**{f"OP{n} OUTPUT LEVEL": 0 for n in range(1, 7)})],
    ids=["percussion", "silent"],
)
def test_a_preset_without_pitch_is_unchanged(preset) -> None:
    assert tune_to(preset, 60).verdict == "no pitch"
    found = tune(preset, SYNTH.render(BANK["TINE EP 1"]))
    assert (found.verdict, found.preset) == ("no pitch", preset)
    assert "of the preset is voiced" in found.why


def test_operators_with_a_fixed_frequency_are_unchanged() -> None:
    original = BANK["CLARINET 1"].with_values(
        **{"OP6 MODE": 1, "OP6 F COARSE": 2, "OP6 F FINE": 17, "OP6 OUTPUT LEVEL": 60, "OP6 OSC DETUNE": 9}
    )
    found = tune(transposed(-3)(original), SYNTH.render(original))
    assert found.tuned
    assert found.preset.values[operator_columns(6)].tolist() == original.values[operator_columns(6)].tolist()
    alone = PresetBank.init()[0].with_values(**{"OP1 MODE": 1, "OP1 F COARSE": 2, "OP1 F FINE": 50})
    assert moves(alone, 300) == []
    stuck = tune_to(alone, 60)
    assert (stuck.verdict, stuck.preset) == ("kept", alone)
    assert "ratio mode" in stuck.why


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(BANK) - 1), st.floats(-1500, 1500), st.integers(24, 100), st.integers(0, 48))
def test_moves_shift_by_the_interval_within_their_residual(index, shift, note, transpose) -> None:
    preset = BANK[index].with_values(TRANSPOSE=transpose)
    movable = {column("TRANSPOSE")} | {
        column(f"OP{n} {p}") for n in in_ratio_mode(preset) for p in ("F COARSE", "F FINE", "OSC DETUNE")
    }
    for move in moves(preset, shift, note):
        assert (move.preset.values <= maxima()).all()
        assert set(np.flatnonzero(move.preset.values != preset.values)) <= movable
        if 0 <= note + transpose - 24 <= 127:
            errors = [cents(move.preset, n, note) - cents(preset, n, note) - shift for n in sounding(preset)]
            assert np.abs(errors).max() == pytest.approx(move.residual, abs=0.01)
        assert move.residual < 9


@pytest.mark.parametrize("midi", [59.6, 60.07, 60.5, 65, 43])
@pytest.mark.parametrize("note", [48, 60])
def test_the_init_voice_is_tuned_to_any_pitch(midi, note) -> None:
    found = tune_to(PresetBank.init()[0], midi, note)
    assert found.tuned and found.reachable_cents < 1
    heard = pitch.estimate(SYNTH.render(found.preset, note, 85))
    assert 100 * (heard.midi - midi) == found.after_cents == pytest.approx(0, abs=2)
    assert np.isnan(found.distance_before) and np.isnan(found.distance_after)


def test_a_bass_keeps_its_octave_on_request() -> None:
    bass = PresetBank.init()[0].with_values(**{"OP1 F COARSE": 0, "OP1 F FINE": 3})  # an octave down, sharp
    assert tune_to(bass, 60).preset["TRANSPOSE"] > 30 or tune_to(bass, 60).preset["OP1 F COARSE"] > 0
    kept = tune_to(bass, 60, keep_octave=True)
    assert kept.before_cents == pytest.approx(51, abs=3)
    assert abs(kept.after_cents) < 2
    assert pitch.estimate(SYNTH.render(kept.preset)).midi == pytest.approx(48, abs=0.03)


def test_the_distance_decides_between_octaves_not_the_tracker() -> None:
    original = BANK["CLARINET 1"]
    target = SYNTH.render(original)
    true = pitch.estimate(target)
    low = Pitch(true.f0 / 2, true.voiced)  # an octave error of the tracker
    found = tune(transposed(3)(original), target, wanted=low)
    assert found.tuned and "closer an octave above the estimated pitch" in found.why
    assert found.after_cents == pytest.approx(1200, abs=2)
    assert found.distance_after < 0.1
    kept = tune(original, target, wanted=low)
    assert (kept.verdict, kept.preset, kept.distance_after) == ("kept", original, 0)


@pytest.mark.parametrize(
    ("name", "other"), [("SAX 1", "PIPE ORG 3"), ("CELESTA 4", "SUB BASS 4"), ("TRUMPET 1", "CLAV 1")]
)
def test_tuning_to_another_sound_does_not_increase_the_distance(name, other) -> None:
    detuned = transposed(5)(BANK[name])
    found = tune(detuned, SYNTH.render(BANK[other]))
    assert found.distance_after <= found.distance_before
    if found.tuned:
        assert abs(found.after_cents) < abs(found.before_cents) or "sounds closer" in found.why
    else:
        assert found.preset is detuned and found.why


def test_a_better_pitch_with_a_larger_distance_is_refused() -> None:
    """If the estimate of the target is a third too high, the distance prevents a wrong shift."""
    preset = BANK["CLARINET 1"]
    target = SYNTH.render(preset)
    true = pitch.estimate(target)
    found = tune(preset, target, wanted=Pitch(true.f0 * 1.25, true.voiced))
    assert (found.verdict, found.preset) == ("kept", preset)
    assert found.before_cents == found.after_cents == pytest.approx(-386, abs=2)


SOUND = np.ones(LEAST_SAMPLES, np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: tune(p, np.ones((2, 9999), np.float32)), r"mono.*\(2, 9999\)"),
        (lambda p: tune(p, SOUND[1:]), r"at least 4096 samples, not \(4095,\)"),
        (lambda p: tune(p, np.where(np.arange(LEAST_SAMPLES) < 3, np.nan, SOUND)), "holds 3 samples of NaN"),
        (lambda p: tune(p, SOUND, 128), "note 128 is not an integer in 0"),
        (lambda p: tune(p, SOUND, 60, 0), "velocity 0 is not an integer in 1"),
        (lambda p: tune_to(p, 27), "27 is not a MIDI note in 28 … 107"),
        (lambda p: tune_to(p, float("nan")), "nan is not a MIDI note"),
        (lambda p: tune_to(p, 60, -1), "note -1"),
    ],
)
def test_errors_name_the_bad_input(call, message) -> None:
    with pytest.raises(ParameterError, match=message):
        call(BANK[0])
