"""Pianos, clavinets and harpsichords: strings behind keys."""

from latentdx.presets.starter.voice import Archetype, Lfo, Op, Variation, Voice, register, struck, tilt


def grand(v: Variation) -> Voice:
    """A hammered string: a three-operator stack for the body, a softer stack a shade apart in tune."""
    decay, bright = v.between(22, 28), v.between(74, 84)
    keys = tilt(v, 45)
    ops = {
        1: Op(1, 99, struck(42, 84, decay), velocity=2, rates=3, keys=register(v)),
        2: Op(1, bright, struck(40, 84, decay + 4), velocity=4, rates=3, keys=keys),
        3: Op(v.pick(3, 2, 4), v.between(62, 74), struck(48, 74, decay + 10), velocity=5, rates=4, keys=keys),
        4: Op(
            1, 90, struck(38, 86, decay - 2), velocity=2, rates=2, detune=v.between(1, 3), keys=tilt(v, 40)
        ),
        5: Op(1, bright - 6, struck(40, 82, decay + 4), velocity=4, rates=3, keys=keys),
        6: Op(v.pick(5, 7, 8), v.between(52, 66), struck(55, 60, 48), velocity=6, rates=4, keys=tilt(v, 40)),
    }
    return Voice(v.pick(3, 4), ops, feedback=v.between(0, 2))


def upright(v: Variation) -> Voice:
    """A honky-tonk upright: two strings a good deal apart in tune, bright hammers, shorter decay."""
    decay, spread = v.between(26, 31), v.between(4, 7)
    keys = tilt(v, 35)
    ops = {
        1: Op(1, 98, struck(40, 86, decay), velocity=2, rates=3, detune=spread, keys=register(v)),
        2: Op(v.pick(1, 2), v.between(74, 83), struck(42, 80, decay + 4), velocity=4, rates=3, keys=keys),
        3: Op(1, 90, struck(40, 86, decay), velocity=2, rates=3, detune=-spread, keys=register(v)),
        4: Op(1, v.between(72, 80), struck(42, 80, decay + 4), velocity=4, rates=3, keys=keys),
        5: Op(3, v.between(58, 68), struck(45, 76, decay + 10), velocity=4, rates=4, keys=keys),
        6: Op(
            v.pick(9, 10, 12), v.between(55, 66), struck(60, 50, 55), velocity=6, rates=5, keys=tilt(v, 40)
        ),
    }
    return Voice(v.pick(7, 8, 9), ops, feedback=v.between(0, 4))


def stage(v: Variation) -> Voice:
    """The electric grand: brighter and more metallic, its stack of three modulators driven by the hammer."""
    decay = v.between(24, 29)
    ops = {
        1: Op(1, 99, struck(40, 86, decay), velocity=2, rates=3, keys=register(v)),
        2: Op(1, v.between(76, 84), struck(40, 82, decay + 3), velocity=4, rates=3, keys=tilt(v, 30)),
        3: Op(v.pick(6, 7, 8), v.between(50, 64), struck(55, 65, 45), velocity=6, rates=4, keys=register(v)),
        4: Op(
            1,
            v.between(66, 76),
            struck(36, 85, decay + 4),
            velocity=3,
            rates=3,
            detune=v.between(-3, 3),
            keys=tilt(v, 40),
        ),
        5: Op(2, v.between(60, 72), struck(42, 80, decay + 6), velocity=4, rates=3),
        6: Op(4, v.between(50, 64), struck(45, 75, 40), velocity=4, rates=3, keys=tilt(v, 40)),
    }
    return Voice(18, ops, feedback=v.between(0, 5))


def clavinet(v: Variation) -> Voice:
    """A string struck near its end by a tangent: thin, all harmonics, a click, and off as soon as the key
    is.
    """
    decay, bright = v.between(28, 36), v.between(80, 90)
    ops = {
        1: Op(1, 97, struck(40, 88, decay, release=78), velocity=2, rates=4, keys=register(v)),
        2: Op(
            v.pick(3, 4, 5),
            bright,
            struck(45, 84, decay, release=78),
            velocity=4,
            rates=4,
            keys=tilt(v, 40),
        ),
        3: Op(
            1,
            94,
            struck(42, 86, decay, release=78),
            velocity=2,
            rates=4,
            detune=v.between(-2, 2),
            keys=register(v),
        ),
        4: Op(
            1,
            v.between(78, 88),
            struck(42, 85, decay, release=78),
            velocity=4,
            rates=4,
            keys=tilt(v, 30),
        ),
        5: Op(v.pick(2, 6), v.between(60, 76), struck(48, 75, 42), velocity=5, rates=4),
        6: Op(v.pick(8, 11), v.between(60, 74), struck(68, 40, 60), velocity=6, rates=5, keys=tilt(v, 40)),
    }
    lfo = Lfo("triangle", v.between(40, 60), 0, amp=v.between(0, 8))
    return Voice(v.pick(1, 2, 7, 8), ops, feedback=v.between(3, 6), lfo=lfo)


def harpsichord(v: Variation) -> Voice:
    """A plucked string without dynamics: buzzing 8-foot and 4-foot registers, and the quill's click."""
    decay, bright = v.between(25, 32), v.between(80, 88)
    ops = {
        1: Op(1, 95, struck(35, 90, decay, release=68), rates=4, keys=register(v)),
        2: Op(
            v.pick(3, 4),
            bright,
            struck(36, 90, decay, release=68),
            velocity=1,
            rates=4,
            keys=tilt(v, 45),
        ),
        3: Op(
            2,
            v.between(80, 90),
            struck(38, 88, decay + 3, release=68),
            rates=4,
            detune=v.between(-2, 2),
            keys=register(v),
        ),
        4: Op(
            v.pick(3, 5),
            v.between(72, 82),
            struck(38, 88, decay + 2, release=68),
            rates=4,
            keys=tilt(v, 45),
        ),
        5: Op(4, v.between(64, 78), struck(42, 84, decay + 5, release=68), rates=4),
        6: Op(v.pick(9, 13, 15), v.between(66, 76), struck(65, 50, 60), rates=5, keys=tilt(v, 40)),
    }
    return Voice(v.pick(5, 6), ops, feedback=v.between(2, 6) if v.pick(0, 1) else 1)


ARCHETYPES = (
    Archetype("PIANO", "piano", 9, grand),
    Archetype("HONKYTNK", "piano", 4, upright),
    Archetype("ELGRAND", "piano", 5, stage),
    Archetype("CLAV", "clavinet", 8, clavinet),
    Archetype("HARPSI", "harpsichord", 6, harpsichord),
)
