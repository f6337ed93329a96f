"""Woodwinds, each with its own harmonics, and synthesizer leads."""

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
    struck,
    tilt,
)


def flute(v: Variation) -> Voice:
    """Nearly a sine with a weak octave, breath at the attack, vibrato in loudness more than in pitch."""
    attack = v.between(54, 62)
    chiff = Envelope((75, 52, 50, 55), (99, 50, 30, 0))
    ops = {
        1: Op(1, 98, held(attack, 95), velocity=2, am=1, keys=register(v, 64, 84)),
        2: Op(1, v.between(50, 60), held(attack, 92), velocity=3, keys=tilt(v, 20)),
        3: Op(2, v.between(62, 74), held(attack + 2, 93), velocity=3, am=1, keys=register(v, 64, 84)),
        4: Op(v.pick(1, 3), v.between(40, 54), held(attack, 90), velocity=3, keys=tilt(v, 24)),
        5: Op(v.pick(3, 4), v.between(44, 58), chiff, velocity=4, keys=tilt(v, 24)),
        6: Op(v.pick(5.3, 7.7, 11.4), v.between(66, 80), chiff, velocity=4),
    }
    lfo = Lfo("sine", v.between(32, 38), v.between(40, 60), pitch=v.between(3, 7), amp=v.between(8, 22))
    return Voice(v.pick(5, 19), ops, feedback=v.between(0, 2), lfo=lfo)


def clarinet(v: Variation) -> Voice:
    """A closed tube: odd harmonics, from modulators at twice the carrier."""
    attack, reedy = v.between(58, 66), v.between(70, 79)
    ops = {
        1: Op(1, 98, held(attack, 95), velocity=2, keys=register(v, 64, 84)),
        2: Op(2, reedy, held(attack - 2, 93), velocity=3, keys=tilt(v, 30)),
        3: Op(1, 84, held(attack, 95), velocity=2, detune=v.between(-2, 2), keys=register(v, 64, 84)),
        4: Op(2, reedy - v.between(2, 8), held(attack - 4, 92), velocity=3, keys=tilt(v, 24)),
        5: Op(v.pick(2, 4), v.between(46, 60), held(attack, 90), velocity=3, keys=tilt(v, 24)),
        6: Op(v.pick(2, 6), v.between(44, 58), struck(58, 50, 50), velocity=4),
    }
    lfo = Lfo("sine", v.between(30, 36), v.between(55, 75), pitch=v.between(0, 4), amp=v.between(0, 8))
    return Voice(v.pick(7, 9, 14), ops, feedback=v.between(0, 3), lfo=lfo)


def oboe(v: Variation) -> Voice:
    """A double reed: a weak fundamental under strong third to fifth harmonics, nasal."""
    attack = v.between(58, 65)
    ops = {
        1: Op(1, 90, held(attack, 95), velocity=2, keys=register(v, 64, 84)),
        2: Op(v.pick(2, 3), v.between(76, 84), held(attack, 94), velocity=2, keys=tilt(v, 25)),
        3: Op(v.pick(4, 3), v.between(78, 87), held(attack, 95), velocity=2, keys=register(v, 64, 84)),
        4: Op(1, v.between(68, 77), held(attack, 93), velocity=2, keys=tilt(v, 30)),
        5: Op(2, v.between(68, 80), held(attack, 95), velocity=2, detune=v.between(-2, 2), keys=tilt(v, 24)),
        6: Op(1, v.between(64, 74), held(attack, 92), velocity=3),
    }
    lfo = Lfo("sine", v.between(34, 39), v.between(45, 65), pitch=v.between(5, 10), amp=v.between(0, 8))
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 4), lfo=lfo)


def saxophone(v: Variation) -> Voice:
    """A conical reed: all harmonics, growl from feedback, the pitch pushed up into the note."""
    attack, bright = v.between(58, 66), v.between(76, 83)
    ops = {
        1: Op(1, 98, held(attack, 94), velocity=2, keys=register(v, 64, 84)),
        2: Op(1, bright, held(attack - 2, 91), velocity=4, keys=tilt(v, 25)),
        3: Op(v.pick(2, 3), v.between(58, 70), held(attack, 88), velocity=4, keys=register(v, 64, 84)),
        4: Op(2, v.between(54, 68), held(attack - 3, 88), velocity=3, keys=tilt(v, 24)),
        5: Op(v.pick(1, 4), v.between(56, 68), held(attack, 85), velocity=4, keys=tilt(v, 24)),
        6: Op(1, v.between(56, 70), Envelope((80, 50, 40, 50), (99, 70, 60, 0)), velocity=4),
    }
    lfo = Lfo("sine", v.between(32, 38), v.between(50, 68), pitch=v.between(5, 11), amp=v.between(0, 8))
    return Voice(
        v.pick(18, 16, 17),
        ops,
        feedback=v.between(3, 6),
        lfo=lfo,
        pitch=pitch((78, 95, 95, 60), (0, 0, 0, -0.06)),
    )


def saw_lead(v: Variation) -> Voice:
    """Two fat saws by feedback, a little portamento-like scoop, vibrato when held."""
    spread, bright = v.between(3, 7), v.between(78, 86)
    on = held(v.between(80, 99), 97, release=62)
    ops = {
        1: Op(1, 98, on, velocity=1, detune=spread, keys=register(v, 64, 84)),
        2: Op(1, bright, held(90, 93, release=62), velocity=2),
        3: Op(1, 86, on, velocity=1, detune=-spread, keys=register(v, 64, 84)),
        4: Op(1, bright - 2, held(90, 93, release=62), velocity=2, keys=tilt(v, 24)),
        5: Op(v.pick(1, 2), v.between(64, 76), struck(40, 85, 30, end=70), velocity=3, keys=tilt(v, 24)),
        6: Op(1, v.between(70, 80), held(90, 94), velocity=2),
    }
    lfo = Lfo("triangle", v.between(34, 40), v.between(50, 65), pitch=v.between(6, 14))
    return Voice(
        v.pick(1, 2),
        ops,
        feedback=v.between(4, 7),
        lfo=lfo,
        pitch=pitch((85, 95, 95, 60), (0, 0, 0, -0.06)),
    )


def square_lead(v: Variation) -> Voice:
    """A hollow square: 1:2 pairs at the index where the odd harmonics fall like a square's."""
    on = held(v.between(78, 99), 96, release=64)
    ops = {
        1: Op(1, 97, on, velocity=1, detune=v.between(0, 3), keys=register(v, 64, 84)),
        2: Op(2, v.between(74, 80), on, velocity=2, keys=tilt(v, 20)),
        3: Op(1, v.between(78, 86), on, velocity=1, detune=-v.between(0, 4), keys=register(v, 64, 84)),
        4: Op(2, v.between(72, 80), on, velocity=2, keys=tilt(v, 20)),
        5: Op(v.pick(0.5, 1, 2), v.between(66, 80), on, velocity=1, keys=tilt(v, 24)),
        6: Op(v.pick(2, 4), v.between(60, 74), struck(42, 80, 32, end=60), velocity=3),
    }
    lfo = Lfo("sine", v.between(34, 42), v.between(45, 60), pitch=v.between(6, 13))
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 2), lfo=lfo)


def sync_lead(v: Variation) -> Voice:
    """Like hard sync: a deep modulator sweeps over the harmonics of a fixed fundamental while the key is
    down.
    """
    sweep = Envelope((v.between(30, 45), v.between(22, 32), 25, 55), (99, v.between(76, 86), 88, 0))
    on = held(96, 96, release=62)
    ops = {
        1: Op(1, 97, on, velocity=1, keys=register(v, 64, 84)),
        2: Op(1, v.between(86, 92), sweep, velocity=2),
        3: Op(1, v.between(58, 70), on, velocity=2, keys=register(v, 64, 84)),
        4: Op(1, 88, on, velocity=1, detune=v.between(-4, 4), keys=tilt(v, 24)),
        5: Op(v.pick(2, 3), v.between(74, 84), sweep, velocity=3, keys=tilt(v, 24)),
        6: Op(1, v.between(66, 80), on, velocity=2),
    }
    lfo = Lfo("triangle", v.between(33, 40), 55, pitch=v.between(5, 11))
    return Voice(v.pick(3, 10, 11), ops, feedback=v.between(2, 5), lfo=lfo)


ARCHETYPES = (
    Archetype("FLUTE", "flute", 5, flute),
    Archetype("CLARINET", "woodwind", 4, clarinet),
    Archetype("OBOE", "woodwind", 4, oboe),
    Archetype("SAX", "woodwind", 4, saxophone),
    Archetype("SAW LEAD", "lead", 5, saw_lead),
    Archetype("SQR LEAD", "lead", 5, square_lead),
    Archetype("SYNCLEAD", "lead", 5, sync_lead),
)
