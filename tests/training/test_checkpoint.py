"""Checkpoints load as they were saved, within half precision; other and damaged files are refused."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import save_file

from latentdx.errors import CheckpointError
from latentdx.models.preset_vae import PresetVAE
from latentdx.training.checkpoint import (
    CheckpointHeader,
    checkpoint_hash,
    identified,
    load,
    load_initial,
    read_header,
    save,
)
from latentdx.training.profile import read_profile, run_folder


@pytest.fixture
def about():
    return CheckpointHeader(
        profile=read_profile("numcat++", "smoke"),
        corpus_sha256="12ab" * 16,
        epoch=3,
        steps=99,
        training_minutes=None,
        validation={"controls": 0.25},
    )


@pytest.fixture
def model(about):
    torch.manual_seed(0)
    made = PresetVAE(about.profile.architecture)
    made.range_db.copy_(torch.tensor([-100.3, 7.7]))
    made(torch.randn(8, 1, 257, 347))  # updates the batch norms
    return made.eval()


@pytest.fixture
def file(model, about, tmp_path):
    save(model, about, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_a_saved_model_loads_within_half_precision(file, model, about):
    loaded, found = load(file)
    assert found == about and not loaded.training
    before, after = model.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype
        if tensor.ndim < 2:  # biases, batch-norm statistics, the range in dB
            assert torch.equal(after[name], tensor), name
        else:  # half an ulp of 11 bits; subnormals are multiples of 2^-24
            bound = tensor.abs() * 2**-11 + 2**-25
            assert ((after[name] - tensor).abs() <= bound).all(), name


def test_half_precision_hardly_changes_predicted_presets(file, model):
    spectrograms = torch.randn(4, 1, 257, 347).clamp(-1, 1)
    changed = (load(file)[0].program(spectrograms) - model.program(spectrograms)).abs()
    assert 0 < changed.max() < 0.01


def test_matrices_take_two_bytes_per_number_and_vectors_four(file, model):
    numbers = sum(t.numel() for t in model.state_dict().values() if t.ndim > 1)
    vectors = sum(t.numel() * t.element_size() for t in model.state_dict().values() if t.ndim < 2)
    content = file.read_bytes()
    header = int.from_bytes(content[:8], "little")
    assert len(content) - 8 - header == 2 * numbers + vectors
    assert header < 100 * len(model.state_dict()) + 5_000


def test_the_header_records_profile_commit_and_libraries(file, about):
    assert read_header(file) == about
    assert re.fullmatch(r"[0-9a-f]{12}\+?|unknown", about.commit)
    assert about.libraries["torch"] == torch.__version__
    assert {"latentdx", "lightning-fabric", "zuko", "numpy", "dexed-py"} <= about.libraries.keys()
    assert CheckpointHeader.from_json(about.to_json()) == about


def test_the_hash_depends_on_the_content_only(file, model, about, tmp_path):
    save(model, about, tmp_path / "again")
    assert checkpoint_hash(file) == checkpoint_hash(tmp_path / "again")
    with torch.no_grad():
        model.range_db += 1
    save(model, about, tmp_path / "again")
    assert checkpoint_hash(file) != checkpoint_hash(tmp_path / "again")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "model.safetensors"]


def test_a_checkpoint_with_the_expected_values_is_loaded(file):
    load(
        file,
        {"notes": "single", "architecture": {"representation": "numcat++", "channels": [2, 4, 8, 8, 8, 8]}},
    )


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (
            {"architecture": {"representation": "numcat"}},
            "architecture.representation is 'numcat++', not 'numcat'",
        ),
        ({"notes": "six"}, "notes is 'single', not 'six'"),
        ({"corpus_sha256": "ff"}, f"corpus_sha256 is '{'12ab' * 16}', not 'ff'"),
        (
            {"notes": "six", "corpus": "learnfm"},
            "notes is 'single', not 'six'; corpus is 'starter', not 'learnfm'",
        ),
    ],
)
def test_a_checkpoint_with_other_values_is_refused_and_the_differences_are_listed(file, expected, message):
    with pytest.raises(CheckpointError, match="does not fit: ") as caught:
        load(file, expected)
    assert str(caught.value).endswith(message)


def damage_truncate(file):
    file.write_bytes(file.read_bytes()[:-1000])


def damage_header(file):
    file.write_bytes(b"\xff" * 8 + file.read_bytes()[8:])


def damage_empty(file):
    file.write_bytes(b"")


def damage_missing(file):
    file.unlink()


def damage_foreign(file):
    save_file({"weight": torch.zeros(3)}, file)


def damage_profile(file):
    about = json.loads(read_header(file).to_json())
    about["profile"]["flavor"] = "sour"
    save_file({"weight": torch.zeros(3)}, file, {"latentdx": json.dumps(about)})


@pytest.mark.parametrize(
    "damage",
    [damage_truncate, damage_header, damage_empty, damage_missing, damage_foreign, damage_profile],
)
def test_the_error_about_a_damaged_file_names_it(file, damage):
    damage(file)
    with pytest.raises(CheckpointError, match=f"{file} is not a checkpoint of this project"):
        load(file)


def test_weights_of_another_architecture_are_refused(about, tmp_path):
    other = PresetVAE(read_profile("numcat", "smoke").architecture)
    save(other, about, tmp_path / "mixed")
    with pytest.raises(CheckpointError, match="the weights in .*mixed do not fit its profile"):
        load(tmp_path / "mixed")


def test_a_training_can_begin_with_the_weights_of_a_checkpoint(file, model, about):
    other = PresetVAE(about.profile.architecture)
    load_initial(other, identified(str(file)))
    for name, tensor in load(file)[0].state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


def test_the_weights_to_begin_with_are_identified(file, tmp_path):
    assert identified(str(file)) == f"{file}@{checkpoint_hash(file)}" == identified(identified(str(file)))
    with pytest.raises(CheckpointError, match=f"is {checkpoint_hash(file)} here, not 0123"):
        identified(f"{file}@0123")
    with pytest.raises(CheckpointError, match="there is no checkpoint 'nothing' to begin with"):
        identified("nothing")


def test_a_training_can_begin_with_a_model_that_was_trained_here(file, monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "cache"))
    with pytest.raises(CheckpointError, match="nor one that `latentdx train` has finished here"):
        identified("latentdx-base")
    run = run_folder(read_profile("latentdx-base"))
    run.mkdir(parents=True)
    shutil.copy(file, run / "model.safetensors")
    assert identified("latentdx-base") == f"latentdx-base@{checkpoint_hash(file)}"


def test_weights_of_another_architecture_are_refused_to_begin_with(file):
    other = PresetVAE(read_profile("num", "smoke").architecture)
    with pytest.raises(CheckpointError, match="do not fit the profile of this training"):
        load_initial(other, str(file))
