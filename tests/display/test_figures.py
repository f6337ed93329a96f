import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from latentdx import PresetBank
from latentdx.display import figure_html, figures, new_figure, table_html, tables
from latentdx.errors import ParameterError
from tones import tone


@pytest.mark.parametrize("format", ["svg", "webp"])
def test_a_figure_is_a_linked_file_with_the_same_bytes_each_time(chapter: Path, format: str) -> None:
    pages = []
    for _ in range(2):
        figure, axes = new_figure(1, 2, size=(5, 2))
        axes[0, 0].plot([1, 3, 2], label="a")
        axes[0, 0].legend()
        axes[0, 1].set_title("dots")
        axes[0, 1].scatter(range(9), range(9))
        pages.append(figure_html(figure, 'peaks "<here>"', caption="A & B", format=format))
    assert pages[0] == pages[1]
    page = BeautifulSoup(pages[0], "html.parser")
    assert page.img["alt"] == 'peaks "<here>"' and page.figcaption.text == "A & B"
    assert (page.img["width"], page.img["height"]) == ("500", "200")
    assert page.a["href"] == page.img["src"]
    path = chapter / str(page.img["src"])
    assert len(list(path.parent.iterdir())) == 1
    if format == "svg":
        drawn = path.read_text()
        assert "<dc:date>" not in drawn and "<text" not in drawn
        scheme = drawn.index("prefers-color-scheme")  # behind it, all colors are those of the page's scheme
        assert not re.search("#[0-9a-f]{6}", drawn[drawn.index("</style>", scheme) :].replace("#000000", ""))
    else:
        assert Image.open(path).size == (1000, 400)


def test_a_figure_needs_an_alternative_text(chapter: Path) -> None:
    with pytest.raises(ParameterError, match="alternative text"):
        figure_html(new_figure()[0], " ")


def test_partials_are_the_frequencies_of_the_spectral_peaks() -> None:
    sound = tone(0.3, 500) + tone(0.03, 1500) + tone(0.0003, 4000)  # the last is 60 dB down
    assert figures.partials(sound, start=1.0) == pytest.approx([500, 1500], abs=2.7)
    assert len(figures.partials(sound, start=1.0, below_strongest_db=65)) == 3


def test_share_above_is_a_ratio_of_energies() -> None:
    sound = tone(0.3, 500) + tone(0.03, 5000)
    assert figures.share_above(sound, 3000, seconds=1.0) == pytest.approx(-20, abs=0.2)
    assert figures.share_above(np.zeros(88_576, np.float32), 3000, seconds=1.0) == 0.0


# -- tables


def test_tables_escape_and_are_accessible() -> None:
    frame = pd.DataFrame({"na<me": ['<script>"&'], "n": [3]})
    page = BeautifulSoup(table_html(frame, 'Names of "R&B"', scroll=True), "html.parser")
    assert [th.text for th in page.select("th[scope=col]")] == ["na<me", "n"]
    assert [td.text for td in page.select("td")] == ['<script>"&', "3"]
    assert page.caption.text == page.div["aria-label"] == 'Names of "R&B"'
    assert page.div["tabindex"] == "0" and page.div["role"] == "region"
    assert not page.select("script, [style]")


def test_the_parameter_table_has_a_row_for_each_parameter() -> None:
    frame = tables.parameter_table()
    assert len(frame) == 155
    assert (frame["learned"] == "yes").sum() == 144 and frame["VCED"].isna().sum() == 10
    assert frame.set_index("name").loc["OP6 EG RATE 1", "VCED"] == 0
    assert frame.set_index("name").loc["TRANSPOSE", "learned"] == "locked at 0.5"


def test_three_views_and_the_hex_dump_show_the_preset() -> None:
    preset = PresetBank.init()[0]
    frame = tables.three_views(preset, ["ALGORITHM", "TRANSPOSE", "LFO WAVE"]).set_index("parameter")
    assert list(frame.loc["TRANSPOSE"]) == [24, 0.5, "+0 semitones"]
    assert list(frame.loc["LFO WAVE"]) == [0, 0.0, "triangle"]
    assert ">0.5000<" in table_html(frame.reset_index())
    lines = tables.hex_dump(preset.bank.packed()[0]).splitlines()
    assert len(lines) == 8 and lines[7].startswith("112  ")
    assert bytes.fromhex(lines[7][5:])[6:] == b"INIT VOICE"
