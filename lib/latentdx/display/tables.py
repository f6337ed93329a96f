"""Tables as HTML that a screen reader, a keyboard and a phone can use."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from latentdx.display.html import HTML
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import PARAMETERS, Parameter, parameter


def table_html(frame: pd.DataFrame, caption: str, *, scroll: bool = False) -> HTML:
    """Render a data frame as an HTML table, without its index.

    Args:
        frame: Data to show. All text is escaped, except cells that are `markupsafe.Markup`.
        caption: Description of the table; also its name for screen readers.
        scroll: True to keep a long table in its own scrolling region, which the keyboard can reach.

    >>> html = table_html(pd.DataFrame({"name": ["R&B"]}), "Names")
    >>> "<td>R&amp;B</td>" in html
    True
    """
    safe = frame.map(lambda cell: escape(cell) if isinstance(cell, str) else cell)
    safe.columns = pd.Index([escape(name) for name in frame.columns])
    body = safe.to_html(index=False, escape=False, border=0, classes="ldx-table", justify="unset")
    body = body.replace("<th></th>", "<td></td>")  # screen readers stumble over a header without a name
    body = body.replace("<th>", '<th scope="col">').replace(' style="text-align: unset;"', "")
    body = body.replace("<thead>", f"<caption>{escape(caption)}</caption>\n<thead>", 1)
    kind = "ldx-scroll ldx-tall" if scroll else "ldx-scroll"
    return HTML(
        Markup('<div class="{}" tabindex="0" role="region" aria-label="{}">{}</div>').format(
            kind, caption, Markup(body)
        )
    )


def parameter_table() -> pd.DataFrame:
    """Tabulate all 155 parameters as the book prints them, one row each, in plug-in order."""
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
    """Tabulate parameters of a preset: DX7 integer, plug-in value, and the text that a musician reads.

    Args:
        preset: Preset to read.
        names: Names of the parameters, one row each.
    """
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
    """Tabulate the parameters in which any version differs from the target, as a musician reads them.

    Args:
        target: Preset to compare with.
        title: Heading of the target's column.
        versions: (title, preset) of each version.

    Returns:
        One row per differing parameter, in plug-in order. Columns: "parameter", the target's value, and one
        column per version, empty where it equals the target.

    >>> from latentdx import PresetBank
    >>> init = PresetBank.init()[0]
    >>> differences(init, "init", [("changed", init.with_values(ALGORITHM=4))])
       parameter init changed
    0  ALGORITHM    1       5
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
    """Format bytes (uint8 array) as lines of hexadecimal numbers, each after the offset of its first byte.

    >>> print(hex_dump(np.arange(6, dtype=np.uint8), width=4))
      0  00 01 02 03
      4  04 05
    """
    lines = (packed[i : i + width] for i in range(0, len(packed), width))
    return "\n".join(f"{i * width:3d}  " + " ".join(f"{b:02x}" for b in line) for i, line in enumerate(lines))
