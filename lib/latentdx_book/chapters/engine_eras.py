"""Chapter "The engine": the two eras side by side, and what `benchmarks/compare_eras.py` found."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context

from latentdx.audio.engine.eras import DIFFERENCES
from latentdx.audio.engine.synth import Engine
from latentdx.display.figures import DescribedFigure, new_figure
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, compared, row
from latentdx.display.table_formats import described
from latentdx.evaluation.benchmark_files import read_benchmark
from latentdx.evaluation.era_comparison import difference_db
from latentdx.evaluation.published_eras import RECORDED
from latentdx.metrics.registry import METRICS
from latentdx.presets.bank import Preset
from latentdx.provenance import describe_commit
from latentdx.registry import data_path
from latentdx_book.chapters.presentation import shown

TITLES = {
    "base": "lowest pitch",
    "detune": "detune",
    "hold": "envelope's wait",
    "tremolo": "LFO's sign for levels",
    "fixed": "fixed frequencies stay",
    "speed": "LFO's speed",
    "organ": "feedback of algorithm 32",
}
"""Short name of each of `eras.DIFFERENCES`."""

TODAY = {"0.9.3": "0.9.3", "current": "today"}
"""Name of each era in a heading."""


def measured() -> dict[str, Any]:
    """Read what `benchmarks/compare_eras.py` measured.

    Raises:
        NotMeasuredError: There is nothing yet.
    """
    return read_benchmark("compare_eras")


def era_row(preset: Preset, note: int, velocity: int, caption: str = "") -> HTML:
    """Render a preset as Dexed 0.9.3 played it and as Dexed plays it today, and their distance."""
    old, new = (Engine(era=era).render(preset, note, velocity) for era in ("0.9.3", "current"))
    apart = f"difference {difference_db(old, new):.0f} dB".replace("-", "−")
    clips = compared(Clip(old, "Dexed 0.9.3, 2017"), [Clip(new, "today", (apart,), preset)])
    return row(clips, f"{preset.name} in two eras", caption)


# -- over the corpus -----------------------------------------------------------------------------------------


@shown
def headline() -> HTML:
    """Say in a sentence how many voices moved, and how far."""
    m = measured()
    p = m["percentiles"]
    return HTML(
        f"<p>Of {m['audible']:,} audible voices of {m['corpus']}, played at note {m['note']} and velocity "
        f"{m['velocity']}, <b>{m['different'] / m['audible']:.1%}</b> give other samples today than in 2017. "
        f"The median voice moved by an MFCC13 of {p['mfcc13_mae']['50']:.2f}, one in four by more than "
        f"{p['mfcc13_mae']['75']:.2f}, and one in twenty by more than {p['mfcc13_mae']['95']:.1f}. "
        f"(Run: <code>benchmarks/compare_eras.py</code>, commit {describe_commit(m['commit'])}, corpus "
        f"{m['corpus_sha256'][:12]}.)</p>"
    )


@shown
@rc_context()
def change_figure() -> DescribedFigure:
    """Plot the distributions of how far the voices moved."""
    m = measured()
    titles = {"difference_db": "difference, dB", "mfcc13_mae": "MFCC13", "objective": "objective"}
    figure, axes = new_figure(1, 3, size=(7.4, 2.9), sharey=True)
    told = []
    for ax, (name, title) in zip(axes[0], titles.items(), strict=True):
        h = m["histograms"][name]
        edges = np.array(h["edges"])
        shares = 100 * np.array(h["voices"]) / m["audible"]
        ax.bar(edges, shares, width=np.diff(edges, append=2 * edges[-1] - edges[-2]), align="edge")
        ax.set_xlabel(title)
        middle = m["percentiles"][name]["50"]
        if middle is not None:
            ax.axvline(middle, color="C1", linewidth=1.2)
            told.append(f"{title} {middle:.3g}".replace("-", "−"))
    axes[0, 0].set(ylabel="% of the audible voices", xlim=(-85, 17))
    return figure.described(
        f"Three histograms of {m['different']:,} voices that changed. Medians over all audible voices: "
        f"{'; '.join(told)}.",
        "How far the voices moved: the energy of the difference relative to the sound of 2017 (0 dB is as "
        "much as the sound itself), MFCC13, and the objective of our searches. The line is the median of all "
        "audible voices; the last bar holds what lies beyond.",
    )


@shown
def cause_table() -> pd.DataFrame:
    """Tabulate the seven differences: what each affects, how often, and how far it moves a voice alone."""
    m = measured()
    lines = [
        {
            "what changed": DIFFERENCES[name],
            "voices": c["voices"] / m["audible"],
            "of these differ": c["differ"] / c["voices"] if c["voices"] else None,
            "alone": c["alone"]["voices"],
            "of these differ, alone": c["alone"]["differ"] / c["alone"]["voices"]
            if c["alone"]["voices"]
            else None,
            "median MFCC13, alone": c["alone"]["median_mfcc13_mae"],
        }
        for name, c in m["concerned"].items()
    ]
    frame = pd.DataFrame(lines, index=pd.Index([TITLES[n] for n in m["concerned"]], name="difference"))
    free = m["unconcerned"]
    return described(
        frame,
        f"What changed since 2017, and the voices that it affects. {free['voices']:,} voices are affected "
        f"by none of them, and {free['differ'] or 'none'} of these differ",
        formats={
            "voices": ".1%",
            "of these differ": ".1%",
            "alone": ",d",
            "of these differ, alone": ".1%",
            "median MFCC13, alone": ".2f",
        },
    )


@shown
def feature_table() -> pd.DataFrame:
    """Tabulate how far voices with and without some features moved."""
    lines = {
        name: {
            "voices": sides["with"]["voices"],
            **{
                f"{what}, {side}": value
                for side, c in sides.items()
                for what, value in (
                    ("differ", c["differ"] / c["voices"] if c["voices"] else None),
                    ("median MFCC13", c["median_mfcc13_mae"]),
                )
            },
        }
        for name, sides in measured()["features"].items()
    }
    frame = pd.DataFrame(list(lines.values()), index=pd.Index(lines, name="feature"))
    formats = {c: ".1%" if c.startswith("differ") else ".2f" for c in frame.columns[1:]}
    return described(
        frame, "Audible voices with and without some features of a preset", formats={"voices": ",d"} | formats
    )


# -- the paper's own examples --------------------------------------------------------------------------------


@shown
def originals_table() -> pd.DataFrame:
    """Tabulate how far today's renders of the page's originals are from what the authors recorded."""
    found = measured()["originals"]
    names = [METRICS[m] for m in ("log_stft_mae", "mfcc13_mae")]
    lines = [
        {
            "of the two eras": e["correlation"],
            "today's, at most": e["highest"],
            **{m.title: e[m.name] for m in names},
        }
        for e in found
    ]
    frame = pd.DataFrame(lines, index=pd.Index([e["name"] for e in found], name="original"))
    below = sum(e["highest"] < RECORDED for e in found)
    return described(
        frame,
        f"Correlation of the two eras, the highest that today's sound can have with the authors' recording, "
        f"and metrics of today's sound against 0.9.3, coded as on the page. 0.9.3 has at least {RECORDED}; "
        f"for {below} of {len(found)} originals today's cannot reach that",
        formats={"of the two eras": ".3f", "today's, at most": ".3f", "log-STFT": ".2f", "MFCC13": ".1f"}
        | {m.title: ".2f" for m in names},
    )


@shown
def labels_sentence() -> HTML:
    """Say how many labels of the page's originals depend on the era, and which agree with the page's."""
    found = [e for e in measured()["originals"] if e["page_label"]]
    agree = {era: sum(e["page_label"] in e["labels"][era]["authors"] for e in found) for era in TODAY}
    moved = sum(e["labels"]["0.9.3"] != e["labels"]["current"] for e in found)
    return HTML(
        f"<p>Second, the authors label {len(found)} of the originals. By the authors' rule, our measurement "
        f"agrees on {agree['0.9.3']} in 0.9.3 and on {agree['current']} today; the era changes the labels of "
        f"{moved or 'none'}.</p>"
    )


@shown
def answers_table() -> pd.DataFrame:
    """Tabulate our answers to the page's examples in both eras, beside the authors' figures."""
    found = pd.DataFrame(measured()["answers"])
    metrics = ("log_stft_mae", "spectral_convergence", "mfcc13_mae", "mfcc40_mae")
    lines, labels = [], []
    for version in found["version"].unique():
        for name in metrics:
            part = found[(found["version"] == version) & (found["metric"] == name)].set_index("era")
            line: dict[str, Any] = {"metric": METRICS[name].title, "authors": part["authors"].iloc[0]}
            line |= {f"ours, {title}": part["ours"][era] for era, title in TODAY.items()}
            line |= {f"apart, {title}": part["difference"][era] for era, title in TODAY.items()}
            lines.append(line)
            labels.append(version)
    frame = pd.DataFrame(lines, index=pd.Index(labels, name="version"))
    closer = int((frame["apart, 0.9.3"] < frame["apart, today"]).sum())
    return described(
        frame,
        f"Means over the eight examples, and mean distance of ours from the authors' figure on each (apart). "
        f"In {closer} of {len(frame)} lines 0.9.3 is closer",
        formats=dict.fromkeys([*frame.columns[1:]], ".3g"),
    )


# -- equality ------------------------------------------------------------------------------------------------


@shown
def equality_table() -> pd.DataFrame:
    """Tabulate how many renders of the engine were compared with dexed-py, sample by sample."""
    m = read_benchmark("verify_engine", data_path("benchmarks", "engine_equality.json"))
    titles = {
        "all_voices": f"all voices of {m['corpus']}, note 60, velocity 85",
        "random_voices": f"random voices, notes {', '.join(map(str, m['notes']))}, "
        f"velocities {', '.join(map(str, m['velocities']))}, random releases",
    }
    lines = [{"renders": m[key]["renders"], "different": len(m[key]["different"])} for key in titles]
    frame = pd.DataFrame(lines, index=pd.Index(titles.values(), name="compared with dexed-py"))
    return described(
        frame, f"{m['engine']} against {m['reference']}: renders, and those in which any sample differs"
    )
