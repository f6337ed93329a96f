"""Curation of a corpus: clean, measure, label, find near duplicates, and split.

The result is a table without parameters. `latentdx curate --corpus learnfm --out data/curation` makes the
table again; `read_curation` and `rows` read it. Equal corpora, code and library versions give equal bytes.
"""

import io
import json
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio import pitch, renderer
from latentdx.caching import code_hash
from latentdx.dataset import audio_descriptors, labels, near_duplicates, paper_examples, splits, summary
from latentdx.errors import DataMissingError, ParameterError
from latentdx.extras import needs_extra
from latentdx.files import write_files
from latentdx.presets import corpora, sysex
from latentdx.presets.bank import PresetBank
from latentdx.registry import data_path
from latentdx.run_options import RunOptions

with needs_extra("train"):
    import pyarrow as pa
    import pyarrow.parquet as pq

SILENCE_DB = -40.0
"""Level in dB; presets whose `peak_rms_db` is lower are dropped, as in the paper (its section 1.1)."""

DUPLICATE, SILENT = "duplicate", "silent"

COLUMNS = (
    "index",  # row in the corpus
    "flags",  # bits of `latentdx.presets.bank.Flag`
    "kept",
    "dropped",  # "duplicate", "silent" or ""
    "duplicate_of",  # the row with the same values that stands for it; -1 if it is not a duplicate
    "harmonic",
    "percussive",
    "label",  # "harmonic", "percussive", "harmonic+percussive", "sfx"
    "twin_group",  # first row of its group of near duplicates
    "held_out",  # a named example, or a relative or near duplicate of one
    "split_random",  # "train", "validation", "test"; "" if dropped
    "split_twin_disjoint",
    *audio_descriptors.MEASURES,
)
"""Columns of the table, in order. None of them holds a parameter, or anything that reveals one."""

# rounding halves the size of the table, and makes it the same on every machine
_DECIMALS = dict.fromkeys(audio_descriptors.MEASURES, 3) | {"peak_rms_db": 2, "peak_rms_db_85": 2, "f0_hz": 2}
_MADE_BY = (
    renderer,
    pitch,
    paper_examples,
    labels,
    audio_descriptors,
    splits,
    summary,
    near_duplicates,
    sysex,
)


@dataclass(frozen=True)
class Curation:
    """The result of `curate`.

    Attributes:
        name: Name of the corpus.
        table: Table with one row per preset and the columns `COLUMNS`.
        summary: All counts and aggregate histograms, as written to JSON.
        provenance: Corpus, code, engine, settings and libraries that made the table.
        notes: Sentences on damaged and skipped parts of the corpus's files.
    """

    name: str
    table: pd.DataFrame
    summary: dict[str, Any]
    provenance: dict[str, str]
    notes: tuple[str, ...] = ()

    def files(self) -> dict[str, bytes]:
        """Return the contents of `<name>.parquet`, the table, and of `<name>.json`, the summary.

        Both hold the provenance: the Parquet file in its metadata's key "latentdx".
        """
        arrow = pa.Table.from_pandas(self.table, preserve_index=False)
        arrow = arrow.replace_schema_metadata(
            {**arrow.schema.metadata, b"latentdx": json.dumps(self.provenance).encode()}
        )
        table = io.BytesIO()
        pq.write_table(arrow, table, compression="zstd", compression_level=19)
        text = (
            json.dumps({"provenance": self.provenance, **self.summary}, indent=1, ensure_ascii=False) + "\n"
        )
        # a corpus may be named after a file whose name is not text
        counts = text.encode(errors="backslashreplace")
        return {f"{self.name}.parquet": table.getvalue(), f"{self.name}.json": counts}

    def write(self, folder: Path) -> list[Path]:
        """Write `files` into a folder, which is created if needed, and return their paths."""
        contents = {folder / name: data for name, data in self.files().items()}
        write_files(contents)
        return list(contents)


def _held_out(corpus: str, bank: PresetBank) -> npt.NDArray[np.bool_]:
    """Find the named examples and their known relatives; `curate_bank` adds their near duplicates."""
    held = np.zeros(len(bank), bool)
    if corpus == paper_examples.CORPUS:
        for example in paper_examples.EXAMPLES:
            held[[example.index, *example.relatives]] = True
    elif corpus == "paper":  # its ids are the paper's own numbers
        held = np.isin(bank.ids, [int(example.uid) for example in paper_examples.EXAMPLES])
    return held


def _duplicates(values: npt.NDArray[np.uint8], keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Return for each row the one that stands for all equal rows: the first to `keep`, or else the first."""
    _, group = np.unique(values, axis=0, return_inverse=True)
    order = np.lexsort((np.arange(len(values)), ~keep, group))
    first = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
    return first[group].astype(np.int32)


def _label_columns(measured: pd.DataFrame) -> dict[str, Any]:
    shares = ("harmonic_share", "percussive_share", "harmonic_attack", "percussive_attack")
    h, p, h_attack, p_attack = (measured[name].to_numpy() for name in shares)
    harmonic = labels.is_harmonic(h, p_attack)
    percussive = labels.is_percussive(h, p, h_attack, p_attack)
    names = ["harmonic+percussive", "harmonic", "percussive"]
    both = np.select([harmonic & percussive, harmonic, percussive], names, "sfx")
    return {
        "harmonic": harmonic,
        "percussive": percussive,
        "label": pd.Categorical(both, sorted([*names, "sfx"])),
    }


def curate_bank(
    bank: PresetBank,
    held_out: npt.NDArray[np.bool_] | None = None,
    *,
    seed: int = splits.SEED,
    options: RunOptions = RunOptions(),
) -> pd.DataFrame:
    """Clean, measure, label, group and split a bank.

    TRANSPOSE is first set to 24. Of presets that are then equal, the first is kept, or the one that is held
    out. All rows are measured and grouped with their near duplicates, including dropped ones: a duplicate has
    the measures of the preset that it equals, and a chain of near duplicates may pass through a dropped
    preset. Only kept presets are split.

    Args:
        bank: N presets, as read.
        held_out: Rows that must be in the test set of both splits, together with all of their near
            duplicates, bool (N,); default none.
        seed: Random seed of the splits; equal seeds give equal splits.
        options: Number of processes that measure, progress bar, and location of the cache.

    Returns:
        Table of N rows with the columns `COLUMNS`.
    """
    held = np.zeros(len(bank), bool) if held_out is None else held_out
    values = bank.neutral().values
    stands_for = _duplicates(values, held)
    # measured in order of first occurrence, so that cached parts do not depend on what is held out
    first = _duplicates(values, np.zeros(len(bank), bool))
    distinct, of_row = np.unique(first, return_inverse=True)
    found = audio_descriptors.measure_bank(bank.neutral()[distinct], options)
    measured = pd.DataFrame(found[of_row], columns=list(audio_descriptors.MEASURES))

    rows = np.arange(len(bank), dtype=np.int32)
    duplicate = stands_for != rows
    silent = (measured["peak_rms_db"] < SILENCE_DB).to_numpy() & ~duplicate
    kept = ~duplicate & ~silent
    group = near_duplicates.twin_groups(values)
    held = np.isin(group, group[held])
    table = pd.DataFrame(
        {
            "index": rows,
            "flags": bank.flags,
            "kept": kept,
            "dropped": pd.Categorical(
                np.select([duplicate, silent], [DUPLICATE, SILENT], ""), ["", DUPLICATE, SILENT]
            ),
            "duplicate_of": np.where(duplicate, stands_for, -1).astype(np.int32),
            **_label_columns(measured),
            "twin_group": group,
            "held_out": held,
            "split_random": _split(kept, rows, held, seed),
            "split_twin_disjoint": _split(kept, group, held, seed),
        }
    )
    return pd.concat([table, measured.round(_DECIMALS)], axis=1)[list(COLUMNS)]


def _split(
    kept: npt.NDArray[np.bool_], groups: npt.NDArray[np.int32], held: npt.NDArray[np.bool_], seed: int
) -> pd.Categorical:
    names = np.full(len(kept), "", "<U10")
    names[kept] = splits.subsets(splits.folds(groups[kept], held[kept], seed))
    return pd.Categorical(names, ["", *splits.SUBSETS])


def curate(
    corpus: str | Path,
    *,
    seed: int = splits.SEED,
    strict: bool = True,
    options: RunOptions = RunOptions(),
) -> Curation:
    """Curate a named corpus, or any file or folder of presets.

    The first run takes about 25 ms per preset and core; later runs reuse its measures.

    Args:
        corpus: Name of a corpus, or path of a file or folder.
        seed: Random seed of the splits; equal seeds give equal splits.
        strict: Refusal of damaged files if `corpus` is a path; see `PresetBank.read`.
        options: Number of processes that measure, progress bar, and location of the cache.

    Raises:
        DataError: The corpus is not available.
        PresetFileError: A file cannot be read.
    """
    bank = corpora.read(corpus, strict=strict)
    name = corpus_name(corpus)
    table = curate_bank(
        bank,
        _held_out(str(corpus), bank),
        seed=seed,
        options=options,
    )
    counts = summary.summarize(bank, table)
    if name in corpora.CORPORA and corpora.CORPORA[name].format == "packed":
        counts["undefined_bits"] = summary.undefined_bits(bank, corpora.find(name))
    return Curation(name, table, counts, _provenance(name, bank, seed), bank.notes)


def corpus_name(corpus: str | Path) -> str:
    """Return the name of a corpus, after which `Curation.files` are called: its own, or that of its file."""
    return str(corpus) if str(corpus) in corpora.CORPORA else Path(corpus).stem


def _provenance(name: str, bank: PresetBank, seed: int) -> dict[str, str]:
    # the hash of the code rather than the commit: a committed file cannot name the commit that contains it
    code = code_hash(*_MADE_BY, sys.modules[__name__])
    return {
        "made_by": f"latentdx curate --corpus {name}",
        "corpus": name,
        "corpus_sha256": corpora.bank_hash(bank),
        "code_sha256": code,
        "engine": renderer.Dexed().engine,
        "settings": f"transpose 24; level and labels at {labels.LABEL_NOTE}, silence below {SILENCE_DB} dB, "
        f"attack {labels.ATTACK_SECONDS} s; "
        f"twins differ in at most {near_duplicates.MOST_DIFFERENCES} values; "
        f"{splits.TEST_SHARE:.0%} test, fold 0 of {splits.N_FOLDS} validates, seed {seed}",
        "libraries": ", ".join(
            f"{p} {version(p)}" for p in ("librosa", "numpy", "pandas", "pyarrow", "scipy")
        ),
    }


def table_path(name: str | Path) -> Path:
    """Return the path of a curation table: a Parquet file itself, in `data/curation`, or in the cache."""
    if str(name).endswith(".parquet"):
        return Path(name)
    shipped = data_path("curation") / f"{name}.parquet"
    own = corpora.cache_place(str(name)) / f"{name}.parquet"
    return own if own.exists() and not shipped.exists() else shipped


def read_curation(name: str | Path = "learnfm") -> pd.DataFrame:
    """Read a curation table.

    Args:
        name: Name of a corpus whose table ships in `data/curation` or is in the cache, or path of a Parquet
            file.

    Returns:
        Table with one row per preset and the columns `COLUMNS`.

    Raises:
        DataMissingError: There is no such table.

    >>> len(read_curation("learnfm"))
    31380
    """
    path = table_path(name)
    if not path.exists():
        raise DataMissingError(f"{path} does not exist: make it with `latentdx curate --corpus {path.stem}`")
    return pd.read_parquet(path)


def read_provenance(name: str | Path = "learnfm") -> dict[str, str]:
    """Read the provenance of a curation table from its metadata.

    Args:
        name: Name of a corpus whose table ships in `data/curation` or is in the cache, or path of a Parquet
            file.

    Returns:
        Corpus, code, engine, settings and libraries that made the table.
    """
    path = table_path(name)
    return json.loads(pq.read_schema(path).metadata[b"latentdx"])


def rows(
    name: str | Path = "learnfm", split: splits.Split = "twin-disjoint", subset: splits.Subset | None = None
) -> npt.NDArray[np.int64]:
    """Return the rows of a corpus that are in one subset of a split.

    Args:
        name: Name of a corpus whose table ships in `data/curation` or is in the cache, or path of a Parquet
            file.
        split: "random", as in the paper, or "twin-disjoint", which keeps near duplicates together.
        subset: "train", "validation" or "test"; default `None`: all kept rows.

    Returns:
        Rows in ascending order, int64.

    Raises:
        ParameterError: There is no such split or subset.
        DataMissingError: The corpus has no table.

    >>> len(rows("starter")), len(rows("starter", subset="test"))
    (384, 77)
    """
    if split not in splits.SPLITS or subset not in (None, *splits.SUBSETS):
        raise ParameterError(
            f"split {split!r}, subset {subset!r}: they must be one of {splits.SPLITS} and {splits.SUBSETS}"
        )
    table = read_curation(name)
    chosen = table["kept"] if subset is None else table[f"split_{split.replace('-', '_')}"] == subset
    return table.loc[chosen, "index"].to_numpy(np.int64)
