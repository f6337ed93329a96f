"""A release publishes the files in the registry; the wheel contains the other files that commands need."""

import hashlib
import io
import json
import re
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import hatch_build
import pytest
import yaml

import latentdx
from latentdx.registry import registry
from latentdx_book.build import release

ROOT = Path(__file__).parents[1]


def test_the_registry_names_this_data_and_version(monkeypatch) -> None:
    """If data/ or the version changed on purpose, run `python -m latentdx_book.build.release --registry`."""
    monkeypatch.chdir(ROOT)
    published = {name: file for name, file in registry().items() if name.startswith("data/")}
    assert published == {file.name: file for file in release.released()}


def test_every_entry_is_complete() -> None:
    for name, file in registry().items():
        assert file.name == name and file.license
        assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0
        assert file.url.startswith("https://")
    assert registry()["corpora/learnfm/compact.bin"].size == 31_380 * 128


def test_archives_are_reproducible_and_contain_every_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.txt").write_text("b")
    (tmp_path / "c.txt").write_text("c")
    first = release.archive(tmp_path)
    (tmp_path / "c.txt").touch()
    assert release.archive(tmp_path) == first
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert file.namelist() == ["a/b.txt", "c.txt"] and file.read("a/b.txt") == b"b"


def test_assets_are_written_with_their_checksums(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    release.write_assets(tmp_path)
    lines = (tmp_path / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == len(list(tmp_path.iterdir())) - 1
    for line in lines:
        sha256, name = line.split("  ")
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == sha256


def test_a_registry_with_a_file_that_is_gone_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    found = registry()
    gone = replace(next(iter(found.values())), name="data/gone.zip")
    monkeypatch.setattr(release, "registry", lambda: found | {gone.name: gone})
    with pytest.raises(SystemExit, match="the registry does not match"):
        release.write_assets(tmp_path / "assets")


def test_the_wheel_contains_the_files_that_the_registry_leaves_out() -> None:
    assert hatch_build.BUNDLED == release.BUNDLED
    assert all((ROOT / "data" / name).exists() for name in release.BUNDLED)
    assert not [name for name in registry() if name.removeprefix("data/") in release.BUNDLED]


def test_urls_name_this_version() -> None:
    addresses = [file.url for file in registry().values() if file.name.startswith("data/")]
    assert all(f"/releases/download/v{latentdx.__version__}/" in address for address in addresses)


def test_the_change_logs_version_is_copied_everywhere(tmp_path: Path) -> None:
    files = ["CHANGELOG.md", *release.REPEATED]
    before = {name: (ROOT / name).read_text("utf8") for name in files}
    for name in files:
        (tmp_path / name).write_text(before[name], "utf8")
    release.write_version(tmp_path)
    assert {name: (tmp_path / name).read_text("utf8") for name in files} == before  # they agree already

    changes = before["CHANGELOG.md"].replace("\n## ", "\n## 9.8.7 (2031-02-03)\n\n- Something.\n\n## ", 1)
    (tmp_path / "CHANGELOG.md").write_text(changes, "utf8")
    release.write_version(tmp_path)
    assert tomllib.loads((tmp_path / "pyproject.toml").read_text("utf8"))["project"]["version"] == "9.8.7"
    cited = yaml.safe_load((tmp_path / "CITATION.cff").read_text("utf8"))
    assert (str(cited["version"]), cited["date-released"].isoformat()) == ("9.8.7", "2031-02-03")
    described = json.loads((tmp_path / "codemeta.json").read_text("utf8"))
    assert (described["version"], described["dateModified"]) == ("9.8.7", "2031-02-03")
    for name in release.REPEATED:
        old, new = (text.splitlines() for text in (before[name], (tmp_path / name).read_text("utf8")))
        assert sum(a != b for a, b in zip(old, new, strict=True)) == len(release.REPEATED[name])


@pytest.mark.parametrize("heading", ["## Unreleased", "## 0.3 (2027-01-31)", "## 0.3.0", ""])
def test_a_change_log_without_a_version_is_refused(heading: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(f"but has '{heading or 'no section'}'")):
        release.newest(f"# Changelog\n\n{heading}\n")
