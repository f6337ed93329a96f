"""Every starter preset has the pitch, envelope and spectrum that its family leads one to expect."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import dexed
import librosa
import numpy as np
import pandas as pd
import pytest

from latentdx.audio import pitch
from latentdx.audio.renderer import SAMPLE_RATE, Dexed
from latentdx.presets import starter

C4 = 261.626  # Hz, note 60
ANY = (-np.inf, np.inf)


@dataclass(frozen=True)
class Expected:
    """Bounds of a family's measurements at (60, 85).

    Attributes:
        octaves: Possible fundamentals in octaves from middle C, within 15 cents; empty if none is required.
        attack: Milliseconds until the level is 6 dB below its peak.
        half: Level at 0.45 … 0.75 s relative to the peak, in dB.
        held: Level at 2.2 … 2.9 s (the end of a held note) relative to the peak, in dB.
        centroid: Center of the amplitude spectrum of the first second in Hz (see `centroid`).
    """

    octaves: tuple[int, ...]
    attack: tuple[float, float]
    half: tuple[float, float]
    held: tuple[float, float]
    centroid: tuple[float, float] = ANY


AT_ONCE = (0, 25)
FAMILIES = {
    # struck and plucked: an immediate attack, fading while the key is down
    "electric piano": Expected((0,), AT_ONCE, (-20, -4), (-80, -10), (300, 850)),
    "piano": Expected((0,), AT_ONCE, (-18, -6), (-60, -15), (330, 1050)),
    "clavinet": Expected((0,), AT_ONCE, (-22, -6), (-90, -25), (1100, 2800)),
    "harpsichord": Expected((0,), AT_ONCE, (-16, -4), (-70, -22), (1250, 2400)),
    "bass": Expected((-1,), AT_ONCE, ANY, (-40, 0), (130, 800)),
    "bell": Expected((), AT_ONCE, (-15, 0), (-30, -4), (400, 1400)),
    "small bell": Expected((1, 2), AT_ONCE, (-22, -6), (-80, -18), (500, 1400)),
    "plucked": Expected((0,), AT_ONCE, (-50, -6), (-130, -12), (300, 2700)),
    "mallet": Expected((0, 1), AT_ONCE, (-60, -6), (-130, -16), (280, 1000)),
    # blown, bowed, electric: they last as long as the key
    "brass": Expected((-1, 0), (0, 200), (-12, 0), (-12, 0), (280, 1600)),
    "organ": Expected((-1, 0), (0, 100), (-5, 0), (-5, 0), (300, 1300)),
    "strings": Expected((-1, 0), (40, 350), (-12, 0), (-12, 0), (320, 1900)),
    "pad": Expected((-1, 0), (150, 700), (-8, 0), (-6, 0), (250, 620)),
    "choir": Expected((0,), (50, 450), (-8, 0), (-6, 0), (350, 600)),
    "flute": Expected((0,), (20, 120), (-5, 0), (-5, 0), (300, 400)),
    "woodwind": Expected((0,), (0, 80), (-6, 0), (-8, 0), (400, 1150)),
    "lead": Expected((-1, 0), AT_ONCE, (-9, 0), (-9, 0), (380, 900)),
    # no pitch required
    "drum": Expected((), AT_ONCE, (-130, -10), (-130, -50), (240, 2300)),
    "noise drum": Expected((), (0, 40), (-130, -18), (-130, -80), (4500, 6500)),
    "cymbal": Expected((), AT_ONCE, (-15, -5), (-45, -18), (4500, 6500)),
    "effect": Expected((), (0, 1500), ANY, ANY),
}
"""Family -> bounds; -120 dB and less is silence."""

STRUCK = {"electric piano", "piano", "clavinet", "plucked", "mallet", "bell", "small bell"}


def decibels(sound: np.ndarray, size: int = 512) -> np.ndarray:
    """Measure the RMS level of each block of 23 ms."""
    blocks = sound[: len(sound) // size * size].reshape(-1, size)
    return 20 * np.log10(np.sqrt((blocks**2).mean(1)) + 1e-7)


def span(levels: np.ndarray, start: float, end: float) -> np.ndarray:
    return levels[round(start * SAMPLE_RATE / 512) : round(end * SAMPLE_RATE / 512)]


def spectrum(sound: np.ndarray) -> np.ndarray:
    """Compute the amplitude spectrum of the first second: bin k is k Hz."""
    return np.abs(np.fft.rfft(sound[:SAMPLE_RATE] * np.hanning(SAMPLE_RATE)))


def centroid(sound: np.ndarray) -> float:
    """Compute the center of the amplitude spectrum of the first second in Hz, with most weight on its start.

    Amplitudes more than 60 dB below the largest are ignored, because the engine's rounding noise would make a
    soft sound seem bright.
    """
    amplitudes = np.abs(np.fft.rfft(sound[:SAMPLE_RATE] * np.hanning(2 * SAMPLE_RATE)[SAMPLE_RATE:]))
    amplitudes[amplitudes < 1e-3 * amplitudes.max()] = 0
    return float((np.arange(len(amplitudes)) * amplitudes).sum() / amplitudes.sum())


def harmonic(amplitudes: np.ndarray, n: float) -> float:
    """Measure the partial at n times middle C, within 20 Hz, in dB."""
    at = round(n * C4)
    return float(20 * np.log10(amplitudes[at - 20 : at + 21].max() + 1e-9))


def inharmonic_share(amplitudes: np.ndarray) -> float:
    """Compute the share of the power below the 12th harmonic that is off the harmonics of middle C."""
    ratio = np.arange(30, round(12 * C4)) / C4
    power = amplitudes[30 : 30 + len(ratio)] ** 2
    off = np.abs(ratio - np.rint(ratio)) > 0.03 * np.maximum(ratio, 1)
    return float(power[off].sum() / power.sum())


def movement(sound: np.ndarray) -> float:
    """Measure how much the audible frames' spectra differ from their mean while the key is down, 0 … 1."""
    frames = np.abs(librosa.stft(sound[: 3 * SAMPLE_RATE], n_fft=1024, hop_length=512)) + 1e-6
    loud = frames.sum(0) > 0.03 * frames.sum(0).max()
    shapes = (frames / frames.sum(0))[:, loud]
    return float(0.5 * np.abs(shapes - shapes.mean(1, keepdims=True)).sum(0).mean())


@pytest.fixture(scope="module")
def measures() -> pd.DataFrame:
    """One row per preset: its family, its archetype's label, and measurements of its renders (about 15 s)."""
    bank, families, synth = starter.bank(), starter.families(), Dexed()
    rows = []
    for preset in bank:
        soft, sound, louder, loud = (synth.render(preset, 60, v) for v in (42, 85, 100, 127))
        level, amplitudes = decibels(sound), spectrum(sound)
        top = level.max()
        tuned = FAMILIES[families[preset.name]].octaves
        f0 = pitch.estimate_fast(sound[1100 : 3 * SAMPLE_RATE // 2]) if tuned else float("nan")
        rows.append(
            {
                "name": preset.name,
                "label": preset.name.rpartition(" ")[0],
                "family": families[preset.name],
                "semitones": 12 * np.log2(f0 / C4),
                "attack": 1000 * 512 / SAMPLE_RATE * np.argmax(level > top - 6),
                "half": span(level, 0.45, 0.75).max() - top,
                "held": span(level, 2.2, 2.9).max() - top,
                "end": level[-8:].max() - top,
                "centroid": centroid(sound),
                "harder is brighter": centroid(loud) / centroid(soft),
                "harder is louder": decibels(loud).max() - decibels(soft).max(),
                "inharmonic": inharmonic_share(amplitudes),
                "movement": movement(sound),
                "swing": np.ptp(span(level, 0.3, 2.9)),
                "odd over even": min(harmonic(amplitudes, n) for n in (1, 3, 5))
                - max(harmonic(amplitudes, n) for n in (2, 4)),
                "level": decibels(louder).max(),
                "peak": max(float(np.abs(x).max()) for x in (soft, sound, loud)),
            }
        )
    return pd.DataFrame(rows).set_index("name")


def outside(values: pd.Series, bounds: tuple[float, float]) -> dict[str, float]:
    """Return the presets whose value is out of bounds."""
    return values[~values.between(*bounds)].round(2).to_dict()


def test_every_preset_is_audible_and_none_clips(measures) -> None:
    assert outside(measures["level"], (-40, 0)) == {}
    assert outside(measures["peak"], (0, 1)) == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_presets_are_within_the_bounds_of_their_family(measures, family) -> None:
    expected, rows = FAMILIES[family], measures[measures["family"] == family]
    assert len(rows) >= 3
    for quantity in ("attack", "half", "held", "centroid"):
        assert outside(rows[quantity], getattr(expected, quantity)) == {}, quantity
    if expected.octaves:
        octave = (rows["semitones"] / 12).round()
        assert set(octave) <= set(expected.octaves), octave.to_dict()
        assert outside(100 * (rows["semitones"] - 12 * octave), (-15, 15)) == {}, "cents"


def test_all_families_have_bounds(measures) -> None:
    assert set(measures["family"]) == set(FAMILIES)


def test_yin_and_pyin_agree(measures) -> None:
    """Only one preset of every third family is tested, because pYIN is slow."""
    bank, synth = starter.bank(), Dexed()
    tuned = measures[measures["semitones"].notna()].groupby("family", sort=False).head(1)[::3]
    for name, semitones in tuned["semitones"].items():
        found = pitch.estimate(synth.render(bank[name])[:SAMPLE_RATE])
        assert found.cents_from(60) / 100 == pytest.approx(semitones, abs=0.2), name


def test_playing_harder_is_louder_and_brighter(measures) -> None:
    touched = measures[measures["family"].isin({"electric piano", "piano", "clavinet", "plucked", "brass"})]
    assert outside(touched["harder is louder"], (1, 15)) == {}
    assert outside(touched["harder is brighter"], (1.05, 12)) == {}
    assert outside(measures[measures["family"] == "harpsichord"]["harder is louder"], (-2, 2)) == {}


def test_released_notes_end(measures) -> None:
    """One second after the key is released, only ringing or slow sounds may still be audible."""
    ring = {"bell", "small bell", "pad", "strings", "choir", "effect"}
    assert outside(measures[~measures["family"].isin(ring)]["end"], (-130, -25)) == {}


def test_families_and_sounds_are_ordered_by_brightness_decay_and_attack(measures) -> None:
    by_family = measures.groupby("family")["centroid"].median()
    by_label = measures.groupby("label")["centroid"].median()
    assert by_label.idxmin() == "SUB BASS"
    assert by_family["flute"] < min(by_family[["woodwind", "brass", "strings", "choir"]])
    assert by_family["electric piano"] < by_family["piano"] < by_family["clavinet"]
    assert min(by_family[["cymbal", "noise drum"]]) > 2 * by_family.drop(["cymbal", "noise drum"]).max()
    assert by_label["HORN"] < by_label["TROMBONE"] < by_label["TRUMPET"]
    assert by_label["NYLONGTR"] < by_label["STEELGTR"]
    assert by_label["SUB BASS"] < by_label["FNGRBASS"] < by_label["FM BASS"]
    decay = measures.groupby("label")["half"].median()
    assert decay["XYLOPHON"] < decay["MARIMBA"] < decay["KALIMBA"] < decay["VIBES"]
    attack = measures.groupby("label")["attack"].median()
    assert attack["TRUMPET"] < attack["HORN"] and attack["VIOLIN"] < attack["WARM PAD"]


def test_a_closed_tube_has_odd_harmonics(measures) -> None:
    assert outside(measures[measures["label"] == "CLARINET"]["odd over even"], (3, 90)) == {}
    assert statistics.median(measures[measures["family"] == "brass"]["odd over even"]) < 0


def test_bells_are_inharmonic_with_a_strike_note(measures) -> None:
    """The spectrum is inharmonic, but at least one strong carrier is at an octave of the note."""
    bells = measures[measures["family"] == "bell"]
    assert outside(bells["inharmonic"], (0.03, 1)) == {}
    harmonic_ones = measures[measures["family"].isin({"piano", "plucked", "woodwind", "choir"})]
    assert outside(harmonic_ones["inharmonic"], (0, 0.01)) == {}
    bank = starter.bank()
    for name in bells.index:
        preset = bank[name]
        carriers = [k + 1 for k in dexed.algorithms[preset["ALGORITHM"]].carriers]
        plain = [
            k
            for k in carriers
            if preset[f"OP{k} F FINE"] == preset[f"OP{k} MODE"] == 0
            and preset[f"OP{k} F COARSE"] in (0, 1, 2, 4)
        ]
        assert any(preset[f"OP{k} OUTPUT LEVEL"] >= 85 for k in plain), name


# -- effects: each has its own movement ------------------------------------------------------------------


def track(name: str) -> np.ndarray:
    """Estimate the fundamental in Hz every 12 ms for 1.5 s."""
    sound = Dexed().render(starter.bank()[name])[: 3 * SAMPLE_RATE // 2]
    return librosa.yin(sound, sr=SAMPLE_RATE, fmin=44, fmax=6000, frame_length=1024, hop_length=256)


def falls(name: str) -> bool:
    f0 = track(name)
    return bool(np.median(f0[2:8]) > 4 * np.median(f0[60:90]))


def rises(name: str) -> bool:
    f0 = track(name)
    return bool(np.median(f0[20:30]) > 2 * np.median(f0[:4]))


def glides(name: str) -> bool:
    f0 = track(name)
    return bool(abs(np.log2(np.median(f0[100:]) / np.median(f0[:20]))) > 0.5)


EFFECTS: dict[str, Callable[[str], bool]] = {"LASER": falls, "DROP": rises, "SWEEP": glides}


@pytest.mark.parametrize("label", EFFECTS)
def test_the_pitch_moves_as_the_label_says(measures, label) -> None:
    names = measures.index[measures["label"] == label]
    assert [n for n in names if not EFFECTS[label](n)] == []


def test_effects_move(measures) -> None:
    effects = measures[measures["family"] == "effect"]
    moving = effects[effects["label"].isin({"LASER", "SIREN", "COMPUTER", "DROP", "SWEEP"})]
    assert outside(moving["movement"], (0.35, 1)) == {}
    beating = effects[effects["label"].isin({"COPTER", "ALARM", "WIND"})]
    still = beating[(beating["swing"] < 6) & (beating["movement"] < 0.3)]
    assert list(still.index) == []
    static = measures[measures["family"].isin({"organ", "flute", "choir", "woodwind"})]
    assert outside(static["movement"], (0, 0.2)) == {}
