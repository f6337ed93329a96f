"""Counts and histograms of a curated corpus; they are aggregates only, so they may be published."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.presets import sysex
from latentdx.presets.bank import Flag, PresetBank
from latentdx.presets.parameters import N_OPERATORS, NAME_LENGTH, NEUTRAL_TRANSPOSE, column, parameter

_SOUND_BYTES = sysex.PACKED_SIZE - NAME_LENGTH


def summarize(bank: PresetBank, table: pd.DataFrame) -> dict[str, Any]:
    """Count what a curation kept and dropped, and compute histograms of the kept presets' parameters.

    Args:
        bank: Corpus as read, with its stored transpositions.
        table: Result of `curation.curate_bank` for this corpus.

    Returns:
        Counts, labels, splits, sizes of groups of near duplicates, and histograms, as written to JSON.
    """
    return {
        "counts": _counts(bank, table),
        "labels": _tally(table[table.kept].label),
        "splits": {name: _tally(table[table.kept][f"split_{name}"]) for name in ("random", "twin_disjoint")},
        "twin_group_sizes": {
            str(size): int(count)
            for size, count in sorted(table[table.kept].twin_group.value_counts().value_counts().items())
        },
        "histograms": _histograms(bank[table.kept.to_numpy()]),
    }


def _tally(values: pd.Series) -> dict[str, int]:
    counts = values.value_counts()
    return {str(name): int(counts[name]) for name in sorted(counts.index) if counts[name]}


def _counts(bank: PresetBank, table: pd.DataFrame) -> dict[str, int]:
    flagged = {flag.name.lower(): int((bank.flags & flag > 0).sum()) for flag in Flag if flag.name}
    return {
        "read": len(bank),
        **flagged,
        "mended_values": int(bank.mended.sum()),
        "transpose_not_neutral": int((bank.transposes != NEUTRAL_TRANSPOSE).sum()),
        "duplicates": int((table.dropped == "duplicate").sum()),
        "duplicates_before_transposing": len(bank) - len(np.unique(bank.values, axis=0)),
        "silent": int((table.dropped == "silent").sum()),
        "kept": int(table.kept.sum()),
        "harmonic": int(table[table.kept].harmonic.sum()),
        "percussive": int(table[table.kept].percussive.sum()),
        "twin_groups_of_all": int(table.twin_group.nunique()),
        "twin_groups_of_kept": int(table[table.kept].twin_group.nunique()),
        "kept_with_a_twin": int(table[table.kept].twin_group.duplicated(keep=False).sum()),
        "held_out": int(table[table.kept].held_out.sum()),
    }


def _histograms(bank: PresetBank) -> dict[str, Any]:
    """Count each value over presets for global parameters, and over live operators for the others."""
    live = np.stack(
        [bank.values[:, column(f"OP{k} OUTPUT LEVEL")] > 0 for k in range(1, N_OPERATORS + 1)], axis=1
    )
    names = ("ALGORITHM", "FEEDBACK", "OSC KEY SYNC", "LFO KEY SYNC", "LFO WAVE", "P MODE SENS.")
    of_operators = ("MODE", "F COARSE", "OSC DETUNE", "RATE SCALING", "A MOD SENS.", "KEY VELOCITY")
    return {
        "presets_by_live_operators": np.bincount(live.sum(1), minlength=N_OPERATORS + 1).tolist(),
        "presets_by_stored_transpose": np.bincount(
            bank.transposes, minlength=parameter("TRANSPOSE").maximum + 1
        ).tolist(),
        "presets": {
            name: np.bincount(bank.values[:, column(name)], minlength=parameter(name).maximum + 1).tolist()
            for name in names
        },
        "live_operators": {name: _of_operators(bank, live, name) for name in of_operators},
        "presets_by_highest_key_velocity": _highest(bank, live, "KEY VELOCITY"),
    }


def _of_operators(bank: PresetBank, live: npt.NDArray[np.bool_], name: str) -> list[int]:
    values = np.stack([bank.values[:, column(f"OP{k} {name}")] for k in range(1, N_OPERATORS + 1)], axis=1)
    return np.bincount(values[live], minlength=parameter(f"OP1 {name}").maximum + 1).tolist()


def _highest(bank: PresetBank, live: npt.NDArray[np.bool_], name: str) -> list[int]:
    """Count presets by the largest value of any live operator; without live operators the value is 0."""
    values = np.stack([bank.values[:, column(f"OP{k} {name}")] for k in range(1, N_OPERATORS + 1)], axis=1)
    largest = np.where(live, values, 0).max(1, initial=0)
    return np.bincount(largest, minlength=parameter(f"OP1 {name}").maximum + 1).tolist()


def undefined_bits(bank: PresetBank, files: Iterable[Path]) -> dict[str, int]:
    """Count presets with bits set that the DX7 does not define; such bits are dropped when a bank is read.

    Args:
        bank: Bank as read.
        files: Packed files that the bank was read from, in the same order.

    Returns:
        "presets" is the number of presets that have such a bit set, without those whose values were mended on
        reading; "duplicates" is the number of presets that equal an earlier one except for such bits and for
        names.
    """
    raw = np.concatenate([np.frombuffer(f.read_bytes(), np.uint8) for f in files]).reshape(
        -1, sysex.PACKED_SIZE
    )
    other = (bank.packed() != raw)[:, :_SOUND_BYTES].any(1)
    as_read = sysex.unpack(raw)
    stored = len(np.unique(raw[:, :_SOUND_BYTES], axis=0))
    return {
        "presets": int((other & ~bank.mended.any(1)).sum()),
        "duplicates": stored - len(np.unique(as_read, axis=0)),
    }
