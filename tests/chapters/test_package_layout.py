"""The drawing of the packages shows what the imports are."""

import re
import tomllib
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from latentdx.errors import ParameterError
from latentdx_book.chapters.package_layout import (
    FOUNDATIONS,
    Package,
    direct_imports,
    layers,
    layout_html,
    layout_table,
    read_packages,
)

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "lib/latentdx"


@pytest.fixture(scope="module")
def packages() -> dict[str, Package]:
    return read_packages()


@pytest.fixture(scope="module")
def drawing(packages: dict[str, Package]) -> Tag:
    svg = BeautifulSoup(layout_html(packages), "html.parser").svg
    assert svg
    return svg


def made_up(**imports: str) -> dict[str, Package]:
    """Packages by name, with the names that they import in one text."""
    return {name: Package(name, "", 1, 1, frozenset(text.split())) for name, text in imports.items()}


def test_every_package_and_module_is_counted(packages: dict[str, Package]) -> None:
    folders = {file.parent.name for file in LIBRARY.glob("*/__init__.py")}
    assert set(packages) == folders | {FOUNDATIONS}
    for name in folders:
        files = list((LIBRARY / name).rglob("*.py"))
        assert packages[name].modules == len(files)
        assert packages[name].lines == sum(len(f.read_text("utf8").splitlines()) for f in files)
    assert packages[FOUNDATIONS].modules == len(list(LIBRARY.glob("*.py")))


def test_sources_name_every_package_that_they_import(packages: dict[str, Package]) -> None:
    """Found by a search in the text, not by the import graph."""
    for name in set(packages) - {FOUNDATIONS}:
        text = "\n".join(f.read_text("utf8") for f in (LIBRARY / name).rglob("*.py"))
        named = set(re.findall(r"^\s*from latentdx\.(\w+)", text, re.MULTILINE))
        assert packages[name].imports - {FOUNDATIONS} == (named & set(packages)) - {name}


def test_layers_are_in_the_order_of_the_import_contract(packages: dict[str, Package]) -> None:
    found = [name for layer in layers(packages) for name in layer]
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["tool"]["importlinter"]
    allowed = list(reversed(contract["contracts"][0]["layers"]))
    assert found[0] == FOUNDATIONS and found[-1] == "cli"
    for name, package in packages.items():
        below = found[: found.index(name)]
        assert package.imports <= set(below)
        assert all(allowed.index(other) < allowed.index(name) for other in package.imports - {FOUNDATIONS}), (
            name
        )


def test_each_package_is_one_above_the_highest_that_it_imports() -> None:
    assert layers(made_up(d="b c", a="", c="b", b="a", e="a")) == [["a"], ["b", "e"], ["c"], ["d"]]


def test_arrows_that_follow_from_others_are_left_out() -> None:
    assert direct_imports(made_up(d="a b c", c="a b", b="a", a="", e="a d")) == {
        "a": [],
        "b": ["a"],
        "c": ["b"],
        "d": ["c"],
        "e": ["d"],
    }


def test_packages_that_import_each_other_have_no_layers() -> None:
    with pytest.raises(ParameterError, match="import each other"):
        layers(made_up(a="b", b="a"))


def test_every_package_is_drawn_and_every_arrow(packages: dict[str, Package], drawing: Tag) -> None:
    boxes = {str(g["data-package"]): g.get_text(" ", strip=True) for g in drawing.select("g[data-package]")}
    assert boxes == {name: f"{name} {p.modules} modules {p.lines:,} lines" for name, p in packages.items()}
    drawn = {(str(path["data-from"]), str(path["data-to"])) for path in drawing.select("path[data-from]")}
    assert drawn == {(a, b) for a, imports in direct_imports(packages).items() for b in imports}


def test_the_picture_has_an_alternative_text(packages: dict[str, Package], drawing: Tag) -> None:
    assert drawing["role"] == "img"
    assert all(name in str(drawing["aria-label"]) for name in packages)
    assert "training imports dataset, metrics, models" in str(drawing["aria-label"])


def test_colors_are_the_pages(drawing: Tag) -> None:
    colors = {
        str(tag[kind]) for tag in drawing.find_all(True) for kind in ("fill", "stroke") if kind in tag.attrs
    }
    assert colors == {"currentColor", "none"}


def test_boxes_lie_apart_and_arrows_lead_around_them(drawing: Tag) -> None:
    boxes = {}
    for group in drawing.select("g[data-package]"):
        rect = group.rect
        assert rect
        x, y, w, h = (float(str(rect[k])) for k in ("x", "y", "width", "height"))
        boxes[str(group["data-package"])] = (x, y, x + w, y + h)
        for text in group.select("text"):
            assert 7.2 * len(text.text) < w  # of the widest line, on average
    _, _, width, height = (float(n) for n in str(drawing["viewbox"]).split())
    assert all(min(a, b) >= 0 and c <= width and d <= height for a, b, c, d in boxes.values())
    for p, q in combinations(boxes.values(), 2):
        assert p[2] <= q[0] or q[2] <= p[0] or p[3] <= q[1] or q[3] <= p[1]
    for path in drawing.select("path[data-from]"):
        corners = [tuple(map(float, c.split())) for c in str(path["d"]).removeprefix("M").split("L")]
        start, end = boxes[str(path["data-from"])], boxes[str(path["data-to"])]
        assert start[0] < corners[0][0] < start[2] and corners[0][1] == start[3]
        assert end[0] < corners[-1][0] < end[2] and end[1] - 5 < corners[-1][1] < end[1]
        for (x0, y0), (x1, y1) in pairwise(corners):
            for step in range(1, 20):
                x, y = x0 + (x1 - x0) * step / 20, y0 + (y1 - y0) * step / 20
                assert not any(a < x < c and b < y < d for a, b, c, d in boxes.values())


def test_an_arrow_passes_a_layer_between_the_boxes() -> None:
    svg = BeautifulSoup(
        layout_html(made_up(top="left bottom", left="base", bottom="", base="")), "html.parser"
    )
    path = svg.select_one("path[data-from=top][data-to=bottom]")
    assert path and str(path["d"]).count("L") == 3  # two corners within the layer that it passes


def test_the_table_has_a_line_for_each_package_and_adds_up(packages: dict[str, Package]) -> None:
    table = BeautifulSoup(layout_table(packages), "html.parser")
    rows = [[cell.text for cell in row.select("td")] for row in table.select("tbody tr")]
    assert {row[0] for row in rows} == {*packages, "all"}
    assert all(row[1] for row in rows[:-1])
    assert int(rows[-1][2]) == sum(p.modules for p in packages.values())
    assert rows[-1][3] == f"{sum(p.lines for p in packages.values()):,}"
