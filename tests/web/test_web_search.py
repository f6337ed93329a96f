"""The search in the page: the library's mutations and results, by their statistics, because seeds differ."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Error, Page

from latentdx.applications import mutations
from latentdx.applications.evolutionary_search import evolutionary_search
from latentdx.applications.heard_modulation import with_modulation
from latentdx.applications.locks import Locks
from latentdx.audio.engine.synth import Engine
from latentdx.errors import ParameterError
from latentdx.metrics.modulation import Modulation
from latentdx.metrics.objective import FastObjective
from latentdx.presets.algorithm_families import conversion, family, with_algorithm
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import maxima, voice_parameters

Values = npt.NDArray[np.uint8]

N_MUTATIONS = 2_000
STANDARD_ERRORS = 5.0
"""Difference of two means that sampling hardly ever makes: once in 1.7 million comparisons."""

# presets travel as base64, which is much quicker than as lists
PRESETS = """
  const decode = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return Array.from({ length: bytes.length / 145 }, (_, i) => bytes.slice(145 * i, 145 * (i + 1)));
  };
  const encode = (presets) => btoa(presets.map((values) => String.fromCharCode(...values)).join(''));
"""
MUTATE = f"""async ([presets, others, name]) => {{
  {PRESETS}
  const {{ MOVES, crossover }} = await import('/search/mutations.js');
  const {{ Random }} = await import('/random.js');
  const random = new Random(1);
  const other = decode(others);
  return encode(decode(presets).map((values, i) =>
    name === 'crossover' ? crossover(values, other[i], random) : MOVES[name](values, random)));
}}"""
MOVE = f"""async ([presets, heard]) => {{
  {PRESETS}
  const {{ withModulation }} = await import('/search/heard_modulation.js');
  const {{ Random }} = await import('/random.js');
  const random = new Random(2);
  return encode(decode(presets).map((values) => withModulation(values, heard, random)));
}}"""
REPEAT = """async (rows) => {
  const { repeatChange } = await import('/search/mutations.js');
  return rows.map((row) => [...repeatChange(...row.map((values) => Uint8Array.from(values)))]);
}"""
FAMILIES = """async (changes) => {
  const { conversion, family, withAlgorithm } = await import('/search/algorithm_families.js');
  return {
    families: Array.from({ length: 32 }, (_, i) => family(i + 1)),
    changed: changes.map(([values, old, number]) =>
      [conversion(old, number).cost, [...withAlgorithm(Uint8Array.from(values), number)]]),
  };
}"""
SEARCH = """async ([starts, target, most, seeds]) => {
  const { evolutionarySearch } = await import('/search/evolutionary_search.js');
  const { Objective, play } = await import('/search/objective.js');
  const played = { ...target, sound: new Float32Array(target.length) };
  played.sound = play(Uint8Array.from(target.values), played);
  const found = [];
  for (let seed = 0; seed < seeds; seed++) {
    const objective = new Objective(played);
    const tried = await evolutionarySearch(
      starts.map((values) => Uint8Array.from(values)), (values) => objective.of(values), most, { seed });
    found.push(Math.min(...tried.map(({ distance }) => distance)));
  }
  return found;
}"""
LOCK = """async ([locked, algorithms, presets]) => {
  const { Locks } = await import('/search/locks.js');
  const locks = new Locks(locked, algorithms);
  return presets.map((preset) => [...locks.apply(Uint8Array.from(preset))]);
}"""


def starter() -> PresetBank:
    return PresetBank.read(Path(__file__).parents[2] / "data/starter")


def drawn_presets(n: int) -> Values:
    bank = starter()
    values: Values = bank.values[np.random.default_rng(0).integers(len(bank), size=n)]
    return values


def encode(presets: Values) -> str:
    return b64encode(presets.tobytes()).decode()


def decode(text: str) -> Values:
    return np.frombuffer(b64decode(text), np.uint8).reshape(-1, len(maxima()))


def kinds() -> list[str]:
    """Return what each value is, whichever operator it belongs to."""
    return [p.name.split(" ", 1)[1] if p.operator else p.name for p in voice_parameters()]


def same_statistics(given: Values, found: Values, expected: Values) -> None:
    """Compare the share of values that changed, by how much, and where to, for each kind of parameter."""
    assert (found <= maxima()).all()
    names = np.array(kinds())
    for name in dict.fromkeys(names):
        before, a, b = (rows[:, names == name].astype(float) for rows in (given, found, expected))
        for what, measure in {
            "changed": lambda rows, before=before: rows != before,
            "moved": lambda rows, before=before: rows - before,
            "moved by": lambda rows, before=before: np.abs(rows - before),
        }.items():
            one, other = measure(a).mean(1), measure(b).mean(1)
            error = np.sqrt((one.var() + other.var()) / len(given))
            assert abs(one.mean() - other.mean()) <= STANDARD_ERRORS * error + 1e-12, (name, what)


@pytest.mark.parametrize("name", [*mutations.MOVES, "crossover"])
def test_mutations_change_what_the_librarys_change(page: Page, name: str) -> None:
    given = drawn_presets(N_MUTATIONS)
    others = given[::-1]
    found = page.evaluate(MUTATE, [encode(given), encode(others), name])
    rng = np.random.default_rng(1)
    if name == "crossover":
        expected = [mutations.crossover(a, b, rng) for a, b in zip(given, others, strict=True)]
    else:
        expected = [mutations.MOVES[name](values, rng) for values in given]
    same_statistics(given, decode(found), np.stack(expected))
    assert (decode(found) != given).any()


@pytest.mark.parametrize("moving", ["level", "timbre", "pitch"])
def test_presets_are_made_to_move_as_in_the_library(page: Page, moving: Any) -> None:
    given = drawn_presets(1_000)
    found = page.evaluate(MOVE, [encode(given), {"moving": moving, "rate": 5.5, "depth": 8.0}])
    expected = with_modulation(given, Modulation(moving, 5.5, 8.0), np.random.default_rng(1))
    same_statistics(given, decode(found), expected)


def test_a_change_is_repeated_as_in_the_library(page: Page) -> None:
    rows = drawn_presets(300).reshape(100, 3, -1)
    expected = [mutations.repeat_change(*row).tolist() for row in rows]
    assert page.evaluate(REPEAT, rows.tolist()) == expected


def test_algorithms_change_as_in_the_library(page: Page) -> None:
    rng = np.random.default_rng(0)
    changes = [
        (values.tolist(), int(values[134]) + 1, int(rng.integers(1, 33))) for values in drawn_presets(100)
    ]
    found = page.evaluate(FAMILIES, changes)
    assert found["families"] == [list(family(number)) for number in range(1, 33)]
    for (values, old, number), (cost, changed) in zip(changes, found["changed"], strict=True):
        assert cost == conversion(old, number).cost
        assert changed == with_algorithm(np.array(values, np.uint8), number).tolist()


@pytest.mark.parametrize(("preset", "most", "seeds"), [(3, 300, 9), (200, 300, 9), (200, 4_000, 5)])
def test_a_search_comes_as_close_as_the_librarys(page: Page, preset: int, most: int, seeds: int) -> None:
    """Medians over seeds agree within three standard errors of their difference; 4,000 begin with islands."""
    bank, synth = starter(), Engine()
    length, hold = 22_050, 0.7
    starts = bank.values[np.random.default_rng(preset).choice(len(bank), 12, replace=False)]
    target = {
        "values": bank.values[preset].tolist(),
        "note": 60,
        "velocity": 85,
        "hold": hold,
        "length": length,
    }
    found = np.array(page.evaluate(SEARCH, [starts.tolist(), target, most, seeds]))
    sound = synth.render(bank[preset], hold=hold, n_samples=length)
    expected, first = [], np.inf
    for seed in range(seeds):
        objective = FastObjective([sound], [(60, 85)], holds=[hold], threads=1)
        first = float(objective(starts).min())
        expected.append(evolutionary_search(starts, objective, most, seed=seed).distances.min())
    error = 1.25 * np.sqrt((np.var(found) + np.var(expected)) / seeds)  # of a median, if errors are normal
    assert abs(np.median(found) - np.median(expected)) < 3 * error
    assert np.median(found) < 0.9 * first  # it found something


@pytest.mark.parametrize(
    ("locked", "algorithms"),
    [
        ({"ALGORITHM": 5, "OP1 F COARSE": 1, "LFO WAVE": "sine"}, []),
        ({"op2 osc detune": -3, "TRANSPOSE": -12}, [1, 5, 32]),
        ({}, [16, 17]),
        ({}, []),
    ],
)
def test_locks_are_obeyed_as_in_the_library(page: Page, locked: Any, algorithms: list[int]) -> None:
    presets = drawn_presets(100)
    found = page.evaluate(LOCK, [locked, algorithms, presets.tolist()])
    assert found == Locks.of(locked, algorithms).apply(presets).tolist()


@pytest.mark.parametrize(
    ("locked", "algorithms"),
    [
        ({"ALGORITM": 5}, []),
        ({"ALGORITHM": 33}, []),
        ({"OP1 OSC DETUNE": 8}, []),
        ({"LFO WAVE": "round"}, []),
        ({"FEEDBACK": 1.5}, []),
        ({}, [0]),
        ({"ALGORITHM": 5}, [6, 7]),
    ],
)
def test_wrong_locks_are_refused_with_the_librarys_words(
    page: Page, locked: Any, algorithms: list[int]
) -> None:
    with pytest.raises(ParameterError) as expected:
        Locks.of(locked, algorithms)
    with pytest.raises(Error, match="RangeError") as found:
        page.evaluate(LOCK, [locked, algorithms, []])
    assert str(expected.value).replace("'", '"') in str(found.value)
