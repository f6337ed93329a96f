"""Sounds of other instruments for the chapter "Out-of-domain samples": their level, and what it decides."""

from collections.abc import Sequence

import numpy as np
import torch
from IPython.display import HTML

from latentdx.applications.program import Programmer
from latentdx.audio.dexed import Dexed
from latentdx.book.examples import Audio
from latentdx.book.figures import COLORS, figure_html, new_figure
from latentdx.dataset import leveling
from latentdx.dataset.measuring import FLOOR_DB, peak_rms_db
from latentdx.dataset.targets import Target
from latentdx.evaluation.metrics import mfcc_mae
from latentdx.evaluation.sound import Sound

PERCENTILES = (1, 10, 25, 50, 75, 90, 99)
"""Of the levels in the training set, to try."""


def heard(target: Target) -> tuple[Audio, str]:
    """A sound as the models get it, leveled; and where it comes from, for its caption."""
    sound, gain = leveling.leveled(target.audio())
    moved = f"{gain:+.1f} dB".replace("-", "−")
    source = (target.source or "")[:1].upper() + (target.source or "")[1:]
    return sound, f"{source}; {target.license}. Leveled by {moved}."


def training_levels() -> list[float]:
    """`PERCENTILES` of the loudest frames' levels in the training set, dB."""
    return [float(x) for x in np.percentile(leveling.training_levels_db(), PERCENTILES)]


def distances_at(model: Programmer, sounds: Sequence[Audio], level_db: float) -> list[float]:
    """MFCC13 of what one forward pass makes of each sound at a level, the answer's own level made equal.

    So a wrong level counts not for itself, but for what it does to everything else.
    """
    given = [leveling.leveled(sound, level_db)[0] for sound in sounds]
    with torch.inference_mode():
        bank = model.predict(torch.cat([model.spectrograms(sound) for sound in given])).bank
    out = []
    for sound, preset in zip(given, bank, strict=True):
        answer = Dexed().render(preset)
        if peak_rms_db(answer) > FLOOR_DB:
            answer = leveling.leveled(answer, level_db)[0]
        padded = np.pad(sound, (0, len(answer) - len(sound)))
        out.append(mfcc_mae(Sound(padded), Sound(answer), 13))
    return out


def level_figure(model: Programmer, sounds: Sequence[Audio]) -> HTML:
    """How far the answers are from the sounds when these are given at other levels, and as they are."""
    levels = training_levels()
    found = np.array([distances_at(model, sounds, level) for level in levels])  # (level, sound)
    means = found.mean(1)
    figure, axes = new_figure(size=(7.0, 3.2))
    ax = axes[0, 0]
    ax.plot(levels, found, color=COLORS[3], alpha=0.5, linewidth=0.8)
    ax.plot(levels, means, "o-", color=COLORS[0])
    level = leveling.training_level_db()
    ax.axvline(level, color=COLORS[1], linewidth=1.0)
    ax.set(xlabel="level of the loudest frame, dBFS", ylabel="MFCC13", ylim=(0, None))
    told = ", ".join(
        f"{mean:.1f} at {level:.1f} dBFS".replace("-", "−") for mean, level in zip(means, levels, strict=True)
    )
    return figure_html(
        figure,
        f"Mean MFCC13 by the level at which the sounds are given: {told}.",
        caption=f"Mean over {len(sounds)} sounds in teal, each sound in violet, at percentiles "
        f"{', '.join(map(str, PERCENTILES))} of the training set's levels. The line is the level in use, "
        f"{level:.1f} dBFS.".replace("-", "−"),
    )
