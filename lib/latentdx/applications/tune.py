"""Tune a preset to a sound or a note, which the paper's authors did by hand with master tune.

A DX7 voice has no master tune (for a player that has one, see `master_tune`). It has TRANSPOSE, in semitones;
the ratio of each operator, by F COARSE and F FINE, in steps of 17 cents from ratio 1 upward; and OSC DETUNE,
about 1.2 cents per step at middle C. All operators in ratio mode are shifted by the same interval, so
carriers and modulators keep their ratios; operators with a fixed frequency stay.

Among the shifts that reach the wanted pitch (within 3 cents of the best), the one closest in sound is chosen,
and only if the error in cents falls and the distance from the target does not rise. Pitch trackers make
octave errors. Therefore shifts to an octave above or below are candidates too where tuning is needed, and the
distance of their renders decides, not the tracker.
A tuned voice may have a TRANSPOSE other than the corpora's neutral 24; `PresetBank.neutral` would undo that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from latentdx.audio import pitch
from latentdx.audio.engine.synth import Engine
from latentdx.audio.pitch import Pitch
from latentdx.audio.renderer import HOLD, Renderer, check_note
from latentdx.errors import ParameterError
from latentdx.metrics.objective import score
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import N_OPERATORS, NEUTRAL_TRANSPOSE, column, parameter
from latentdx.typing import Audio, Floats, Values

Integers = npt.NDArray[np.int64]
Estimator = Callable[[Audio], Pitch]
Verdict = Literal["tuned", "in tune", "kept", "no pitch"]

LEAST_VOICED = 0.5
"""Share of a sound's audible frames that must be voiced for it to have a pitch."""

IN_TUNE = 3.0
"""Error in cents that counts as in tune; listeners hear no smaller difference between two sounds, and
estimates of renders agree within about one cent."""

LEAST_SAMPLES = 4096
"""Least length of a target in samples."""

LOWEST, HIGHEST = 28, 107
"""MIDI notes between which pitch can be estimated."""

# cents, half the finest step at ratio 1; a larger residual means that a parameter's range has ended
_FARTHEST = 600 * np.log2(1.01)
# penalty in cents per step: OSC DETUNE depends on the key, so detuned operators agree at one key only
_UNEVEN = 0.2
_TRIES = 3  # number of shifts to verify, best first
_NONE = np.zeros(0, np.int64)

_TRANSPOSE = column("TRANSPOSE")
_MOST_TRANSPOSE = parameter("TRANSPOSE").maximum
_CENTER = 7
_MODE, _LEVEL, _COARSE, _FINE, _DETUNE = (
    np.array([column(f"OP{n} {name}") for n in range(1, N_OPERATORS + 1)])
    for name in ("MODE", "OUTPUT LEVEL", "F COARSE", "F FINE", "OSC DETUNE")
)


@dataclass(frozen=True)
class Tuning:
    """Result of tuning a preset.

    Attributes:
        preset: Tuned preset if the verdict is "tuned", otherwise the preset as it was given.
        verdict: "tuned", "in tune" (it was already), "kept" (no shift was an improvement), or "no pitch".
        why: Reason for the verdict, in words.
        before_cents: Sounding pitch minus wanted pitch in cents; `nan` without a pitch.
        after_cents: The same for `preset`, by a second estimate on its own render.
        distance_before: `objective.distance` from the target; `nan` without a target sound.
        distance_after: The same for `preset`, never larger.
        reachable_cents: Least error in cents that the parameters' steps allow, by arithmetic: the largest
            error of any sounding operator. `nan` if there is no pitch or no shift.
        wanted: Wanted pitch as a MIDI note, possibly fractional; `nan` without a pitch.
    """

    preset: Preset
    verdict: Verdict
    why: str
    before_cents: float = float("nan")
    after_cents: float = float("nan")
    distance_before: float = float("nan")
    distance_after: float = float("nan")
    reachable_cents: float = float("nan")
    wanted: float = float("nan")

    @property
    def tuned(self) -> bool:
        """Whether the preset was changed."""
        return self.verdict == "tuned"


@dataclass(frozen=True)
class Move:
    """Shift of a preset's pitch.

    Attributes:
        preset: The shifted preset.
        residual: Largest error of any sounding operator, in cents.
        uneven: Steps of OSC DETUNE by which sounding operators were moved against each other.
        changes: Number of parameters that changed.
    """

    preset: Preset
    residual: float
    uneven: int
    changes: int

    @property
    def cost(self) -> float:
        """Residual in cents, with a penalty for operators detuned against each other."""
        return self.residual + _UNEVEN * self.uneven


def tune(
    preset: Preset,
    target: Audio,
    note: int = 60,
    velocity: int = 85,
    *,
    hold: float = HOLD,
    wanted: Pitch | None = None,
    locked: Integers = _NONE,
    renderer: Renderer | None = None,
    estimator: Estimator = pitch.estimate,
    rank: Callable[[Values], Floats] | None = None,
) -> Tuning:
    """Tune a preset to a sound, unless that would increase its distance from the sound.

    Args:
        preset: Preset to tune.
        target: Mono sound, float32 (samples,) at 22,050 Hz, at least 4,096 samples.
        note: MIDI note at which the preset should sound like the target, 0 … 127.
        velocity: Velocity of that note, 1 … 127.
        hold: Time in seconds for which it is held; a render is as long as the target.
        wanted: Pitch of the target, if it has been estimated already.
        locked: Columns of parameters that must keep their values.
        renderer: Synth that renders; default `Engine()`.
        estimator: Pitch estimator; `pitch.estimate_crepe` is another.
        rank: Function that returns the distances (N,) of presets (N, 145) from the target; default
            `objective.distance`.

    Raises:
        ParameterError: An argument is out of its bounds.
    """
    if target.ndim != 1 or len(target) < LEAST_SAMPLES:
        raise ParameterError(f"a target must be mono, at least {LEAST_SAMPLES} samples, not {target.shape}")
    if not np.isfinite(target).all():
        raise ParameterError(f"the target holds {np.sum(~np.isfinite(target))} samples of NaN or infinity")
    check_note(note, velocity)
    synth = renderer or Engine()
    goal = wanted or estimator(target)

    def measure(presets: Sequence[Preset]) -> Floats:
        values = np.stack([p.values for p in presets])
        if rank is not None:
            return rank(values)
        return score(values, [target], [(note, velocity)], holds=[hold], renderer=synth)

    if not _pitched(goal):
        distance = float(measure([preset])[0])
        return Tuning(
            preset, "no pitch", _unvoiced("target", goal), distance_before=distance, distance_after=distance
        )

    def hear(candidate: Preset) -> Pitch:
        return estimator(synth.render(candidate, note, velocity, hold=hold, n_samples=len(target)))

    return _tune(preset, hear(preset), goal.midi, note, hear, measure, locked)


def check_wanted(midi: float) -> None:
    """Check that a pitch, as a MIDI note that may be fractional, is one that presets can be tuned to."""
    if not LOWEST <= midi <= HIGHEST:
        raise ParameterError(f"the wanted pitch {midi!r} is not a MIDI note in {LOWEST} … {HIGHEST}")


def tune_to(
    preset: Preset,
    midi: float,
    note: int = 60,
    velocity: int = 85,
    *,
    keep_octave: bool = False,
    renderer: Renderer | None = None,
    estimator: Estimator = pitch.estimate,
) -> Tuning:
    """Tune a preset so that a note sounds at a given pitch; without a sound to compare, pitch alone decides.

    Args:
        preset: Preset to tune.
        midi: Wanted pitch as a MIDI note, possibly fractional, 28 … 107.
        note: MIDI note that is played, 0 … 127.
        velocity: Velocity of that note, 1 … 127.
        keep_octave: Tune to the nearest octave of that pitch, so that a bass stays a bass.
        renderer: Synth that renders; default `Engine()`.
        estimator: Pitch estimator.

    Raises:
        ParameterError: An argument is out of its bounds.
    """
    check_wanted(midi)
    check_note(note, velocity)
    synth = renderer or Engine()

    def hear(candidate: Preset) -> Pitch:
        return estimator(synth.render(candidate, note, velocity))

    heard = hear(preset)
    if keep_octave and _pitched(heard):
        midi += 12 * round((heard.midi - midi) / 12)
    return _tune(preset, heard, midi, note, hear)


def _tune(
    preset: Preset,
    heard: Pitch,
    wanted: float,
    note: int,
    hear: Callable[[Preset], Pitch],
    measure: Callable[[Sequence[Preset]], Floats] | None = None,
    locked: Integers = _NONE,
) -> Tuning:
    """Tune a preset. With `measure`, the distance ranks shifts (also by octaves) and must not rise."""
    given = float(measure([preset])[0]) if measure else float("nan")
    if not _pitched(heard):
        return Tuning(
            preset, "no pitch", _unvoiced("preset", heard), distance_before=given, distance_after=given
        )
    before = 100 * (heard.midi - wanted)
    octaves = (0, -12, 12) if measure and abs(before) > IN_TUNE else (0,)
    options = [
        (octave, move)
        for octave in octaves
        for move in moves(preset, 100 * octave - before, note)
        if np.array_equal(move.preset.values[locked], preset.values[locked])
    ]
    reachable = min((move.residual for octave, move in options if octave == 0), default=float("nan"))

    def keep(verdict: Verdict, why: str) -> Tuning:
        return Tuning(preset, verdict, why, before, before, given, given, reachable, wanted)

    if abs(before) <= IN_TUNE:
        return keep("in tune", f"within {IN_TUNE:g} cents of the wanted pitch")
    if not options:
        free = " without a locked parameter" if len(locked) else ""
        return keep("kept", f"no sounding operator in ratio mode can be moved that far{free}")
    distances = measure([move.preset for _, move in options]) if measure else np.zeros(len(options))
    order = [i for i in np.argsort(distances, kind="stable") if not distances[i] > given]
    if not order:
        return keep("kept", "tuning would increase the distance from the target")
    for i in order[:_TRIES]:
        octave, move = options[i]
        now = hear(move.preset)
        after = 100 * (now.midi - wanted)
        if _pitched(now) and _improves(before, after, octave):
            distance = float(distances[i]) if measure else float("nan")
            why = f"{before:+.0f} to {after:+.0f} cents{_octave_remark(octave)}"
            return Tuning(move.preset, "tuned", why, before, after, given, distance, move.residual, wanted)
    return keep("kept", "no shift brought the render closer to the wanted pitch")


def moves(preset: Preset, cents: float, note: int = 60) -> list[Move]:
    """Find shifts of all operators in ratio mode by an interval, the most exact first.

    TRANSPOSE takes none of the interval, or as many semitones as fit, or one more or less. It shifts level
    and rate scaling too, which the ratios do not. The ratios take the rest. OSC DETUNE takes what they leave,
    or stays as it is.

    Args:
        preset: Preset to shift.
        cents: Interval upward in cents.
        note: MIDI note that is played, 0 … 127.

    Returns:
        Shifts whose residual is within 3 cents of the best; empty if none is possible.

    >>> from latentdx import PresetBank
    >>> best = moves(PresetBank.init()[0], 100)[0]
    >>> best.preset["TRANSPOSE"], best.residual
    (25, 0.0)
    """
    values = preset.values.astype(np.int64)
    stored = int(values[_TRANSPOSE])
    low, high = NEUTRAL_TRANSPOSE - note, NEUTRAL_TRANSPOSE - note + 127  # keys that the engine clips to
    semitones = round(cents / 100)
    wanted = {stored, *(stored + semitones + n for n in (-1, 0, 1))}
    reached = sorted({int(np.clip(t, max(low, 0), min(high, _MOST_TRANSPOSE))) for t in wanted})
    ratio, sounding = values[_MODE] == 0, values[_LEVEL] > 0
    if not (ratio & sounding).any():
        return []
    groups = [_at(preset, cents, note, semitones, fine) for semitones in reached for fine in (False, True)]
    best = {move.preset: move for move in (min(group, key=lambda m: m.cost) for group in groups)}
    least = min(move.residual for move in best.values())
    most = min(least + IN_TUNE, _FARTHEST)
    good = [move for move in best.values() if move.changes and move.residual <= most]
    return sorted(good, key=lambda m: (round(m.cost), m.changes, m.cost))


def _at(preset: Preset, cents: float, note: int, transpose: int, detune: bool) -> list[Move]:
    """Return shifts with this TRANSPOSE: one for each ratio closest to the goal of a sounding operator."""
    values = preset.values.astype(np.int64)
    table, coarse, fine = _ratios()
    ratio = values[_MODE] == 0
    sounding = ratio & (values[_LEVEL] > 0)
    key, new_key = (
        int(np.clip(note + t - NEUTRAL_TRANSPOSE, 0, 127)) for t in (values[_TRANSPOSE], transpose)
    )
    old = _cents(values[_COARSE], values[_FINE])
    goal = 100 * key + old + (values[_DETUNE] - _CENTER) * _detune_step(key) + cents - 100 * new_key
    place = np.searchsorted(table, goal[sounding])
    near = np.clip(np.concatenate([place - 1, place]), 0, len(table) - 1)
    found = []
    for interval in np.unique(np.round(table[near] - np.tile(old[sounding], 2), 6)):
        chosen = _nearest(table, old + interval)
        same = np.abs(table[chosen] - old) < 1e-6  # keep coarse 2 with fine 50, although coarse 3 is the same
        new = values.copy()
        new[_TRANSPOSE] = transpose
        new[_COARSE] = np.where(ratio & ~same, coarse[chosen], values[_COARSE])
        new[_FINE] = np.where(ratio & ~same, fine[chosen], values[_FINE])
        if detune:
            steps = np.rint((goal - table[chosen]) / _detune_step(new_key)).astype(int)
            new[_DETUNE] = np.where(ratio, np.clip(_CENTER + steps, 0, 2 * _CENTER), values[_DETUNE])
        left = goal - table[chosen] - (new[_DETUNE] - _CENTER) * _detune_step(new_key)
        moved = Preset(new.astype(np.uint8), preset.name, preset.id)
        residual = float(np.abs(left[sounding]).max())
        found.append(
            Move(moved, residual, int(np.ptp((new - values)[_DETUNE][sounding])), int((new != values).sum()))
        )
    return found


@cache
def _ratios() -> tuple[Floats, Integers, Integers]:
    """Return all distinct ratios in cents, ascending, with their F COARSE and smallest F FINE."""
    fine, coarse = (grid.ravel() for grid in np.mgrid[:100, :32])
    _, first = np.unique(np.maximum(2 * coarse, 1) * (100 + fine), return_index=True)
    return _cents(coarse[first], fine[first]), coarse[first], fine[first]


def _cents(coarse: Integers, fine: Integers) -> Floats:
    """Return an operator's ratio in cents: F COARSE 0 means 0.5, and F FINE adds hundredths of the ratio."""
    return 1200 * np.log2(np.maximum(coarse, 0.5) * (1 + fine / 100))


def _detune_step(key: int) -> float:
    """Return the size in cents of one step of OSC DETUNE at a transposed key, as in Dexed (dx7note.cc).

    A DX7, and Dexed up to 0.9.3, have 0.9 cents at every key: 7 steps differ by 2 cents at middle C.
    """
    octaves = (50857776 + 1398101 * key) / 2**24  # in the engine's units
    return float(1200 * octaves * 0.0209 / 7 * np.exp(-0.396 * octaves))


def _nearest(table: Floats, wanted: Floats) -> Integers:
    """Return the index of the nearest entry of an ascending table."""
    above = np.clip(np.searchsorted(table, wanted), 1, len(table) - 1)
    return above - (wanted - table[above - 1] < table[above] - wanted)


def _pitched(heard: Pitch) -> bool:
    """Return whether a sound has a pitch."""
    return heard.voiced >= LEAST_VOICED and bool(np.isfinite(heard.f0))


def _octave_remark(semitones: int) -> str:
    """Say that another octave than the estimated one sounds closer; nothing for the same octave."""
    if not semitones:
        return ""
    octaves = abs(semitones) // 12
    distance = "an octave" if octaves == 1 else f"{octaves} octaves"
    return f"; it sounds closer {distance} {'above' if semitones > 0 else 'below'} the estimated pitch"


def _improves(before: float, after: float, octave: int) -> bool:
    """Return whether the error falls. For shifts to another octave than the tracker's, octaves are ignored,
    and the remaining error must have been audible before."""
    if not octave:
        return abs(after) < abs(before)
    before, after = (abs((cents + 600) % 1200 - 600) for cents in (before, after))
    return after < before and before > IN_TUNE


def _unvoiced(what: str, heard: Pitch) -> str:
    """Explain why a sound counts as one without pitch."""
    return f"{heard.voiced:.0%} of the {what} is voiced, which is less than {LEAST_VOICED:.0%}"
