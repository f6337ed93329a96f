"""Map of presets: each is a dot placed by the latent space, and can be played.

Without scripts the page has the picture, and a list of players for the presets that have a recording.
`map.js` draws the dots, plays the presets themselves, and places presets of the reader's by their latents.
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
from latentdx.presets.bank import PresetBank
from latentdx_book.chapters.templates import render_template

Places = npt.NDArray[np.float64]

LIVE_DBFS = -3.0
"""Peak of a preset that is played live; the engine runs at another rate than the measured samples."""

N_NEIGHBORS = 5
"""Number of closest presets, by their latents, to which the map draws lines."""

LEAST_DISTANCE = 0.082
"""Smallest distance between two clickable dots, in widths of the map: 24 pixels, a fingertip, on a phone."""

_MARGIN = 0.05  # share of the map's width that stays free of dots
_COLORS = (
    "#2fc4b2", "#fe9f6d", "#b79bf2", "#f6e3a1", "#de6980", "#8fb8de",
    "#9ad06b", "#f08fd0", "#d9a441", "#6fd8f0", "#c9c2d6", "#ff7a5c",
)  # fmt: skip


@dataclass(frozen=True)
class Spot:
    """Preset of the map that has a recording.

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
    group = np.asarray(groups)
    same = group[:, None] == group
    np.fill_diagonal(same, val=False)
    found = np.take_along_axis(same, neighbors(latents, k), axis=1).mean()
    return float(found), float(same.sum() / (len(group) * (len(group) - 1)))


def neighbors(latents: npt.ArrayLike, k: int = N_NEIGHBORS) -> npt.NDArray[np.intp]:
    """Return the rows of the k closest other points of each of N points: (N, k), fewer if N is small."""
    points = np.asarray(latents, np.float64)
    squares = (points**2).sum(1)
    distances = squares[:, None] + squares - 2 * points @ points.T
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, : min(k, len(points) - 1)]


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


@dataclass(frozen=True)
class LatentMap:
    """Presets on a map, and what places further presets among them.

    Attributes:
        places: Places (N, 2) within [0, 1], from the upper left, see `neighborhoods`.
        latents: Latents zK (N, D) of the presets' sounds, from which the places were computed.
        groups: Group of each preset; every group gets a color and a label.
        presets: The presets, which must be ours to publish.
        peaks: Largest magnitude of each preset's sound (N,); 1 is full scale.
        checkpoint: First digits of the SHA-256 of the model's checkpoint; only this model places presets.
    """

    places: Places
    latents: npt.NDArray[np.float32]
    groups: Sequence[str]
    presets: PresetBank
    peaks: npt.NDArray[np.float32]
    checkpoint: str

    def __post_init__(self) -> None:
        counts = {len(part) for part in (self.latents, self.groups, self.presets, self.peaks)}
        if counts != {len(self.places)}:
            raise ParameterError(
                f"a map of {len(self.places)} places needs as many latents, groups, presets and peaks, "
                f"not {len(self.latents)}, {len(self.groups)}, {len(self.presets)} and {len(self.peaks)}"
            )


def map_html(the: LatentMap, spots: Sequence[Spot], title: str, caption: str = "") -> HTML:
    """Render the map, and write one MP3 per spot, all brought to the same peak, and the file of latents.

    Args:
        the: Presets of the map and their places.
        spots: Recordings for pages that cannot play presets live, at least one.
        title: Name of the map, for eyes and screen readers.
        caption: Sentence shown below it.

    Raises:
        ParameterError: There are no spots, or a spot is silent.
    """
    if not spots:
        raise ParameterError("a map needs at least 1 spot that has a recording")
    names = sorted(set(the.groups))
    colors = {name: _COLORS[i % len(_COLORS)] for i, name in enumerate(names)}
    groups = np.array([names.index(g) for g in the.groups])
    return render_template(
        "map.html",
        title=title,
        caption=caption,
        dots=[(colors[name], _path(the.places[groups == i])) for i, name in enumerate(names)],
        labels=[(name, *_label(the.places, the.groups, name)) for name in names],
        spots=[
            {
                "place": spot.place,
                "name": spot.name,
                "group": the.groups[spot.place],
                "audio": media.save(_encoded(spot.sound), "mp3"),
            }
            for spot in spots
        ],
        latents=media.save(latents_file(the.latents), "bin"),
        data=media.json_in_page(_data(the, names, groups, colors)),
    )


def latents_file(latents: npt.NDArray[np.float32]) -> bytes:
    """Return latents (N, D) with 8 bits each: the scales of the dimensions, float32, then rows, int8."""
    scales = (np.abs(latents).max(0) / 127).astype("<f4")
    rows = np.rint(latents / np.maximum(scales, 1e-30)).astype("i1")
    return scales.tobytes() + rows.tobytes()


def _data(the: LatentMap, names: list[str], groups: npt.NDArray[np.intp], colors: dict[str, str]) -> object:
    """Return what `map.js` reads; see its typedef `MapData`."""
    with np.errstate(divide="ignore"):
        gains = np.where(the.peaks > 0, LIVE_DBFS - 20 * np.log10(the.peaks), 0)
    return {
        "groups": [{"name": name, "color": colors[name]} for name in names],
        "group": groups.tolist(),
        "names": list(the.presets.names),
        "places": the.places.round(4).tolist(),
        "gains": gains.round(1).tolist(),
        "neighbors": neighbors(the.latents).tolist(),
        "voices": media.base64url(the.presets.packed().tobytes()),
        "dimensions": the.latents.shape[1],
        "checkpoint": the.checkpoint,
    }


def _path(places: Places) -> str:
    """Return dots as an SVG path of lines without length, in percent."""
    return "".join(f"M{100 * x:.1f} {100 * y:.1f}h0" for x, y in places.tolist())


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
