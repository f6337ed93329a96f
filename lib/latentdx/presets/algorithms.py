"""The DX7's 32 algorithms, from the synth's own table: graphs, layouts for figures, and drawings as text.

An algorithm defines which operators are heard (carriers) and which modulate the phase of others (modulators).
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
"""Number of algorithms."""

# size and distance of boxes in characters; six boxes side by side fit in a terminal of 80 columns
_WIDE, _APART = 10, 13
_HIGH = 4
_LINES = " ╵╶└╷│┌├╴┘─┴┐┤┬┼"  # index: sum of 1 for a line upward, 2 right, 4 downward, 8 left


@dataclass(frozen=True)
class Graph:
    """Graph of one algorithm; operators are numbered 1 … 6 and algorithms 1 … 32, as on the synth.

    Attributes:
        number: Number of the algorithm, 1 … 32.
        carriers: Operators that are heard.
        edges: Pairs (modulator, modulated operator), each once.
        feedback: Pair (source, target) of the single feedback connection, usually from an operator to itself.
    """

    number: int
    carriers: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    feedback: tuple[int, int]

    def targets(self, operator: int) -> tuple[int, ...]:
        """Return the operators that an operator modulates."""
        return tuple(target for source, target in self.edges if source == operator)

    def modulators(self, operator: int) -> tuple[int, ...]:
        """Return the operators that modulate an operator."""
        return tuple(source for source, target in self.edges if target == operator)

    def describe(self) -> str:
        """Describe the graph in words, as a text alternative to its figure."""
        links = ", ".join(f"{a} modulates {b}" for a, b in self.edges) or "nothing is modulated"
        a, b = self.feedback
        loop = f"{a} feeds back to itself" if a == b else f"{a} feeds back to {b}"
        carriers = ", ".join(map(str, self.carriers))
        return f"Algorithm {self.number}: carriers {carriers}; {links}; {loop}"


@cache
def algorithm(number: int) -> Graph:
    """Return an algorithm from dexed-py's table.

    Args:
        number: Number of the algorithm, 1 … 32.

    Raises:
        ParameterError: The number is out of range.

    >>> algorithm(5).carriers
    (1, 3, 5)
    """
    if not 1 <= number <= N_ALGORITHMS:
        raise ParameterError(f"algorithm {number} is not in 1 … {N_ALGORITHMS}")
    entry = dexed.algorithms[number - 1]
    edges = [(j + 1, i + 1) for i in range(N_OPERATORS) for j in range(N_OPERATORS) if entry.mod_matrix[i][j]]
    source, target = entry.feedback_edge
    return Graph(number, tuple(c + 1 for c in entry.carriers), tuple(edges), (source + 1, target + 1))


def layout(graph: Graph) -> dict[int, tuple[float, int]]:
    """Return the place of each operator in a drawing: (column, row), with row 0 at the bottom."""
    columns: dict[int, float] = {}
    rows: dict[int, int] = {}
    free = 0

    def place(operator: int, row: int) -> None:
        """Place an operator and its stacks: the top of a stack takes the next free column, and each operator
        is centered below the stacks that modulate only it."""
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
    # an operator that modulates several others is centered above them
    for shared in sorted({a for a, _ in graph.edges} - columns.keys()):
        below = graph.targets(shared)
        columns[shared] = sum(columns[t] for t in below) / len(below)
        rows[shared] = 1 + max(rows[t] for t in below)
    return {operator: (columns[operator], rows[operator]) for operator in columns}


def frequency_text(preset: Preset, operator: int) -> str:
    """Format the frequency of an operator, without its detune.

    Args:
        preset: Preset with the operator.
        operator: Operator, 1 … 6.

    Returns:
        Ratio to the note's frequency, such as "×3.5", or a fixed frequency, such as "440 Hz".
    """
    coarse, fine = preset[f"OP{operator} F COARSE"], preset[f"OP{operator} F FINE"]
    if preset[f"OP{operator} MODE"] == 0:
        return f"×{(coarse or 0.5) * (1 + fine / 100):.4g}"
    return f"{10 ** (coarse % 4 + fine / 100):.4g} Hz"


def text_drawing(preset: Preset) -> str:
    """Draw the algorithm of a preset with characters, at most 80 per line.

    Each box shows the operator, its output level ("off" for 0) and its frequency. A loop on the right of a
    box is the feedback.
    """
    graph = algorithm(preset["ALGORITHM"] + 1)
    places = layout(graph)
    top = max(row for _, row in places.values())
    x = {k: round(column * _APART) + _WIDE // 2 for k, (column, _) in places.items()}
    y = {k: (top - row) * (_HIGH + 1) for k, (_, row) in places.items()}
    right = {k: x[k] + _WIDE - _WIDE // 2 - 1 for k in x}
    lines: defaultdict[tuple[int, int], int] = defaultdict(int)

    def draw(*corners: tuple[int, int]) -> None:
        """Draw straight lines from corner to corner; corners are (row, column)."""
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
    carriers = [x[c] for c in graph.carriers]
    for column in carriers:
        draw((out - 1, column), (out, column))
    draw((out, min(carriers)), (out, max(carriers)))
    grid = [[" "] * (max(loop, *right.values()) + 1) for _ in range(out + 1)]
    for (row, col), directions in lines.items():
        grid[row][col] = _LINES[directions]
    for k in x:
        level = preset[f"OP{k} OUTPUT LEVEL"] or "off"
        for i, text in enumerate((f" {k} {level:>4} ", f"{frequency_text(preset, k):^8}"), 1):
            grid[y[k] + i][x[k] - _WIDE // 2 + 1 : right[k]] = text
    middle = (min(carriers) + max(carriers)) // 2
    return "\n".join([*("".join(row).rstrip() for row in grid), f"{'output':>{middle + 3}}"])
