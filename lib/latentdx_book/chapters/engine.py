"""Chapter "The engine": pictures of what an `Engine` computes, all from its own buffers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes

from latentdx.audio.engine import Trace
from latentdx.audio.engine.layout import BLOCK
from latentdx.audio.engine.synth import Engine, Era
from latentdx.audio.engine.tables import (
    ADDS,
    DESTINATION,
    FEEDBACK,
    MARGIN,
    NO_SOURCE,
    SOURCE,
    oscillator,
    quarter_tables,
)
from latentdx.audio.renderer import HOLD, SAMPLE_RATE
from latentdx.display.figures import DescribedFigure, new_figure
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import N_OPERATORS
from latentdx_book.chapters.presentation import shown

Integers = npt.NDArray[np.int64]

_CYCLE = 1 << 32  # of a phase
_FULL = 8192  # one step more than the largest sample of an operator
_PER_CYCLE = 2048  # samples of a modulator that move a phase by one cycle
_LEVEL = 1 << 15  # an operator's samples at the plug-in's level are multiples of 1/32768
_AUDIBLE = 16284  # gain from which an operator is not computed (section 11.3)


def samples_of(preset: Preset, note: int, velocity: int, n_samples: int) -> Integers:
    """Render the operators 1 … 6 alone as integers, of which 8,191 is full level, (6, samples)."""
    outputs = Engine().render_operators(preset, note, velocity, n_samples=n_samples)
    return (outputs * _LEVEL).astype(np.int64)


def look_up(phase: Integers, gain: Integers) -> Integers:
    """Return an operator's samples by section 11.2, of full level 8,191.

    Args:
        phase: Phase with the modulation, 2^32 for a cycle, (samples,).
        gain: Attenuation, 1,024 for a factor of two, (samples,).
    """
    log_sine, exponential = quarter_tables()
    place, quarter = phase >> 20 & 1023, phase >> 30 & 3
    total = np.where(quarter % 2, log_sine[1023 - place], log_sine[place]) + gain
    size = (4096 + exponential[1023 - (total & 1023)]) >> (total >> 10)
    return np.where(quarter < 2, size, -size - 1)


def ramp(gains: Integers) -> Integers:
    """Return the gain at each sample from those at the ends of the blocks (section 11.3), (samples,)."""
    ends = np.concatenate([[16383], gains])
    changes = (np.diff(ends) + 32) >> 6
    return (ends[:-1, None] + changes[:, None] * np.arange(1, BLOCK + 1)).ravel()


def rebuilt(trace: Trace, outputs: Integers, operator: int, modulators: Sequence[int]) -> Integers:
    """Compute an operator without feedback from its phase, its gain and the bus, as the engine does.

    Args:
        trace: Control values of the note.
        outputs: Samples of all operators, see `samples_of`.
        operator: Operator, 1 … 6.
        modulators: Operators whose sum is the bus that it reads.
    """
    gains = trace.gains[operator - 1]
    bus = sum(outputs[m - 1] for m in modulators)
    found = look_up(trace.phases()[operator - 1] + bus * (_CYCLE // _PER_CYCLE), ramp(gains))
    before = np.concatenate([[16383], gains[:-1]])
    return np.where(np.repeat((before <= _AUDIBLE) | (gains <= _AUDIBLE), BLOCK), found, 0)


@shown
@rc_context()
def operator_figure(
    preset: Preset, modulator: int, carrier: int, note: int, velocity: int, start: float = 0.25
) -> DescribedFigure:
    """Plot two operators over three cycles of the key: phase, gain, bus and output, sample by sample."""
    first = round(start * SAMPLE_RATE) // BLOCK * BLOCK
    n = first + 4 * BLOCK
    trace = Engine().trace(preset, note, velocity, n_samples=n)
    outputs = samples_of(preset, note, velocity, n)
    part = slice(first, n)
    time = np.arange(n - first) / SAMPLE_RATE * 1000
    cycles = trace.phases() / _CYCLE
    bus = outputs[modulator - 1] / _PER_CYCLE
    rows = [
        (f"phase of {modulator}", cycles[modulator - 1], "cycles"),
        (f"gain of {modulator}", -20 * np.log10(2) * ramp(trace.gains[modulator - 1]) / 1024, "dB"),
        (f"{modulator} on the bus", bus, "cycles"),
        (f"phase of {carrier} + bus", (cycles[carrier - 1] + bus) % 1, "cycles"),
        (f"output of {carrier}", outputs[carrier - 1] / _FULL, ""),
    ]
    figure, axes = new_figure(len(rows), size=(7.0, 6.6), sharex=True)
    for ax, (title, values, unit) in zip(axes[:, 0], rows, strict=True):
        ax.plot(time, values[part], linewidth=1.2)
        ax.set_title(title, loc="left")
        ax.set_ylabel(unit)
    for edge in np.arange(0, n - first, BLOCK) / SAMPLE_RATE * 1000:
        for ax in axes[:, 0]:
            ax.axvline(edge, color="C3", linewidth=0.6, alpha=0.6)
    axes[-1, 0].set_xlabel(f"ms after {start:g} s; violet: the blocks of 64 samples")
    deep = float(np.abs(bus[part]).max())
    return figure.described(
        f"Operator {modulator} of {preset.name} and operator {carrier}, which it modulates, over "
        f"{time[-1]:.0f} ms: two phase ramps; a gain that moves slightly in each block; a wave on the bus of "
        f"up to {deep:.2f} cycles, which bends the second ramp; and the bent wave that comes out.",
        f"{preset.name}, operators {modulator} and {carrier}: up to {deep:.2f} cycles of phase modulation.",
    )


@shown
@rc_context()
def envelope_figure(preset: Preset, note: int, velocity: int) -> DescribedFigure:
    """Plot the levels of the operators over a note in dB, with a mark wherever a stage begins."""
    trace = Engine().trace(preset, note, velocity)
    figure, axes = new_figure(size=(7.0, 3.8))
    ax = axes[0, 0]
    told = []
    for k in range(N_OPERATORS):
        level, stages = trace.level_db[k], trace.stages[k]
        if level.max() < -100:
            continue
        begins = np.flatnonzero(np.diff(stages, prepend=0))
        ax.plot(trace.seconds, level, label=str(k + 1), linewidth=1.2, color=f"C{k}")
        ax.plot(trace.seconds[begins], level[begins], "o", markersize=4, color=f"C{k}")
        told.append(f"{k + 1} peaks at {level.max():.0f} dB".replace("-", "−"))
    ax.axvline(HOLD, color="C4", linewidth=1.0)
    ax.set(xlabel="s", ylabel="dB", ylim=(-96, 3), xlim=(0, trace.seconds[-1]))
    ax.legend(ncols=6, loc="lower left", title="operator")
    return figure.described(
        f"Levels of the operators of {preset.name} over four seconds: {'; '.join(told)}. They fall along "
        "straight lines from stage to stage, and faster after the key is released at 3 s.",
        f"{preset.name}: what the six envelopes give, once per block. Dots are where a stage begins; the "
        "vertical line is the key's release.",
    )


@shown
@rc_context()
def lfo_figure(preset: Preset, note: int, velocity: int, seconds: float = 1.6) -> DescribedFigure:
    """Plot the LFO of a preset, its delay, and what they do to the pitch, in both eras."""
    eras: Mapping[str, Era] = {"today": "current", "0.9.3": "0.9.3"}
    n = round(seconds * SAMPLE_RATE)
    traces = {title: Engine(era=e).trace(preset, note, velocity, n_samples=n) for title, e in eras.items()}
    figure, axes = new_figure(3, size=(7.0, 5.0), sharex=True)
    for title, t in traces.items():
        one = 1 << 24
        for ax, values in zip(axes[:, 0], (t.lfo / one, t.delay / one, t.pitch_cents), strict=True):
            ax.plot(t.seconds, values, label=title, linewidth=1.2)
    for ax, name in zip(axes[:, 0], ("LFO", "delay", "pitch, cents"), strict=True):
        ax.set_ylabel(name)
    axes[1, 0].legend(ncols=2, loc="lower right")
    axes[2, 0].set_xlabel("s")
    swing = float(np.ptp(traces["today"].pitch_cents)) / 2
    return figure.described(
        f"The LFO of a preset in both eras over {seconds:g} s: a wave between 0 and 1, a delay that opens "
        f"from 0 to 1, and their product, a pitch that swings by up to {swing:.0f} cents up and down.",
        "Three numbers per block: the wave, the delay, and what both add to the pitch. The wave of 2017 has "
        "another speed.",
    )


@shown
@rc_context()
def oscillator_figure() -> DescribedFigure:
    """Plot the table of log-sines, and what comes out of the two look-ups at three gains."""
    log_sine, samples = oscillator()
    cycle = log_sine[MARGIN : MARGIN + 4096].astype(np.int64)
    phase = np.arange(4096) / 4096
    figure, axes = new_figure(1, 2, size=(7.0, 3.0))
    axes[0, 0].plot(phase, (cycle & 32767) / 1024)
    axes[0, 0].set(xlabel="phase, cycles", ylabel="attenuation, factors of two", ylim=(0, 11))
    for i, gain in enumerate((128, 1024, 2048)):
        label = f"{-20 * np.log10(2) * gain / 1024:.0f} dB".replace("-", "−")
        axes[0, 1].plot(phase, samples[cycle + gain], label=label, color=f"C{i}", linewidth=1.2)
    axes[0, 1].set(xlabel="phase, cycles", ylabel="sample")
    axes[0, 1].legend(fontsize=8)
    return figure.described(
        "Left: the logarithm of a sine's size over a cycle, two arches that rise steeply where the sine is "
        f"near zero, to {(cycle & 32767).max() / 1024:.1f} factors of two. Right: one cycle of samples at "
        f"three gains; the loudest reaches {int(samples[cycle + 128].max()):,} of 8,191.",
        "Two look-ups make a sample: an attenuation from the phase, then a sample from attenuation and gain.",
    )


@shown
@rc_context()
def feedback_figure(amounts: Sequence[int] = (0, 4, 6, 7)) -> DescribedFigure:
    """Plot two cycles of an operator that modulates itself, at several amounts of feedback."""
    init = PresetBank.init()[0]
    figure, axes = new_figure(1, len(amounts), size=(7.4, 2.4), sharey=True)
    first, length = 11_000, 170
    told = []
    for ax, amount in zip(axes[0], amounts, strict=True):
        preset = init.with_values(FEEDBACK=amount, **{"OP6 OUTPUT LEVEL": 99})
        wave = samples_of(preset, 60, 85, first + length)[5, first:] / _FULL
        ax.plot(np.arange(length) / SAMPLE_RATE * 1000, wave, linewidth=1.0)
        ax.set(title=f"feedback {amount}", xlabel="ms")
        told.append(f"{amount}: its largest step is {np.abs(np.diff(wave)).max():.2f}")
    axes[0, 0].set_ylabel("operator 6")
    return figure.described(
        f"Two cycles of a fed-back operator. Feedback {'; '.join(told)}. The sine leans over to a sawtooth, "
        "and breaks up in the end.",
        "Feedback bends a sine toward a sawtooth, and then apart.",
    )


@shown
@rc_context()
def bus_figure(preset: Preset, note: int, velocity: int, start: float = 0.25) -> DescribedFigure:
    """Plot the operators in the order in which the engine computes them, and the mix."""
    first = round(start * SAMPLE_RATE)
    n = first + 256
    outputs = samples_of(preset, note, velocity, n)[:, first:] / _FULL
    cells = _cells(preset["ALGORITHM"])
    time = np.arange(n - first) / SAMPLE_RATE * 1000
    figure, axes = new_figure(N_OPERATORS + 1, size=(7.0, 7.0), sharex=True)
    for ax, k in zip(axes[:, 0], range(N_OPERATORS, 0, -1), strict=False):
        _signal(ax, time, outputs[k - 1], f"{k}: {cells[k]}")
    carriers = DESTINATION[preset["ALGORITHM"]][::-1] == 0
    _signal(axes[-1, 0], time, outputs[carriers].sum(0), "mix")
    axes[-1, 0].set_xlabel(f"ms after {start:g} s")
    words = "; ".join(f"operator {k} {cell}" for k, cell in cells.items())
    return figure.described(
        f"Outputs of the six operators of {preset.name} in the order 6 to 1, and their mix: {words}.",
        f"{preset.name}, algorithm {preset['ALGORITHM'] + 1}: what each operator reads and writes, and its "
        "output; 1 is full level.",
    )


def _signal(ax: Axes, time: npt.NDArray[np.float64], values: npt.NDArray[Any], title: str) -> None:
    ax.plot(time, values, linewidth=1.0)
    ax.set_title(title, loc="left", fontsize=9)


def _cells(algorithm: int) -> dict[int, str]:
    """Say in words what each operator reads and writes (section 12.1), by operator 6 … 1."""
    cells = {}
    for i in range(N_OPERATORS):
        source, target, adds = (int(table[algorithm, i]) for table in (SOURCE, DESTINATION, ADDS))
        reads = {NO_SOURCE: "reads nothing", FEEDBACK: "reads itself"}.get(source, f"reads bus {source}")
        where = f"bus {target}" if target else "the mix"
        cells[N_OPERATORS - i] = f"{reads}, {'adds to' if adds else 'writes'} {where}"
    return cells
