"""Dependence of a preset's timbre on velocity and key, and the two test presets chosen by it.

`python -m latentdx.dataset.dynamics` makes the table again, which needs the corpus; reading it does not.

Two sounds of a preset are compared in third-octave bands that start from the frequency of the key, so that
the same partials are compared at every key. Their levels are aligned, so that only differences of timbre and
of its course over time remain.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import pandas as pd

from latentdx.audio import pitch
from latentdx.audio.renderer import SAMPLE_RATE, Dexed, Renderer
from latentdx.dataset import curation
from latentdx.dataset.audio_descriptors import peak_rms_db
from latentdx.dataset.paper_examples import CORPUS
from latentdx.errors import DataMissingError
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from latentdx.registry import data_path

VELOCITIES = ((60, 20), (60, 127))
KEYS = ((40, 85), (70, 85))
"""The two (MIDI note, velocity) that are compared for each kind of dependence."""

FLOOR_DB = -60.0
"""Level relative to a sound's loudest frame; softer bands count as this level."""

RELATED = 0.8
"""Share of their 145 values that relatives have in common at least, as in the evaluation's anchors."""

N_FFT, HOP = 4096, 1024
_LOWEST, _BANDS = 0.5, 17  # from half the key's frequency to 20 times, which is 9.4 kHz for key 70
_TRAINING_AT_ONCE = 2048

MOST_DETUNED = 50.0
"""Largest error in cents with which a chosen preset's pitch follows the key."""

MEASURES = ("velocity", "key", "detune", "softest_db")

FILE = "dynamics.parquet"


def _band_filters(note: int) -> npt.NDArray[np.float32]:
    """Return the bins of each band above a key's frequency as ones, float32 (band, bin)."""
    ratio = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=N_FFT) / librosa.midi_to_hz(note)
    with np.errstate(divide="ignore"):
        place = np.rint(3 * np.log2(ratio / _LOWEST))
    return (place == np.arange(_BANDS)[:, None]).astype(np.float32)


def bands(sound: npt.NDArray[np.float32], note: int) -> npt.NDArray[np.float32]:
    """Compute the levels of a sound in third-octave bands that start from the frequency of its key.

    Args:
        sound: Mono sound at 22,050 Hz, float32 (samples,).
        note: MIDI note of the sound.

    Returns:
        Levels in dB relative to the loudest frame, at least `FLOOR_DB`, float32 (band, frame).
    """
    power = np.abs(librosa.stft(sound, n_fft=N_FFT, hop_length=HOP)) ** 2
    found = _band_filters(note) @ power
    loudest = max(float(found.sum(0).max()), 1e-12)
    return 10 * np.log10(np.maximum(found / loudest, 10 ** (FLOOR_DB / 10)))


def difference(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Return the mean absolute difference of the `bands` of two sounds, in dB."""
    return float(np.abs(a - b).mean())


def measure(values: npt.NDArray[np.uint8], renderer: Renderer | None = None) -> pd.DataFrame:
    """Measure presets, in 70 ms each.

    Args:
        values: Presets, uint8 (N, 145).
        renderer: Synth that renders; default `Dexed()`.

    Returns:
        Table of N rows. `velocity` and `key` are the differences in dB between the two notes of `VELOCITIES`
        and of `KEYS`; `detune` is the error in cents with which the pitch follows from one of `KEYS` to the
        other, disregarding octaves; `softest_db` is the level of the loudest frame of the softest of the four
        notes.
    """
    synth = renderer or Dexed()

    def measure_one(row: npt.NDArray[np.uint8]) -> tuple[float, float, float, float]:
        notes = (*VELOCITIES, *KEYS)
        sounds = [synth.render(Preset(row), *played) for played in notes]
        soft, hard, low, high = (bands(s, note) for s, (note, _) in zip(sounds, notes, strict=True))
        risen = 12 * np.log2(pitch.estimate_fast(sounds[3]) / pitch.estimate_fast(sounds[2]))
        detune = abs((100 * (risen - (KEYS[1][0] - KEYS[0][0])) + 600) % 1200 - 600)
        return difference(soft, hard), difference(low, high), detune, min(map(peak_rms_db, sounds))

    with ThreadPoolExecutor() as pool:
        return pd.DataFrame(list(pool.map(measure_one, values)), columns=list(MEASURES)).round(3)


def most_shared(values: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return for each preset the largest share of values that it has in common with any other preset.

    Args:
        values: Presets, uint8 (N, 145).
        others: Presets to compare them with, uint8 (M, 145), at least one.

    Returns:
        Shares from 0 to 1, (N,).
    """
    parts = [others[i : i + _TRAINING_AT_ONCE] for i in range(0, len(others), _TRAINING_AT_ONCE)]
    return np.array([max(float((part == row).mean(1).max()) for part in parts) for row in values])


def candidates(corpus: str = CORPUS) -> npt.NDArray[np.int64]:
    """Find the presets of a corpus from which `choose` may choose.

    They are the harmonic presets of the twin-disjoint test set that are not held out as examples and have no
    relative in the training set.

    Returns:
        Rows of the corpus, int64.
    """
    bank, table = corpora.read(corpus).neutral(), curation.read_curation(corpus)
    part = table["split_twin_disjoint"]
    tested = table.loc[(part == "test") & (table["label"] == "harmonic") & ~table["held_out"], "index"]
    rows, training = tested.to_numpy(np.int64), table.loc[part == "train", "index"].to_numpy()
    return rows[most_shared(bank.values[rows], bank.values[training]) < RELATED]


def make(folder: Path, corpus: str = CORPUS) -> Path:
    """Measure the candidates of a corpus, write the table to `folder`, and return its path."""
    rows = candidates(corpus)
    table = measure(corpora.read(corpus).neutral().values[rows])
    table.insert(0, "row", rows)
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / FILE, index=False, compression="zstd")
    return folder / FILE


def read(folder: Path | None = None) -> pd.DataFrame:
    """Read the table of candidates: one line per candidate, with its row and its `MEASURES`.

    Args:
        folder: Folder of the table; default `data/targets`, where it ships.

    Raises:
        DataMissingError: There is no table.
    """
    path = (folder or data_path("targets")) / FILE
    if not path.exists():
        raise DataMissingError(f"{path} is missing: `python -m latentdx.dataset.dynamics` makes it")
    return pd.read_parquet(path)


def fit(table: pd.DataFrame) -> pd.Series:
    """Return a mask of the candidates that are never silent and always in tune."""
    return (table["softest_db"] >= curation.SILENCE_DB) & (table["detune"] <= MOST_DETUNED)


def choose(table: pd.DataFrame) -> dict[str, int]:
    """Choose two of the candidates that are `fit`: the one most dependent on velocity, and the one on key.

    Of equal candidates the first is chosen, and never the same candidate for both.

    Args:
        table: Table of candidates, see `read`.

    Returns:
        {"velocity": row, "key": row}, rows of the corpus.
    """
    left = table[fit(table)].sort_values("row")
    chosen: dict[str, int] = {}
    for kind in ("velocity", "key"):
        chosen[kind] = int(left["row"].iloc[int(left[kind].argmax())])
        left = left[left["row"] != chosen[kind]]
    return chosen


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `python -m latentdx.dataset.dynamics [--out data/targets]`."""
    parser = argparse.ArgumentParser(description="Measure how test presets depend on velocity and key.")
    parser.add_argument("--out", type=Path, default=data_path("targets"))
    print(make(parser.parse_args(arguments).out))


if __name__ == "__main__":
    main()
