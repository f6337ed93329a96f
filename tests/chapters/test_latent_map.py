"""Map of presets: places of its dots, their links, and its behavior in a real Chromium."""

import numpy as np
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, expect

from latentdx.errors import ParameterError
from latentdx_book.chapters import latent_map
from latentdx_book.chapters.latent_map import LEAST_DISTANCE, Spot, agreement, map_html, neighborhoods, spread
from pages import PLAYING, WEB, wait_playing
from tones import tone

GROUPS = ["bells", "bells", "organs", "organs"]
PLACES = np.array([[0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]])


def spots() -> list[Spot]:
    return [Spot(i, f"NAME <{i}>", tone(0.1 * (i + 1), 300, 33_075)) for i in range(4)]


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
    page = BeautifulSoup(map_html(PLACES, GROUPS, spots(), 'Map "1"', "Four."), "html.parser")
    players = page.select("li audio[controls][preload=none]")
    assert [p["aria-label"] for p in players] == [f"Play NAME <{i}>, {g}" for i, g in enumerate(GROUPS)]
    assert page.figure["aria-label"] == 'Map "1"' and not page.select("[autoplay]")
    sizes = [(chapter / str(p["src"])).stat().st_size for p in players]
    assert all(5_000 < size < 30_000 for size in sizes)
    assert len(page.select(".ldx-map-dots path")) == 4
    assert [label.text for label in page.select(".ldx-map-group")] == ["bells", "organs"]


def test_a_map_refuses_missing_spots_missing_groups_and_silence() -> None:
    with pytest.raises(ParameterError, match="a map of 4 places"):
        map_html(PLACES, GROUPS, [], "Map")
    with pytest.raises(ParameterError, match="a map of 4 places"):
        map_html(PLACES, GROUPS[:2], spots(), "Map")
    with pytest.raises(ParameterError, match="silent"):
        map_html(PLACES, GROUPS, [Spot(0, "NOTHING", np.zeros(100, np.float32))], "Map")


def open_map(page: Page, folder) -> None:  # type: ignore[no-untyped-def]
    head = '<!doctype html><html lang="en" data-theme="light"><meta charset="utf8"><title>Map</title>'
    head += '<meta name="viewport" content="width=device-width">'
    for name in ("site.css", "model.css"):
        head += f'<link rel="stylesheet" href="{(WEB / name).as_uri()}">'
    for name in ("site.js", "map.js"):
        head += f'<script src="{(WEB / name).as_uri()}"></script>'
    (folder / "map.html").write_text(head + map_html(PLACES, GROUPS, spots(), "Map"), "utf8")
    page.goto((folder / "map.html").as_uri())


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_dots_play_one_at_a_time_by_click_and_key(browser: Browser, chapter, width: int) -> None:  # type: ignore[no-untyped-def]
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_map(page, chapter)
        dots = page.get_by_role("button")
        assert dots.count() == 4 and not page.locator("audio[controls]").count()
        assert page.evaluate(PLAYING) == [False] * 4  # nothing plays by itself
        for dot in dots.all():
            box = dot.bounding_box()
            assert box and min(box["width"], box["height"]) >= 24
        dots.nth(3).click()
        wait_playing(page, 3)
        expect(dots.nth(3)).to_have_attribute("aria-pressed", "true")  # set on the play event, a moment later
        expect(page.get_by_role("status")).to_have_text("NAME <3>, organs")
        page.keyboard.press("ArrowUp")  # to the upper right one
        page.keyboard.press("Enter")
        wait_playing(page, 1)
        expect(dots.nth(3)).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.title") == "NAME <0>, bells"
        page.keyboard.press("ArrowLeft")  # there is no dot in that direction
        assert page.evaluate("document.activeElement.title") == "NAME <0>, bells"
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert not errors


def test_dots_keep_a_fingers_width_on_a_phone() -> None:
    assert 300 * latent_map.LEAST_DISTANCE >= 24  # a phone of 360 pixels leaves 300 for the map
