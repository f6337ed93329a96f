"""Test the commands for one's own sounds and presets: what they print, write and leave alone."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from latentdx import Dexed, PresetBank
from latentdx.applications import match as matching
from latentdx.applications.interpolate import METHODS, MOST_STEPS, interpolate
from latentdx.audio import pitch
from latentdx.audio.io import encoding
from latentdx.cli.app import app
from latentdx.display import match_report
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from tones import kick, snare


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def starter() -> PresetBank:
    return corpora.read("starter")


@pytest.fixture
def bank(here: Path) -> Path:
    """A bank of four INIT VOICEs: in tune, a semitone sharp, an octave low, and silent."""
    voice = PresetBank.init()[0]
    voices = [
        voice.with_values("TRUE"),
        voice.with_values("SHARP", TRANSPOSE=25),
        voice.with_values("<B>LOW", TRANSPOSE=12),
        voice.with_values("SILENT", **{"OP1 OUTPUT LEVEL": 0}),
    ]
    packed = PresetBank.concatenate(v.bank for v in voices).packed()
    (here / "bank.bin").write_bytes(packed.tobytes())
    return here / "bank.bin"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def write(preset: Preset, note: int, path: Path) -> Path:
    path.write_bytes(encoding.encode(Dexed().render(preset, note), "flac"))
    return path


def files_in(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def refused(result: Result, *parts: str) -> None:
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("latentdx: ") and result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


@pytest.mark.parametrize(
    ("command", "most"), [("program", 24), ("match", 39), ("tune", 24), ("interpolate", 24), ("info", 24)]
)
def test_help_fits_a_screen_and_shows_an_example(command: str, most: int) -> None:
    result = run(command, "--help")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and len(lines) <= most and max(map(len, lines)) <= 100
    assert any(line.strip().startswith(f"Example:  latentdx {command}") for line in lines)
    assert f"  {command} " in run("--help").stdout


def test_help_names_every_method_of_interpolation() -> None:
    text = run("interpolate", "--help").stdout
    assert all(name in text for name in METHODS) and f"<={MOST_STEPS}]" in "".join(text.split())


def test_program_writes_a_voice_for_the_note_of_the_sound(here: Path, starter: PresetBank) -> None:
    sound = write(starter["FM BASS 1"], 48, here / "Bäss_of-the house.flac")
    result = run("program", sound, "-o", "out.syx", "--note", "C3")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert f"{sound}: level changed by" in result.stdout and lines[-1] == "out.syx"
    assert "out.syx: transposed by +12 semitones; play it at note 48 (C3)" in lines
    (preset,) = PresetBank.read("out.syx")
    assert Path("out.syx").stat().st_size == 163
    assert preset.name == "Bass_of-th" and preset["TRANSPOSE"] == 36
    assert f"{preset.name}: algorithm {preset['ALGORITHM'] + 1}, distance from the sound" in lines[-2]
    before = Path("out.syx").read_bytes()
    refused(run("program", sound, "-o", "out.syx"), "out.syx exists already: --force")
    assert Path("out.syx").read_bytes() == before
    named = run("program", sound, "-o", "out.syx", "--note", 48, "--name", "Other", "--force")
    assert named.exit_code == 0 and PresetBank.read("out.syx").names == ("Other",)
    np.testing.assert_array_equal(PresetBank.read("out.syx").values[0], preset.values)
    assert files_in() == sorted([sound.name, "out.syx"])


def test_program_warns_on_stderr(here: Path, starter: PresetBank) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 22_050).astype(np.float32)
    (here / "noise.flac").write_bytes(encoding.encode(noise, "flac"))
    result = run("program", "noise.flac")
    assert result.exit_code == 0 and "warning" not in result.stdout
    assert "latentdx: warning: noise.flac: no pitch" in result.stderr
    assert PresetBank.read("preset.syx").names == ("noise",)


def test_another_onset_is_taken_on_request(here: Path) -> None:
    loop = np.concatenate([kick(), snare(), kick()])
    (here / "loop.flac").write_bytes(encoding.encode(loop, "flac"))
    first = run("program", "loop.flac", "--note", 36)
    assert "loop.flac: 3 onsets, at 0.00, 0.29, 0.59 s: the first is matched; --onset 2 " in first.stderr
    second = run("program", "loop.flac", "--note", 36, "--onset", 2, "-o", "second.syx")
    assert second.exit_code == 0 and not second.stderr
    assert "3 onsets, at 0.00, 0.29, 0.59 s: number 2 is matched" in second.stdout
    assert Path("second.syx").read_bytes() != Path("preset.syx").read_bytes()
    for command in (["program"], ["match", "--budget", 1], ["tune", "preset.syx", "--target"]):
        sound = ["loop.flac", "--note", 36, "--onset", 4, "-o", "c.syx"]
        refused(run(*command, *sound), "loop.flac: onset 4 is none of the 3 onsets")
    assert run("tune", "preset.syx", "--to", 60, "--onset", 2).exit_code == 2
    assert "c.syx" not in files_in()


def test_program_refuses_bad_arguments_and_writes_nothing(here: Path) -> None:
    (here / "text.wav").write_text("hello")
    refused(run("program", "text.wav"), "text.wav")
    refused(run("program", "none.wav"), "none.wav")
    refused(run("program", "H3=text.wav"), "'H3' is not a note")
    refused(run("program", "text.wav", "--note", "200"), "200", "0 … 127")
    refused(run("program", "text.wav", "text.wav"), "hears 1 sound at once, not 2")
    refused(run("program", "text.wav", "--model", "../x"), "no model '../x'")
    refused(run("program", "text.wav", "-o", "text.wav", "--force"), "text.wav does not end in .syx")
    refused(run("program", "text.wav", "-o", "none/a.syx"), "there is no folder none")
    assert files_in() == ["text.wav"] and (here / "text.wav").read_text() == "hello"


def test_tune_reports_and_writes_each_voice(bank: Path) -> None:
    before = bank.read_bytes()
    result = run("tune", bank, "--to", "C4", "-o", "tuned.syx")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0][:7] == ["0", "TRUE", "+0", "->", "+0", "cents", "in"]
    assert [rows[1][i] for i in (1, 2, 4, 6)] == ["SHARP", "+100", "+0", "tuned:"]
    assert [rows[2][i] for i in (1, 2, 4, 6)] == ["<B>LOW", "-1200", "+0", "tuned:"]
    assert rows[3][:7] == ["3", "SILENT", "–", "->", "–", "cents", "no"]
    assert "or as it was, with master tune -100.0: +0" in result.stdout
    assert "or as it was, transposed by +12: +0" in result.stdout
    assert result.stdout.count("or as it was") == 2  # not for what is in tune, nor what has no pitch
    assert result.stdout.splitlines()[5:] == [
        f"for a player with a master tune, such as Dexed, set as listed: {bank}, as it is",
        "for a DX7 and every other player, because its presets carry their tuning:",
        "tuned.syx",
    ]
    tuned = PresetBank.read("tuned.syx")
    assert tuned.names[:4] == ("TRUE", "SHARP", "<B>LOW", "SILENT") and len(tuned) == 32
    for preset in tuned[:3]:
        assert abs(pitch.estimate(Dexed().render(preset)).cents_from(60)) < 3
    assert tuned[3] == PresetBank.read(bank)[3]
    refused(run("tune", "tuned.syx", "--to", 60), "tuned.syx exists already")
    assert bank.read_bytes() == before


def test_tune_keeps_octaves_or_tunes_to_a_sound(here: Path, bank: Path) -> None:
    low = PresetBank.read(bank)[2].write(here / "low.syx")
    result = run("tune", low, "--to", 60, "--keep-octave", "-o", "kept.syx")
    assert "in tune:" in result.stdout and PresetBank.read("kept.syx") == PresetBank.read(low)
    assert "master tune" not in result.stdout
    sharp = PresetBank.read(bank)[1].write(here / "sharp.syx")
    target = write(PresetBank.init()[0], 57, here / "a3.flac")
    result = run("tune", sharp, "--target", target, "-o", "followed.syx")
    assert result.exit_code == 0 and "note estimated: 57 (A3)" in result.stdout
    assert "with master tune -100.0: +0" in result.stdout
    heard = pitch.estimate(Dexed().render(PresetBank.read("followed.syx")[0], 57))
    assert abs(heard.cents_from(57)) < 3


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ([], 2, "give either --to or --target"),
        (["--to", "60", "--target", "a.wav"], 2, "give either --to or --target"),
        (["--target", "a.wav", "--keep-octave"], 2, "--keep-octave works with --to only"),
        (["--to", "H"], 1, "--to: 'H' is not a note"),
        (["--to", "nan"], 1, "--to: the wanted pitch nan is not a MIDI note in 28 … 107"),
        (["--to", "128"], 1, "--to: the wanted pitch 128.0 is not a MIDI note in 28 … 107"),
        (["--to", "60", "--note", "128"], 1, "--note: note '128' is 128, outside 0 … 127"),
        (["--to", "60", "--velocity", "0"], 2, "Invalid value for '--velocity'"),
        (["--target", "none.wav"], 1, "none.wav"),
    ],
)
def test_tune_refuses_bad_arguments(bank: Path, options: list[str], status: int, message: str) -> None:
    result = run("tune", bank, *options)
    assert result.exit_code == status
    assert message in " ".join(result.stderr.split())
    assert files_in() == ["bank.bin"]


def test_interpolate_writes_the_path_and_its_sounds(here: Path, bank: Path, starter: PresetBank) -> None:
    b = starter[40:44].write(here / "b.syx")
    asked = [bank, b, "--steps", 4, "--space", "naive", "--voice-a", "sharp", "--voice-b", 2]
    result = run("interpolate", *asked, "--preview", "sounds")
    assert result.exit_code == 0, result.output
    wanted = interpolate(PresetBank.read(bank)[1], starter[42], 4, "naive")
    assert PresetBank.read("path.syx")[:4] == wanted
    names = [f"step-{i}.flac" for i in range(1, 5)]
    assert result.stdout.splitlines()[-5:] == ["path.syx", *(f"sounds/{name}" for name in names)]
    assert files_in("sounds") == names
    sound = encoding.read(here / "sounds/step-3.flac")
    np.testing.assert_allclose(sound, Dexed().render(wanted[2]), atol=2**-23)
    Path("path.syx").unlink()
    refused(run("interpolate", *asked, "--preview", "sounds"), "sounds/step-1.flac exists already")
    assert not Path("path.syx").exists()


def test_interpolate_uses_the_latents_of_the_shipped_model_by_default(
    bank: Path, starter: PresetBank
) -> None:
    starter[:1].write("a.syx")
    starter[100:101].write("b.syx")
    result = run("interpolate", "a.syx", "b.syx", "--steps", 3, "-o", "c.syx")
    assert result.exit_code == 0, result.output
    path = PresetBank.read("c.syx")
    assert path[0] == starter[0] and path[2] == starter[100]
    assert (path[1].values != interpolate(starter[0], starter[100], 3, "naive")[1].values).any()


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--steps", "1"], 2, "greater than or equal to 2"),
        (["--steps", "1000000000"], 2, "less than or equal to 128"),
        (["--space", "straight"], 1, "--space: no method 'straight': choose one of latent, naive"),
        (["--space", "naive", "--voice-a", "4"], 1, "--voice-a: there is no preset 4: the indices are 0 … 3"),
        (["--space", "naive", "--voice-a", "9" * 5000], 1, "the indices are 0 … 3"),
        (
            ["--space", "naive", "--voice-b", "shark"],
            1,
            "--voice-b: no preset is called 'shark'; similar: SHARP",
        ),
        (["--model", "none"], 1, "latentdx: --model: no model 'none': there are"),
        (["--space", "naive", "--preview", "bank.bin"], 1, "bank.bin is a file"),
        (["--space", "naive", "--preview", "no/where"], 1, "there is no folder no"),
        (["--space", "naive", "-o", "bank.bin"], 1, "bank.bin does not end in .syx"),
    ],
)
def test_interpolate_refuses_bad_arguments(bank: Path, options: list[str], status: int, message: str) -> None:
    result = run("interpolate", bank, bank, *options)
    assert result.exit_code == status
    assert message in " ".join(result.stderr.split())
    assert files_in() == ["bank.bin"]


def test_info_draws_a_voice(bank: Path) -> None:
    result = run("info", bank, "--voice", "sharp")
    lines = result.stdout.splitlines()
    assert lines[0] == "1: SHARP, feedback 0, transposed by +1 semitones"
    assert lines[1].startswith("Algorithm 1: carriers 1, 3;")
    assert "│ 1   99 │" in result.stdout and "output" in lines[-2]
    assert run("info", bank, "--voice", 1).stdout == result.stdout
    refused(run("info", bank, "--voice", "flat"), "--voice: no preset is called 'flat'")


def test_info_writes_a_self_contained_page(bank: Path) -> None:
    pytest.importorskip("jinja2")
    result = run("info", bank, "--html", "page.html", "--limit", 3)
    assert result.exit_code == 0 and result.stdout.splitlines()[-1] == "page.html"
    page = Path("page.html").read_text("utf8")
    assert page.count("<svg ") == page.count("<figure>") == 3 and page.count('data-operator="6"') == 3
    assert "<strong>SHARP</strong>, algorithm 1" in page
    assert "&lt;B&gt;LOW" in page and "<B>" not in page  # names may hold anything
    assert not [word for word in ("<script", "src=", "href=", "http") if word in page]
    refused(run("info", bank, "--html", "page.html"), "page.html exists already")
    one = run("info", bank, "--html", "page.html", "--voice", 2, "--force")
    page = Path("page.html").read_text("utf8")
    assert one.exit_code == 0 and page.count("<svg ") == 1 and "<figcaption>2: " in page


def test_control_c_prints_no_traceback(bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("latentdx.applications.tune.tune_to", stop)
    result = run("tune", bank, "--to", 60)
    assert result.exit_code == 130 and result.stderr == "latentdx: stopped\n"
    assert files_in() == ["bank.bin"]


# -- match


def test_match_writes_a_cartridge_a_page_a_report_and_previews(here, starter) -> None:
    write(starter[40], 60, here / "a b.flac")
    result = run("match", "C4=a b.flac", "-o", "found.syx", "--budget", 40, "--keep", 2, "--name", "MINE")
    assert result.exit_code == 0, result.output
    assert files_in() == ["a b.flac", "found-previews", "found.html", "found.json", "found.syx"]
    made = PresetBank.read(here / "found.syx")
    n = len(files_in("found-previews")) - 1
    assert 1 <= n <= 2 and [made[i].name for i in range(n)] == [f"MINE {i + 1}" for i in range(n)]
    for what in ("forward pass", "search", "tuning", "MINE 1", "found.html", "level changed"):
        assert what in result.stdout
    played = "a b.flac: matched at note 60 (C4; Yamaha calls it C3), velocity 85, held for "
    assert played in result.stdout
    assert abs(float(result.stdout.partition(played)[2].split()[0]) - 3) < 0.15  # seconds
    report = json.loads((here / "found.json").read_text("utf8"))
    close = report["candidates"][0]["closeness"]
    assert f"the closest preset: {close['word']}, " in result.stdout
    assert "of our 200 tests with 500 renders" in result.stdout
    refused(run("match", "C4=a b.flac", "-o", "found.syx"), "found.syx exists already")


def test_an_interrupted_match_writes_the_presets_found_so_far(here, starter, monkeypatch) -> None:
    write(starter[40], 60, here / "a.flac")
    whole = matching.evolutionary_search

    def stopped(*args, **how):
        def progress(tried, least):
            raise KeyboardInterrupt

        return whole(*args, **{**how, "progress": progress})

    monkeypatch.setattr(matching, "evolutionary_search", stopped)
    result = run("match", "60=a.flac", "-o", "found.syx", "--budget", 400, "--keep", 1)
    assert result.exit_code == 130 and "stopped after" in result.stderr
    assert len(PresetBank.read(here / "found.syx")) == 32 and (here / "found.html").exists()


def test_match_checks_its_files_before_it_starts(here) -> None:
    refused(run("match", "none.wav"), "none.wav")
    refused(run("match", "none.wav", "-o", "found.wav"), "found.wav does not end in .syx")
    (here / "x-previews").write_text("mine")
    refused(run("match", "none.wav", "-o", "x.syx"), "x-previews is a file")
    assert files_in() == ["x-previews"]


@pytest.fixture
def unsearched(monkeypatch) -> None:
    """Let every search, forward pass and tuning fail: refusals must come before them."""
    monkeypatch.setattr(matching, "match", None)
    monkeypatch.setattr("latentdx.applications.programmer.program_targets", None)
    monkeypatch.setattr("latentdx.applications.programmer.load_model", None)
    monkeypatch.setattr("latentdx.applications.tune.tune_to", None)


@pytest.mark.parametrize(
    "command",
    [
        ["match", "a.flac", "-o", "OUT/m.syx"],
        ["program", "a.flac", "-o", "OUT/m.syx"],
        ["tune", "bank.bin", "--to", "60", "-o", "OUT/m.syx"],
        ["interpolate", "bank.bin", "bank.bin", "-o", "OUT/m.syx"],
        ["interpolate", "bank.bin", "bank.bin", "--preview", "OUT"],
        ["info", "bank.bin", "--html", "OUT/m.html"],
    ],
)
@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("text/no", "there is no folder"),
        ("text", "there is no folder|is a file"),
        ("/proc", "cannot be written into /proc: "),
    ],
)
def test_folders_that_cannot_be_written_are_refused_before_the_work(
    here, bank, starter, unsearched, command, folder, reason
) -> None:
    if folder == "/proc" and not Path(folder).is_dir():
        pytest.skip("only Linux has /proc, into which not even root can write")
    write(starter[40], 60, here / "a.flac")
    (here / "text").touch()
    result = run(*(word.replace("OUT", folder) for word in command))
    refused(result, folder)
    assert re.search(reason, result.stderr)
    assert files_in() == ["a.flac", "bank.bin", "text"]


def test_match_refuses_previews_that_exist_before_the_search(here, starter, unsearched) -> None:
    write(starter[40], 60, here / "a.flac")
    (here / "m-previews").mkdir()
    (here / "m-previews" / "1.flac").write_bytes(b"mine")
    refused(run("match", "a.flac", "-o", "m.syx"), "m-previews/1.flac exists already: --force")
    assert (here / "m-previews" / "1.flac").read_bytes() == b"mine"


def test_match_writes_elsewhere_if_its_files_have_been_made_meanwhile(here, starter, monkeypatch) -> None:
    write(starter[40], 60, here / "a.flac")
    report = match_report.match_report

    def late(*args):
        (here / "m.json").write_text("mine")
        return report(*args)

    monkeypatch.setattr(match_report, "match_report", late)
    result = run("match", "a.flac", "-o", "m.syx", "--budget", 8, "--keep", 1)
    refused(result, "another program has made m.json in the meantime; the result was written to")
    folder = Path(re.search("written to (.*) instead", result.stderr)[1])
    assert folder.parent == here and files_in(folder) == ["m-previews", "m.html", "m.json", "m.syx"]
    assert files_in(folder / "m-previews") == ["1.flac", "target.flac"]
    assert files_in() == ["a.flac", folder.name, "m.json"] and (here / "m.json").read_text() == "mine"


def test_a_failing_or_interrupted_report_does_not_lose_the_presets(here, starter, monkeypatch) -> None:
    write(starter[40], 60, here / "a.flac")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(match_report, "match_report", stop)
    result = run("match", "a.flac", "-o", "m.syx", "--budget", 8, "--keep", 1, "--name", "MINE")
    assert result.exit_code == 130 and result.stderr == "latentdx: stopped\n"
    assert result.stdout.endswith("m.syx\n") and PresetBank.read("m.syx").names[0] == "MINE 1"
    assert files_in() == ["a.flac", "m.syx"]
