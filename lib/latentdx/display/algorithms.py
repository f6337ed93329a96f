"""Drawings of the DX7's 32 algorithms, computed from the synth's own table.

An algorithm defines which operators are heard (carriers) and which modulate the phase of others (modulators).
The drawing puts carriers on the bottom row and modulators above what they modulate. It has one line for each
entry of the modulation matrix, one loop for the feedback, and one line from each carrier to the output.
"""

from collections.abc import Mapping, Sequence

from latentdx.display import media
from latentdx.display.html import HTML
from latentdx.errors import ParameterError
from latentdx.presets.algorithms import N_ALGORITHMS, algorithm, frequency_text, layout
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import N_OPERATORS

_CELL_X, _CELL_Y = 36, 38  # distance between operators
_BOX = 24  # side of an operator
_LOOP = 6  # distance of a feedback loop from the boxes
_MARGIN = 8


def algorithm_html(
    number: int, labels: Sequence[str] = (), silent: Sequence[int] = (), *, scale: float = 1.0
) -> HTML:
    """Draw one algorithm as inline SVG in the color of the surrounding text.

    Args:
        number: Algorithm, 1 to 32.
        labels: Six short texts, one below each operator's number; none by default.
        silent: Operators (1 to 6) to draw faintly.
        scale: CSS pixels per unit of the drawing; an operator is 24 units high.

    Raises:
        ParameterError: There is no algorithm of this number.

    >>> algorithm_html(5).count("data-operator")
    6
    """
    graph = algorithm(number)
    places = layout(graph)
    wide = 1.9 if labels else 1.0
    # room on the right for the loop of an operator in the last column
    x = {k: _MARGIN + (_BOX / 2 + c * _CELL_X) * wide for k, (c, _) in places.items()}
    bottom = _MARGIN + _BOX + max(r for _, r in places.values()) * _CELL_Y
    y = {k: bottom - _BOX / 2 - r * _CELL_Y for k, (_, r) in places.items()}
    half = _BOX / 2 * wide
    middle = _BOX / 2 + (_CELL_Y - _BOX) / 2  # from an operator's center to the bend of the lines below it
    carriers_x = [x[c] for c in graph.carriers]
    loop_x = max(x[k] for k in graph.feedback) + half + _LOOP
    source, target = graph.feedback
    out = bottom + _LOOP + 6
    size = (max(*x.values(), loop_x - half) + half + _MARGIN, out + 5)
    wires = [
        (a, b, f"M{x[a]:g} {y[a] + _BOX / 2:g}V{y[b] - middle:g}H{x[b]:g}V{y[b] - _BOX / 2:g}")
        for a, b in graph.edges
    ]
    feedback = (
        f"M{x[source]:g} {y[source] + _BOX / 2:g}v{_LOOP - 2}H{loop_x:g}"
        f"V{y[target] - _BOX / 2 - _LOOP + 2:g}H{x[target]:g}v{_LOOP - 2}"
    )
    return media.render_template(
        "algorithm.html",
        graph=graph,
        text=graph.describe(),
        size=size,
        scale=scale,
        boxes=[
            {
                "operator": k,
                "x": x[k] - half,
                "y": y[k] - _BOX / 2,
                "label": labels[k - 1] if labels else "",
                "faint": k in silent,
            }
            for k in sorted(x)
        ],
        box=(2 * half, _BOX),
        wires=wires,
        feedback=feedback,
        outputs=[(c, f"M{x[c]:g} {y[c] + _BOX / 2:g}V{out:g}") for c in graph.carriers],
        bus=f"M{min(carriers_x) - half:g} {out:g}H{max(carriers_x) + half:g}",
    )


def preset_drawing(preset: Preset, *, scale: float = 1.7) -> HTML:
    """Draw a preset's algorithm with each operator's frequency and output level, as inline SVG.

    Args:
        preset: Preset to draw; operators with an output level of 0 are faint.
        scale: CSS pixels per unit of the drawing, see `algorithm_html`.
    """
    levels = [preset[f"OP{k} OUTPUT LEVEL"] for k in range(1, N_OPERATORS + 1)]
    labels = [f"{frequency_text(preset, k)} · {levels[k - 1]}" for k in range(1, N_OPERATORS + 1)]
    silent = [k for k, level in enumerate(levels, 1) if level == 0]
    return algorithm_html(preset["ALGORITHM"] + 1, labels, silent, scale=scale)


def preset_algorithm(preset: Preset) -> HTML:
    """Draw a preset's algorithm (see `preset_drawing`), centered like a figure."""
    return HTML(f'<div class="ldx-algorithm">{preset_drawing(preset)}</div>')


def bank_page(presets: Mapping[int, Preset], title: str) -> str:
    """Render a self-contained HTML page that shows the drawing of each preset under its index.

    Args:
        presets: Index to show -> preset.
        title: Title of the page.
    """
    voices = [(i, preset, preset_drawing(preset, scale=1.2)) for i, preset in presets.items()]
    return media.render_template("bank.html", title=title, voices=voices)


def carrier_alone(preset: Preset, carrier: int) -> Preset:
    """Return the preset with only one of its carriers audible; all modulators keep their output levels.

    Args:
        preset: Preset to change.
        carrier: Operator (1 to 6) that stays audible.

    Raises:
        ParameterError: The operator is not a carrier of the preset's algorithm.

    >>> from latentdx import PresetBank
    >>> preset = PresetBank.init()[0].with_values(ALGORITHM=4, **{"OP3 OUTPUT LEVEL": 80})
    >>> alone = carrier_alone(preset, 3)
    >>> alone["OP1 OUTPUT LEVEL"], alone["OP3 OUTPUT LEVEL"]
    (0, 80)
    """
    graph = algorithm(preset["ALGORITHM"] + 1)
    if carrier not in graph.carriers:
        raise ParameterError(
            f"operator {carrier} is not a carrier of algorithm {graph.number}: {graph.carriers}"
        )
    return without(preset, *(c for c in graph.carriers if c != carrier))


def without(preset: Preset, *operators: int) -> Preset:
    """Return the preset with the output level of these operators (1 to 6) set to 0."""
    return preset.with_values(**{f"OP{k} OUTPUT LEVEL": 0 for k in operators})


def algorithm_grid() -> HTML:
    """Draw all 32 algorithms as a numbered list."""
    cells = "".join(
        f'<li>{algorithm_html(n, scale=0.8)}<span aria-hidden="true">{n}</span></li>'
        for n in range(1, N_ALGORITHMS + 1)
    )
    return HTML(f'<ol class="ldx-algorithms" aria-label="The 32 algorithms">{cells}</ol>')
