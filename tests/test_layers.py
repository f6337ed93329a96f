"""Imports run one way, and every package says what it holds."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_imports_run_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    assert "2 kept, 0 broken" in found.stdout


PACKAGES = sorted(
    ".".join(file.parent.relative_to(ROOT / "lib").parts) for file in (ROOT / "lib").rglob("__init__.py")
)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_has_a_docstring_and_says_what_is_public(name: str) -> None:
    package = import_module(name)
    assert package.__doc__ and package.__all__
    for public in package.__all__:
        if name.startswith("latentdx_book"):
            import_module(f"{name}.{public}")
        else:
            assert getattr(package, public) is not None
