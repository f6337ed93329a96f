"""Command that searches for presets: `latentdx match`, for one instrument or for each of many sounds."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from tqdm import tqdm

from latentdx.audio.notes import both_names
from latentdx.cli import match_options, output
from latentdx.cli.cluster import dask_client
from latentdx.cli.common import (
    INTERRUPTED,
    MOST_PROCESSES,
    Force,
    Onset,
    Velocity,
    fail,
    naming,
    report_each,
)
from latentdx.cli.notes import Yamaha, optional_note
from latentdx.cli.sounds import Model, Note, Seed, Sounds
from latentdx.errors import ParameterError
from latentdx.presets.bank import Preset, PresetBank

if TYPE_CHECKING:
    from latentdx.applications.batch_sounds import BatchSettings
    from latentdx.applications.match import SearchOptions
    from latentdx.applications.match_batch import BatchEntry
    from latentdx.applications.match_summary import MatchSettings
    from latentdx.applications.target import TargetFile

app = typer.Typer()

KEEP = 8
CARTRIDGE, FOLDER = Path("match.syx"), Path("matches")


@app.command()
def match(
    sounds: Sounds,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Cartridge [match.syx], or with --each folder [matches]."),
    ] = None,
    budget: Annotated[
        int,
        typer.Option(min=1, max=1_000_000, metavar="N", show_default=True, help="Number of renders."),
    ] = 2000,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.001, max=86_400, metavar="S", help="Most seconds."),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=1, max=32, metavar="N", help=f"Number of presets to keep; {KEEP} if omitted."),
    ] = None,
    note: Note = None,
    velocity: Velocity = 85,
    hold: match_options.Hold = None,
    onset: Onset = None,
    lock: match_options.Lock = None,
    algorithm: match_options.Algorithms = None,
    starts: match_options.From = None,
    more: match_options.More = None,
    name: Annotated[str | None, typer.Option(help="Name of the presets; the file's if omitted.")] = None,
    each: Annotated[
        bool, typer.Option("--each", help="One preset for each sound or file of a folder.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_PROCESSES, metavar="N", help="Processes of --each; default: all cores."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask cluster of --each: tcp://10.0.0.1:8786.")
    ] = None,
    model: Model = "latentdx",
    seed: Seed = 0,
    yamaha: Yamaha = False,
    force: Force = False,
) -> None:
    """Search for presets that sound like one or several notes of an instrument, or for one preset for each of
    many sounds; write them with a page to listen to, a report in numbers and previews.

    \b
    Example:  latentdx match flute.wav -o flute.syx --budget 2000
              latentdx match C3=low.wav C5@100=high.wav --seconds 10
              latentdx match pad.wav --from mine.syx:3 --lock ALGORITHM=5
              latentdx match --each samples/ -o presets
    """
    from latentdx.applications.batch_sounds import BatchSettings
    from latentdx.applications.match_summary import MatchSettings
    from latentdx.applications.target import parse_target_file

    only_each = {"--workers": workers, "--scheduler": scheduler}
    never_each = {"--keep": keep, "--name": name, "--more": more}
    for option, value in (never_each if each else only_each).items():
        if value is not None:
            raise typer.BadParameter(f"{option} works {'without' if each else 'with'} --each only")
    if workers is not None and scheduler is not None:
        raise typer.BadParameter("only one of --workers and --scheduler can be given")
    locked, algorithms = match_options.parse_locks(lock), match_options.parse_algorithms(algorithm)
    match_options.check_algorithm(locked, algorithms)
    files = [parse_target_file(sound, yamaha=yamaha) for sound in sounds]
    key = optional_note(note, yamaha)
    settings = MatchSettings(budget, seconds, seed)
    search = _search(locked, algorithms, match_options.read_starts(starts), match_options.read_report(more))
    listened = _Listening(key, velocity, hold, onset)
    if each:
        batch = BatchSettings(model, settings, key, velocity, onset, hold, search)
        _match_each(files, out or FOLDER, batch, workers, scheduler, force)
    else:
        _match_one(files, out or CARTRIDGE, model, settings, search, listened, keep or KEEP, name, force)


@dataclass(frozen=True)
class _Listening:
    """How sound files are heard: note and velocity of those that do not name theirs, hold, and onset."""

    note: int | None
    velocity: int
    hold: float | None
    onset: int | None


def _search(
    locked: dict[str, str], algorithms: tuple[int, ...], starts: match_options.Starts, earlier: list[Preset]
) -> "SearchOptions":
    """Return the arguments of `match_targets` for the options that were given."""
    given: dict[str, Any] = {
        "locked": locked,
        "algorithms": algorithms,
        "start": starts.preset,
        "banks": starts.banks,
        "more": earlier,
    }
    return cast("SearchOptions", {name: value for name, value in given.items() if value})


def _match_one(
    files: "Sequence[TargetFile]",
    out: Path,
    model: str,
    settings: "MatchSettings",
    search: "SearchOptions",
    listened: _Listening,
    keep: int,
    name: str | None,
    force: bool,
) -> None:
    """Match sounds of one instrument."""
    from latentdx.applications import match as matching
    from latentdx.applications.match_summary import MatchedSound
    from latentdx.applications.programmer import load_model
    from latentdx.applications.sound_inputs import prepare_sounds
    from latentdx.display.match_report import match_report
    from latentdx.retrieval.known_presets import known_presets

    written = output.MatchFiles(out)
    written.check(force=force, keep=keep, n_sounds=len(files))
    for file in files:
        if file.path.is_dir():
            raise ParameterError(f"{file.path} is a folder: --each finds a preset for each sound in it")
    targets = prepare_sounds(files, listened.note, listened.velocity, listened.onset, listened.hold)
    heard = list(zip(files, targets, strict=True))
    report_each((file.path, target.remarks, target.warnings) for file, target in heard)
    for file, target in heard:
        played = f"{both_names(target.note)}, velocity {target.velocity}, held for {target.hold:.2g} s"
        typer.echo(f"{file.path}: matched at note {played}")
    known, remarks = known_presets()
    for remark in remarks:
        typer.echo(remark)
    with naming("--model"):
        programmer = load_model(model)
    with tqdm(total=settings.budget, unit="render", leave=False, disable=None) as bar:

        def progress(renders: int, distance: float) -> None:
            bar.update(renders - bar.n)
            bar.set_postfix(distance=f"{distance:.3f}")

        def stage_done(stage: str, renders: int, distance: float) -> None:
            tqdm.write(f"{stage:>12}  {renders:>6,} renders  distance {distance:.3f}")

        options = search | matching.SearchOptions(
            budget=settings.budget,
            seconds=settings.seconds,
            seed=settings.seed,
            keep=keep,
            progress=progress,
            stage_done=stage_done,
        )
        called = files[0].path.stem if name is None else name
        found = matching.match_targets(targets, programmer, known, name=called, **options)
    sources = [MatchedSound(str(file.path), target) for file, target in heard]
    settings = replace(settings, remarks=tuple(remarks))
    try:
        made = match_report(found, sources, programmer, settings)
    except BaseException:  # also Ctrl-C: the presets took longer than the page about them
        bank = PresetBank.concatenate(c.preset.bank for c in found.candidates)
        typer.echo(output.write({out: bank.sysex()}, force=force)[0])
        raise
    paths = written.write(made, force=force)
    last = found.stages[-1]
    typer.echo(f"{last.name:>12}  {last.renders:>6,} renders  distance {last.distance:.3f}")
    for number, (candidate, close) in enumerate(zip(found.candidates, made.words.closeness, strict=True), 1):
        how = f"distance {candidate.distance:.3f}, {close.word}"
        tuning = f"{candidate.tuning.verdict}: {candidate.tuning.why}"
        typer.echo(f"{number:>12}  {candidate.preset.name:10}  {how}; {tuning}")
    typer.echo(f"the closest preset: {made.words.sentence}")
    for path in paths:
        typer.echo(path)
    if found.interrupted:
        typer.echo(
            f"latentdx: stopped after {found.renders:,} renders; the best presets so far have been written",
            err=True,
        )
        raise typer.Exit(INTERRUPTED)


def _match_each(
    given: "Sequence[TargetFile]",
    folder: Path,
    settings: "BatchSettings",
    workers: int | None,
    scheduler: str | None,
    force: bool,
) -> None:
    """Match each of many sounds, and write cartridges and a report."""
    from latentdx.applications.batch_sounds import surroundings_of
    from latentdx.applications.match_batch import PARTS, expand_folders, match_batch
    from latentdx.applications.programmer import load_model
    from latentdx.display.batch_report import PAGE, SUMMARY, batch_report, cartridge_names, said
    from latentdx.retrieval.known_presets import known_presets

    sounds = expand_folders(given)
    names = [*cartridge_names(len(sounds)), PAGE, SUMMARY]
    output.check_folder(folder, names, force=force, size=len(sounds) * output.BATCH_BYTES)
    known, remarks = known_presets()
    for remark in remarks:
        typer.echo(remark)
    with naming("--model"):
        surroundings = surroundings_of(load_model(settings.model), known)
    with (
        dask_client(None, scheduler) as client,
        tqdm(total=len(sounds), unit="sound", leave=False, disable=None) as bar,
    ):

        def progress(entry: "BatchEntry", new: bool) -> None:
            bar.update()
            if entry.summary is None:
                tqdm.write(f"latentdx: warning: {entry.file}: {entry.failure}", file=sys.stderr)
            else:
                tqdm.write(f"{entry.file}: {entry.name}, {said(entry)}{' (finished before)' * (not new)}")

        try:
            entries = match_batch(
                sounds, settings, surroundings, folder, workers=workers, client=client, progress=progress
            )
        except KeyboardInterrupt:
            fail(f"stopped; run the same command to go on ({folder / PARTS})", INTERRUPTED)
    made = batch_report(entries, settings, surroundings, remarks)
    contents = {**made.cartridges, PAGE: made.page, SUMMARY: made.summary}
    for path in output.write({folder / name: data for name, data in contents.items()}, force=force):
        typer.echo(path)
    failed = sum(entry.summary is None for entry in entries)
    if failed:
        fail(f"{failed:,} of {len(entries):,} sounds failed; they are listed above and in {folder / SUMMARY}")
