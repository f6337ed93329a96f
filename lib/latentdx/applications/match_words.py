"""A match in words: how close each of its presets comes, and what the closest one lacks."""

from collections.abc import Sequence
from dataclasses import dataclass

from latentdx.applications.closeness import Closeness, closeness
from latentdx.applications.match import Match
from latentdx.applications.shortcomings import shortcomings
from latentdx.applications.sound_inputs import reference
from latentdx.applications.target import Target
from latentdx.audio.engine.synth import Engine


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
    answer = Engine().render(match.best.preset, sound.note, sound.velocity, n_samples=len(sound.sound))
    return MatchWords(found, tuple(shortcomings(sound.sound, answer)))
