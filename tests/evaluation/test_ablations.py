"""Ablations: each line is computed from paired values, and lines are replaced rather than repeated."""

import numpy as np
import pytest
from scipy.stats import wilcoxon

from latentdx.errors import ParameterError
from latentdx.evaluation import ablations


def record(folder, lever, before, after, **changes):
    how = {"kept": True, "commit": "abc", "folder": folder} | changes
    return ablations.record(lever, "that instead of this", "MFCC13, median", before, after, **how)


def test_a_line_holds_medians_and_the_p_value(tmp_path) -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random(40), rng.random(40) * 0.8
    after[3] = np.nan
    line = record(tmp_path, "more", before, after)
    known = np.isfinite(after)
    assert (line.n, line.before, line.after) == (39, np.median(before[known]), np.median(after[known]))
    assert line.p == wilcoxon((before - after)[known]).pvalue
    (back,) = ablations.read(tmp_path)
    assert back.before == pytest.approx(line.before, rel=1e-5) and back.p == pytest.approx(line.p, rel=1e-5)
    assert (back.lever, back.kept, back.subset, back.commit) == ("more", True, "validation", "abc")


def test_lines_are_replaced_and_kept_in_order(tmp_path) -> None:
    for lever in ("a", "b", "a"):
        record(tmp_path, lever, 2.0, 1.0, kept=lever == "b")
    assert [(x.lever, x.kept) for x in ablations.read(tmp_path)] == [("b", True), ("a", False)]
    assert np.isnan(ablations.read(tmp_path)[0].p) and ablations.read(tmp_path)[0].n == 1
    assert ablations.read(tmp_path / "none") == []


def test_unpaired_or_undefined_values_are_refused(tmp_path) -> None:
    with pytest.raises(ParameterError, match="paired"):
        record(tmp_path, "a", [1.0, 2.0], [1.0])
    with pytest.raises(ParameterError, match="no pair"):
        record(tmp_path, "a", [np.nan], [1.0])
    assert not list(tmp_path.iterdir())
