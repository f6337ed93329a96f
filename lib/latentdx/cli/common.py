"""Options, errors and messages that the commands share."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from latentdx.cli.terminal import make_output_safe
from latentdx.errors import (
    AmbiguousNameError,
    DataMissingError,
    LatentDXError,
    ParameterError,
    PresetFileError,
    UnknownNameError,
)
from latentdx.presets.bank import PresetBank

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as in shells."""

MOST_PROCESSES = 512
"""Largest number of processes or threads; more would fill a machine's memory before they do any work."""

MOST_PRESETS = 10_000_000
"""Largest number of presets that a command can be limited to; no corpus is as large."""

Force = Annotated[bool, typer.Option("--force", help="Replace files that already exist.")]
Velocity = Annotated[int, typer.Option(min=1, max=127, metavar="N", help="Velocity of the note.")]
Onset = Annotated[
    int | None,
    typer.Option(min=0, max=10_000, metavar="N", help="Which of several onsets to take; 0 keeps all."),
]
Lenient = Annotated[
    bool,
    typer.Option(
        "--lenient/--strict",
        help="Read what is intact of damaged files and report the rest, or refuse them.",
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(min=1, max=MOST_PROCESSES, metavar="N", help="Processes; one per core if omitted."),
]
BestOf = Annotated[
    int,
    typer.Option(min=1, max=10_000, metavar="N", help="Number of presets to try; 1 is one forward pass."),
]


class Group(TyperGroup):
    """Command group that prints our own errors, and the system's, as one line on stderr (exit status 1)."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        make_output_safe()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = _naming_the_value(error)
            raise
        except PresetFileError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            lenient = command is not None and any(p.name == "lenient" for p in command.params)
            fail(error.text("--lenient" if lenient else None))
        except LatentDXError as error:
            fail(str(error))
        except KeyboardInterrupt:
            fail("stopped", INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:  # `latentdx info … | head` is not an error
                raise
            fail(str(error))


def fail(message: str, status: int = 1) -> NoReturn:
    """Print an error as one line on stderr, and exit.

    Args:
        message: Message; line breaks in it become spaces.
        status: Exit status.
    """
    typer.echo(f"latentdx: {_one_line(message)}", err=True)
    raise typer.Exit(status)


@contextmanager
def naming(option: str) -> Iterator[None]:
    """Let an error about the value of an option begin with the option's name.

    Args:
        option: Such as "--note".
    """
    try:
        yield
    except (ParameterError, UnknownNameError, AmbiguousNameError, DataMissingError) as error:
        raise type(error)(f"{option}: {error}") from error


def report(what: Path, remarks: Iterable[str], warnings: Iterable[str]) -> None:
    """Print remarks on a file to stdout, and warnings to stderr.

    Args:
        what: The file.
        remarks: Phrases on what was done with it.
        warnings: Phrases on what may be wrong with it.
    """
    for line in remarks:
        typer.echo(f"{what}: {line}")
    warn(f"{what}: {line}" for line in warnings)


def report_each(files: Iterable[tuple[Path, Iterable[str], Iterable[str]]]) -> None:
    """Print remarks and warnings on several files; what is true of several of them is printed once.

    Args:
        files: Each file with its remarks and its warnings; see `report`.
    """
    remarks: dict[str, list[Path]] = {}
    warnings: dict[str, list[Path]] = {}
    for file, told, doubts in files:
        for texts, found in ((told, remarks), (doubts, warnings)):
            for text in texts:
                found.setdefault(text, []).append(file)
    for text, where in remarks.items():
        typer.echo(f"{', '.join(map(str, where))}: {text}")
    warn(f"{', '.join(map(str, where))}: {text}" for text, where in warnings.items())


def read_presets(path: Path, lenient: bool) -> PresetBank:
    """Read a user's presets, and print warnings on damaged and skipped parts to stderr.

    Args:
        path: File or folder.
        lenient: See `Lenient`.
    """
    bank = PresetBank.read(path, strict=not lenient)
    warn(bank.notes)
    return bank


def voice_index(bank: PresetBank, voice: str | None) -> int:
    """Return the index of the preset that a user named by index or name; the first one by default."""
    if voice is None:
        return 0
    if not (voice.isascii() and voice.isdigit()):
        return bank.index(voice)
    if len(voice) > 9 or int(voice) >= len(bank):
        raise ParameterError(f"there is no preset {voice}: the indices are 0 … {len(bank) - 1}")
    return int(voice)


def warn(warnings: Iterable[str]) -> None:
    """Print warnings to stderr, one line each."""
    for line in warnings:
        typer.echo(f"latentdx: warning: {_one_line(line)}", err=True)


def _naming_the_value(error: typer.BadParameter) -> str:
    """Return the message of an error about an option, with the value where typer only says "Input"."""
    validation = getattr(error.__cause__, "errors", None)  # pydantic's
    value = validation()[0]["input"] if validation else None
    return error.message.replace("Input", str(value), 1) if value is not None else error.message


def _one_line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines())
