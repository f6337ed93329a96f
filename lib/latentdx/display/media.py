"""Sounds and pictures that a page links to: files beside a chapter, and within the page everywhere else.

The files are named by their content: equal bytes have equal names, so no file is stale.
"""

import base64
import hashlib
import json
import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources
from pathlib import Path

import jinja2

from latentdx.display.html import HTML

NOTEBOOK_VARIABLE = "LATENTDX_NOTEBOOK"
"""Environment variable that the notebook runner sets to the chapter's name; elsewhere, nothing is written."""

_TYPES = {"mp3": "audio/mpeg", "webp": "image/webp", "svg": "image/svg+xml"}
_whole_page: ContextVar[bool] = ContextVar("whole_page", default=False)


@contextmanager
def inside_the_page() -> Iterator[None]:
    """Make `save` return `data:` links even in a chapter, for a page that is a single file."""
    token = _whole_page.set(True)
    try:
        yield
    finally:
        _whole_page.reset(token)


def save(data: bytes, suffix: str) -> str:
    """Return a link to these bytes.

    In a chapter they are written to `media/<chapter>/<sha16>.<suffix>` below the working directory, and the
    link is that relative path. Elsewhere the link holds the bytes itself, and nothing is written.

    Args:
        data: Content of the file; the first 16 digits of its SHA-256 name the file.
        suffix: Suffix without a dot, such as "mp3".
    """
    chapter = os.environ.get(NOTEBOOK_VARIABLE)
    if _whole_page.get() or not chapter:
        kind = _TYPES.get(suffix, "application/octet-stream")
        return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    folder = Path("media") / chapter
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return path.as_posix()


def base64url(data: bytes) -> str:
    """Return bytes as text without padding, as `fromBase64` of `voice_link.js` reads them."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def web_asset(name: str) -> str:
    """Return the text of a style sheet or script that pages share, from `latentdx/web`."""
    return resources.files("latentdx").joinpath("web", name).read_text("utf8")


_IMPORT = re.compile(r"""(['"])(\.{1,2}/[\w./-]+\.js)\1""")
_COMMENT = re.compile(r"^\s*(/\*\*((?!\*/).)*\*/|//[^\n]*)\n", re.DOTALL | re.MULTILINE)


@cache
def web_modules(*entries: str) -> str:
    """Return a script that holds the texts of modules of `latentdx/web`, for pages that can't import files.

    `site.js` makes modules of them in a page that is a single file, or that was opened as one. Comments that
    begin a line are left out.

    Args:
        entries: Names of the modules that such a page imports; what these import is added.
    """
    texts: dict[str, str] = {}
    waiting = list(entries)
    while waiting:
        path = waiting.pop()
        if path not in texts:
            texts[path] = _COMMENT.sub("", web_asset(path))
            folder = posixpath.dirname(path)
            found = [
                posixpath.normpath(posixpath.join(folder, name)) for _, name in _IMPORT.findall(texts[path])
            ]
            waiting += found
    return f"window.ldxModules = {json_in_page(dict(sorted(texts.items())))};\n"


def json_in_page(value: object) -> HTML:
    """Return JSON for a <script> of a page, with "<" as an escape, since "</script>" would end the script."""
    return HTML(json.dumps(value, separators=(",", ":")).replace("<", r"\u003c"))


@cache
def template_environment(package: str) -> jinja2.Environment:
    """Return the templates of a package and of this one; values are escaped unless they are `Markup`."""
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name) for name in (package, "latentdx.display")]),
        autoescape=True,  # preset names may hold <, & and quotes
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def render_template(name: str, /, **values: object) -> HTML:
    """Render this package's template of that name with these values, see `template_environment`."""
    return HTML(template_environment("latentdx.display").get_template(name).render(**values))
