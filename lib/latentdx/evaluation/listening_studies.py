"""Agreement of the metrics of sounds, and of the objective, with listeners.

In a listening study people rate how different the sounds of each pair are. A distance agrees with them if it
ranks the pairs of a study as they do. Only ranks count, because each study has a scale of its own. Metrics of
parameters are left out: the sounds of these studies are not presets.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import soxr
from scipy.spatial.distance import squareform
from scipy.stats import spearmanr

from latentdx.audio import pitch
from latentdx.audio.io import decode
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.caching import code_hash, map_chunks
from latentdx.errors import AudioFileError, DataMissingError, ParameterError
from latentdx.evaluation import evaluate
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.files import sha256_of, write_files
from latentdx.metrics import gain, modulation, objective
from latentdx.metrics.objective import MODULATION_WEIGHT, WEIGHTS
from latentdx.metrics.registry import AUDIO_METRICS, PYIN_METRIC, Metric
from latentdx.metrics.sound_features import RESOLUTIONS, SETTINGS, SoundFeatures
from latentdx.provenance import code_commit
from latentdx.registry import data_path
from latentdx.run_options import RunOptions
from latentdx.typing import Audio, Floats

FILE = "listeners.json"
"""Name of the result."""

OBJECTIVE = "objective"
"""Name of the objective among the metrics of the result."""

SOUND_METRICS: tuple[Metric, ...] = (*AUDIO_METRICS, PYIN_METRIC)
"""The metrics of the registry that compare sounds."""

SOUNDS, RATINGS, SUFFIX = "sounds", "true_dissim", "_dissimilarity_matrix.txt"
"""Folders of sounds and of matrices, and the end of a matrix's file name."""

FEWEST_SOUNDS, MOST_SOUNDS = 3, 200
"""Bounds of the number of sounds in a study: two make no ranking, and all triplets must fit in memory."""

LONGEST = 10.0
"""Most seconds that a sound may last."""

MARGIN = 0.1
"""Share of a study's largest rating by which the ratings in a triplet differ, as in timbremetrics.

Listeners do not agree on closer calls themselves.
"""

_CHUNK = 48  # pairs, which take one core about a second
_KEPT = 40  # sounds whose features a process keeps, those of about two studies


@dataclass(frozen=True)
class ListeningStudy:
    """Sounds, and how different listeners found each pair of them.

    Attributes:
        name: Name of the study.
        sounds: Sound files.
        ratings: Dissimilarity of each pair, (pairs,), row by row as in the upper triangle of the matrix.
    """

    name: str
    sounds: tuple[Path, ...]
    ratings: Floats

    @property
    def pairs(self) -> npt.NDArray[np.intp]:
        """Positions of the sounds of each pair, (pairs, 2), in the order of `ratings`."""
        return np.stack(np.triu_indices(len(self.sounds), 1), axis=1)


# -- reading -------------------------------------------------------------------------------------------------


def read_studies(folder: Path) -> list[ListeningStudy]:
    """Read a folder of listening studies, in alphabetical order.

    The sounds of a study, ``sounds/STUDY/*``, belong to the rows of its matrix in the order of their file
    names. The matrix, ``true_dissim/STUDY_dissimilarity_matrix.txt``, has a row per line, with numbers
    separated by tabs or spaces; only its upper triangle is read. This is the layout of the studies that
    timbremetrics collects (https://github.com/tiianhk/timbremetrics).

    Args:
        folder: Folder that holds ``sounds`` and ``true_dissim``.

    Raises:
        DataMissingError: The folder holds no studies, or a study has no matrix.
        ParameterError: A matrix is not one of finite ratings from 0 on for all sounds of its study.
        AudioFileError: A sound cannot be read.
    """
    places = sorted(place for place in (folder / SOUNDS).glob("[!.]*") if place.is_dir())
    if not places:
        raise DataMissingError(
            f"{folder} is not a folder of listening studies: it has no folders {SOUNDS}/STUDY with sounds, "
            f"which {RATINGS}/STUDY{SUFFIX} rates"
        )
    return [_read_study(place, folder / RATINGS / f"{place.name}{SUFFIX}") for place in places]


def _read_study(place: Path, file: Path) -> ListeningStudy:
    name = place.name
    sounds = tuple(sorted(path for path in place.glob("[!.]*") if path.is_file()))
    if not FEWEST_SOUNDS <= len(sounds) <= MOST_SOUNDS:
        raise ParameterError(
            f"the study {name} has {len(sounds)} sounds in {place}, not {FEWEST_SOUNDS} to {MOST_SOUNDS}"
        )
    if not file.is_file():
        raise DataMissingError(f"the study {name} has no ratings: there is no file {file}")
    try:
        matrix = np.loadtxt(file, ndmin=2)
    except (ValueError, OSError) as error:
        raise ParameterError(f"the ratings of the study {name} cannot be read: {file}: {error}") from error
    if matrix.shape != (len(sounds), len(sounds)):
        rows, columns = matrix.shape
        raise ParameterError(
            f"the ratings of the study {name} are {rows} × {columns} for {len(sounds)} sounds: {file}"
        )
    ratings = matrix[np.triu_indices(len(sounds), 1)]
    for wrong, bound in ((~np.isfinite(ratings), "finite"), (ratings < 0, "at least 0")):
        if wrong.any():
            raise ParameterError(
                f"a rating of the study {name} is {ratings[wrong][0]:g}, but must be {bound}: {file}"
            )
    if np.ptp(ratings) == 0:
        raise ParameterError(
            f"all ratings of the study {name} are {ratings[0]:g}, so they rank nothing: {file}"
        )
    for sound in sounds:
        _read_sound(sound)
    return ListeningStudy(name, sounds, ratings)


def _read_sound(path: Path) -> Audio:
    """Read a sound: mono, at 22,050 Hz, its peak at 1, and at least as long as `SoundFeatures` needs."""
    recording = decode(path, LONGEST)
    if recording.length > LONGEST:
        raise AudioFileError(
            f"{path}: the sound lasts {recording.length:.1f} s, but may last at most {LONGEST:.0f} s"
        )
    sound = soxr.resample(recording.samples, recording.rate, SAMPLE_RATE).astype(np.float32)
    sound /= max(float(np.abs(sound).max(initial=0.0)), np.finfo(np.float32).tiny)  # silence stays silent
    return _padded(sound, max(RESOLUTIONS))


def _padded(sound: Audio, length: int) -> Audio:
    return np.pad(sound, (0, max(length - len(sound), 0)))


# -- measuring -----------------------------------------------------------------------------------------------


def _both_ways(compute: Callable[[Any, Any], float], a: Any, b: Any) -> float:
    """Return the mean of a metric over both directions, since a pair of sounds has no target."""
    return (compute(a, b) + compute(b, a)) / 2


def _compare(files: npt.NDArray[np.str_], hashes: npt.NDArray[np.str_]) -> Floats:
    """Return the audio metrics and the objective of pairs of files, (pairs, metrics + 1).

    The hashes are for the cache's key.
    """

    @lru_cache(maxsize=_KEPT)
    def sound(file: str) -> Audio:
        return _read_sound(Path(file))

    @lru_cache(maxsize=_KEPT)
    def features(file: str, length: int) -> SoundFeatures:
        return SoundFeatures(_padded(sound(file), length))

    computed = [*(metric.compute for metric in AUDIO_METRICS), objective.distance]
    out = np.empty((len(files), len(computed)))
    for row, pair in zip(out, files.tolist(), strict=True):
        length = max(len(sound(file)) for file in pair)
        a, b = (features(file, length) for file in pair)
        row[:] = [_both_ways(compute, a, b) for compute in computed]
    return out


def _pitches(files: npt.NDArray[np.str_], hashes: npt.NDArray[np.str_]) -> Floats:
    """Estimate the pitch of files by pYIN: f0 in Hz and share of voiced frames, (files, 2)."""
    found = [pitch.estimate(_read_sound(Path(file))) for file in files.tolist()]
    return np.array([(p.f0, p.voiced) for p in found])


def distances(studies: Sequence[ListeningStudy], options: RunOptions = RunOptions()) -> list[pd.DataFrame]:
    """Measure how different the sounds of each pair are, by every metric of sounds and by the objective.

    Sounds are mono, at 22,050 Hz, and peak-normalized; the shorter sound of a pair is padded with silence.
    The objective compares each pair at equal loudness. Each metric is averaged over both directions, which
    only changes those that are not symmetric, and is undefined if it is undefined in either. Finished parts
    are kept.

    Args:
        studies: Studies to measure.
        options: Number of processes, progress bar, and location of the cache.

    Returns:
        One table per study: a row per pair, in the order of its ratings, and a column per metric of
        `SOUND_METRICS` and for the `OBJECTIVE`; `nan` where a metric is undefined.
    """
    files = [np.array([str(path.absolute()) for path in study.sounds]) for study in studies]
    hashes = [np.array([sha256_of(path) for path in study.sounds]) for study in studies]
    method = f"{_method()} " + ", ".join(f"{metric.name} {metric.version}" for metric in SOUND_METRICS)
    run = partial(map_chunks, method=method, kind="listening-studies", options=options)
    paired = [
        np.concatenate([x[s.pairs] for x, s in zip(of, studies, strict=True)]) for of in (files, hashes)
    ]
    compared = run(_compare, paired, size=_CHUNK, description="comparing", unit="pair")
    single = [np.concatenate(files), np.concatenate(hashes)]
    f0 = run(_pitches, single, size=_CHUNK // 4, description="pYIN", unit="sound")
    out, pair, sound = [], 0, 0
    for study in studies:
        columns = [*(metric.name for metric in AUDIO_METRICS), OBJECTIVE]
        table = pd.DataFrame(compared[pair : pair + len(study.pairs)], columns=columns)
        heard = [pitch.Pitch(*each) for each in f0[sound : sound + len(study.sounds)].tolist()]
        pyin = [_both_ways(PYIN_METRIC.compute, heard[i], heard[j]) for i, j in study.pairs.tolist()]
        table.insert(len(AUDIO_METRICS), PYIN_METRIC.name, pyin)
        out.append(table)
        pair, sound = pair + len(study.pairs), sound + len(study.sounds)
    return out


def _method() -> str:
    """Return what cached distances depend on in addition to the sounds: code and library versions."""
    libraries = " ".join(f"{name} {version(name)}" for name in ("soundfile", "soxr"))
    return f"{evaluate.method()} {code_hash(sys.modules[__name__], objective, gain, modulation)} {libraries}"


# -- agreement -----------------------------------------------------------------------------------------------


def rank_correlation(ratings: Floats, measured: Floats) -> float:
    """Return Spearman's rank correlation of ratings and distances of the same pairs, (pairs,) each.

    Pairs whose distance is `nan` are left out. With fewer than three others, or if one side is the same for
    all of them, the correlation is undefined, `nan`.

    >>> rank_correlation(np.array([1.0, 2.0, 4.0]), np.array([0.1, 0.2, 0.3]))
    1.0
    """
    rated, found = ratings[np.isfinite(measured)], measured[np.isfinite(measured)]
    if len(found) < 3 or np.ptp(found) == 0 or np.ptp(rated) == 0:
        return float("nan")
    return float(spearmanr(rated, found).statistic)


def triplet_agreement(ratings: Floats, measured: Floats) -> float:
    """Return the share of triplets in which a distance picks the same sound as the listeners.

    In a triplet, which of two sounds is more like a third one? Triplets of a study count if the two ratings
    differ by more than `MARGIN` and both distances are defined; equal distances count half, so that guessing
    is 0.5.

    Args:
        ratings: Ratings of all pairs of a study, (pairs,), in the order of `ListeningStudy.ratings`.
        measured: Distances of the same pairs; `nan` where undefined. If all of them are equal, the agreement
            is undefined, `nan`.

    >>> triplet_agreement(np.array([1.0, 2.0, 4.0]), np.array([0.1, 0.3, 0.2]))
    0.6666666666666666
    """
    rated, found = _triplets(ratings / ratings.max()), _triplets(measured)
    counted = (np.abs(rated) > MARGIN) & np.isfinite(found)
    if not counted.any() or np.ptp(measured[np.isfinite(measured)]) == 0:
        return float("nan")
    product = np.sign(rated[counted]) * np.sign(found[counted])
    return float(np.mean((product + 1) / 2))


def _triplets(values: Floats) -> Floats:
    """Return d(i, j) - d(i, k) for each sound i and each two others j < k; `nan` if undefined."""
    matrix = squareform(values, checks=False)
    np.fill_diagonal(matrix, np.nan)  # leaves out j = i and k = i
    j, k = np.triu_indices(len(matrix), 1)
    return matrix[:, j] - matrix[:, k]


@dataclass(frozen=True)
class ListenerAgreement:
    """How well metrics agree with listeners, study by study.

    Attributes:
        table: One row per study for the `OBJECTIVE` and each of `SOUND_METRICS`. Columns: study, metric,
            sounds and pairs (numbers of them in the study), defined (number of pairs for which the metric is
            defined), rho (Spearman's rank correlation), triplets (share of triplets that agree),
            objective_rho and objective_triplets (the same of the objective, over the pairs for which the
            metric is defined); `nan` where a metric ranks nothing.
        versions: Version of each metric, by name.
        weights: Weight of each metric in the objective, and of the modulation, by name.
        settings: Settings of the audio metrics.
        code: Hash of the metrics' code, and versions of the libraries that they use.
        commit: Version of the code, see `latentdx.provenance.code_commit`.
        libraries: Versions of the libraries that read and compare, by name.
    """

    table: pd.DataFrame
    versions: Mapping[str, str]
    weights: Mapping[str, float]
    settings: Mapping[str, str]
    code: str
    commit: str
    libraries: Mapping[str, str]

    def write(self, folder: Path) -> Path:
        """Write `FILE` and return its path; equal figures give equal bytes.

        Args:
            folder: Folder that gets the file; created if missing.
        """
        facts = asdict(self) | {"table": json.loads(self.table.to_json(orient="records", double_precision=6))}
        path = folder / FILE
        write_files({path: (json.dumps(facts, indent=1) + "\n").encode()})
        return path

    @classmethod
    def read(cls, folder: Path | None = None) -> "ListenerAgreement":
        """Read the result of a folder, default `data/results`.

        Raises:
            NotMeasuredError: There is none.
        """
        path = (folder or data_path("results")) / FILE
        if not path.exists():
            raise NotMeasuredError(
                "Agreement with listeners has not been measured yet. "
                "`latentdx evaluate listeners --data FOLDER` measures it."
            )
        facts = json.loads(path.read_text("utf8"))
        figures = ["rho", "triplets", "objective_rho", "objective_triplets"]
        table = pd.DataFrame(facts.pop("table")).astype(dict.fromkeys(figures, np.float64))
        return cls(table, **facts)

    def differences(self, metric: str, figure: str) -> Floats:
        """Return by how much the objective agrees better than a metric in each study, (studies,).

        Args:
            metric: Name of the metric; both are compared over the pairs for which it is defined.
            figure: "rho" or "triplets".
        """
        part = self.table[self.table["metric"] == metric]
        return (part[f"objective_{figure}"] - part[figure]).to_numpy(np.float64)


def measure(studies: Sequence[ListeningStudy], options: RunOptions = RunOptions()) -> ListenerAgreement:
    """Measure how well every metric of sounds and the objective agree with listeners.

    Args:
        studies: Studies, see `read_studies`.
        options: Number of processes, progress bar, and location of the cache.
    """
    rows: list[dict[str, Any]] = []
    for study, table in zip(studies, distances(studies, options), strict=True):
        by_objective = table[OBJECTIVE].to_numpy()
        for name in (OBJECTIVE, *(metric.name for metric in SOUND_METRICS)):
            found = table[name].to_numpy()
            same = np.where(np.isfinite(found), by_objective, np.nan)
            rows.append(
                {
                    "study": study.name,
                    "metric": name,
                    "sounds": len(study.sounds),
                    "pairs": len(study.ratings),
                    "defined": int(np.isfinite(found).sum()),
                    "rho": rank_correlation(study.ratings, found),
                    "triplets": triplet_agreement(study.ratings, found),
                    "objective_rho": rank_correlation(study.ratings, same),
                    "objective_triplets": triplet_agreement(study.ratings, same),
                }
            )
    names = ("librosa", "numpy", "pandas", "scipy", "soundfile", "soxr")
    return ListenerAgreement(
        pd.DataFrame(rows),
        versions={metric.name: metric.version for metric in SOUND_METRICS},
        weights={**WEIGHTS, "modulation": MODULATION_WEIGHT},
        settings=dict(SETTINGS),
        code=evaluate.method(),
        commit=code_commit(),
        libraries={name: version(name) for name in names},
    )
