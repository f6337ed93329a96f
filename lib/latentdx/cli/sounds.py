"""Commands that turn sounds into presets: `latentdx program | match`."""

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from latentdx.cli import output
from latentdx.cli.common import INTERRUPTED, BestOf, Force, Onset, Velocity, naming, report
from latentdx.cli.notes import optional_note
from latentdx.presets.bank import PresetBank

app = typer.Typer()

Sounds = Annotated[
    list[str],
    typer.Argument(metavar="SOUND", help="Sound: FILE, NOTE=FILE or NOTE@VELOCITY=FILE."),
]
Model = Annotated[str, typer.Option(help="Name or file of a model.")]
Note = Annotated[str | None, typer.Option(help="Note that was played (C4 or 60); estimated if omitted.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Random seed.")]


@app.command()
def program(
    sounds: Sounds,
    out: Annotated[Path, typer.Option("--out", "-o", help="Output file, .syx.")] = Path("preset.syx"),
    model: Model = "latentdx",
    best_of: BestOf = 1,
    note: Note = None,
    velocity: Velocity = 85,
    onset: Onset = None,
    name: Annotated[str | None, typer.Option(help="Name of the preset; the file's if omitted.")] = None,
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Program a preset that sounds like a sound file, for Dexed and the DX7.

    \b
    Example:  latentdx program flute.wav -o flute.syx --best-of 64
              latentdx program A2=low.wav --model numcat++
    """
    from latentdx.applications.programmer import load_model, program_targets
    from latentdx.applications.sound_inputs import prepare_inputs
    from latentdx.applications.target import parse_target_file

    output.check_free(out, ".syx", force=force)
    files, key = [parse_target_file(sound) for sound in sounds], optional_note(note)
    with naming("--model"):
        programmer = load_model(model)
    targets = prepare_inputs(files, programmer.notes, key, velocity, onset)
    for file, target in zip(files, targets, strict=True):
        report(file.path, target.remarks, target.warnings)
    found = program_targets(
        programmer, targets, files[0].path.stem if name is None else name, n=best_of, seed=seed, progress=True
    )
    output.write({out: found.preset.sysex()}, force=force)
    report(out, found.remarks, found.warnings)
    typer.echo(
        f"{found.preset.name}: algorithm {found.preset['ALGORITHM'] + 1}, "
        f"distance from the sound {found.distance:.3f} (0 means identical)"
    )
    typer.echo(out)


@app.command()
def match(
    sounds: Sounds,
    out: Annotated[Path, typer.Option("--out", "-o", help="Output cartridge, .syx.")] = Path("match.syx"),
    budget: Annotated[
        int,
        typer.Option(min=1, max=1_000_000, metavar="N", show_default=True, help="Number of renders."),
    ] = 2000,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.001, max=86_400, metavar="S", help="Stop the search after so many seconds."),
    ] = None,
    keep: Annotated[
        int,
        typer.Option(min=1, max=32, metavar="N", show_default=True, help="Number of presets to keep."),
    ] = 8,
    note: Note = None,
    velocity: Velocity = 85,
    onset: Onset = None,
    name: Annotated[str | None, typer.Option(help="Name of the presets; the file's if omitted.")] = None,
    model: Model = "latentdx",
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Search for presets that sound like one or several notes of an instrument, and write them with a page to
    listen to, a report in numbers and previews.

    \b
    Example:  latentdx match flute.wav -o flute.syx --budget 2000
              latentdx match C3=low.wav C5@100=high.wav --seconds 10
    """
    from latentdx.applications import match as matching
    from latentdx.applications.programmer import load_model
    from latentdx.applications.sound_inputs import prepare_sounds
    from latentdx.applications.target import parse_target_file
    from latentdx.display.match_report import MatchedSound, MatchSettings, match_report
    from latentdx.retrieval.known_presets import known_presets

    written = output.MatchFiles(out)
    written.check(force=force, keep=keep, n_sounds=len(sounds))
    files = [parse_target_file(sound) for sound in sounds]
    targets = prepare_sounds(files, optional_note(note), velocity, onset)
    for file, target in zip(files, targets, strict=True):
        report(file.path, target.remarks, target.warnings)
    known, remarks = known_presets()
    for remark in remarks:
        typer.echo(remark)
    with naming("--model"):
        programmer = load_model(model)
    with tqdm(total=budget, unit="render", leave=False, disable=None) as bar:

        def progress(renders: int, distance: float) -> None:
            bar.update(renders - bar.n)
            bar.set_postfix(distance=f"{distance:.3f}")

        found = matching.match_targets(
            targets,
            programmer,
            known,
            budget=budget,
            seconds=seconds,
            keep=keep,
            name=files[0].path.stem if name is None else name,
            seed=seed,
            progress=progress,
        )
    sources = [MatchedSound(str(file.path), target) for file, target in zip(files, targets, strict=True)]
    settings = MatchSettings(budget, seconds, seed, tuple(remarks))
    try:
        made = match_report(found, sources, programmer, settings)
    except BaseException:  # also Ctrl-C: the presets took longer than the page about them
        bank = PresetBank.concatenate(c.preset.bank for c in found.candidates)
        typer.echo(output.write({out: bank.sysex()}, force=force)[0])
        raise
    paths = written.write(made, force=force)
    for stage in found.stages:
        typer.echo(f"{stage.name:>12}  {stage.renders:>6,} renders  distance {stage.distance:.3f}")
    for number, candidate in enumerate(found.candidates, 1):
        tuning = f"{candidate.tuning.verdict}: {candidate.tuning.why}"
        typer.echo(f"{number:>12}  {candidate.preset.name:10}  distance {candidate.distance:.3f}  {tuning}")
    for path in paths:
        typer.echo(path)
    if found.interrupted:
        typer.echo(
            f"latentdx: stopped after {found.renders:,} renders; the best presets so far have been written",
            err=True,
        )
        raise typer.Exit(INTERRUPTED)
