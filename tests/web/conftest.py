"""A page of Chromium that can import the scripts of `latentdx/web`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from book_folder import Book
from static_host import served

WEB = Path(__file__).parents[2] / "lib/latentdx/web"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a host that serves the folder `web`, as a static host does."""
    with served(WEB) as address:
        page = browser.new_page()
        page.goto(f"{address}/site.css")
        yield page
        page.close()


@pytest.fixture(scope="module")
def book(shared_chapter: Path) -> Iterator[Book]:
    """A site without pages; media of the test's chapter are beside them."""
    with served(shared_chapter) as address:
        yield Book(shared_chapter / "sub", shared_chapter / "media", f"{address}/sub/")
