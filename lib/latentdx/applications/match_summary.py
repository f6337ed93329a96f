"""Summary of a match in numbers: its sounds, settings, stages and presets, as its JSON report holds them.

It holds no times, so equal matches give equal summaries on any machine.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

import numpy as np

from latentdx.applications.match import Match
from latentdx.applications.match_words import MatchWords, describe_match
from latentdx.applications.programmer import Programmer
from latentdx.applications.target import Target
from latentdx.audio.notes import note_name
from latentdx.audio.renderer import SAMPLE_RATE, Dexed
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import voice_parameters
from latentdx.provenance import code_commit

FORMAT = 3
"""Version of the JSON report's format."""


@dataclass(frozen=True)
class MatchedSound:
    """Sound that was matched: its file name as given, and the target it was prepared into."""

    file: str
    target: Target

    @property
    def played(self) -> str:
        """Note and velocity, such as "C3@85"."""
        return f"{note_name(self.target.note)}@{self.target.velocity}"


@dataclass(frozen=True)
class MatchSettings:
    """Settings of a match, as its reports state them.

    Attributes:
        budget: Largest number of renders.
        seconds: Time limit; `None` without one.
        seed: Random seed of the search.
        remarks: Sentences to add, such as which corpora were missing.
    """

    budget: int
    seconds: float | None
    seed: int
    remarks: tuple[str, ...] = ()


def match_summary(
    match: Match,
    sources: Sequence[MatchedSound],
    model: Programmer,
    settings: MatchSettings,
    words: MatchWords | None = None,
) -> dict[str, object]:
    """Summarize a match in types that JSON can hold.

    Args:
        match: Result of `applications.match.match`.
        sources: Sounds that were matched, in the order in which they were given to it.
        model: Model that proposed presets.
        settings: Settings of the match.
        words: The match in words, if it has been described already.
    """
    said = words or describe_match(match, [source.target for source in sources])

    def finite(x: float) -> float | None:
        return round(x, 6) if np.isfinite(x) else None

    def values(preset: Preset) -> dict[str, int]:
        return {p.name: preset[p.name] for p in voice_parameters()}

    def measured(distance: float, measures: dict[str, float]) -> dict[str, float | None]:
        return {"mix": finite(distance), **{name: finite(x) for name, x in measures.items()}}

    return {
        "format": FORMAT,
        "latentdx": version("latentdx"),
        "commit": code_commit(),
        "engine": Dexed().engine,
        "model": model.about.profile.name,
        "checkpoint_sha256": model.sha256,
        **asdict(settings),
        "renders": match.renders,
        "interrupted": match.interrupted,
        "sounds": [
            {
                "file": s.file,
                "note": s.target.note,
                "velocity": s.target.velocity,
                "hold_seconds": round(s.target.hold, 3),
                "seconds": round(len(s.target.sound) / SAMPLE_RATE, 3),
                "remarks": s.target.remarks,
                "warnings": s.target.warnings,
            }
            for s in sources
        ],
        "measured": "at equal loudness",
        "stages": [
            {"name": s.name, "renders": s.renders, **measured(s.distance, s.measures)} for s in match.stages
        ],
        "missing": list(said.missing),
        "curve": [[i.renders, finite(i.distance)] for i in match.curve],
        "candidates": [
            {
                "voice": number,
                "name": c.preset.name,
                "source": c.source,
                **measured(c.distance, c.measures),
                "closeness": asdict(close),
                "algorithm_family": list(c.family),
                "changed_values": c.changed,
                "level_5_s_after_key_db": finite(c.release_db),
                "level_held_6_s_db": finite(c.held_db),
                "rings": c.rings,
                "tuning": {
                    "verdict": c.tuning.verdict,
                    "why": c.tuning.why,
                    "before_cents": finite(c.tuning.before_cents),
                    "after_cents": finite(c.tuning.after_cents),
                },
                "parameters": values(c.preset),
            }
            for number, (c, close) in enumerate(zip(match.candidates, said.closeness, strict=True), 1)
        ],
    }
