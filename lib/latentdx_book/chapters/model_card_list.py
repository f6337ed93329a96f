"""Model cards in a page, each behind a line to open."""

from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from latentdx.display.html import HTML
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.registry import data_path
from latentdx.training.profile import model_names
from latentdx_book.chapters.presentation import shown


@shown
def cards_html(folder: Path | None = None) -> HTML:
    """Render the model cards of a folder (default `data/checkpoints`), ordered like the training profiles."""
    known = {path.stem: path for path in (folder or data_path("checkpoints")).glob("*.md")}
    known.pop("README", None)
    if not known:
        raise NotMeasuredError("No trained model ships yet. `latentdx train` trains one.")
    order = [name for name in model_names("laptop") if name in known]
    order += sorted(set(known) - set(order))
    return HTML(Markup("\n").join(_card(known[name].read_text("utf8")) for name in order))


def _card(text: str) -> Markup:
    """Render one card: its first heading names it, and the others become titles of its paragraphs."""
    heading, _, body = text.partition("\n")
    # as headings they would appear in the page's table of contents
    body = "\n".join(f"**{line[3:]}**" if line.startswith("## ") else line for line in body.split("\n"))
    content = Markup(MarkdownIt("commonmark", {"html": False}).render(body))
    return Markup('<details class="ldx-card"><summary>{}</summary>\n{}</details>').format(
        heading.removeprefix("# "), content
    )
