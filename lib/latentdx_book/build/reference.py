"""Record the outputs of a chapter that are the same on every machine, for nbval to compare.

`python -m latentdx_book.build.reference synth` executes the chapter with its default parameters, and writes
the outputs of the cells in `STABLE` into `tests/references/synth.json`.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat

from latentdx_book.build.notebook_runner import run_notebook

STABLE = {"synth": ("parameter-table", "three-views", "packed", "sanitize")}
"""Chapter -> ids of the cells whose outputs hold no sound, no picture and no measured time."""

FOLDER = Path("tests/references")

_CHECK = "nbval-check-output"
"""Tag of the cells whose outputs nbval compares."""


def stable_outputs(chapter: Path) -> dict[str, Any]:
    """Execute a chapter; return the outputs of its stable cells by cell id."""
    with tempfile.TemporaryDirectory() as folder:
        executed = Path(folder, chapter.name)
        run_notebook(chapter, executed, {})
        cells = {cell.id: cell for cell in nbformat.read(executed, as_version=4).cells}
    return {name: cells[name].outputs for name in STABLE[chapter.stem]}


def write_reference(chapter: Path, outputs: dict[str, Any], target: Path) -> None:
    """Write a copy of a chapter that holds recorded outputs, marked for nbval to check."""
    notebook = nbformat.read(chapter, as_version=4)
    for cell in notebook.cells:
        if cell.id in outputs:
            cell.outputs = [nbformat.from_dict(output) for output in outputs[cell.id]]
            cell.execution_count = 1  # nbval takes a cell without one for one that was never run
            cell.metadata.setdefault("tags", []).append(_CHECK)
    nbformat.write(notebook, target)


def main() -> None:
    """Record the outputs of some chapters, or of all that have stable ones."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or STABLE:
        outputs = stable_outputs(Path("book", f"{name}.ipynb"))
        text = json.dumps(outputs, indent=1, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
