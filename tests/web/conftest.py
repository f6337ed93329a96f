"""A page of Chromium that can import the scripts of `latentdx/web`."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page

from book_folder import Book

WEB = Path(__file__).parents[2] / "lib/latentdx/web"


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a host that serves the folder `web`, as a static host does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(WEB)))
    Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/site.css")
    yield page
    page.close()
    server.shutdown()


@pytest.fixture(scope="module")
def book(shared_chapter: Path) -> Iterator[Book]:
    """A site without pages; media of the test's chapter are beside them."""
    served = partial(_Handler, directory=str(shared_chapter))
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/sub/"
    yield Book(shared_chapter / "sub", shared_chapter / "media", address)
    server.shutdown()
