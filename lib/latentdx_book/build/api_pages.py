"""Pages of the API reference, one or two for each package, generated from the packages themselves.

`python -m latentdx_book.build.api_pages` writes them into `book/api`; a test fails when they are out of date.
"""

import math
import pkgutil
from importlib import import_module
from pathlib import Path

import latentdx

PACKAGES = (
    "presets", "audio", "metrics", "dataset", "models", "retrieval", "training", "applications", "evaluation",
    "display",
)  # fmt: skip
"""Packages in the order of their imports: each uses only those before it."""

MOST_MODULES = 16
"""Largest number of modules on a page; a larger package gets several pages of about equal length."""

FOUNDATIONS = "foundations"
"""Name of the page of modules that belong to no package, which all packages build on."""


def documented_modules(package: str) -> list[str]:
    """Return the names of a package's modules, including those of its subpackages."""
    found = pkgutil.walk_packages(import_module(package).__path__, f"{package}.")
    return [
        module.name
        for module in found
        if not module.ispkg and not module.name.startswith("latentdx.presets.starter.")
    ]


def foundation_modules() -> list[str]:
    """Return the names of the modules that belong to no package."""
    return [
        module.name for module in pkgutil.iter_modules(latentdx.__path__, "latentdx.") if not module.ispkg
    ]


def _page(title: str, text: str, modules: list[str]) -> str:
    sections = [f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n" for name in modules]
    return "\n".join([f"# {title}\n", f"{text}\n", *sections])


def pages() -> dict[str, str]:
    """Return file name -> Markdown of every page in `book/api`."""
    found = {}
    for package in PACKAGES:
        text = import_module(f"latentdx.{package}").__doc__
        assert text
        modules = documented_modules(f"latentdx.{package}")
        n = math.ceil(len(modules) / MOST_MODULES)
        for i in range(n):
            part = modules[len(modules) * i // n : len(modules) * (i + 1) // n]
            title = f"latentdx.{package}" + (f" ({i + 1} of {n})" if n > 1 else "")
            found[f"{package}_{i + 1}.md" if i else f"{package}.md"] = _page(title, text.strip(), part)
    text = "Modules that all packages build on: errors, types, files, downloads and the cache."
    found[f"{FOUNDATIONS}.md"] = _page("Foundations", text, foundation_modules())
    return found


def main(folder: Path = Path("book/api")) -> None:
    """Write the pages, and remove those of packages that no longer exist."""
    made = pages()
    for stale in folder.glob("*.md"):
        if stale.name not in made:
            stale.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
