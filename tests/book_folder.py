"""A folder of pages that is laid out as the built site."""

from pathlib import Path

from latentdx.display.media import web_modules
from latentdx_book.build.sphinx_extension import MODULES
from pages import WEB


class Book:
    """A site's folder without pages, which is served somewhere.

    Attributes:
        root: The site's folder.
        address: Address of its root, with a slash at its end.
    """

    def __init__(self, root: Path, media: Path, address: str) -> None:
        self.root, self.address = root, address
        (root / "book").mkdir(parents=True)
        (root / "book/media").symlink_to(media)
        (root / "_static").mkdir()
        for part in WEB.iterdir():
            (root / "_static" / part.name).symlink_to(part)
        (root / "_static/modules.js").write_text(web_modules(*MODULES), "utf8")

    def write(self, name: str, body: str) -> str:
        """Write a page with the book's styles and its script, dark if its hash is so; return its address."""
        styles = "".join(
            f'<link rel="stylesheet" href="../_static/{style}.css">' for style in ("report", "site", "model")
        )
        theme = "document.documentElement.dataset.theme = location.hash.slice(1) || 'light';"
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Page</title>{styles}'
            f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
            f"<script>{theme}</script>"
            f'<script src="../_static/site.js"></script><main><h1>Page</h1>{body}</main>'
        )
        (self.root / "book" / name).write_text(page, "utf8")
        return f"{self.address}book/{name}"
