"""The plan for the paper's sizes follows from the measured slice, and says what is measured."""

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from latentdx.dataset import curation
from latentdx.training import model_names, read_profile
from latentdx.training.cost import operations_per_preset
from latentdx_book.chapters import paper_plan

SLICE = {
    "machine": {
        "processor": "Abacus",
        "cores": 3,
        "memory_gb": 8.0,
        "commit": "0123456789abcdef",
        "date": "2026-01-02T03:04:05Z",
        "load_average": 0.25,
    },
    "model": "numcat++",
    "scale": "paper",
    "precision": "32-true",
    "parameters": 60_372_037,
    "presets": 500,
    "batch": 160,
    "steps": 3,
    "seconds": 20.0,
    "training_seconds": 16.0,
    "presets_per_second": 30.0,
    "peak_memory_bytes": 4_000_000_000,
    "checkpoint_bytes": 121_000_000,
    "run_bytes": 1_100_000_000,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "slice.json"
    written.write_text(json.dumps(SLICE))
    return written


def table(html: str) -> dict[str, dict[str, str]]:
    """Return the cells of a table by the first cell of their line and by their heading."""
    soup = BeautifulSoup(html, "html.parser")
    headings = [cell.text.strip() for cell in soup.select("thead th")]
    lines = [[cell.text.strip() for cell in line.select("th, td")] for line in soup.select("tbody tr")]
    return {line[0]: dict(zip(headings, line, strict=True)) for line in lines}


def test_the_plan_divides_the_operations_by_the_measured_and_the_assumed_speeds(file: Path) -> None:
    found = table(paper_plan.plan_table([2, 10], file))
    assert tuple(found) == model_names("paper")
    presets = len(curation.rows("learnfm", subset="train"))
    for name in ("numcat++", "numcat++-six", "numcat++-unstacked"):
        p = read_profile(name, "paper")
        operations = operations_per_preset(p) * presets * p.epochs
        line = found[name]
        assert float(line["hours at 2 TFLOP/s"]) == pytest.approx(operations / 2e12 / 3600, abs=0.051)
        assert float(line["hours at 10 TFLOP/s"]) == pytest.approx(operations / 1e13 / 3600, abs=0.051)
        share = operations / (operations_per_preset(read_profile("numcat++", "paper")) * 30)
        assert float(line["days on 3 cores"]) == pytest.approx(share / 86_400, abs=0.051)
    assert found["numcat++"]["states"] == "1.0 GB"  # 16 bytes for each of 60,372,037 weights


def test_the_tables_say_what_is_an_estimate_and_where_the_measurement_is_from(file: Path) -> None:
    assert "Estimates, not measurements" in paper_plan.plan_table([1], file)
    told = paper_plan.slice_table(file)
    for part in ("Abacus, 3 cores", "0123456789ab", "2026-01-02", "4.0 GB at the peak", "3 steps of 160"):
        assert part in told
    supply = paper_plan.supply_table([1], file)
    each = operations_per_preset(read_profile("numcat++", "paper"))
    assert f"{1e12 / each:,.0f} presets per second" in supply


def test_without_a_slice_there_is_a_notice_and_no_number(tmp_path: Path) -> None:
    for section in (paper_plan.slice_table, lambda file: paper_plan.plan_table([1], file)):
        told = section(tmp_path / "absent.json")
        assert "Not measured yet" in told and "benchmarks/paper_slice.py" in told and "<table" not in told
