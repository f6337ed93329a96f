"""Dependencies agree: pyproject.toml asks, requirements.lock pins, environment.yml uses the lock."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
LOCK = [
    line for line in (ROOT / "requirements.lock").read_text("utf8").splitlines() if not line.startswith("#")
]
ASKED = [
    *PROJECT["dependencies"],
    *(
        line
        for extra in PROJECT["optional-dependencies"].values()
        for line in extra
        if not line.startswith("latentdx[")  # another extra
    ),
]
PYTHONS = ["3.11", "3.12", "3.13"]


def pins(python: str) -> dict[str, str]:
    """Return name -> version of what the lock installs on Linux with this Python."""
    linux = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    found = {}
    for requirement in map(Requirement, LOCK):
        if requirement.marker is None or requirement.marker.evaluate(linux):
            (specifier,) = requirement.specifier
            assert specifier.operator == "=="
            assert canonicalize_name(requirement.name) not in found
            found[canonicalize_name(requirement.name)] = specifier.version
    return found


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("asked", ASKED)
def test_lock_pins_what_pyproject_asks_for(asked: str, python: str) -> None:
    requirement = Requirement(asked)
    assert pins(python)[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("forbidden", ["://", "--", "@", "+cpu", "nvidia", "cuda", "triton", "/opt"])
def test_lock_is_plain_pins_for_any_index(forbidden: str) -> None:
    assert not [line for line in LOCK if forbidden in line]


def test_conda_environment_uses_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf8"))
    python, _, pip = environment["dependencies"]
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])
    assert [line for line in pip["pip"] if "index-url" not in line] == ["-r requirements.lock", "-e ."]


def test_workflow_tests_every_supported_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text("utf8"))
    assert workflow["jobs"]["fast"]["strategy"]["matrix"]["python"] == PYTHONS
    assert all(python in SpecifierSet(PROJECT["requires-python"]) for python in PYTHONS)
