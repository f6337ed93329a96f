"""Progress of a match: its distances after each stage, and the curve of its search."""

import pandas as pd
from matplotlib import rc_context

from latentdx.applications.match import Match
from latentdx.display.figures import DescribedFigure, new_figure
from latentdx.display.table_formats import described

HEADINGS = {"log_stft": "log-STFT", "convergence": "SC", "mfcc13": "MFCC13", "log_mel": "log-mel, dB"}
"""Column headings of the measures, by their names in `match.MEASURES`."""

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
        the single distances.
    """
    frame = pd.DataFrame(
        [
            {"renders": s.renders, "mix": s.distance, **{HEADINGS[name]: x for name, x in s.measures.items()}}
            for s in match.stages
        ],
        index=pd.Index([_STAGES[s.name] for s in match.stages], name="stage"),
    )
    formats = dict.fromkeys(HEADINGS.values(), ".2f") | {"mix": ".3f"}
    return described(frame, "Distances after each stage", formats=formats)


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
