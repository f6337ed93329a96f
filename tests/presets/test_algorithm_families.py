"""Test families of algorithms, and changes of algorithm, against the graphs and by rendering."""

import numpy as np
import pytest

from latentdx import Dexed, Preset
from latentdx.presets import corpora
from latentdx.presets.algorithm_families import conversion, family, with_algorithm
from latentdx.presets.algorithms import algorithm
from latentdx.presets.parameters import column


def test_families_partition_the_algorithms_by_their_structure() -> None:
    families = {family(n) for n in range(1, 33)}
    assert sorted(n for members in families for n in members) == list(range(1, 33))
    for members in families:
        carriers = {len(algorithm(n).carriers) for n in members}
        edges = {len(algorithm(n).edges) for n in members}
        assert len(carriers) == len(edges) == 1
    assert family(1) == (1, 2) and family(26) == (26, 27)


@pytest.mark.parametrize("number", range(1, 33))
def test_a_conversion_costs_nothing_only_for_the_same_algorithm(number) -> None:
    costs = [conversion(number, n).cost for n in range(1, 33)]
    assert [n for n, cost in enumerate(costs, 1) if cost == 0] == [number]
    assert costs == [conversion(n, number).cost for n in range(1, 33)]


def test_algorithms_of_one_family_sound_the_same_without_feedback() -> None:
    for preset in corpora.read("starter").neutral()[::40]:
        dry = preset.with_values(FEEDBACK=0)
        for number in family(preset["ALGORITHM"] + 1):
            other = Preset(with_algorithm(dry.values, number))
            assert other["ALGORITHM"] == number - 1
            a, b = (Dexed().render(p, n_samples=4096) for p in (dry, other))
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_change_keeps_all_operators() -> None:
    preset = corpora.read("starter").neutral()[7]
    changed = with_algorithm(preset.values, 32)
    levels = [column(f"OP{k} OUTPUT LEVEL") for k in range(1, 7)]
    assert sorted(changed[levels]) == sorted(preset.values[levels])
