"""A slider between two presets: paths of several methods side by side, played live while it moves.

The presets of all steps are in the page; `latentdx/web/morph.js` plays and draws them. Without scripts, a
sentence points to the recordings.
"""

from collections.abc import Mapping

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import Renderer
from latentdx.display import media
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, row_gain_db
from latentdx.errors import ParameterError
from latentdx.presets.bank import PresetBank


def morph_slider(
    paths: Mapping[str, PresetBank], title: str, caption: str = "", *, renderer: Renderer | None = None
) -> HTML:
    """Render paths between two presets under one slider, with a plot of the parameters that change.

    All of them are played with one gain, by the rule of listening rows (see `listening_rows.row_gain_db`).

    Args:
        paths: Title of a method -> the presets of its path, all from one preset to one other, and of
            one length, at least 2. They must be ours to publish, because the page holds them.
        title: Name of the slider, for eyes and screen readers; different for each one of a page.
        caption: Sentence on what to listen for.
        renderer: Synth that measures the level; default `Engine()`.

    Raises:
        ParameterError: There are no paths, or their lengths or ends differ.
    """
    banks = list(paths.values())
    if not banks or len(banks[0]) < 2 or len({len(bank) for bank in banks}) > 1:
        raise ParameterError(
            f"a morph needs paths of one length, at least 2, not {[len(bank) for bank in banks]}"
        )
    start, end = banks[0][0], banks[0][-1]
    if any(bank[0] != start or bank[-1] != end for bank in banks):
        raise ParameterError("the paths of a morph must have the same start and the same end")
    synth = renderer or Engine()
    gain = row_gain_db([Clip(synth.render(preset), preset.name) for bank in banks for preset in bank])
    data = {
        "gain": round(gain, 2),
        "start": start.name,
        "end": end.name,
        "paths": [
            {"title": name, "voices": media.base64url(bank.packed().tobytes())}
            for name, bank in paths.items()
        ],
    }
    return media.render_template("morph.html", title=title, caption=caption, data=media.json_in_page(data))
