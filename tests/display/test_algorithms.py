"""Drawings of algorithms agree with the engine's table, and the table with what the engine plays."""

import itertools
import re
from collections import Counter

import dexed
import numpy as np
import pytest
from bs4 import BeautifulSoup, Tag

from latentdx import Dexed, PresetBank
from latentdx.display import algorithms
from latentdx.errors import ParameterError

NUMBERS = range(1, 33)
INIT = PresetBank.init()[0]


def drawing(number: int) -> Tag:
    return BeautifulSoup(algorithms.algorithm_html(number), "html.parser").svg  # type: ignore[return-value]


def ends(path: Tag) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the first and last point of a path of absolute M, V, H and relative v commands."""
    x = y = 0.0
    points = []
    for command, numbers in re.findall(r"([MVHv])([-\d. ]+)", str(path["d"])):
        values = [float(n) for n in numbers.split()]
        if command == "M":
            x, y = values
        elif command == "H":
            x = values[0]
        else:
            y = values[0] if command == "V" else y + values[0]
        points.append((x, y))
    return points[0], points[-1]


def boxes(svg: Tag) -> dict[int, tuple[float, float, float, float]]:
    """Operator -> left, top, right, bottom."""
    found = {}
    for group in svg.select("g[data-operator]"):
        x, y, w, h = (float(str(group.rect[k])) for k in ("x", "y", "width", "height"))
        found[int(str(group["data-operator"]))] = (x, y, x + w, y + h)
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_the_drawing_has_the_edges_of_the_engines_table(number: int) -> None:
    entry = dexed.algorithms[number - 1]
    svg = drawing(number)
    drawn = Counter((int(str(p["data-from"])), int(str(p["data-to"]))) for p in svg.select("[data-from]"))
    table = {(j + 1, i + 1) for i, j in itertools.product(range(6), range(6)) if entry.mod_matrix[i][j]}
    assert drawn == Counter(table)  # every edge, once
    outputs = Counter(int(str(p["data-output"])) for p in svg.select("[data-output]"))
    assert outputs == Counter(c + 1 for c in entry.carriers)  # every carrier is connected to the output
    (loop,) = svg.select("[data-feedback-from]")
    assert (int(str(loop["data-feedback-from"])) - 1, int(str(loop["data-feedback-to"])) - 1) == tuple(
        entry.feedback_edge
    )


@pytest.mark.parametrize("number", NUMBERS)
def test_lines_begin_and_end_at_the_operators_they_name(number: int) -> None:
    svg = drawing(number)
    box = boxes(svg)
    assert set(box) == {1, 2, 3, 4, 5, 6}
    for path in svg.select("[data-from], [data-feedback-from]"):
        source = int(str(path.get("data-from") or path["data-feedback-from"]))
        target = int(str(path.get("data-to") or path["data-feedback-to"]))
        left, _, right, bottom = box[source]
        assert ends(path)[0] == pytest.approx(((left + right) / 2, bottom))
        left, top, right, _ = box[target]
        assert ends(path)[1] == pytest.approx(((left + right) / 2, top))
    (bus,) = svg.select(".ldx-bus")
    for path in svg.select("[data-output]"):
        start, end = ends(path)
        left, _, right, bottom = box[int(str(path["data-output"]))]
        assert start == pytest.approx(((left + right) / 2, bottom))
        assert end[1] == ends(bus)[0][1] and ends(bus)[0][0] <= end[0] <= ends(bus)[1][0]


@pytest.mark.parametrize("number", NUMBERS)
def test_operators_do_not_overlap_and_carriers_are_in_the_bottom_row(number: int) -> None:
    svg, graph = drawing(number), algorithms.algorithm(number)
    box = boxes(svg)
    for a, b in itertools.combinations(box.values(), 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1], (a, b)
    for modulator, target in graph.edges:
        assert box[modulator][3] < box[target][1]  # above what it modulates
    lowest = max(b[3] for b in box.values())
    assert {k for k, b in box.items() if b[3] == lowest} == set(graph.carriers)
    _, _, width, height = (float(n) for n in str(svg["viewbox"]).split())
    for path in svg.select("path"):
        for x, y in ends(path):
            assert 0 <= x <= width and 0 <= y <= height
    corners = [float(n) for n in re.findall(r"H([-\d.]+)", str(svg.select_one(".ldx-feedback")["d"]))]
    assert max(corners) < width


@pytest.mark.parametrize("number", NUMBERS)
def test_the_engine_plays_the_graph(number: int) -> None:
    """An operator alone sounds if and only if it is a carrier; each edge to one changes the sound."""
    synth, graph = Dexed(), algorithms.algorithm(number)

    def play(*operators: int) -> np.ndarray:
        levels = {f"OP{k} OUTPUT LEVEL": 85 if k in operators else 0 for k in range(1, 7)}
        voice = INIT.with_values(ALGORITHM=number - 1, **levels)
        return synth.render(voice, hold=0.1, n_samples=4000)

    for operator in range(1, 7):
        assert (np.abs(play(operator)).max() > 0.01) == (operator in graph.carriers), operator
    for modulator, target in graph.edges:
        path = [target]
        while below := graph.targets(path[-1]):
            path.append(below[0])
        assert np.abs(play(modulator, *path) - play(*path)).max() > 0.01, (modulator, target)


def test_drawings_have_a_title_and_a_description() -> None:
    svg = drawing(5)
    links = "2 modulates 1, 4 modulates 3, 6 modulates 5"
    text = f"Algorithm 5: carriers 1, 3, 5; {links}; 6 feeds back to itself"
    assert svg["role"] == "img" and svg["aria-label"] == text
    assert (svg.title.text, svg.desc.text) == ("Algorithm 5", text)
    assert "4 feeds back to 6" in str(drawing(4)["aria-label"])
    grid = BeautifulSoup(algorithms.algorithm_grid(), "html.parser")
    assert [int(str(s["data-algorithm"])) for s in grid.select("svg")] == list(NUMBERS)
    assert not re.search(r"#[0-9a-f]{3,6}\b", str(grid))  # drawn in the text's color, light or dark


def test_a_presets_drawing_shows_frequencies_and_levels_and_fades_silent_operators() -> None:
    preset = INIT.with_values(
        **{
            "OP2 OUTPUT LEVEL": 70, "OP2 F COARSE": 3, "OP2 F FINE": 17,
            "OP3 OUTPUT LEVEL": 5, "OP3 MODE": 1, "OP3 F COARSE": 2, "OP3 F FINE": 50,
            "OP4 F COARSE": 0,
        }
    )  # fmt: skip
    svg = BeautifulSoup(algorithms.preset_algorithm(preset), "html.parser").svg
    texts = {int(g["data-operator"]): g.select("text")[1].text for g in svg.select("g")}
    assert texts == {
        1: "×1 · 99",
        2: "×3.51 · 70",
        3: "316.2 Hz · 5",
        4: "×0.5 · 0",
        5: "×1 · 0",
        6: "×1 · 0",
    }
    assert [int(g["data-operator"]) for g in svg.select("g[opacity]")] == [4, 5, 6]


def test_a_carrier_alone_keeps_its_modulators() -> None:
    preset = INIT.with_values(ALGORITHM=4, **{f"OP{k} OUTPUT LEVEL": 80 + k for k in range(1, 7)})
    alone = algorithms.carrier_alone(preset, 3)
    assert [alone[f"OP{k} OUTPUT LEVEL"] for k in range(1, 7)] == [0, 82, 83, 84, 0, 86]
    synth = Dexed()
    parts = [synth.render(algorithms.carrier_alone(preset, k)) for k in (1, 3, 5)]
    np.testing.assert_array_equal(sum(parts), synth.render(preset))
    with pytest.raises(ParameterError, match="operator 2 is not a carrier of algorithm 5"):
        algorithms.carrier_alone(preset, 2)


@pytest.mark.parametrize("number", [0, 33])
def test_algorithms_outside_1_to_32_are_refused(number: int) -> None:
    with pytest.raises(ParameterError, match=f"algorithm {number} is not in 1"):
        algorithms.algorithm(number)
