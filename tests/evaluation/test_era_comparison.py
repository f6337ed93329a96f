"""What the eras change, preset by preset and in sum."""

from dataclasses import replace

import numpy as np
import pytest

from latentdx import PresetBank
from latentdx.audio.engine.eras import DIFFERENCES
from latentdx.evaluation.era_comparison import FEATURES, EraChange, by_feature, change, summarize

INIT = PresetBank.init()[0]


def test_an_equal_sound_has_no_distance_and_a_detuned_one_has() -> None:
    same = change(INIT)
    assert same == EraChange(("base",), False, False, float("-inf"), 0, 0)
    moved = change(INIT.with_values(**{"OP1 OSC DETUNE": 14}))
    assert moved.differs and moved.concerns == ("base", "detune")
    assert moved.difference_db > -20 and moved.objective > moved.mfcc13_mae * 0.03 > 0
    assert change(INIT.with_values(**{"OP1 OUTPUT LEVEL": 0})).silent


def test_the_sum_counts_each_voice_once() -> None:
    moved = EraChange(("base", "detune"), False, True, -20.0, 1.25, 0.12)
    changes = [
        moved,
        replace(moved, concerns=("detune",), difference_db=-200.0, mfcc13_mae=3.0),  # below all edges
        replace(moved, concerns=("base", "detune", "speed"), difference_db=25.0, mfcc13_mae=99.0),
        EraChange(("base",), False, False, float("-inf"), 0, 0),
        EraChange((), False, False, float("-inf"), 0, 0),
        EraChange(("tremolo", "speed"), False, True, -40.0, 0.25, 0.01),
        EraChange(("base",), True, True, -30.0, 0.5, 0.1),  # silent
    ]
    found = summarize(changes)
    assert {k: found[k] for k in ("voices", "audible", "different", "silent_and_different")} == {
        "voices": 7,
        "audible": 6,
        "different": 4,
        "silent_and_different": 1,
    }
    assert all(sum(h["voices"]) == 4 for h in found["histograms"].values())
    assert all(len(h["voices"]) == len(h["edges"]) for h in found["histograms"].values())
    decibels = found["histograms"]["difference_db"]
    assert decibels["voices"][0] == 1 and decibels["voices"][-1] == 1
    assert decibels["voices"][decibels["edges"].index(-20)] == 1
    assert found["percentiles"]["mfcc13_mae"]["50"] == 0.25
    assert found["percentiles"]["difference_db"]["5"] is None  # equal sounds
    assert list(found["concerned"]) == list(DIFFERENCES)
    assert found["unconcerned"] == {"voices": 1, "differ": 0, "median_mfcc13_mae": 0}
    detune = found["concerned"]["detune"]
    assert (detune["voices"], detune["differ"], detune["median_mfcc13_mae"]) == (3, 3, 3)
    assert detune["alone"] == {"voices": 2, "differ": 2, "median_mfcc13_mae": pytest.approx(2.125)}
    assert found["concerned"]["base"]["alone"]["voices"] == 1
    assert found["concerned"]["organ"]["median_mfcc13_mae"] is None
    assert np.isfinite(summarize([])["voices"])
    alone = {name: found["concerned"][name]["alone"]["voices"] for name in ("tremolo", "speed")}
    assert alone == {"tremolo": 1, "speed": 0}  # the LFO's speed always comes with a tremolo


def test_presets_are_told_apart_by_feature() -> None:
    waving = {"LFO PM DEPTH": 9, "P MODE SENS.": 0}  # not heard: the sensitivity is 0
    presets = [
        INIT.with_values(FEEDBACK=1, **waving),
        INIT.with_values(FEEDBACK=7, **{**waving, "P MODE SENS.": 2, "OP4 MODE": 1}),
        INIT.with_values(FEEDBACK=0),
        INIT.with_values(FEEDBACK=5),  # silent
    ]
    changes = [
        EraChange(("base", "speed"), silent, differs, -9.0, distance, 0.1)
        for silent, differs, distance in (
            (False, True, 2.0),
            (False, True, 4.0),
            (False, False, 0),
            (True, True, 9),
        )
    ]
    found = by_feature(PresetBank.concatenate(p.bank for p in presets), changes)
    assert list(found) == list(FEATURES)
    assert found["feedback"]["with"] == {"voices": 2, "differ": 2, "median_mfcc13_mae": 3}
    assert found["feedback"]["without"] == {"voices": 1, "differ": 0, "median_mfcc13_mae": 0}
    assert found["LFO on the pitch"]["with"]["voices"] == found["a fixed operator"]["with"]["voices"] == 1
    assert found["pitch envelope"]["with"]["median_mfcc13_mae"] is None
