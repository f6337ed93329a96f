"""Tables and figures of `latentdx.display` in a chapter: HTML, or a notice where results are missing."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from latentdx.display.figures import figure_html
from latentdx.display.html import HTML
from latentdx.display.tables import table_html
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx_book.chapters.trained_models import notice


def shown(
    section: Callable[..., pd.DataFrame | Figure | HTML],
    *,
    scroll: bool = False,
    units_in_cells: bool = False,
    format: Literal["svg", "webp"] = "svg",
) -> Callable[..., HTML]:
    """Return the function whose table or figure becomes HTML, or a notice where its results are missing.

    A table without any columns becomes an empty text.

    Args:
        section: Function that returns a table, a figure, or HTML.
        scroll: See `table_html`.
        units_in_cells: See `table_html`.
        format: See `figure_html`.
    """

    @wraps(section)
    def section_or_notice(*arguments: Any, **named: Any) -> HTML:
        try:
            found = section(*arguments, **named)
        except NotMeasuredError as absent:
            parts = str(absent).split("`")
            code = Markup("<code>{}</code>")
            text = Markup("").join(code.format(part) if i % 2 else part for i, part in enumerate(parts))
            return notice("Not measured yet", text)
        if isinstance(found, pd.DataFrame):
            table = table_html(found, scroll=scroll, units_in_cells=units_in_cells)
            return table if len(found.columns) else HTML()
        return figure_html(found, format=format) if isinstance(found, Figure) else found

    return section_or_notice


def details(heading: str, content: HTML) -> HTML:
    """Hide long content behind a line to open.

    Args:
        heading: Text of the line.
        content: HTML that it reveals.
    """
    return HTML(Markup("<details><summary>{}</summary>{}</details>").format(heading, Markup(content)))
