"""Progress of a match: its distances after each stage, and the curve of its search."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context

from latentdx.applications.match import Match
from latentdx.applications.target import Target
from latentdx.audio.envelope import Ending, levels_db, seconds_of
from latentdx.display.figures import DescribedFigure, new_figure
from latentdx.display.table_formats import described
from latentdx.metrics.gain import amplified, gain_db
from latentdx.typing import Audio

HEADINGS = {"log_stft": "log-STFT", "convergence": "SC", "mfcc13": "MFCC13", "log_mel": "log-mel, dB"}
"""Column headings of the measures, by their names in `match.MEASURES`."""

_LOWEST_DB = -70.0  # of a level's course, below the loudest moment

_STAGES = {
    "known": "known presets, played as the sound was",
    "earlier": "with those of an earlier match",
    "start": "with the preset to refine",
    "forward pass": "one forward pass of the model",
    "model": "best of the model's presets",
    "nearest": "best of these and the closest known presets",
    "search": "after the search",
    "tuning": "ranked by all frames, and tuned",
}


def match_stages_table(match: Match) -> pd.DataFrame:
    """Tabulate the closest preset after each stage.

    Args:
        match: Result of `applications.match.match`.

    Returns:
        One row per stage: the renders up to that point, the mix of distances that the search minimizes, and
        the single distances, all at equal loudness.
    """
    frame = pd.DataFrame(
        [
            {"renders": s.renders, "mix": s.distance, **{HEADINGS[name]: x for name, x in s.measures.items()}}
            for s in match.stages
        ],
        index=pd.Index([_STAGES[s.name] for s in match.stages], name="stage"),
    )
    formats = dict.fromkeys(HEADINGS.values(), ".2f") | {"mix": ".3f"}
    return described(frame, "Distances after each stage, at equal loudness", formats=formats)


@rc_context()
def match_search_figure(match: Match) -> DescribedFigure:
    """Plot the smallest distance so far against the number of renders.

    Args:
        match: Result of `applications.match.match`.
    """
    figure, axes = new_figure(size=(7.0, 2.8))
    ax = axes[0, 0]
    renders, least, _ = zip(*match.curve, strict=True)
    ax.step([*renders, match.renders], [*least, least[-1]], where="post")
    ax.set(xlabel="renders", ylabel="distance", xscale="log", ylim=(0, None))
    return figure.described(
        f"Smallest distance: {least[0]:.2f} at first, {least[-1]:.2f} after {match.renders:,} renders."
    )


@rc_context()
def level_course_figure(target: Target, found: Sequence[tuple[str, Audio]]) -> DescribedFigure:
    """Plot how loud a target and its answers are over time, and where the key is let go.

    Args:
        target: Sound that was matched.
        found: Title and render of each answer, float32 (samples,), as long as the target.
    """
    figure, axes = new_figure(size=(7.0, 2.8))
    ax = axes[0, 0]
    loudest = levels_db(target.sound).max()
    sounds = [("the sound", target.sound)]
    sounds += [(title, amplified(sound, gain_db([target.sound], [sound]))) for title, sound in found]
    for title, sound in sounds:
        levels = levels_db(sound) - loudest
        ax.plot(seconds_of(np.arange(len(levels))), np.maximum(levels, _LOWEST_DB), label=title)
    length = seconds_of(len(levels_db(target.sound)))
    if target.hold < length:
        ax.axvline(target.hold, color="C4", linewidth=1.0, label="key let go")
    ax.set(xlabel="seconds", ylabel="level, dB", xlim=(0, length), ylim=(_LOWEST_DB, 6))
    ax.legend(loc="lower left")
    return figure.described(_course(target))


def _course(target: Target) -> str:
    """Describe the course of a target's level in words."""
    if target.envelope is None:
        return f"The key is held for {target.hold:.2f} s."
    ends = {
        Ending.RELEASED: f"the key is let go after {target.hold:.2f} s",
        Ending.FADED: f"the sound has died away after {target.envelope.end:.2f} s",
        Ending.CUT: "it sounds to the end of the recording",
    }
    return f"The attack takes {target.envelope.attack:.2f} s; {ends[target.envelope.ending]}."
