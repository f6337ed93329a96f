"""Panels of Jupyter widgets: look, areas for sounds, and a line that says when the kernel does not answer.

A busy kernel cannot say so itself: `latentdx/web/jupyter.js` does, in the browser.
"""

from collections.abc import Callable, Sequence
from itertools import count

import ipywidgets as widgets
from markupsafe import Markup

from latentdx.display import media
from latentdx.display.html import HTML
from latentdx.errors import LatentDXError


def look() -> HTML:
    """Return style and scripts for all present and future rows of sounds and panels in a notebook."""
    style, script = (
        media.web_asset(f"jupyter.{kind}") + media.web_asset(f"site.{kind}") for kind in ("css", "js")
    )
    return HTML(f"<style>{style}</style><script>{media.web_modules('dock.js')}{script}</script>")


def _framed(content: str) -> str:
    """Wrap content so that keys pressed in it go to the players and not to JupyterLab."""
    return f'<div class="ldx-live" data-lm-suppress-shortcuts="true">{content}</div>'


def sentence(text: str, *, wrong: bool = False) -> str:
    """Return a status message, or an alert, as HTML."""
    kind = "ldx-said ldx-wrong" if wrong else "ldx-said"
    return str(Markup('<p class="{}" role="{}">{}</p>').format(kind, "alert" if wrong else "status", text))


class Live(widgets.HTML):
    """Area that shows sounds, which every change of a control replaces, or a message if there are none."""

    def show(self, make: Callable[[], HTML]) -> None:
        """Show what `make` returns, or the message of the error that it raises."""
        try:
            with media.inside_the_page():
                self.value = _framed(make())
        except LatentDXError as error:
            self.value = sentence(str(error), wrong=True)


class Panel(widgets.VBox):
    """Column of controls and what they show, with a line between that says when the kernel does not answer.

    Attributes:
        ask: Hidden button, which the script presses after every press on the panel.
        answer: Line of text for the script, which a press on `ask` replaces by an empty one.

    Args:
        controls: What is pressed.
        shown: What changes then.
    """

    def __init__(self, controls: Sequence[widgets.Widget], shown: Sequence[widgets.Widget]) -> None:
        self._asked = count()
        self.ask, self.answer = widgets.Button(), widgets.HTML()
        self.ask.add_class("ldx-ask")
        self.answer.add_class("ldx-answer")
        self.ask.on_click(self._reply)
        self._reply(None)
        super().__init__([*controls, self.ask, self.answer, *shown])
        self.add_class("ldx-panel")

    def _reply(self, _: object) -> None:
        self.answer.value = f'<p class="ldx-said" role="status" data-asked="{next(self._asked)}"></p>'
