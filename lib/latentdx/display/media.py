"""Files that a page links to, named by their content: equal bytes, equal names, nothing stale."""

import base64
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources
from pathlib import Path

import jinja2

from latentdx.display.html import HTML

NOTEBOOK_VARIABLE = "LATENTDX_NOTEBOOK"
"""Set by the notebook runner to the chapter's name; by hand, files go to `media/scratch`."""


_TYPES = {"mp3": "audio/mpeg", "webp": "image/webp", "svg": "image/svg+xml"}
_whole_page: ContextVar[bool] = ContextVar("whole_page", default=False)


@contextmanager
def inside_the_page() -> Iterator[None]:
    """Within it, `save` writes nothing and returns `data:` links, for a page that is one file."""
    token = _whole_page.set(True)
    try:
        yield
    finally:
        _whole_page.reset(token)


def save(data: bytes, suffix: str) -> str:
    """Write `media/<notebook>/<sha16>.<suffix>` below the working directory and return that relative link."""
    if _whole_page.get():
        kind = _TYPES.get(suffix, "application/octet-stream")
        return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    folder = Path("media") / os.environ.get(NOTEBOOK_VARIABLE, "scratch")
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return path.as_posix()


def web_asset(name: str) -> str:
    """Read a style sheet or script that pages share, from `latentdx/web`."""
    return resources.files("latentdx").joinpath("web", name).read_text("utf8")


@cache
def template_environment(package: str) -> jinja2.Environment:
    """The templates in a package's folder `templates`; every value is escaped unless it is `Markup`."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,  # preset names may hold <, & and quotes
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def render_template(name: str, /, **values: object) -> HTML:
    """HTML from this package's template of that name, see `template_environment`."""
    return HTML(template_environment("latentdx.display").get_template(name).render(**values))
