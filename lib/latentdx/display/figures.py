"""Figures in one house style: light in light mode, and in dark mode as dark as the pictures of sounds.

`new_figure` makes a figure, `display.save` saves it as PDF, SVG or PNG, and `figure_html` shows it in a page,
where drawings in SVG follow the page's colors. Within `paper_style()` figures are drawn for print, on white.
"""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

import librosa
import numpy as np
import numpy.typing as npt
from cycler import cycler
from matplotlib import rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.signal import find_peaks

from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.display import media, sound_pictures
from latentdx.display.html import HTML
from latentdx.errors import ParameterError

_SCREEN = "#{:02x}{:02x}{:02x}".format(*sound_pictures.SCREEN)
_INK, _FAINT = "#e4e0ea", "#3a3546"  # 14:1 and 1.6:1 against the screen
_PAPER, _PAPER_INK, _PAPER_FAINT = "#ffffff", "#000000", "#d8d8d8"
COLORS = ("#2fc4b2", "#fe9f6d", "#de4968", "#b79bf2", "#f6e3a1", "#8fb8de")
"""Color cycle: the book's teal, then tones of magma; neighboring colors differ in lightness too."""

_PAPER_COLORS = ("#00796b", "#d1600f", "#b3234a", "#6a44b8", "#8a7000", "#2f6690")  # the same hues, darker

STYLE: dict[Any, Any] = {
    "figure.facecolor": _SCREEN,
    "figure.dpi": 100,  # one inch is 100 CSS pixels
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.1,  # inches
    "figure.constrained_layout.w_pad": 0.1,
    "savefig.facecolor": _SCREEN,
    "axes.facecolor": _SCREEN,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "axes.titlesize": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlepad": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=COLORS),
    "grid.color": _FAINT,
    "grid.linewidth": 0.6,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
    "font.size": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "image.cmap": "magma",
    "svg.fonttype": "path",
    "svg.hashsalt": "latentdx",  # the same ids, so the same bytes, each time
    "pdf.fonttype": 42,  # journals refuse Type 3 fonts
}
"""Settings of matplotlib (`rcParams`) for every figure. Figures name colors by their place in the cycle."""

PAPER_STYLE: dict[Any, Any] = STYLE | {
    **dict.fromkeys(("figure.facecolor", "savefig.facecolor", "axes.facecolor"), _PAPER),
    **dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "text.color"), _PAPER_INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), _PAPER_INK),
    "axes.prop_cycle": cycler(color=_PAPER_COLORS),
    "grid.color": _PAPER_FAINT,
}
"""The same for print: on white, in the same hues but darker."""

_THEMES = list(
    zip((_SCREEN, _INK, _FAINT, *COLORS), (_PAPER, _PAPER_INK, _PAPER_FAINT, *_PAPER_COLORS), strict=True)
)

_style: ContextVar[dict[Any, Any]] = ContextVar("style", default=STYLE)


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw the figures made within this block for print: on white, in darker colors.

    >>> with paper_style():
    ...     figure, axes = new_figure()
    >>> figure.get_facecolor()
    (1.0, 1.0, 1.0, 1.0)
    """
    token = _style.set(PAPER_STYLE)
    try:
        yield
    finally:
        _style.reset(token)


class DescribedFigure(Figure):
    """Figure that says what it shows, and that is drawn and saved in the style in which it was made.

    Attributes:
        alt: Alternative text that describes the figure for those who cannot see it.
        caption: Sentence to show below the figure.
    """

    def __init__(self, *arguments: Any, style: Mapping[Any, Any], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.alt = self.caption = ""
        self._style = dict(style)
        FigureCanvasAgg(self)

    def described(self, alt: str, caption: str = "") -> "DescribedFigure":
        """Set what the figure says about itself, and return it."""
        self.alt, self.caption = alt, caption
        return self

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure; matplotlib makes ticks only now, and asks for their colors."""
        with rc_context(self._style):
            super().draw(renderer)

    def savefig(self, *arguments: Any, **named: Any) -> None:
        """Save the figure, see `matplotlib.figure.Figure.savefig`."""
        with rc_context(self._style):
            super().savefig(*arguments, **named)

    def _repr_png_(self) -> bytes:
        """Return the picture that a notebook shows."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    size: tuple[float, float] = (7.0, 3.2),
    sharex: bool | Literal["row", "col"] = False,
    sharey: bool | Literal["row", "col"] = False,
) -> tuple[DescribedFigure, npt.NDArray[np.object_]]:
    """Create a figure in the house style and return it with its axes.

    The style stays matplotlib's for the rest of the process, because it is read whenever something is added.
    A function decorated with `matplotlib.rc_context()` leaves the caller's settings as they were.

    Args:
        rows: Number of rows of axes.
        columns: Number of columns of axes.
        size: Width and height in units of 100 CSS pixels.
        sharex: Axes that share their horizontal scale, see `matplotlib.figure.Figure.subplots`.
        sharey: Axes that share their vertical scale.

    Returns:
        The figure, and its axes as an array (rows, columns), even if there is only one.
    """
    style = _style.get()
    rcParams.update(style)
    figure = DescribedFigure(figsize=size, style=style)
    return figure, figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)


def figure_html(
    figure: Figure, alt: str = "", *, caption: str = "", format: Literal["svg", "webp"] = "svg"
) -> HTML:
    """Return the HTML that shows a figure, linked to the picture itself; see `media.save`.

    Args:
        figure: Figure to show, see `new_figure`.
        alt: Alternative text that describes the figure for those who cannot see it; by default the figure's
            own, of which there must be one.
        caption: Sentence shown below the figure; by default the figure's own.
        format: "svg" for lines, "webp" (at twice the shown size) where there are thousands of marks. In SVG,
            colors of the house style follow the page's `color-scheme`.

    Raises:
        ParameterError: The alternative text is empty.
    """
    alt, caption = alt or getattr(figure, "alt", ""), caption or getattr(figure, "caption", "")
    if not alt.strip():
        raise ParameterError("a figure needs an alternative text: describe what it shows")
    data = _themed(_svg(figure)) if format == "svg" else _webp(figure)
    width, height = (round(100 * inches) for inches in figure.get_size_inches())
    return media.render_template(
        "figure.html", link=media.save(data, format), alt=alt, caption=caption, width=width, height=height
    )


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"[ \t]+\n", "\n", buffer.getvalue())


def _themed(svg: str) -> bytes:
    """Let the colors of a drawing follow the color scheme of the element that shows it."""
    for i, (dark, _) in enumerate(_THEMES):
        svg = svg.replace(dark, f"var(--c{i})")
    light, dark = ("".join(f"--c{i}:{pair[j]};" for i, pair in enumerate(_THEMES)) for j in (1, 0))
    style = f"<style>:root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    return re.sub(r"(<svg [^>]*>)", rf"\1\n {style}", svg, count=1).encode()


def _webp(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200)
    return sound_pictures.webp(Image.open(buffer).convert("RGB"))


def draw_waveform(axes: Axes, sound: npt.NDArray[np.float32], start: float, seconds: float) -> None:
    """Plot the samples of a short stretch of a sound against milliseconds.

    Args:
        axes: Axes to draw on.
        sound: Audio (samples,), 22,050 Hz.
        start: Beginning of the stretch in seconds.
        seconds: Length of the stretch.
    """
    first = round(start * SAMPLE_RATE)
    part = sound[first : first + round(seconds * SAMPLE_RATE)]
    axes.plot(np.arange(len(part)) / SAMPLE_RATE * 1000, part)
    axes.set_xlabel("ms")


def draw_spectrum(
    axes: Axes, sound: npt.NDArray[np.float32], start: float, *, top_hz: float = 5000.0
) -> None:
    """Plot the spectrum of 0.37 s of a sound in dB re full scale, down to -90.

    Args:
        axes: Axes to draw on.
        sound: Audio (samples,), 22,050 Hz.
        start: Beginning of the analyzed stretch in seconds.
        top_hz: Upper end of the frequency axis.
    """
    frequency, decibels = _spectrum(sound, start)
    axes.plot(frequency, np.maximum(decibels, -90), linewidth=1.0)
    axes.set(xlim=(0, top_hz), ylim=(-90, 0), xlabel="Hz")


def partials(
    sound: npt.NDArray[np.float32], start: float, *, below_strongest_db: float = 50.0
) -> npt.NDArray[np.float64]:
    """Find the spectral peaks of 0.37 s of a sound.

    Args:
        sound: Audio (samples,), 22,050 Hz.
        start: Beginning of the analyzed stretch in seconds.
        below_strongest_db: Largest distance of a peak from the strongest one, in dB.

    Returns:
        Frequencies of the peaks in Hz, ascending.
    """
    frequency, decibels = _spectrum(sound, start)
    found, _ = find_peaks(decibels, height=decibels.max() - below_strongest_db, distance=8)
    return frequency[found]


def _spectrum(
    sound: npt.NDArray[np.float32], start: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return frequencies (Hz) and levels (dB re full scale) of 8,192 samples from `start` (seconds)."""
    n = 8192
    first = round(start * SAMPLE_RATE)
    window = np.blackman(n)
    amplitude = np.abs(np.fft.rfft(sound[first : first + n] * window)) * 2 / window.sum()
    decibels: npt.NDArray[np.float64] = 20 * np.log10(np.maximum(amplitude, 1e-6))
    return np.fft.rfftfreq(n, 1 / SAMPLE_RATE).astype(np.float64), decibels


def share_above(sound: npt.NDArray[np.float32], frequency: float, seconds: float) -> float:
    """Return the share of energy above `frequency` (Hz) in the first `seconds`, in dB (at most 0)."""
    power = np.abs(librosa.stft(sound[: round(seconds * SAMPLE_RATE)], n_fft=2048)) ** 2
    high = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=2048) > frequency
    return float(10 * np.log10(max(power[high].sum(), 1e-12) / max(power.sum(), 1e-12)))
