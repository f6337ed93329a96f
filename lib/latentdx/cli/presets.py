"""Commands that work on presets: `latentdx tune | interpolate | play | info`."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import numpy as np
import typer
from tqdm import tqdm

from latentdx.audio.notes import both_names, parse_note
from latentdx.cli import output
from latentdx.cli.common import (
    MOST_PRESETS,
    Force,
    Lenient,
    Onset,
    Velocity,
    naming,
    read_presets,
    report,
    voice_index,
    warn,
)
from latentdx.cli.notes import Yamaha, optional_note, parse_pitch
from latentdx.errors import ParameterError
from latentdx.presets.algorithms import algorithm, text_drawing
from latentdx.presets.bank import Flag, Preset, PresetBank
from latentdx.presets.parameters import parameter, voice_parameters
from latentdx.typing import Audio

if TYPE_CHECKING:
    from latentdx.applications.master_tune import MasterTuning
    from latentdx.applications.tune import Tuning

    TuneOne = Callable[[Preset], tuple[Tuning, MasterTuning | None]]

app = typer.Typer()

_PLAYED_RATE = 44_100
_BYTES_PER_SECOND = 3 * _PLAYED_RATE


@app.command()
def tune(
    file: Annotated[Path, typer.Argument(metavar="BANK", help="A .syx or .bin file, or a folder.")],
    to: Annotated[str | None, typer.Option(help="Pitch to tune to: A3, 57 or 57.5.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Output file, .syx.")] = Path("tuned.syx"),
    note: Annotated[str | None, typer.Option(help="Note to play; 60, or the target's, if omitted.")] = None,
    velocity: Velocity = 85,
    keep_octave: Annotated[
        bool, typer.Option("--keep-octave", help="Tune to the nearest octave of the pitch.")
    ] = False,
    target: Annotated[Path | None, typer.Option(help="Sound file to tune to, instead of --to.")] = None,
    onset: Onset = None,
    yamaha: Yamaha = False,
    lenient: Lenient = True,
    force: Force = False,
) -> None:
    """Tune every preset of a bank, and list the master tune that would do it, too.

    \b
    Example:  latentdx tune bank.syx --to 60 -o tuned.syx
              latentdx tune bank.syx --target flute.wav
    """
    if (to is None) == (target is None):
        raise typer.BadParameter("give either --to or --target")
    if keep_octave and to is None:
        raise typer.BadParameter("--keep-octave works with --to only")
    if onset is not None and target is None:
        raise typer.BadParameter("--onset works with --target only")
    output.check_free(out, ".syx", force=force)
    key, bank = optional_note(note, yamaha), read_presets(file, lenient)
    if target is None:
        tune_one = _to_pitch(parse_pitch(to or "", yamaha), 60 if key is None else key, velocity, keep_octave)
    else:
        tune_one = _to_sound(target, key, velocity, onset)
    tune_one = cache(tune_one)  # a cartridge may hold many INIT VOICEs
    progress = tqdm(bank, unit="preset", leave=False, disable=None)
    tuned, settings = zip(*(tune_one(preset) for preset in progress), strict=True)
    values, names = [found.preset.values for found in tuned], [found.preset.name for found in tuned]
    output.write({out: output.sysex(PresetBank.from_values(values, names))}, force=force)
    for i, (preset, found, setting) in enumerate(zip(bank, tuned, settings, strict=True)):
        cents = f"{_cents(found.before_cents):>6} -> {_cents(found.after_cents):>6} cents"
        other = _setting_text(setting) if setting and found.verdict != "in tune" else ""
        typer.echo(f"{i:>6}  {preset.name:10}  {cents}  {found.verdict}: {found.why}{other}")
    counts = Counter(found.verdict for found in tuned)
    typer.echo(", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()))
    if any(setting and (setting.cents or setting.transpose) for setting in settings):
        typer.echo(f"for a player with a master tune, such as Dexed, set as listed: {file}, as it is")
    typer.echo("for a DX7 and every other player, because its presets carry their tuning:")
    typer.echo(out)


def _setting_text(setting: "MasterTuning") -> str:
    parts = [f"transposed by {setting.transpose:+d}"] if setting.transpose else []
    parts += [f"with master tune {setting.cents:+.1f}"] if setting.cents else []
    return f"; or as it was, {' and '.join(parts)}: {_cents(setting.after_cents)}"


def _to_pitch(midi: float, note: int, velocity: int, keep_octave: bool) -> "TuneOne":
    from latentdx.applications.master_tune import master_tune
    from latentdx.applications.tune import check_wanted, tune_to

    with naming("--to"):
        check_wanted(midi)

    def tune_one(preset: Preset) -> "tuple[Tuning, MasterTuning | None]":
        found = tune_to(preset, midi, note, velocity, keep_octave=keep_octave)
        return found, master_tune(preset, found, note, velocity)

    return tune_one


def _to_sound(file: Path, note: int | None, velocity: int, onset: int | None) -> "TuneOne":
    from latentdx.applications import tune
    from latentdx.applications.master_tune import master_tune
    from latentdx.applications.target import prepare_target
    from latentdx.audio import pitch

    target = prepare_target(file, note=note, velocity=velocity, onset=onset)
    report(file, [*target.remarks, f"presets are played at note {both_names(target.note)}"], target.warnings)
    wanted = pitch.estimate(target.sound)

    def tune_one(preset: Preset) -> "tuple[Tuning, MasterTuning | None]":
        found = tune.tune(preset, target.sound, target.note, velocity, wanted=wanted)
        return found, master_tune(preset, found, target.note, velocity, target=target.sound)

    return tune_one


@app.command()
def interpolate(
    first: Annotated[Path, typer.Argument(metavar="A", help="File with the preset to start from.")],
    last: Annotated[Path, typer.Argument(metavar="B", help="File with the preset to end at.")],
    steps: Annotated[
        int, typer.Option(min=2, max=128, metavar="N", show_default=True, help="Presets, both ends included.")
    ] = 7,
    space: Annotated[
        str,
        typer.Option(
            help="latent, naive; or naive-paced, latent-paced, matched, heard, guided, paced, switch."
        ),
    ] = "latent",
    out: Annotated[Path, typer.Option("--out", "-o", help="Output file, .syx.")] = Path("path.syx"),
    preview: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder to write the presets' sounds to, .flac.")
    ] = None,
    voice_a: Annotated[
        str | None, typer.Option(help="Index or name of A's preset; otherwise the first.")
    ] = None,
    voice_b: Annotated[
        str | None, typer.Option(help="Index or name of B's preset; otherwise the first.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Name or file of a model; otherwise numcat++ or latentdx."),
    ] = None,
    lenient: Lenient = True,
    force: Force = False,
) -> None:
    """Interpolate from one preset to another.

    \b
    Example:  latentdx interpolate a.syx b.syx --steps 7 --preview sounds
              latentdx interpolate rom1a.syx rom1a.syx --voice-a "E.PIANO 1" --voice-b 25
    """
    from latentdx.applications.interpolate import METHODS, check_method, default_model, interpolate
    from latentdx.applications.programmer import load_model

    with naming("--space"):
        check_method(space)
    output.check_free(out, ".syx", force=force)
    sounds = [f"step-{i:0{len(str(steps))}}.flac" for i in range(1, steps + 1)]
    if preview is not None:
        output.check_folder(preview, sounds, force=force, size=steps * output.SOUND_BYTES)
    banks = read_presets(first, lenient), read_presets(last, lenient)
    with naming("--voice-a"):
        a = banks[0][voice_index(banks[0], voice_a)]
    with naming("--voice-b"):
        b = banks[1][voice_index(banks[1], voice_b)]
    if METHODS[space].model:
        model = model or default_model()
    with naming("--model"):
        programmer = None if model is None else load_model(model)
    if METHODS[space].model:
        typer.echo(f"interpolating through the latent space of {model}")
    path = interpolate(a, b, steps, space, programmer)
    contents = {out: output.sysex(path)}
    if preview is not None:
        rendered = output.previews(path)
        contents |= {preview / name: data for name, data in zip(sounds, rendered, strict=True)}
    paths = output.write(contents, force=force)
    _list(path, range(len(path)))
    for written in paths:
        typer.echo(written)


@app.command()
def play(
    file: Annotated[Path, typer.Argument(metavar="BANK", help="A .syx or .bin file, or a folder.")],
    voice: Annotated[
        str | None, typer.Option(help="Index or name of the preset; otherwise the first.")
    ] = None,
    note: Annotated[str, typer.Option(help="Note to play, C4 or 60.")] = "60",
    velocity: Velocity = 85,
    hold: Annotated[
        float, typer.Option(min=0.01, max=600, metavar="S", help="Seconds for which the key is held.")
    ] = 2.0,
    release: Annotated[
        float,
        typer.Option(min=0.1, max=600, metavar="S", help="Most seconds to listen after the key is released."),
    ] = 10.0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Sound file, .wav, .flac or .mp3; or the speakers.")
    ] = None,
    yamaha: Yamaha = False,
    lenient: Lenient = True,
    force: Force = False,
) -> None:
    """Play a preset to the speakers or into a sound file: held, let go, until it has faded.

    \b
    Example:  latentdx play bank.syx --voice 3 --note C3 --hold 2 -o x.wav
    """
    from latentdx.audio.engine.synth import Engine
    from latentdx.audio.io.encoding import Container, encode
    from latentdx.audio.played_note import play_note

    container = "" if out is None else out.suffix.lower()
    if out is not None:
        if container not in (".wav", ".flac", ".mp3"):
            raise ParameterError(f"--out: {out} does not end in .wav, .flac or .mp3")
        output.check_free(out, container, force=force, size=int((hold + release) * _BYTES_PER_SECOND))
    with naming("--note"):
        key = parse_note(note, yamaha=yamaha)
    bank = read_presets(file, lenient)
    with naming("--voice"):
        preset = bank[voice_index(bank, voice)]
    played = play_note(preset, key, velocity, hold=hold, release=release, engine=Engine(_PLAYED_RATE))
    gain = 1 / max(played.peak, 1.0)
    sound = (played.sound * gain).astype(np.float32)
    typer.echo(
        f"{preset.name}: note {both_names(key)}, velocity {velocity}, held {hold:g} s, heard for"
        f" {len(sound) / _PLAYED_RATE:.1f} s, peak {20 * math.log10(max(played.peak, 1e-6)):.1f} dBFS"
    )
    if gain < 1:
        typer.echo(f"turned down by {-20 * math.log10(gain):.1f} dB, so that nothing clips")
    if played.end_db > -math.inf:
        level = f"it still sounds, at {played.end_db:.0f} dB of its loudest moment"
        warn([f"{level}, {release:g} s after its key is released"])
    if out is None:
        _to_speakers(sound)
    else:
        data = encode(sound, cast(Container, container[1:]), _PLAYED_RATE)
        for written in output.write({out: data}, force=force):
            typer.echo(written)


def _to_speakers(sound: Audio) -> None:
    """Play a sound, and wait for its end.

    Raises:
        ParameterError: There is nothing to play it on.
    """
    from pedalboard.io import AudioStream

    try:
        if not AudioStream.output_device_names:
            raise ParameterError("there are no speakers here: -o FILE.wav writes the sound to a file")
        AudioStream.play(sound, _PLAYED_RATE)
    except (RuntimeError, AttributeError) as error:
        raise ParameterError(f"the speakers cannot be used ({error}): -o FILE.wav writes a file") from error


@app.command()
def info(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .syx or .bin file, the paper's database, or a folder.")
    ],
    limit: Annotated[
        int, typer.Option(min=0, max=MOST_PRESETS, help="Number of presets to list; 0 lists all.")
    ] = 64,
    lenient: Lenient = True,
    voice: Annotated[str | None, typer.Option(help="Draw only this preset: index or name.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with drawings of the algorithms.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print names and parameters as JSON.")] = False,
    force: Force = False,
) -> None:
    """List the presets of a file with their algorithms, or draw them.

    \b
    Example:  latentdx info rom1a.syx
              latentdx info rom1a.syx --voice "E.PIANO 1"
              latentdx info rom1a.syx --html rom1a.html
    """
    if html is not None:
        output.check_free(html, ".html", force=force)
    bank = PresetBank.read(file, strict=not lenient)
    if voice is not None:
        with naming("--voice"):
            shown = [voice_index(bank, voice)]
    else:
        shown = list(range(len(bank) if limit == 0 else min(limit, len(bank))))
    if html is not None:
        from latentdx.display.algorithms import bank_page

        output.write(
            {html: bank_page({i: bank[i] for i in shown}, file.name).encode(errors="replace")}, force=force
        )
    if as_json:
        typer.echo(json.dumps(_description(bank, shown, file), indent=1))
    elif voice is not None:
        _draw(bank[shown[0]], shown[0])
    else:
        presets = "1 preset" if len(bank) == 1 else f"{len(bank)} presets"
        typer.echo(f"{file}: {presets}, {int((bank.flags & Flag.MENDED > 0).sum())} mended")
        for remark in bank.notes:
            typer.echo(f"  {remark}")
        _list(bank, shown)
        if len(shown) < len(bank):
            typer.echo(f"… and {len(bank) - len(shown):,} more (--limit 0 lists all)")
    if html is not None:
        typer.echo(html, err=as_json)


def _labels(bank: PresetBank, i: int) -> list[str]:
    return [(flag.name or "").lower() for flag in Flag(int(bank.flags[i]))]


def _description(bank: PresetBank, indices: Iterable[int], file: Path) -> dict[str, object]:
    """Describe some presets of a file for other programs."""
    return {
        "file": str(file),
        "presets": len(bank),
        "remarks": bank.notes,
        "voices": [
            {
                "index": i,
                "name": bank.names[i],
                "algorithm": bank[i]["ALGORITHM"] + 1,
                "mended": int(bank.mended[i].sum()),
                "flags": _labels(bank, i),
                "parameters": {p.name: bank[i][p.name] for p in voice_parameters()},
            }
            for i in indices
        ],
    }


def _list(bank: PresetBank, indices: Iterable[int]) -> None:
    typer.echo(f"{'index':>6}  {'name':10}  {'algorithm':>9}  {'mended':>6}  flags")
    for i in indices:
        preset, labels = bank[i], ", ".join(_labels(bank, i))
        row = f"{i:>6}  {preset.name:10}  {preset['ALGORITHM'] + 1:>9}  {bank.mended[i].sum():>6}  {labels}"
        typer.echo(row.rstrip())


def _draw(preset: Preset, index: int) -> None:
    transpose = parameter("TRANSPOSE").text(preset["TRANSPOSE"])
    typer.echo(f"{index}: {preset.name}, feedback {preset['FEEDBACK']}, transposed by {transpose}")
    typer.echo(algorithm(preset["ALGORITHM"] + 1).describe())
    typer.echo(text_drawing(preset))
    typer.echo("Each box shows the operator, its output level, and its frequency (× that of the key).")


def _cents(cents: float) -> str:
    return "–" if math.isnan(cents) else f"{round(cents):+d}"
