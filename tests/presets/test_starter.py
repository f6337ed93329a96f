"""The data of the starter bank: identical bytes, completeness, names and variety."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentdx.errors import ParameterError
from latentdx.presets import Flag, PresetBank, corpora, learnable_parameters, starter
from latentdx.presets.parameters import LFO_WAVES, NEUTRAL_TRANSPOSE, column
from latentdx.presets.starter.voice import Op, Variation, Voice, fixed_frequency, ratio_frequency

SHIPPED = Path(__file__).parents[2] / "data/starter"


@pytest.fixture(scope="module")
def bank() -> PresetBank:
    return starter.bank()


def test_the_command_writes_the_shipped_bytes_again(tmp_path) -> None:
    command = [sys.executable, "-m", "latentdx.presets.starter", str(tmp_path / "new")]
    subprocess.run(command, check=True, capture_output=True)
    made = {p.name: p.read_bytes() for p in (tmp_path / "new").iterdir()}
    assert made == {p.name: p.read_bytes() for p in SHIPPED.iterdir()}


def test_checksums_are_right_and_match_the_published_corpus() -> None:
    lines = [line.split("  ") for line in (SHIPPED / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} == {p.name for p in SHIPPED.glob("*.syx")}
    for sha, name in lines:
        assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == sha, name
    sums = (SHIPPED / "SHA256SUMS").read_bytes()
    assert hashlib.sha256(sums).hexdigest() == corpora.STARTER_SUMS_SHA256


def test_reading_the_files_gives_the_bank(bank) -> None:
    read = PresetBank.read(SHIPPED)
    assert read == bank == corpora.read("starter")
    assert (read.flags == Flag.NONE).all() and not read.notes
    assert len(bank) >= 320
    assert [len(b) for b in starter.cartridges().values()] == [32] * len(starter.CARTRIDGES)


def test_names_are_unique_and_fit(bank) -> None:
    assert len({n.casefold() for n in bank.names}) == len(bank)
    assert max(len(n) for n in bank.names) <= 10
    assert tuple(starter.families()) == bank.names
    named = {a.label for archetypes in starter.CARTRIDGES.values() for a in archetypes}
    assert {n.rpartition(" ")[0] for n in bank.names} == named


def test_no_two_presets_are_alike_even_without_transposition(bank) -> None:
    values = bank.neutral().values[:, [p.vced for p in learnable_parameters()]]
    different = np.array([(values != row).sum(1) for row in values])
    np.fill_diagonal(different, values.shape[1])
    pair = np.unravel_index(different.argmin(), different.shape)
    assert different.min() >= 6, [bank.names[i] for i in pair]  # near duplicates differ in at most 2


def test_transposes_are_octaves_and_few(bank) -> None:
    octaves, remainder = np.divmod(bank.transposes.astype(int) - NEUTRAL_TRANSPOSE, 12)
    assert not remainder.any()
    assert 0 < (octaves != 0).sum() < 0.05 * len(bank)


def test_the_bank_covers_all_algorithms_waves_and_parameters(bank) -> None:
    algorithms, counts = np.unique(bank.values[:, column("ALGORITHM")], return_counts=True)
    assert len(algorithms) == 32 and counts.max() < len(bank) / 3
    assert set(bank.values[:, column("LFO WAVE")]) == set(range(len(LFO_WAVES)))
    constant = [p.name for p in learnable_parameters() if len(set(bank.values[:, p.vced])) < 2]
    assert constant == []
    moving = (bank.values[:, [column(f"PITCH EG LEVEL {n}") for n in range(1, 5)]] != 50).any(1)
    assert moving.sum() > 40


def test_readme_names_every_archetype() -> None:
    text = (SHIPPED / "README.md").read_text()
    for name, archetypes in starter.CARTRIDGES.items():
        assert f"## {name}.syx" in text
        assert all(f"| {a.label} 1 … {a.count} | {a.family} |" in text for a in archetypes)


# -- the building blocks ---------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(-20, 20), st.integers(0, 30))
def test_variants_cover_a_range_evenly(count, low, width) -> None:
    chosen = [Variation("SOUND", i, count).between(low, low + width) for i in range(count)]
    assert min(chosen) >= low and max(chosen) <= low + width
    counts = np.bincount(np.array(chosen) - low, minlength=width + 1)
    # in a Latin hypercube each value gets its share of the strata, except for one at each of its two ends
    assert np.abs(counts - count / (width + 1)).max() < 2


def test_the_choices_of_a_variant_are_independent() -> None:
    pairs = []
    for i in range(32):
        v = Variation("SOUND", i, 32)
        pairs.append((v.between(0, 1000), v.between(0, 1000)))
    assert abs(np.corrcoef(np.array(pairs).T)[0, 1]) < 0.4


@given(st.integers(0, 31), st.integers(0, 99))
def test_exact_ratios_are_found(coarse, fine) -> None:
    ratio = (coarse or 0.5) * (1 + fine / 100)
    found_coarse, found_fine = ratio_frequency(ratio)
    assert (found_coarse or 0.5) * (1 + found_fine / 100) == pytest.approx(ratio, rel=1e-9)


@pytest.mark.parametrize(("ratio", "expected"), [(1, (1, 0)), (0.5, (0, 0)), (14, (14, 0)), (3.5, (2, 75))])
def test_simple_ratios_have_the_expected_values(ratio, expected) -> None:
    assert ratio_frequency(ratio) == expected


@given(st.floats(1, 9700))
def test_fixed_frequencies_are_within_a_fifth_of_a_semitone(hertz) -> None:
    coarse, fine = fixed_frequency(hertz)
    assert 0 <= coarse <= 3 and 0 <= fine <= 99
    assert abs(12 * np.log2(10 ** (coarse + fine / 100) / hertz)) <= 0.2


def test_unused_operators_are_silent_and_bad_values_are_refused() -> None:
    values = Voice(5, {3: Op(1, 99)}).values()
    levels = [int(values[column(f"OP{k} OUTPUT LEVEL")]) for k in range(1, 7)]
    assert levels == [0, 0, 99, 0, 0, 0]
    with pytest.raises(ParameterError, match=r"OP2 OUTPUT LEVEL = 100 is outside 0 … 99"):
        Voice(5, {2: Op(1, 100)}).values()
    with pytest.raises(ParameterError, match="ALGORITHM = 32"):
        Voice(33, {}).values()
