"""One sound of a batch of matches: its settings, the key of its result, and the match itself.

A task holds the bytes of its sound and nothing that depends on the machine, so any process on any machine
that has the same version, model and known presets answers it with the same bytes.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from latentdx.applications.match import SearchOptions, match_targets
from latentdx.applications.match_summary import FORMAT, MatchedSound, MatchSettings, match_summary
from latentdx.applications.match_words import render_like
from latentdx.applications.programmer import Programmer, load_model
from latentdx.applications.target import Target, TargetFile, prepare_targets
from latentdx.audio.io.encoding import encode, true_peak
from latentdx.audio.renderer import Dexed
from latentdx.errors import LatentDXError, ParameterError
from latentdx.files import plain_suffix, temporary_file
from latentdx.presets.bank import Preset, PresetBank
from latentdx.provenance import code_commit
from latentdx.retrieval.known_presets import KnownPresets, known_presets
from latentdx.typing import Audio

PREVIEWS = ("target", "answer")
"""Names of the two sounds that are kept for each match, as MP3: as it was heard, and the preset found."""

_PEAK = 10 ** (-1 / 20)  # of the louder one; MP3 coding may add a little


@dataclass(frozen=True)
class Surroundings:
    """What a result depends on besides its sound and settings; equal on all machines of a batch.

    Attributes:
        version: Version of the package.
        commit: Version of the code, see `provenance.code_commit`.
        engine: Name and version of the synth.
        checkpoint_sha256: Hash of the model's file.
        known: Name of each corpus of known presets, and hash of the index that finds them.
    """

    version: str
    commit: str
    engine: str
    checkpoint_sha256: str
    known: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BatchSettings:
    """Settings that all sounds of a batch share.

    Attributes:
        model: Name or file of the model.
        match: Settings of each match.
        note: MIDI note of sounds that do not name theirs; estimated if omitted.
        velocity: Velocity of sounds that do not name theirs, 1 … 127.
        onset: Number of the onset at which each sound starts; see `target.prepare_target`.
        hold: Time in seconds for which the key was held; found if omitted.
        search: Further arguments of `match.match_targets`.
    """

    model: str
    match: MatchSettings
    note: int | None
    velocity: int
    onset: int | None
    hold: float | None = None
    search: SearchOptions = field(default_factory=lambda: SearchOptions())


@dataclass(frozen=True)
class BatchTask:
    """Task of matching one sound.

    Attributes:
        sound: File, with its note and velocity where they are known.
        content: Bytes of the file.
        settings: Settings of the batch.
        surroundings: What the process that matches must have.
        failure: Why the sound cannot be matched, where that is known already.
    """

    sound: TargetFile
    content: bytes
    settings: BatchSettings
    surroundings: Surroundings
    failure: str = ""

    @property
    def key(self) -> str:
        """Key of the result, 32 hexadecimal digits: a hash of all that it depends on, but no file name."""
        settings = asdict(replace(self.settings, search={}))
        settings["search"] = {name: _plain(value) for name, value in self.settings.search.items()}
        parts = {
            "sound": hashlib.sha256(self.content).hexdigest(),
            "suffix": plain_suffix(self.sound.path.name),
            "note": self.sound.note,
            "velocity": self.sound.velocity,
            "settings": settings,
            "surroundings": asdict(self.surroundings),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class BatchOutcome:
    """Result of one task.

    Attributes:
        summary: Summary of the match, see `match_summary`; `None` if the sound cannot be matched.
        failure: Why it cannot; "" for a match.
        previews: Name in `PREVIEWS` -> MP3, both at one gain.
    """

    summary: dict[str, Any] | None
    failure: str = ""
    previews: dict[str, bytes] = field(default_factory=dict)


@cache
def _tools(model: str) -> tuple[Programmer, list[KnownPresets], Surroundings]:
    """Load what all matches of a process need, once."""
    programmer, (known, _) = load_model(model), known_presets()
    return programmer, known, surroundings_of(programmer, known)


def surroundings_of(model: Programmer, known: list[KnownPresets]) -> Surroundings:
    """Return what results of this process depend on, for this model and these known presets."""
    indexes = tuple((k.corpus, k.index.about.content_sha256) for k in known)
    return Surroundings(version("latentdx"), code_commit(), Dexed().engine, model.sha256, indexes)


def match_sound(task: BatchTask) -> BatchOutcome:
    """Match one sound; running it again, anywhere, gives the same result.

    Args:
        task: Task to run.

    Raises:
        ParameterError: This process has another version, model or known presets than the task asks for.
        KeyboardInterrupt: Ctrl-C ended the search early.
    """
    if task.failure:
        return BatchOutcome(None, task.failure)
    settings = task.settings
    programmer, known, here = _tools(settings.model)
    if here != task.surroundings:
        wanted, own = asdict(task.surroundings), asdict(here)
        differing = [f"{k}: {own[k]} instead of {wanted[k]}" for k in wanted if own[k] != wanted[k]]
        raise ParameterError(
            f"this worker differs from the process that sent the task: {'; '.join(differing)}"
        )
    options = settings.search | SearchOptions(
        budget=settings.match.budget,
        seconds=settings.match.seconds,
        seed=settings.match.seed,
        keep=1,
        threads=1,
    )
    try:
        target = _prepared(task)
        found = match_targets([target], programmer, known, **options)
    except LatentDXError as error:
        return BatchOutcome(None, str(error))
    except Exception as error:  # one sound must not end the work on a thousand others
        return BatchOutcome(None, f"the match failed unexpectedly: {error!r}")
    if found.interrupted:
        raise KeyboardInterrupt
    summary = match_summary(found, [MatchedSound("", target)], programmer, settings.match)
    answer = render_like(target, found.best.preset)
    read = json.loads(json.dumps(summary, allow_nan=False))  # equal to what will be read from its file
    return BatchOutcome(read, "", _encoded(target.sound, answer))


def _prepared(task: BatchTask) -> Target:
    """Prepare the task's sound; messages name the file as it was given."""
    with temporary_file(task.sound.path.name, task.content) as path:
        sound = replace(task.sound, path=path)
        given = task.settings
        try:
            return prepare_targets([sound], given.note, given.velocity, given.onset, given.hold)[0]
        except LatentDXError as error:
            raise type(error)(str(error).replace(f"{path}: ", "").replace(str(path), "the file")) from error


def _encoded(target: Audio, answer: Audio) -> dict[str, bytes]:
    """Encode both sounds at one gain."""
    gain = np.float32(_PEAK / max(true_peak(target), true_peak(answer), 1e-6))
    sounds = dict(zip(PREVIEWS, (target, answer), strict=True))
    return {name: encode(np.clip(sound * gain, -1, 1), "mp3") for name, sound in sounds.items()}


def _plain(value: object) -> object:
    """Return an argument in types that JSON can hold."""
    if isinstance(value, Preset | PresetBank):
        return hashlib.sha256(value.values.tobytes()).hexdigest()
    return list(map(_plain, value)) if isinstance(value, list | tuple) else value


def parse_outcome(content: bytes) -> dict[str, Any] | None:
    """Return the summary that was stored for a sound; `None` if it is damaged or of another format."""
    try:
        summary = json.loads(content)
    except ValueError:
        return None
    return summary if isinstance(summary, dict) and summary.get("format") == FORMAT else None
