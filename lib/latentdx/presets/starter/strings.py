"""Bowed strings, pads and choirs: a slow attack, movement while they sound, and a slow release."""

from latentdx.presets.starter.voice import (
    Archetype,
    Envelope,
    Lfo,
    Op,
    Variation,
    Voice,
    held,
    register,
    tilt,
)


def ensemble(v: Variation) -> Voice:
    """A string section: saws from feedback, three players apart in tune, the bow heard in a slow attack."""
    attack, bright, spread = v.between(44, 54), v.between(75, 83), v.between(4, 7)
    bow = held(attack, 96, release=v.between(42, 50))
    ops = {
        1: Op(1, 97, bow, velocity=1, detune=-spread, keys=register(v)),
        2: Op(1, bright, held(attack - 2, 95), velocity=2, keys=tilt(v, 20)),
        3: Op(1, 90, bow, velocity=1, detune=spread, keys=register(v)),
        4: Op(1, 89, held(attack - 3, 96, release=45), velocity=1, keys=tilt(v, 24)),
        5: Op(
            v.pick(1, 2),
            86,
            held(attack + 2, 95, release=45),
            velocity=1,
            detune=v.between(-5, 5),
            keys=tilt(v, 24),
        ),
        6: Op(1, bright + v.between(0, 4), held(attack + 3, 96), velocity=2, keys=tilt(v, 20)),
    }
    lfo = Lfo("triangle", v.between(32, 40), v.between(20, 50), pitch=v.between(4, 9), sensitivity=2)
    return Voice(22, ops, feedback=v.between(6, 7), lfo=lfo, key_sync=False)


def two_sections(v: Variation) -> Voice:
    """Violins and violas: two pairs of players, each pair under a saw of its own brightness."""
    attack, bright, spread = v.between(42, 52), v.between(72, 80), v.between(3, 7)
    bow = held(attack, 96, release=v.between(40, 48))
    low = v.pick(1, 0.5)
    ops = {
        1: Op(1, 97, bow, velocity=1, detune=spread, keys=register(v)),
        2: Op(1, 85, bow, velocity=1, detune=-spread),
        3: Op(1, bright, held(attack + 2, 95), velocity=2, keys=tilt(v, 20)),
        4: Op(
            low, 88, held(attack - 3, 96, release=44), velocity=1, detune=v.between(-3, 3), keys=tilt(v, 24)
        ),
        5: Op(v.pick(1, 2), v.between(78, 85), held(attack, 95, release=46), velocity=1, keys=tilt(v, 24)),
        6: Op(low, bright - v.between(2, 8), held(attack - 2, 94), velocity=2),
    }
    lfo = Lfo("triangle", v.between(32, 40), v.between(20, 50), pitch=v.between(4, 9), sensitivity=2)
    return Voice(21, ops, feedback=v.between(5, 7), lfo=lfo, key_sync=False)


def solo(v: Variation) -> Voice:
    """One violin or viola: a nasal spectrum with a formant, vibrato that comes late."""
    attack, bright = v.between(50, 57), v.between(76, 84)
    ops = {
        1: Op(1, 98, held(attack, 95), velocity=2, keys=register(v)),
        2: Op(1, bright, held(attack + 4, 93), velocity=3, keys=tilt(v, 20)),
        3: Op(v.pick(3, 5), v.between(60, 70), held(attack + 4, 90), velocity=3, keys=register(v)),
        4: Op(1, 90, held(attack - 2, 95), velocity=2, detune=v.between(-2, 2), keys=tilt(v, 24)),
        5: Op(v.pick(2, 4), v.between(66, 75), held(attack, 92), velocity=2, keys=tilt(v, 24)),
        6: Op(1, v.between(66, 76), held(attack, 92), velocity=2),
    }
    lfo = Lfo("sine", v.between(33, 39), v.between(55, 72), pitch=v.between(9, 15))
    return Voice(v.pick(3, 4), ops, feedback=v.between(4, 6), lfo=lfo)


def analog_pad(v: Variation) -> Voice:
    """A warm pad: detuned soft saws whose brightness swells and recedes over seconds."""
    attack, spread = v.between(36, 46), v.between(5, 7)
    sweep = Envelope((v.between(26, 34), 20, 20, 40), (99, v.between(80, 88), 84, 0))
    swell = Envelope((attack, 30, 30, v.between(32, 42)), (v.between(82, 95), 99, 97, 0))
    ops = {
        1: Op(1, 97, swell, detune=spread - 4, keys=register(v)),
        2: Op(1, v.between(66, 76), sweep, velocity=1, am=v.between(0, 2)),
        3: Op(1, 87, swell, detune=-spread, keys=register(v)),
        4: Op(v.pick(1, 2), v.between(64, 74), sweep, velocity=1, keys=tilt(v, 24)),
        5: Op(v.pick(0.5, 2), v.between(80, 90), swell, detune=v.between(-4, 4), keys=tilt(v, 24)),
        6: Op(1, v.between(60, 72), sweep, velocity=1),
    }
    lfo = Lfo(
        "triangle",
        v.between(18, 30),
        30,
        pitch=v.between(2, 6),
        amp=v.between(0, 8),
        sensitivity=2,
        sync=False,
    )
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 3), lfo=lfo, key_sync=False)


def choir(v: Variation) -> Voice:
    """Voices: formants from whole-number carriers around the vowel, chorused, with the singers' vibrato."""
    attack = v.between(42, 52)
    sing = held(attack, 96, release=v.between(42, 50))
    formant, spread = v.pick(3, 4), v.between(3, 7)
    ops = {
        1: Op(1, 97, sing, detune=spread // 2, keys=register(v)),
        2: Op(1, v.between(58, 70), held(attack, 94), velocity=2),
        3: Op(1, 87, sing, detune=-spread, keys=register(v)),
        4: Op(2, v.between(54, 64), held(attack - 2, 94), velocity=2, keys=tilt(v, 24)),
        5: Op(
            formant,
            v.between(78, 86),
            held(attack - 3, 95, release=46),
            detune=v.between(-3, 3),
            keys=tilt(v, 24),
        ),
        6: Op(1, v.between(64, 74), held(attack, 94), velocity=2, keys=tilt(v, 30)),
    }
    lfo = Lfo(
        "sine",
        v.between(32, 38),
        v.between(30, 60),
        pitch=v.between(6, 11),
        amp=v.between(0, 5),
        sensitivity=2,
    )
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 4), lfo=lfo, key_sync=False)


def glass_pad(v: Variation) -> Voice:
    """A crystal pad: sines over three octaves that come and go at their own pace, a shimmer on top."""
    release = v.between(32, 40)
    ops = {
        1: Op(1, 96, held(v.between(36, 44), 97, release=release), detune=v.between(-4, 4), keys=register(v)),
        2: Op(1, 86, held(40, 97, release=release), detune=v.between(4, 7)),
        3: Op(
            2, v.between(76, 88), held(v.between(30, 40), 95, release=release), detune=v.between(-5, 5), am=1
        ),
        4: Op(3, v.between(62, 78), held(v.between(28, 36), 94, release=release), am=2, keys=tilt(v, 24)),
        5: Op(
            4, v.between(62, 76), held(34, 94, release=release), detune=v.between(-5, 5), am=v.between(1, 3)
        ),
        6: Op(v.pick(7, 8, 11), v.between(50, 66), held(32, 92, release=release), am=2),
    }
    lfo = Lfo(
        "sine",
        v.between(20, 40),
        v.between(0, 40),
        pitch=v.between(0, 4),
        amp=v.between(20, 45),
        sensitivity=2,
    )
    return Voice(v.pick(31, 32, 30, 25), ops, feedback=v.between(0, 3), lfo=lfo, key_sync=False)


ARCHETYPES = (
    Archetype("STRINGS", "strings", 4, ensemble),
    Archetype("ENSEMBLE", "strings", 4, two_sections),
    Archetype("VIOLIN", "strings", 5, solo),
    Archetype("WARM PAD", "pad", 7, analog_pad),
    Archetype("CHOIR", "choir", 6, choir),
    Archetype("GLASSPAD", "pad", 6, glass_pad),
)
