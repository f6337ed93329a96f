"""Programming of targets, with models whose answers are known."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from small_checkpoints import write_checkpoints

from latentdx import Dexed, PresetBank
from latentdx.applications.tune import Tuning
from latentdx.audio.renderer import SINGLE_NOTE, SIX_NOTES
from latentdx.dataset import dynamics, loudness, target_sounds
from latentdx.errors import DataMissingError
from latentdx.metrics.registry import mfcc_mae
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets import corpora
from latentdx.presets.bank import Preset
from latentdx.retrieval.known_presets import known_presets
from latentdx.training.profile import read_profile
from latentdx_book.chapters import multiple_notes, out_of_domain, programming

BANK = corpora.read("starter").neutral()
TUNED = PresetBank.init()[0].with_values("GOOD", **{"OP2 OUTPUT LEVEL": 75})
SHARP = TUNED.with_values("SHARP", **{"OP1 F FINE": 3, "OP2 F FINE": 3})  # 51 cents up


class Knows:
    """Model that answers every sound with one preset."""

    def __init__(self, preset: Preset, name: str = "numcat++") -> None:
        self.preset = preset
        self.model = SimpleNamespace(sampler=None)
        self.about = SimpleNamespace(profile=read_profile(name))
        self.notes = SINGLE_NOTE if name != "numcat++-six" else SIX_NOTES
        self.heard: dict[tuple[int, int], np.ndarray] = {}

    def program(self, sounds) -> Preset:
        self.heard = dict(sounds)
        return self.preset

    def spectrograms(self, sound):
        return torch.zeros(1, 1, 257, 347)

    def predict(self, decibels):
        return SimpleNamespace(bank=PresetBank.concatenate([self.preset.bank] * len(decibels)))


def models(**presets: Preset) -> programming.Models:
    names = {"num": "num", "plus": "numcat++", "six": "numcat++-six"}
    return programming.Models({names[k]: Knows(p, names[k]) for k, p in presets.items()}, ())  # type: ignore[misc]


@pytest.fixture(scope="module")
def target() -> target_sounds.TargetSound:
    return replace(target_sounds.load("example")[0], name="Good one", index=None)


@pytest.fixture(scope="module")
def programmed(target) -> programming.Programmed:
    """Target that one model answers exactly and another half a semitone sharp."""
    return programming.program(target, Dexed().render(TUNED), models(num=SHARP, plus=TUNED))


def page(html: object) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")  # type: ignore[attr-defined]


def test_out_of_tune_answers_are_tuned_and_the_untuned_ones_stay_available(chapter, programmed) -> None:
    sharp, exact = programmed.answers
    assert (sharp.tuning.verdict, exact.tuning.verdict) == ("tuned", "in tune")
    assert sharp.tuning.before_cents == pytest.approx(51, abs=3) and abs(sharp.tuning.after_cents) < 3
    assert programmed.tuned[1].distances.mixed < programmed.untuned[1].distances.mixed / 2
    assert programmed.tuned[2].distances.mixed == 0
    main = page(programming.tuned_row(programmed))
    assert re.search(r"\+5\d → [+−]?\d cents", main.text) and "in tune" in main.text
    (folded,) = map(page, programming.untuned_row(programmed))
    assert [x.text for x in folded.select(".ldx-title")] == ["Good one", "Num only"]
    assert folded.details.summary.text == "Good one, before tuning"
    table = page(programming.tuning_table([programmed], "Tuning"))
    assert "at best 0." in table.text and table.th.text == "Num only"


@pytest.mark.parametrize(
    ("before", "after", "verdict", "text"),
    [
        (-25.0, -1206.0, "tuned", "−25 → −6 cents, an octave lower"),
        (-1202.0, 0.4, "tuned", "−1202 → 0 cents"),
        (2403.0, 2403.0, "kept", "left at +3 cents, 2 octaves higher"),
        (1.0, 1.0, "in tune", "in tune, +1 cents"),
        (float("nan"), float("nan"), "no pitch", "no pitch"),
    ],
)
def test_octaves_are_named_separately_from_cents(before, after, verdict, text) -> None:
    assert programming.tuning_fact(Tuning(TUNED, verdict, "", before, after)) == text


def test_there_is_no_untuned_row_where_tuning_changed_nothing(chapter, target) -> None:
    assert not programming.untuned_row(programming.program(target, Dexed().render(TUNED), models(plus=TUNED)))


def test_downloads_render_to_the_sound_of_their_clip(chapter, programmed) -> None:
    main = page(programming.tuned_row(programmed, blind=True))
    links = [a["href"] for a in main.select("a[download]")]
    for link, clip, answer in zip(links, programmed.tuned[1:], programmed.answers, strict=True):
        read = PresetBank.read(link)[0]
        assert read.name.strip() == answer.preset.name.strip()
        np.testing.assert_array_equal(Dexed().render(read, *programmed.note), clip.sound)
    bank = PresetBank.read(page(programming.download(programming.presets_of([programmed]), "all")).a["href"])
    assert [n.strip() for n in bank.names[:2]] == ["Goodone N", "Goodone N+"]
    np.testing.assert_array_equal(bank.values[1], TUNED.values)


def test_more_presets_than_a_cartridge_holds_become_numbered_cartridges(chapter) -> None:
    links = page(programming.download([TUNED] * 33, "all")).select("a[download]")
    assert [a["download"] for a in links] == ["all-1.syx", "all-2.syx"]
    assert [PresetBank.read(a["href"]).values[1].tolist() == TUNED.values.tolist() for a in links] == [
        True,
        False,
    ]


def test_a_match_adds_an_answer_for_sounds_of_any_length(chapter, target, smoke_model) -> None:
    short = Dexed().render(TUNED)[:40_000]
    known = known_presets(["starter"])[0]
    p, found = out_of_domain.matched(
        programming.program(target, short, models(plus=TUNED)), smoke_model, known, 24
    )
    assert len(p.answers) == 2 and p.answers[-1].title == "Match, 24 renders" and found.renders == 24
    assert p.answers[-1].preset.name == "Goodone M" and len(p.tuned) == 3
    one, mean = (
        [td.text for td in tr.select("td")]
        for tr in page(out_of_domain.matches_table([p], [found])).select("tbody tr")
    )
    assert (
        one[1:]
        == mean[1:]
        == [
            f"{found.stages[i].measures[key]:.{decimals}f}"
            for key, decimals in (("mfcc13", 1), ("convergence", 2), ("log_stft", 3))
            for i in (0, -1)
        ]
    )
    assert not out_of_domain.matches_table([], [])


def test_a_row_is_blind_only_with_at_least_two_answers(chapter, programmed, target) -> None:
    assert page(programming.tuned_row(programmed, blind=True)).figure.has_attr("data-blind")
    assert not page(programming.tuned_row(programmed)).figure.has_attr("data-blind")
    alone = programming.program(target, Dexed().render(TUNED), models(plus=TUNED))
    assert not page(programming.tuned_row(alone, blind=True)).figure.has_attr("data-blind")


def test_tables_have_the_distances_of_the_rows(chapter, programmed) -> None:
    before, after = (programmed.untuned[1].distances, programmed.tuned[1].distances)
    cells = [
        td.text for td in page(programming.means_table([programmed], "x")).select("tbody tr")[0].select("td")
    ]
    assert cells[1:3] == [f"{before.log_stft:.3f}", f"{after.log_stft:.3f}"]
    lines = page(programming.sounds_table([programmed, programmed], "x")).select("tbody tr")
    assert [line.td.text for line in lines] == ["Good one", "Good one", "mean"]
    assert lines[0].text.split()[2:] == lines[2].text.split()[1:]


def test_without_models_the_target_is_shown_and_tables_are_left_out(chapter, target, tmp_path) -> None:
    none = programming.Models.read(["num", "latentdx"], tmp_path)
    assert none.missing == ("num", "latentdx") and not none.found
    assert "“num”, “latentdx”" in none.note() and not models().note()
    p = programming.program(target, Dexed().render(TUNED), none)
    assert len(page(programming.tuned_row(p, blind=True)).select("audio")) == 1
    empty = [
        programming.download([], "x"),
        *(t([p], "x") for t in (programming.means_table, programming.sounds_table)),
    ]
    assert not any(html for html in [*empty, programming.tuning_table([p], "x")])
    assert not programming.untuned_row(p)


def test_groups_are_those_of_the_papers_page() -> None:
    found = {label: [t.name for t in part] for label, part in programming.groups(9).items()}
    assert list(found) == ["harmonic", "percussive", "sfx", "bonus"]
    assert [len(part) for part in found.values()] == [4, 2, 2, 1] and found["bonus"] == ["DigiPerc."]
    assert [len(part) for part in programming.groups(1).values()] == [1, 1, 1, 1]
    differing = {t.name for t in target_sounds.load("example") if programming.label_remark(t)}
    assert differing == {"Japanany"}


def test_an_original_is_shown_only_if_allowed_and_if_the_corpus_exists(monkeypatch, tmp_path) -> None:
    example = target_sounds.load("example")[0]
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("ORIGINALS", raising=False)
    assert programming.original(example) is None
    monkeypatch.setenv("ORIGINALS", "1")
    assert programming.original(replace(example, index=None)) is None
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("LATENTDX_DATA", str(tmp_path))
        elsewhere.setenv("LATENTDX_CACHE", str(tmp_path))
        assert programming.original(example) is None
    try:
        corpora.find("learnfm")
    except DataMissingError:
        return
    found = programming.original(example)
    np.testing.assert_allclose(Dexed().render(found), example.audio(), atol=1e-6)


# -- several notes -------------------------------------------------------------------------------------------


@pytest.fixture
def played(chapter) -> multiple_notes.Played:
    target = multiple_notes.presets()[0]
    return multiple_notes.play(target, models(plus=TUNED, six=SHARP))


def test_each_model_receives_the_sounds_of_its_own_notes() -> None:
    both = models(plus=TUNED, six=SHARP)
    target = multiple_notes.presets()[0]
    multiple_notes.play(target, both)
    at = {note: t.audio() for note, t in target_sounds.notes_of(target.index).items()}
    for model in both.found.values():
        assert len(model.heard) == len(model.notes)  # type: ignore[attr-defined]
        for note in model.notes:
            np.testing.assert_array_equal(model.heard[note], at[note])  # type: ignore[attr-defined]


def test_the_notes_chapter_has_the_pages_example_and_two_chosen_by_rule() -> None:
    first, *others = multiple_notes.presets()
    assert first.name == "Hollow.Str" and first.chosen is None
    assert {t.chosen: t.index for t in others} == dynamics.choose(dynamics.read())


def test_a_row_has_three_velocities_of_one_key_for_each_version(played) -> None:
    shown = page(multiple_notes.key_row(played, 60))
    titles = [x.text for x in shown.select(".ldx-title")]
    assert titles[:4] == [f"original, velocity {v}" for v in (20, 64, 127)] + ["NumCat++, velocity 20"]
    assert len(titles) == 9 and shown.figure.has_attr("data-sequence")
    assert len(shown.select("a[download]")) == 2  # a preset is offered once
    assert not page(multiple_notes.key_row(played, 36)).select("a[download]")
    assert multiple_notes.key_name(36) == "C2" and shown.figure["aria-label"] == "Hollow.Str, C4"


def test_the_notes_table_has_the_distances_of_the_played_sounds(played) -> None:
    lines = [
        [td.text for td in tr.select("td")]
        for tr in page(multiple_notes.notes_table([played])).select("tbody tr")
    ]
    assert [line[1] for line in lines] == ["original", "NumCat++", "NumCat++, six notes"]
    at = {v: SoundFeatures(played.sounds[60, v]) for v in (20, 64, 127)}
    expected = [mfcc_mae(at[v], SoundFeatures(Dexed().render(TUNED, 60, v)), 13) for v in (20, 64, 127)]
    assert lines[1][2:5] == [f"{x:.1f}" for x in expected]
    low = [
        mfcc_mae(SoundFeatures(played.sounds[36, v]), SoundFeatures(Dexed().render(TUNED, 36, v)), 13)
        for v in (20, 64, 127)
    ]
    assert lines[1][5] == f"{np.mean(low):.1f}"
    assert lines[0][-1] == f"{multiple_notes.rise(played.sounds, 60):+.1f} dB" and lines[1][-1] == "+0.0 dB"


def test_the_choice_figure_names_the_chosen_presets(chapter) -> None:
    alt = str(page(multiple_notes.choice_figure()).img["alt"])
    assert "depends most on velocity" in alt and multiple_notes.presets()[2].name in alt


# -- out of domain -------------------------------------------------------------------------------------------


def test_out_of_domain_sounds_are_leveled_and_credited() -> None:
    target = target_sounds.load("out of domain")[0]
    sound, caption = out_of_domain.heard(target)
    gain = 20 * np.log10(np.abs(sound).max() / np.abs(target.audio()).max())
    assert caption == f"{target.source}; {target.license}. Leveled by −{-gain:.1f} dB."


def test_the_level_figure_ignores_the_level_itself_but_nothing_else(chapter) -> None:
    """The true preset has no distance at any level; another preset has one at every level."""
    sound = Dexed().render(TUNED)
    for level in (-40.0, -10.0):
        assert max(out_of_domain.distances_at(Knows(TUNED), [sound], level)) < 0.05  # type: ignore[arg-type]
        assert min(out_of_domain.distances_at(Knows(BANK[5]), [sound], level)) > 5  # type: ignore[arg-type]
    levels = out_of_domain.training_levels()
    assert levels == sorted(levels) and levels[3] == loudness.training_level_db()
    alt = str(page(out_of_domain.level_figure(Knows(TUNED), [sound])).img["alt"])  # type: ignore[arg-type]
    assert alt.count("0.0 at −") == len(levels)


def test_models_are_read_in_order_from_a_folder(tmp_path: Path) -> None:
    found = programming.Models.read(["latentdx", "num", "prophet"], write_checkpoints(tmp_path))
    assert list(found.found) == ["latentdx", "num"] and found.missing == ("prophet",)
    assert found.found["latentdx"].model.sampler is not None
    sound = target_sounds.load("example")[0].audio()
    for model in found.found.values():
        assert programming.infer(model, [sound], 3) == programming.infer(model, [sound], 3)
