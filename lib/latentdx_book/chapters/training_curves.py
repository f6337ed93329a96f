"""Training curves and recipes for the chapter on training."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from latentdx.display.figures import COLORS
from latentdx.training.profile import Profile


def draw_curve(
    axes: Axes, log: pd.DataFrame, figure: str, *, label: str = "", color: str = COLORS[0], per_epoch: int = 0
) -> None:
    """Plot one column of a training log against epochs: training thin and faint, validation with dots.

    Args:
        axes: Axes to draw on.
        log: Log with the columns of `latentdx.training.log.COLUMNS`.
        figure: Column to plot.
        label: Legend entry of the validation line.
        color: Color of both lines.
        per_epoch: Number of steps per epoch; 0 (the default) takes it from the first validation row.
    """
    validation = log[log.subset == "validation"]
    steps = per_epoch or int(validation.step.iloc[0])
    train = log[(log.subset == "train") & log[figure].notna()]
    axes.plot(train.step / steps, train[figure], color=color, linewidth=0.9, alpha=0.55)
    seen = validation[validation[figure].notna()]
    axes.plot(seen.step / steps, seen[figure], color=color, marker="o", markersize=3.5, label=label)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def recipe(profiles: Mapping[str, Profile], titles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Tabulate the settings in which profiles differ, one row each.

    Args:
        profiles: Column heading -> profile.
        titles: Name of a setting in the profile -> text to show. Settings without a title are left out; by
            default all are shown by their names.

    Returns:
        A column "setting", and a column for each profile.
    """
    flat = {name: _flat(profile.as_dict()) for name, profile in profiles.items()}
    names = list(dict.fromkeys(key for settings in flat.values() for key in settings))
    rows = []
    for key in names:
        values = [settings.get(key) for settings in flat.values()]
        if any(value != values[0] for value in values[1:]) and (titles is None or key in titles):
            row = {"setting": titles[key] if titles else key}
            rows.append(row | {name: _text(value) for name, value in zip(flat, values, strict=True)})
    return pd.DataFrame(rows, columns=["setting", *profiles])


def differing(profiles: Sequence[Profile]) -> list[str]:
    """Return the dotted names of the settings in which the profiles differ."""
    return recipe({str(i): profile for i, profile in enumerate(profiles)}).setting.tolist()


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
