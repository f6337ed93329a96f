"""What describes the project to others agrees with pyproject.toml."""

import datetime
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
CODEMETA = json.loads((ROOT / "codemeta.json").read_text("utf8"))
HEADINGS = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf8"), re.MULTILINE)


def released() -> tuple[str, str]:
    """Version and date of the newest section of the change log."""
    found = re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)", HEADINGS[0])
    assert found, f"the first heading of CHANGELOG.md names no version and date: {HEADINGS[0]}"
    return found[1], found[2]


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["version"] == str(CITATION["version"]) == CODEMETA["version"] == released()[0]


def test_the_date_is_the_same_everywhere() -> None:
    cited = CITATION["date-released"]
    assert isinstance(cited, datetime.date)
    assert cited.isoformat() == CODEMETA["dateModified"] == released()[1]


def test_versions_of_the_change_log_descend() -> None:
    versions = [tuple(map(int, heading.split(" ")[0].split("."))) for heading in HEADINGS]
    assert versions == sorted(set(versions), reverse=True)
    dates = re.findall(r"\((.*)\)", "\n".join(HEADINGS))
    assert dates == sorted(dates, reverse=True) and len(dates) == len(HEADINGS)


def test_license_and_address_agree() -> None:
    assert (
        PROJECT["license"]
        == CITATION["license"]
        == CODEMETA["license"].removeprefix("https://spdx.org/licenses/")
    )
    assert PROJECT["urls"]["Repository"] == CITATION["repository-code"] == CODEMETA["codeRepository"]


def test_the_paper_is_the_same() -> None:
    (paper,) = CODEMETA["referencePublication"]
    cited = CITATION["preferred-citation"]
    assert paper["identifier"] == cited["doi"] == "10.23919/DAFx51585.2021.9768218"
    assert paper["@id"] == f"https://doi.org/{cited['doi']}" and paper["name"] == cited["title"]
    names = [(author["givenName"], author["familyName"]) for author in paper["author"]]
    assert names == [(author["given-names"], author["family-names"]) for author in cited["authors"]]


def test_codemeta_says_what_pyproject_says() -> None:
    assert CODEMETA["@context"] == "https://doi.org/10.5063/schema/codemeta-2.0"
    assert CODEMETA["@type"] == "SoftwareSourceCode"
    assert CODEMETA["description"] == PROJECT["description"]
    assert CODEMETA["softwareRequirements"] == PROJECT["dependencies"]
    assert CODEMETA["runtimePlatform"] == f"Python {PROJECT['requires-python']}"
    assert CODEMETA["programmingLanguage"] == "Python"


@pytest.mark.parametrize("name", ["codemeta.json", "CITATION.cff"])
def test_no_field_is_empty(name: str) -> None:
    fields = CODEMETA if name == "codemeta.json" else CITATION
    assert not [key for key, value in fields.items() if not value]
