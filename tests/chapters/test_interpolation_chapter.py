"""Interpolation chapter, with paths and results made here, which have known differences between methods."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from latentdx.applications.interpolate import METHODS, interpolate
from latentdx.audio.renderer import Dexed
from latentdx.evaluation import path_examples
from latentdx.evaluation.interpolation import PairResult, PathProvenance
from latentdx.evaluation.interpolation_data import InterpolationData
from latentdx.evaluation.path_examples import PathStep, checkpoint_hash
from latentdx.evaluation.sound_folders import write_sound
from latentdx.metrics.timbre import FEATURES, GROUPS
from latentdx.presets import corpora
from latentdx_book.chapters import interpolation, interpolation_results

N = 60
QUALITY = {"latent": 0.9, "naive": 1.0, "matched": 1.1, "paced": 0.6, "naive-paced": 0.7, "switch": 0.5}
"""Quality of each method's measures, lower is better; latent is worse than naive in pitch and between sfx."""


def pair_result(quality: dict[str, float] = QUALITY, sha: str = "abc") -> PairResult:
    rng = np.random.default_rng(0)
    spread = rng.lognormal(0, 0.3, N)
    labels = np.where(np.arange(N) < 20, "sfx", "harmonic")
    parts = []
    for name, q in quality.items():
        value = (
            40
            * q
            * spread
            * rng.normal(1, 0.02, N)
            * np.where((labels == "sfx") & (name == "latent"), 1.2, 1)
        )
        part = {
            "pair": np.arange(N, dtype=np.int32),
            "row_a": np.arange(N, dtype=np.int32),
            "row_b": np.arange(N, dtype=np.int32) + N,
            "label_a": labels,
            "label_b": labels,
            "method": name,
            "failed": False,
            "silent_steps": np.int16(name == "naive") * (np.arange(N) < 3),
            "smoothness": value,
            "nonlinearity": value / 50,
            "unevenness": value / 300 * (3 if name == "switch" else 1),
            "largest_step": value,
        }
        for group in GROUPS:
            worse = 1.5 if (group, name) == ("pitch", "latent") else 1
            part |= {f"smoothness_{group}": value * worse, f"nonlinearity_{group}": value / 50 * worse}
        parts.append(pd.DataFrame(part))
    told = {
        name: {"title": f"<{name}>", "text": f"as {name}", "exact": 0.5 if name == "paced" else 1.0}
        for name in quality
    }
    if "latent" in told:
        told["latent"]["radius"] = 0.7
    told["heard"] = {"title": "<heard>", "text": "as heard", "exact": 0.0, "radius": 0.8}
    parts.append(parts[0].assign(method="heard"))
    medians = {name: {"smoothness": 40 * q, "nonlinearity": q} for name, q in quality.items()}
    standard = {f.name: {"group": f.group, "unit": f.unit, "mean": -1.25, "deviation": 2.5} for f in FEATURES}
    provenance = PathProvenance(
        model="numcat++",
        title="NumCat++",
        checkpoint_sha256=sha,
        corpus="learnfm",
        corpus_sha256="",
        split="twin-disjoint",
        subset="test",
        n_pairs=N,
        n_steps=7,
        seed=0,
        note=[60, 85],
        methods=told,
        features=standard,
        n_training=1000,
        engine="dexed-py 0",
        commit="abc+",
        libraries="",
        by_algorithm={"different": {"n": 50, **medians}},
    )
    return PairResult(pd.concat(parts, ignore_index=True), provenance)


def page(folder, sha: str) -> None:
    """Write the page's two pairs as tones; the naive path leaps between steps 3 and 4."""
    way = {}
    for name, leap in (("latent", False), ("naive", True), ("paced", False)):
        place = [0, 0.05, 0.1, 0.9, 0.95, 0.97, 1] if leap else np.linspace(0, 1, 7).tolist()
        steps = []
        for i, where in enumerate(place):
            file = f"{name}.{i}.flac"
            tone = 0.1 * np.sin(np.arange(16_384) * (0.05 + 0.01 * i)).astype(np.float32)
            write_sound(folder / file, tone)
            steps.append(vars(PathStep(file, False, where, 0.3 * (0 < i < 6), i / 6, i / 6)))
        way[name] = {
            "smoothness": 40.0,
            "nonlinearity": 0.9,
            "unevenness": 0.15,
            "largest_step": 1.0,
            "exact": [True, name != "paced"],
            "steps": steps,
        }
    facts = {
        "model": "numcat++",
        "checkpoint_sha256": sha,
        "methods": {name: {"title": f"<{name}>", "text": f"as {name}"} for name in way},
        "journeys": [
            {"start": a.name, "end": b.name, "start_uid": a.uid, "end_uid": b.uid, "ways": way}
            for a, b in path_examples.page_pairs()
        ],
    }
    (folder / path_examples.MANIFEST).write_text(json.dumps(facts))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder with sounds, a result and the checkpoint that they belong to."""
    folder = tmp_path_factory.mktemp("interpolation")
    (folder / "numcat++.safetensors").write_bytes(b"weights")
    sha = checkpoint_hash(folder / "numcat++.safetensors")
    pair_result(sha=sha).write(folder)
    page(folder, sha)
    return folder


@pytest.fixture
def found(folder, chapter) -> InterpolationData:
    return InterpolationData.read(folder, checkpoint=folder / "numcat++.safetensors")


def cells(html) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.S)
    texts = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in rows]
    return [[re.sub(r"<[^>]+>", " ", cell).strip() for cell in row] for row in texts]


def test_our_method_must_beat_both_of_the_papers_methods(found) -> None:
    assert found.ours() == "paced"
    worse = pair_result({"latent": 0.5, "naive": 1.0, "matched": 0.7})
    assert replace(found, result=worse).ours() is None
    alike = pair_result({"latent": 1.0, "naive": 1.0, "matched": 0.999})
    assert replace(found, result=alike).ours() is None  # not significantly
    assert replace(found, result=None).ours() is None


def test_a_pair_has_a_row_for_latent_naive_and_our_method(found) -> None:
    latent, naive, ours = (html for html in interpolation.rows(found, 0))
    for html, name in ((latent, "latent"), (naive, "naive"), (ours, "paced")):
        assert html.count("<audio") == 7 and "data-sequence" in html and ".syx" not in html
        assert f"NylonPick4 to FmRhodes14: &lt;{name}&gt;" in html and "1, NylonPick4" in html
    assert "sound at 50% of the path" in latent and "sound at 10% of the path" in naive
    assert "The end is the given preset itself" in ours and "given preset itself" not in latent


def test_methods_without_kept_sounds_are_in_the_table_but_have_no_row(found) -> None:
    journey = found.page.journeys[1]
    steps = [replace(s, file="") for s in journey.ways["paced"].steps]
    ways = {"naive": journey.ways["naive"], "paced": replace(journey.ways["paced"], steps=steps)}
    page_ = replace(found.page, journeys=[replace(journey, ways=ways)])
    (row,) = interpolation.rows(replace(found, page=page_), 0)
    assert "Dingle 1 to Get it: &lt;naive&gt;" in row
    assert len(cells(interpolation.page_table(replace(found, page=page_)))) == 3


def test_the_travel_figure_names_the_largest_leap_and_deviation(found) -> None:
    text = interpolation.travel_figure(found, 0)
    assert (
        "&lt;naive&gt;: the largest leap of the sound is between steps 3 and 4, from 10% to 90%; it strays"
        in text
    )
    assert "from the straight line by up to 0.30 deviations" in text
    lines = cells(interpolation.page_table(found))
    assert lines[1] == ["&lt;latent&gt;", "40.0", "0.90", "0.15", "40.0", "0.90", "0.15"]


def test_the_changes_table_compares_each_method_with_naive(found) -> None:
    result = found.measured()
    header, *lines = cells(interpolation_results.changes_table(found, "smoothness"))
    table = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    scores = result.scores("smoothness")
    paced = table["&lt;paced&gt;"]
    change = 100 * (scores["paced"].mean() / scores["naive"].mean() - 1)
    assert paced["against naive"].startswith(f"{change:+.1f}% (".replace("-", "−"))
    assert paced["better in"] == "100%" and paced["p"] == "&lt;\u00a00.001"
    assert table["&lt;naive&gt;"]["against naive"] == "–"
    assert table["&lt;matched&gt;"]["against naive"].startswith("+")
    html = interpolation_results.changes_table(found, "nonlinearity")
    assert html.count("<strong>") == 1 and "<strong>&lt;paced&gt;</strong>" in html
    assert (
        f"over {N} pairs of learnfm&#x27;s test set, 7 steps" in html or f"over {N} pairs of learnfm" in html
    )
    assert f"over {N - 3} pairs" in interpolation_results.changes_table(found, "smoothness", sounding=True)


def test_the_silence_table_counts_silent_steps_and_exact_ends(found) -> None:
    lines = {line[0]: line for line in cells(interpolation_results.silence_table(found))[1:]}
    assert lines["&lt;naive&gt;"][1:] == [f"3 of {5 * N}", "5%", "0", "100%"]
    assert lines["&lt;paced&gt;"][1] == f"0 of {5 * N}" and lines["&lt;paced&gt;"][4] == "50%"


def test_the_verdict_states_where_latent_wins_and_loses(found) -> None:
    text = interpolation_results.verdict(found)
    assert "the latent path is smoother and straighter and more even than the naive one." in text
    assert "and worst in pitch" in text
    assert "best where the ends are both harmonic" in text and "worst where they are both sfx" in text
    assert "−10% where the ends have different algorithms (50 pairs)" in text
    assert "0.7 from the center of the latent space" in text and "about as far out" in text
    assert "“&lt;paced&gt;” beats both" in text and "Switching halfway" in text
    figure = interpolation_results.gains_figure(found)
    assert "MFCC −" in figure and "both sfx +" in figure
    far = pair_result({"latent": 2.0, "naive": 1.0})
    far.provenance.methods["latent"]["radius"] = 1e13
    text = interpolation_results.verdict(replace(found, result=far))
    assert (
        "rougher and less straight and less even" in text
        and "in different regions" in text
        and "No other method beats both" in text
    )
    alike = replace(found, result=pair_result({"latent": 0.93, "naive": 1.0}))  # sfx cancel the difference
    assert "no clear difference" in interpolation_results.verdict(alike)


def test_the_features_table_and_the_provenance_state_what_was_measured(found) -> None:
    lines = cells(interpolation_results.features_table(found))
    assert len(lines) == 1 + len(FEATURES) and lines[1][3:] == ["−1.25", "2.5"]
    assert "60 pairs of learnfm, test set" in interpolation_results.provenance(found)
    assert "commit abc with changes" in interpolation_results.provenance(found)
    assert interpolation.methods_list().count("<dt>") == len(METHODS)


def test_a_notice_appears_unless_all_files_belong_to_the_shipped_checkpoint(found, folder, tmp_path) -> None:
    assert interpolation.belonging(found) is None
    other = tmp_path / "numcat++.safetensors"
    other.write_bytes(b"others")
    for stale in (replace(found, checkpoint=other), replace(found, checkpoint=tmp_path / "none.safetensors")):
        assert "belong to another checkpoint" in interpolation.belonging(stale)
    mixed = replace(found, result=pair_result(sha="another"))
    assert "belong to another checkpoint" in interpolation.belonging(mixed)


def test_missing_files_are_reported_with_the_command_that_makes_them(tmp_path, chapter) -> None:
    empty = InterpolationData.read(tmp_path / "none")
    shown = [
        interpolation.belonging(empty),
        *interpolation.rows(empty, 0),
        interpolation.page_table(empty),
        interpolation.travel_figure(empty, 0),
        interpolation_results.changes_table(empty, "smoothness"),
        interpolation_results.silence_table(empty),
        interpolation_results.verdict(empty),
        interpolation_results.gains_figure(empty),
    ]
    assert all("<code>latentdx evaluate interpolation</code>" in html for html in shown)
    assert interpolation_results.provenance(empty) == "Nothing has been measured."
    assert len(cells(interpolation_results.features_table(empty))) == 1 + len(FEATURES)


def test_steps_between_our_own_presets_can_be_downloaded(chapter) -> None:
    starter = corpora.read("starter").neutral()
    path = interpolate(starter[5], starter[130], 3, "naive")
    sounds = [Dexed().render(p) for p in path]
    (html,) = interpolation.starter_rows({"naive": path}, {"naive": sounds})
    assert html.count(".syx") >= 3 and "Step 2" in html
