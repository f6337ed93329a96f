"""Tables as HTML that a screen reader, a keyboard and a phone can use."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from latentdx.display.html import HTML
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import PARAMETERS, Parameter, parameter


def table_html(frame: pd.DataFrame, caption: str, *, scroll: bool = False) -> HTML:
    """A data frame as a table, its index left out; all text is escaped but what is `markupsafe.Markup`.

    Args:
        caption: says what the table holds; also its name for screen readers.
        scroll: keep a long table in a region that scrolls by itself (reachable by keyboard).
    """
    safe = frame.map(lambda cell: escape(cell) if isinstance(cell, str) else cell)
    safe.columns = pd.Index([escape(name) for name in frame.columns])
    body = safe.to_html(index=False, escape=False, border=0, classes="ldx-table", justify="unset")
    body = body.replace("<th></th>", "<td></td>")  # a header without a name is none to a screen reader
    body = body.replace("<th>", '<th scope="col">').replace(' style="text-align: unset;"', "")
    body = body.replace("<thead>", f"<caption>{escape(caption)}</caption>\n<thead>", 1)
    kind = "ldx-scroll ldx-tall" if scroll else "ldx-scroll"
    return HTML(
        Markup('<div class="{}" tabindex="0" role="region" aria-label="{}">{}</div>').format(
            kind, caption, Markup(body)
        )
    )


def parameter_table() -> pd.DataFrame:
    """All 155 parameters as the book prints them, one row each, in plug-in order."""
    return pd.DataFrame([_parameter_row(p) for p in PARAMETERS])


def _parameter_row(p: Parameter) -> dict[str, object]:
    return {
        "index": p.index,
        "name": p.name,
        "VCED": "–" if p.vced is None else p.vced,
        "values": "any" if p.size is None else p.size,
        "kind": p.kind,
        "group": p.group,
        "learned": "yes" if p.learnable else f"locked at {p.locked:g}",
        "dynamic": "yes" if p.dynamic else "",
    }


def three_views(preset: Preset, names: Sequence[str]) -> pd.DataFrame:
    """Some parameters of a preset: DX7 integer, plug-in value, and what a musician reads."""
    plugin = preset.bank.plugin()[0]
    return pd.DataFrame(
        {
            "parameter": name,
            "DX7 integer": preset[name],
            "plug-in value": f"{plugin[parameter(name).index]:.4f}",
            "reads": parameter(name).text(preset[name]),
        }
        for name in names
    )


def differences(target: Preset, title: str, versions: Sequence[tuple[str, Preset]]) -> pd.DataFrame:
    """The parameters in which any version differs from the target, as a musician reads them.

    Returns:
        parameter, the target's value under its title, and a column for each (title, preset) of `versions`,
        empty where it equals the target; in plug-in order.
    """
    voice = [p for p in PARAMETERS if p.vced is not None]
    lines = [
        [
            p.name,
            p.text(target[p.name]),
            *("" if v[p.name] == target[p.name] else p.text(v[p.name]) for _, v in versions),
        ]
        for p in voice
    ]
    names = ["parameter", title, *(name for name, _ in versions)]
    return pd.DataFrame([line for line in lines if any(line[2:])], columns=names)


def hex_dump(packed: np.ndarray, width: int = 16) -> str:
    """Bytes as lines of hexadecimal numbers with the offset of each line."""
    lines = (packed[i : i + width] for i in range(0, len(packed), width))
    return "\n".join(f"{i * width:3d}  " + " ".join(f"{b:02x}" for b in line) for i, line in enumerate(lines))
