"""A match in the page: known presets, the choice of answers, and the worker that finds them."""

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Error, Page

from latentdx.applications.candidate_choice import Comparison, chosen_presets
from latentdx.applications.closeness import FILE, WORDS, closeness
from latentdx.applications.key_behavior import is_sustained, may_ring, measured, mended, plausible_release
from latentdx.applications.known_stage import compare_known
from latentdx.applications.locks import Locks
from latentdx.applications.output_level import with_gain
from latentdx.applications.target import Target
from latentdx.applications.tune import moves
from latentdx.applications.velocity_response import plausible_sensitivities, with_sensitivities
from latentdx.audio.engine.synth import Engine
from latentdx.metrics.gain import FREE_DB
from latentdx.presets.algorithm_families import family
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import column
from latentdx.registry import data_path

Values = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def unknown_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library treat renders as the page treats all sounds: nobody knows their level."""
    monkeypatch.setattr("latentdx.applications.candidate_choice.free_db", lambda _: FREE_DB)


SETUP = """
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const presets = (text) => {
    const all = bytes(text);
    return Array.from({ length: all.length / 145 }, (_, i) => all.slice(145 * i, 145 * (i + 1)));
  };
  const targetOf = ({ sound, ...played }) => ({ ...played, sound: new Float32Array(bytes(sound).buffer) });
"""
KNOWN = f"""async ([target, known, most]) => {{
  {SETUP}
  const {{ Objective }} = await import('/search/objective.js');
  const {{ compareKnown }} = await import('/search/recognition.js');
  const found = await compareKnown(new Objective(targetOf(target)), presets(known), most, async () => {{}});
  return {{
    spent: found.spent,
    starts: found.starts.map((values) => [...values]),
    recognized: found.recognized && [...found.recognized],
    hold: found.objective.target.hold,
  }};
}}"""
CHOOSE = f"""async ([values, distances, count]) => {{
  {SETUP}
  const {{ chosenPresets }} = await import('/search/candidate_choice.js');
  const tried = presets(values).map((values, place) => ({{ values, distance: distances[place], place }}));
  return chosenPresets(tried, count).map(({{ place }}) => place);
}}"""
KEYS = f"""async ([target, given, gain]) => {{
  {SETUP}
  const played = targetOf(target);
  const {{ Objective }} = await import('/search/objective.js');
  const {{ isSustained, keyBehavior, mayRing, mended, plausibleRelease, withGain }} =
    await import('/search/key_behavior.js');
  const [exact, quick] = [new Objective(played, {{ exact: true }}), new Objective(played)];
  const all = presets(given);
  const rate = plausibleRelease(all);
  return {{
    rate,
    rings: mayRing(played),
    sustained: isSustained(played),
    behaviors: all.map((values) => Object.values(keyBehavior(values, played))),
    mended: all.map((values) => [...mended(values, played, (v) => exact.of(v), rate)]),
    refined: [...mended(all[4], played, (v) => exact.of(v), rate, all[4])],
    leveled: all.map((values) => [...withGain(values, gain, (v) => quick.of(v))]),
  }};
}}"""
TUNE = f"""async ([target, given, cents, note]) => {{
  {SETUP}
  const {{ moves, tuner }} = await import('/search/tuning.js');
  const {{ Objective }} = await import('/search/objective.js');
  const played = targetOf(target);
  const objective = new Objective(played);
  const tuned = tuner(played, (v) => objective.of(v));
  return {{
    moves: presets(given).map((values, i) => moves(values, cents[i], note).map((move) => [...move.values])),
    tuned: presets(given).map((values) => [...tuned(values)]),
  }};
}}"""
TOUCH = f"""async ([target, given, drawn]) => {{
  {SETUP}
  const {{ plausibleSensitivities, withSensitivities }} = await import('/search/velocity_response.js');
  const {{ Objective }} = await import('/search/objective.js');
  const played = targetOf(target);
  const objective = new Objective(played);
  const wanted = plausibleSensitivities(presets(drawn));
  const changed = (values) => withSensitivities(values, wanted, played.velocity, (v) => objective.of(v));
  return {{ wanted, changed: presets(given).map((values) => [...changed(values)]) }};
}}"""
CLOSENESS = """async (rows) => {
  const { BOUNDS, closeness } = await import('/search/closeness.js');
  return { bounds: BOUNDS, words: rows.map((parts) => closeness(parts)) };
}"""
MATCH = f"""async ([target, starts, options, stopAfter]) => {{
  {SETUP}
  const {{ SoundMatcher }} = await import('/search/sound_matcher.js');
  const matcher = new SoundMatcher();
  const told = [];
  try {{
    const all = {{ starts: presets(starts), ...options }};
    const found = await matcher.match(targetOf(target), all, (message) => {{
      told.push({{ ...message, values: message.values && [...message.values] }});
      if (told.length === stopAfter) matcher.stop();
    }});
    return {{ ...found, told, answers: found.answers.map((one) => ({{ ...one, values: [...one.values] }})) }};
  }} finally {{
    matcher.close();
  }}
}}"""
MODEL = """
export class WebModel {
  static async load(url, onProgress) {
    onProgress({ loaded: 5, total: 5 });
    return Object.assign(new WebModel(), { url });
  }
  spectrogram(samples, { unknownLevel }) { return { length: samples.length, unknownLevel }; }
  async encode(spectrogram) { return spectrogram; }
  async draw(maps, count, { temperature }) {
    if (!maps.unknownLevel || temperature !== 0.7) throw new Error('wrong arguments');
    return Array.from({ length: count }, (_, i) => Uint8Array.from(PRESET, (v, k) => k === 137 ? i : v));
  }
  async redraw(maps, presets, block) {
    return presets.map((values) => values.map((v, k) => k === 138 ? block : k === 144 ? 0 : v));
  }
}
"""


def starter() -> PresetBank:
    return PresetBank.read(Path(__file__).parents[2] / "data/starter")


def encode(array: npt.NDArray[Any]) -> str:
    return b64encode(np.ascontiguousarray(array).tobytes()).decode()


def target_of(preset: Preset, note: int = 60, hold: float = 0.8, length: int = 30_000) -> Target:
    sound = Engine().render(preset, note, hold=hold, n_samples=length)
    return Target(sound, note, 85, (), (), hold=hold)


def sent(target: Target) -> dict[str, Any]:
    return {
        "sound": encode(target.sound),
        "note": target.note,
        "velocity": target.velocity,
        "hold": target.hold,
    }


def comparison(target: Target) -> Comparison:
    return Comparison([target], Engine(), 1)


@pytest.mark.parametrize("cut", [0, 300])
def test_a_known_preset_is_recognized_as_in_the_library(page: Page, cut: int) -> None:
    """Also where the intake has cut 14 ms of its attack."""
    values = starter().values[:60]
    target = target_of(Preset(values[17]), 55)
    sound = np.pad(target.sound[cut:], (0, cut)) * np.float32(0.3)
    target = Target(sound, 55, 85, (), (), hold=target.hold - cut / 22_050)
    found = page.evaluate(KNOWN, [sent(target), encode(values), 400])
    expected = compare_known(comparison(target), values, 400, 16, Locks.of())
    assert expected.recognized is not None and found["recognized"] == expected.recognized.tolist()
    assert found["recognized"] == values[17].tolist()
    assert found["starts"] == expected.values.tolist()
    assert found["spent"] == expected.spent
    assert found["hold"] == pytest.approx(expected.comparison.reference.hold)


def test_an_unknown_preset_is_not_recognized(page: Page) -> None:
    values = starter().values
    found = page.evaluate(KNOWN, [sent(target_of(Preset(values[200]))), encode(values[:40]), 400])
    expected = compare_known(comparison(target_of(Preset(values[200]))), values[:40], 400, 16, Locks.of())
    assert found["recognized"] is None and expected.recognized is None
    assert found["starts"] == expected.values.tolist()


def test_answers_are_chosen_as_in_the_library(page: Page) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        values = starter().values[rng.choice(384, 60)]
        twins = values[rng.integers(60, size=60)].copy()
        twins[:, :20] = 50
        values = np.concatenate([values, twins])
        distances = np.sort(rng.uniform(0.2, 1.0, len(values)))
        found = page.evaluate(CHOOSE, [encode(values), distances.tolist(), 8])
        assert found == chosen_presets(values, distances, 8)


@pytest.mark.parametrize("number", [12, 70])
def test_presets_are_mended_and_leveled_as_in_the_library(page: Page, number: int) -> None:
    bank = starter()
    target = target_of(bank[number], hold=1.0)
    values = bank.values[[number, number, 40, 95, number, number]]
    values[0, 21 * np.arange(6) + 7] = 60  # rings for ever
    values[1, 21 * np.arange(6) + 6] = 0  # falls silent while it is held
    for place, k in ((4, 1), (5, 2)):  # does not follow the key
        fixed = [column(f"OP{k} {name}") for name in ("MODE", "F COARSE", "F FINE")]
        values[place, fixed] = (1, 2, 42)
    found = page.evaluate(KEYS, [sent(target), encode(values), -4.6])
    compared = comparison(target)
    rate = plausible_release(values)
    assert found["rate"] == rate
    assert found["rings"] == may_ring(target) and found["sustained"] == is_sustained(target)
    for i, preset in enumerate(map(Preset, values)):
        behavior = measured(compared.play, preset, target)
        assert found["behaviors"][i] == pytest.approx(list(behavior), abs=0.01)
        expected = mended(preset, target, compared.play, compared.distances, rate)
        assert found["mended"][i] == expected.values.tolist()
        assert found["leveled"][i] == with_gain(preset, -4.6, compared.objective).values.tolist()
    assert found["mended"][0] != values[0].tolist()
    mode = column("OP1 MODE")
    assert found["mended"][4][mode] == 0
    assert found["refined"][mode] == 1


def test_presets_are_tuned_as_in_the_library(page: Page) -> None:
    """The target is 30 cents sharp of what its preset plays."""
    bank = starter()
    values = bank.values[[12, 70]].copy()
    sharp = values[0].copy()
    sharp[[column(f"OP{k} F FINE") for k in range(1, 7)]] += 2
    target = target_of(Preset(sharp))
    cents = [34.0, -512.3]
    found = page.evaluate(TUNE, [sent(target), encode(values), cents, 60])
    compared = comparison(target)
    for i, preset in enumerate(map(Preset, values)):
        expected = [move.preset.values.tolist() for move in moves(preset, cents[i])]
        assert found["moves"][i] == expected and expected
        tuning, _ = compared.tuned(preset, np.inf)
        assert found["tuned"][i] == tuning.preset.values.tolist()
    assert found["tuned"][0] != values[0].tolist()


def test_presets_answer_to_velocity_as_in_the_library(page: Page) -> None:
    bank = starter()
    drawn, target = (
        bank.values[100:111],
        target_of(bank[12].with_values(FEEDBACK=(bank[12]["FEEDBACK"] + 4) % 8)),
    )
    given = bank.values[[12, 13, 70]].copy()
    given[:, [column(f"OP{k} KEY VELOCITY") for k in range(1, 7)]] = np.arange(6) + 1
    found = page.evaluate(TOUCH, [sent(target), encode(given), encode(drawn)])
    wanted = plausible_sensitivities(drawn)
    assert found["wanted"] == pytest.approx(wanted)
    rank = comparison(target).objective
    for i, preset in enumerate(map(Preset, given)):
        expected = with_sensitivities(preset, wanted, target.velocity, rank)
        assert found["changed"][i] == expected.values.tolist()
    assert found["changed"][0] != given[0].tolist()


def test_words_are_the_librarys(page: Page) -> None:
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 1, (200, 3)) * [1.0, 1.0, 4.0] * rng.uniform(0, 1, (200, 1)) ** 2
    names = ("log_stft", "convergence", "mfcc13")
    words = [closeness(dict(zip(names, row, strict=True)), 2000).word for row in rows.tolist()]
    found = page.evaluate(CLOSENESS, rows.tolist())
    assert found["words"] == words
    table = json.loads(data_path("results", FILE).read_text("utf8"))["words"]
    assert found["bounds"] == [[word, table[word]["most"]] for word in WORDS[:-1]]
    assert set(words) == set(WORDS)


def test_the_preset_that_made_a_sound_is_the_first_of_eight_answers(page: Page) -> None:
    bank = starter()
    values = bank.values[:48]
    found = page.evaluate(
        MATCH, [sent(target_of(bank[17], 64)), encode(values), {"budget": 80, "name": "Flöte 2"}, 0]
    )
    answers = found["answers"]
    assert answers[0]["values"] == values[17].tolist()
    assert (answers[0]["word"], answers[0]["source"], answers[0]["name"]) == (
        "almost the same",
        "known",
        "Flote 2 1",
    )
    assert len(answers) == 8 and found["renders"] == 80 and not found["stopped"]
    arrays = np.array([one["values"] for one in answers])
    shares = (arrays[:, None] == arrays).mean(-1)[np.triu_indices(8, 1)]
    assert shares.max() < 0.9  # different when chosen; mending and leveling bring them a little closer
    for one in answers:
        assert one["family"] == list(family(one["values"][134] + 1))
    rest = [(one["rings"], one["distance"]) for one in answers[1:]]
    assert rest == sorted(rest)


def test_progress_falls_and_names_each_better_preset(page: Page) -> None:
    bank = starter()
    target = target_of(bank[200])
    found = page.evaluate(MATCH, [sent(target), encode(bank.values[:40]), {"budget": 120}, 0])
    better = [one for one in found["told"] if one["values"]]
    distances = [one["distance"] for one in better]
    assert distances == sorted(distances, reverse=True) and len(distances) > 2
    assert {one["stage"] for one in found["told"]} == {"known", "search", "answers"}
    exact = comparison(target).objective(np.array([one["values"] for one in better], np.uint8))
    np.testing.assert_allclose(distances, exact, rtol=1e-4)
    renders = [one["renders"] for one in found["told"]]
    assert renders == sorted(renders) and renders[-1] == 120


def test_a_match_that_is_stopped_answers_with_its_best(page: Page) -> None:
    bank = starter()
    found = page.evaluate(
        MATCH, [sent(target_of(bank[200])), encode(bank.values[:40]), {"budget": 100_000, "keep": 3}, 5]
    )
    assert found["stopped"] and found["renders"] < 2000
    assert 1 <= len(found["answers"]) <= 3
    assert found["answers"][0]["distance"] < 1.5 * min(one["distance"] for one in found["told"]) + 0.1


def test_answers_obey_locks(page: Page) -> None:
    bank = starter()
    locked = {"OP1 F COARSE": 3, "FEEDBACK": 0}
    options = {"budget": 60, "locked": locked, "algorithms": [5, 32]}
    found = page.evaluate(MATCH, [sent(target_of(bank[200])), encode(bank.values[:40]), options, 0])
    answers = np.array([one["values"] for one in found["answers"]], np.uint8)
    assert np.array_equal(Locks.of(locked, (5, 32)).apply(answers), answers)


def test_a_model_draws_and_redraws(page: Page) -> None:
    """The model is a module of the page's, here one that draws a preset with other LFO speeds."""
    bank = starter()
    preset = bank.values[200]
    source = MODEL.replace("PRESET", str(preset.tolist()))
    module = f"data:text/javascript;base64,{b64encode(source.encode()).decode()}"
    options = {"budget": 200, "model": {"module": module, "weights": "none"}}
    found = page.evaluate(MATCH, [sent(target_of(Preset(preset))), encode(bank.values[:20]), options, 0])
    assert found["told"][0] == {"type": "loading", "share": 1, "values": None}
    assert "model" in {one.get("stage") for one in found["told"]}
    assert found["answers"][0]["distance"] < 0.05
    near = (np.array(found["answers"][0]["values"]) == preset).mean()
    assert near > 0.9


def test_a_model_that_cannot_be_loaded_is_done_without(page: Page) -> None:
    bank = starter()
    options = {"budget": 40, "model": {"module": "/search/nothing.js", "weights": "none"}}
    found = page.evaluate(MATCH, [sent(target_of(bank[200])), encode(bank.values[:20]), options, 0])
    assert found["told"][0]["type"] == "loading" and found["told"][0]["message"]
    assert found["renders"] == 40 and len(found["answers"]) > 3


def test_errors_of_a_match_reach_the_page(page: Page) -> None:
    with pytest.raises(Error, match="ALGORITHM = 40 is outside"):
        page.evaluate(
            MATCH,
            [sent(target_of(starter()[0])), encode(starter().values[:4]), {"locked": {"ALGORITHM": 40}}, 0],
        )


def test_values_travel(page: Page) -> None:
    """The helper of these tests keeps presets as they are."""
    values: Values = starter().values[:3]
    script = f"async ([text]) => {{ {SETUP} return presets(text).map((values) => [...values]); }}"
    assert page.evaluate(script, [encode(values)]) == values.tolist()
    assert np.array_equal(np.frombuffer(b64decode(encode(values)), np.uint8).reshape(3, 145), values)
