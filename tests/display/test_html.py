"""Pieces of HTML stay as they are wherever they are put together."""

import jinja2
import pytest
from IPython.core.formatters import DisplayFormatter
from markupsafe import Markup, escape

from latentdx.display.html import HTML

PIECE = HTML('<b title="a">R&amp;B</b>')


@pytest.mark.parametrize(
    "together",
    [
        lambda: f"<p>{PIECE}</p>",
        lambda: "".join(["<p>", PIECE, "</p>"]),
        lambda: Markup("<p>{}</p>").format(PIECE),
        lambda: Markup("<p>%s</p>") % PIECE,
        lambda: Markup("<p>") + PIECE + Markup("</p>"),
        lambda: Markup("<p>{}</p>").format(Markup("").join([PIECE])),
        lambda: f"<p>{escape(PIECE)}</p>",
        lambda: jinja2.Environment(autoescape=True).from_string("<p>{{ x }}</p>").render(x=PIECE),
    ],
)
def test_it_is_not_escaped(together) -> None:
    assert together() == '<p><b title="a">R&amp;B</b></p>'


def test_a_notebook_shows_it_and_a_log_does_not() -> None:
    shown, _ = DisplayFormatter().format(PIECE)
    assert shown["text/html"] == '<b title="a">R&amp;B</b>'
    assert repr(PIECE) == "<HTML of 24 characters>"
