"""Electric pianos: a bar or reed near a pickup, a body that decays and a bright start that decays faster."""

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


def tine(v: Variation) -> Voice:
    """The tine: pairs of body (1:1) and one pair whose modulator rings high (14:1) for an instant."""
    decay, body = v.between(22, 30), v.between(68, 80)
    high, detune = v.pick(14, 12, 13, 15, 16), v.between(2, 6)
    darker = tilt(v, 40)
    ops = {
        1: Op(1, 89, struck(35, 88, decay), velocity=2, rates=3, detune=detune, keys=register(v)),
        2: Op(high, v.between(58, 74), struck(v.between(46, 56), 72, 42), velocity=6, rates=3, keys=darker),
        3: Op(1, 98, struck(30, 92, decay), velocity=2, rates=2, keys=register(v)),
        4: Op(1, body, struck(32, 85, decay + 2), velocity=v.between(4, 6), rates=2, keys=darker),
        5: Op(1, 86, struck(30, 92, decay + 1), velocity=2, rates=2, detune=-detune, keys=register(v)),
        6: Op(1, body - v.between(2, 10), struck(35, 82, decay + 3), velocity=5, rates=2, keys=darker),
    }
    return Voice(5, ops, feedback=v.between(3, 6))


def reed(v: Variation) -> Voice:
    """The reed: odd harmonics from a 2:1 modulator that barks with velocity, and the tremolo of its
    amplifier.
    """
    decay, bark = v.between(28, 36), v.between(72, 83)
    trem = v.between(1, 2)
    ops = {
        1: Op(1, 99, struck(38, 86, decay), velocity=3, rates=3, am=trem, keys=register(v)),
        2: Op(2, bark, struck(42, 78, decay + 6), velocity=7, rates=2, keys=tilt(v, 25)),
        3: Op(
            1,
            92,
            struck(35, 86, decay),
            velocity=2,
            rates=3,
            am=trem,
            detune=v.between(-3, 3),
            keys=register(v),
        ),
        4: Op(1, bark - 8, struck(40, 80, decay + 4), velocity=4, rates=2, keys=tilt(v, 40)),
        5: Op(3, v.between(56, 74), struck(45, 70, 40), velocity=5, rates=4, keys=register(v)),
        6: Op(v.pick(5, 7, 9), v.between(55, 70), struck(55, 50, 50), velocity=6, rates=4, keys=tilt(v, 40)),
    }
    lfo = Lfo("sine", v.between(28, 42), v.between(0, 20), amp=v.between(25, 60))
    return Voice(v.pick(5, 6), ops, feedback=v.between(1, 3), lfo=lfo)


def digital(v: Variation) -> Voice:
    """The glassy ballad piano: one bright modulator for three detuned carriers, a separate thump below."""
    decay, spread = v.between(22, 29), v.between(2, 7)
    ops = {
        1: Op(1, 98, struck(35, 90, decay), velocity=2, rates=3, keys=register(v)),
        2: Op(v.pick(1, 2), v.between(65, 77), struck(38, 80, decay + 5), velocity=4, rates=3),
        3: Op(1, 83, struck(30, 90, decay), velocity=2, rates=2, detune=spread, keys=register(v)),
        4: Op(1, 81, struck(30, 90, decay), velocity=2, rates=2, detune=-spread, keys=tilt(v, 40)),
        5: Op(v.pick(2, 4), 84, struck(40, 82, decay + 6), velocity=3, rates=3, keys=register(v)),
        6: Op(v.pick(3, 7, 11), v.between(54, 68), struck(50, 68, 45), velocity=6, rates=4, keys=tilt(v, 40)),
    }
    return Voice(
        22, ops, feedback=v.between(0, 4), lfo=Lfo("sine", 30, 40, pitch=v.between(2, 6), sensitivity=2)
    )


def additive(v: Variation) -> Voice:
    """Built from partials: soft sines at 1, 2 and 4, and one struck pair for the attack."""
    decay = v.between(24, 32)
    ops = {
        1: Op(1, 99, struck(30, 92, decay), velocity=2, rates=3, keys=register(v)),
        2: Op(2, v.between(78, 88), struck(34, 86, decay + 3), velocity=2, rates=3, detune=v.between(-4, 4)),
        3: Op(4, v.between(66, 78), struck(38, 80, decay + 6), velocity=3, rates=3, keys=register(v)),
        4: Op(6, v.between(52, 68), struck(42, 75, decay + 10), velocity=4, rates=4, keys=tilt(v, 40)),
        5: Op(
            1, 88, struck(45, 75, decay + 4), velocity=3, rates=3, detune=v.between(-6, 6), keys=register(v)
        ),
        6: Op(
            v.pick(7, 11, 14), v.between(58, 72), struck(52, 60, 48), velocity=6, rates=4, keys=tilt(v, 40)
        ),
    }
    return Voice(v.pick(31, 31, 29), ops, feedback=v.between(0, 3))


def chorus(v: Variation) -> Voice:
    """Three detuned body pairs and a slow vibrato: the stage piano through a chorus pedal."""
    decay, body, spread = v.between(22, 28), v.between(64, 76), v.between(5, 7)
    modulator = Envelope((99, 30, decay + 2, 50), (99, 86, 40, 0))
    ops = {
        1: Op(1, 98, struck(30, 90, decay), velocity=2, rates=2, keys=register(v)),
        2: Op(1, body, modulator, velocity=5, rates=2),
        3: Op(1, 85, struck(30, 90, decay), velocity=2, rates=2, detune=spread, keys=register(v)),
        4: Op(v.pick(1, 3), body - 6, modulator, velocity=5, rates=2, keys=tilt(v, 40)),
        5: Op(1, 82, struck(30, 90, decay), velocity=2, rates=2, detune=-spread, keys=register(v)),
        6: Op(v.pick(1, 2, 9), body - 10, struck(40, 75, 38), velocity=6, rates=3, keys=tilt(v, 40)),
    }
    lfo = Lfo("triangle", v.between(20, 35), v.between(0, 40), pitch=v.between(4, 10), amp=v.between(0, 10))
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 2), lfo=lfo)


ARCHETYPES = (
    Archetype("TINE EP", "electric piano", 9, tine),
    Archetype("REED EP", "electric piano", 7, reed),
    Archetype("DIGI EP", "electric piano", 6, digital),
    Archetype("SOFT EP", "electric piano", 5, additive),
    Archetype("CHOR EP", "electric piano", 5, chorus),
)
