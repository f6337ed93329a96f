"""Bells: long decays and inharmonic partials, with ratios such as 1.41, 2.76 and 3.5."""

from latentdx.presets.starter.voice import (
    Archetype,
    Envelope,
    Lfo,
    Op,
    Variation,
    Voice,
    register,
    struck,
    tilt,
)


def church(v: Variation) -> Voice:
    """A cast bell: strike note, hum an octave below, minor third (1.2) and an inharmonic strike."""
    decay, clang = v.between(18, 25), v.between(70, 82)
    ops = {
        1: Op(1, 97, struck(32, 90, decay, release=30), velocity=2, rates=2, keys=register(v)),
        2: Op(
            v.pick(3.5, 2.76, 1.41, 2.4), clang, struck(36, 84, decay + 4, release=30), velocity=3, rates=2
        ),
        3: Op(
            2, v.between(84, 92), struck(36, 86, decay + 3, release=30), velocity=2, rates=2, keys=register(v)
        ),
        4: Op(
            v.pick(2.76, 3.5, 5.4),
            clang - 6,
            struck(42, 78, decay + 8),
            velocity=4,
            rates=2,
            keys=tilt(v, 40),
        ),
        5: Op(0.5, v.between(76, 86), struck(28, 94, decay - 4, release=28), velocity=1, keys=register(v)),
        6: Op(1.2, v.between(58, 72), struck(35, 88, decay, release=30), velocity=2, keys=tilt(v, 40)),
    }
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 2))


def tubular(v: Variation) -> Voice:
    """Chimes: the classic pairs at 1:3.5, two of them slightly apart, and a shorter one above."""
    decay, metal = v.between(20, 27), v.between(70, 80)
    spread = v.between(1, 4)
    ops = {
        1: Op(1, 98, struck(33, 90, decay, release=32), velocity=2, rates=2, detune=spread, keys=register(v)),
        2: Op(3.5, metal, struck(34, 86, decay + 3, release=32), velocity=3, rates=2),
        3: Op(
            1, 88, struck(33, 90, decay, release=32), velocity=2, rates=2, detune=-spread, keys=register(v)
        ),
        4: Op(
            3.5,
            metal - v.between(0, 6),
            struck(34, 86, decay + 3, release=32),
            velocity=3,
            detune=v.between(-3, 3),
        ),
        5: Op(2, v.between(72, 84), struck(40, 78, decay + 8), velocity=3, rates=3, keys=register(v)),
        6: Op(
            v.pick(2, 4, 7),
            v.between(66, 78),
            struck(44, 76, decay + 12),
            velocity=4,
            rates=3,
            keys=tilt(v, 40),
        ),
    }
    return Voice(5, ops, feedback=v.between(3, 6))


def glockenspiel(v: Variation) -> Voice:
    """Steel bars an octave or two up: nearly pure, a free bar's 2.76 and 5.4 for an instant."""
    decay, octave = v.between(28, 36), v.pick(4, 4, 2)
    ops = {
        1: Op(octave, 97, struck(35, 88, decay, release=40), velocity=2, rates=3, keys=register(v)),
        2: Op(
            octave, v.between(76, 86), struck(36, 86, decay + 2), velocity=2, rates=3, detune=v.between(-4, 4)
        ),
        3: Op(octave * 2.76, v.between(70, 80), struck(46, 74, 44), velocity=4, rates=3, keys=register(v)),
        4: Op(octave * 5.4, v.between(58, 70), struck(52, 68, 50), velocity=5, rates=4, keys=tilt(v, 40)),
        5: Op(octave, v.between(74, 84), struck(48, 75, 45), velocity=3, rates=4, keys=register(v)),
        6: Op(
            octave * v.pick(2.7, 1.38),
            v.between(58, 74),
            struck(58, 55, 55),
            velocity=6,
            rates=5,
            keys=tilt(v, 40),
        ),
    }
    return Voice(v.pick(24, 25), ops, feedback=v.between(0, 2))


def celesta(v: Variation) -> Voice:
    """Felt hammers on small bars over boxes: an octave up, soft, with a fourth harmonic that fades first."""
    decay = v.between(30, 37)
    ops = {
        1: Op(2, 97, struck(34, 88, decay, attack=92, release=45), velocity=2, rates=3, keys=register(v)),
        2: Op(v.pick(8, 6, 10), v.between(48, 60), struck(45, 70, 42), velocity=5, rates=3),
        3: Op(
            2,
            v.between(80, 90),
            struck(36, 86, decay + 2, attack=92),
            velocity=2,
            rates=3,
            detune=v.between(-3, 3),
        ),
        4: Op(2, v.between(50, 64), struck(40, 78, decay + 6), velocity=4, rates=3, keys=tilt(v, 40)),
        5: Op(8, v.between(50, 62), struck(42, 80, decay + 6), velocity=3, rates=4, keys=register(v)),
        6: Op(v.pick(3.5, 9.8), v.between(40, 58), struck(58, 55, 55), velocity=5, rates=4, keys=tilt(v, 40)),
    }
    return Voice(
        v.pick(5, 29, 30), ops, feedback=v.between(0, 2), lfo=Lfo("sine", 32, 0, amp=v.between(0, 6))
    )


def music_box(v: Variation) -> Voice:
    """Combs plucked by pins: high, thin, a metallic ping and a resonance that outlives it."""
    decay = v.between(28, 35)
    ops = {
        1: Op(4, 92, struck(36, 86, decay, release=36), velocity=1, rates=2, keys=register(v)),
        2: Op(
            2,
            v.between(84, 92),
            struck(34, 86, decay - 3, release=36),
            velocity=1,
            rates=2,
            detune=v.between(-3, 3),
        ),
        3: Op(
            4,
            v.between(72, 84),
            struck(40, 80, decay + 3),
            velocity=2,
            rates=3,
            detune=v.between(-6, 6),
            keys=register(v),
        ),
        4: Op(
            v.pick(10.8, 11.04, 13.5),
            v.between(60, 72),
            struck(46, 70, 44),
            velocity=4,
            rates=3,
            keys=tilt(v, 40),
        ),
        5: Op(8, v.between(60, 72), struck(44, 76, decay + 8), velocity=3, rates=4, keys=register(v)),
        6: Op(
            v.pick(21.6, 25.2), v.between(50, 64), struck(60, 50, 55), velocity=4, rates=4, keys=tilt(v, 40)
        ),
    }
    return Voice(v.pick(25, 26, 31), ops, feedback=v.between(0, 3))


def gong(v: Variation) -> Voice:
    """A gong: it blooms after the stroke as its modulators rise, then darkens for seconds."""
    bloom = Envelope((v.between(38, 48), 25, 22, 28), (99, 90, 30, 0))
    decay = v.between(14, 20)
    ops = {
        1: Op(0.5, 96, struck(28, 92, decay, attack=90, release=26), velocity=2, keys=register(v)),
        2: Op(v.pick(0.71, 0.93, 1.37), v.between(72, 80), bloom, velocity=3),
        3: Op(
            1,
            92,
            struck(28, 92, decay, attack=80, release=26),
            velocity=2,
            detune=v.between(-6, 6),
            keys=register(v),
        ),
        4: Op(v.pick(1.41, 1.68, 2.37), v.between(72, 82), bloom, velocity=3, keys=tilt(v, 40)),
        5: Op(v.pick(2.63, 3.37), v.between(62, 74), bloom, velocity=3, keys=register(v)),
        6: Op(v.pick(4.2, 5.1), v.between(60, 72), bloom, velocity=3, keys=tilt(v, 20)),
    }
    return Voice(v.pick(12, 13), ops, feedback=v.between(3, 6))


ARCHETYPES = (
    Archetype("CHURCHBL", "bell", 6, church),
    Archetype("TUBULAR", "bell", 7, tubular),
    Archetype("GLOCKEN", "small bell", 6, glockenspiel),
    Archetype("CELESTA", "small bell", 5, celesta),
    Archetype("MUSICBOX", "small bell", 4, music_box),
    Archetype("GONG", "bell", 4, gong),
)
