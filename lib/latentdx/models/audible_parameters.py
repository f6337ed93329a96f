"""Audible ("live") parameters of presets: the parameters whose change makes a difference in the render."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from tqdm import tqdm

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import N_SAMPLES, SINGLE_NOTE, Renderer, sound_identity
from latentdx.caching import cache_key
from latentdx.files import atomic_write
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.corpora import bank_hash
from latentdx.presets.parameters import N_VALUES, voice_parameters
from latentdx.run_options import RunOptions
from latentdx.typing import Mask, Notes

THRESHOLD = 1e-6
"""Largest difference of a sample, at plug-in scale, that still counts as no change."""

_PROBE = 8_192  # samples: most live parameters show within 0.4 s, at a tenth of the cost of a whole render
_METHOD = 1  # raised when the method changes, so that stale masks are not reused
_UNKNOWN = 2
_CHUNK = 32  # presets between two writes: about ten seconds on one core


def other_values(value: int, maximum: int) -> tuple[int, ...]:
    """Return the values that are tried in place of a parameter's own value.

    They are the minimum 0, the maximum, and the value half a range further on (modulo the range), without
    duplicates and without `value` itself.

    Args:
        value: The parameter's value, 0 to `maximum`.
        maximum: The parameter's highest value.

    >>> other_values(30, 99)
    (0, 99, 80)
    """
    half_way = (value + (maximum + 1) // 2) % (maximum + 1)
    return tuple(v for v in dict.fromkeys((0, maximum, half_way)) if v != value)


def _live(preset: Preset, notes: Notes, renderer: Renderer) -> Mask:
    """Find the live parameters of one preset, bool (145,)."""
    lengths = (_PROBE, N_SAMPLES)
    original = {(note, n): renderer.render(preset, *note, n_samples=n) for note in notes for n in lengths}

    def differs(column: int, length: int) -> bool:
        for value in other_values(int(preset.values[column]), voice_parameters()[column].maximum):
            changed = preset.values.copy()
            changed[column] = value
            for note in notes:
                sound = renderer.render(Preset(changed), *note, n_samples=length)
                if np.abs(sound - original[note, length]).max() > THRESHOLD:
                    return True
        return False

    learnable = (p.learnable for p in voice_parameters())
    return np.array([ok and any(differs(c, n) for n in lengths) for c, ok in enumerate(learnable)])


def live_parameters(
    bank: PresetBank,
    notes: Sequence[tuple[int, int]] = SINGLE_NOTE,
    *,
    renderer: Renderer | None = None,
    options: RunOptions = RunOptions(),
) -> Mask:
    """Find the live parameters of each preset with up to three renders per parameter and note.

    A parameter is live in a preset if setting it to its minimum or its maximum, or moving it by half its
    range, changes any sample of any note by more than 1e-6. The result is deterministic; it takes about 0.3 s
    per preset on one core.

    Args:
        bank: N presets; neutral presets (`PresetBank.neutral`) if the models see them neutral.
        notes: (MIDI note, velocity) pairs at which the presets are rendered.
        renderer: Synth that renders; default `Engine()`.
        options: Number of threads, and whether a progress bar is shown.

    Returns:
        bool (N, 145), in VCED order. TRANSPOSE is never live here, because the models do not learn it.
    """
    synth = renderer or Engine()
    out = np.zeros((len(bank), N_VALUES), bool)
    with ThreadPoolExecutor(options.workers) as pool:
        found = pool.map(lambda preset: _live(preset, notes, synth), bank)
        bar = tqdm(found, total=len(bank), unit="preset", desc="live", disable=options.hidden)
        for i, row in enumerate(bar):
            out[i] = row
    return out


def mask_file(bank: PresetBank, notes: Notes, renderer: Renderer, options: RunOptions = RunOptions()) -> Path:
    """Return the cache file of a corpus's masks.

    Args:
        bank: The whole corpus, neutral.
        notes: (MIDI note, velocity) pairs at which the presets are rendered.
        renderer: Synth that renders.
        options: Location of the cache.
    """
    pairs = [(int(n), int(v)) for n, v in notes]
    method = f"{_METHOD} {THRESHOLD} {bank_hash(bank)} {pairs} {sound_identity(renderer.engine)}"
    return options.folder("live") / f"{cache_key(method)}.npy"


def live_masks(
    bank: PresetBank,
    rows: npt.NDArray[np.integer],
    notes: Notes = SINGLE_NOTE,
    *,
    renderer: Renderer | None = None,
    options: RunOptions = RunOptions(),
) -> Mask:
    """Find the live parameters of some rows of a corpus; compute each preset once and cache the result.

    Finished presets are written to the cache every 32 presets, so that an interruption loses only seconds.
    All rows of a corpus share one file: the test sets of both splits overlap, and presets that are in both
    are computed once.

    Args:
        bank: The whole corpus, neutral.
        rows: Indices of presets in `bank`.
        notes: (MIDI note, velocity) pairs at which the presets are rendered.
        renderer: Synth that renders; default `Engine()`.
        options: Number of threads, whether a progress bar is shown, and the location of the cache.

    Returns:
        bool (len(rows), 145), in VCED order; see `live_parameters`.
    """
    synth = renderer or Engine()
    path = mask_file(bank, notes, synth, options)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        known = np.full((len(bank), N_VALUES), _UNKNOWN, np.uint8)
        if path.exists():
            known = np.load(path)
        missing = np.unique(rows[known[rows, 0] == _UNKNOWN])
        quiet = RunOptions(options.processes, progress=False)
        with tqdm(total=len(missing), unit="preset", desc="live parameters", disable=options.hidden) as bar:
            for start in range(0, len(missing), _CHUNK):
                chunk = missing[start : start + _CHUNK]
                known[chunk] = live_parameters(bank[chunk], notes, renderer=synth, options=quiet)
                with atomic_write(path) as file:
                    np.save(file, known)
                bar.update(len(chunk))
    return known[rows] == 1
