"""The wheel in a bare environment outside the checkout: from an empty folder, without a network."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_BYTES = 40e6

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

README = """
from latentdx import Dexed, PresetBank, load_model

bank = PresetBank.read("flute.syx")
sound = Dexed().render(bank[0], note=60, velocity=85)
preset = load_model("latentdx").program_best(sound, 8)
preset.write("guess.syx")
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and wheel, the wheel made from the sdist, as `python -m build` does."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def bare(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel and its base dependencies, at the lock's versions."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    (wheel,) = built.glob("*.whl")
    pip = [folder / "bin/python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, wheel, "-c", ROOT / "requirements.lock"], check=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder but for one sound."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copy(ROOT / "data/targets/ood/fluid_flute.flac", folder / "flute.flac")
    return folder


def run(bare: Path, desk: Path, *command: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program of the bare environment where no proxy leads anywhere, with an empty cache."""
    nowhere = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), "http://127.0.0.1:9")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LATENTDX_", "PYTHON"))}
    environment |= {"LATENTDX_CACHE": str(desk / "cache"), "HOME": str(desk / "home"), **nowhere}
    program, *arguments = map(str, command)
    found = subprocess.run(
        [bare / program, *arguments], cwd=desk, env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == status, found.stdout + found.stderr
    assert "Traceback" not in found.stderr
    return found


def test_the_wheel_is_small_and_the_sdist_leaves_data_out(built: Path) -> None:
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    assert wheel.stat().st_size <= MOST_BYTES
    with tarfile.open(sdist) as file:
        top = {Path(name).parts[1] for name in file.getnames() if len(Path(name).parts) > 1}
    assert "data" not in top and "lib" in top


def test_the_environment_is_bare(bare: Path, desk: Path) -> None:
    listed = run(bare, desk, "python", "-m", "pip", "list", "--format", "freeze").stdout.lower()
    names = {line.partition("==")[0] for line in listed.splitlines()}
    assert not names & {
        "ipython",
        "ipywidgets",
        "tensorboard",
        "lightning-fabric",
        "pyarrow",
        "sphinx",
        "pytest",
    }


def test_it_is_the_installed_package(bare: Path, desk: Path) -> None:
    found = run(bare, desk, "python", "-c", "import latentdx; print(latentdx.__file__)").stdout
    assert str(bare.parent) in found
    assert run(bare, desk, "latentdx", "--version").stdout.split() == [
        run(bare, desk, "python", "-c", "import latentdx; print(latentdx.__version__)").stdout.strip()
    ]


@pytest.mark.parametrize("command", ["", "program", "match", "tune", "interpolate", "info", "evaluate"])
def test_help(bare: Path, desk: Path, command: str) -> None:
    assert "Usage: latentdx" in run(bare, desk, "latentdx", *([command] if command else []), "--help").stdout


def test_match_leaves_a_cartridge_a_page_a_report_and_previews(bare: Path, desk: Path) -> None:
    run(bare, desk, "latentdx", "match", "flute.flac", "-o", "match.syx", "--budget", 100)
    assert (desk / "match.syx").stat().st_size == 4104
    page = (desk / "match.html").read_text("utf8")
    assert "<audio" in page and ".ldx" in page  # sounds, and the style that is package data
    assert len(list((desk / "match-previews").iterdir())) > 1
    assert '"name": "nearest"' in (desk / "match.json").read_text("utf8")  # the starter bank and its index


def test_program_tune_interpolate_and_info(bare: Path, desk: Path) -> None:
    run(bare, desk, "latentdx", "program", "flute.flac", "-o", "flute.syx")
    run(bare, desk, "latentdx", "tune", "flute.syx", "--to", "60", "-o", "tuned.syx")
    run(bare, desk, "latentdx", "interpolate", "flute.syx", "tuned.syx", "--steps", 3, "-o", "path.syx")
    assert '"name": "flute"' in run(bare, desk, "latentdx", "info", "flute.syx", "--json").stdout
    run(bare, desk, "latentdx", "info", "path.syx", "--html", "path.html")
    assert "<svg" in (desk / "path.html").read_text("utf8")


def test_the_readmes_python(bare: Path, desk: Path) -> None:
    run(bare, desk, "python", "-c", README)
    assert (desk / "guess.syx").stat().st_size == 163


def test_what_only_an_extra_brings_names_it(bare: Path, desk: Path) -> None:
    for command, extra in (
        (("train", "num", "--scale", "smoke"), "train"),
        (("curate",), "train"),
        (("evaluate", "anchors"), "train"),
        (("render", "--workers", "2"), "cluster"),
    ):
        assert f"pip install 'latentdx[{extra}]'" in run(bare, desk, "latentdx", *command, status=1).stderr


def test_what_is_not_here_is_fetched_or_named(bare: Path, desk: Path) -> None:
    """Without a network the address is named, and nothing half-written is left."""
    failed = run(
        bare, desk, "latentdx", "program", "flute.flac", "--model", "numcat", "-o", "x.syx", status=1
    )
    assert "checkpoints-numcat.safetensors" in failed.stderr and failed.stderr.count("\n") == 1
    unknown = run(
        bare, desk, "latentdx", "program", "flute.flac", "--model", "numdog", "-o", "x.syx", status=1
    )
    assert "no model 'numdog': there are" in unknown.stderr and "numcat++" in unknown.stderr
    assert not list((desk / "cache").rglob("*.safetensors"))
