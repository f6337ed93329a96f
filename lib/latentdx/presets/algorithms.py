"""The DX7's 32 algorithms from the synth's own table: who modulates whom, where to draw it, and as text.

An algorithm says which operators are heard (carriers) and which bend the phase of others (modulators).
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import dexed

from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import N_OPERATORS

N_ALGORITHMS = 32

# of the drawing as text, in letters: six boxes side by side fit a terminal of 80
_WIDE, _APART = 10, 13
_HIGH = 4
_LINES = " ╵╶└╷│┌├╴┘─┴┐┤┬┼"  # index: 1 for a line upward, 2 to the right, 4 downward, 8 to the left


@dataclass(frozen=True)
class Graph:
    """One algorithm; operators are numbered 1 … 6 and algorithms 1 … 32, as on the synth.

    Attributes:
        number: 1 … 32.
        carriers: operators that are heard.
        edges: (modulator, modulated operator), each once.
        feedback: (source, target) of the one feedback connection, usually an operator with itself.
    """

    number: int
    carriers: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    feedback: tuple[int, int]

    def targets(self, operator: int) -> tuple[int, ...]:
        return tuple(target for source, target in self.edges if source == operator)

    def modulators(self, operator: int) -> tuple[int, ...]:
        return tuple(source for source, target in self.edges if target == operator)

    def describe(self) -> str:
        """The graph in words, for those who do not see it."""
        links = ", ".join(f"{a} modulates {b}" for a, b in self.edges) or "nothing is modulated"
        a, b = self.feedback
        loop = f"{a} feeds back to itself" if a == b else f"{a} feeds back to {b}"
        heard = ", ".join(map(str, self.carriers))
        return f"Algorithm {self.number}: heard {heard}; {links}; {loop}"


@cache
def algorithm(number: int) -> Graph:
    """The algorithm with this number, 1 … 32, from dexed-py's table."""
    if not 1 <= number <= N_ALGORITHMS:
        raise ParameterError(f"algorithm {number} is not in 1 … {N_ALGORITHMS}")
    entry = dexed.algorithms[number - 1]
    edges = [(j + 1, i + 1) for i in range(N_OPERATORS) for j in range(N_OPERATORS) if entry.mod_matrix[i][j]]
    source, target = entry.feedback_edge
    return Graph(number, tuple(c + 1 for c in entry.carriers), tuple(edges), (source + 1, target + 1))


def layout(graph: Graph) -> dict[int, tuple[float, int]]:
    """Place of each operator: (column, row), row 0 at the bottom."""
    columns: dict[int, float] = {}
    rows: dict[int, int] = {}
    free = 0

    def place(operator: int, row: int) -> None:
        """Each stack's end takes the next column; an operator sits below the middle of its own stacks."""
        nonlocal free
        rows[operator] = row
        own = [m for m in graph.modulators(operator) if len(graph.targets(m)) == 1]
        for modulator in own:
            place(modulator, row + 1)
        if own:
            columns[operator] = sum(columns[m] for m in own) / len(own)
        else:
            columns[operator] = free
            free += 1

    for carrier in graph.carriers:
        place(carrier, 0)
    # what modulates several carriers sits above their middle
    for shared in sorted({a for a, _ in graph.edges} - columns.keys()):
        below = graph.targets(shared)
        columns[shared] = sum(columns[t] for t in below) / len(below)
        rows[shared] = 1 + max(rows[t] for t in below)
    return {operator: (columns[operator], rows[operator]) for operator in columns}


def frequency_text(preset: Preset, operator: int) -> str:
    """An operator's frequency, detune left out: "×3.5" of the key's, or a fixed "440 Hz"."""
    coarse, fine = preset[f"OP{operator} F COARSE"], preset[f"OP{operator} F FINE"]
    if preset[f"OP{operator} MODE"] == 0:
        return f"×{(coarse or 0.5) * (1 + fine / 100):.4g}"
    return f"{10 ** (coarse % 4 + fine / 100):.4g} Hz"


def text_drawing(preset: Preset) -> str:
    """A preset's algorithm drawn with letters, at most 80 a line: in each box the operator, its output level
    ("off" at 0) and its frequency; a loop on the right is the feedback."""
    graph = algorithm(preset["ALGORITHM"] + 1)
    places = layout(graph)
    top = max(row for _, row in places.values())
    x = {k: round(column * _APART) + _WIDE // 2 for k, (column, _) in places.items()}
    y = {k: (top - row) * (_HIGH + 1) for k, (_, row) in places.items()}
    right = {k: x[k] + _WIDE - _WIDE // 2 - 1 for k in x}
    lines: defaultdict[tuple[int, int], int] = defaultdict(int)

    def draw(*corners: tuple[int, int]) -> None:
        """Straight lines from corner to corner, (row, column) each."""
        for (row, col), (last_row, last_col) in pairwise(corners):
            while (row, col) != (last_row, last_col):
                down, along = (last_row > row) - (last_row < row), (last_col > col) - (last_col < col)
                lines[row, col] |= 4 * (down > 0) | 1 * (down < 0) | 2 * (along > 0) | 8 * (along < 0)
                row, col = row + down, col + along
                lines[row, col] |= 1 * (down > 0) | 4 * (down < 0) | 8 * (along > 0) | 2 * (along < 0)

    for k in x:
        first, last, left = y[k], y[k] + _HIGH - 1, x[k] - _WIDE // 2
        draw((first, left), (first, right[k]), (last, right[k]), (last, left), (first, left))
    for a, b in graph.edges:
        bend = y[b] - 1
        draw((y[a] + _HIGH - 1, x[a]), (bend, x[a]), (bend, x[b]), (y[b], x[b]))
    source, target = graph.feedback
    loop = max(right[source], right[target]) + 1
    ends = (y[source] + 2, right[source]), (y[target] + 1, right[target])
    draw(ends[0], (ends[0][0], loop), (ends[1][0], loop), ends[1])
    out = (top + 1) * (_HIGH + 1) - 1
    heard = [x[c] for c in graph.carriers]
    for column in heard:
        draw((out - 1, column), (out, column))
    draw((out, min(heard)), (out, max(heard)))
    grid = [[" "] * (max(loop, *right.values()) + 1) for _ in range(out + 1)]
    for (row, col), directions in lines.items():
        grid[row][col] = _LINES[directions]
    for k in x:
        level = preset[f"OP{k} OUTPUT LEVEL"] or "off"
        for i, text in enumerate((f" {k} {level:>4} ", f"{frequency_text(preset, k):^8}"), 1):
            grid[y[k] + i][x[k] - _WIDE // 2 + 1 : right[k]] = text
    middle = (min(heard) + max(heard)) // 2
    return "\n".join([*("".join(row).rstrip() for row in grid), f"{'output':>{middle + 3}}"])
