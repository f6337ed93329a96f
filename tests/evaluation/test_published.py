"""Published examples: our sounds are coded, leveled and measured as the authors' sounds were."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentdx.audio.renderer import N_SAMPLES, Dexed
from latentdx.dataset.paper_examples import EXAMPLES
from latentdx.errors import DataMissingError, ParameterError
from latentdx.evaluation import published
from latentdx.evaluation.published import METRICS, coded, examples, measure, through_mp3, through_wav
from latentdx.metrics.sound_features import SoundFeatures
from latentdx.presets import corpora


@pytest.fixture(scope="module")
def originals() -> list[np.ndarray]:
    return [t.audio() for t in examples()]


def test_there_are_eight_programming_examples(originals) -> None:
    chapter = [e.uid for e in EXAMPLES if e.chapter == "programming"]
    assert [t.uid for t in examples()] == chapter and len(chapter) == 8
    assert set(published.published("programming")["uid"]) == set(chapter)
    assert [t.velocity for t in examples("multiple notes")] == [20, 64, 127]


def test_mp3_keeps_position_length_and_level(originals) -> None:
    """The lag is 0, and the gain is 1 within half a percent, except for the highest frequencies."""
    for audio in originals:
        sound = audio * np.float32(published.PEAK / np.abs(audio).max())
        back = through_mp3(sound)
        assert back.shape == (N_SAMPLES,) and not np.array_equal(back, sound)
        size = 2 ** int(np.ceil(np.log2(2 * N_SAMPLES)))
        correlation = np.fft.irfft(np.fft.rfft(back, size) * np.conj(np.fft.rfft(sound, size)))
        assert correlation.argmax() == 0
        assert np.dot(back, sound) / np.dot(back, back) == pytest.approx(1, abs=0.005)


def test_mp3_files_are_as_long_as_the_authors(monkeypatch, originals) -> None:
    """The authors' files have 82,069 bytes, of which 45 are ffmpeg's tag."""
    sizes = []
    read = published.soundfile.read
    monkeypatch.setattr(
        published.soundfile, "read", lambda f, **k: sizes.append(f.getbuffer().nbytes) or read(f, **k)
    )
    through_mp3(originals[0])
    assert sizes == [82_069 - 45]


def test_wav_rounds_to_16_bits() -> None:
    x = np.array([0.5, 1e-5, -0.25 + 1e-6], np.float32)
    assert through_wav(x).tolist() == [0.5, 0.0, -0.25]


def test_coding_depends_on_the_example(originals) -> None:
    """As on the page, the two effects are WAV and all other examples MP3."""
    x = originals[0]
    np.testing.assert_array_equal(coded(x, "080285", "as published"), through_wav(x))
    np.testing.assert_array_equal(coded(x, "080285", "mp3"), through_mp3(x))
    np.testing.assert_array_equal(coded(x, "021894", "as published"), through_mp3(x))
    assert coded(x, "021894", "uncompressed") is x


def test_originals_have_no_error(originals) -> None:
    """Louder originals have no error either if each sound is peak-normalized."""
    table = measure(originals)
    assert len(table) == 8 * 3 * 2 and (table[list(METRICS)] == 0).all(axis=None)
    louder = measure([x * np.float32(2) for x in originals])
    by_level = louder.groupby("level")[list(METRICS)].max()
    assert (by_level.loc["peak"] < 1e-4).all() and (by_level.loc["example"] > 0.1).all()


def test_measure_by_hand(originals) -> None:
    """One metric agrees with a computation step by step at each level, uncompressed; silence is allowed."""
    bank = corpora.read("starter").neutral()
    sounds = [Dexed().render(bank[i]) for i in range(7)] + [np.zeros(N_SAMPLES, np.float32)]
    table = measure(sounds).set_index(["uid", "coding", "level"])
    a, b = originals[2], sounds[2]
    uid = examples()[2].uid
    for level, (x, y) in {
        "peak": (a / np.abs(a).max(), b / np.abs(b).max()),
        "example": (g := np.float32(0.89) / max(np.abs(a).max(), np.abs(b).max())) and (a * g, b * g),
    }.items():
        expected = np.abs(SoundFeatures(x).log_stft - SoundFeatures(y).log_stft).mean()
        found = table.loc[(uid, "uncompressed", level), "log_stft_mae"]
        assert found == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(table[list(METRICS)]).all(axis=None)
    silent = table.loc[(examples()[7].uid, "uncompressed", "peak"), "spectral_convergence"]
    assert silent == pytest.approx(1)


def test_all_velocities_share_one_gain() -> None:
    """A sound that is right but too soft at velocity 20 has an error with levels, and none without."""
    sounds = [t.audio() for t in examples("multiple notes")]
    sounds[0] = sounds[0] / np.float32(4)
    table = measure(sounds, "multiple notes").set_index(["velocity", "coding", "level"])["mfcc13_mae"]
    assert table[20, "uncompressed", "peak"] < 0.01 < table[20, "uncompressed", "example"]
    assert table[127, "uncompressed", "example"] == 0


def test_render_needs_a_preset_for_each_example(originals) -> None:
    bank = corpora.read("starter").neutral()
    presets = {str(t.uid): bank[i] for i, t in enumerate(examples())}
    sounds = published.render(presets)
    np.testing.assert_array_equal(sounds[3], Dexed().render(bank[3], 60, 85))
    with pytest.raises(ParameterError, match="no preset for example 021894"):
        published.render({k: v for k, v in presets.items() if k != "021894"})
    with pytest.raises(ParameterError, match="7 sounds do not fit the 8 examples"):
        measure(sounds[:7])


def test_published_figures() -> None:
    """Means of NumCat++ are 0.567 and 18.3 peak-normalized, 0.583 and 19.9 with levels."""
    table = published.published("programming")
    ours = table[table["version"] == "NumCat++"].groupby("level")[["log_stft_mae", "mfcc13_mae"]].mean()
    np.testing.assert_allclose(ours.loc["peak"], [0.567, 18.3], atol=0.05)
    np.testing.assert_allclose(ours.loc["example"], [0.583, 19.9], atol=0.05)
    assert len(table) == 8 * 3 * 2


def test_write_and_means(tmp_path: Path, originals, monkeypatch) -> None:
    sounds = [x / np.float32(2) for x in originals]
    table = measure(sounds)
    path = published.write("half", table, {"title": "Half", "commit": "abc"}, tmp_path)
    back = pd.read_csv(path, dtype={"uid": str})
    assert (back["version"] == "half").all() and (back["commit"] == "abc").all()
    np.testing.assert_allclose(back[list(METRICS)], table[list(METRICS)], rtol=1e-5)
    means = published.means(tmp_path).set_index(["source", "section", "version", "coding", "level"])
    row = means.loc["ours", "programming", "half", "mp3", "example"]
    chosen = table[(table["coding"] == "mp3") & (table["level"] == "example")]
    assert row["n"] == 8 and row["mfcc13_mae"] == pytest.approx(chosen["mfcc13_mae"].mean(), rel=1e-4)
    assert means.loc["authors", "out of domain", "NumCat++ (as published)", "as published", "peak"]["n"] == 4
    monkeypatch.setattr(published, "PUBLISHED", "none.csv")
    with pytest.raises(DataMissingError, match=r"none\.csv"):
        published.published()
