"""Model cards agree with their checkpoints and results, and those that ship are up to date."""

import json

import pytest

from latentdx.evaluation.model_cards import card, write_cards
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets import corpora
from latentdx.registry import data_path
from latentdx.training import checkpoint
from latentdx.training.profile import model_names, read_profile

SHIPPED = sorted(data_path("checkpoints").glob("*.safetensors"))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    profile = read_profile("latentdx", "smoke")
    sha256 = corpora.bank_hash(corpora.read("starter").neutral())
    about = checkpoint.CheckpointHeader(profile, sha256, 1, 22, 3.0, {}, "abcdef", {"torch": "9.9"})
    path = tmp_path_factory.mktemp("checkpoints") / "latentdx.safetensors"
    checkpoint.save(PresetVAE(profile.architecture), about, path)
    return path


def summary_of(sha256: str) -> dict:
    figure = {"median": [1.234, 1.1, 1.3], "mean": [2.0, 1.0, 3.0]}
    everything = {"n": 77, "metrics": {"mfcc13_mae": figure}}
    provenance = {
        "checkpoint_sha256": sha256,
        "notes": [[60, 85]],
        "selection": "",
        "subset": "test",
        "inference": "one pass",
    }
    return {
        "metrics": {"mfcc13_mae": {"title": "MFCC13", "decimals": 2}},
        "results": {"latentdx": {"provenance": provenance, "all": everything}},
    }


def test_a_card_describes_its_checkpoint(file) -> None:
    text = card(file, summary_of(checkpoint.checkpoint_hash(file)))
    profile = read_profile("latentdx", "smoke")
    weights = sum(p.numel() for p in PresetVAE(profile.architecture).parameters())
    for phrase in (
        "# LatentDX\n",
        f"parameters: {weights:,}",
        checkpoint.checkpoint_hash(file),
        "22 steps of 32 presets, 3 minutes",
        "commit `abcdef`; torch 9.9",
        "starter (SHA-256 `",
        "median MFCC13 1.23 (1.10 to 1.30)",
        "77 presets",
        "hears one note",
        "GPL-3.0-or-later",
    ):
        assert phrase in text, phrase


def test_figures_of_another_checkpoint_are_not_shown(file) -> None:
    text = card(file, summary_of("0" * 16))
    assert "MFCC13" not in text and "Not evaluated yet." in text


def test_cards_are_written_next_to_their_checkpoints(file) -> None:
    (path,) = write_cards(file.parent, file.parent)
    assert path.name == "latentdx.md" and path.read_text() == card(file, {})


def test_titles_are_unique() -> None:
    for scale in ("laptop", "paper"):
        titles = [read_profile(name, scale).title for name in model_names(scale)]
        assert "NumCat++, six notes" in titles and len(titles) == len(set(titles)), titles


@pytest.mark.parametrize("shipped_file", SHIPPED, ids=lambda path: path.stem)
def test_shipped_cards_are_up_to_date(shipped_file) -> None:
    summary = data_path("results", "summary.json")
    known = json.loads(summary.read_text("utf8")) if summary.exists() else {}
    expected = card(shipped_file, known)
    assert shipped_file.with_suffix(".md").read_text("utf8") == expected, "run `latentdx evaluate summary`"


def test_no_card_without_its_checkpoint() -> None:
    cards = {path.stem for path in data_path("checkpoints").glob("*.md")} - {"README"}
    assert cards == {path.stem for path in SHIPPED}
