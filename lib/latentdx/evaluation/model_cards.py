"""Model cards, generated from checkpoints and results: identity, training, quality, limits and license.

`data/checkpoints/NAME.md` is the card of `NAME.safetensors`; a test keeps it up to date with the checkpoint
and the results.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from latentdx.audio.renderer import NOTE_SETS
from latentdx.dataset import curation
from latentdx.dataset.splits import SUBSETS
from latentdx.files import atomic_write
from latentdx.models.preset_vae import PresetVAE
from latentdx.models.representation import REPRESENTATIONS
from latentdx.presets.corpora import CORPORA
from latentdx.registry import data_path
from latentdx.training.checkpoint import checkpoint_hash, read_header
from latentdx.training.profile import Profile

_SOUND = ("log_stft_mae", "spectral_convergence", "mfcc13_mae")
_PARAMETERS = ("categorical_accuracy", "numerical_mae", "live_accuracy")

_LIMITS = (
    "It knows one instrument: every answer is a DX7 preset, whatever the sound.",
    "It learned from clean, dry renders of single notes: recordings, effects and chords are beyond it.",
    "Sounds are cut, or filled up with silence, to 4.017 s; where the key is released within, it is expected "
    "after 3 s.",
    "Parameters that cannot be heard at the notes it hears are guesses.",
)

_ONE_NOTE = "It hears one note: what key and velocity change is a guess."


def card(file: Path, summary: Mapping[str, Any]) -> str:
    """Return a checkpoint's card in Markdown.

    Args:
        file: Checkpoint file.
        summary: Contents of `data/results/summary.json`; the card shows figures of results that were made
            with exactly this checkpoint.

    Raises:
        CheckpointError: The file is not a checkpoint.
    """
    about, sha256 = read_header(file), checkpoint_hash(file)
    profile = about.profile
    sections = {
        "What it is": _identity(file, profile, sha256),
        "What it learned from": _training(file, profile),
        "How good it is": [*_figures(summary, sha256)] or ["Not evaluated yet."],
        "Limits": [f"- {limit}" for limit in (*_LIMITS, *[_ONE_NOTE] * (profile.notes == "single"))],
        "License": [
            "GPL-3.0-or-later, as the code. It holds weights, no preset; the presets that it learned from "
            f"are not ours to pass on ({CORPORA[profile.corpus].provenance})."
            if profile.corpus in CORPORA
            else "GPL-3.0-or-later, as the code."
        ],
    }
    lines = [f"# {profile.title}"]
    for heading, body in sections.items():
        lines += ["", f"## {heading}", "", *body]
    return "\n".join(lines) + "\n"


def _identity(file: Path, profile: Profile, sha256: str) -> list[str]:
    a = profile.architecture
    weights = sum(p.numel() for p in PresetVAE(a).parameters())
    stage = " and a joint posterior over presets, to draw several answers from" if a.sampler else ""
    notes = ", ".join(f"({note}, {velocity})" for note, velocity in NOTE_SETS[profile.notes])
    return [
        f"A variational autoencoder of spectrograms with a regression from its latent space to presets "
        f"({'invertible flow' if a.head == 'flow' else 'MLP'}){stage}: sound in, DX7 preset out.",
        "",
        f"- in Python: `load_model({file.stem!r})`",
        f"- presets as: {REPRESENTATIONS[a.representation].title}",
        f"- hears: MIDI note and velocity {notes}",
        f"- parameters: {weights:,}; {file.stat().st_size / 1e6:.1f} MB in half precision",
        f"- checkpoint: `{sha256}`",
    ]


def _training(file: Path, profile: Profile) -> list[str]:
    about = read_header(file)
    counts = {s: len(curation.rows(profile.corpus, profile.split, s)) for s in SUBSETS}
    libraries = ", ".join(f"{name} {version}" for name, version in about.libraries.items())
    took = "" if about.training_minutes is None else f"{about.training_minutes:.0f} minutes, "
    return [
        f"- presets: {profile.corpus} (SHA-256 `{about.corpus_sha256[:16]}`), {profile.split} split: "
        + ", ".join(f"{n:,} {subset}" for subset, n in counts.items()),
        f"- training: {profile.epochs} epochs, {about.steps:,} steps of {profile.batch} presets, "
        f"{took}{profile.precision}, seed {profile.seed}; epoch "
        f"{about.epoch} was best on the validation set",
        f"- code: commit `{about.commit}`; {libraries}",
    ]


def _figures(summary: Mapping[str, Any], sha256: str) -> Iterator[str]:
    """Yield a line about every result that was made with this checkpoint."""
    metrics = summary.get("metrics", {})
    for result in summary.get("results", {}).values():
        p, everything = result["provenance"], result["all"]
        if p["checkpoint_sha256"] != sha256:
            continue
        figures = []
        for statistic, names in (("median", _SOUND), ("mean", _PARAMETERS)):
            for name in names:
                if name in everything["metrics"]:
                    m, (value, low, high) = metrics[name], everything["metrics"][name][statistic]
                    d = m["decimals"]
                    figures.append(f"{statistic} {m['title']} {value:.{d}f} ({low:.{d}f} to {high:.{d}f})")
        notes = ", ".join(f"({note}, {velocity})" for note, velocity in p["notes"])
        where = p["selection"] or f"the whole {p['subset']} set, {everything['n']:,} presets"
        yield f"- {p['inference']}, at {notes}, {where}: {'; '.join(figures)}"


def write_cards(folder: Path | None = None, results: Path | None = None) -> list[Path]:
    """Write the card of every checkpoint in a folder.

    Args:
        folder: Folder of the checkpoints; default `data/checkpoints`.
        results: Folder of the results; default `data/results`.

    Returns:
        Files of the cards.
    """
    folder, results = folder or data_path("checkpoints"), results or data_path("results")
    path = results / "summary.json"
    summary = json.loads(path.read_text("utf8")) if path.exists() else {}
    out = []
    for file in sorted(folder.glob("*.safetensors")):
        out.append(file.with_suffix(".md"))
        with atomic_write(out[-1]) as opened:
            opened.write(card(file, summary).encode())
    return out
