"""Corpora of one's own: files or folders of presets, curated once and kept in the user's cache under a name.

The name stands for the presets as they were: training, evaluation and resumed runs use the copy in the cache,
so it does not matter whether the files are moved or changed afterwards.
"""

import re
import tempfile
from pathlib import Path

from latentdx.dataset import curation
from latentdx.dataset.splits import SUBSETS, Split, Subset
from latentdx.errors import ParameterError
from latentdx.files import atomic_write
from latentdx.presets import corpora
from latentdx.presets.corpora import CORPORA, OWN_PRESETS, bank_hash, cache_place
from latentdx.run_options import RunOptions

LEAST: dict[Subset, int] = {"train": 2, "validation": 1, "test": 0}
"""Number of presets that training needs in each subset; two, because of batch norm."""


def prepare_corpus(
    corpus: str | Path, *, strict: bool = True, options: RunOptions = RunOptions()
) -> tuple[str, tuple[str, ...]]:
    """Make a corpus ready for training and evaluation: read it, curate it, and keep it in the cache.

    A corpus that is ready is not touched. The first run takes about 25 ms per preset and core.

    Args:
        corpus: Name of a corpus, or path of a file or folder of presets.
        strict: Refusal of damaged files if `corpus` is a path; see `PresetBank.read`.
        options: Number of processes that measure, progress bar, and location of the cache of measures.

    Returns:
        Name of the corpus, which profiles and evaluations take: a path's begins with the name of the file or
        folder and ends with eight digits of the presets' hash. And sentences on damaged and skipped parts.

    Raises:
        DataError: There is no such corpus.
        PresetFileError: A file cannot be read.
    """
    name = str(corpus)
    notes: tuple[str, ...] = ()
    if name not in CORPORA and not corpora.in_cache(name):
        bank = corpora.read(corpus, strict=strict)
        stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(corpus).resolve().stem).strip("-") or "presets"
        name, notes = f"{stem}-{bank_hash(bank)[:8]}", bank.notes
        cache_place(name).mkdir(parents=True, exist_ok=True)
        with atomic_write(cache_place(name) / OWN_PRESETS) as file:
            file.write(bank.packed().tobytes())
    if not curation.table_path(name).exists():
        folder = cache_place(name)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            written = curation.curate(name, options=options).write(Path(unfinished))
            for path in reversed(written):  # the table last, because it stands for both
                path.replace(folder / path.name)
    return name, notes


def check_size(corpus: str, split: Split) -> None:
    """Refuse a corpus that is too small to train on.

    Raises:
        ParameterError: A subset has too few presets; the message names the sizes.
    """
    sizes = {subset: len(curation.rows(corpus, split, subset)) for subset in SUBSETS}
    if any(sizes[subset] < least for subset, least in LEAST.items()):
        raise ParameterError(
            f"corpus {corpus} is too small: without duplicates and silent presets, it has "
            + ", ".join(f"{n} presets for {subset}" for subset, n in sizes.items())
            + f"; training needs {LEAST['train']} and {LEAST['validation']} for validation"
        )
