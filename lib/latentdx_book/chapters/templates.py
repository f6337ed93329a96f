"""HTML templates of the chapters."""

from latentdx.display import media
from latentdx.display.html import HTML


def render_template(name: str, /, **values: object) -> HTML:
    """Render `templates/<name>` with these values; each is escaped unless it is `Markup`."""
    return HTML(media.template_environment("latentdx_book.chapters").get_template(name).render(**values))
