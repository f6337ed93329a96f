"""Tables and figures as files for a paper: LaTeX, CSV and Markdown, or PDF, SVG and PNG."""

import io
import re
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from latentdx.display import table_formats
from latentdx.errors import ParameterError
from latentdx.files import atomic_write

TABLES = (".tex", ".csv", ".md")
"""Suffixes of the files into which a table can be saved."""

FIGURES = (".pdf", ".svg", ".png")
"""Suffixes of the files into which a figure can be saved."""

_LATEX = str.maketrans(
    {
        **{character: rf"\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": "$<$",
        ">": "$>$",
        "−": "$-$",
        "–": "--",
        "\u00a0": "~",
        "↓": r"$\downarrow$",
        "↑": r"$\uparrow$",
        "→": r"$\rightarrow$",
        "×": r"$\times$",
        "…": r"\dots{}",
    }
)


def save(thing: pd.DataFrame | Figure, path: str | Path, *, force: bool = False) -> Path:
    r"""Save a table or a figure in the format that the path's suffix names.

    A table is saved as .tex (for `\usepackage{booktabs}`, with the caption and the label `tab:<name>`) or .md
    as it would be printed, with rounded numbers, or as .csv, with every number in full precision. A figure is
    saved as .pdf, .svg or .png (300 dots per inch) in the style in which it was made, see
    `figures.paper_style`; its caption and description become the file's metadata.

    Args:
        thing: Table or figure of this package, or any other data frame or matplotlib figure.
        path: File to write, in an existing folder.
        force: True to replace a file that exists.

    Returns:
        The path.

    Raises:
        ParameterError: The suffix names no format of such a thing, the file exists, or its folder does not.
    """
    path = Path(path)
    if isinstance(thing, pd.DataFrame):
        kind, suffixes = "table", TABLES
    elif isinstance(thing, Figure):
        kind, suffixes = "figure", FIGURES
    else:
        raise ParameterError(
            f"save takes a pandas.DataFrame or a matplotlib Figure, not {type(thing).__name__}"
        )
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise ParameterError(f"{path} ends in {suffix!r}, but a {kind} is saved as {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise ParameterError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.is_dir() or (path.exists() and not force):
        remedy = "choose another name" if path.is_dir() else "force=True replaces it, or choose another name"
        raise ParameterError(f"{path} exists already: {remedy}")
    data = _table(thing, path) if isinstance(thing, pd.DataFrame) else _figure(thing, suffix[1:])
    with atomic_write(path) as file:
        file.write(data)
    return path


def _table(frame: pd.DataFrame, path: Path) -> bytes:
    if path.suffix.lower() == ".csv":
        return frame.to_csv(index=frame.index.name is not None, lineterminator="\n").encode()
    return (_latex(frame, path.stem) if path.suffix.lower() == ".tex" else markdown(frame)).encode()


def _latex(frame: pd.DataFrame, name: str) -> str:
    shown = table_formats.cells(
        frame,
        escape=lambda text: str(text).translate(_LATEX),
        bold=r"\textbf{{{}}}".format,
        interval="{} ({}--{})".format,
    )
    columns = table_formats.shown_columns(frame)
    aligned = "".join("r" if table_formats.is_number(frame[column]) else "l" for column in columns)
    caption = frame.attrs.get("caption", "").translate(_LATEX)
    latex = shown.to_latex(
        index=False,
        escape=False,
        column_format=aligned.rjust(len(shown.columns), "l"),
        caption=caption or None,
        label=f"tab:{re.sub('[^A-Za-z0-9:-]', '-', name)}" if caption else None,
    )
    return latex.replace("\\begin{table}\n", "\\begin{table}\n\\centering\n", 1)


def markdown(frame: pd.DataFrame) -> str:
    """Return a table in Markdown, with its caption below."""
    shown = table_formats.cells(
        frame,
        escape=lambda text: re.sub(r"([|\\`*_<>])", r"\\\1", text).replace("\n", " "),
        bold="**{}**".format,
        interval="{} ({} – {})".format,
    )
    lines = [list(shown.columns), ["---"] * len(shown.columns), *shown.to_numpy().tolist()]
    caption = frame.attrs.get("caption", "")
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + (f"\n{caption}.\n" if caption else "")


def _figure(figure: Figure, format: str) -> bytes:
    title, alt = getattr(figure, "caption", ""), getattr(figure, "alt", "")
    told = {"Title": title or alt, "Subject" if format == "pdf" else "Description": alt}
    metadata: dict[str, str | None] = {key: text for key, text in told.items() if text}
    if format != "png":  # the same bytes each time
        metadata |= {"CreationDate" if format == "pdf" else "Date": None}
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format, metadata=metadata, dpi=300)
    return buffer.getvalue()
