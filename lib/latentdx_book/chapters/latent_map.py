"""Map of presets that can be heard: each is a dot placed by the latent space, and some have a sound.

Without scripts the page has the picture and a list of plain players; `map.js` turns the players into dots on
the picture.
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
"""Smallest distance between two clickable dots, in widths of the map: 24 pixels, a fingertip, on a phone."""

_MARGIN = 0.05  # share of the map's width that stays free of dots
_COLORS = (
    "#2fc4b2", "#fe9f6d", "#b79bf2", "#f6e3a1", "#de6980", "#8fb8de",
    "#9ad06b", "#f08fd0", "#d9a441", "#6fd8f0", "#c9c2d6", "#ff7a5c",
)  # fmt: skip


@dataclass(frozen=True)
class Spot:
    """Preset of the map that can be heard.

    Attributes:
        place: Row of the preset in the map's places.
        name: Name of the preset.
        sound: Audio, float32 (samples,), 22,050 Hz.
    """

    place: int
    name: str
    sound: npt.NDArray[np.float32]


def neighborhoods(latents: npt.ArrayLike, *, perplexity: float = 20.0, seed: int = 0) -> Places:
    """Place points on a map by t-SNE, so that neighbors stay close; long distances on the map mean little.

    L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", JMLR 9 (2008), started from principal
    components.

    Args:
        latents: Points (N, D).
        perplexity: Effective number of neighbors, below N.
        seed: Random seed; equal seeds give equal maps.

    Returns:
        Places (N, 2) within [0, 1].
    """
    points = np.asarray(latents, np.float64)
    found = TSNE(init="pca", perplexity=perplexity, random_state=seed, n_jobs=1).fit_transform(points)
    order = found.argsort(0).argsort(0) / (len(found) - 1)
    low, high = found.min(0), found.max(0)
    # mixed with ranks, which leave no wide empty stretches
    spread_out = (order + (found - low) / (high - low)) / 2
    places: Places = _MARGIN + (1 - 2 * _MARGIN) * spread_out
    return places


def agreement(latents: npt.ArrayLike, groups: Sequence[str], k: int = 5) -> tuple[float, float]:
    """Return how often neighbors belong to the same group.

    Args:
        latents: Points (N, D).
        groups: Group of each point.
        k: Number of nearest other points to look at.

    Returns:
        Share of the nearest neighbors that belong to the same group, and the share expected by chance.
    """
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
    """Choose rows of a map that are at least `LEAST_DISTANCE` apart, from all groups equally where possible.

    Args:
        places: Places (N, 2), see `neighborhoods`.
        groups: Group of each place.
        n: Largest number of rows to choose.
        seed: Random seed; equal seeds give equal choices.

    Returns:
        Rows in ascending order; fewer than `n` where there is no room for more.
    """
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
    """Render the map and write one MP3 per spot, all brought to the same peak.

    Args:
        places: Places (N, 2) within [0, 1], from the upper left.
        groups: Group of each place; every group gets a color and a label.
        spots: Presets that can be heard, at least one.
        title: Name of the map, for eyes and screen readers.
        caption: Sentence shown below it.

    Raises:
        ParameterError: There are no spots, not one group per place, or a spot is silent.
    """
    if not spots or len(places) != len(groups):
        raise ParameterError(
            f"a map of {len(places)} places needs as many groups, not {len(groups)}, and at least 1 spot, "
            f"not {len(spots)}"
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
    """Return the place of a group's label in percent: that of the member where the group is densest."""
    own = places[[g == name for g in groups]]
    crowd = np.exp(-(((own[:, None] - own) ** 2).sum(2)) / 0.02).sum(1)
    x, y = own[crowd.argmax()]
    return float(np.clip(100 * x, 17, 83)), float(np.clip(100 * y - 4, 3, 97))


def _encoded(sound: npt.NDArray[np.float32]) -> bytes:
    peak = encoding.true_peak(sound)
    if peak <= 0:
        raise ParameterError("a spot of the map is silent")
    return encoding.encode(sound * np.float32(10 ** (PEAK_DBFS / 20) / peak), "mp3")
