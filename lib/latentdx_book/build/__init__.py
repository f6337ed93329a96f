"""Build of the site: the notebook runner, the Sphinx extension, and the pages of the API reference."""

__all__ = ["api_pages", "notebook_runner", "reference", "release", "sphinx_extension", "starter_json"]
