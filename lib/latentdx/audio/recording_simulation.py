"""Simulated recordings: renders with a random level, equalizer, drive, room and noise for each preset.

A model that has only heard the synth's own output has never heard a room. `SimulatedRecording` is a
renderer, so stores of such sounds are made, resumed and checked like all others.
"""

import hashlib

import numpy as np
import numpy.typing as npt
import pedalboard

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import HOLD, N_SAMPLES, Renderer, fade_out
from latentdx.presets.bank import Preset

VERSION = 1
"""Version of the effect chain; part of the engine's name, so that stores of another chain are refused."""


class SimulatedRecording:
    """Renderer that sends the output of another renderer through a random effect chain.

    The chain depends only on the preset, note, velocity and seed. It consists of:

    - a level change, two shelving filters and a peak filter, each by up to 6 dB up or down;
    - in a third of the cases, up to 12 dB of drive;
    - in half of the cases, a reverb whose wet part is at most a third;
    - white noise 40 to 80 dB below the peak.

    Args:
        renderer: Renderer of the dry sound; default `Engine()`.
        seed: Random seed; another seed gives each preset another chain.
    """

    def __init__(self, renderer: Renderer | None = None, seed: int = 0) -> None:
        self.renderer = renderer or Engine()
        self.sample_rate = self.renderer.sample_rate
        self.seed = seed

    @property
    def engine(self) -> str:
        """Name and version of the renderer and of the chain, with the seed."""
        return f"{self.renderer.engine}, recorded (chain {VERSION}, seed {self.seed})"

    def render(
        self,
        preset: Preset,
        note: int = 60,
        velocity: int = 85,
        *,
        hold: float = HOLD,
        n_samples: int = N_SAMPLES,
    ) -> npt.NDArray[np.float32]:
        """Render one note as if it had been recorded; silence stays silent.

        The arguments and errors are those of the wrapped renderer; see `Dexed.render`.

        Returns:
            Float32 (n_samples,).
        """
        sound = self.renderer.render(preset, note, velocity, hold=hold, n_samples=n_samples)
        key = f"{self.seed} {note} {velocity}".encode() + preset.values.tobytes()
        rng = np.random.default_rng(list(hashlib.sha256(key).digest()))
        recorded = _chain(rng)(sound, self.sample_rate)
        noise = rng.standard_normal(n_samples, np.float32)
        loudest = np.abs(recorded).max(initial=0.0)
        return fade_out(
            (recorded + loudest * _amplitude(rng.uniform(-80, -40)) * noise).astype(np.float32),
            self.sample_rate,
        )


def _chain(rng: np.random.Generator) -> pedalboard.Pedalboard:
    """Draw a chain of effects."""

    def decibels(most: float) -> float:
        return float(rng.uniform(-most, most))

    def hertz(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    effects: list[pedalboard.Plugin] = [
        pedalboard.LowShelfFilter(hertz(60, 400), decibels(6)),
        pedalboard.PeakFilter(hertz(200, 5_000), decibels(6), float(rng.uniform(0.5, 2))),
        pedalboard.HighShelfFilter(hertz(2_000, 8_000), decibels(6)),
    ]
    if rng.random() < 1 / 3:
        drive = float(rng.uniform(0, 12))
        effects += [pedalboard.Distortion(drive), pedalboard.Gain(-drive / 2)]
    if rng.random() < 1 / 2:
        wet = float(rng.uniform(0, 1 / 3))
        room, damping = rng.uniform(0.1, 0.8), rng.uniform(0.2, 0.8)
        effects.append(pedalboard.Reverb(float(room), float(damping), wet_level=wet, dry_level=1 - wet))
    return pedalboard.Pedalboard([*effects, pedalboard.Gain(decibels(6))])


def _amplitude(decibels: float) -> np.float32:
    """Convert decibels to a gain factor."""
    return np.float32(10 ** (decibels / 20))
