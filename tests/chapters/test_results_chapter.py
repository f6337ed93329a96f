"""Tables and figures of the results chapter, from results made here with known differences between models."""

import html
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from command_lines import parse
from latentdx.dataset import curation
from latentdx.display import result_comparisons, result_figures, table_html
from latentdx.display.table_formats import described, number, p_text, with_interval
from latentdx.evaluation import ablations, best_of_n, listening_examples, summary
from latentdx.evaluation.result_data import LEADING, NotMeasuredError, ResultData
from latentdx.evaluation.results import Result, ResultProvenance
from latentdx.evaluation.sound_folders import write_sound
from latentdx.metrics.registry import METRICS
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets.parameters import learnable_parameters
from latentdx.training import checkpoint
from latentdx.training.profile import read_profile
from latentdx_book.chapters import costs, model_card_list, results

FIVE = [[60, 20], [60, 64], [60, 127], [40, 85], [70, 85]]
QUALITY = {
    "perfect": 0.0,
    "num": 1.5,
    "numcat": 1.2,
    "numcat++": 1.0,
    "numcat++-seed1": 1.0,
    "nearest-unrelated": 1.4,
    "mean": 2.0,
}
KINDS = {"perfect": "reference", "nearest-unrelated": "anchor", "mean": "anchor"}


def by_parameter(error: float) -> dict[str, dict[str, float]]:
    out: dict[str, dict[str, float]] = {}
    for p in learnable_parameters():
        out[p.name] = {"n": 30, "accuracy": 1 - error}
        if p.kind == "numerical":
            out[p.name]["mae"] = error / 2
    out["OP1 BREAK POINT"] = {"n": 2}
    return out


def result(name: str, quality: float, rows: np.ndarray, *, seed: int, **changes) -> Result:
    """Make a result with errors spread around `quality`, the same spread for all except for 1% of noise."""
    notes = changes.get("notes", [[60, 85]])
    spread = np.random.default_rng(1).lognormal(0, 0.5, len(rows)).repeat(len(notes))
    noise = np.random.default_rng(seed).normal(1, 0.01, (len(METRICS), len(spread)))
    labels = curation.read_curation("starter").set_index("index")["label"]
    table = pd.DataFrame(
        {
            "row": np.repeat(rows, len(notes)).astype(np.int32),
            "label": pd.Categorical(labels.loc[np.repeat(rows, len(notes))].to_numpy()),
            "note": np.tile([n for n, _ in notes], len(rows)).astype(np.int8),
            "velocity": np.tile([v for _, v in notes], len(rows)).astype(np.int8),
            "target_silent": False,
            "silent": False,
        }
    )
    for i, (key, m) in enumerate(METRICS.items()):
        error = quality * spread * noise[i] / 10
        table[key] = (error if m.better == "lower" else 1 - error.clip(0, 1)).astype(np.float32)
    facts = {
        "name": name,
        "title": f"<{name}>",
        "kind": KINDS.get(name, "model"),
        "corpus": "starter",
        "corpus_sha256": "ab",
        "split": "twin-disjoint",
        "subset": "test",
        "selection": "",
        "notes": notes,
        "inference": "one pass" if name not in KINDS else f"as {name}",
        "checkpoint_sha256": name if name not in KINDS else "",
        "engine": "dexed-py 0",
        "live_notes": [[60, 85]],
        "n_pyin": len(rows),
        "settings": {},
        "code": "",
        "commit": "abc+",
        "libraries": "",
        "by_algorithm": {"5": {"n": 9, **dict.fromkeys(METRICS, quality)}},
        "by_parameter": by_parameter(quality / 4),
    }
    return Result(table, ResultProvenance(**(facts | changes)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    rows = curation.rows("starter", subset="test")
    for seed, (name, quality) in enumerate(QUALITY.items()):
        result(name, quality, rows, seed=seed).write(folder)
    random = curation.rows("starter", "random", "test")
    result("numcat++-random", 0.8, random, seed=20, split="random").write(folder)
    for seed, (name, quality) in enumerate((("numcat++", 1.0), ("numcat++-six", 0.9)), 30):
        result(name, quality, rows, seed=seed, notes=FIVE).write(folder)
    part = {"selection": "20 of 77 presets", "checkpoint_sha256": "x"}
    result("latentdx-on-20", 0.9, rows[:20], seed=40, **part).write(folder)
    best = {**part, "kind": "search", "inference": "best of 64 by rendering"}
    result("latentdx-best-of-64-on-20", 0.5, rows[:20], seed=41, **best).write(folder)
    curve = pd.DataFrame(
        [[k, m, 20, 1 / k, 0.9 / k, 1.1 / k] for m in (LEADING, "log_stft_mae") for k in (1, 2, 8)],
        columns=["samples", "metric", "n", "median", "low", "high"],
    )
    facts = {"name": "latentdx", "title": "LatentDX", "split": "twin-disjoint", "selection": ""}
    best_of_n.write_curve(curve.assign(**facts), folder)
    few = {"selection": "10 of 77 presets", "kind": "search"}
    result("match-2000-on-10", 0.3, rows[10:20], seed=42, inference="match", **few).write(folder)
    searched = {**few, "checkpoint_sha256": "", "inference": "genetic search"}
    result("nearest-genetic-on-10", 0.6, rows[10:20], seed=43, **searched).write(folder)
    matched = curve.replace({"metric": {"log_stft_mae": "spectral_convergence"}}).assign(n=10)
    facts |= {"name": "match-2000", "title": "Match, 2,000 renders", "selection": few["selection"]}
    best_of_n.write_curve(matched.assign(**facts), folder)
    ablations.record("more <data>", "twice", "loss", 2.0, 1.0, kept=False, commit="", folder=folder)
    summary.write(folder)
    return folder


@pytest.fixture(scope="module")
def f(folder) -> ResultData:
    return ResultData.read(folder)


@pytest.fixture(autouse=True)
def page(tmp_path, monkeypatch):
    """Media are written below the working directory."""
    monkeypatch.chdir(tmp_path)


def cells(html) -> list[list[str]]:
    """Return the rows of a table as text, the header first; bold cells are marked by asterisks."""
    found = re.findall(r"<tr>(.*?)</tr>", html, re.S)
    bold = [re.sub(r"<strong>(.*?)</strong>", r"*\1*", row) for row in found]
    texts = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in bold]
    return [[re.sub(r"<[^>]+>", " ", cell).strip() for cell in row] for row in texts]


def test_the_results_table_is_ordered_and_has_the_summarys_intervals(f) -> None:
    header, *lines = cells(results.results_table(f, (LEADING,), "Sounds"))
    assert header == ["", "MFCC13 ↓"]
    names = ["perfect", "num", "numcat", "numcat++", "numcat++-seed1", "nearest-unrelated", "mean"]
    assert [line[0] for line in lines] == [f"&lt;{name}&gt;" for name in names]
    known = f.summary["results"]["num.twin-disjoint.60-85"]["all"]["metrics"][LEADING]["median"]
    assert lines[1][1].split() == [f"{known[0]:.2f}", f"{known[1]:.2f}", "–", f"{known[2]:.2f}"]


def test_a_value_is_bold_only_if_it_beats_all_others(f, folder, tmp_path) -> None:
    """Of two equal models neither is bold; without the second, the first one is."""
    assert "<strong>" not in results.results_table(f, (LEADING,), "Sounds")
    for path in folder.glob("*.parquet"):
        if "seed1" not in path.name:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    summary.write(tmp_path)
    lines = cells(results.results_table(ResultData.read(tmp_path), (LEADING, "live_accuracy"), "Sounds"))
    marked = {line[0]: [cell.startswith("*") for cell in line[1:]] for line in lines[1:]}
    assert marked.pop("&lt;numcat++&gt;") == [True, True]
    assert not any(map(any, marked.values()))


def test_steps_are_compared_on_common_presets_with_verdicts(f) -> None:
    table = result_comparisons.compare_steps(f).set_index(["step", "metric"])
    verdicts = {key[0]: value for key, value in table["verdict"].items() if key[1] == LEADING}
    assert verdicts == {
        "<num> → <numcat>": "better",
        "<numcat> → <numcat++>": "better",
        "<numcat++> → <numcat++-seed1>": "no difference shown",
    }
    line = table.loc[("<num> → <numcat>", LEADING)]
    a, b = (f.get(name).table[LEADING] for name in ("num", "numcat"))
    assert (line["before"], line["after"]) == (pytest.approx(a.median()), pytest.approx(b.median()))
    assert line["improved"] == (b < a).mean() and line["n"] == len(a)
    back = result_comparisons.compare_steps(
        f, [result_comparisons.ModelComparison("numcat", "num", "")], ("live_accuracy", LEADING)
    )
    assert back["verdict"].tolist() == ["worse", "worse"]
    assert len(cells(results.steps_table(f))) == 1 + 6


def test_six_notes_are_compared_note_by_note(f) -> None:
    _, *lines = cells(results.notes_table(f))
    assert [line[1] for line in lines] == [f"({n}, {v})" for n, v in FIVE] + ["all", "all"]
    assert all(line[-1] == "better" for line in lines)


def test_the_random_split_is_divided_by_near_duplicates_in_training(f) -> None:
    _, *lines = cells(results.split_table(f))
    assert [line[0] for line in lines] == [
        "random split",
        "… with a near duplicate in training",
        "… without",
        "twin-disjoint split",
    ]
    everyone, twins, rest, disjoint = (int(line[1]) for line in lines)
    assert twins + rest == everyone == len(curation.rows("starter", "random", "test"))
    assert disjoint == len(curation.rows("starter", subset="test"))


def test_results_on_a_part_are_compared_on_the_same_presets(f) -> None:
    _, *lines = cells(results.part_table(f, (LEADING,), "On the same"))
    assert lines[-1][0] == "&lt;mean&gt;" and len(lines) == len(QUALITY) + 2
    rows = f.get("latentdx", selection=None).table["row"]
    num = f.get("num").table.set_index("row")[LEADING].loc[rows].median()
    assert next(line for line in lines if line[0] == "&lt;num&gt;")[1].split()[0] == f"{num:.2f}"
    best = next(line for line in lines if "best" in line[0])
    assert [line[0] for line in lines if line[1].startswith("*")] == [best[0]]  # beats all others on these
    assert best[0] == "&lt;latentdx-best-of-64-on-20&gt;"


def test_matches_are_compared_on_the_same_presets(f) -> None:
    header, *lines = cells(results.match_table(f))
    assert header[1] == "spectral convergence ↓" and header[-2:] == [
        "closer, spectral convergence",
        "closer, MFCC13",
    ]
    names = ["latentdx-best-of-64-on-20", "nearest-unrelated", "nearest-genetic-on-10", "match-2000-on-10"]
    found = [line[0] for line in lines]
    assert found == [f"&lt;{name}&gt;" for name in ("latentdx-on-20", *names)]
    best = f.get("latentdx-best-of-64", selection=None).table.set_index("row")["spectral_convergence"]
    rows = f.get("match-2000", selection=None).table["row"]
    assert lines[1][1].split()[0] == f"{best.loc[rows].median():.3f}"
    assert lines[3][-2:] == ["–", "–"] and lines[4][-2:] == ["100%", "100%"]
    assert lines[2][-2:] == ["0%", "0%"]
    html = results.match_table(f)
    assert re.search(r"over 10 presets.*by (49|50|51)% in spectral convergence and (49|50|51)% in", html)
    with_curve = results.match_figure(f)
    assert "Match, 2,000 renders, MFCC13: 1.00 in one pass" in with_curve and "10 of 77" in with_curve


def test_results_are_shown_by_label_and_by_algorithm(f) -> None:
    header, *lines = cells(results.label_table(f))
    counted = f.get("num").table["label"].value_counts()
    assert set(header[1:]) == {f"{label} ({n})" for label, n in counted.items() if n}
    assert len(lines) == len(QUALITY) - 1
    assert "best at algorithm 5" in results.algorithm_figure(f, ["num"])


def test_skill_is_measured_against_the_mean_preset_with_operators_pooled(f) -> None:
    table = result_figures.parameter_skill(f, "num").set_index("parameter")
    assert table["skill"].dropna().to_numpy() == pytest.approx(1 - 1.5 / 2.0)
    n = len(curation.rows("starter", subset="test"))
    assert table.loc["OUTPUT LEVEL", "live"] == pytest.approx(30 / n)
    assert table.loc["BREAK POINT", "live"] == pytest.approx((5 * 30 + 2) / (6 * n))
    assert table.loc["BREAK POINT", "error"] == pytest.approx(1.5 / 8)
    assert table.loc["ALGORITHM", "error"] == pytest.approx(1.5 / 4)
    assert len(table) == 3 + 21 + 15
    assert "Best learned" in results.skill_figure(f, "num")
    assert len(cells(results.skill_table(f, "num"))) == 1 + len(table)


def test_alternative_texts_describe_the_figures(f) -> None:
    overview = results.overview_figure(f)
    assert overview.index("perfect") < overview.index("numcat++") < overview.index("&lt;mean&gt;")
    assert "1.00 in one pass" in (text := results.samples_figure(f))
    assert "as the best of 8 (−88%)" in text


def test_ablations_and_provenance_are_tabulated(f) -> None:
    _, line = cells(results.ablations_table(f))
    assert line == ["more &lt;data&gt;", "twice", "loss", "2", "1", "−50.0%", "1", "–", "no"]
    lines = cells(results.provenance_table(f))
    assert len(lines) == 1 + len(f.results) and {line[-1] for line in lines[1:]} == {"abc with changes"}


def test_published_examples_are_compared_with_the_authors(f, tmp_path) -> None:
    from latentdx.evaluation import published

    sounds = [t.audio() for t in published.examples("multiple notes")]
    table = published.measure([x / np.float32(2) for x in sounds], "multiple notes")
    ours = published.published("programming").assign(coding="as published")
    ours = ours[ours["version"] == "NumCat++"].drop(columns=["version"])
    both = pd.concat([table, ours, ours.assign(coding="uncompressed")])
    published.write("latentdx", both, {"title": "LatentDX"}, tmp_path)
    found = replace(f, folder=tmp_path)
    header, *lines = cells(results.published_table(found))
    assert [line[0] for line in lines] == [
        *(f"{v}, the authors" for v in ("Num only", "NumCat", "NumCat++")),
        "LatentDX",
    ]
    theirs = ours.groupby("level")[["log_stft_mae", LEADING]].mean()
    expected = [
        f"{theirs.loc[k, m]:.{d}f}"
        for k in ("peak", "example")
        for m, d in (("log_stft_mae", 3), (LEADING, 2))
    ]
    assert len(header) == 7 and lines[2][1:5] == expected
    assert lines[3][1:5] == lines[2][1:5] and lines[2][5:] == ["–", "–"] != lines[3][5:]
    velocities = cells(results.velocity_table(found))
    assert velocities[0] == ["", "velocity 20", "velocity 64", "velocity 127"]
    assert velocities[-1][0] == "LatentDX" and "–" not in velocities[-1]
    assert "8 published examples" in results.published_figure(found, ["LatentDX"])


def test_every_section_of_an_empty_folder_is_a_notice_that_names_a_command(tmp_path) -> None:
    empty = ResultData.read(tmp_path)
    shown = [
        results.results_table(empty, (LEADING,), "x"),
        results.part_table(empty, (LEADING,), "x"),
        results.label_table(empty),
        results.published_table(empty),
        results.velocity_table(empty),
        results.ablations_table(empty),
        results.provenance_table(empty),
        results.steps_table(empty),
        results.notes_table(empty),
        results.split_table(empty),
        results.overview_figure(empty),
        results.listeners_table(empty),
        results.listeners_figure(empty),
        results.skill_figure(empty, "numcat++"),
        results.skill_table(empty, "numcat++"),
        results.algorithm_figure(empty, ["numcat++"]),
        results.samples_figure(empty),
        results.match_figure(empty),
        results.match_table(empty),
        results.published_figure(empty, ["LatentDX"]),
        *results.listening_rows(empty),
        model_card_list.cards_html(tmp_path),
    ]
    assert all("Not measured yet" in html and "<code>latentdx" in html for html in shown)
    assert_commands_exist(*shown)
    with pytest.raises(NotMeasuredError):
        empty.select()


def assert_commands_exist(*texts: str) -> None:
    """Parse all commands except a mere `latentdx evaluate` or `latentdx train`, which name no model."""
    for command in re.findall(r"<code>(latentdx .*?)</code>", "".join(texts)):
        if command not in ("latentdx evaluate", "latentdx train"):
            parse(shlex.split(html.unescape(command))[1:])


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("numcat++-six", "model numcat++-six"),
        ("random", "anchors"),
        ("nearest", "anchors"),
        ("match-500", "match"),
    ],
)
def test_a_missing_result_is_reported_with_its_command(f, name: str, command: str) -> None:
    with pytest.raises(NotMeasuredError, match=re.escape(f"`latentdx evaluate {command}`")):
        f.get(name)
    parse(["evaluate", *command.split()])


def test_a_stale_summary_is_reported(f) -> None:
    stale = replace(f, summary={**f.summary, "results": {}})
    said = results.results_table(stale, (LEADING,), "x")
    assert "latentdx evaluate summary" in said
    assert_commands_exist(said)


def test_listening_examples_become_rows_with_distances(f, tmp_path) -> None:
    sound = np.sin(np.arange(88_576) / 10).astype(np.float32) / 4
    place = tmp_path / listening_examples.LISTEN
    place.mkdir()
    heard = []
    for j, title in enumerate(("Target", "LatentDX")):
        figures = {"mfcc13_mae": 12.345} if j else {}
        file = f"0-{j}.flac"
        write_sound(place / file, sound)
        heard.append({"file": file, "title": title, "metrics": figures})
    exhibit = {"row": 3, "label": "sfx", "percentile": 50, "sounds": heard}
    (place / listening_examples.MANIFEST).write_text(
        pd.Series({"reference": "LatentDX", "exhibits": [exhibit]}).to_json()
    )
    (shown,) = results.listening_rows(replace(f, folder=tmp_path))
    assert "Sfx, median" in shown and "MFCC13 12.3" in shown and shown.count("<audio") == 2


def test_model_cards_are_escaped_and_ordered(tmp_path) -> None:
    (tmp_path / "zeta.md").write_text("# Zeta <b>\n\n## Limits\n\n- a `code`\n- <script>alert()</script>\n")
    (tmp_path / "num.md").write_text("# Num only\n\ntext\n")
    text = model_card_list.cards_html(tmp_path)
    assert text.index("Num only") < text.index("Zeta &lt;b&gt;") and "<script>" not in text
    assert "<strong>Limits</strong>" in text and "<code>code</code>" in text and "<h2" not in text


def test_numbers_intervals_and_p_values_are_formatted() -> None:
    mfcc, share = METRICS[LEADING], METRICS["live_accuracy"]
    assert number(12.345, mfcc) == "12.35" or number(12.345, mfcc) == "12.34"
    assert number(0.4567, share) == "45.7%" and number(None, mfcc) == number(float("nan"), mfcc) == "–"
    assert number(1234.5, METRICS["f0_error"]) == "1,234.5"
    frame = pd.DataFrame([with_interval(share.title, 0.5, 0.4, 0.6), with_interval(share.title)])
    shown = table_html(described(frame, "shares", metrics=[share]))
    assert (
        '<td>50.0%<br><span class="ldx-interval">40.0 – 60.0</span></td>' in shown and "<td>–</td>" in shown
    )
    assert (p_text(0.0001), p_text(0.04), p_text(float("nan"))) == ("<\u00a00.001", "0.040", "–")


def test_costs_are_times_multiplied_by_counts_and_a_checkpoints_own_minutes(tmp_path) -> None:
    stages = ("one pass", "compare", "live parameters", "pYIN", "best of 64")
    measured = {
        "machine": {"processor": "an abacus", "commit": "0123456789abcdef"},
        "model": "latentdx",
        "drawn": 64,
        "milliseconds": {stage: {"median": 60.0} for stage in stages},
    }
    (tmp_path / "evaluate.json").write_text(json.dumps(measured))
    _, *lines = cells(costs.evaluation_table(tmp_path / "evaluate.json", "starter"))
    n = len(curation.rows("starter", subset="test"))
    assert lines[0] == ["one forward pass", "60.0 ms", str(n), f"{n * 0.001:.1f} min"]
    assert lines[-1][2:] == ["1,000", "1.0 min"]
    profile = read_profile("numcat", "smoke")
    about = checkpoint.CheckpointHeader(profile, "", 1, 1234, 75.4, {})
    checkpoint.save(PresetVAE(profile.architecture), about, tmp_path / "numcat.safetensors")
    _, line = cells(costs.training_table(tmp_path))
    assert line[:4] == ["NumCat", "2", "1,234", "75 min"]
    tables = (costs.evaluation_table, costs.training_table, costs.loop_table, costs.use_table)
    for table in (*tables, costs.search_table, costs.search_distance_table, costs.headroom_table):
        assert "Not measured yet" in table(tmp_path / "none")


def test_headroom_is_the_excess_over_the_best_of_all_seeds(tmp_path) -> None:
    def course(*distances: float) -> dict[str, dict[str, float]]:
        return {
            str(n): {"distance": d, "mfcc13": 10 * d} for n, d in zip((500, 2000), distances, strict=True)
        }

    measured = {
        "machine": {"processor": "an abacus", "commit": "0123456789abcdef"},
        "budget": 2000,
        "seeds": 2,
        "presets": [[course(0.6, 0.4), course(0.5, 0.5)]],
        "sounds": {"Oboe": [course(0.8, 0.4), course(0.8, 0.4)]},
    }
    (tmp_path / "headroom.json").write_text(json.dumps(measured))
    heading, *lines = cells(costs.headroom_table(tmp_path / "headroom.json"))
    assert heading[0] == "renders" and heading[-1] == "seeds differ by"
    # presets: (0.6 + 0.5) / 2 against 0.4; the seeds differ by 0.1 of 0.55 here, and not at all for the oboe
    assert lines[0] == ["500", "0.550", "5.50", "38%", "0.800", "8.00", "100%", "9%"]
    assert lines[1] == ["2,000", "0.450", "4.50", "12%", "0.400", "4.00", "0%", "11%"]


def test_benchmarks_compare_with_the_first_loop_and_with_our_search(tmp_path) -> None:
    machine = {"processor": "an abacus", "commit": "0123456789abcdef"}
    rates = {"plain": 100.0, "+ all": 260.0}
    using = {"model": "m", "load_seconds": 1, "program_ms_one_core_first": 80, "program_ms_one_core": 50}
    trained = {"training": {"model": "m", "presets_per_second_by_lever": rates}, "using": using}
    (tmp_path / "train.json").write_text(json.dumps({"machine": machine} | trained))
    assert cells(costs.loop_table(tmp_path / "train.json"))[2] == ["+ all", "260", "2.60"]
    assert cells(costs.use_table(tmp_path / "train.json"))[1:] == [
        ["load the checkpoint", "1,000 ms"],
        ["program the first sound", "80 ms"],
        ["program the next", "50 ms"],
    ]
    searched = {
        "targets": 10,
        "budget": 2000,
        "distance": {"genetic": {"mean": 0.8, "median": 0.7}, "ours": {"mean": 0.4, "median": 0.3}},
        "ours_closer": {"genetic": 9},
        "seconds_one_core": {"genetic": 8.0, "ours": 9.0},
        "whole_match": {"seconds_one_core": {"2,000 renders": 11.0}, "dexed_py_seconds_5000_notes": 12.0},
        "medians_by_the_distance_searched": {"the mix": {"mfcc13": 4.321}},
    }
    file = tmp_path / "match.json"
    file.write_text(json.dumps({"machine": machine} | searched))
    _, *lines = cells(costs.search_table(file))
    assert lines == [
        ["genetic", "0.800", "0.700", "9 of 10", "8.0 s"],
        ["ours", "0.400", "0.300", "–", "9.0 s"],
    ]
    assert "takes 11.0 s (2,000 renders), where dexed-py renders 5,000 notes in 12.0 s" in costs.search_table(
        file
    )
    assert cells(costs.search_distance_table(file)) == [["search minimizes", "MFCC13 ↓"], ["the mix", "4.32"]]
