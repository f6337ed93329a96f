"""Mallets (bars, tongues, pans): a nearly pure tone, one tuned overtone, and the knock of the mallet."""

from latentdx.presets.starter.voice import Archetype, Lfo, Op, Variation, Voice, pitch, register, struck, tilt


def marimba(v: Variation) -> Voice:
    """Rosewood over tubes: the fundamental, its fourth harmonic for a tenth of a second, a soft knock."""
    decay = v.between(36, 43)
    ops = {
        1: Op(1, 99, struck(46, 85, decay, release=50), velocity=2, rates=4, keys=register(v)),
        2: Op(v.pick(1, 4), v.between(52, 66), struck(54, 60, 52), velocity=5, rates=4),
        3: Op(4, v.between(74, 84), struck(54, 70, 52), velocity=3, rates=5, keys=tilt(v, 25)),
        4: Op(v.pick(2.5, 3.5), v.between(48, 62), struck(66, 40, 60), velocity=6, rates=4, keys=tilt(v, 40)),
        5: Op(1, v.between(76, 88), struck(52, 70, decay + 4), velocity=3, rates=4, keys=register(v)),
        6: Op(
            v.pick(2.41, 3.76, 5.4),
            v.between(60, 74),
            struck(70, 40, 66),
            velocity=6,
            rates=3,
            keys=tilt(v, 40),
        ),
    }
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 3))


def vibraphone(v: Variation) -> Voice:
    """Metal bars and turning fans: pure, long, the fourth harmonic above, a tremolo."""
    decay, trem = v.between(23, 29), v.between(2, 3)
    bar = struck(34, 90, decay, release=44)
    ops = {
        1: Op(1, 98, bar, velocity=2, rates=3, am=trem, keys=register(v)),
        2: Op(1, v.between(82, 88), bar, velocity=2, rates=3, am=trem, detune=v.between(-2, 2)),
        3: Op(v.pick(4, 10), v.between(44, 60), struck(46, 70, 42), velocity=5, rates=3, keys=register(v)),
        4: Op(
            4,
            v.between(68, 78),
            struck(40, 80, decay + 8, release=46),
            velocity=3,
            rates=4,
            am=trem,
            keys=tilt(v, 40),
        ),
        5: Op(1, v.between(74, 84), struck(44, 76, decay + 4), velocity=3, rates=3, keys=register(v)),
        6: Op(
            v.pick(10, 9.8, 13.5),
            v.between(48, 62),
            struck(60, 50, 56),
            velocity=6,
            rates=4,
            keys=tilt(v, 40),
        ),
    }
    lfo = Lfo("sine", v.between(26, 40), v.between(0, 25), amp=v.between(30, 65))
    return Voice(v.pick(21, 23, 24, 25), ops, feedback=v.between(0, 2), lfo=lfo)


def xylophone(v: Variation) -> Voice:
    """Hard mallets on short bars: an octave up, the twelfth above it, dry."""
    decay = v.between(41, 47)
    ops = {
        1: Op(2, 98, struck(50, 82, decay, release=52), velocity=2, rates=3, keys=register(v)),
        2: Op(v.pick(6, 3), v.between(54, 66), struck(58, 60, 54), velocity=5, rates=4),
        3: Op(6, v.between(76, 86), struck(54, 74, decay + 4), velocity=3, rates=4, keys=register(v)),
        4: Op(v.pick(5.4, 7.1), v.between(56, 68), struck(64, 45, 60), velocity=6, rates=4, keys=tilt(v, 40)),
        5: Op(
            2,
            v.between(74, 86),
            struck(54, 70, decay + 4),
            velocity=3,
            rates=4,
            detune=v.between(-3, 3),
            keys=register(v),
        ),
        6: Op(
            v.pick(3.42, 6.84, 10.2),
            v.between(66, 78),
            struck(70, 40, 66),
            velocity=6,
            rates=4,
            keys=tilt(v, 40),
        ),
    }
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 5))


def kalimba(v: Variation) -> Voice:
    """Thumb piano: a tongue with a high inharmonic ping (6.3), wood around it."""
    decay = v.between(32, 38)
    ops = {
        1: Op(1, 99, struck(42, 86, decay, release=46), velocity=2, rates=3, keys=register(v)),
        2: Op(v.pick(1, 2), v.between(50, 64), struck(48, 70, 46), velocity=4, rates=3),
        3: Op(6.3, v.between(60, 72), struck(52, 72, 52), velocity=4, rates=4, keys=register(v)),
        4: Op(v.pick(5.4, 1.5), v.between(40, 60), struck(60, 50, 58), velocity=5, rates=4, keys=tilt(v, 40)),
        5: Op(
            1,
            v.between(70, 82),
            struck(44, 82, decay + 2),
            velocity=2,
            rates=3,
            detune=v.between(-3, 3),
            keys=register(v),
        ),
        6: Op(v.pick(3.4, 8.1), v.between(52, 66), struck(62, 45, 60), velocity=6, rates=4, keys=tilt(v, 40)),
    }
    return Voice(v.pick(5, 29, 26, 27), ops, feedback=v.between(0, 4))


def steel_drum(v: Variation) -> Voice:
    """A pan: octave and twelfth swelling just after the stroke, the pitch settling."""
    decay = v.between(32, 38)
    ops = {
        1: Op(1, 98, struck(40, 86, decay, release=46), velocity=2, rates=3, keys=register(v)),
        2: Op(v.pick(1, 2), v.between(70, 78), struck(44, 78, decay + 4, attack=72), velocity=4, rates=3),
        3: Op(
            2,
            v.between(82, 91),
            struck(42, 84, decay + 3, attack=72),
            velocity=2,
            rates=3,
            detune=v.between(-3, 3),
        ),
        4: Op(v.pick(1.5, 2), v.between(58, 70), struck(50, 68, 46), velocity=4, rates=3, keys=tilt(v, 40)),
        5: Op(
            3, v.between(66, 78), struck(46, 78, decay + 6, attack=70), velocity=3, rates=3, keys=register(v)
        ),
        6: Op(v.pick(3.2, 5.4), v.between(54, 68), struck(58, 55, 52), velocity=5, rates=4, keys=tilt(v, 40)),
    }
    return Voice(
        v.pick(5, 6),
        ops,
        feedback=v.between(0, 2),
        lfo=Lfo("sine", 33, 30, amp=4),
        pitch=pitch((99, 85, 95, 50), (0.06, 0, 0, 0)),
    )


ARCHETYPES = (
    Archetype("MARIMBA", "mallet", 8, marimba),
    Archetype("VIBES", "mallet", 8, vibraphone),
    Archetype("XYLOPHON", "mallet", 6, xylophone),
    Archetype("KALIMBA", "mallet", 6, kalimba),
    Archetype("STEELPAN", "mallet", 4, steel_drum),
)
