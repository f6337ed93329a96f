"""The lines of an algorithm drawn as text connect the operators that the algorithm's table connects."""

import re

import pytest

from latentdx.presets.algorithms import algorithm, text_drawing
from latentdx.presets.bank import Preset, PresetBank

# character -> directions of its lines, (row, column)
UP, RIGHT, DOWN, LEFT = (-1, 0), (0, 1), (1, 0), (0, -1)
LINES = {
    "│": {UP, DOWN},
    "─": {LEFT, RIGHT},
    "┌": {RIGHT, DOWN},
    "┐": {LEFT, DOWN},
    "└": {UP, RIGHT},
    "┘": {UP, LEFT},
    "├": {UP, RIGHT, DOWN},
    "┤": {UP, DOWN, LEFT},
    "┬": {RIGHT, DOWN, LEFT},
    "┴": {UP, RIGHT, LEFT},
    "┼": {UP, RIGHT, DOWN, LEFT},
    "╵": {UP},
}
LEVELS = {1: 99, 2: 80, 3: 0, 4: 7, 5: 61, 6: 50}


def preset(number: int) -> Preset:
    levels = {f"OP{k} OUTPUT LEVEL": level for k, level in LEVELS.items()}
    return PresetBank.init()[0].with_values(ALGORITHM=number - 1, **levels)


def boxes(grid: list[str]) -> dict[int, tuple[int, int]]:
    """Return the row and column of the upper left corner of each operator's box."""
    found = {}
    for row, line in enumerate(grid):
        for match in re.finditer(r"│ ([1-6]) +(\d+|off) (?=[│├])", line):
            operator, level = match.groups()
            assert int(operator) not in found
            assert level == str(LEVELS[int(operator)] or "off")
            found[int(operator)] = (row - 1, match.start())
    return found


def reached(grid: list[str], start: tuple[int, int], places: dict[int, tuple[int, int]]) -> set[int]:
    """Return the operators at whose upper edge the lines from a cell end; 0 is the output."""
    tops = {(row, column + 5): k for k, (row, column) in places.items()}
    bottoms = {(row + 3, column + 5) for row, column in places.values()}
    ends, seen, todo = set(), set(), [start]
    while todo:
        row, column = cell = todo.pop()
        if cell in seen or cell in bottoms:
            continue
        seen.add(cell)
        if cell in tops:
            ends.add(tops[cell])
            continue
        if row == len(grid) - 2:
            ends.add(0)
        for down, right in LINES[grid[row][column]]:
            following = row + down, column + right
            assert (-down, -right) in LINES[grid[following[0]][following[1]]], "a line that ends nowhere"
            todo.append(following)
    return ends


@pytest.mark.parametrize("number", range(1, 33))
def test_lines_connect_the_operators_of_the_algorithm(number: int) -> None:
    text, graph = text_drawing(preset(number)), algorithm(number)
    width = max(map(len, text.splitlines()))
    assert width <= 80
    grid = [line.ljust(width) for line in text.splitlines()]
    assert grid[-1].strip() == "output"
    places = boxes(grid)
    assert sorted(places) == [1, 2, 3, 4, 5, 6]
    for k, (row, column) in places.items():
        wanted = {0} if k in graph.carriers else set(graph.targets(k))
        assert reached(grid, (row + 4, column + 5), places) == wanted, k
    source, target = graph.feedback
    leaves = {k for k, (row, column) in places.items() if grid[row + 2][column + 9] == "├"}
    enters = {k for k, (row, column) in places.items() if grid[row + 1][column + 9] == "├"}
    assert (leaves, enters) == ({source}, {target})


def test_boxes_show_frequencies() -> None:
    ratios = {"OP1 F COARSE": 0, "OP2 F COARSE": 3, "OP2 F FINE": 50, "OP6 F COARSE": 31, "OP6 F FINE": 99}
    fixed = {"OP4 MODE": 1, "OP4 F COARSE": 3, "OP4 F FINE": 99}
    text = text_drawing(preset(32).with_values(**ratios, **fixed))
    assert re.findall(r"×[\d.]+|[\d.]+ Hz", text.splitlines()[2]) == [
        "×0.5",
        "×4.5",
        "×1",
        "9772 Hz",
        "×1",
        "×61.69",
    ]
