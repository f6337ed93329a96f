"""Run a chapter by papermill with a profile's parameters, so that the same results give the same bytes.

A chapter runs in an empty working directory of its own. There it writes sounds and pictures to
``media/<name>/<first 16 digits of the content's SHA-256>.<ext>`` and links them by that same relative path.
``<name>`` is the value of the environment variable ``LATENTDX_NOTEBOOK``; without it, in Jupyter or under
papermill, the notebook itself holds its media. The executed notebook and its media replace the previous ones
only when every cell has succeeded.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import papermill
import yaml
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from latentdx.display.media import NOTEBOOK_VARIABLE
from latentdx.errors import NotebookError


def read_profile(path: Path, chapter: str) -> dict[str, Any]:
    """Return a chapter's parameters in a profile, a YAML file of ``chapter: {parameter: value}``.

    Raises:
        NotebookError: The chapter's entry is not a mapping.
    """
    profile = yaml.safe_load(path.read_text("utf8")) or {}
    parameters = profile.get(chapter) or {}
    if not isinstance(parameters, dict):
        raise NotebookError(f"{path}: '{chapter}' must map parameters to values, not be {parameters!r}")
    return parameters


def run_notebook(source: Path, target: Path, parameters: dict[str, Any]) -> None:
    """Execute a notebook.

    Args:
        source: Notebook to execute.
        target: File of the executed copy; its media go to ``target.parent / "media" / source.stem``.
        parameters: Values of the notebook's parameters; others keep their defaults.

    Raises:
        NotebookError: The notebook does not have one of the parameters, or a cell fails. In that case the
            previous target stays, and the failed notebook with its traceback is kept next to it as
            ``failed-<name>.ipynb``.
    """
    known = set(papermill.inspect_notebook(str(source)))
    if unknown := sorted(set(parameters) - known):
        raise NotebookError(f"{source} has no parameters {unknown}; it has {sorted(known)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    failed = target.with_name(f"failed-{target.name}")
    # next to the target, so that moving the results is a rename
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{source.stem}-") as folder:
        executed = Path(folder, source.name)
        try:
            _execute(source, executed, parameters, Path(folder, "work"))
        except PapermillExecutionError as error:
            executed.replace(failed)
            raise NotebookError(f"{source}: a cell failed, see {failed}\n{error}") from error
        _strip_run(executed)
        _replace_folder(Path(folder, "work", "media", source.stem), target.parent / "media" / source.stem)
        executed.replace(target)
    failed.unlink(missing_ok=True)


# a kernel without it warns on the terminal that others on this machine could listen
_ENCRYPTED = Config(KernelManager={"transport_encryption": "auto"})
# It is interrupted before it is shut down, and logs an error if that meets the end of its last cell. What
# fails in a cell is an output of the notebook, not a line of this log.
_QUIET = ["--log-level=CRITICAL"]


def _execute(source: Path, executed: Path, parameters: dict[str, Any], work: Path) -> None:
    work.mkdir()
    before = os.environ.get(NOTEBOOK_VARIABLE)
    os.environ[NOTEBOOK_VARIABLE] = source.stem  # papermill cannot set the kernel's environment otherwise
    try:
        papermill.execute_notebook(
            str(source),
            str(executed),
            parameters,
            cwd=str(work),
            kernel_name="python3",
            progress_bar=False,
            stdout_file=sys.stdout,  # a training says how far it is
            config=_ENCRYPTED,
            extra_arguments=_QUIET,
        )
    finally:
        if before is None:
            del os.environ[NOTEBOOK_VARIABLE]
        else:
            os.environ[NOTEBOOK_VARIABLE] = before


def _strip_run(path: Path) -> None:
    """Remove what differs between two runs with the same results: times, durations and a random cell id."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
            cell.metadata.tags.append("remove-input")  # like the cell that it overrides
    nbformat.write(notebook, path)


def _replace_folder(new: Path, old: Path) -> None:
    if old.exists():
        shutil.rmtree(old)
    if new.is_dir():
        old.parent.mkdir(exist_ok=True)
        new.replace(old)


def main() -> None:
    """Run one chapter from the command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("source", type=Path, help="the clean notebook")
    parser.add_argument("target", type=Path, help="file of the executed copy; media/<name>/ goes next to it")
    parser.add_argument("--profile", type=Path, help="a YAML file of parameters by chapter")
    parser.add_argument("-p", dest="given", action="append", default=[], metavar="NAME=VALUE",
                        help="a parameter, before those of the profile; the value is YAML")  # fmt: skip
    parser.add_argument("--alone", action="store_true", help="nothing else runs: use all cores")
    options = parser.parse_args()
    if not options.alone:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many chapters run at once as there are cores
    try:
        parameters = read_profile(options.profile, options.source.stem) if options.profile else {}
        parameters |= {
            name: yaml.safe_load(value) for name, _, value in (p.partition("=") for p in options.given)
        }
        run_notebook(options.source, options.target, parameters)
    except NotebookError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
