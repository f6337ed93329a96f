"""Diagram and table of the network agree with the models."""

import re

import pytest
from bs4 import BeautifulSoup

from latentdx.errors import ParameterError
from latentdx.models.model_summary import read_blocks
from latentdx.models.preset_vae import PresetVAE
from latentdx.training.profile import read_profile
from latentdx_book.chapters.network_diagram import blocks_table, network_html


@pytest.fixture(scope="module")
def models() -> dict[str, PresetVAE]:
    wide = read_profile("numcat++", "smoke", {"architecture": {"mixer": 24, "flow_hidden": 20}})
    return {
        "wide": PresetVAE(wide.architecture),
        "slim": PresetVAE(read_profile("numcat++", "smoke").architecture),
    }


def test_both_layouts_have_every_block_of_both_models(models: dict[str, PresetVAE]) -> None:
    page = BeautifulSoup(network_html(models), "html.parser")
    blocks = {name: {b.module: b for b in read_blocks(model)} for name, model in models.items()}
    drawings = page.select("svg[role=img][aria-label]")
    assert len(drawings) == 2
    for svg in drawings:
        drawn = {str(g["data-module"]): g for g in svg.select("g[data-module]")}
        assert set(drawn) == set(blocks["wide"])
        for module, group in drawn.items():
            facts = [text.text for text in group.select(".ldx-net-fact")]
            for name, fact in zip(blocks, facts, strict=True):
                shape = " × ".join(f"{n:,}" for n in blocks[name][module].shape)
                assert fact.startswith(f"{name} {shape} · ")


def test_text_stays_within_the_frame_and_shapes_do_not_overlap(models: dict[str, PresetVAE]) -> None:
    for svg in BeautifulSoup(network_html(models), "html.parser").select("svg"):
        left, _, width, height = (float(n) for n in str(svg["viewbox"]).split())
        boxes = []
        for group in svg.select("g"):
            for text in group.select("text"):
                reach = float(str(text["x"])) + 6.1 * len(text.text)  # average width of 12 px type
                assert reach < left + width and float(str(text["y"])) < height
            rect = group.find("rect")
            if rect:
                x, y, w, h = (float(str(rect[k])) for k in ("x", "y", "width", "height"))
                boxes.append((x, y, x + w, y + h))
        for i, a in enumerate(boxes):
            for b in boxes[i + 1 :]:
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)


def test_the_preset_strip_has_a_stripe_for_every_parameter(models: dict[str, PresetVAE]) -> None:
    svg = BeautifulSoup(network_html(models), "html.parser").svg
    assert svg
    counts = {kind: str(svg.select_one(f".ldx-net-{kind}")["d"]).count("M") for kind in ("block", "scalar")}  # type: ignore[index]
    r = models["wide"].representation
    assert counts == {"block": len(r.blocks), "scalar": len(r.scalars)} == {"block": 54, "scalar": 90}
    assert not re.search(r"#[0-9a-f]{6}\b", str(svg))  # the page defines the colors


def test_the_table_adds_up(models: dict[str, PresetVAE]) -> None:
    table = blocks_table(models)
    for name, model in models.items():
        counts = table[f"{name}: parameters"].tolist()
        assert sum(counts[:-1]) == counts[-1] == sum(p.numel() for p in model.parameters())


def test_models_with_different_blocks_are_refused(models: dict[str, PresetVAE]) -> None:
    other = PresetVAE(read_profile("latentdx", "smoke").architecture)
    with pytest.raises(ParameterError, match="wide, other do not have the same blocks"):
        network_html({"wide": models["wide"], "other": other})
