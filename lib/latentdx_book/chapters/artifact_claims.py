"""The claims of the book, and which command makes each, for reviewers.

The claims are data, so that tests can hold them to the shipped results.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd
from markupsafe import Markup

from latentdx.display.table_formats import described
from latentdx.errors import NotebookError
from latentdx_book.chapters.artifact_costs import result_files
from latentdx_book.chapters.presentation import shown

BOOK = Path(__file__).resolve().parents[3] / "book"

TRAINING = "results/training"
"""Folder of the training logs, whose first lines say how long a training took."""


@dataclass(frozen=True)
class Claim:
    """A statement of the book, and what it rests on.

    Attributes:
        text: The statement, in one sentence.
        commands: What makes its files, in order; empty where the page itself computes it.
        files: Files below `data/` that it rests on.
        chapter: Page in `book/` that shows it.
        cell: Identifier of the cell there that shows it.
    """

    text: str
    commands: tuple[str, ...]
    files: tuple[str, ...]
    chapter: str
    cell: str


_ANCHORS = "latentdx evaluate anchors"
_SHIPPED = ("num", "numcat", "numcat++", "numcat++-six", "latentdx")
_SHIPPED_COMMAND = f"latentdx evaluate model {' '.join(_SHIPPED)}"
_FIVE_NOTES = "--notes 60:20,60:64,60:127,40:85,70:85 --quick --limit 2000"


def _trained(*names: str, options: str = "") -> tuple[str, ...]:
    """Return the commands for models that do not ship."""
    joined = " ".join(names)
    return f'make train MODELS="{joined}"', f"latentdx evaluate model {joined}{options}"


CLAIMS: tuple[Claim, ...] = (
    # -- the engine
    Claim(
        "The engine gives the same samples as dexed-py in each of 58,380 renders of voices of learnfm.",
        ("python benchmarks/verify_engine.py",),
        ("benchmarks/engine_equality.json",),
        "engine",
        "equality",
    ),
    Claim(
        "More than nine in ten audible voices of learnfm give other samples today than in the Dexed of the "
        "paper, and half of all move by an MFCC13 of more than 2.",
        ("python benchmarks/compare_eras.py",),
        ("benchmarks/compare_eras.json",),
        "engine",
        "headline",
    ),
    Claim(
        "For 13 of the authors' 14 originals, today's Dexed cannot come as close to the authors' "
        "recordings as Dexed 0.9.3 does.",
        ("python benchmarks/compare_eras.py",),
        ("benchmarks/compare_eras.json",),
        "engine",
        "originals",
    ),
    # -- the dataset and the trainings
    Claim(
        "Of the 31,380 voices of learnfm, 1,040 are duplicates once mended and transposed, 637 are silent, "
        "and 29,703 are kept.",
        ("latentdx curate --corpus learnfm --out data/curation",),
        ("curation/learnfm.parquet", "curation/learnfm.json"),
        "dataset",
        "cleaning-table",
    ),
    Claim(
        "About a quarter of the kept presets have a near duplicate. The random split puts some of these on "
        "both sides; the split that the shipped models are trained on never does.",
        ("latentdx curate --corpus learnfm --out data/curation",),
        ("curation/learnfm.parquet", "curation/learnfm.json"),
        "dataset",
        "twins-table",
    ),
    Claim(
        "Each model was trained in less than an hour, except the default one, which was then trained for "
        "two hours more.",
        ("make train",),
        tuple(
            f"{TRAINING}/{name}.csv"
            for name in (
                *_SHIPPED,
                *(f"numcat++-{other}" for other in ("mlp", "random", "seed1", "epochs5")),
                "latentdx-base",
            )
        ),
        "reproduce",
        "training-cost-table",
    ),
    # -- the results over the test set
    Claim(
        "A preset with one parameter one step off is closer to the target than any model's single forward "
        "pass, by every distance of sounds.",
        (_ANCHORS, _SHIPPED_COMMAND),
        result_files("perfect", "one-step", *_SHIPPED),
        "results",
        "sound-table",
    ),
    Claim(
        "In a single forward pass, every model is closer to the target than the mean preset and than a "
        "random preset, by MFCC13 and log-STFT MAE.",
        (_ANCHORS, _SHIPPED_COMMAND),
        result_files("mean", "random", *_SHIPPED),
        "results",
        "sound-table",
    ),
    Claim(
        "No model's single forward pass is as close as the nearest preset of the training set, not even "
        "when relatives of the target are removed from it.",
        (_ANCHORS, _SHIPPED_COMMAND),
        result_files("nearest", "nearest-unrelated", *_SHIPPED),
        "results",
        "sound-table",
    ),
    Claim(
        "As in the paper, NumCat is closer than Num only, and NumCat++ is closer than NumCat, by MFCC13 "
        "and log-STFT MAE.",
        ("latentdx evaluate model num numcat numcat++",),
        result_files("num", "numcat", "numcat++"),
        "results",
        "claims-table",
    ),
    Claim(
        "The flow is closer than an MLP in its place by log-STFT MAE; by MFCC13 ranks and medians disagree.",
        (*_trained("numcat++-mlp"), "latentdx evaluate model numcat++"),
        result_files("numcat++-mlp", "numcat++"),
        "results",
        "claims-table",
    ),
    Claim(
        "In a single forward pass, LatentDX is closer than NumCat++, by MFCC13 and by log-STFT MAE.",
        ("latentdx evaluate model numcat++ latentdx",),
        result_files("numcat++", "latentdx"),
        "results",
        "claims-table",
    ),
    Claim(
        "Training NumCat++ with another seed changes nothing that these tests can show.",
        (*_trained("numcat++-seed1"), "latentdx evaluate model numcat++"),
        result_files("numcat++", "numcat++-seed1"),
        "results",
        "claims-table",
    ),
    Claim(
        "Hearing six notes instead of one brings the sound closer at velocity 20 and improves the "
        "numerical parameters that depend on key and velocity; at the other notes no difference of MFCC13 "
        "is shown.",
        (
            *_trained("numcat++-epochs5", options=f" {_FIVE_NOTES}"),
            f"latentdx evaluate model numcat++ numcat++-six {_FIVE_NOTES}",
        ),
        (
            *result_files(
                "numcat++-on-2000", "numcat++-epochs5-on-2000", "numcat++-six-on-2000", notes="5-notes"
            ),
            *result_files("numcat++-epochs5"),
        ),
        "results",
        "notes-table",
    ),
    Claim(
        "With the paper's random split, test presets that have a near duplicate in the training set are "
        "programmed better than the others.",
        _trained("numcat++-random", options=" --quick"),
        (*result_files("numcat++-random", split="random"), "curation/learnfm.parquet"),
        "results",
        "splits-table",
    ),
    Claim(
        "The best of 64 drawn presets, chosen by rendering, is closer than a single forward pass of the "
        "same model, by every distance of sounds.",
        ("latentdx evaluate model latentdx --best-of 64 --limit 1000",),
        (
            *result_files("latentdx-best-of-64-on-1000", "latentdx-on-1000"),
            "results/curve.latentdx.twin-disjoint.csv",
        ),
        "results_search",
        "samples-table",
    ),
    Claim(
        "With 2,000 renders, a match is closer than the nearest preset followed by a genetic search with "
        "as many renders.",
        ("latentdx evaluate match",),
        (
            *result_files("match-2000-on-200", "nearest-genetic-on-200", "latentdx-best-of-64-on-200"),
            "results/curve.match-2000.twin-disjoint.csv",
        ),
        "results_search",
        "match-table",
    ),
    Claim(
        "More renders bring a match closer: 2,000 more than 500, and 7,000 more than 2,000.",
        ("latentdx evaluate match",),
        (
            *result_files("match-500-on-200", "match-2000-on-200", "match-7000-on-200"),
            "results/curve.match-500.twin-disjoint.csv",
            "results/curve.match-7000.twin-disjoint.csv",
        ),
        "results_search",
        "match-more",
    ),
    Claim(
        "From the same starts and with as many renders, our search ends at a lower distance than a genetic "
        "search and than CatCMAwM, on average over ten presets.",
        ("python benchmarks/match.py",),
        ("benchmarks/match.json",),
        "results_search",
        "searches",
    ),
    Claim(
        "The distance that searches minimize agrees with listeners better than each other distance of "
        "sounds, on average over 21 studies of timbre: its mean rank correlation with their ratings is 0.51 "
        "(0.39 to 0.62). The studies' sounds and ratings are not ours to publish.",
        ("latentdx evaluate listeners --data FOLDER",),
        ("results/listeners.json",),
        "results_search",
        "listeners-table",
    ),
    Claim(
        "The best of 64 presets drawn from a joint posterior is closer than the best of 64 with "
        "independent parameters.",
        ("python benchmarks/levers.py",),
        ("results/levers.csv",),
        "results_search",
        "levers-table",
    ),
    Claim(
        "On the eight examples of the paper's page, the best of 64 presets from LatentDX is closer on "
        "average than the authors' published NumCat++ sounds. Eight are too few for a test.",
        (
            "latentdx evaluate published",
            "latentdx evaluate model latentdx --best-of 64 --limit 1000",
        ),
        (
            "results/published.csv",
            *(f"results/examples.{name}.csv" for name in (*_SHIPPED, "latentdx-best-of-64")),
            *(f"results/examples.numcat++-{name}.csv" for name in ("mlp", "random", "seed1", "epochs5")),
        ),
        "results",
        "published-table",
    ),
    Claim(
        "The presets to listen to are chosen by rule: of each kind of sound those at the 10th, 50th, and "
        "90th percentile of LatentDX's MFCC13.",
        ("latentdx evaluate listening --best-of 64",),
        ("results/listen/listen.json",),
        "results",
        "listen-rows",
    ),
    # -- interpolation
    Claim(
        "Over 500 pairs, the path through the latent space is smoother, straighter, and more even than "
        "moving each parameter by itself.",
        ("latentdx evaluate interpolation",),
        ("interpolation/pairs.numcat++.parquet",),
        "interpolation",
        "verdict",
    ),
    Claim(
        "Pacing the latent path by sound beats both of the paper's ways by all three measures.",
        ("latentdx evaluate interpolation",),
        ("interpolation/pairs.numcat++.parquet",),
        "interpolation",
        "verdict",
    ),
    Claim(
        "Smoothness and non-linearity rank a switch halfway, which does not interpolate at all, above "
        "every real path. Unevenness ranks it last.",
        ("latentdx evaluate interpolation",),
        ("interpolation/pairs.numcat++.parquet",),
        "interpolation",
        "unevenness-table",
    ),
    Claim(
        "Of the two pairs on the paper's page, the latent path is smoother than the naive one for the "
        "first, and rougher for the second.",
        ("latentdx evaluate interpolation",),
        ("interpolation/paths.json",),
        "interpolation",
        "page-table",
    ),
    # -- sounds from outside the DX7
    Claim(
        "For sounds of other instruments, a match ends at a lower mean MFCC13 than a single forward pass "
        "of the same model.",
        ("make site",),
        ("targets/targets.json", "checkpoints/latentdx.safetensors", "starter/SHA256SUMS"),
        "outofdomain",
        "ood-match",
    ),
)
"""Every claim of the chapters on the dataset, the results, interpolation, and other instruments."""


@shown
def claims_table(claims: Iterable[Claim] = CLAIMS) -> pd.DataFrame:
    """List claims, the commands that make their files, the files, and where the book shows them."""
    lines = [
        {
            "claim": claim.text,
            "command": _codes(claim.commands),
            "files in data/": _codes(claim.files),
            "shown in": _place(claim),
        }
        for claim in claims
    ]
    return described(pd.DataFrame(lines, dtype=object), "Each claim, and what it rests on")


def _place(claim: Claim) -> Markup:
    title, section = find_cell(claim.chapter, claim.cell)
    return Markup('<a href="{}.html">{}</a>: {}').format(claim.chapter, title, section)


def find_cell(chapter: str, cell: str) -> tuple[str, str]:
    """Return the title of a chapter and the heading above one of its cells.

    Raises:
        NotebookError: The chapter does not exist, or has no such cell.
    """
    file = BOOK / f"{chapter}.ipynb"
    if not file.exists():
        raise NotebookError(f"there is no chapter {file}")
    title = heading = ""
    for each in nbformat.read(file, as_version=4).cells:
        if each.cell_type == "markdown":
            for line in each.source.splitlines():
                mark, _, text = line.partition(" ")
                title = text if mark == "#" else title
                heading = text if mark and not mark.strip("#") else heading
        if each.id == cell:
            return title, heading
    raise NotebookError(f"{file} has no cell {cell!r}")


def _code(text: str) -> Markup:
    return Markup('<code style="overflow-wrap: anywhere">{}</code>').format(text)


def _codes(texts: Iterable[str]) -> Markup:
    return Markup("<br>").join(_code(text) for text in texts)
