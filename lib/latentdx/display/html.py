"""HTML that a notebook shows and that templates leave unescaped."""


class HTML(str):
    """Piece of HTML: text that Jupyter renders and that neither Jinja nor MarkupSafe escapes.

    >>> HTML("<b>bold</b>")
    <HTML of 11 characters>
    >>> HTML("<b>bold</b>") + "!"
    '<b>bold</b>!'
    """

    __slots__ = ()

    def __html__(self) -> str:
        return self  # not `str(self)`, which `Markup.format` would escape

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"<HTML of {len(self):,} characters>"
