"""Where a key was let go, on made-up envelopes and on renders of which it is known."""

import numpy as np
import pytest

from latentdx import Engine
from latentdx.audio.envelope import Ending, note_envelope
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.presets import corpora


def tone(*points: tuple[float, float]) -> np.ndarray:
    """Return a tone whose level in dB goes straight from point (seconds, dB) to point."""
    times, levels = zip(*points, strict=True)
    t = np.arange(round(times[-1] * SAMPLE_RATE)) / SAMPLE_RATE
    return (np.sin(2 * np.pi * 330 * t) * 10 ** (np.interp(t, times, levels) / 20)).astype(np.float32)


@pytest.mark.parametrize("off", [0.3, 1.0, 2.7])
@pytest.mark.parametrize("decay", [0.0, 9.0])
@pytest.mark.parametrize("release", [60.0, 300.0])
def test_a_release_is_found_after_a_sustain_or_a_decay(off: float, decay: float, release: float) -> None:
    there = -6 - decay * off
    sound = tone((0, -30), (0.02, -6), (off, there), (off + 70 / release, there - 70), (4, -120))
    found = note_envelope(sound)
    assert found.ending is Ending.RELEASED and found.note_off == pytest.approx(off, abs=0.03)
    assert found.decay == pytest.approx(decay, abs=2) and found.release == pytest.approx(release, rel=0.15)
    assert found.end == pytest.approx(off + 50 / release - decay * off / release, abs=0.1)


def test_a_recording_that_stops_while_it_sounds_is_cut() -> None:
    found = note_envelope(tone((0, -60), (1.5, -6), (4, -10)))
    assert found.ending is Ending.CUT and found.note_off is None
    assert found.attack == pytest.approx(1.42, abs=0.1) and found.decay == pytest.approx(1.6, abs=0.3)


def test_a_plucked_note_fades_and_has_no_note_off() -> None:
    found = note_envelope(tone((0, -6), (2, -80), (3, -120)))
    assert found.ending is Ending.FADED and found.note_off is None and np.isnan(found.release)
    assert found.decay == pytest.approx(37, abs=2) and found.end == pytest.approx(50 / 37, abs=0.1)


def test_a_second_stage_that_falls_more_slowly_is_no_release() -> None:
    assert note_envelope(tone((0, -6), (0.5, -26), (4, -46))).note_off is None


def test_noise_below_a_note_does_not_hide_its_release() -> None:
    sound = tone((0, -6), (1, -6), (1.2, -90), (3, -120))
    noisy = sound + np.random.default_rng(0).normal(0, 10 ** (-50 / 20), len(sound)).astype(np.float32)
    assert note_envelope(noisy).note_off == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("n", [1, 100, 700])
def test_the_shortest_sounds_have_an_envelope(n: int) -> None:
    assert note_envelope(np.ones(n, np.float32)).note_off is None


def test_renders_are_let_go_where_they_were() -> None:
    """Where the note-off can be heard, it is mostly found, to 50 ms; a held note seldom seems to have one."""
    rng, engine = np.random.default_rng(0), Engine()
    audible, errors, false = 0, [], 0
    for preset in corpora.read("starter")[::3]:
        hold, note = float(rng.uniform(0.3, 2.8)), int(rng.integers(40, 80))
        let_go, held = (engine.render(preset, note, hold=h, n_samples=110_000)[:88_576] for h in (hold, 10.0))
        false += note_envelope(held).note_off is not None
        after = slice(round(hold * SAMPLE_RATE), round(hold * SAMPLE_RATE) + 11_025)
        before = np.sqrt(np.mean(let_go[after.start - 512 : after.start] ** 2))
        softer = np.sqrt(np.mean(let_go[after] ** 2)) < np.sqrt(np.mean(held[after] ** 2)) / 3
        if softer and before > np.abs(let_go).max() / 50:
            audible += 1
            found = note_envelope(let_go).note_off
            errors += [] if found is None else [abs(found - hold)]
    assert audible > 40
    assert len(errors) > 0.7 * audible and np.mean(np.array(errors) < 0.05) > 0.8
    assert false < 0.15 * 128
