"""A trace holds what the engine used: samples follow from it, and its numbers are the specification's."""

import numpy as np
import pytest

from latentdx import Engine, PresetBank
from latentdx.errors import ParameterError
from latentdx.presets import corpora
from latentdx_book.chapters.engine import look_up, ramp

INIT = PresetBank.init()[0]


@pytest.mark.parametrize("name", ["TINE EP 1", "CLARINET 1", "CELESTA 4"])
@pytest.mark.parametrize("era", ["current", "0.9.3"])
def test_samples_follow_from_phase_gain_and_bus(name: str, era: str) -> None:
    """Operator 1 of algorithm 5 is modulated by operator 2 alone, to the last bit."""
    preset = corpora.read("starter").neutral()[name].with_values(ALGORITHM=4)
    engine, n = Engine(era=era), 64 * 200  # type: ignore[arg-type]
    outputs = (engine.render_operators(preset, n_samples=n) * 2**15).astype(np.int64)
    found = engine.trace(preset, n_samples=n)
    gains = np.concatenate([[16383], found.gains[0]])
    expected = look_up(found.phases()[0] + (outputs[1] << 21), ramp(found.gains[0]))
    audible = np.repeat((gains[:-1] <= 16284) | (gains[1:] <= 16284), 64)
    assert audible.any()
    np.testing.assert_array_equal(outputs[0], np.where(audible, expected, 0))


def test_levels_and_stages_are_those_of_the_specification() -> None:
    """T7, EG1: the rise takes two blocks, and the key is released in block 173."""
    rates = {f"OP1 EG RATE {k}": rate for k, rate in enumerate((70, 40, 30, 50), 1)}
    levels = {f"OP1 EG LEVEL {k}": level for k, level in enumerate((99, 85, 60, 0), 1)}
    other = {"OP1 OUTPUT LEVEL": 90, "OP1 RATE SCALING": 3, "OP1 KEY VELOCITY": 2}
    found = Engine().trace(INIT.with_values(**rates, **levels, **other), hold=0.5, n_samples=64 * 300)
    for block, level in {0: 196345856, 1: 229638144, 2: 229310464, 172: 190988288, 173: 189939712}.items():
        assert found.gains[0, block] == 16384 - (level >> 14)
    assert found.stages[0, [0, 1, 172, 173]].tolist() == [0, 1, 2, 3]
    assert found.level_db[0, 1] == pytest.approx(-20 * np.log10(2) * (16 - 229638144 / 2**24), abs=0.01)
    assert found.seconds[[0, -1]] == pytest.approx([64 / 22_050, 64 * 300 / 22_050])


def test_frequencies_and_the_lfo() -> None:
    plain = Engine().trace(INIT, n_samples=640)
    assert plain.frequencies[0] == pytest.approx(261.63, abs=0.01) and not plain.lfo.any()
    np.testing.assert_array_equal(plain.phases()[0], np.arange(640) * (199063 << 8) % 2**32)
    waving = INIT.with_values(**{"LFO SPEED": 60, "LFO KEY SYNC": 0, "LFO PM DEPTH": 99, "P MODE SENS.": 7})
    found = Engine().trace(waving, n_samples=640)
    assert found.lfo[:3].tolist() == [966790, 1933581, 2900372]  # T9
    assert found.delay[:2].tolist() == [2**24 - 1, 2**24] and (np.diff(found.pitch_cents) > 0).all()
    assert found.frequencies[0] == pytest.approx(261.63 * 2 ** (found.pitch_cents / 1200), rel=1e-4)
    bent = Engine().trace(INIT, n_samples=640, bend=1200)
    assert bent.frequencies[0] == pytest.approx(523.25, abs=0.01)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ParameterError, match="note 128"):
        Engine().trace(INIT, 128)
    with pytest.raises(ParameterError, match="bend must be in"):
        Engine().trace(INIT, bend=1201)
    with pytest.raises(ParameterError, match="muted operator 7"):
        Engine().trace(INIT, muted=[7])
