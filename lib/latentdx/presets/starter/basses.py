"""Basses: the fundamental an octave below the key (ratio 0.5, or transposed), dark, short or growling."""

from latentdx.presets.starter.voice import (
    Archetype,
    Envelope,
    Lfo,
    Op,
    Variation,
    Voice,
    held,
    register,
    struck,
    tilt,
)


def fm_bass(v: Variation) -> Voice:
    """The punchy one: a deep modulator that closes fast, a loop of feedback for the growl."""
    decay, growl = v.between(28, 36), v.between(78, 88)
    ops = {
        1: Op(0.5, 99, struck(36, 90, decay, release=70), velocity=2, rates=1, keys=register(v, 48, 67)),
        2: Op(
            0.5,
            growl,
            struck(v.between(40, 52), 76, decay + 6),
            velocity=5,
            rates=1,
            keys=tilt(v, 30),
        ),
        3: Op(
            v.pick(1, 1.5, 2),
            v.between(66, 80),
            struck(48, 65, 42),
            velocity=6,
            rates=2,
            keys=register(v, 48, 67),
        ),
        4: Op(0.5, v.between(66, 78), struck(45, 74, 38), velocity=3, rates=1, keys=tilt(v, 40)),
        5: Op(v.pick(0.5, 1), v.between(64, 76), struck(45, 70, 40), velocity=4, detune=v.between(-3, 3)),
        6: Op(
            v.pick(2.5, 3, 4.5), v.between(54, 70), struck(60, 50, 50), velocity=6, rates=3, keys=tilt(v, 40)
        ),
    }
    return Voice(v.pick(16, 17), ops, feedback=v.between(2, 6))


def slap_bass(v: Variation) -> Voice:
    """Thumb on string: a click high above, a bright snap that closes at once, a round body."""
    decay = v.between(28, 34)
    ops = {
        1: Op(0.5, 99, struck(34, 90, decay, release=68), velocity=2, rates=1, keys=register(v, 48, 67)),
        2: Op(0.5, v.between(72, 80), struck(38, 80, decay + 5), velocity=3, rates=1),
        3: Op(0.5, 92, struck(45, 78, decay + 6, release=70), velocity=4, rates=2, keys=register(v, 48, 67)),
        4: Op(
            v.pick(2, 3),
            v.between(76, 86),
            struck(v.between(50, 58), 62, 45),
            velocity=6,
            rates=2,
            keys=tilt(v, 40),
        ),
        5: Op(v.pick(4.5, 5.5, 7), v.between(70, 80), struck(62, 50, 55), velocity=6, rates=3),
        6: Op(v.pick(1, 2.5), v.between(60, 76), struck(66, 40, 60), velocity=5, rates=3, keys=tilt(v, 40)),
    }
    return Voice(v.pick(7, 9), ops, feedback=v.between(2, 6))


def finger_bass(v: Variation) -> Voice:
    """Fingers on a string: little above the third harmonic, a soft edge, a long even decay."""
    decay, attack = v.between(24, 30), v.between(78, 99)
    ops = {
        1: Op(
            0.5,
            99,
            struck(32, 92, decay, attack=attack, release=64),
            velocity=2,
            rates=1,
            keys=register(v, 48, 67),
        ),
        2: Op(0.5, v.between(70, 79), struck(38, 84, decay + 4), velocity=4, keys=tilt(v, 25)),
        3: Op(1, v.between(52, 66), struck(46, 75, 38), velocity=4, rates=1, keys=register(v, 48, 67)),
        4: Op(
            1,
            v.between(68, 80),
            struck(36, 86, decay + 6, attack=attack),
            velocity=2,
            rates=1,
            keys=tilt(v, 40),
        ),
        5: Op(0.5, v.between(58, 70), struck(42, 75, 38), velocity=3),
        6: Op(v.pick(3, 4, 5), v.between(48, 62), struck(62, 45, 55), velocity=6, rates=3, keys=tilt(v, 40)),
    }
    return Voice(v.pick(11, 10), ops, feedback=v.between(0, 4))


def sub_bass(v: Variation) -> Voice:
    """Almost a sine, an octave down and held, with a touch of the second harmonic to be heard by small
    speakers.
    """
    release = v.between(55, 70)
    body = held(v.between(72, 95), v.between(92, 99), release=release)
    ops = {
        1: Op(0.5, 99, body, velocity=1, keys=register(v, 48, 67)),
        2: Op(0.5, v.between(50, 66), struck(40, 80, 30, end=70), velocity=3),
        3: Op(1, v.between(62, 78), body, velocity=2, detune=v.between(-3, 3), keys=register(v, 48, 67)),
        4: Op(1.5, v.between(40, 58), struck(45, 70, 40), velocity=3, keys=tilt(v, 40)),
        5: Op(0.5, v.between(80, 90), body, velocity=1, detune=v.between(-2, 2)),
        6: Op(0.5, v.between(45, 60), struck(48, 75, 36), velocity=4, keys=tilt(v, 40)),
    }
    return Voice(v.pick(5, 29), ops, feedback=v.between(0, 3))


def synth_bass(v: Variation) -> Voice:
    """A saw through a closing filter: self-modulation makes the saw, two modulators in a row make the filter.

    It is written at pitch and transposed an octave down, as in many cartridges.
    """
    close, sustain = v.between(36, 50), v.between(80, 92)
    filtered = Envelope((99, close, 30, 60), (99, v.between(70, 82), 66, 0))
    ops = {
        1: Op(1, 97, held(95, sustain, decay=40, release=68), velocity=1, keys=register(v, 48, 67)),
        2: Op(1, v.between(80, 88), filtered, velocity=4, keys=tilt(v, 25)),
        3: Op(
            1,
            87,
            held(95, sustain, decay=40, release=68),
            velocity=1,
            detune=v.between(3, 7),
            keys=register(v, 48, 67),
        ),
        4: Op(1, v.between(76, 84), filtered, velocity=4, keys=tilt(v, 40)),
        5: Op(v.pick(1, 2), v.between(60, 76), struck(close + 4, 66, 36, end=40), velocity=5),
        6: Op(v.pick(1, 3), v.between(64, 78), struck(close, 70, 36, end=40), velocity=3, keys=tilt(v, 40)),
    }
    lfo = Lfo("triangle", v.between(30, 45), 60, pitch=v.between(0, 5), sensitivity=2)
    return Voice(v.pick(1, 2), ops, feedback=v.between(5, 7), lfo=lfo, octave=-1)


ARCHETYPES = (
    Archetype("FM BASS", "bass", 8, fm_bass),
    Archetype("SLAPBASS", "bass", 6, slap_bass),
    Archetype("FNGRBASS", "bass", 6, finger_bass),
    Archetype("SUB BASS", "bass", 6, sub_bass),
    Archetype("SYN BASS", "bass", 6, synth_bass),
)
