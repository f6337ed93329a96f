"""The slider between two presets: what its script gets, and what it refuses."""

import json

import numpy as np
import pytest
from bs4 import BeautifulSoup

from latentdx import Dexed
from latentdx.audio.io import encoding
from latentdx.display import morph_slider
from latentdx.errors import ParameterError
from latentdx.presets.bank import PresetBank

A = PresetBank.init()[0].with_values("A <b>")
B = A.with_values("B", **{"OP1 OUTPUT LEVEL": 90})
PATH = PresetBank([A, B])


def test_the_level_is_that_of_the_loudest_step_and_names_cannot_end_the_script() -> None:
    page = BeautifulSoup(morph_slider({"</script>": PATH, "two": PATH}, "A to B", "Listen."), "html.parser")
    data = json.loads(page.script.text)
    loudest = encoding.true_peak(Dexed().render(A))
    assert data["gain"] == pytest.approx(min(-1 - 20 * np.log10(loudest), 12), abs=0.01)
    assert (data["start"], data["end"]) == (A.name, "B")
    assert [path["title"] for path in data["paths"]] == ["</script>", "two"]
    assert "needs JavaScript" in page.figure.text and page.figure["aria-label"] == "A to B"


def test_paths_of_other_lengths_or_ends_are_refused() -> None:
    with pytest.raises(ParameterError, match="one length"):
        morph_slider({}, "A to B")
    with pytest.raises(ParameterError, match="one length"):
        morph_slider({"one": PATH, "two": PresetBank([A, A, B])}, "A to B")
    with pytest.raises(ParameterError, match="the same end"):
        morph_slider({"one": PATH, "two": PresetBank([A, A])}, "A to B")
