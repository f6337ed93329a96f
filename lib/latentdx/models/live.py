"""Which parameters of a preset can be heard at all: found by turning each and seeking a difference."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from latentdx.audio.dexed import N_SAMPLES, SINGLE_NOTE, Dexed, Renderer
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_VALUES, voice_parameters

THRESHOLD = 1e-6
"""Difference of any sample, plug-in scale, that makes a parameter live."""

_PROBE = 8_192  # samples: most live parameters show within 0.4 s, at a tenth of a whole render's cost


def other_values(value: int, maximum: int) -> tuple[int, ...]:
    """What a parameter is set to in turn: its minimum, its maximum, half its range further (modulo)."""
    half_way = (value + (maximum + 1) // 2) % (maximum + 1)
    return tuple(v for v in dict.fromkeys((0, maximum, half_way)) if v != value)


def _live(preset: Preset, notes: Sequence[tuple[int, int]], renderer: Renderer) -> npt.NDArray[np.bool_]:
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
    threads: int | None = None,
    progress: bool | None = None,
) -> npt.NDArray[np.bool_]:
    """The live parameters of each preset, by up to three renders a parameter and note.

    A parameter is live for a preset if setting it to its minimum, its maximum, or half its range further
    changes any sample of any note by more than 1e-6. Deterministic; cache it, for it takes about 0.3 s a
    preset and core.

    Args:
        bank: N presets (neutral, where the models see them so).
        notes: (MIDI note, velocity) pairs at which the presets are judged.
        renderer: default `Dexed`.
        threads: default one a core.
        progress: show a bar; default only on a terminal.

    Returns:
        bool (N, 145), VCED order; TRANSPOSE, which is not learned, is never live here.
    """
    synth = renderer or Dexed()
    out = np.zeros((len(bank), N_VALUES), bool)
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        found = pool.map(lambda preset: _live(preset, notes, synth), bank)
        hidden = None if progress is None else not progress
        for i, row in enumerate(tqdm(found, total=len(bank), unit="preset", desc="live", disable=hidden)):
            out[i] = row
    return out
