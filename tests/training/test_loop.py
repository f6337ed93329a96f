"""Every configuration trains, schedules are the paper's, the best epoch is kept, and NaN ends a run."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from runs import read_log
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from latentdx.errors import CheckpointError, TrainingDivergedError
from latentdx.models.preset_vae import PresetVAE
from latentdx.training import loop
from latentdx.training.checkpoint import load, read_header
from latentdx.training.data import TrainingData
from latentdx.training.loop import beta, train
from latentdx.training.profile import model_names, read_profile

pytestmark = pytest.mark.training

STEPS = 7  # whole batches of 32 in the starter bank's 246 training presets


@pytest.mark.parametrize("name", [n for n in model_names("smoke") if n != "numcat++"])
def test_every_configuration_trains(name, tmp_path):
    profile = read_profile(name, "smoke", {"epochs": 1, "precision": "32-true"})
    model, about = load(train(profile, tmp_path))
    assert about.profile == profile == replace(read_profile(name, "smoke"), epochs=1, precision="32-true")
    rows = [row for row in read_log(tmp_path) if row["subset"] == "train"]
    losses = [float(row["loss"]) for row in rows]
    unstacked = profile.architecture.note_latents
    assert len(losses) == about.steps == (6 * 246 // 32 if unstacked else STEPS)
    assert all(map(math.isfinite, losses)) and np.mean(losses[-3:]) < np.mean(losses[:3])
    logged = next(row for row in read_log(tmp_path) if row["subset"] == "validation")
    assert all((row["joint"] != "") == (model.sampler is not None) for row in (*rows, logged))
    notes = torch.tensor([[60, 85]]) if unstacked else None
    programmed = model.program(torch.zeros(1, profile.architecture.n_notes, 257, 347), notes)
    assert programmed.shape == (1, model.representation.length)


def test_a_run_writes_a_log_and_a_model_of_its_best_epoch(undisturbed, smoke):
    rows = read_log(undisturbed)
    assert [int(r["step"]) for r in rows if r["subset"] == "train"] == list(range(1, 2 * STEPS + 1))
    validations = [r for r in rows if r["subset"] == "validation"]
    assert [(int(r["step"]), int(r["epoch"])) for r in validations] == [(STEPS, 0), (2 * STEPS, 1)]
    scores = [float(r["reconstruction"]) + float(r["controls"]) for r in validations]
    about = read_header(undisturbed / "model.safetensors")
    assert about.profile == smoke and about.steps == 2 * STEPS
    assert about.epoch == 1 + int(np.argmin(scores))
    logged = validations[about.epoch - 1]
    for name, value in about.validation.items():
        assert float(logged[name]) == pytest.approx(value, rel=1e-5)
    assert 0 < about.validation["categorical_accuracy"] < 1 and 0 < about.validation["numerical_mae"] < 1


def test_tensorboard_events_equal_the_log(undisturbed):
    board = EventAccumulator(str(undisturbed / "tensorboard"))
    board.Reload()
    rows = [row for row in read_log(undisturbed) if row["subset"] == "train"]
    events = board.Scalars("train/controls")
    assert [e.step for e in events] == [int(row["step"]) for row in rows]
    assert [e.value for e in events] == pytest.approx([float(row["controls"]) for row in rows], rel=1e-5)


def test_the_running_checkpoint_loads_without_executing_code(undisturbed):
    state = torch.load(undisturbed / "running.ckpt", weights_only=True)
    assert state["progress"]["epoch"] == 2 and state["progress"]["step"] == 2 * STEPS
    assert state["rng"]["cpu"].shape == (1, len(torch.get_rng_state()))


def test_the_model_has_the_range_of_levels_of_the_training_set(undisturbed, smoke):
    model, _ = load(undisturbed / "model.safetensors")
    data = TrainingData(smoke, model.representation)
    decibels = data.store.decibels(data.rows("train"))
    assert model.range_db.tolist() == pytest.approx([decibels.min(), decibels.max()], abs=1e-4)


def test_training_a_finished_run_changes_no_file(smoke, tmp_path):
    short = replace(smoke, epochs=1)
    final = train(short, tmp_path)
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert train(short, tmp_path) == final
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_a_run_of_another_profile_or_corpus_is_refused(undisturbed, smoke, monkeypatch):
    other = replace(smoke, seed=1, architecture=replace(smoke.architecture, flow_hidden=8))
    wanted = "another profile: architecture.flow_hidden is 16, not 8; seed is 0, not 1"
    with pytest.raises(CheckpointError, match=wanted):
        train(other, undisturbed)
    monkeypatch.setattr(TrainingData, "corpus_sha256", "ab" * 32)
    with pytest.raises(CheckpointError, match="corpus_sha256 is '.*', not 'abab.*'"):
        train(smoke, undisturbed)


def test_a_damaged_running_checkpoint_is_refused(smoke, tmp_path):
    (tmp_path / "running.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="running.ckpt is damaged: delete it"):
        train(smoke, tmp_path)


def test_the_finished_model_is_that_of_the_best_epoch(smoke, tmp_path, monkeypatch):
    """The faked validation scores make the second of three epochs the best one."""
    weights = []

    def validate(run, scores=(3.0, 1.0, 2.0)):
        weights.append({k: v.clone() for k, v in run.bare.state_dict().items()})
        return {"reconstruction": 0.0, "controls": scores[run.progress.epoch]}

    monkeypatch.setattr(loop, "validate", validate)
    model, about = load(train(replace(smoke, epochs=3), tmp_path))
    assert about.epoch == 2 and about.validation["controls"] == 1.0 and len(weights) == 3
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor, weights[1][name], rtol=2**-11, atol=2**-25), name
    assert not torch.allclose(model.range_db.new_tensor(1.0), model.encoder.head[2].weight[0], rtol=1e-4)


# -- schedules -------------------------------------------------------------------------------------------


def optimizer_and_schedules(profile, steps=100):
    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=profile.learning_rate)
    return optimizer, loop._schedulers(profile, optimizer, steps)


def test_the_papers_schedule_warms_up_and_falls_to_a_fifth_at_each_plateau():
    profile = read_profile("numcat++", "paper")
    optimizer, schedules = optimizer_and_schedules(profile)
    rates = []
    while not rates or rates[-1] >= profile.least_learning_rate:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedules["epoch"].step()
        schedules["validation"].step(1.0 if len(rates) > 20 else 1.0 / len(rates))  # stops falling at 20
    assert rates[:7] == pytest.approx([2e-4 * (0.1 + 0.15 * epoch) for epoch in range(7)])
    levels = sorted(set(rates[6:]), reverse=True)
    assert levels == pytest.approx([2e-4 * 0.2**i for i in range(6)], rel=1e-6)
    # 7 epochs without progress cause the first reduction; each later one waits for the cool-down too
    assert [rates.count(level) for level in levels[1:-1]] == [13] * 4
    assert rates.index(levels[1]) == 20 + 7


def test_a_too_small_learning_rate_ends_the_run(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "validate", lambda run: {"reconstruction": 1.0, "controls": 1.0})
    profile = replace(
        smoke, schedule="plateau", warmup_epochs=0, patience=0, epochs=50, least_learning_rate=1e-3
    )
    assert read_header(train(profile, tmp_path)).epoch == 1
    rows = [row for row in read_log(tmp_path) if row["subset"] == "train"]
    assert len(rows) == 2 * STEPS  # the second epoch is no better: the rate falls below the least
    assert {float(row["learning_rate"]) for row in rows} == {smoke.learning_rate}


def test_one_cycle_rises_for_a_fifth_of_the_run_and_falls_to_almost_zero():
    profile = read_profile("numcat++", "laptop")
    optimizer, schedules = optimizer_and_schedules(profile, steps=100)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedules["step"].step()
    assert max(rates) == pytest.approx(profile.learning_rate, rel=1e-3)
    assert rates[0] < 0.05 * max(rates) and rates[-1] < 0.01 * max(rates)
    assert rates.index(max(rates)) == pytest.approx(20, abs=1)


@pytest.mark.parametrize("steps", range(1, 12))
def test_one_cycle_works_for_a_few_steps(steps):
    optimizer, schedules = optimizer_and_schedules(read_profile("numcat++", "laptop"), steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedules["step"].step()
    assert all(0 < rate <= 1e-3 for rate in rates)
    assert steps == 1 or rates[-1] > optimizer.param_groups[0]["lr"]  # it falls in the end


def test_beta_grows_linearly_then_stays_constant():
    paper = read_profile("numcat++", "paper")
    assert [beta(paper, epoch) for epoch in (0, 5, 25, 26, 399)] == pytest.approx([0.1, 0.12, 0.2, 0.2, 0.2])


def test_the_loss_is_the_weighted_sum_and_gradients_are_clipped(undisturbed, smoke, tmp_path):
    for row in read_log(undisturbed):
        parts = [float(row[name]) for name in ("reconstruction", "latent", "controls")]
        epoch = int(row["epoch"])
        assert float(row["loss"]) == pytest.approx(
            parts[0] + (0.1 + 0.1 * epoch) * parts[1] + parts[2], rel=1e-4
        )
    free = replace(smoke, epochs=1, max_gradient_norm=None)
    train(free, tmp_path / "free")
    train(replace(free, max_gradient_norm=1e-6), tmp_path / "clipped")
    norms = [[float(r["gradient_norm"] or 0) for r in read_log(tmp_path / n)] for n in ("free", "clipped")]
    assert norms[0][0] == norms[1][0] > 1  # as measured before clipping
    assert norms[0][1:] != norms[1][1:]


# -- what goes wrong -------------------------------------------------------------------------------------


def test_nan_stops_the_run_with_the_batch_saved(smoke, tmp_path, monkeypatch):
    honest = TrainingData.batch

    def poisoned(self, items, device="cpu", **how):
        batch = honest(self, items, device, **how)
        poisoned.calls += 1
        if poisoned.calls == 4:
            batch.decibels[3] = float("nan")
        return batch

    poisoned.calls = 0
    monkeypatch.setattr(TrainingData, "batch", poisoned)
    with pytest.raises(
        TrainingDivergedError, match="diverged at step 3: loss nan, .*the batch is saved in .*step3"
    ) as caught:
        train(smoke, tmp_path, save_seconds=0)
    assert "\n" not in str(caught.value)
    (file,) = tmp_path.glob("diverged-*.npz")
    saved = np.load(file)
    assert len(saved["rows"]) == 32 and np.isnan(saved["decibels"][3]).all()
    assert np.isfinite(saved["decibels"][:3]).all()
    state = torch.load(tmp_path / "running.ckpt", weights_only=True)
    assert state["progress"]["step"] == 3  # the last saved state is finite
    assert all(t.isfinite().all() for t in state["model"].values())


def test_an_infinite_gradient_stops_the_run_before_it_reaches_the_weights(smoke, tmp_path, monkeypatch):
    runs = []
    honest = loop.losses

    def steep(run, batch, *, training):
        parts, presets = honest(run, batch, training=training)
        runs.append(run)
        weight = run.bare.encoder.head[2].weight
        return parts | {"loss": parts["loss"] + torch.sqrt((weight * 0).sum())}, presets  # infinite slope

    monkeypatch.setattr(loop, "losses", steep)
    with pytest.raises(TrainingDivergedError, match="gradient_norm (nan|inf)"):
        train(smoke, tmp_path)
    assert len(runs) == 1
    assert all(p.isfinite().all() for p in runs[0].bare.parameters())


def test_a_validation_that_is_not_finite_stops_the_run(smoke, tmp_path, monkeypatch):
    honest = PresetVAE.forward

    def forward(self, *arguments, **options):
        output = honest(self, *arguments, **options)
        return output if self.training else output._replace(mean=output.mean * float("inf"))

    monkeypatch.setattr(PresetVAE, "forward", forward)
    with pytest.raises(TrainingDivergedError, match="validation after step 7: loss (nan|-?inf)"):
        train(smoke, tmp_path)
