"""A match in words: how close each of its presets comes, and what the closest one lacks."""

from collections.abc import Sequence
from dataclasses import dataclass

from latentdx.applications.closeness import Closeness, closeness
from latentdx.applications.match import Match
from latentdx.applications.shortcomings import shortcomings
from latentdx.applications.sound_inputs import reference
from latentdx.applications.target import Target
from latentdx.audio.engine.synth import Engine
from latentdx.presets.bank import Preset
from latentdx.typing import Audio


@dataclass(frozen=True)
class MatchWords:
    """A match in words.

    Attributes:
        closeness: How close each candidate comes, in their order.
        missing: Phrases on what the closest candidate lacks, such as "noise above 4 kHz"; see `shortcomings`.
    """

    closeness: tuple[Closeness, ...]
    missing: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """How close the best candidate comes, and what it lacks, as a sentence without its full stop."""
        lacking = f"; missing: {', '.join(self.missing)}" if self.missing else ""
        return f"{self.closeness[0]}{lacking}"


def describe_match(match: Match, sounds: Sequence[Target]) -> MatchWords:
    """Describe a match in words.

    Args:
        match: Result of `applications.match.match`.
        sounds: Sounds that were matched; what is missing is measured on the `reference`.
    """
    found = tuple(closeness(candidate.measures, match.renders) for candidate in match.candidates)
    if found[0].word == "almost the same":
        return MatchWords(found, ())
    sound = reference(sounds)
    missing = shortcomings(sound.sound, render_like(sound, match.best.preset))
    return MatchWords(found, tuple(missing))


def render_like(sound: Target, preset: Preset) -> Audio:
    """Render a preset at a target's note, held as long, and of its length; float32 (samples,)."""
    return Engine().render(preset, sound.note, sound.velocity, hold=sound.hold, n_samples=len(sound.sound))
