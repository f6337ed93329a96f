"""Light pages: one stylesheet with the rules that can be used, icons that occur, scripts behind the text."""

import re
import shutil
from pathlib import Path

import pydata_sphinx_theme
import pytest
from fontTools.ttLib import TTFont

from latentdx_book.build.page_weight import lighten

FONTS = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static/vendor/fontawesome"
PAGE = """<html><head><script data-cfasync="false">first()</script>
<link rel="preload" as="script" href="{root}_static/theme.js">
<link href="{root}_static/styles/theme.css?digest=5" rel="stylesheet" />
<link rel="stylesheet" type="text/css" href="{root}_static/site.css" />
<script src="{root}_static/theme.js"></script>
<script>second()</script>
<script src="{root}searchindex.js"></script>
<script type="module" src="{root}_static/own.js"></script>
</head><body><p class="used">Text <i class="fa-star"></i></p>
</body></html>
"""
THEME = """@import "basic.css";
@font-face { font-family: Icons; src: url(../vendor/webfonts/fa-solid-900.woff2) format("woff2") }
.used, .unused > p { color: red }
.unused { color: blue }
.used:not(.unused, .other) { margin: 0 }
.bs-tooltip-top, #opened, a[href$=".pdf,"] { background: url("../images/tip.svg") }
@media (width < 9px) { .unused { top: 0 } .used { top: 1px } }
@media print { .unused { top: 0 } }
.fa-star::before { content: "\\f005" }
.fa-house::before { content: "\\f015" }
"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A site of three pages, in the form of the theme's."""
    (tmp_path / "_static/styles").mkdir(parents=True)
    (tmp_path / "book").mkdir()
    shutil.copytree(FONTS / "webfonts", tmp_path / "_static/vendor/webfonts")
    for name, text in {
        "index.html": PAGE.format(root=""),
        "search.html": PAGE.format(root=""),
        "book/page.html": PAGE.format(root="../"),
        "book/moved.html": "<html>moved</html>",
        "_static/macros.html": '<link rel="stylesheet" href="{{ theme }}.css">',
        "_static/theme.js": "show('opened')",
        "_static/styles/theme.css": THEME,
        "_static/styles/basic.css": "p { margin: 1em }",
        "_static/site.css": ".ours { color: green }",
    }.items():
        (tmp_path / name).write_text(text)
    lighten(tmp_path)
    return tmp_path


def test_pages_share_one_stylesheet_with_the_rules_that_can_be_used(built: Path) -> None:
    for page, root in ((built / "index.html", ""), (built / "book/page.html", "../")):
        sheets = re.findall(r'rel="stylesheet" href="([^"]+)"', page.read_text())
        assert len(sheets) == 1 and re.fullmatch(root + r"_static/bundles/\w+\.css", sheets[0])
    css = (built / "book" / sheets[0]).read_text()
    rules = [line.replace(" ", "") for line in css.splitlines()]
    assert rules[0] == "p{margin:1em}"
    assert rules[2:] == [
        ".used{color:red}",
        ".used:not(.unused,.other){margin:0}",
        '.bs-tooltip-top,#opened,a[href$=".pdf,"]{background:url(../images/tip.svg)}',
        "@media(width<9px){.used{top:1px}}",
        '.fa-star::before{content:"\uf005"}',
        ".ours{color:green}",
    ]


def test_icon_fonts_keep_the_icons_that_occur(built: Path) -> None:
    css = next((built / "_static/bundles").glob("*.css")).read_text()
    found = re.search(r"url\((fa-solid-900-\w+\.woff)\)", css)
    assert found
    icons = set(TTFont(built / "_static/bundles" / found[1]).getBestCmap())
    assert 0xF005 in icons and 0xF015 not in icons


def test_scripts_follow_the_text_in_their_order(built: Path) -> None:
    text = (built / "book/page.html").read_text()
    assert [
        re.sub(r".*/|\(.*", "", each) for each in re.findall(r'<script[^>]*?(?:src="([^"]+)")?>', text)
    ] == ["", "own.js", "theme.js", ""]
    assert text.index("first()") < text.index("own.js") < text.index("Text") < text.index("theme.js")
    assert text.index("theme.js") < text.index("second()") < text.index("</body>")
    assert "searchindex" not in text and "searchindex" in (built / "search.html").read_text()


def test_files_that_are_no_pages_stay(built: Path) -> None:
    assert (built / "book/moved.html").read_text() == "<html>moved</html>"
    assert "{{ theme }}" in (built / "_static/macros.html").read_text()
