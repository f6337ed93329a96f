"""Plucked strings: a bright start, which fades faster than the tone."""

from latentdx.presets.starter.voice import (
    Archetype,
    Envelope,
    Lfo,
    Op,
    Variation,
    Voice,
    pitch,
    register,
    struck,
    tilt,
)


def nylon(v: Variation) -> Voice:
    """A classical guitar: soft flesh, a warm body, the wood of the top for a moment."""
    decay, warm = v.between(26, 32), v.between(70, 79)
    ops = {
        1: Op(1, 98, struck(38, 87, decay, release=52), velocity=2, rates=3, keys=register(v)),
        2: Op(1, warm, struck(40, 80, decay + 6), velocity=4, rates=3, keys=tilt(v, 30)),
        3: Op(v.pick(2, 3), v.between(62, 74), struck(48, 70, 42), velocity=4, rates=3, keys=register(v)),
        4: Op(
            1,
            90,
            struck(40, 84, decay + 1, release=52),
            velocity=2,
            rates=3,
            detune=v.between(-2, 2),
            keys=tilt(v, 40),
        ),
        5: Op(v.pick(3, 4), v.between(62, 72), struck(46, 72, 42), velocity=4, rates=3),
        6: Op(v.pick(1, 1.5), v.between(54, 70), struck(58, 50, 52), velocity=5, rates=4, keys=tilt(v, 40)),
    }
    return Voice(v.pick(3, 11), ops, feedback=v.between(0, 5))


def steel(v: Variation) -> Voice:
    """A steel-string or electric guitar: a pick, many harmonics, and two strings' worth of shimmer."""
    decay, bright = v.between(24, 30), v.between(76, 86)
    ops = {
        1: Op(
            1,
            96,
            struck(38, 88, decay, release=55),
            velocity=2,
            rates=3,
            detune=v.between(0, 3),
            keys=register(v),
        ),
        2: Op(v.pick(3, 1, 2), bright, struck(42, 82, decay + 5), velocity=4, rates=3, keys=tilt(v, 35)),
        3: Op(
            1,
            89,
            struck(38, 88, decay, release=55),
            velocity=2,
            rates=3,
            detune=-v.between(0, 3),
            keys=register(v),
        ),
        4: Op(1, bright - 3, struck(40, 82, decay + 5), velocity=4, rates=3, keys=tilt(v, 30)),
        5: Op(v.pick(2, 3), v.between(62, 74), struck(46, 74, 40), velocity=5, rates=3),
        6: Op(v.pick(7, 9, 10), v.between(62, 74), struck(64, 50, 58), velocity=6, rates=4, keys=tilt(v, 40)),
    }
    return Voice(v.pick(1, 2, 7, 9), ops, feedback=v.between(3, 6))


def harp(v: Variation) -> Voice:
    """A concert harp: round, an octave partial, ringing on after the finger has gone."""
    decay = v.between(22, 28)
    ops = {
        1: Op(1, 98, struck(36, 88, decay, release=34), velocity=2, rates=4, keys=register(v)),
        2: Op(v.pick(1, 2), v.between(66, 76), struck(44, 74, 40), velocity=4, rates=4, keys=tilt(v, 20)),
        3: Op(
            2, v.between(72, 84), struck(40, 82, decay + 5, release=36), velocity=2, rates=4, keys=register(v)
        ),
        4: Op(2, v.between(58, 70), struck(48, 66, 44), velocity=5, rates=4, keys=tilt(v, 40)),
        5: Op(
            1,
            v.between(70, 82),
            struck(36, 88, decay - 2, release=34),
            velocity=2,
            rates=3,
            detune=v.between(-3, 3),
        ),
        6: Op(v.pick(3, 4), v.between(54, 66), struck(50, 62, 48), velocity=5, rates=4, keys=tilt(v, 40)),
    }
    return Voice(v.pick(5, 29), ops, feedback=v.between(0, 4))


def koto(v: Variation) -> Voice:
    """Koto and kin: a hard plectrum, a nasal attack, the string's tension heard as a falling pitch."""
    decay, bright = v.between(28, 34), v.between(78, 87)
    ops = {
        1: Op(1, 98, struck(40, 86, decay, release=48), velocity=2, rates=3, keys=register(v)),
        2: Op(
            v.pick(3, 4, 5),
            bright,
            struck(v.between(46, 54), 70, 42),
            velocity=4,
            rates=3,
            keys=tilt(v, 30),
        ),
        3: Op(v.pick(2, 3), v.between(64, 76), struck(50, 68, 45), velocity=4, rates=3, keys=register(v)),
        4: Op(1, v.between(68, 78), struck(44, 76, 38), velocity=3, rates=3, keys=tilt(v, 40)),
        5: Op(v.pick(5, 7), v.between(58, 70), struck(52, 62, 48), velocity=5, rates=4),
        6: Op(v.pick(9, 11), v.between(56, 70), struck(64, 40, 58), velocity=6, rates=5, keys=tilt(v, 40)),
    }
    bend = pitch((99, 70, 95, 50), (0.06, 0, 0, 0))
    return Voice(v.pick(16, 17, 18), ops, feedback=v.between(2, 5), pitch=bend)


def sitar(v: Variation) -> Voice:
    """A string buzzing on its bridge: brightness that opens after the pluck, sympathetic strings behind."""
    decay = v.between(24, 30)
    buzz = Envelope((v.between(50, 60), 30, decay + 4, 50), (95, 99, 30, 0))
    ops = {
        1: Op(1, 98, struck(34, 90, decay, release=46), velocity=2, rates=2, keys=register(v)),
        2: Op(1, v.between(80, 87), buzz, velocity=3, rates=2, keys=tilt(v, 30)),
        3: Op(
            1,
            88,
            struck(34, 90, decay - 1, release=40),
            velocity=1,
            rates=2,
            detune=v.between(3, 6),
            keys=register(v),
        ),
        4: Op(v.pick(3, 5, 7), v.between(72, 82), buzz, velocity=3, rates=2, keys=tilt(v, 40)),
        5: Op(1, v.between(62, 74), struck(46, 74, 38), velocity=4, rates=3),
        6: Op(v.pick(2, 4, 8), v.between(54, 68), struck(60, 50, 54), velocity=5, rates=4, keys=tilt(v, 40)),
    }
    lfo = Lfo("sine", v.between(28, 36), 60, pitch=v.between(4, 9), sensitivity=2)
    return Voice(
        v.pick(7, 8),
        ops,
        feedback=v.between(3, 6),
        lfo=lfo,
        pitch=pitch((90, 60, 95, 50), (0.03, 0, 0, -0.03)),
    )


def pizzicato(v: Variation) -> Voice:
    """A plucked violin section: short, round, more body than string."""
    decay, spread = v.between(37, 43), v.between(2, 6)
    ops = {
        1: Op(
            1,
            98,
            struck(50, 82, decay, attack=92, release=50),
            velocity=2,
            rates=3,
            detune=spread,
            keys=register(v),
        ),
        2: Op(1, v.between(72, 82), struck(54, 66, 50), velocity=4, rates=3, keys=tilt(v, 25)),
        3: Op(
            1,
            89,
            struck(50, 82, decay, attack=88, release=50),
            velocity=2,
            rates=3,
            detune=-spread,
            keys=register(v),
        ),
        4: Op(v.pick(2, 3), v.between(64, 75), struck(56, 60, 52), velocity=4, rates=3, keys=tilt(v, 40)),
        5: Op(v.pick(1, 2), v.between(70, 80), struck(52, 75, decay + 2, attack=90), velocity=2, rates=3),
        6: Op(v.pick(1, 4), v.between(56, 70), struck(60, 50, 56), velocity=5, rates=4, keys=tilt(v, 40)),
    }
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 2))


ARCHETYPES = (
    Archetype("NYLONGTR", "plucked", 6, nylon),
    Archetype("STEELGTR", "plucked", 7, steel),
    Archetype("HARP", "plucked", 5, harp),
    Archetype("KOTO", "plucked", 5, koto),
    Archetype("SITAR", "plucked", 4, sitar),
    Archetype("PIZZ STR", "plucked", 5, pizzicato),
)
