"""Tables of searches, as `benchmarks/match.py` measured them."""

from pathlib import Path

import numpy as np
import pandas as pd

from latentdx.display.match_progress import HEADINGS
from latentdx.display.table_formats import described
from latentdx.evaluation.benchmark_files import machine_text, read_benchmark


def search_table(file: Path | None = None) -> pd.DataFrame:
    """Compare searches with the same starts and the same distance.

    Args:
        file: File of the benchmark; by default the one that ships.

    Returns:
        Columns search, mean and median of the distance, number of targets for which our search is closer, and
        one core (s).

    Raises:
        NotMeasuredError: There is no such file.
    """
    measured = read_benchmark("match", file)
    spent, targets = measured["seconds_one_core"], measured["targets"]
    timed = measured["whole_match"]
    whole = " and ".join(f"{t:.1f} s ({name})" for name, t in timed["seconds_one_core"].items())
    if notes := timed.get("dexed_py_seconds_5000_notes"):  # older files lack it
        whole += f", where dexed-py renders 5,000 notes in {notes:.1f} s"
    frame = pd.DataFrame(
        {
            "search": name,
            "distance, mean": distance["mean"],
            "median": distance["median"],
            "ours is closer in": measured["ours_closer"].get(name),
            "one core, s": spent[name],
        }
        for name, distance in measured["distance"].items()
    )
    return described(
        frame,
        f"{targets} validation presets, {measured['budget']:,} renders each; a whole match takes {whole}; "
        f"{machine_text(measured)}",
        formats={
            "distance, mean": ".3f",
            "median": ".3f",
            "ours is closer in": f"{{:.0f}} of {targets}",
            "one core, s": ".1f",
        },
        better={"distance, mean": "lower", "median": "lower"},
    )


def search_distance_table(file: Path | None = None) -> pd.DataFrame:
    """Tabulate the distances that a search can minimize, and the result by each measure.

    Args:
        file: File of the benchmark; by default the one that ships.

    Returns:
        Column "search minimizes", and one for the median of each measure.

    Raises:
        NotMeasuredError: There is no such file.
    """
    measured = read_benchmark("match", file)
    found = measured["medians_by_the_distance_searched"]
    frame = pd.DataFrame(
        {"search minimizes": name} | {HEADINGS[m]: value for m, value in values.items()}
        for name, values in found.items()
    )
    columns = frame.columns[1:]
    return described(
        frame,
        f"Medians over {measured['targets']} validation presets, after a search",
        formats=dict.fromkeys(columns, ".3g"),
        better=dict.fromkeys(columns, "lower"),
    )


def headroom_table(file: Path | None = None) -> pd.DataFrame:
    """Tabulate how far matches get with more renders, against the best that any of them found.

    Args:
        file: File of the benchmark; by default the one that ships.

    Returns:
        One row for each number of renders. For presets and for out-of-domain sounds: median distance, median
        MFCC13, and regret, the median of the distance divided by the least that any seed found with all
        renders, less one. For both together: the median spread between seeds, as a share of the distance.

    Raises:
        NotMeasuredError: There is no such file.
    """
    measured = read_benchmark("headroom", file)
    groups = {"presets": measured["presets"], "sounds": list(measured["sounds"].values())}
    lines = []
    for count in next(iter(groups["presets"]))[0]:
        line: dict[str, float | str] = {"renders": f"{int(count):,}"}
        spreads = []
        for group, targets in groups.items():
            distances = np.array([[seed[count]["distance"] for seed in target] for target in targets])
            least = np.array(
                [min(seed[end]["distance"] for seed in target for end in seed) for target in targets]
            )
            mfcc = [seed[count]["mfcc13"] for target in targets for seed in target]
            line[f"{group}: distance"] = float(np.median(distances))
            line[f"{group}: MFCC13"] = float(np.median(mfcc))
            line[f"{group}: regret"] = float(np.median(distances.mean(1) / least - 1))
            spreads.append(np.ptp(distances, axis=1) / distances.mean(1))
        line["seeds differ by"] = float(np.median(np.concatenate(spreads)))
        lines.append(line)
    frame = pd.DataFrame(lines)
    n, sounds = len(groups["presets"]), len(groups["sounds"])
    return described(
        frame,
        f"{n} validation presets and {sounds} out-of-domain sounds, {measured['seeds']} seeds, up to "
        f"{measured['budget']:,} renders; regret is the excess over the best that any seed found; "
        f"{machine_text(measured)}",
        formats={
            column: ".0%" if column.endswith(("regret", "by")) else ".3f" if "distance" in column else ".2f"
            for column in frame.columns[1:]
        },
    )
