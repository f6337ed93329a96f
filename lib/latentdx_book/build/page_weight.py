"""Make the pages of a built site light, so that they appear at once, also on a phone.

The theme asks a browser for a dozen stylesheets with half a megabyte of rules, for two icon fonts, and for a
dozen scripts, before it paints anything. Here the stylesheets of a page become one file without the rules
that no page can use, the icon fonts keep the icons that occur, and scripts follow the text.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tinycss2
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

OWN = ("pages.css", "site.css", "model.css")
"""Stylesheets of our own, whose rules are all kept: scripts put their class names together."""

_LINK = re.compile(r'[ \t]*<link(?=[^>]*rel="stylesheet")[^>]*href="([^":?]+\.css)[^"]*"[^>]*>\n?')
_SCRIPT = re.compile(r'[ \t]*<script(?![^>]*(?:data-cfasync|type="module"))[^>]*>.*?</script>\n?', re.S)
# of the theme's search as you type, which is off
_SEARCH = re.compile(
    r'[ \t]*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>\n?'
)
_PRELOAD = re.compile(r'[ \t]*<link rel="preload" as="script"[^>]*>\n?')
_NAME = re.compile(r"[.#]((?:[\w-]|\\.)+)")
_NO_NAMES = re.compile(r":not\([^()]*\)|\[[^\]]*\]")  # of what a selector asks for
_WORD = re.compile(r"[\w-]+")
_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)['\"]?\s*\)")
_ALWAYS = "bs-"  # beginning of names that bootstrap's script puts together


def lighten(built: Path) -> None:
    """Rewrite the pages of a built site, and add their stylesheets and fonts to its `_static`."""
    pages = {
        page: page.read_text("utf8") for page in sorted(built.rglob("*.html")) if "_static" not in page.parts
    }
    scripts = [path for path in built.rglob("*.js") if "mathjax" not in path.parts]
    words = {word for text in pages.values() for word in _WORD.findall(text)}
    words.update(word for path in scripts for word in _WORD.findall(path.read_text("utf8")))
    bundles: dict[tuple[Path, ...], Path] = {}
    for page, text in pages.items():
        head, end, body = text.partition("</head>")
        sheets = tuple((page.parent / name).resolve() for name in _LINK.findall(head))
        if not sheets:
            continue
        if sheets not in bundles:
            bundles[sheets] = _bundle(sheets, built.resolve() / "_static", words)
        link = f'<link rel="stylesheet" href="{_relative(bundles[sheets], page.resolve().parent)}" />\n'
        at = _LINK.search(head)
        assert at
        head = head[: at.start()] + link + _LINK.sub("", head[at.start() :])
        page.write_text(_scripts_last(head, end + body, page.name == "search.html"), "utf8")


def _scripts_last(head: str, rest: str, search: bool) -> str:
    """Move the scripts of a page's head, in their order, behind its text."""
    head = _PRELOAD.sub("", head if search else _SEARCH.sub("", head))
    before, end, after = rest.rpartition("</body>")
    return _SCRIPT.sub("", head) + before + "".join(_SCRIPT.findall(head)) + end + after


def _bundle(sheets: Sequence[Path], folder: Path, words: set[str]) -> Path:
    """Write the rules of some stylesheets that can be used as one file, named by its content."""
    target = folder / "bundles"
    target.mkdir(exist_ok=True)
    rules = [rule for sheet in sheets for rule in _rules(sheet, target, words)]
    css = "\n".join(rules)
    for font in set(re.findall(r"url\(([^)]+\.woff2)\)", css)):
        outline = (target / font).with_suffix(".ttf")
        if outline.exists():
            css = css.replace(f"url({font})", f"url({_subset(outline, target, set(css))})")
    path = target / f"{_digest(css)}.css"
    path.write_text(css, "utf8")
    return path


def _rules(sheet: Path, target: Path, words: set[str]) -> Iterator[str]:
    """Yield the rules of a stylesheet that some page can use, with its addresses as a folder needs them."""

    def moved(found: re.Match[str]) -> str:
        if found[1].startswith(("data:", "#", "http")):
            return found[0]
        return f"url({_relative((sheet.parent / found[1].partition('?')[0]).resolve(), target)})"

    kept = None if sheet.name in OWN else words
    content = tinycss2.parse_stylesheet(sheet.read_text("utf8"), skip_comments=True, skip_whitespace=True)
    for rule in content:
        if rule.type == "at-rule" and rule.lower_at_keyword == "import":
            name = next(part.value for part in rule.prelude if part.type in ("string", "url"))
            yield from _rules((sheet.parent / name).resolve(), target, words)
        elif css := _usable(rule, kept):
            yield _URL.sub(moved, css)


def _usable(rule: Any, words: set[str] | None) -> str:
    """Return a rule without the selectors whose names do not occur in the site; "" if none is left."""
    if rule.type == "qualified-rule":
        selectors = _selectors(tinycss2.serialize(rule.prelude))
        left = [each for each in selectors if words is None or _occurs(each, words)]
        return f"{','.join(left)}{{{tinycss2.serialize(rule.content).strip()}}}" if left else ""
    if rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports", "layer", "container"):
        if rule.content is None:
            return str(rule.serialize())
        inner = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
        left = [css for each in inner if (css := _usable(each, words))]
        head = f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}"
        return f"{head}{{{''.join(left)}}}" if left else ""
    return "" if rule.type == "error" else str(rule.serialize())


def _selectors(prelude: str) -> list[str]:
    """Split a list of selectors at the commas that are not within parentheses."""
    return [part.strip() for part in re.split(r",(?![^(\[]*[)\]])", prelude) if part.strip()]


def _occurs(selector: str, words: set[str]) -> bool:
    """Return whether all classes and ids that a selector asks for occur in pages or scripts."""
    names = (name.replace("\\", "") for name in _NAME.findall(_NO_NAMES.sub("", selector)))
    return all(name in words or name.startswith(_ALWAYS) for name in names)


def _subset(outline: Path, target: Path, characters: set[str]) -> str:
    """Write a font with some characters only, and return its name, which tells them apart."""
    options = Options()
    options.layout_features = []
    font = TTFont(outline)
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(characters))
    subsetter.subset(font)
    font.flavor = "woff"  # which needs no Brotli
    name = f"{outline.stem}-{_digest(''.join(sorted(characters)))}.woff"
    font.save(target / name)
    return name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
