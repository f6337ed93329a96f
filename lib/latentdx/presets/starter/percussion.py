"""Percussion: fixed frequencies and noise from feedback, which end before a held note would."""

from latentdx.presets.starter.voice import ALWAYS, Archetype, Envelope, Op, Variation, Voice, pitch, struck


def kick(v: Variation) -> Voice:
    """A sine that at once falls by an octave and a half or two, and the beater's click."""
    decay = v.between(44, 52)
    ops = {
        1: Op(0.5, 99, struck(46, 90, decay), velocity=2),
        2: Op(0.5, v.between(60, 74), struck(56, 60, 52), velocity=3),
        3: Op(-v.pick(55, 62, 70), v.between(84, 93), struck(48, 86, decay), velocity=2),
        4: Op(-v.pick(80, 110, 140), v.between(66, 80), struck(62, 55, 58), velocity=4),
        5: Op(-v.pick(900, 1500, 2200), v.between(70, 82), struck(74, 40, 70), velocity=5),
        6: Op(-v.pick(2600, 3800), v.between(78, 90), struck(76, 40, 72), velocity=4),
    }
    fall = pitch((99, 99, 80, 50), (-v.pick(0.5, 0.75, 1), -1, -1, v.pick(0.5, 0.75, 1)))
    return Voice(v.pick(5, 7), ops, feedback=v.between(4, 7), pitch=fall)


def tom(v: Variation) -> Voice:
    """A tuned head: the pitch drops as the skin relaxes; a second mode at 1.59, a slap."""
    decay, tune = v.between(40, 46), v.pick(0.5, 0.67, 0.9, 0.75)
    ops = {
        1: Op(tune, 99, struck(42, 88, decay), velocity=2, rates=1),
        2: Op(tune * 1.59, v.between(66, 76), struck(48, 72, 46), velocity=3),
        3: Op(tune * 1.59, v.between(76, 86), struck(48, 78, decay + 4), velocity=3),
        4: Op(tune * 2.3, v.between(64, 76), struck(58, 60, 54), velocity=4),
        5: Op(-v.pick(500, 800, 1200), v.between(72, 82), struck(70, 40, 66), velocity=5),
        6: Op(-v.pick(1700, 2900), v.between(80, 90), struck(72, 40, 66), velocity=4),
    }
    fall = pitch((99, v.between(60, 75), 60, 50), (0.3, -0.1, -0.3, 0.4))
    return Voice(v.pick(5, 8), ops, feedback=v.between(4, 7), pitch=fall)


def snare(v: Variation) -> Voice:
    """A head near 200 Hz and the wires: noise from feedback at its limit."""
    wires = struck(v.between(46, 54), 80, v.between(48, 54))
    ops = {
        1: Op(-v.pick(180, 200, 225), 95, struck(54, 76, 54), velocity=2),
        2: Op(-v.pick(330, 290), v.between(72, 82), struck(60, 60, 58), velocity=3),
        3: Op(-v.pick(1200, 1800, 2600), 96, wires, velocity=2),
        4: Op(-v.pick(3300, 4700, 5800), v.between(88, 97), wires, velocity=2),
        5: Op(-v.pick(630, 870), v.between(86, 96), ALWAYS, velocity=2),
        6: Op(-v.pick(7100, 5200, 8300), 99, ALWAYS),
    }
    return Voice(v.pick(3, 7), ops, feedback=7)


def hihat(v: Variation) -> Voice:
    """Two plates: feedback noise and clashing high fixed frequencies, closed or half open."""
    ring = struck(v.between(50, 62), 72, v.between(46, 62), attack=99)
    ops = {
        1: Op(-v.pick(6300, 7100, 8100), 95, ring, velocity=3),
        2: Op(-v.pick(4700, 5300), 96, ALWAYS, velocity=2),
        3: Op(-v.pick(8900, 9500), 93, ring, velocity=3),
        4: Op(-v.pick(3700, 4100), 97, ring),
        5: Op(-v.pick(2700, 6100), 97, ALWAYS),
        6: Op(-v.pick(7300, 9100), 99, ALWAYS),
    }
    return Voice(v.pick(1, 3), ops, feedback=7)


def cymbal(v: Variation) -> Voice:
    """A crash or ride: the same metal with a long tail that darkens, a bell tone in the ride."""
    decay = v.between(30, 37)
    ring = struck(42, 84, decay, release=34)
    ops = {
        1: Op(-v.pick(3400, 4300, 5200), 95, ring, velocity=2),
        2: Op(-v.pick(2900, 3700), 92, ALWAYS, velocity=2),
        3: Op(-v.pick(5900, 7700), 95, struck(38, 84, decay + 2, release=34), velocity=2),
        4: Op(-v.pick(4900, 6700), 96, ring),
        5: Op(-v.pick(2300, 3100), 96, ALWAYS),
        6: Op(-v.pick(8300, 9300), 99, ALWAYS),
    }
    return Voice(v.pick(1, 3, 7), ops, feedback=7)


def woodblock(v: Variation) -> Voice:
    """A hollow block: one resonance, gone in a fifth of a second, and a duller one beside it."""
    tune, decay = v.pick(700, 850, 1000, 1200, 1500), v.between(60, 67)
    ops = {
        1: Op(-tune, 98, struck(60, 78, decay), velocity=2),
        2: Op(-tune * 1.45, v.between(58, 72), struck(70, 50, 66), velocity=4),
        3: Op(-tune * 2.3, v.between(70, 82), struck(68, 60, 68), velocity=3),
        4: Op(-tune * 0.62, v.between(60, 74), struck(70, 50, 68), velocity=4),
        5: Op(-tune * 0.55, v.between(66, 80), struck(64, 70, 66), velocity=2),
        6: Op(-3000, v.between(70, 84), struck(80, 30, 76), velocity=4),
    }
    return Voice(v.pick(5, 29), ops, feedback=v.between(3, 6))


def cowbell(v: Variation) -> Voice:
    """Two squares a rough fifth apart, a bang, then a short ring."""
    tune, decay = v.pick(500, 540, 590, 640), v.between(44, 50)
    ops = {
        1: Op(-tune, 96, struck(62, 84, decay), velocity=2),
        2: Op(-tune * 2, v.between(74, 82), struck(56, 82, decay), velocity=3),
        3: Op(-tune * v.pick(1.48, 1.5, 1.46), 94, struck(62, 84, decay), velocity=2),
        4: Op(-tune * 2.96, v.between(70, 80), struck(56, 82, decay), velocity=3),
        5: Op(-tune * 3.9, v.between(66, 76), struck(66, 60, 60), velocity=4),
        6: Op(-tune * 5.3, v.between(66, 80), struck(68, 50, 62), velocity=4),
    }
    return Voice(v.pick(5, 6), ops, feedback=v.between(0, 3))


def conga(v: Variation) -> Voice:
    """Hand on skin: a pitched membrane with a small drop, the slap's noise over at once."""
    decay, tune = v.between(46, 52), v.pick(0.75, 0.9, 1, 1.2)
    ops = {
        1: Op(tune, 99, struck(48, 84, decay), velocity=2, rates=2),
        2: Op(tune * 1.59, v.between(64, 76), struck(60, 55, 54), velocity=4),
        3: Op(tune * 2.14, v.between(50, 66), struck(62, 50, 58), velocity=4),
        4: Op(-v.pick(600, 900, 1300), v.between(56, 72), struck(68, 45, 64), velocity=5),
        5: Op(tune * 1.59, v.between(60, 72), struck(58, 60, 54), velocity=3),
        6: Op(-v.pick(2100, 3400), v.between(70, 84), struck(74, 40, 70), velocity=5),
    }
    return Voice(
        v.pick(10, 11, 17, 18), ops, feedback=v.between(3, 6), pitch=pitch((99, 80, 60, 50), (0.1, 0, 0, 0.2))
    )


def shaker(v: Variation) -> Voice:
    """Beads in a shell: a soft-edged burst of high noise."""
    burst = Envelope((v.between(66, 76), v.between(58, 66), 55, 60), (99, 70, 0, 0))
    ops = {
        1: Op(-v.pick(5200, 6400, 7600), 98, burst, velocity=3),
        2: Op(-v.pick(8200, 9400), 97, ALWAYS),
        3: Op(-v.pick(3900, 6900), 97, ALWAYS),
        4: Op(-v.pick(5900, 8800), 97, ALWAYS),
        5: Op(-v.pick(4700, 7900), 97, ALWAYS),
        6: Op(-v.pick(9100, 6600), 99, ALWAYS),
    }
    return Voice(v.pick(16, 17), ops, feedback=7)


ARCHETYPES = (
    Archetype("KICK", "drum", 5, kick),
    Archetype("TOM", "drum", 4, tom),
    Archetype("SNARE", "noise drum", 5, snare),
    Archetype("HI-HAT", "noise drum", 4, hihat),
    Archetype("CYMBAL", "cymbal", 3, cymbal),
    Archetype("WOODBLCK", "drum", 3, woodblock),
    Archetype("COWBELL", "drum", 3, cowbell),
    Archetype("CONGA", "drum", 3, conga),
    Archetype("SHAKER", "noise drum", 2, shaker),
)
