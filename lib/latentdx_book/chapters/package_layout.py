"""The layout of the package `latentdx`, drawn from its imports: a box for each package, in layers.

A package stands one layer above the highest package that it imports. An arrow goes from a package to one that
it imports; arrows that follow from others are left out (transitive reduction), to keep it readable.
"""

import ast
import importlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise, permutations
from pathlib import Path

import grimp
import pandas as pd

from latentdx.display.html import HTML
from latentdx.display.table_formats import described
from latentdx.errors import ParameterError
from latentdx_book.chapters.presentation import shown
from latentdx_book.chapters.templates import render_template

FOUNDATIONS = "foundations"
"""Name of the box of all modules that lie beside the packages."""

_BOX, _HEIGHT = 108, 56  # a box; narrow enough for three beside each other on a phone
_GAP, _RISE = 22, 34  # between two boxes of a layer, and between two layers
_LANE = 10  # width that an arrow needs to pass through a layer
_MARGIN = 4
_SPREAD = 0.6  # share of a box's width on which its arrows are spread

Point = tuple[float, float]


@dataclass(frozen=True)
class Package:
    """A part of the library that the drawing shows as one box.

    Attributes:
        name: Name within the library, such as "presets".
        summary: First sentence of its docstring.
        modules: Number of its .py files.
        lines: Number of lines in them.
        imports: Names of the packages that it imports.
    """

    name: str
    summary: str
    modules: int
    lines: int
    imports: frozenset[str]


@dataclass(frozen=True)
class _Placed:
    """A package's box, or the lane in which an arrow passes a layer; (x, y) is the upper left corner."""

    node: str
    package: Package | None
    x: float
    y: float

    @property
    def width(self) -> float:
        return _BOX if self.package else _LANE

    @property
    def center(self) -> float:
        return self.x + self.width / 2


def read_packages(library: str = "latentdx") -> dict[str, Package]:
    """Read the packages of a library, and what they import, from its source.

    Args:
        library: Name of an importable package.

    Returns:
        Name -> package, sorted by name; the modules beside the packages are together under `FOUNDATIONS`.
    """
    graph = grimp.build_graph(library, cache_dir=None)
    root = Path(str(importlib.import_module(library).__file__)).parent
    names = sorted(c.split(".")[-1] for c in graph.find_children(library) if graph.find_children(c))
    files: dict[str, list[Path]] = {name: [] for name in [*names, FOUNDATIONS]}
    imports: dict[str, set[str]] = {name: set() for name in files}

    def owner(module: str) -> str:
        first = module.removeprefix(library).lstrip(".").split(".")[0]
        return first if first in names else FOUNDATIONS

    for module in graph.modules:
        files[owner(module)].append(_file(root, module.removeprefix(library).lstrip(".")))
        imports[owner(module)] |= {owner(m) for m in graph.find_modules_directly_imported_by(module)}
    beside = sorted(f.stem for f in files[FOUNDATIONS] if f.name != "__init__.py")
    found = {}
    for name in sorted(files):
        if not files[name]:
            continue
        about = f"Modules that every package may use: {', '.join(beside)}."
        found[name] = Package(
            name,
            about if name == FOUNDATIONS else _first_sentence(root / name / "__init__.py"),
            len(files[name]),
            sum(len(f.read_text("utf8").splitlines()) for f in files[name]),
            frozenset(imports[name] - {name}),
        )
    return found


def _file(root: Path, module: str) -> Path:
    """Return the file of a module, named from the root."""
    place = root.joinpath(*module.split(".")) if module else root
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _first_sentence(file: Path) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text("utf8"))) or ""
    paragraph = " ".join(docstring.split("\n\n")[0].split()).replace("`", "")
    return paragraph.partition(". ")[0].rstrip(".") + "." if paragraph else ""


def layers(packages: Mapping[str, Package]) -> list[list[str]]:
    """Return the names in layers from the bottom up: each package one above the highest that it imports.

    Raises:
        ParameterError: Packages import each other in a circle.
    """
    sorter = TopologicalSorter({name: p.imports for name, p in packages.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise ParameterError(f"the packages {', '.join(error.args[1])} import each other") from error
    found = []
    while sorter.is_active():
        ready = sorter.get_ready()
        sorter.done(*ready)
        found.append(sorted(ready))
    return found


def direct_imports(packages: Mapping[str, Package]) -> dict[str, list[str]]:
    """Return each package's imports without those that follow from its other imports."""
    reached: dict[str, frozenset[str]] = {}
    for name in (name for layer in layers(packages) for name in layer):
        imports = packages[name].imports
        reached[name] = imports.union(*(reached[other] for other in imports))
    return {
        name: sorted(a for a in p.imports if not any(a in reached[b] for b in p.imports))
        for name, p in packages.items()
    }


def layout_html(packages: Mapping[str, Package] | None = None) -> HTML:
    """Draw the packages in layers as inline SVG in the text's color; by default those of `latentdx`."""
    packages = read_packages() if packages is None else packages
    rows = layers(packages)
    arrows = direct_imports(packages)
    placed, paths = _place(packages, rows, arrows)
    boxes = [place for place in placed.values() if place.package]
    width = max(box.x + _BOX for box in boxes) + _MARGIN
    height = max(box.y + _HEIGHT for box in boxes) + _MARGIN
    return render_template(
        "packages.html",
        alt=_describe(rows, arrows),
        boxes=boxes,
        box=(_BOX, _HEIGHT),
        arrows=[(*path, _polyline(points)) for path, points in paths.items()],
        size=(width, height),
    )


@shown
def layout_table(packages: Mapping[str, Package] | None = None) -> pd.DataFrame:
    """Tell what each package holds and how large it is, from the top layer down."""
    packages = read_packages() if packages is None else packages
    order = [packages[name] for layer in reversed(layers(packages)) for name in layer]
    sizes = [(p.name, p.summary, p.modules, p.lines) for p in order]
    total = ("all", "", sum(p.modules for p in order), sum(p.lines for p in order))
    return described(
        pd.DataFrame([*sizes, total], columns=["package", "what it holds", "modules", "lines"]),
        "Packages of latentdx, from the top layer down; modules are .py files, lines are all of their lines",
    )


# -- placing ------------------------------------------------------------------------------------------------


def _lane(importer: str, imported: str, layer: int) -> str:
    """Name the place in which an arrow passes a layer."""
    return f"{importer} > {imported} @ {layer}"


def _chains(
    rows: Sequence[Sequence[str]], arrows: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], list[str]]:
    """Return for each arrow its nodes from the importer down: one in each layer."""
    layer = {name: i for i, row in enumerate(rows) for name in row}
    return {
        (a, b): [a, *(_lane(a, b, i) for i in range(layer[a] - 1, layer[b], -1)), b]
        for a, targets in arrows.items()
        for b in targets
    }


def _place(
    packages: Mapping[str, Package], rows: Sequence[Sequence[str]], arrows: Mapping[str, Sequence[str]]
) -> tuple[dict[str, _Placed], dict[tuple[str, str], list[Point]]]:
    """Place boxes and lanes so that few arrows cross, and find each arrow's corners."""
    chains = _chains(rows, arrows)
    links = [link for chain in chains.values() for link in pairwise(chain)]
    levels = [list(row) for row in rows]
    depth = {name: i for i, row in enumerate(rows) for name in row}
    for chain in chains.values():
        for step, node in enumerate(chain[1:-1], 1):
            levels[depth[chain[0]] - step].append(node)
    _order(levels, links)
    middle = max(_width(level) for level in levels) / 2 + _MARGIN
    placed = {}
    for i, level in enumerate(levels):
        y = _MARGIN + (len(levels) - 1 - i) * (_HEIGHT + _RISE)
        for node, center in _centers(level).items():
            package = packages.get(node)
            x = middle + center - (_BOX if package else _LANE) / 2
            placed[node] = _Placed(node, package, x, y)
    return placed, _corners(placed, chains)


def _width(level: Sequence[str]) -> float:
    return sum(_LANE if "@" in node else _BOX for node in level) + _GAP * (len(level) - 1)


def _centers(level: Sequence[str]) -> dict[str, float]:
    """Return where each node of a layer has its middle, the layer's own middle being 0."""
    x, found = -_width(level) / 2, {}
    for node in level:
        width = _LANE if "@" in node else _BOX
        found[node] = x + width / 2
        x += width + _GAP
    return found


def _order(levels: list[list[str]], links: Sequence[tuple[str, str]]) -> None:
    """Order each layer in place: fewest crossings, then the shortest arrows. All orders are tried."""
    for _ in range(4):
        for i in [*range(len(levels)), *reversed(range(len(levels)))]:
            around = levels[max(i - 1, 0) : i + 2]
            centers = {node: x for level in around for node, x in _centers(level).items()}
            near = [(a, b) for a, b in links if a in centers and b in centers]
            levels[i] = list(min(permutations(sorted(levels[i])), key=partial(_cost, centers, near)))


def _cost(
    centers: Mapping[str, float], links: Sequence[tuple[str, str]], order: Sequence[str]
) -> tuple[int, float]:
    """Return crossings and sideways length of the arrows that meet a layer in this order."""
    x = {**centers, **_centers(order)}
    here = set(order)
    crossings = sum(
        (a in here) == (c in here) and (x[a] - x[c]) * (x[b] - x[d]) < 0
        for (a, b), (c, d) in combinations(links, 2)
    )
    return crossings, sum(abs(x[a] - x[b]) for a, b in links)


def _corners(
    placed: Mapping[str, _Placed], chains: Mapping[tuple[str, str], Sequence[str]]
) -> dict[tuple[str, str], list[Point]]:
    """Return each arrow's corners: from below the importer, straight through lanes, to above the imported."""
    starts = _ports(placed, {key: (chain[0], chain[1]) for key, chain in chains.items()})
    ends = _ports(placed, {key: (chain[-1], chain[-2]) for key, chain in chains.items()})
    found = {}
    for key, chain in chains.items():
        points = [(starts[key], placed[chain[0]].y + _HEIGHT)]
        for lane in (placed[node] for node in chain[1:-1]):
            points += [(lane.center, lane.y), (lane.center, lane.y + _HEIGHT)]
        found[key] = [*points, (ends[key], placed[chain[-1]].y - 3)]
    return found


def _ports(
    placed: Mapping[str, _Placed], meetings: Mapping[tuple[str, str], tuple[str, str]]
) -> dict[tuple[str, str], float]:
    """Spread the arrows that meet at one side of a box along it, in the order of where they come from.

    Args:
        placed: All nodes.
        meetings: Arrow -> the box at this end, and the next node along the arrow.
    """
    counts = Counter(box for box, _ in meetings.values())
    found, used = {}, Counter[str]()
    for key, (box, _) in sorted(meetings.items(), key=lambda item: placed[item[1][1]].center):
        share = (used[box] + 0.5) / counts[box] - 0.5
        used[box] += 1
        found[key] = placed[box].center + share * _SPREAD * _BOX
    return found


def _polyline(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _describe(rows: Sequence[Sequence[str]], arrows: Mapping[str, Sequence[str]]) -> str:
    """Say in words what the drawing shows."""
    said = "; ".join(", ".join(row) for row in rows)
    return f"Packages in layers, from the bottom up: {said}. Imports: {'; '.join(_imports(rows, arrows))}."


def _imports(rows: Sequence[Sequence[str]], arrows: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name in (name for row in reversed(rows) for name in row):
        if arrows[name]:
            yield f"{name} imports {', '.join(arrows[name])}"
