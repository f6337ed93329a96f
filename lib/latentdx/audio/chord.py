"""Detection of chords: several harmonic series at once, whose fundamentals are whole semitones apart."""

import librosa
import numpy as np
import numpy.typing as npt

from latentdx.audio.renderer import SAMPLE_RATE

# bounds chosen on 1,536 renders of 384 presets at four notes, of which none is taken for a chord, and on
# chords of two to four synthetic notes, all of which are found
_SECONDS = 2.0
_LOWEST, _HIGHEST = 40.0, 8000.0  # Hz
_PARTIAL_DB, _FUNDAMENTAL_DB = 40.0, 20.0  # below the strongest partial
_APART = 60.0  # cents between partials that are told apart
_HARMONIC = 20.0  # cents by which a partial may differ from a multiple of the fundamental
_EXPLAINED = 0.9  # share of the power of all partials that belongs to the series
_TEMPERED = 22.0  # cents by which an interval of three notes or more may differ from whole semitones
# a bell often has two partials a fifth or so apart, so two notes must be closer together and better in tune
_TEMPERED_DYAD, _WIDEST_DYAD = 10.0, 1250.0  # cents
_NARROWEST = 250.0  # cents from the lowest to the highest note; side bands are closer


def chord_notes(audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> tuple[float, ...]:
    """Find the fundamentals of a chord.

    From the lowest strong partial upward, each that is no harmonic of a lower note is the fundamental of
    another, if it has a second or third harmonic. Several notes are a chord if they explain nearly all of the
    power, and are whole semitones apart, which the partials of a bell are not.

    Args:
        audio: Float32 (samples,), mono, from its onset on.
        sample_rate: Sample rate in Hz.

    Returns:
        Fundamentals in Hz, ascending, at least two; none if the sound is no chord.
    """
    frequencies, decibels = partials(audio, sample_rate)
    power, free, notes = 10 ** (decibels / 10), np.ones(len(decibels), bool), []
    for frequency in frequencies[decibels > -_FUNDAMENTAL_DB]:
        if free[frequencies == frequency].any():
            number = np.maximum(np.round(frequencies / frequency), 1)
            series = np.abs(_cents(frequencies / (number * frequency))) < _HARMONIC
            if np.isin(number[series], (2, 3)).any():
                notes.append(float(frequency))
                free &= ~series
    if len(notes) < 2 or power[free].sum() > (1 - _EXPLAINED) * power.sum():
        return ()
    intervals = _cents(np.array(notes) / notes[0])
    tolerance = _TEMPERED_DYAD if len(notes) == 2 else _TEMPERED
    in_tune = np.abs(intervals - 100 * np.round(intervals / 100)).max() < tolerance
    widest = _WIDEST_DYAD if len(notes) == 2 else np.inf
    return tuple(notes) if in_tune and _NARROWEST < intervals[-1] < widest else ()


def partials(
    audio: npt.NDArray[np.float32], sample_rate: int = SAMPLE_RATE
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Measure the partials of the first two seconds of a sound.

    Args:
        audio: Float32 (samples,), mono.
        sample_rate: Sample rate in Hz.

    Returns:
        Frequencies in Hz, 40 … 8,000, ascending, and levels in dB relative to the strongest, -40 … 0; of
        partials less than 60 cents apart, only the stronger one.
    """
    part = audio[: round(_SECONDS * sample_rate)]
    size = 1 << int(np.ceil(np.log2(2 * max(len(part), sample_rate // 2))))
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), size)) ** 2
    levels = librosa.power_to_db(power, ref=np.max, amin=1e-20, top_db=_PARTIAL_DB)
    lowest, highest = (round(f * size / sample_rate) for f in (_LOWEST, _HIGHEST))
    peaks = np.flatnonzero(librosa.util.localmax(levels))
    peaks = peaks[(peaks >= lowest) & (peaks <= highest) & (levels[peaks] > -_PARTIAL_DB)]
    before, at, after = (levels[peaks + k] for k in (-1, 0, 1))
    frequencies = (peaks + (before - after) / 2 / (before - 2 * at + after)) * sample_rate / size
    kept: list[int] = []
    for i in np.argsort(-at, kind="stable"):
        if not kept or np.abs(_cents(frequencies[kept] / frequencies[i])).min() > _APART:
            kept.append(int(i))
    kept.sort()
    return frequencies[kept], at[kept]


def _cents(ratio: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return 1200 * np.log2(ratio)
