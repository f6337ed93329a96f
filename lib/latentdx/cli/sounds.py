"""Command that turns sounds into presets at once: `latentdx program`, and options that `match` has too."""

from pathlib import Path
from typing import Annotated

import typer

from latentdx.cli import output
from latentdx.cli.common import BestOf, Force, Onset, Velocity, naming, report
from latentdx.cli.notes import Yamaha, optional_note

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
    yamaha: Yamaha = False,
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
    files = [parse_target_file(sound, yamaha=yamaha) for sound in sounds]
    key = optional_note(note, yamaha)
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
