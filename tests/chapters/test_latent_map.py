"""Map of presets: places of its dots, their links, and what its script reads; see `test_web_map` for that."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from bs4 import BeautifulSoup

from latentdx.errors import ParameterError
from latentdx.presets import corpora
from latentdx.presets.bank import PresetBank
from latentdx_book.chapters.latent_map import (
    LEAST_DISTANCE,
    LatentMap,
    Spot,
    agreement,
    latents_file,
    map_html,
    neighborhoods,
    neighbors,
    spread,
)
from tones import tone

GROUPS = ["bells", "bells", "organs", "organs"]
PLACES = np.array([[0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]])


def spots() -> list[Spot]:
    return [Spot(i, f"NAME <{i}>", tone(0.1 * (i + 1), 300, 33_075)) for i in range(4)]


def four_presets() -> LatentMap:
    """Four presets in the corners; two and two are neighbors."""
    latents = np.array([[0, 0], [1, 0], [0, 9], [1, 9]], np.float32)
    bank = corpora.read("starter")[:4]
    return LatentMap(PLACES, latents, GROUPS, bank, np.array([1, 0.5, 0.1, 0], np.float32), "abc")


def clusters(n: int = 40) -> tuple[np.ndarray, list[str]]:
    """Make two clouds of points that are far apart in thirty dimensions."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(2 * n, 30)).astype(np.float32)
    points[n:, 0] += 30
    return points, ["a"] * n + ["b"] * n


def test_neighbors_stay_neighbors_and_places_are_reproducible() -> None:
    points, groups = clusters()
    places = neighborhoods(points, perplexity=10)
    assert places.shape == (80, 2) and places.min() >= 0 and places.max() <= 1
    assert agreement(places, groups)[0] == 1.0
    np.testing.assert_array_equal(places, neighborhoods(points, perplexity=10))


def test_agreement_counts_nearest_neighbors_and_chance_counts_all_points() -> None:
    points, groups = clusters()
    found, chance = agreement(points, groups)
    assert found == 1.0 and chance == pytest.approx(39 / 79)
    shuffled = list(np.random.default_rng(1).permutation(groups))
    assert agreement(points, shuffled)[0] == pytest.approx(chance, abs=0.12)


def test_spots_keep_their_distance_and_come_from_all_groups() -> None:
    rng = np.random.default_rng(0)
    places, groups = rng.random((300, 2)), [f"g{i % 5}" for i in range(300)]
    chosen = spread(places, groups, 40)
    assert len(chosen) == len(set(chosen)) == 40
    gaps = np.hypot(*(places[chosen][:, None] - places[chosen]).transpose(2, 0, 1))
    assert gaps[~np.eye(40, dtype=bool)].min() >= LEAST_DISTANCE
    counts = [sum(groups[i] == g for i in chosen) for g in set(groups)]
    assert max(counts) - min(counts) <= 2
    assert len(spread(np.zeros((9, 2)), ["g"] * 9, 5)) == 1  # no room for more


def test_without_scripts_the_map_is_a_list_of_players(chapter) -> None:  # type: ignore[no-untyped-def]
    page = BeautifulSoup(map_html(four_presets(), spots(), 'Map "1"', "Four."), "html.parser")
    players = page.select("li audio[controls][preload=none]")
    assert [p["aria-label"] for p in players] == [f"Play NAME <{i}>, {g}" for i, g in enumerate(GROUPS)]
    assert page.figure["aria-label"] == 'Map "1"' and not page.select("[autoplay]")
    sizes = [(chapter / str(p["src"])).stat().st_size for p in players]
    assert all(5_000 < size < 30_000 for size in sizes)
    assert [str(path["d"]).count("M") for path in page.select(".ldx-map-dots path")] == [2, 2]
    assert [label.text for label in page.select(".ldx-map-group")] == ["bells", "organs"]


def test_the_script_gets_presets_levels_and_neighbors(chapter) -> None:  # type: ignore[no-untyped-def]
    the = four_presets()
    page = BeautifulSoup(map_html(the, spots()[:1], "Map"), "html.parser")
    data = json.loads(page.script.text)
    voices = base64.urlsafe_b64decode(data["voices"] + "==")
    assert PresetBank.from_packed(np.frombuffer(voices, np.uint8).reshape(-1, 128)).values.tolist() == (
        the.presets.values.tolist()
    )
    assert data["gains"] == [-3.0, 3.0, 17.0, 0.0] and data["checkpoint"] == "abc"
    assert [near[0] for near in data["neighbors"]] == [1, 0, 3, 2]
    assert neighbors(the.latents, 1).tolist() == [[1], [0], [3], [2]]
    file = (chapter / str(page.select_one("ldx-map")["data-src"])).read_bytes()
    assert file == latents_file(the.latents)
    scales, rows = np.frombuffer(file[:8], "<f4"), np.frombuffer(file[8:], "i1").reshape(4, 2)
    np.testing.assert_allclose(scales * rows, the.latents, atol=9 / 250)


def test_a_map_refuses_missing_spots_missing_groups_and_silence() -> None:
    the = four_presets()
    with pytest.raises(ParameterError, match="at least 1 spot"):
        map_html(the, [], "Map")
    with pytest.raises(ParameterError, match="a map of 4 places"):
        replace(the, groups=GROUPS[:2])
    with pytest.raises(ParameterError, match="silent"):
        map_html(the, [Spot(0, "NOTHING", np.zeros(100, np.float32))], "Map")
