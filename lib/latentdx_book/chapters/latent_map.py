"""A map of presets that can be heard: each a dot where the latent space puts it, some of them with a sound.

Without scripts the page has the picture and a list of plain players; `map.js` turns the players
into the picture's dots.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE

from latentdx.audio.io import encoding
from latentdx.display import media
from latentdx.display.html import HTML
from latentdx.display.listening_rows import PEAK_DBFS
from latentdx.errors import ParameterError
from latentdx_book.chapters.templates import render_template

Places = npt.NDArray[np.float64]

LEAST_DISTANCE = 0.082
"""Between two dots that can be clicked, in widths of the map: 24 pixels, a fingertip, on a phone."""

_MARGIN = 0.05  # of the map's width, free of dots
_COLORS = (
    "#2fc4b2", "#fe9f6d", "#b79bf2", "#f6e3a1", "#de6980", "#8fb8de",
    "#9ad06b", "#f08fd0", "#d9a441", "#6fd8f0", "#c9c2d6", "#ff7a5c",
)  # fmt: skip


@dataclass(frozen=True)
class Spot:
    """One preset that can be heard.

    Attributes:
        place: its row in the map's places.
        name: of the preset.
        sound: float32 (samples,), 22,050 Hz.
    """

    place: int
    name: str
    sound: npt.NDArray[np.float32]


def neighborhoods(latents: npt.ArrayLike, *, perplexity: float = 20.0, seed: int = 0) -> Places:
    """Points (N, D) -> places (N, 2) within [0, 1], neighbors near each other (t-SNE; distances mean little).

    L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", JMLR 9 (2008), from principal components.
    """
    points = np.asarray(latents, np.float64)
    found = TSNE(init="pca", perplexity=perplexity, random_state=seed, n_jobs=1).fit_transform(points)
    order = found.argsort(0).argsort(0) / (len(found) - 1)
    low, high = found.min(0), found.max(0)
    spread_out = (
        order + (found - low) / (high - low)
    ) / 2  # half by rank, which leaves no wide empty stretches
    places: Places = _MARGIN + (1 - 2 * _MARGIN) * spread_out
    return places


def agreement(latents: npt.ArrayLike, groups: Sequence[str], k: int = 5) -> tuple[float, float]:
    """How often one of the k nearest other points (N, D) is of the same group, and how often by chance."""
    points, group = np.asarray(latents, np.float64), np.asarray(groups)
    squares = (points**2).sum(1)
    distances = squares[:, None] + squares - 2 * points @ points.T
    np.fill_diagonal(distances, np.inf)
    same = group[:, None] == group
    np.fill_diagonal(same, val=False)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(same, nearest, axis=1).mean()
    return float(found), float(same.sum() / (len(group) * (len(group) - 1)))


def spread(places: Places, groups: Sequence[str], n: int, *, seed: int = 0) -> list[int]:
    """At most `n` rows, at least `LEAST_DISTANCE` apart, of all groups alike as far as there is room."""
    rng = np.random.default_rng(seed)
    waiting = {
        name: [i for i in rng.permutation(len(groups)) if groups[i] == name] for name in sorted(set(groups))
    }
    chosen: list[int] = []
    while len(chosen) < n and any(waiting.values()):
        for rows in waiting.values():
            while rows:
                row = int(rows.pop())
                if all(np.hypot(*(places[row] - places[other])) >= LEAST_DISTANCE for other in chosen):
                    chosen.append(row)
                    break
            if len(chosen) == n:
                break
    return sorted(chosen)


def map_html(
    places: Places, groups: Sequence[str], spots: Sequence[Spot], title: str, caption: str = ""
) -> HTML:
    """The map, and one MP3 a spot, each brought to the same peak.

    Args:
        places: (N, 2) within [0, 1], from the upper left.
        groups: of each place; a color and a label each.
        spots: places that can be heard.
        title: names the map, for eyes and screen readers.
        caption: a sentence below it.
    """
    if not spots or len(places) != len(groups):
        raise ParameterError(
            f"a map of {len(places)} places has as many groups and a spot, not {len(groups)}, {len(spots)}"
        )
    names = sorted(set(groups))
    colors = {name: _COLORS[i % len(_COLORS)] for i, name in enumerate(names)}
    return render_template(
        "map.html",
        title=title,
        caption=caption,
        dots=[(100 * x, 100 * y, colors[g]) for (x, y), g in zip(places.tolist(), groups, strict=True)],
        labels=[(name, *_label(places, groups, name)) for name in names],
        spots=[
            {
                "name": spot.name,
                "group": groups[spot.place],
                "color": colors[groups[spot.place]],
                "x": 100 * places[spot.place, 0],
                "y": 100 * places[spot.place, 1],
                "audio": media.save(_encoded(spot.sound), "mp3"),
            }
            for spot in spots
        ],
    )


def _label(places: Places, groups: Sequence[str], name: str) -> tuple[float, float]:
    """Place of a group's label in percent: its member with the most of its own around it."""
    own = places[[g == name for g in groups]]
    crowd = np.exp(-(((own[:, None] - own) ** 2).sum(2)) / 0.02).sum(1)
    x, y = own[crowd.argmax()]
    return float(np.clip(100 * x, 17, 83)), float(np.clip(100 * y - 4, 3, 97))


def _encoded(sound: npt.NDArray[np.float32]) -> bytes:
    peak = encoding.true_peak(sound)
    if peak <= 0:
        raise ParameterError("a spot of the map is silent")
    return encoding.encode(sound * np.float32(10 ** (PEAK_DBFS / 20) / peak), "mp3")
