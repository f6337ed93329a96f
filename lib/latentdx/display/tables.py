"""Tables as HTML that a screen reader, a keyboard and a phone can use, and tables of presets' parameters."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from latentdx.display import table_formats
from latentdx.display.html import HTML
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import PARAMETERS, parameter


def table_html(
    frame: pd.DataFrame, caption: str = "", *, scroll: bool = False, units_in_cells: bool = False
) -> HTML:
    """Render a data frame as an HTML table, see `table_formats`; an index without a name is left out.

    Args:
        frame: Data to show. All text is escaped, except cells that are `markupsafe.Markup`.
        caption: Description of the table, also its name for screen readers; by default the table's own.
        scroll: True to keep a long table in its own scrolling region, which the keyboard can reach.
        units_in_cells: True to show the unit in a column's name next to each of its numbers instead.

    >>> html = table_html(pd.DataFrame({"name": ["R&B"]}), "Names")
    >>> "<td>R&amp;B</td>" in html
    True
    """
    shown = table_formats.cells(
        frame,
        escape=escape,
        bold=Markup("<strong>{}</strong>").format,
        interval=Markup('{}<br><span class="ldx-interval">{} – {}</span>').format,
        units_in_cells=units_in_cells,
    )
    if frame.index.name is not None:  # what the labels of lines are is seen
        shown = shown.rename(columns={shown.columns[0]: ""})
    caption = caption or frame.attrs.get("caption", "")
    body = shown.to_html(index=False, escape=False, border=0, classes="ldx-table", justify="unset")
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
    """Tabulate all 155 parameters as the book prints them, one row each, in plug-in order.

    Returns:
        Columns index, name, VCED (offset in a voice, missing where it has none), values (their number,
        missing where any value is possible), kind, group, learned ("yes", or the plug-in value at which it is
        locked) and dynamic ("yes" or "").
    """
    frame = pd.DataFrame(
        {
            "index": p.index,
            "name": p.name,
            "VCED": p.vced,
            "values": p.size,
            "kind": p.kind,
            "group": p.group,
            "learned": "yes" if p.learnable else f"locked at {p.locked:g}",
            "dynamic": "yes" if p.dynamic else "",
        }
        for p in PARAMETERS
    )
    return table_formats.described(
        frame.astype({"VCED": "Int64", "values": "Int64"}), "The 155 parameters, in the plug-in's order"
    )


def three_views(preset: Preset, names: Sequence[str]) -> pd.DataFrame:
    """Tabulate parameters of a preset: DX7 integer, plug-in value (0 to 1), and what a musician reads.

    Args:
        preset: Preset to read.
        names: Names of the parameters, one row each.
    """
    plugin = preset.bank.plugin()[0]
    frame = pd.DataFrame(
        {
            "parameter": name,
            "DX7 integer": preset[name],
            "plug-in value": plugin[parameter(name).index],
            "reads": parameter(name).text(preset[name]),
        }
        for name in names
    )
    caption = f"{len(frame)} parameters of {preset.name}"
    return table_formats.described(frame, caption, formats={"plug-in value": ".4f"})


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
