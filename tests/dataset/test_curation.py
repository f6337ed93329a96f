"""Curation: the presets that it drops, its reproducibility, and the committed table."""

import json

import numpy as np
import pandas as pd
import pytest

from latentdx.audio.renderer import Dexed
from latentdx.dataset import audio_descriptors, curation, labels, near_duplicates, splits
from latentdx.dataset.paper_examples import EXAMPLES
from latentdx.errors import DataMissingError, ParameterError
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import PARAMETERS, column
from latentdx.registry import data_path
from latentdx.run_options import RunOptions

SUMMARY = json.loads((data_path("curation") / "learnfm.json").read_text())


@pytest.fixture(scope="module")
def learnfm() -> PresetBank:
    try:
        corpora.find("learnfm")
    except DataMissingError as error:
        pytest.skip(str(error))
    return corpora.read("learnfm")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return curation.read_curation("learnfm")


@pytest.fixture(scope="module")
def starter() -> PresetBank:
    """One preset in six of the starter corpus, with a duplicate, a transposed duplicate and a silent one."""
    bank = corpora.read("starter")[::6]
    loud = [f"OP{k} OUTPUT LEVEL" for k in range(1, 7)]
    moved = bank[2].with_values(TRANSPOSE=36)
    silent = bank[3].with_values(**dict.fromkeys(loud, 0))
    return bank + bank[1].bank + moved.bank + silent.bank


@pytest.fixture(scope="module")
def curated(starter, tmp_path_factory) -> pd.DataFrame:
    options = RunOptions(processes=2, cache=tmp_path_factory.mktemp("cache"))
    return curation.curate_bank(starter, options=options)


# -- any corpus ------------------------------------------------------------------------------------------


def test_duplicates_and_silent_presets_are_dropped(starter, curated) -> None:
    n = len(starter)
    assert curated["dropped"].tolist()[-3:] == ["duplicate", "duplicate", "silent"]
    assert curated["duplicate_of"].tolist()[-3:] == [1, 2, -1]
    assert curated["kept"].sum() == n - 3  # every starter preset is audible and unlike the others
    assert (curated.split_random == "").equals(~curated.kept)
    assert (curated.split_twin_disjoint == "").equals(~curated.kept)
    assert tuple(curated.columns) == curation.COLUMNS


def test_a_held_out_duplicate_is_the_one_kept(starter, tmp_path) -> None:
    held = np.zeros(4, bool)
    held[3] = True
    small = starter[[0, 1, 2, 1]]
    found = curation.curate_bank(small, held, options=RunOptions(processes=1, cache=tmp_path))
    assert found["kept"].tolist() == [True, False, True, True]
    assert found["duplicate_of"].tolist() == [-1, 3, -1, -1]
    assert found["held_out"].tolist() == [False, True, False, True]  # a duplicate is also a near duplicate
    assert found["split_random"].tolist()[3] == found["split_twin_disjoint"].tolist()[3] == "test"


def test_measures_describe_the_rendered_sound(starter, curated) -> None:
    i = 0
    preset = starter.neutral()[i]
    sound = Dexed().render(preset, 60, 85)
    assert curated["peak"][i] == pytest.approx(np.abs(sound).max(), abs=6e-4)
    padded = np.pad(sound.astype(np.float64), 1024)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2048)[::512]
    loudest = 10 * np.log10((frames**2).mean(1).max())
    assert curated["peak_rms_db_85"][i] == pytest.approx(loudest, abs=6e-3)
    assert curated["f0_hz"][i] == pytest.approx(261.63, rel=0.02)  # the first electric piano is in tune at C4
    assert curated["peak_rms_db"].iloc[-1] == audio_descriptors.FLOOR_DB
    assert np.isnan(curated["f0_hz"].iloc[-1])


def test_interrupted_measuring_resumes(starter, curated, tmp_path, monkeypatch) -> None:
    """Finished parts are read instead of measured again, and not mistaken for those of other presets."""
    monkeypatch.setattr(audio_descriptors, "_PART", 4)
    bank, options = starter.neutral()[:8], RunOptions(processes=1, cache=tmp_path)
    parts = tmp_path / "descriptors"
    first = audio_descriptors.measure_bank(bank[:4], options)
    assert len(list(parts.iterdir())) == 1
    kept = next(parts.iterdir())
    stamp = kept.stat().st_mtime_ns
    whole = audio_descriptors.measure_bank(bank, options)
    assert kept.stat().st_mtime_ns == stamp and len(list(parts.iterdir())) == 2
    np.testing.assert_array_equal(whole[:4], first)
    assert not np.array_equal(whole[4:], first)
    np.testing.assert_allclose(whole[:, 0], curated["peak_rms_db"][:8], atol=5.1e-3)


def test_two_runs_give_the_same_bytes(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "bank"
    folder.mkdir()
    corpora.read("starter")[:12].write(folder / "twelve.syx")
    outcomes = []
    for run in ("one", "two"):
        made = curation.curate(folder, options=RunOptions(processes=2)).write(tmp_path / run)
        outcomes.append([path.read_bytes() for path in made])
        assert [path.name for path in made] == ["bank.parquet", "bank.json"]
        curation.read_curation(made[0])
    assert outcomes[0] == outcomes[1]
    # twelve presets, and twenty INIT VOICEs that pad the cartridge, of which one stays
    counts = json.loads(outcomes[0][1])["counts"]
    assert (counts["read"], counts["duplicates"], counts["kept"]) == (32, 19, 13)


def test_a_curation_writes_both_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))
    file = PresetBank.init().write(tmp_path / "init.syx")
    table, counts = curation.curate(str(file), options=RunOptions(processes=1)).write(tmp_path / "out")
    assert json.loads(counts.read_text())["counts"]["kept"] == 1
    found = curation.read_curation(table)
    assert (len(found), found["kept"].sum(), found["label"][0]) == (32, 1, "harmonic")


def test_named_examples_are_found_by_their_number_in_the_papers_database() -> None:
    """Ids of the corpus "paper" are the paper's own numbers; in other corpora nothing is held out."""
    bank = PresetBank.from_values(np.repeat(PresetBank.init().values, 3, axis=0), ids=[7, 21_894, 393_878])
    assert curation._held_out("paper", bank).tolist() == [False, True, False]
    assert not curation._held_out("starter", bank).any()


def test_rows_and_their_errors() -> None:
    with pytest.raises(ParameterError, match="'by-name'"):
        curation.rows("learnfm", "by-name")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="'exam'"):
        curation.rows("learnfm", "random", "exam")  # type: ignore[arg-type]
    with pytest.raises(DataMissingError, match="--corpus nothing"):
        curation.rows("nothing")


# -- the committed table --------------------------------------------------------------------------------


def test_the_table_holds_no_parameter(table) -> None:
    assert tuple(table.columns) == curation.COLUMNS
    names = {p.name for p in PARAMETERS}
    assert not names & set(table.columns)
    # no column is a list or free text that could hide one
    kinds = {c: str(t) for c, t in table.dtypes.items()}
    assert set(kinds.values()) <= {"int32", "uint8", "bool", "float32", "category"}
    assert {c for c, k in kinds.items() if k == "category"} == {
        "dropped",
        "label",
        "split_random",
        "split_twin_disjoint",
    }


@pytest.mark.parametrize("split", splits.SPLITS)
def test_committed_splits(table, split) -> None:
    by_subset = {name: curation.rows("learnfm", split, name) for name in splits.SUBSETS}
    everything = np.sort(np.concatenate(list(by_subset.values())))
    np.testing.assert_array_equal(everything, curation.rows("learnfm", split))
    n = len(everything)
    assert len(by_subset["test"]) == pytest.approx(
        0.2 * n, abs=40
    )  # the largest group of near duplicates has 67
    assert len(by_subset["validation"]) == pytest.approx(0.16 * n, abs=40)
    named = [i for e in EXAMPLES for i in (e.index, *e.relatives) if table.kept[i]]
    assert set(named) <= set(by_subset["test"])
    assert {e.index for e in EXAMPLES} <= set(named)  # none of the named ones is dropped
    groups = {name: set(table.twin_group[rows]) for name, rows in by_subset.items()}
    shared = groups["test"] & (groups["train"] | groups["validation"])
    assert bool(shared) == (split == "random")
    assert not set(table.twin_group[named]) & (groups["train"] | groups["validation"])


def test_committed_counts_agree_with_the_table(table) -> None:
    counts = SUMMARY["counts"]
    assert counts["read"] == len(table) == 31_380
    assert counts["kept"] == table.kept.sum()
    assert counts["duplicates"] == (table.duplicate_of >= 0).sum()
    assert counts["silent"] == (table.dropped == "silent").sum()
    assert counts["read"] == counts["kept"] + counts["duplicates"] + counts["silent"]
    assert (table.peak_rms_db[table.kept] >= curation.SILENCE_DB).all()
    assert sum(SUMMARY["labels"].values()) == counts["kept"]
    assert sum(int(size) * n for size, n in SUMMARY["twin_group_sizes"].items()) == counts["kept"]
    assert sum(SUMMARY["histograms"]["presets"]["ALGORITHM"]) == counts["kept"]
    assert len(SUMMARY["histograms"]["presets"]["ALGORITHM"]) == 32
    assert SUMMARY["provenance"] == curation.read_provenance("learnfm")


def test_the_committed_starter_table_is_that_of_the_starter_bank(starter) -> None:
    summary = json.loads((data_path("curation") / "starter.json").read_text())
    assert summary["provenance"] == curation.read_provenance("starter")
    assert summary["provenance"]["corpus_sha256"] == corpora.bank_hash(corpora.read("starter"))
    made = curation.read_curation("starter")
    assert summary["counts"]["kept"] == made.kept.sum() == len(made) == len(corpora.read("starter"))
    subsets = [curation.rows("starter", "twin-disjoint", name) for name in splits.SUBSETS]
    assert [len(rows) for rows in subsets] == [summary["splits"]["twin_disjoint"][n] for n in splits.SUBSETS]
    np.testing.assert_array_equal(np.sort(np.concatenate(subsets)), curation.rows("starter"))


@pytest.mark.corpus
def test_committed_counts_agree_with_the_corpus(learnfm, table) -> None:
    assert SUMMARY["provenance"]["corpus_sha256"] == corpora.bank_hash(learnfm)
    counts, values = SUMMARY["counts"], learnfm.neutral().values
    assert counts["duplicates"] == len(values) - len(np.unique(values, axis=0))
    assert counts["mended"] == learnfm.mended.any(1).sum()
    np.testing.assert_array_equal(table["flags"], learnfm.flags)
    np.testing.assert_array_equal(table.twin_group, near_duplicates.twin_groups(values))
    for row in np.flatnonzero(table.duplicate_of >= 0):
        np.testing.assert_array_equal(values[row], values[table.duplicate_of[row]])
    algorithms = np.bincount(values[table.kept, column("ALGORITHM")], minlength=32)
    assert SUMMARY["histograms"]["presets"]["ALGORITHM"] == algorithms.tolist()
    for example in EXAMPLES:
        assert "".join(learnfm.names[example.index].split()).casefold() == (
            "".join(example.name.split()).casefold()
        )


@pytest.mark.corpus
def test_committed_labels_and_levels_agree_with_300_presets(learnfm, table) -> None:
    """Measures from fresh renders agree; at a threshold another machine may decide otherwise."""
    chosen = np.sort(np.random.default_rng(2021).choice(len(learnfm), 300, replace=False))
    measured = audio_descriptors.measure(learnfm.neutral().values[chosen])
    committed = table.loc[chosen]
    for i, name in enumerate(audio_descriptors.MEASURES):
        # half a unit of the last place kept, and as much for another machine's rounding
        tolerance = {"f0_hz": 0.011, "peak_rms_db": 0.011, "peak_rms_db_85": 0.011}.get(name, 1.1e-3)
        np.testing.assert_allclose(committed[name], measured[:, i], rtol=0, atol=tolerance, err_msg=name)
    h, p, ha, pa = measured[:, 4:].T
    assert (labels.is_harmonic(h, pa) != committed.harmonic).sum() <= 1
    assert (labels.is_percussive(h, p, ha, pa) != committed.percussive).sum() <= 1


@pytest.mark.corpus
def test_making_the_splits_again_gives_the_committed_ones(table) -> None:
    for name, groups in (("random", table["index"]), ("twin_disjoint", table.twin_group)):
        kept = table[table.kept]
        fold = splits.folds(groups[table.kept].to_numpy(), kept.held_out.to_numpy())
        np.testing.assert_array_equal(splits.subsets(fold), kept[f"split_{name}"].astype(str))
