"""HTML that a notebook shows, and that templates leave as it is."""


class HTML(str):
    """A piece of HTML: text that Jupyter renders and that neither Jinja nor MarkupSafe escapes."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"<HTML of {len(self):,} characters>"
