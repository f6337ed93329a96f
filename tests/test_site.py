"""The built site is complete, local and small (`conftest.site` builds it, with warnings as errors)."""

import io
import json
import pkgutil
import re
from hashlib import sha256
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from urllib.parse import unquote, urldefrag

import dexed
import nbformat
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from bs4 import BeautifulSoup, Tag

import latentdx
from latentdx import Dexed
from latentdx.audio.io import encoding
from latentdx.audio.notes import parse_note
from latentdx.audio.renderer import HOLD
from latentdx.presets.bank import Preset

ROOT = Path(__file__).parents[1]
PAGES = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text("utf8"))

LINKS = {"href", "src", "data-src", "poster"}
EXTERNAL = re.compile(r"^([a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)


class Links(HTMLParser):
    """Parser that collects a page's ids and its links as (tag, attribute, address)."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.page, self.ids, self.links = page, set[str](), list[tuple[str, str, str]]()
        self.feed(page.read_text("utf8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"id", "name"} and value:
                self.ids.add(value)
            if name in LINKS and value:
                self.links.append((tag, name, value))
            if name == "srcset" and value:
                self.links += [(tag, "src", part.split()[0]) for part in value.split(",")]


@pytest.fixture(scope="module")
def parsed(site: Path) -> dict[Path, Links]:
    """Every page of the site, without the theme's two empty templates under _static."""
    return {page: Links(page) for page in site.rglob("*.html") if "_static" not in page.parts}


def test_the_table_of_contents_has_every_page() -> None:
    sources = [*(ROOT / "book").glob("*.ipynb"), *(ROOT / "book").rglob("*.md")]
    assert sorted(PAGES) == sorted(str(page.relative_to(ROOT).with_suffix("")) for page in sources)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_built_and_names_its_commit_and_profile(site: Path, name: str) -> None:
    page = (site / f"{name}.html").read_text("utf8")
    assert re.search(r'class="build">Built from [0-9a-z.-]+.*, profile smoke', page)


def test_api_reference_has_every_module(parsed: dict[Path, Links]) -> None:
    """Packages only gather names, the command line has --help, and preset families are internal."""
    modules = {
        module.name
        for module in pkgutil.walk_packages(latentdx.__path__, "latentdx.")
        if not module.ispkg and not module.name.startswith(("latentdx.cli", "latentdx.presets.starter."))
    }
    anchors = set[str]().union(*(found.ids for found in parsed.values()))
    assert {f"module-{name}" for name in modules} <= anchors


def test_every_local_link_has_a_target(parsed: dict[Path, Links]) -> None:
    broken = []
    for page, found in parsed.items():
        for _, _, address in found.links:
            path, fragment = urldefrag(address)
            if EXTERNAL.match(address):
                continue
            target = (page.parent / unquote(path.partition("?")[0])).resolve() if path else page
            if not target.is_file():
                broken.append(f"{page.name}: {address}")
            elif fragment and target in parsed and unquote(fragment) not in parsed[target].ids:
                broken.append(f"{page.name}: no anchor {address}")
    assert not broken


def test_nothing_is_loaded_from_elsewhere(parsed: dict[Path, Links]) -> None:
    # an <a href> may point elsewhere, and <link rel=canonical> names an address; everything else is fetched
    foreign = [
        f"{page.name}: <{tag} {name}={address[:80]}>"
        for page, found in parsed.items()
        for tag, name, address in found.links
        if EXTERNAL.match(address) and tag != "a"
    ]
    assert not foreign


def test_links_stay_under_the_site(parsed: dict[Path, Links]) -> None:
    """The site is published under a sub-path, so an address from the host's root would miss it."""
    assert not [link for found in parsed.values() for _, _, link in found.links if re.match(r"/(?!/)", link)]


def test_pages_and_site_are_small(site: Path, parsed: dict[Path, Links]) -> None:
    assert not {page.name: page.stat().st_size for page in parsed if page.stat().st_size > 400_000}
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 60_000_000


def test_no_media_is_inlined(parsed: dict[Path, Links]) -> None:
    assert not [
        page.name
        for page in parsed
        if re.search(r"data:(audio|image|video)[^,]*;base64", page.read_text("utf8"))
    ]


def test_media_are_named_by_their_content(site: Path) -> None:
    media = [path for path in (site / "book/media").rglob("*") if path.is_file()]
    assert media
    assert not [path for path in media if path.stem != sha256(path.read_bytes()).hexdigest()[:16]]


def test_every_medium_is_used(site: Path, parsed: dict[Path, Links]) -> None:
    linked = {(page.parent / link).resolve() for page, found in parsed.items() for _, _, link in found.links}
    assert not [
        path for path in (site / "book/media").rglob("*") if path.is_file() and path.resolve() not in linked
    ]


def test_offered_presets_render_to_the_sound_of_their_clip(site: Path) -> None:
    """A second .syx reader reads each preset; rendered at the row's gain and coded as MP3, it must match."""
    compared = 0
    for page in sorted((site / "book").glob("*.html")):
        text = page.read_text("utf8")
        for row in BeautifulSoup(text, "html.parser").select(".ldx-row"):
            gain = np.float32(10 ** (float(str(row["data-gain-db"])) / 20))
            for clip in row.select(".ldx-clip:has(a[download$='.syx'])"):
                link, audio = clip.select_one("a[download$='.syx']"), clip.select_one("audio")
                assert link and audio
                message = (page.parent / unquote(str(link["href"]))).read_bytes()
                voice = dexed.Patch.from_sysex(message[6:161] + b"\x3f").to_sysex()[:145]
                preset = Preset(np.frombuffer(voice, np.uint8))
                heard, _ = soundfile.read(page.parent / unquote(str(audio["src"])))
                length = len(heard) // 2  # the coder doubles the sample rate
                holds = {HOLD, *map(float, re.findall(r"held for ([0-9.]+) s", text))}  # as the page says
                renders = {
                    (note, hold): Dexed().render(preset, *note, hold=hold, n_samples=length)
                    for note, hold in product(played(page.stem, row), holds)
                }
                distances = {
                    key: difference(heard, encoding.encode(gain * sound, "mp3"))
                    for key, sound in renders.items()
                }
                compared += 1
                clip_text = clip.get_text(" ", strip=True)[:60]
                assert min(distances.values()) < 0.02, (
                    f"{page.stem}: {row['aria-label']}, {clip_text}, {distances}"
                )
    assert compared > 40


def played(page: str, row: Tag) -> list[tuple[int, int]]:
    """Return the notes at which a row's sounds may have been played, or the one that its title names."""
    if named := re.search(r"played at (\S+)@(\d+)", str(row["aria-label"]), re.IGNORECASE):
        return [(parse_note(named[1]), int(named[2]))]
    return list(product((36, 60, 84), (20, 64, 85, 127))) if page == "notes" else [(60, 85)]


def difference(heard: npt.NDArray[np.float64], coded: bytes) -> float:
    """Return the RMS of the difference as a share of the RMS of what is heard."""
    other, _ = soundfile.read(io.BytesIO(coded))
    if len(other) != len(heard):
        return np.inf
    return float(np.linalg.norm(other - heard) / max(np.linalg.norm(heard), 1e-6))


@pytest.mark.parametrize("chapter", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda path: path.stem)
def test_an_executed_chapter_can_be_published(site: Path, chapter: Path) -> None:
    """It has no warnings, and its outputs neither differ between runs nor name this machine."""
    executed = nbformat.read(ROOT / "build/smoke/src/book" / chapter.name, as_version=4)
    outputs = [output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    text = json.dumps([output.get("data", output.get("text")) for output in outputs])
    assert not re.findall(r"<[^<>]* at 0x[0-9a-f]{6,}>", text), (
        "an object's address is different in every run"
    )
    assert str(Path.home()) + "/" not in text and str(ROOT) not in text


def test_no_page_has_a_path_of_the_machine_that_built_it(site: Path) -> None:
    naming = [page.name for page in site.rglob("*.html") if str(ROOT) in page.read_text("utf8")]
    assert naming == []
