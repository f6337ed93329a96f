"""Effects: the pitch envelope, the LFO or noise moves, not a melody."""

from latentdx.presets.starter.voice import (
    ALWAYS,
    Archetype,
    Envelope,
    Lfo,
    Op,
    Variation,
    Voice,
    held,
    struck,
)


def laser(v: Variation) -> Voice:
    """A buzzing tone that falls some three octaves in less than a second, beside its detuned twin."""
    decay = v.between(34, 42)
    ops = {
        1: Op(v.pick(1, 2), 98, struck(32, 92, decay), velocity=2),
        2: Op(v.pick(0.5, 1, 3), v.between(66, 80), struck(36, 88, decay), velocity=3),
        3: Op(v.pick(1, 2), 88, struck(34, 90, decay), velocity=2, detune=v.between(-7, 7)),
        4: Op(v.pick(1, 1.41), v.between(60, 76), struck(36, 86, decay), velocity=3),
        5: Op(v.pick(1, 3), v.between(56, 70), struck(40, 84, decay), velocity=3),
        6: Op(v.pick(1, 5), v.between(56, 70), struck(44, 80, decay), velocity=3),
    }
    start = v.between(86, 93)  # 1 to 2 octaves above the key
    fall = Envelope((99, v.between(66, 90), 60, 60), (start, v.between(8, 14), 6, start))
    return Voice(v.pick(5, 7, 9), ops, feedback=v.between(0, 5), pitch=fall)


def siren(v: Variation) -> Voice:
    """A slow triangle or square LFO swings the pitch; two horns apart in tune."""
    on = held(v.between(55, 75), 97)
    ops = {
        1: Op(v.pick(1, 2), 96, on),
        2: Op(1, v.between(72, 82), on, velocity=2),
        3: Op(1, 92, on, detune=v.between(3, 7)),
        4: Op(v.pick(1, 2), v.between(70, 80), on, velocity=2),
        5: Op(2, v.between(66, 80), on, detune=v.between(-7, -2)),
        6: Op(v.pick(1, 3), v.between(62, 76), on),
    }
    lfo = Lfo(
        v.pick("triangle", "square", "sine"),
        v.between(4, 22),
        0,
        pitch=v.between(50, 99),
        sensitivity=v.between(5, 6),
    )
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 3), lfo=lfo)


def wind(v: Variation) -> Voice:
    """Noise around a whistle: slow oscillators modulate each other until no period is left; it gusts,
    and does not quite die.
    """
    gust = Envelope(
        (v.between(28, 36), v.between(24, 32), 25, 38), (99, v.between(80, 90), 97, v.between(0, 50))
    )
    whistle = v.pick(320, 410, 530, 690)
    ops = {
        1: Op(-whistle, 97, gust, am=v.between(1, 2)),
        2: Op(-v.pick(19, 27, 35), v.between(84, 91), ALWAYS),
        3: Op(-v.pick(41, 57, 73), v.between(82, 88), ALWAYS),
        4: Op(-whistle * v.pick(1.9, 2.3), v.between(80, 90), gust, am=v.between(1, 3)),
        5: Op(-v.pick(23, 33, 47), v.between(86, 93), ALWAYS),
        6: Op(-v.pick(61, 83, 107), v.between(80, 88), ALWAYS),
    }
    lfo = Lfo("sine", v.between(6, 18), 0, amp=v.between(40, 80), sync=False)
    return Voice(3, ops, feedback=v.between(0, 3), lfo=lfo)


def computer(v: Variation) -> Voice:
    """Sample and hold on the pitch: the thinking machine."""
    blip = held(90, v.between(88, 97))
    ops = {
        1: Op(v.pick(1, 2, 4), 96, blip),
        2: Op(v.pick(1, 2, 3), v.between(60, 78), blip, velocity=2),
        3: Op(v.pick(2, 4, 6), v.between(78, 90), blip, am=v.between(0, 2)),
        4: Op(v.pick(1, 5), v.between(50, 70), blip),
        5: Op(v.pick(4, 8), v.between(60, 80), blip, am=3),
        6: Op(v.pick(1, 2), v.between(50, 70), blip),
    }
    lfo = Lfo(
        "sample & hold",
        v.between(45, 72),
        0,
        pitch=v.between(70, 99),
        amp=v.between(0, 40),
        sensitivity=v.between(6, 7),
    )
    return Voice(v.pick(5, 29, 32), ops, feedback=v.between(0, 3), lfo=lfo)


def drop(v: Variation) -> Voice:
    """A drop of water: a sine that bends up as it vanishes, again and again."""
    decay = v.between(40, 48)
    ops = {
        1: Op(v.pick(2, 3, 4), 98, struck(44, 84, decay), velocity=2),
        2: Op(v.pick(1, 2), v.between(40, 58), struck(50, 70, decay), velocity=3),
        3: Op(v.pick(2.5, 3, 5), v.between(70, 84), struck(46, 82, decay + 3), velocity=2, am=3),
        4: Op(1, v.between(40, 56), struck(50, 70, decay), velocity=3),
    }
    rise = Envelope((99, v.between(72, 88), 70, 60), (v.between(24, 34), v.between(80, 90), 88, 30))
    return Voice(v.pick(5, 7), ops, pitch=rise, lfo=Lfo("saw up", v.between(50, 66), 0, amp=v.between(0, 60)))


def sweep(v: Variation) -> Voice:
    """A riser or a faller: pitch and brightness climb for seconds while the key is down."""
    up = v.pick(True, False)
    far = v.between(84, 96) if up else v.between(4, 16)
    opening = Envelope((v.between(12, 22), 30, 30, 45), (99, 96, 94, 0))
    ops = {
        1: Op(1, 95, held(62, 97, release=45), detune=v.between(2, 7)),
        2: Op(v.pick(1, 2), v.between(76, 86), opening, velocity=2),
        3: Op(1, 86, held(62, 97, release=45), detune=v.between(-7, -2)),
        4: Op(v.pick(1, 3), v.between(72, 82), opening, velocity=2),
        5: Op(2, v.between(70, 84), held(50, 95, release=45)),
        6: Op(1, v.between(66, 80), opening, velocity=2),
    }
    move = Envelope((v.between(14, 34), 50, 50, 60), (far, far, far, 50))
    return Voice(
        v.pick(5, 6),
        ops,
        feedback=v.between(0, 3),
        pitch=move,
        lfo=Lfo("triangle", 50, 40, pitch=v.between(0, 12)),
    )


def helicopter(v: Variation) -> Voice:
    """Blades: a low rumble without a period, chopped by the LFO; the turbine's whine behind."""
    on = held(v.between(50, 70), 97, release=46)
    ops = {
        1: Op(-v.pick(70, 95, 120), 98, on, am=3),
        2: Op(-v.pick(23, 31, 43), v.between(86, 93), ALWAYS),
        3: Op(-v.pick(57, 71, 89), v.between(80, 88), ALWAYS),
        4: Op(-v.pick(640, 850, 1100), v.between(68, 76), on, am=1),
        5: Op(-v.pick(29, 37), v.between(76, 88), ALWAYS),
        6: Op(-v.pick(310, 430), v.between(76, 86), ALWAYS),
    }
    lfo = Lfo(v.pick("saw down", "square", "saw up"), v.between(52, 64), 0, amp=v.between(80, 99))
    return Voice(v.pick(10, 11), ops, feedback=v.between(2, 5), lfo=lfo)


def alarm(v: Variation) -> Voice:
    """A square LFO switches a shrill tone on and off, or between two pitches."""
    on = held(90, 98, release=72)
    two_tone = v.pick(True, False)
    ops = {
        1: Op(v.pick(2, 3, 4), 96, on, am=3),
        2: Op(v.pick(2, 4), v.between(68, 80), on),
        3: Op(v.pick(4, 6), v.between(78, 88), on, am=3),
        4: Op(2, v.between(60, 76), on),
        5: Op(v.pick(2, 5), v.between(70, 84), on, am=3, detune=v.between(-7, 7)),
        6: Op(v.pick(1, 2), v.between(60, 74), on),
    }
    depth, amp = (v.between(40, 80), 0) if two_tone else (0, v.between(80, 99))
    lfo = Lfo("square", v.between(32, 56), 0, pitch=depth, amp=amp, sensitivity=5)
    return Voice(v.pick(5, 19, 28), ops, feedback=v.between(0, 4), lfo=lfo)


ARCHETYPES = (
    Archetype("LASER", "effect", 5, laser),
    Archetype("SIREN", "effect", 4, siren),
    Archetype("WIND", "effect", 4, wind),
    Archetype("COMPUTER", "effect", 5, computer),
    Archetype("DROP", "effect", 3, drop),
    Archetype("SWEEP", "effect", 4, sweep),
    Archetype("COPTER", "effect", 4, helicopter),
    Archetype("ALARM", "effect", 3, alarm),
)
