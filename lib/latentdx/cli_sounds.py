"""The commands for one's own sounds and presets: `latentdx program | match | tune | interpolate | info`."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from latentdx.applications import outputs
from latentdx.audio.notes import parse_note
from latentdx.errors import LatentDXError, ParameterError
from latentdx.presets.algorithms import algorithm, text_drawing
from latentdx.presets.bank import Flag, Preset, PresetBank
from latentdx.presets.parameters import parameter

if TYPE_CHECKING:
    from latentdx.applications.tune import Tuning

app = typer.Typer()

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

Force = Annotated[bool, typer.Option("--force", help="Replace files that are there already.")]
Velocity = Annotated[int, typer.Option(help="1 … 127.")]


@app.command()
def program(
    sounds: Annotated[
        list[str], typer.Argument(metavar="SOUND", help="Files: FILE, NOTE=FILE or NOTE@VELOCITY=FILE.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The preset, .syx.")] = Path("preset.syx"),
    model: Annotated[str, typer.Option(help="Its name, or a .safetensors file.")] = "latentdx",
    best_of: Annotated[int, typer.Option(min=1, help="Presets tried; 1: a forward pass.")] = 1,
    note: Annotated[str | None, typer.Option(help="Played: C4, 60, …; default: heard.")] = None,
    velocity: Velocity = 85,
    name: Annotated[str | None, typer.Option(help="Of the preset; default: the file's.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    force: Force = False,
) -> None:
    """Make a preset that sounds like a sound file, for Dexed and the DX7.

    \b
    Example:  latentdx program flute.wav -o flute.syx --best-of 64
              latentdx program A2=low.wav --model numcat++
    """
    from latentdx.applications import answer  # here, for they take seconds to import
    from latentdx.applications.intake import parse_take
    from latentdx.applications.program import load_model

    outputs.check_free(out, ".syx", force=force)
    takes = [parse_take(sound) for sound in sounds]
    programmer = load_model(model)
    heard = answer.hear(takes, programmer.notes, _note(note), velocity)
    for take, intake in zip(takes, heard, strict=True):
        _say(take.path, intake.said, intake.warnings)
    made = answer.answer(
        programmer, heard, takes[0].path.stem if name is None else name, n=best_of, seed=seed, progress=True
    )
    _say(out, made.said, made.warnings)
    typer.echo(
        f"{made.preset.name}: algorithm {made.preset['ALGORITHM'] + 1}, "
        f"distance from the sound {made.distance:.3f} (0 is the same)"
    )
    outputs.write_files({out: made.preset.sysex()})
    typer.echo(out)


@app.command()
def match(
    sounds: Annotated[
        list[str], typer.Argument(metavar="SOUND", help="Files: FILE, NOTE=FILE or NOTE@VELOCITY=FILE.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The cartridge, .syx.")] = Path("match.syx"),
    budget: Annotated[int, typer.Option(min=1, show_default=True, help="Renders.")] = 2000,
    seconds: Annotated[float | None, typer.Option(help="Stop the search after as many.")] = None,
    keep: Annotated[int, typer.Option(min=1, max=32, show_default=True, help="Presets to find.")] = 8,
    note: Annotated[str | None, typer.Option(help="Played: C4, 60, …; default: heard.")] = None,
    velocity: Velocity = 85,
    name: Annotated[str | None, typer.Option(help="Of the presets; default: the file's.")] = None,
    model: Annotated[str, typer.Option(help="Its name, or a .safetensors file.")] = "latentdx",
    seed: Annotated[int, typer.Option(min=0, help="The same, the same presets.")] = 0,
    force: Force = False,
) -> None:
    """Search for presets that sound like a sound file, or like several.

    Writes a cartridge, a page to listen to, a report, and previews.

    \b
    Example:  latentdx match flute.wav -o flute.syx --budget 2000
              latentdx match C3=low.wav C5@100=high.wav --seconds 10
    """
    from latentdx.applications import match as matching  # here, for they take seconds to import
    from latentdx.applications.intake import parse_take
    from latentdx.applications.program import load_model
    from latentdx.book import report
    from latentdx.models.index import known_presets

    for path, suffix in zip(report.files(out), (".syx", ".html", ".json"), strict=True):
        outputs.check_free(path, suffix, force=force)
    outputs.check_folder(report.previews(out), (), force=force)
    takes = [parse_take(sound) for sound in sounds]
    heard = matching.hear(takes, _note(note), velocity)
    for take, intake in zip(takes, heard, strict=True):
        _say(take.path, intake.said, intake.warnings)
    known, remarks = known_presets()
    for remark in remarks:
        typer.echo(remark)
    programmer = load_model(model)
    with tqdm(total=budget, unit="render", leave=False, disable=None) as bar:

        def progress(renders: int, distance: float) -> None:
            bar.update(renders - bar.n)
            bar.set_postfix(distance=f"{distance:.3f}")

        found = matching.match(
            heard,
            programmer,
            matching.nearest_presets(matching.reference(heard), known),
            budget=budget,
            seconds=seconds,
            keep=keep,
            name=takes[0].path.stem if name is None else name,
            seed=seed,
            progress=progress,
        )
    for stage in found.stages:
        typer.echo(f"{stage.name:>12}  {stage.renders:>6,} renders  distance {stage.distance:.3f}")
    for number, candidate in enumerate(found.candidates, 1):
        told = f"{candidate.preset.name:10}  {candidate.distance:.3f}  {candidate.tuning.why}"
        typer.echo(f"{number:>12}  {told}")
    sources = [report.Source(str(take.path), intake) for take, intake in zip(takes, heard, strict=True)]
    settings = report.Settings(budget, seconds, seed, tuple(remarks))
    report.write(found, sources, programmer, settings, out)
    for path in (*report.files(out), report.previews(out)):
        typer.echo(path)
    if found.interrupted:
        typer.echo(f"latentdx: stopped after {found.renders:,} renders; the best so far is written", err=True)
        raise typer.Exit(INTERRUPTED)


@app.command()
def tune(
    file: Annotated[Path, typer.Argument(metavar="BANK", help="A .syx or .bin file, or a folder.")],
    to: Annotated[str | None, typer.Option(help="The pitch wanted: A3, 57, 57.5.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The tuned bank, .syx.")] = Path("tuned.syx"),
    note: Annotated[str | None, typer.Option(help="Played; default 60, or the target's.")] = None,
    velocity: Velocity = 85,
    keep_octave: Annotated[
        bool, typer.Option("--keep-octave", help="Go to the pitch's nearest octave.")
    ] = False,
    target: Annotated[Path | None, typer.Option(help="A sound to be in tune with, in place of --to.")] = None,
    force: Force = False,
) -> None:
    """Bring every preset of a bank in tune with a pitch, or with a sound.

    \b
    Example:  latentdx tune bank.syx --to 60 -o tuned.syx
              latentdx tune bank.syx --target flute.wav
    """
    if (to is None) == (target is None):
        raise typer.BadParameter("one of --to and --target says what to be in tune with")
    if keep_octave and to is None:
        raise typer.BadParameter("--keep-octave goes with --to")
    outputs.check_free(out, ".syx", force=force)
    bank, key = PresetBank.read(file), _note(note)
    if target is None:
        one = _to_pitch(_pitch(to or ""), 60 if key is None else key, velocity, keep_octave)
    else:
        one = _to_sound(target, key, velocity)
    one = cache(one)  # a cartridge may hold many INIT VOICEs
    tuned = []
    for i, preset in enumerate(bank):
        done = one(preset)
        tuned.append(done)
        cents = f"{_cents(done.before_cents):>6} -> {_cents(done.after_cents):>6} cents"
        typer.echo(f"{i:>6}  {preset.name:10}  {cents}  {done.verdict}: {done.why}")
    counts = Counter(done.verdict for done in tuned)
    typer.echo(", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()))
    values, names = [done.preset.values for done in tuned], [done.preset.name for done in tuned]
    outputs.write_files({out: outputs.sysex(PresetBank.from_values(values, names))})
    typer.echo(out)


def _to_pitch(midi: float, note: int, velocity: int, keep_octave: bool) -> "Callable[[Preset], Tuning]":
    from latentdx.applications.tune import tune_to  # here, for it takes seconds to import

    return partial(tune_to, midi=midi, note=note, velocity=velocity, keep_octave=keep_octave)


def _to_sound(target: Path, note: int | None, velocity: int) -> "Callable[[Preset], Tuning]":
    from latentdx.applications import tune
    from latentdx.applications.intake import take_in
    from latentdx.audio import pitch

    heard = take_in(target, note=note, velocity=velocity)
    _say(target, heard.said, heard.warnings)
    wanted = pitch.estimate(heard.sound)
    return partial(tune.tune, target=heard.sound, note=heard.note, velocity=velocity, wanted=wanted)


@app.command()
def interpolate(
    first: Annotated[Path, typer.Argument(metavar="A", help="Where it starts: a file of presets.")],
    last: Annotated[Path, typer.Argument(metavar="B", help="Where it ends.")],
    steps: Annotated[int, typer.Option(min=2, max=128, show_default=True, help="Both ends are steps.")] = 7,
    space: Annotated[
        str,
        typer.Option(
            help="latent, naive; or naive-paced, latent-paced, matched, heard, guided, paced, switch."
        ),
    ] = "latent",
    out: Annotated[Path, typer.Option("--out", "-o", help="The path, .syx.")] = Path("path.syx"),
    preview: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each step's sound there, .flac.")
    ] = None,
    voice_a: Annotated[str | None, typer.Option(help="Index or name in A; default: the first.")] = None,
    voice_b: Annotated[str | None, typer.Option(help="The same in B.")] = None,
    model: Annotated[str | None, typer.Option(help="Name or file; default numcat++.")] = None,
    force: Force = False,
) -> None:
    """Lead from one preset to another in steps.

    \b
    Example:  latentdx interpolate a.syx b.syx --steps 7 --preview sounds
              latentdx interpolate rom1a.syx rom1a.syx --voice-a "E.PIANO 1" --voice-b 25
    """
    from latentdx.applications.interpolate import interpolate  # here, for they take seconds to import
    from latentdx.applications.program import load_model

    outputs.check_free(out, ".syx", force=force)
    sounds = [f"step-{i:0{len(str(steps))}}.flac" for i in range(1, steps + 1)]
    if preview is not None:
        outputs.check_folder(preview, sounds, force=force)
    banks = PresetBank.read(first), PresetBank.read(last)
    a, b = (bank[_index(bank, voice)] for bank, voice in zip(banks, (voice_a, voice_b), strict=True))
    path = interpolate(a, b, steps, space, None if model is None else load_model(model))
    contents = {out: outputs.sysex(path)}
    if preview is not None:
        heard = outputs.previews(path)
        preview.mkdir(exist_ok=True)
        contents |= {preview / name: data for name, data in zip(sounds, heard, strict=True)}
    outputs.write_files(contents)
    _list(path, range(len(path)))
    for written in contents:
        typer.echo(written)


@app.command()
def info(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .syx or .bin file, the paper's database, or a folder.")
    ],
    limit: Annotated[int, typer.Option(min=0, help="Presets to list; 0 lists all.")] = 64,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Read on past damaged parts, and say so.")
    ] = False,
    voice: Annotated[str | None, typer.Option(help="Draw only this one: index or name.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with the algorithms drawn.")
    ] = None,
    force: Force = False,
) -> None:
    """List a file's presets: name, algorithm, what was mended; or draw them.

    \b
    Example:  latentdx info rom1a.syx
              latentdx info rom1a.syx --voice "E.PIANO 1"
              latentdx info rom1a.syx --html rom1a.html
    """
    if html is not None:
        outputs.check_free(html, ".html", force=force)
    bank = PresetBank.read(file, strict=not lenient)
    if voice is not None:
        shown = [_index(bank, voice)]
        _draw(bank[shown[0]], shown[0])
    else:
        shown = list(range(len(bank) if limit == 0 else min(limit, len(bank))))
        typer.echo(f"{file}: {len(bank)} presets, {int((bank.flags & Flag.MENDED > 0).sum())} mended")
        for remark in bank.notes:
            typer.echo(f"  {remark}")
        _list(bank, shown)
        if len(shown) < len(bank):
            typer.echo(f"… and {len(bank) - len(shown):,} more (--limit 0 lists all)")
    if html is not None:
        outputs.write_files({html: _page(bank, shown, file.name).encode()})
        typer.echo(html)


def _list(bank: PresetBank, indices: Iterable[int]) -> None:
    typer.echo(f"{'index':>6}  {'name':10}  {'algorithm':>9}  {'mended':>6}  flags")
    for i in indices:
        preset, flags = bank[i], Flag(int(bank.flags[i]))
        labels = ", ".join((flag.name or "").lower() for flag in flags)
        row = f"{i:>6}  {preset.name:10}  {preset['ALGORITHM'] + 1:>9}  {bank.mended[i].sum():>6}  {labels}"
        typer.echo(row.rstrip())


def _draw(preset: Preset, index: int) -> None:
    transpose = parameter("TRANSPOSE").text(preset["TRANSPOSE"])
    typer.echo(f"{index}: {preset.name}, feedback {preset['FEEDBACK']}, transposed by {transpose}")
    typer.echo(algorithm(preset["ALGORITHM"] + 1).describe())
    typer.echo(text_drawing(preset))
    typer.echo("In each box: operator and output level; frequency (× that of the key).")


def _page(bank: PresetBank, indices: Iterable[int], title: str) -> str:
    try:
        from latentdx.book.algorithms import bank_page
    except ImportError as error:
        raise LatentDXError(
            f"--html needs the book's libraries ({error}): pip install 'latentdx[book]'"
        ) from error
    return bank_page({i: bank[i] for i in indices}, title)


def _index(bank: PresetBank, voice: str | None) -> int:
    """Of a preset by what a user typed; nothing is the first."""
    if voice is None:
        return 0
    if not re.fullmatch("[0-9]+", voice):
        return bank.index(voice)
    if len(voice) > 9 or int(voice) >= len(bank):
        raise ParameterError(f"there is no preset {voice}: the indices are 0 … {len(bank) - 1}")
    return int(voice)


def _note(text: str | None) -> int | None:
    return None if text is None else parse_note(text)


def _pitch(text: str) -> float:
    """A MIDI note that may lie between keys ("57.5"), or a note's name."""
    try:
        return float(text)
    except ValueError:
        return float(parse_note(text))


def _cents(cents: float) -> str:
    return "–" if math.isnan(cents) else f"{round(cents):+d}"


def _say(what: Path, said: Iterable[str], warnings: Iterable[str]) -> None:
    """What was done, on stdout; what may be wrong, on stderr."""
    for line in said:
        typer.echo(f"{what}: {line}")
    for line in warnings:
        typer.echo(f"latentdx: warning: {what}: {line}", err=True)
