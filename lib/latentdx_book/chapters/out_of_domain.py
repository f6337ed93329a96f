"""Sounds of other instruments for the chapter "Out-of-domain samples": matches, and the effect of levels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from matplotlib import rc_context

from latentdx.applications.match import Match, match_targets
from latentdx.applications.programmer import Programmer
from latentdx.applications.target import Target
from latentdx.audio.renderer import Dexed
from latentdx.dataset import loudness
from latentdx.dataset.audio_descriptors import FLOOR_DB, peak_rms_db
from latentdx.dataset.target_sounds import TargetSound
from latentdx.display.figures import DescribedFigure, new_figure
from latentdx.display.table_formats import described
from latentdx.metrics.objective import fitted
from latentdx.metrics.registry import mfcc_mae
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.retrieval.known_presets import KnownPresets
from latentdx.typing import Audio
from latentdx_book.chapters.presentation import shown
from latentdx_book.chapters.programming import Programmed, ProgrammedPreset, named

PERCENTILES = (1, 10, 25, 50, 75, 90, 99)
"""Percentiles of the training set's levels at which sounds are tried."""


def heard(target: TargetSound) -> tuple[Audio, str]:
    """Return a sound as the models receive it, leveled, and a caption on its source."""
    sound, gain = loudness.leveled(target.audio())
    moved = f"{gain:+.1f} dB".replace("-", "−")
    source = (target.source or "")[:1].upper() + (target.source or "")[1:]
    return sound, f"{source}; {target.license}. Leveled by {moved}."


def matched(
    p: Programmed, model: Programmer, known: Sequence[KnownPresets], budget: int
) -> tuple[Programmed, Match]:
    """Match a sound like `latentdx match` does, and add the best preset as one more answer.

    A match tunes its presets already, where that brings them closer.

    Args:
        p: Target and its answers.
        model: Model that starts the search.
        known: Presets that may start it too.
        budget: Number of renders.

    Returns:
        The target with the additional answer, and the match.
    """
    sound = Target(fitted(p.sound), *p.note, (), ())
    found = match_targets([sound], model, known, budget=budget, keep=1)
    preset = named(found.best.preset, p.target.name, "match")
    tuning = replace(found.best.tuning, preset=preset)
    answer = ProgrammedPreset("match", f"Match, {budget:,} renders", preset, tuning)
    return replace(p, answers=(*p.answers, answer)), found


@shown
def matches_table(programmed: Sequence[Programmed], matches: Sequence[Match]) -> pd.DataFrame:
    """Tabulate the distances of each match after one forward pass and at its end; empty without matches."""
    if not matches:
        return pd.DataFrame()
    stages = {"one pass": 0, "match": -1}
    columns = {(key, when): f"{title}, {when}" for key, (title, _) in _MEASURES.items() for when in stages}
    values = np.array([[m.stages[stages[when]].measures[key] for key, when in columns] for m in matches])
    frame = pd.DataFrame(
        [*values, values.mean(0)],
        columns=list(columns.values()),
        index=pd.Index([*(p.target.name for p in programmed), "mean"], name="target"),
    )
    first, last = (values[:, list(columns).index(("mfcc13", when))].mean() for when in stages)
    less = 1 - last / first
    return described(
        frame,
        f"The same model: one forward pass, then a match from there with {matches[0].renders:,} renders. "
        f"MFCC13 {'falls' if less > 0 else 'rises'} by {100 * abs(less):.0f}% on average; lower is better",
        formats={column: _MEASURES[key][1] for (key, _), column in columns.items()},
    )


_MEASURES = {"mfcc13": ("MFCC13", ".1f"), "convergence": ("SC", ".2f"), "log_stft": ("log-STFT", ".3f")}


def training_levels() -> list[float]:
    """Return the `PERCENTILES` of the loudest frames' levels in the training set, in dB."""
    return [float(x) for x in np.percentile(loudness.training_levels_db(), PERCENTILES)]


def distances_at(model: Programmer, sounds: Sequence[Audio], level_db: float) -> list[float]:
    """Return the MFCC13 of one forward pass for each sound, when the sounds are given at another level.

    The answer's level is made equal to the target's before they are compared. So a wrong level in itself does
    not count, only its effect on everything else.

    Args:
        model: Model that programs the sounds.
        sounds: Sounds, float32 (samples,) each, 22,050 Hz.
        level_db: Level of the loudest frame to give them at, in dBFS.
    """
    given = [loudness.leveled(sound, level_db)[0] for sound in sounds]
    with torch.inference_mode():
        bank = model.predict(torch.cat([model.spectrograms(sound) for sound in given])).bank
    out = []
    for sound, preset in zip(given, bank, strict=True):
        answer = Dexed().render(preset)
        if peak_rms_db(answer) > FLOOR_DB:
            answer = loudness.leveled(answer, level_db)[0]
        padded = np.pad(sound, (0, len(answer) - len(sound)))
        out.append(mfcc_mae(SoundFeatures(padded), SoundFeatures(answer), 13))
    return out


@shown
@rc_context()
def level_figure(model: Programmer, sounds: Sequence[Audio]) -> DescribedFigure:
    """Plot the distance of the answers from the sounds against the level at which the sounds are given."""
    levels = training_levels()
    found = np.array([distances_at(model, sounds, level) for level in levels])  # (level, sound)
    means = found.mean(1)
    figure, axes = new_figure(size=(7.0, 3.2))
    ax = axes[0, 0]
    ax.plot(levels, found, color="C3", alpha=0.5, linewidth=0.8)
    ax.plot(levels, means, "o-", color="C0")
    level = loudness.training_level_db()
    ax.axvline(level, color="C1", linewidth=1.0)
    ax.set(xlabel="level of the loudest frame, dBFS", ylabel="MFCC13", ylim=(0, None))
    texts = ", ".join(
        f"{mean:.1f} at {level:.1f} dBFS".replace("-", "−") for mean, level in zip(means, levels, strict=True)
    )
    return figure.described(
        f"Mean MFCC13 by the level at which the sounds are given: {texts}.",
        f"Mean over {len(sounds)} sounds in teal and each sound in violet, at the percentiles "
        f"{', '.join(map(str, PERCENTILES))} of the training set's levels. The vertical line is the level in "
        f"use, {level:.1f} dBFS.".replace("-", "−"),
    )
