"""Report of a batch of matches: cartridges of 32 presets, a page to listen, and all results as JSON.

The page links to the previews beside it and loads a sound when it is played: for 1,000 sounds it has about a
megabyte.
"""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from latentdx.applications.batch_sounds import BatchSettings, Surroundings
from latentdx.applications.closeness import WORDS, Closeness
from latentdx.applications.match_batch import PARTS, BatchEntry
from latentdx.audio.notes import note_name
from latentdx.display import media
from latentdx.presets.bank import Preset, PresetBank
from latentdx.presets.parameters import voice_parameters
from latentdx.presets.sysex import BANK_VOICES
from latentdx.provenance import describe_commit

FORMAT = 1
"""Version of the format of a batch's JSON report."""

PAGE, SUMMARY = "report.html", "report.json"
"""Names of the page and of the JSON report."""


@dataclass(frozen=True)
class BatchReport:
    """Contents of a batch's files, by name.

    Attributes:
        cartridges: SysEx of the presets in the order of their sounds, 32 in each file; the rest of the last
            one is INIT VOICE.
        page: HTML file for listening; it plays the previews in the folder of the finished sounds.
        summary: JSON with all results, and the failures.
    """

    cartridges: dict[str, bytes]
    page: bytes
    summary: bytes


def cartridge_names(n: int) -> list[str]:
    """Return the names of the cartridges of `n` presets.

    >>> cartridge_names(33)
    ['cartridge-1.syx', 'cartridge-2.syx']
    """
    count = -(-n // BANK_VOICES)
    return [f"cartridge-{i:0{len(str(count))}}.syx" for i in range(1, count + 1)]


def batch_report(
    entries: Sequence[BatchEntry],
    settings: BatchSettings,
    surroundings: Surroundings,
    remarks: Sequence[str] = (),
) -> BatchReport:
    """Build all report files of a batch; equal results give equal files.

    Args:
        entries: Sounds in their order, from `match_batch`.
        settings: Settings of all matches.
        surroundings: What the results depend on besides.
        remarks: Sentences to add, such as which corpora were missing.
    """
    found = [entry for entry in entries if entry.summary is not None]
    names = cartridge_names(len(found))
    presets = [_preset(entry) for entry in found]
    cartridges = {
        name: PresetBank(presets[i * BANK_VOICES : (i + 1) * BANK_VOICES]).sysex()
        for i, name in enumerate(names)
    }
    places = [(names[i // BANK_VOICES], i % BANK_VOICES + 1) for i in range(len(found))]
    failures = [entry for entry in entries if entry.summary is None]
    page = media.render_template(
        "batch.html",
        title=f"Presets for {len(entries):,} sounds",
        lead=f"{len(found):,} sounds have a preset{_counted(found)}; {len(failures):,} failed.",
        style=Markup(media.web_asset("report.css") + media.web_asset("site.css")),
        failures=failures,
        rows=[_row(*each) for each in zip(found, presets, places, strict=True)],
        made=(
            f"LatentDX {surroundings.version}, commit {describe_commit(surroundings.commit)}; model"
            f" {settings.model} ({surroundings.checkpoint_sha256}); {surroundings.engine}; seed"
            f" {settings.match.seed}, budget {settings.match.budget:,} renders for each sound"
            f"{f' or {settings.match.seconds:g} s' if settings.match.seconds else ''}. {' '.join(remarks)}"
        ),
    )
    summary = {
        "format": FORMAT,
        **asdict(surroundings),
        "model": settings.model,
        "settings": asdict(settings.match) | {"velocity": settings.velocity, "note": settings.note},
        "remarks": list(remarks),
        "matched": len(found),
        "failed": len(failures),
        "sounds": _results(entries, dict(zip((e.name for e in found), places, strict=True))),
    }
    return BatchReport(
        cartridges,
        page.encode(errors="replace"),
        json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace"),
    )


def _counted(found: Sequence[BatchEntry]) -> str:
    """Count the sounds by how close their presets come: ": 3 close, 1 far"."""
    counts = Counter(_best(entry)["closeness"]["word"] for entry in found)
    return f": {', '.join(f'{counts[word]:,} {word}' for word in WORDS if word in counts)}" * bool(found)


def _preset(entry: BatchEntry) -> Preset:
    values = _best(entry)["parameters"]
    return Preset(np.array([values[p.name] for p in voice_parameters()], np.uint8), entry.name)


def _best(entry: BatchEntry) -> Mapping[str, Any]:
    assert entry.summary is not None
    return entry.summary["candidates"][0]


def _row(entry: BatchEntry, preset: Preset, place: tuple[str, int]) -> dict[str, object]:
    assert entry.summary is not None
    sound = entry.summary["sounds"][0]
    return {
        "file": entry.file,
        "warnings": sound["warnings"],
        "note": f"{note_name(sound['note'])}@{sound['velocity']}",
        "target": f"{PARTS}/{entry.key}.target.mp3",
        "answer": f"{PARTS}/{entry.key}.answer.mp3",
        "name": preset.name,
        "link": f"data:application/octet-stream;base64,{base64.b64encode(preset.sysex()).decode()}",
        "cartridge": place[0],
        "voice": place[1],
        "said": said(entry),
    }


def said(entry: BatchEntry) -> str:
    """Say how close the preset of a sound comes, or why there is none."""
    if entry.summary is None:
        return f"failed: {entry.failure}"
    lacking = ", ".join(entry.summary["missing"])
    return f"{Closeness(**_best(entry)['closeness'])}{f'; missing: {lacking}' * bool(lacking)}"


def _results(entries: Sequence[BatchEntry], places: Mapping[str, tuple[str, int]]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for entry in entries:
        if entry.summary is None:
            results.append({"file": entry.file, "failure": entry.failure})
            continue
        cartridge, voice = places[entry.name]
        best = {key: value for key, value in _best(entry).items() if key not in ("voice", "name")}
        results.append(
            {
                "file": entry.file,
                "part": f"{PARTS}/{entry.key}.json",
                "cartridge": cartridge,
                "voice": voice,
                "name": entry.name,
                **{
                    key: entry.summary["sounds"][0][key]
                    for key in ("note", "velocity", "hold_seconds", "warnings")
                },
                "renders": entry.summary["renders"],
                "missing": entry.summary["missing"],
                **best,
            }
        )
    return results
