"""Organs: on while the key is down; the tone is a choice of partials."""

from latentdx.presets.starter.voice import (
    ON_OFF,
    Archetype,
    Envelope,
    Lfo,
    Op,
    Variation,
    Voice,
    held,
    register,
    struck,
)

_LEAKAGE = Envelope((99, 99, 99, 82), (99, 99, 99, 0))


def drawbar(v: Variation) -> Voice:
    """Six drawbars, one operator each: 16', 8', 5 1/3', 4', 2 2/3' and one above, through a slow rotor."""
    am = v.between(0, 2)
    ops = {
        1: Op(1, 97, _LEAKAGE, am=am),
        2: Op(0.5, v.between(68, 88), _LEAKAGE),
        3: Op(1.5, v.between(58, 82), _LEAKAGE, detune=v.between(-2, 2)),
        4: Op(2, v.between(66, 88), _LEAKAGE, am=am),
        5: Op(3, v.between(50, 84), _LEAKAGE),
        6: Op(v.pick(4, 5, 6, 8), v.between(50, 78), _LEAKAGE, detune=v.between(-3, 3)),
    }
    lfo = Lfo(
        "sine", v.between(30, 62), 0, pitch=v.between(0, 6), amp=v.between(0, 22), sensitivity=2, sync=False
    )
    return Voice(32, ops, feedback=v.between(0, 5), lfo=lfo)


def percussive(v: Variation) -> Voice:
    """Jazz registration: three low drawbars, and a second or third harmonic that only speaks at the
    attack.
    """
    click = struck(v.between(46, 54), 60, 45)
    ops = {
        1: Op(1, 97, _LEAKAGE),
        2: Op(v.pick(0.5, 2), v.between(80, 90), _LEAKAGE),
        3: Op(v.pick(2, 3), v.between(72, 84), click, velocity=1),
        4: Op(v.pick(2, 3, 4), v.between(84, 93), click, velocity=2),
        5: Op(1, v.between(70, 84), _LEAKAGE, detune=v.between(-2, 2)),
        6: Op(v.pick(3, 6), v.between(50, 66), struck(60, 50, 55), velocity=3),
    }
    lfo = Lfo("triangle", v.between(32, 64), 0, pitch=v.between(1, 6), sensitivity=2)
    return Voice(v.pick(31, 29, 25), ops, feedback=v.between(0, 4), lfo=lfo)


def pipes(v: Variation) -> Voice:
    """Principal chorus: ranks at 8', 4', 2' and a mixture, each a little late with wind in its attack."""
    wind = held(v.between(60, 70), 97, release=52)
    ops = {
        1: Op(1, 95, wind, keys=register(v)),
        2: Op(v.pick(1, 2), v.between(62, 72), held(55, 92, release=52)),
        3: Op(2, v.between(82, 92), wind, detune=v.between(-3, 3)),
        4: Op(v.pick(2, 4), v.between(60, 72), held(58, 92, release=52)),
        5: Op(v.pick(4, 0.5), v.between(70, 86), wind, detune=v.between(-2, 2)),
        6: Op(v.pick(3, 6, 8), v.between(56, 74), held(62, 90, release=54)),
    }
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 4))


def positive(v: Variation) -> Voice:
    """A positive organ: a flute at 8', a small reed at 4' and one pure rank at 2' or 16'."""
    wind = held(v.between(62, 72), 97, release=54)
    ops = {
        1: Op(1, 96, wind, keys=register(v)),
        2: Op(v.pick(1, 2), v.between(50, 62), held(58, 92, release=54)),
        3: Op(2, v.between(80, 88), wind, detune=v.between(-2, 2)),
        4: Op(2, v.between(64, 74), held(60, 92, release=54)),
        5: Op(v.pick(2, 4), v.between(52, 66), held(64, 90, release=54)),
        6: Op(v.pick(4, 0.5), v.between(72, 84), wind, detune=v.between(-3, 3)),
    }
    return Voice(28, ops, feedback=v.between(0, 5))


def reed_organ(v: Variation) -> Voice:
    """Accordion and harmonium: two buzzing reeds that beat, a third with them or an octave off."""
    bellows, spread = held(v.between(52, 64), 96, release=58), v.between(3, 7)
    bright = v.between(76, 83)
    ops = {
        1: Op(1, 97, bellows, velocity=1, detune=spread),
        2: Op(1, 89, bellows, velocity=1, detune=-spread),
        3: Op(v.pick(1, 2, 3), bright, held(58, 95), velocity=2),
        4: Op(v.pick(2, 1, 0.5), v.between(78, 86), bellows, velocity=1),
        5: Op(v.pick(1, 2), bright - v.between(0, 5), held(56, 95), velocity=2),
        6: Op(v.pick(2, 3), v.between(64, 74), held(60, 94), velocity=2),
    }
    lfo = Lfo(
        "sine", v.between(36, 46), v.between(0, 50), pitch=v.between(0, 5), amp=v.between(0, 8), sensitivity=2
    )
    return Voice(20, ops, feedback=v.between(0, 4), lfo=lfo)


def combo(v: Variation) -> Voice:
    """The transistor organ of the sixties: square-like tabs, no dynamics, a fast regular vibrato."""
    ops = {
        1: Op(1, 96, ON_OFF),
        2: Op(2, v.between(72, 80), ON_OFF),
        3: Op(2, v.between(80, 90), ON_OFF),
        4: Op(4, v.between(62, 80), ON_OFF, detune=v.between(-3, 3)),
        5: Op(v.pick(4, 1), v.between(66, 82), ON_OFF),
        6: Op(2, v.between(68, 80), ON_OFF),
    }
    lfo = Lfo("triangle", v.between(58, 66), v.between(0, 20), pitch=v.between(5, 10))
    return Voice(v.pick(22, 24), ops, feedback=v.between(0, 4), lfo=lfo)


ARCHETYPES = (
    Archetype("DRAWBAR", "organ", 9, drawbar),
    Archetype("PERC ORG", "organ", 6, percussive),
    Archetype("PIPE ORG", "organ", 4, pipes),
    Archetype("POSITIVE", "organ", 3, positive),
    Archetype("ACCORDN", "organ", 5, reed_organ),
    Archetype("COMBO", "organ", 5, combo),
)
