"""Test matching with a model trained for a second: the mechanics, not the quality of the presets."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from latentdx import Dexed, PresetBank
from latentdx.applications import known_stage
from latentdx.applications import match as matching
from latentdx.applications.candidate_choice import chosen_presets
from latentdx.applications.match import match_targets
from latentdx.applications.preset_names import numbered
from latentdx.applications.target import prepare_target
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.audio.spectrogram import to_codes
from latentdx.errors import ParameterError
from latentdx.metrics.objective import score
from latentdx.presets import corpora
from latentdx.presets.algorithms import algorithm
from latentdx.presets.parameters import column
from latentdx.retrieval.known_presets import known_presets, nearest_presets


@pytest.fixture(scope="module")
def model(smoke_model):
    return smoke_model


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return corpora.read("starter").neutral()


def prepared(preset, note: int = 60, velocity: int = 85):
    return prepare_target(Dexed().render(preset, note, velocity), SAMPLE_RATE, note=note, velocity=velocity)


@pytest.fixture(scope="module")
def sound(bank):
    return prepared(bank[40])


@pytest.fixture(scope="module")
def found(model, sound, bank):
    return match_targets([sound], model, nearest=bank.values[100:130], budget=200, name="A sound", threads=1)


def test_candidates_are_ranked_and_different_and_have_their_reported_distances(found, sound) -> None:
    values = np.stack([c.preset.values for c in found.candidates])
    assert 1 < len(values) <= matching.KEPT
    shared = (values[:, None] == values[None]).mean(2)[~np.eye(len(values), dtype=bool)]
    assert shared.max() < matching.TWINS + 0.1  # tuning moves a few values
    reported = [c.distance for c in found.candidates]
    assert reported == sorted(reported)
    expected = score(values, [sound.sound], [(60, 85)], holds=[sound.hold])
    np.testing.assert_allclose(reported, expected, rtol=1e-6)
    assert [c.preset.name for c in found.candidates] == [f"A sound {n + 1}" for n in range(len(values))]
    assert all(c.measures.keys() == matching.MEASURES.keys() for c in found.candidates)
    assert found.best.source in ("forward pass", "model", "nearest", "search")


def test_stages_spend_the_budget_and_the_search_loses_nothing(found) -> None:
    assert [s.name for s in found.stages] == ["forward pass", "model", "nearest", "search", "tuning"]
    renders = [s.renders for s in found.stages]
    assert renders[0] == 1 and renders[2] - renders[1] <= matching.N_NEAREST
    assert renders == sorted(renders) and renders[-1] == found.renders == 200
    # the best preset of a stage is chosen by the search's measure, which uses half the frames
    distances = [s.distance for s in found.stages]
    assert all(b < a + 0.01 for a, b in pairwise(distances[:-1]))
    # of answers within 3%, the most plausible one is taken; how it answers to velocity may cost 3%, too
    assert distances[-1] < 1.03**2 * distances[-2] + 0.01
    assert found.stages[-1].distance == found.best.distance < 0.9 * distances[0]
    counts, least, presets = zip(*found.curve, strict=True)
    np.testing.assert_array_equal(presets[-1].values, found.stages[-2].preset.values)
    assert counts[0] == 1 and list(counts) == sorted(counts)
    assert list(least) == sorted(least, reverse=True)


def test_equal_seeds_give_equal_matches_on_any_number_of_cores(model, sound, bank, found) -> None:
    again = match_targets([sound], model, nearest=bank.values[100:130], budget=200, name="A sound", threads=2)
    assert again.candidates == found.candidates and again.stages == found.stages
    other = match_targets([sound], model, nearest=bank.values[100:130], budget=200, name="A sound", seed=1)
    assert other.candidates != found.candidates


def test_an_answer_has_the_level_of_the_sound_and_measures_are_at_equal_loudness(model, bank) -> None:
    """The known preset is the same as that of the sound, but for the level of its carriers."""
    names = [f"OP{k} OUTPUT LEVEL" for k in algorithm(bank[40]["ALGORITHM"] + 1).carriers]
    soft = bank[40].with_values(**{name: bank[40][name] - 12 for name in names if bank[40][name]})
    render = Dexed().render(soft)
    target = replace(prepared(soft), sound=render)
    found = match_targets([target], model, nearest=bank.values[[40]], budget=16, keep=1).best
    assert found.source == "nearest"
    np.testing.assert_array_equal(Dexed().render(found.preset), render)
    louder = replace(target, sound=render * np.float32(2))
    assert match_targets([louder], model, nearest=soft.values[None], budget=16, keep=1).best.measures == {
        name: pytest.approx(0, abs=0.3) for name in matching.MEASURES
    }


def test_the_known_preset_of_a_sound_is_found(model, bank, sound) -> None:
    found = match_targets([sound], model, nearest=bank.values[[3, 40, 80]], budget=60)
    # the sound was leveled, so it differs a little from the preset's own
    assert (found.best.preset.values == bank.values[40]).mean() > 0.9
    assert found.best.distance < found.stages[1].distance


def test_the_nearest_presets_of_large_corpora_are_looked_up(model, bank, sound, monkeypatch) -> None:
    known, _ = known_presets(["starter"])
    monkeypatch.setattr(known_stage, "MOST_RENDERED", 100)
    found = match_targets([sound], model, known, budget=60, keep=1)
    codes = to_codes(model.spectrograms(sound.sound)[0, 0].numpy())
    nearest = nearest_presets(codes, known, matching.N_NEAREST)
    assert any((near == bank.values[40]).mean() > 0.9 for near in nearest)
    given = match_targets([sound], model, nearest=nearest, budget=60, keep=1)
    assert found.stages == given.stages and found.candidates == given.candidates


@pytest.mark.parametrize(("row", "note", "velocity", "level"), [(40, 60, 85, 1), (207, 43, 110, 0.03)])
def test_the_very_preset_of_a_small_corpus_is_found(model, bank, row, note, velocity, level) -> None:
    """Preset 207 starts so softly that the intake removes its first 0.1 s, and has an offset."""
    known, _ = known_presets(["starter"])
    made = level * Dexed().render(bank[row], note, velocity)
    target = prepare_target(made, SAMPLE_RATE, note=note, velocity=velocity)
    found = match_targets([target], model, known, budget=100, keep=2, threads=1)
    np.testing.assert_array_equal(found.best.preset.values, bank.values[row])
    assert found.best.source == "known"
    assert row != 40 or found.best.distance < 0.02
    first, *_ = found.stages
    assert first.name == "known" and first.renders <= 25


def test_presets_of_banks_of_ones_own_are_found_as_they_are(model, bank) -> None:
    own = PresetBank([bank[7].with_values(TRANSPOSE=30), bank[90]])
    target = prepared(own[0], 50)
    found = match_targets([target], model, banks=[own], budget=60, keep=1)
    np.testing.assert_array_equal(found.best.preset.values, own.values[0])


def test_a_preset_of_ones_own_is_refined(model, bank, sound) -> None:
    start = bank[40].with_values(**{"OP1 EG RATE 4": 10, "OP2 F COARSE": 9})
    found = match_targets([sound], model, start=start, budget=100)
    assert [s.name for s in found.stages] == ["start", "model", "search", "tuning"]
    np.testing.assert_array_equal(found.stages[0].preset.values, start.values)
    assert found.best.distance < found.stages[0].distance
    for candidate in found.candidates:
        assert candidate.changed == (candidate.preset.values != start.values).sum()
    assert found.best.changed < 50


def test_a_match_goes_on_from_an_earlier_one(model, sound, found) -> None:
    more = match_targets([sound], model, more=[c.preset for c in found.candidates], budget=60)
    assert more.stages[0].name == "earlier" and more.stages[0].renders == len(found.candidates)
    assert more.best.distance <= found.best.distance + 0.01


def test_two_of_eight_answers_are_of_one_family_unless_others_are_far() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 8, (8, 145)).astype(np.uint8)
    values[:, column("ALGORITHM")] = [0, 1, 0, 1, 4, 4, 31, 7]
    distances = np.array([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.9, 2.1])
    assert chosen_presets(values, distances, 8) == [0, 1, 4, 5, 6, 2, 3, 7]
    assert chosen_presets(values, distances, 4) == [0, 1, 4, 5]
    distances[4:] = 3  # nothing else is within twice the least
    assert chosen_presets(values, distances, 4) == [0, 1, 2, 3]


def test_a_sound_at_another_note_is_answered_at_that_note(model, bank) -> None:
    low = prepared(bank[40], 43, 100)
    found = match_targets([low], model, nearest=bank.values[[40]], budget=48, keep=1)
    start = found.stages[2].preset
    # the nearest C is 48, and the model's preset sounds like that at 60
    assert start["TRANSPOSE"] == 24 + 60 - 48
    as_played = Dexed().render(start, 43, 100)
    np.testing.assert_array_equal(as_played, Dexed().render(start.with_values(TRANSPOSE=24), 55, 100))


def test_several_notes_are_matched_together(model, bank) -> None:
    sounds = [prepared(bank[40], note) for note in (48, 60, 72)]
    found = match_targets(sounds, model, budget=150, keep=3)
    assert found.renders <= 150 and found.renders % 3 == 0
    values = np.stack([c.preset.values for c in found.candidates])
    notes, holds = [(s.note, s.velocity) for s in sounds], [s.hold for s in sounds]
    expected = score(values, [s.sound for s in sounds], notes, holds=holds)
    np.testing.assert_allclose([c.distance for c in found.candidates], expected, rtol=1e-6)
    assert all(c.preset["TRANSPOSE"] in range(12, 37) for c in found.candidates)


def test_a_budget_of_one_render_is_a_forward_pass(model, sound) -> None:
    found = match_targets([sound], model, budget=1)
    assert [c.source for c in found.candidates] == ["forward pass"]
    assert found.renders == 1 and [s.name for s in found.stages] == [
        "forward pass",
        "model",
        "search",
        "tuning",
    ]


def test_the_search_ends_after_the_given_seconds(model, sound, monkeypatch) -> None:
    found = match_targets([sound], model, budget=100_000, seconds=1e-6, keep=1)
    assert found.renders == matching._MOST_OF_MODEL
    assert not found.interrupted


def test_ctrl_c_keeps_and_tunes_the_best_presets(model, sound) -> None:
    def progress(renders, distance):
        if renders > 100:
            raise KeyboardInterrupt

    found = match_targets([sound], model, budget=5_000, keep=2, progress=progress)
    assert found.interrupted and 100 < found.renders < 150
    assert found.candidates and found.best.distance == min(c.distance for c in found.candidates)


def test_the_search_ends_on_request_and_tunes_the_best_presets(model, sound) -> None:
    reported = []
    found = match_targets(
        [sound],
        model,
        budget=5_000,
        keep=2,
        enough=lambda: bool(reported) and reported[-1] > 100,
        progress=lambda renders, distance: reported.append(renders),
    )
    assert found.interrupted and 100 < found.renders == reported[-1] < 150
    assert found.candidates and found.best.distance == min(c.distance for c in found.candidates)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": 0}, "budget of 0 renders"),
        ({"keep": 0}, "0 presets are outside 1 … 32"),
        ({"keep": 33}, "33 presets"),
        ({"seconds": 0.0}, "seconds must be positive and finite, not 0.0"),
        ({"seconds": float("inf")}, "seconds must be positive and finite, not inf"),
        ({"seconds": float("nan")}, "seconds must be positive and finite, not nan"),
    ],
)
def test_arguments_out_of_bounds_are_refused(model, sound, arguments, message) -> None:
    with pytest.raises(ParameterError, match=message):
        match_targets([sound], model, **arguments)


def test_sounds_that_cannot_be_matched_are_refused(model, sound) -> None:
    with pytest.raises(ParameterError, match="at least one"):
        match_targets([], model)
    with pytest.raises(ParameterError, match="one note and velocity"):
        match_targets([sound, sound], model)
    with pytest.raises(ParameterError, match="too small for 2 notes"):
        match_targets([sound, replace(sound, note=61)], model, budget=1)


def test_near_duplicates_are_left_out() -> None:
    values = np.zeros((4, 145), np.uint8)
    values[1, :28] = 1  # shares 80.7% with the first
    values[2, :30] = 1  # 79.3%
    values[3] = 2
    distances = np.array([1.0, 1.01, 1.02, 1.03])
    assert chosen_presets(values, distances, 9) == [0, 2, 3]
    assert chosen_presets(values, distances, 2) == [0, 2]


def test_names_fit_the_display() -> None:
    assert numbered("A very long name", 1) == "A very l 1"
    assert numbered("A very long name", 12) == "A very 12"
    assert numbered("", 3) == "3"
    assert numbered("Flöte/2\n", 1) == "Flote/2 1"


def test_stages_and_renders_are_told_as_they_happen(model, sound) -> None:
    told, renders = [], []
    found = match_targets(
        [sound],
        model,
        budget=60,
        progress=lambda n, distance: renders.append((n, distance)),
        stage_done=lambda *stage: told.append((*stage, len(renders))),
    )
    assert [stage[:2] for stage in told] == [(s.name, s.renders) for s in found.stages[:-1]]
    assert "forward pass" in [stage[0] for stage in told] and told[-1][0] == "search"
    assert all(a[2] >= b[2] for a, b in pairwise(told))
    assert told[0][3] > 0 and told[0][3] < told[-1][3]  # the bar moves before the search, too
    assert renders[-1][0] == found.renders and min(n for n, _ in renders) < 15
