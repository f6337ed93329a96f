"""Diagram of the network, drawn from models of different widths block by block.

It is inline SVG in the text's colors, in two layouts of the same blocks: encoder and decoder side by side for
wide screens, and everything in one column for phones. The style sheet shows one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

import pandas as pd

from latentdx.audio.spectrogram import N_FRAMES, N_MELS
from latentdx.display.html import HTML
from latentdx.errors import ParameterError
from latentdx.models.model_summary import Block, read_blocks
from latentdx.models.preset_vae import PresetVAE
from latentdx.models.representation import Representation
from latentdx_book.chapters.templates import render_template

_COLUMN, _GAP = 344, 32  # width of a column, and of the gap between two
_ROW = 54
_ICON = 92  # widest shape
_TEXT = _ICON + 12  # where text begins
_BAR = 15  # height of a shape


@dataclass(frozen=True)
class _Item:
    """One line of the drawing: a shape, and text to its right; (x, y) is the upper left corner."""

    icon: str  # "map", "flow", "code" or "preset"
    width: float  # width of the shape
    title: str
    facts: tuple[tuple[str, str], ...]  # (model, "shape · parameters")
    block: str = ""  # module name
    x: float = 0.0
    y: float = 0.0


def network_html(models: Mapping[str, PresetVAE]) -> HTML:
    """Draw models that have the same blocks.

    Args:
        models: Name to show -> model, the widest first.

    Raises:
        ParameterError: The models do not have the same blocks.
    """
    blocks = _aligned(models)
    first = next(iter(models.values()))
    size = _texts(dict.fromkeys(models, (first.architecture.n_notes, N_MELS, N_FRAMES)))
    spectrogram = _Item("map", _ICON, "mel spectrogram, normalized", size)
    reconstruction = _Item("map", _ICON, "reconstruction", size)
    down = [spectrogram, *_items("encoder", blocks)]
    up = [*_items("decoder", blocks), reconstruction]
    codes = {name: (model.latent,) for name, model in models.items()}
    lengths = {name: (model.representation.length,) for name, model in models.items()}
    middle = [
        _Item("code", 44, "z0, drawn from q(z0 | x)", _texts(codes)),
        *_items("latent flow", blocks),
        _Item("code", 44, "zK", _texts(codes)),
        *_items("regression", blocks),
        _Item("preset", _ICON, "preset", _texts(lengths)),
    ]
    alt = _describe(blocks, first)
    drawings = [
        _svg("wide", alt, first.representation, *_wide(down, middle, up)),
        _svg("narrow", alt, first.representation, *_narrow(down, middle, up)),
    ]
    return HTML(f'<div class="ldx-network">{"".join(drawings)}</div>')


def blocks_table(models: Mapping[str, PresetVAE]) -> pd.DataFrame:
    """Tabulate the blocks of models: kind, output shape and number of parameters; the last row has totals.

    Args:
        models: Name to show -> model; all must have the same blocks.
    """
    rows = []
    for of_models in _aligned(models):
        one = next(iter(of_models.values()))
        row: dict[str, object] = {"part": one.part, "block": one.kind}
        for name, block in of_models.items():
            row |= {f"{name}: out": _shape(block.shape), f"{name}: parameters": block.parameters}
        rows.append(row)
    total: dict[str, object] = {"part": "all", "block": ""}
    for name, model in models.items():
        total |= {
            f"{name}: out": "",
            f"{name}: parameters": sum(p.numel() for p in model.parameters()),
        }
    return pd.DataFrame([*rows, total])


def _aligned(models: Mapping[str, PresetVAE]) -> list[dict[str, Block]]:
    """Return each block as it is in every model: one mapping of model name -> block per block."""
    read = {name: {b.module: b for b in read_blocks(model)} for name, model in models.items()}
    names = [list(blocks) for blocks in read.values()]
    if any(other != names[0] for other in names[1:]):
        raise ParameterError(f"the models {', '.join(models)} do not have the same blocks")
    return [{name: blocks[module] for name, blocks in read.items()} for module in names[0]]


def _items(part: str, blocks: Sequence[Mapping[str, Block]]) -> list[_Item]:
    """Return the items of one part of the network."""
    items = []
    for of_models in blocks:
        block = next(iter(of_models.values()))
        if block.part != part:
            continue
        flow = "couplings" in block.kind
        facts = tuple((name, f"{_shape(b.shape)} · {_count(b.parameters)}") for name, b in of_models.items())
        icon = "flow" if flow else "code" if len(block.shape) == 1 else "map"
        width = _ICON if flow else 44.0 if icon == "code" else _map_width(block.shape)
        items.append(_Item(icon, width, f"{part}: {block.kind}" if flow else block.kind, facts, block.module))
    return items


def _map_width(shape: tuple[int, ...]) -> float:
    """Return the drawn width of a feature map: logarithmic in its pixels, which span four decades."""
    least, most = log(3 * 4), log(N_MELS * N_FRAMES)
    pixels = shape[-2] * shape[-1] if len(shape) == 3 else 12
    return 24 + (_ICON - 24) * (log(pixels) - least) / (most - least)


def _texts(shapes: Mapping[str, tuple[int, ...]]) -> tuple[tuple[str, str], ...]:
    """Return the shapes as text, in a single line where the models agree."""
    texts = {name: _shape(shape) for name, shape in shapes.items()}
    return (("", next(iter(texts.values()))),) if len(set(texts.values())) == 1 else tuple(texts.items())


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{n:,}" for n in shape)


def _count(n: int) -> str:
    """Return a number of parameters with three digits, such as "2.10 M"."""
    if n >= 1_000_000:
        return f"{n / 1e6:.3g} M" if n >= 1e8 else f"{n / 1e6:.2f} M" if n < 1e7 else f"{n / 1e6:.1f} M"
    return f"{n / 1e3:.3g} k" if n >= 1000 else str(n)


def _at(items: Sequence[_Item], x: float, y: float) -> list[_Item]:
    """Place the items below each other, from (x, y)."""
    return [_Item(i.icon, i.width, i.title, i.facts, i.block, x, y + n * _ROW) for n, i in enumerate(items)]


_Layout = tuple[list[_Item], list[str], tuple[float, float]]


def _wide(down: Sequence[_Item], middle: Sequence[_Item], up: Sequence[_Item]) -> _Layout:
    """Lay out the encoder downward on the left, the decoder upward on the right, the rest between them."""
    right = _COLUMN + _GAP
    left_items = _at(down, 0, 0)
    right_items = _at(up[::-1], right, 0)
    bottom = max(len(down), len(up)) * _ROW + 26
    middle_items = _at(middle, 96, bottom)  # so that its text ends left of the line up to the decoder
    arrows = [_arrow(a, b) for a, b in pairwise(left_items)]
    arrows += [_arrow(b, a, up=True) for a, b in pairwise(right_items)]
    arrows += [_arrow(a, b) for a, b in pairwise(middle_items)]
    z0, zk = middle_items[0], middle_items[2]
    last, first = left_items[-1], right_items[-1]
    x, y = _center(last)
    arrows.append(f"M{x:g} {y + _BAR / 2 + 3:g}V{_center(z0)[1]:g}H{_center(z0)[0] - z0.width / 2 - 5:g}")
    x, y = _center(first)
    edge = zk.x + _TEXT + 40  # to the right of its text
    arrows.append(f"M{edge:g} {_center(zk)[1]:g}H{x:g}V{y + _BAR / 2 + 6:g}")
    height = bottom + len(middle) * _ROW - 14
    return [*left_items, *middle_items, *right_items], arrows, (2 * _COLUMN + _GAP, height)


def _narrow(down: Sequence[_Item], middle: Sequence[_Item], up: Sequence[_Item]) -> _Layout:
    """Lay out everything in one column; a line along the left edge connects the decoder to zK."""
    margin = 14
    items = _at([*down, *middle], margin, 0)
    branch = _at(up, margin, len(items) * _ROW + 20)
    arrows = [_arrow(a, b) for a, b in pairwise(items)]
    arrows += [_arrow(a, b) for a, b in pairwise(branch)]
    zk, first = items[len(down) + 2], branch[0]
    x, y = _center(zk)
    arrows.append(
        f"M{x - zk.width / 2 - 2:g} {y:g}H3V{first.y - 16:g}H{_center(first)[0]:g}V{_center(first)[1] - 14:g}"
    )
    return [*items, *branch], arrows, (_COLUMN + margin, branch[-1].y + _ROW - 8)


def _center(item: _Item) -> tuple[float, float]:
    """Return the center of an item's shape."""
    return item.x + _ICON / 2, item.y + 20


def _arrow(a: _Item, b: _Item, *, up: bool = False) -> str:
    """Return the path from one shape down to the next, or up to it, if `a` is the lower one."""
    (x, y), (_, to) = _center(a), _center(b)
    reach = _BAR / 2
    return (
        f"M{x:g} {y - reach - 3:g}V{to + reach + 6:g}"
        if up
        else f"M{x:g} {y + reach + 3:g}V{to - reach - 6:g}"
    )


def _svg(
    layout: str,
    alt: str,
    representation: Representation,
    items: Sequence[_Item],
    arrows: Sequence[str],
    size: tuple[float, float],
) -> str:
    return render_template(
        "network.html",
        layout=layout,
        alt=alt,
        items=items,
        arrows=arrows,
        size=size,
        icon=_ICON,
        text=_TEXT,
        bar=_BAR,
        stripes=_stripes(representation),
    )


def _stripes(representation: Representation) -> dict[str, list[tuple[float, float]]]:
    """Return the (start, width) of the slots of blocks and of scalars on a strip of width 1."""
    length = representation.length
    return {
        "block": [(s.start / length, s.width / length) for s in representation.blocks],
        "scalar": [(s.start / length, s.width / length) for s in representation.scalars],
    }


def _describe(blocks: Sequence[Mapping[str, Block]], model: PresetVAE) -> str:
    """Describe the structure in words; the table below the drawing has the numbers."""
    parts = [next(iter(b.values())).part for b in blocks]
    return (
        f"The network: a spectrogram goes through {parts.count('encoder')} encoder blocks to z0, through the "
        f"latent flow to zK, and from there both through the regression to a preset of "
        f"{model.representation.length} numbers and through {parts.count('decoder')} decoder blocks to a "
        "reconstructed spectrogram. The table gives every block's shape and parameters."
    )
