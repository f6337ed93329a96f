"""Test that every numeric option of every command refuses what makes no sense, before any work."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from typer.models import OptionInfo
from typer.testing import CliRunner

from latentdx.cli import evaluation
from latentdx.cli.app import app


def commands() -> Iterator[tuple[list[str], Any]]:
    """Yield each command's words and its function."""
    for words, group in (([], app), (["evaluate"], evaluation.app)):
        for command in group.registered_commands:
            yield [*words, command.name or command.callback.__name__], command.callback


def numeric_options() -> Iterator[tuple[list[str], str, type, OptionInfo]]:
    """Yield each numeric option: its command, its name, its type and its declaration."""
    for words, function in commands():
        for name, hint in get_type_hints(function, include_extras=True).items():
            if get_origin(hint) is not Annotated:
                continue
            plain, declared = get_args(hint)
            union = get_origin(plain) in (Union, types.UnionType)
            for kind in {int, float} & set(get_args(plain) if union else [plain]):
                option = (declared.param_decls or ["--" + name.replace("_", "-")])[0]
                yield words, option, kind, declared


OPTIONS = list(numeric_options())


def refused(words: list[str], option: str, value: str) -> None:
    result = CliRunner().invoke(app, [*words, f"{option}={value}"])
    assert result.exit_code == 2, result.output
    assert f"Invalid value for '{option}'" in result.stderr


def test_a_refusal_names_the_value_and_the_bound() -> None:
    result = CliRunner().invoke(app, ["match", "x.wav", "--budget=0"])
    assert "'--budget': 0 should be greater than or equal to 1" in result.stderr


def test_all_numeric_options_are_found() -> None:
    found = {(*words, option) for words, option, _, _ in OPTIONS}
    assert {("match", "--seconds"), ("train", "--epochs"), ("evaluate", "model", "--temperature")} <= found


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "", "1e999", "1" + "0" * 30, "x"])
@pytest.mark.parametrize(("words", "option", "kind", "declared"), OPTIONS)
def test_numbers_that_make_no_sense_are_refused(
    words: list[str], option: str, kind: type, declared: OptionInfo, value: str
) -> None:
    refused(words, option, value)


@pytest.mark.parametrize(("words", "option", "kind", "declared"), OPTIONS)
def test_numbers_have_bounds_and_the_help_names_them(
    words: list[str], option: str, kind: type, declared: OptionInfo
) -> None:
    assert declared.min is not None and declared.max is not None
    text = "".join(CliRunner().invoke(app, [*words, "--help"]).stdout.split())
    assert f"{declared.min}<=x<={declared.max}" in text
    if declared.min > 0:
        refused(words, option, "0")
    refused(words, option, str(declared.max + 1))


@pytest.mark.parametrize("value", ["513", "1" + "0" * 30])
def test_numbers_of_devices_that_no_machine_has_are_refused(value: str) -> None:
    refused(["train", "num"], "--devices", value)
