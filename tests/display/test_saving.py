"""Tables and figures as files: what is written, what is refused, and what stays as it was."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from latentdx.display import Clip, figure_html, new_figure, paper_style, row, save, table_html
from latentdx.display.figures import DescribedFigure
from latentdx.display.table_formats import described
from latentdx.errors import ParameterError
from tones import tone


def table() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "error, dB": [-1.23456, 2.0],
            "error low, dB": [-2.0, 1.0],
            "error high, dB": [0.5, 3.0],
            "right": [0.98765, np.nan],
            "n": [1234, 5],
            "p": [0.0001, 0.25],
            "kept": [True, False],
        },
        index=pd.Index(["R&B_50%", "Num|Cat <b>"], name="model"),
    )
    return described(
        frame,
        "Errors of 2 & more models",
        formats={"error, dB": ".2f", "right": ".1%", "p": "p"},
        better={"error, dB": "lower", "right": "higher"},
        best={"right": "R&B_50%"},
    )


def figure(**named) -> DescribedFigure:
    made, axes = new_figure(**named)
    axes[0, 0].plot([1, 3, 2])
    made.alt, made.caption = "A line that rises and falls", "A line"
    return made


# -- tables --------------------------------------------------------------------------------------------------


def test_a_table_is_saved_as_latex_that_has_its_caption_and_rounded_numbers(tmp_path) -> None:
    text = save(table(), tmp_path / "my errors.tex").read_text("utf8")
    assert r"\caption{Errors of 2 \& more models}" in text and r"\label{tab:my-errors}" in text
    assert r"\begin{tabular}{lrrrrl}" in text and r"\toprule" in text
    assert r"model & error, dB $\downarrow$ & right $\uparrow$ & n & p & kept \\" in text
    assert r"R\&B\_50\% & $-$1.23 ($-$2.00--0.50) & \textbf{98.8\%} & 1,234 & $<$~0.001 & yes \\" in text
    assert r"Num|Cat $<$b$>$ & 2.00 (1.00--3.00) & -- & 5 & 0.250 & no \\" in text


def test_a_table_is_saved_as_markdown(tmp_path) -> None:
    heading, rule, first, second, _, caption = save(table(), tmp_path / "t.md").read_text("utf8").splitlines()
    assert heading == "| model | error, dB ↓ | right ↑ | n | p | kept |" and rule == "|" + " --- |" * 6
    assert first == r"| R&B\_50% | −1.23 (−2.00 – 0.50) | **98.8%** | 1,234 | \<" + "\u00a00.001 | yes |"
    assert second.startswith(r"| Num\|Cat \<b\> | 2.00") and caption == "Errors of 2 & more models."


def test_a_table_in_csv_has_every_number_in_full(tmp_path) -> None:
    found = pd.read_csv(save(table(), tmp_path / "t.csv"), index_col="model")
    pd.testing.assert_frame_equal(found, table(), check_like=False)
    save(pd.DataFrame({"a": [1]}), tmp_path / "plain.csv")
    assert (tmp_path / "plain.csv").read_text() == "a\n1\n"


def test_a_table_in_a_page_has_the_same_numbers() -> None:
    page = BeautifulSoup(table_html(table(), units_in_cells=True), "html.parser")
    assert page.caption.text == "Errors of 2 & more models"
    assert [th.text for th in page.select("th")] == ["error ↓", "right ↑", "n", "p", "kept"]
    assert [td.get_text(" ") for td in page.select("tbody tr")[0].select("td")] == [
        *("R&B_50%", "−1.23 dB −2.00 – 0.50", "98.8%", "1,234", "<\u00a00.001", "yes")
    ]
    assert page.strong.text == "98.8%"


def test_a_part_of_a_table_is_printed_like_the_whole() -> None:
    part = table()[["right", "error, dB"]].iloc[:1]
    assert "<strong>98.8%</strong>" in (html := table_html(part)) and "<td>−1.23</td>" in html
    lines = pd.DataFrame({"of": ["a", "b", "c"], "value": [0.5, 0.5, 0.5]})
    lines = described(lines, "", formats={"value": {"of": {"a": ".1f", "b": ".2%"}}})
    assert re.findall("<td>(0.5|50.00%)</td>", table_html(lines.iloc[::-1])) == ["0.5", "50.00%", "0.5"]


# -- figures -------------------------------------------------------------------------------------------------


def test_a_figure_is_saved_in_the_format_of_the_suffix_and_says_what_it_shows(tmp_path) -> None:
    pdf, svg, png = (save(figure(), tmp_path / f"f{suffix}") for suffix in (".pdf", ".SVG", ".png"))
    assert pdf.read_bytes().startswith(b"%PDF") and b"A line that rises" in pdf.read_bytes()
    assert b"/FontFile2" in pdf.read_bytes()  # TrueType; journals refuse Type 3
    assert "A line that rises and falls" in svg.read_text() and "<dc:date>" not in svg.read_text()
    image = Image.open(png)
    assert image.size == (2100, 960) and image.text["Description"] == "A line that rises and falls"
    for path in (pdf, svg, png):
        before = path.read_bytes()
        assert save(figure(), path, force=True).read_bytes() == before


def test_a_figure_keeps_the_style_in_which_it_was_made(tmp_path) -> None:
    with paper_style():
        printed = figure()
    shown = figure()
    for made, light in ((printed, True), (shown, False)):
        pixels = np.asarray(Image.open(save(made, tmp_path / f"{light}.png")).convert("L"))
        assert (np.median(pixels) > 250) == light and (np.median(pixels) < 30) != light
    assert Image.open(io.BytesIO(printed._repr_png_())).size == (700, 320)


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thing", "name", "message"),
    [
        (table(), "t.pdf", r"t\.pdf ends in '\.pdf', but a table is saved as \.tex, \.csv, \.md"),
        (figure(), "f.tex", r"ends in '\.tex', but a figure is saved as \.pdf, \.svg, \.png"),
        (figure(), "f", "ends in '', but a figure"),
        (table(), "none/t.csv", "no folder .*none"),
        (table_html(table()), "t.tex", "a pandas.DataFrame or a matplotlib Figure, not HTML"),
    ],
)
def test_what_cannot_be_saved_is_said(tmp_path: Path, thing: object, name: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        save(thing, tmp_path / name)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("mine")
    with pytest.raises(ParameterError, match="t.csv exists already: force=True replaces it"):
        save(table(), path)
    assert path.read_text() == "mine"
    assert save(table(), path, force=True).read_text().startswith("model,")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ParameterError, match=r"folder\.csv exists already: choose another name"):
        save(table(), tmp_path / "folder.csv", force=True)


# -- the working folder --------------------------------------------------------------------------------------


def test_outside_a_chapter_a_row_and_a_figure_leave_no_files(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LATENTDX_NOTEBOOK", raising=False)
    html = row([Clip(tone(0.3, 500), "a tone")], "A row") + figure_html(figure())
    assert "data:audio/mpeg;base64," in html and "data:image/svg+xml;base64," in html
    assert not list(tmp_path.iterdir())
