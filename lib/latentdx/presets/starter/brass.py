"""Brass: the modulators rise a little after the carriers, so that the tone opens like a player's lips."""

from latentdx.presets.starter.voice import (
    Archetype,
    Envelope,
    Lfo,
    Op,
    Variation,
    Voice,
    held,
    pitch,
    register,
    tilt,
)


def _lip(attack: int, sustain: int) -> Envelope:
    """Return a modulator's envelope that opens late and a little too far, then settles."""
    return Envelope((attack, 40, 35, 58), (92, 99, sustain, 0))


def section(v: Variation) -> Voice:
    """Several players: three carriers under one opening modulator, a second pair detuned against them."""
    attack, bright, spread = v.between(56, 66), v.between(76, 84), v.between(2, 5)
    blow = held(attack, 94)
    ops = {
        1: Op(1, 85, blow, velocity=2, detune=-spread, keys=register(v)),
        2: Op(1, bright, _lip(attack - 8, 90), velocity=3, keys=tilt(v, 15)),
        3: Op(1, 82, blow, velocity=2, detune=spread, keys=register(v)),
        4: Op(1, 97, held(attack - 3, 94), velocity=2, keys=tilt(v, 24)),
        5: Op(
            v.pick(1, 2, 1), 84, held(attack - 2, 93), velocity=2, detune=v.between(-2, 2), keys=tilt(v, 24)
        ),
        6: Op(1, bright - v.between(0, 6), _lip(attack - 6, 92), velocity=3, keys=tilt(v, 20)),
    }
    lfo = Lfo("triangle", v.between(30, 38), v.between(40, 70), pitch=v.between(2, 6))
    return Voice(22, ops, feedback=v.between(5, 7), lfo=lfo, pitch=pitch((84, 95, 95, 60), (0, 0, 0, -0.03)))


def horn(v: Variation) -> Voice:
    """A French horn: round, its few harmonics fading above the fourth, and slow to speak."""
    attack, bright = v.between(48, 56), v.between(64, 72)
    ops = {
        1: Op(1, 99, held(attack, 93, release=50), velocity=2, keys=register(v)),
        2: Op(1, bright, _lip(attack - 4, 88), velocity=4, keys=tilt(v, 25)),
        3: Op(1, 86, held(attack - 3, 92, release=50), velocity=2, detune=v.between(-3, 3), keys=register(v)),
        4: Op(1, bright - v.between(2, 8), _lip(attack - 6, 86), velocity=3, keys=tilt(v, 24)),
        5: Op(v.pick(1, 2), v.between(50, 58), _lip(attack - 2, 80), velocity=3, keys=tilt(v, 24)),
        6: Op(1, v.between(48, 58), held(70, 30, decay=60), velocity=4),
    }
    lfo = Lfo("sine", v.between(30, 36), v.between(50, 75), pitch=v.between(3, 7))
    return Voice(v.pick(14, 15), ops, feedback=v.between(1, 4), lfo=lfo)


def trumpet(v: Variation) -> Voice:
    """One trumpet: bright, quick, its formant carried by a second pair, the pitch scooping up into the
    note.
    """
    attack, bright = v.between(57, 65), v.between(85, 91)
    ops = {
        1: Op(1, 99, held(attack, 95), velocity=2, keys=register(v)),
        2: Op(1, bright, _lip(attack - 8, 91), velocity=3, keys=tilt(v, 20)),
        3: Op(1, v.between(60, 70), _lip(attack - 5, 85), velocity=3, keys=register(v)),
        4: Op(1, 88, held(attack, 94), velocity=2, detune=v.between(-2, 2), keys=tilt(v, 24)),
        5: Op(v.pick(3, 4, 5), v.between(56, 66), _lip(attack - 4, 88), velocity=3, keys=tilt(v, 24)),
        6: Op(1, v.between(70, 78), _lip(attack - 8, 90), velocity=3),
    }
    lfo = Lfo("sine", v.between(34, 40), v.between(45, 65), pitch=v.between(5, 11))
    scoop = pitch((80, 95, 95, 60), (0, 0, 0, -v.pick(0.03, 0.06, 0.09)))
    return Voice(v.pick(3, 4), ops, feedback=v.between(3, 6), lfo=lfo, pitch=scoop)


def trombone(v: Variation) -> Voice:
    """A trombone: as bright as the trumpet when pressed, mellow when not, the slide felt in the pitch."""
    attack, bright = v.between(54, 62), v.between(74, 82)
    ops = {
        1: Op(1, 99, held(attack, 94), velocity=2, keys=register(v)),
        2: Op(1, bright, _lip(attack - 7, 88), velocity=5, keys=tilt(v, 30)),
        3: Op(1, v.between(54, 68), _lip(attack - 3, 82), velocity=4, keys=register(v)),
        4: Op(2, v.between(50, 64), _lip(attack - 4, 82), velocity=4, keys=tilt(v, 24)),
        5: Op(1, v.between(50, 62), _lip(attack - 6, 80), velocity=3, keys=tilt(v, 24)),
        6: Op(1, v.between(50, 64), _lip(attack - 5, 80), velocity=3),
    }
    lfo = Lfo("sine", v.between(30, 36), v.between(50, 70), pitch=v.between(3, 8))
    return Voice(
        v.pick(16, 17),
        ops,
        feedback=v.between(2, 5),
        lfo=lfo,
        pitch=pitch((70, 95, 95, 55), (0, 0, 0, -0.09)),
    )


def synth_brass(v: Variation) -> Voice:
    """The poly-synth stab: fat detuned saws from feedback, a fast filter-like opening and a clear fall."""
    attack, spread, sustain = v.between(68, 82), v.between(5, 7), v.between(78, 88)
    opening = Envelope((v.between(55, 70), 38, 30, 55), (99, 88, 82, 0))
    ops = {
        1: Op(1, 98, held(attack, 94), velocity=2, detune=spread - 4, keys=register(v)),
        2: Op(1, sustain, opening, velocity=3),
        3: Op(1, 88, held(attack, 94), velocity=2, detune=-spread, keys=register(v)),
        4: Op(1, sustain - 2, opening, velocity=3, keys=tilt(v, 24)),
        5: Op(v.pick(0.5, 2, 1), v.between(80, 86), held(attack, 92), velocity=2, keys=tilt(v, 24)),
        6: Op(1, v.between(74, 82), opening, velocity=4),
    }
    lfo = Lfo("triangle", v.between(28, 36), 50, pitch=v.between(0, 6), sensitivity=2)
    return Voice(v.pick(5, 6), ops, feedback=v.between(2, 5), lfo=lfo)


ARCHETYPES = (
    Archetype("BRASSSEC", "brass", 8, section),
    Archetype("HORN", "brass", 6, horn),
    Archetype("TRUMPET", "brass", 6, trumpet),
    Archetype("TROMBONE", "brass", 6, trombone),
    Archetype("SYNBRASS", "brass", 6, synth_brass),
)
