"""The chapter on the engine has the sections that docstrings name, and says what was measured."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup

from latentdx import PresetBank
from latentdx.audio.engine.eras import DIFFERENCES
from latentdx.evaluation import benchmark_files
from latentdx.evaluation.era_comparison import EraChange, summarize
from latentdx.presets import corpora
from latentdx_book.chapters import engine, engine_eras

ROOT = Path(__file__).parents[2]
CODE = [
    *(ROOT / "lib/latentdx/audio/engine").glob("*.py"),
    *(ROOT / "lib/latentdx/web/engine").glob("*.js"),
]
NAMED = re.compile(r"[Ss]ections?\s+((?:\d+(?:\.\d+)?(?:,?\s+(?:and|to)\s+|,\s+)?)+)")


def named_sections(text: str) -> set[str]:
    """Return the sections that a text names: "sections 9.1, 9.2 and 10", or "sections 5 to 9"."""
    found: set[str] = set()
    for (group,) in (match.groups() for match in NAMED.finditer(text)):
        found |= set(re.findall(r"\d+(?:\.\d+)?", group))
        for first, last in re.findall(r"(\d+) to (\d+)", group):
            found |= {str(n) for n in range(int(first), int(last) + 1)}
    return found


def test_sections_are_found_in_a_text() -> None:
    text = "See section 6, and sections 9.1, 9.2 and 10; sections 5 to\n7: all (section 11.3)."
    assert named_sections(text) == {"6", "9.1", "9.2", "10", "5", "7", "11.3"} | {"5", "6", "7"}


def test_every_section_that_the_code_names_is_in_the_chapter() -> None:
    cells = nbformat.read(ROOT / "book/engine.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    headings = re.findall(r"^#{2,3} (\d+(?:\.\d+)?) ", text, re.MULTILINE)
    assert len(headings) == len(set(headings)) and headings == sorted(
        headings, key=lambda n: tuple(map(int, n.split(".")))
    )
    named = {file.name: named_sections(file.read_text("utf8")) for file in CODE}
    assert set().union(*named.values()) >= {"7.4", "9.4", "12.4"}
    assert {file: missing for file, sections in named.items() if (missing := sections - set(headings))} == {}


@pytest.mark.parametrize("operators", [(2, 1), (4, 3)])
def test_an_operator_is_rebuilt_to_the_bit(operators: tuple[int, int]) -> None:
    modulator, carrier = operators
    preset, n = corpora.read("starter").neutral()["TINE EP 1"], 64 * 300
    outputs = engine.samples_of(preset, 60, 85, n)
    trace = engine.Engine().trace(preset, n_samples=n)
    np.testing.assert_array_equal(engine.rebuilt(trace, outputs, carrier, [modulator]), outputs[carrier - 1])
    assert (engine.rebuilt(trace, outputs, carrier, []) != outputs[carrier - 1]).any()


def test_pictures_are_described_by_what_was_computed(chapter: Path) -> None:
    preset = corpora.read("starter").neutral()["TINE EP 1"]
    init = PresetBank.init()[0]
    waving = init.with_values(**{"LFO PM DEPTH": 99, "P MODE SENS.": 7, "LFO SPEED": 70})
    pages = {
        "operator": engine.operator_figure(preset, 4, 3, 60, 85),
        "envelope": engine.envelope_figure(preset, 60, 85),
        "lfo": engine.lfo_figure(waving, 60, 85),
        "oscillator": engine.oscillator_figure(),
        "feedback": engine.feedback_figure(),
        "buses": engine.bus_figure(preset, 60, 85),
    }
    alts = {name: str(BeautifulSoup(page, "html.parser").img["alt"]) for name, page in pages.items()}
    assert "operator 6 reads itself, writes bus 1" in alts["buses"]
    assert "operator 1 reads bus 1, adds to the mix" in alts["buses"]
    swing = re.search(r"by up to (\d+) cents", alts["lfo"])
    assert swing and 1100 <= int(swing[1]) <= 1200  # an octave
    assert "3 peaks at −8 dB" in alts["envelope"]
    assert "of up to 0.2" in alts["operator"] or "of up to 0.1" in alts["operator"]


def test_eras_are_played_side_by_side(chapter: Path) -> None:
    preset = corpora.read("starter").neutral()["PIPE ORG 3"]
    page = BeautifulSoup(engine_eras.era_row(preset, 60, 85), "html.parser")
    assert [title.text for title in page.select(".ldx-title")] == ["Dexed 0.9.3, 2017", "today"]
    assert len({audio["src"] for audio in page.select("audio")}) == 2
    assert len(page.select("a[download]")) == 1  # today's: that is how the preset sounds in Dexed


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = [
        EraChange(("base", "detune"), False, True, -20.0, 1.5, 0.1),
        EraChange(("base", "speed"), False, True, -3.0, 4.5, 0.3),
        EraChange(("base",), False, False, float("-inf"), 0.0, 0.0),
        EraChange((), False, False, float("-inf"), 0.0, 0.0),
    ]
    figures = {"correlation": 0.25, "highest": 0.4142, "log_stft_mae": 0.5, "mfcc13_mae": 12.25}
    harmonic, percussive = ({"authors": [name], "ours": [name]} for name in ("harmonic", "percussive"))
    same = {"0.9.3": harmonic, "current": harmonic}
    moved = {"0.9.3": harmonic, "current": percussive}
    part = {"voices": 4, "differ": 1, "median_mfcc13_mae": 1.5}
    answer = {"version": "NumCat", "authors": 20.0, "ours": 19.0}
    found = {
        "corpus": "learnfm",
        "corpus_sha256": "5" * 64,
        "commit": "0" * 12,
        "note": 60,
        "velocity": 85,
        **summarize(changes),
        "features": {"feedback": {"with": part | {"differ": 3}, "without": part}},
        "originals": [
            {"name": "Rhodes 3", "page_label": "harmonic", "labels": same, **figures},
            {"name": "DigiPerc.", "page_label": "percussive", "labels": moved, **figures, "highest": 1.0},
            {"name": "Get it", "page_label": "", "labels": same, **figures},
        ],
        "answers": [
            {**answer, "metric": m, "era": era, "difference": 4.0 + (era == "current")}
            for m in ("log_stft_mae", "spectral_convergence", "mfcc13_mae", "mfcc40_mae")
            for era in ("0.9.3", "current")
        ],
    }
    (tmp_path / "compare_eras.json").write_text(json.dumps(found))
    monkeypatch.setattr(benchmark_files, "data_path", lambda *parts: tmp_path / parts[-1])


def cells(html: str) -> list[list[str]]:
    rows = BeautifulSoup(html, "html.parser").select("tbody tr")
    return [[cell.text.strip() for cell in row.select("th, td")] for row in rows]


def test_tables_say_what_was_measured(measured: None, chapter: Path) -> None:
    assert "4 audible voices" in engine_eras.headline() and "<b>50.0%</b>" in engine_eras.headline()
    rows = cells(engine_eras.cause_table())
    assert [row[0] for row in rows] == [engine_eras.TITLES[name] for name in DIFFERENCES]
    assert rows[1][2:] == ["25.0%", "100.0%", "1", "100.0%", "1.50"]
    assert rows[2][2:] == ["0.0%", "–", "0", "–", "–"]
    assert cells(engine_eras.feature_table()) == [["feedback", "4", "75.0%", "1.50", "25.0%", "1.50"]]
    originals = engine_eras.originals_table()
    assert cells(originals)[0] == ["Rhodes 3", "0.250", "0.414", "0.50", "12.25"]
    assert "for 2 of 3 originals today's cannot reach that" in BeautifulSoup(originals, "html.parser").text
    labels = engine_eras.labels_sentence()
    assert "label 2 of the originals" in labels and "on 1 in 0.9.3 and on 2 today" in labels
    assert "changes the labels of 1" in labels
    answers = engine_eras.answers_table()
    assert cells(answers)[2] == ["NumCat", "MFCC13", "20", "19", "19", "4", "5"]
    assert "In 4 of 4 lines 0.9.3 is closer" in answers
    assert "2 voices that changed" in engine_eras.change_figure()


def test_without_a_measurement_there_is_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_files, "data_path", lambda *parts: tmp_path / parts[-1])
    for table in (engine_eras.headline, engine_eras.cause_table, engine_eras.originals_table):
        assert "benchmarks/compare_eras.py" in table()


def test_the_equality_with_dexed_py_is_the_measured_one(chapter: Path) -> None:
    measured = json.loads((ROOT / "data/benchmarks/engine_equality.json").read_text())
    rows = cells(engine_eras.equality_table())
    assert [row[1:] for row in rows] == [
        [f"{measured[part]['renders']:,}", str(len(measured[part]["different"]))]
        for part in ("all_voices", "random_voices")
    ]
