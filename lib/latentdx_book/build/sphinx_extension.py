"""Sphinx extension for what Jupyter Book lacks: local MathJax, media by each page, and a build footer.

It is enabled in ``_config.yml``. It takes MathJax from the wheel of ``sphinx-mathjax-offline``, whose own
extension would copy fifteen times as much.
"""

import importlib.util
import os
import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from latentdx.display import media
from latentdx_book.build import starter_json
from latentdx_book.build.page_weight import lighten

BUILD_VARIABLE = "LATENTDX_BUILD"

MODULES = ("dock.js", "map.js", "morph.js")
"""Modules that pages opened as files load; see `media.web_modules`."""

_PAGE_FIXES = [
    # The theme's web font already draws its icons; this script (540 kB compressed) would draw them again.
    (re.compile(r"\s*<script[^>]*scripts/fontawesome\.js[^>]*></script>"), ""),
    # The theme's button that unfolds a part of the contents has no name for screen readers.
    (re.compile(r"<summary>(?=<span class=\"toctree-toggle\")"), '<summary aria-label="Pages of this part">'),
    # Roles in the bibliography: one is deprecated, the other would require list items.
    (re.compile(r' role="doc-biblioentry"| role="list"(?= class="citation-list")'), ""),
]

_CODE_OR_BAR = re.compile(r"(`+[^`]+`+)(\w?)|\|")


def name_build(app: Sphinx, config: Config) -> None:
    """Name the commit and profile of the build in every page's footer; `dodo.py` passes them on."""
    build = os.environ.get(BUILD_VARIABLE, "the clean sources: no cell has been run")
    config.html_theme_options["extra_footer"] = f'<p class="build">Built from {build}.</p>'


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Add MathJax, modules for pages opened as files, and media; fix the theme's flaws; lighten the pages."""
    if exception or app.builder.format != "html":
        return
    source, built = Path(app.srcdir), Path(app.outdir)
    _copy_mathjax(built / "_static/mathjax")
    starter_json.write_starter(built / "_static/starter.json")
    (built / "_static/modules.js").write_text(media.web_modules(*MODULES), "utf8")
    for folder in source.glob("book/media/*"):
        # links stay the same as in Jupyter
        shutil.copytree(folder, built / folder.relative_to(source), dirs_exist_ok=True)
    for page in built.rglob("*.html"):
        text = page.read_text("utf8")
        for flaw, remedy in _PAGE_FIXES:
            text = flaw.sub(remedy, text)
        page.write_text(text, "utf8")
    lighten(built)


def _copy_mathjax(target: Path) -> None:
    found = importlib.util.find_spec("sphinx-mathjax-offline")
    if found is None or found.origin is None:
        raise FileNotFoundError(
            "the package sphinx-mathjax-offline is not installed: pip install 'latentdx[book]'"
        )
    mathjax, fonts = Path(found.origin).parent / "static/mathjax", "output/chtml/fonts/woff-v2"
    shutil.copytree(mathjax / fonts, target / fonts, dirs_exist_ok=True)
    shutil.copy2(mathjax / "tex-chtml.js", target)


def ease_docstrings(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Escape |x| and `Item`s in docstrings, which Sphinx would misread."""

    def ease(found: re.Match[str]) -> str:
        code, letter = found.groups()
        return r"\|" if code is None else rf"{code}\ {letter}" if letter else code

    lines[:] = [_CODE_OR_BAR.sub(ease, line) for line in lines]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension to Sphinx."""
    app.connect("config-inited", name_build)
    app.connect("autodoc-process-docstring", ease_docstrings)
    app.connect("build-finished", finish, priority=900)  # after the theme, which writes pygments.css then
    return {"parallel_read_safe": True, "parallel_write_safe": True}
