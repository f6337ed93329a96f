"""A page of listening rows as a file, with the book's own scripts and styles; and its players."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IPython.display import HTML
from playwright.sync_api import Browser, Page

WEB = Path(__file__).parents[1] / "lib/latentdx/web"
TIME = "n => document.querySelectorAll('audio')[n].currentTime"
SOURCES = "[...document.querySelectorAll('audio')].map(audio => audio.getAttribute('src'))"
PLAYING = "[...document.querySelectorAll('audio')].map(audio => !audio.paused)"


def write_page(folder: Path, rows: Sequence[HTML], name: str = "page.html", *, theme: str = "light") -> str:
    """Write the rows to a page beside their media; its address."""
    head = f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf8"><title>Rows</title>'
    head += '<meta name="viewport" content="width=device-width">'
    head += f'<link rel="stylesheet" href="{WEB.as_uri()}/site.css">'
    head += f'<script src="{WEB.as_uri()}/site.js"></script>'
    (folder / name).write_text(head + "".join(r for r in rows), "utf8")
    return (folder / name).as_uri()


@contextmanager
def opened(browser: Browser, address: str, **context: Any) -> Iterator[Page]:
    """The page in a window of its own; no script may have failed at the end."""
    with browser.new_context(**context) as window:
        page = window.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        yield page
        assert errors == []


def slow_down(page: Page, rate: float = 0.25) -> None:
    """Let sounds last longer, so that a busy machine has time to look before they end."""
    page.evaluate(
        "rate => document.querySelectorAll('audio')"
        ".forEach(audio => { audio.defaultPlaybackRate = audio.playbackRate = rate; })",
        rate,
    )


def wait_playing(page: Page, number: int | None) -> None:
    """Until this player sounds, and no other; `None`: until none does."""
    wanted = -1 if number is None else number
    page.wait_for_function(f"{PLAYING}.every((on, i) => on === (i === {wanted}))")
