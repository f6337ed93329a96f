"""Report of a match: a cartridge, a page to listen and compare, the numbers as JSON, and sound previews."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from latentdx.applications.match import Candidate, Match
from latentdx.applications.match_summary import MatchedSound as MatchedSound
from latentdx.applications.match_summary import MatchSettings as MatchSettings
from latentdx.applications.match_summary import match_summary
from latentdx.applications.match_words import MatchWords, describe_match
from latentdx.applications.programmer import Programmer
from latentdx.applications.tune import Tuning
from latentdx.audio.io.encoding import encode
from latentdx.audio.renderer import Dexed
from latentdx.display import listening_rows, media, tables
from latentdx.display.figures import figure_html
from latentdx.display.listening_rows import Clip, compared
from latentdx.display.match_progress import level_course_figure, match_search_figure, match_stages_table
from latentdx.display.table_formats import described
from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import voice_parameters
from latentdx.provenance import code_commit, describe_commit


@dataclass(frozen=True)
class MatchReport:
    """Contents of a match's files.

    Attributes:
        cartridge: SysEx of the presets found, closest first; the rest of the 32 voices is INIT VOICE.
        page: Self-contained HTML file with sounds, pictures, distances and a .syx file of each preset.
        summary: JSON with the numbers, parameters and settings.
        previews: File name -> FLAC: target.flac, 1.flac, 2.flac …, all at one gain. With several notes the
            names include the note, such as 1.C3@85.flac.
        words: The match in words, as page and summary state it.
    """

    cartridge: bytes
    page: bytes
    summary: bytes
    previews: dict[str, bytes]
    words: MatchWords


def match_report(
    match: Match, sources: Sequence[MatchedSound], model: Programmer, settings: MatchSettings
) -> MatchReport:
    """Build all report files of a match.

    Args:
        match: Result of `applications.match.match`.
        sources: Sounds that were matched, in the order in which they were given to it.
        model: Model that proposed presets.
        settings: Budget, seed and remarks to state in the report.
    """
    words = describe_match(match, [source.target for source in sources])
    sounds = clips_of(match, sources, words)
    gain = listening_rows.row_gain_db([clip for row in sounds for clip in row])
    summary = match_summary(match, sources, model, settings, words) | {
        "took_seconds": round(match.seconds, 2),
        "previews_gain_db": round(gain, 2),
    }
    amplitude = np.float32(10 ** (gain / 20))
    previews = {}
    for source, row in zip(sources, sounds, strict=True):
        note = f".{source.played}" if len(sources) > 1 else ""
        for number, clip in enumerate(row):
            previews[f"{number or 'target'}{note}.flac"] = encode(clip.sound * amplitude, "flac")
    return MatchReport(
        PresetBank(c.preset for c in match.candidates).sysex(),
        # bytes of a file name that are no text become "?" on the page, and escapes such as \udcfc in JSON
        _page(match, sources, sounds, model, settings, words).encode(errors="replace"),
        json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace"),
        previews,
        words,
    )


def clips_of(
    match: Match, sources: Sequence[MatchedSound], words: MatchWords | None = None
) -> list[list[Clip]]:
    """Return for each source the clips of `listening_rows.row`: the target, then the presets found."""
    said = words or describe_match(match, [source.target for source in sources])
    synth = Dexed()
    return [
        compared(
            Clip(s.target.sound, f"target: {Path(s.file).name}"),
            [
                Clip(
                    synth.render(
                        c.preset,
                        s.target.note,
                        s.target.velocity,
                        hold=s.target.hold,
                        n_samples=len(s.target.sound),
                    ),
                    f"{number}: {c.preset.name}",
                    (close.word, _from(c), _tuned(c.tuning), *_remarkable(c)),
                    preset=c.preset,
                )
                for number, (c, close) in enumerate(zip(match.candidates, said.closeness, strict=True), 1)
            ],
            equal_loudness=True,
        )
        for s in sources
    ]


def _from(candidate: Candidate) -> str:
    texts = {
        "search": "found by the search",
        "nearest": "a known preset",
        "known": "a known preset",
        "model": "drawn by the model",
        "earlier": "from the earlier match",
        "start": "as it was",
    }
    return texts.get(candidate.source, candidate.source)


def _tuned(tuning: Tuning) -> str:
    if tuning.tuned:
        return f"tuned: {tuning.before_cents:+.0f} → {tuning.after_cents:+.0f} cents".replace("-", "−")
    return tuning.verdict


def _remarkable(candidate: Candidate) -> Iterable[str]:
    """Yield what a player should know about a preset."""
    if candidate.changed is not None:
        yield f"{candidate.changed} values changed"
    if candidate.rings:
        yield f"still at {candidate.release_db:.0f} dB 5 s after the key is released".replace("-", "−")


def _structures(match: Match) -> pd.DataFrame:
    """Tabulate the presets by the structure of their algorithms, in the order of the closest of each."""
    groups: dict[tuple[int, ...], list[tuple[int, Candidate]]] = {}
    for number, candidate in enumerate(match.candidates, 1):
        groups.setdefault(candidate.family, []).append((number, candidate))
    frame = pd.DataFrame(
        {
            "algorithms": ", ".join(map(str, family)),
            "presets": "; ".join(
                f"{number}: {c.preset.name} (algorithm {c.preset['ALGORITHM'] + 1})" for number, c in members
            ),
            "distance": members[0][1].distance,
        }
        for family, members in groups.items()
    )
    return described(frame, "Presets by the structure of their algorithms", formats={"distance": ".3f"})


def _page(
    match: Match,
    sources: Sequence[MatchedSound],
    sounds: list[list[Clip]],
    model: Programmer,
    settings: MatchSettings,
    words: MatchWords,
) -> str:
    names = ", ".join(Path(s.file).name for s in sources)
    with media.inside_the_page():
        rows = [
            listening_rows.row(
                row,
                f"Played at {source.played}, held for {source.target.hold:.2f} s",
                "The target, then the presets found, closest first. Distances are at equal loudness.",
            )
            for source, row in zip(sources, sounds, strict=True)
        ]
        sections = [_ways(match), *_courses(sources, sounds), *_sections(match)]
    count = len(match.candidates)
    return media.render_template(
        "report.html",
        title=f"Presets that sound like {names}",
        lead=(
            f"{count} different preset{'s' * (count > 1)}, found with {match.renders:,} renders in"
            f" {match.seconds:.0f} s{', stopped early' * match.interrupted}. The closest one:"
            f" {words.sentence}."
        ),
        style=Markup(media.web_asset("report.css") + media.web_asset("site.css")),
        script=Markup(media.web_modules("dock.js") + media.web_asset("site.js")),
        sounds=[
            {"file": s.file, "played": s.played, "remarks": s.target.remarks, "warnings": s.target.warnings}
            for s in sources
        ],
        rows=rows,
        sections=sections,
        made=(
            f"LatentDX {version('latentdx')}, commit {describe_commit(code_commit())}; model"
            f" {model.about.profile.name} ({model.sha256}); {Dexed().engine}; seed {settings.seed}, budget"
            f" {settings.budget:,} renders{f' or {settings.seconds:g} s' if settings.seconds else ''}."
            f" {' '.join(settings.remarks)}"
        ),
    )


def _ways(match: Match) -> dict[str, object]:
    """Group the presets by structure."""
    return {
        "title": "Ways to make this sound",
        "text": "Presets whose algorithms connect their operators alike are variations of one idea; others"
        " make the sound in another way. The distance is that of the closest preset in a line.",
        "content": tables.table_html(_structures(match)),
    }


def _courses(sources: Sequence[MatchedSound], sounds: list[list[Clip]]) -> Iterable[dict[str, object]]:
    """Show the level of each sound and of the closest preset over time."""
    for source, (_, best, *_) in zip(sources, sounds, strict=True):
        figure = level_course_figure(source.target, [(best.title, best.sound)])
        title = f"Attack, sustain and release{f' at {source.played}' if len(sources) > 1 else ''}"
        yield {"title": title, "text": figure.alt, "content": figure_html(figure)}


def _sections(match: Match) -> Iterable[dict[str, object]]:
    yield {
        "title": "From stage to stage",
        "text": "The closest preset after each stage. Lower distances mean greater similarity. The search "
        "minimizes the mix of the first three; the last distance plays no part in any choice.",
        "content": tables.table_html(match_stages_table(match)),
    }
    figure = match_search_figure(match)
    yield {"title": "How the search went", "text": figure.alt, "content": figure_html(figure)}
    before = match.stages[-3]  # the last two are the search and the tuning
    changed = tables.differences(
        before.preset.with_values("start"), "before the search", [("the best found", match.best.preset)]
    )
    table = tables.table_html(changed, "Parameters before and after", scroll=True)
    yield {
        "title": "What the search and the tuning changed",
        "text": f"The closest preset differs in {len(changed)} of {len(voice_parameters())} parameters from "
        "the closest one before the search. The search may also have found it from another start.",
        "content": table if len(changed) else "",
    }
