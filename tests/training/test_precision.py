"""The precision "auto" is decided by the machine, said, recorded, and kept when a run is resumed."""

from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric

from latentdx.errors import CheckpointError
from latentdx.training import loop, precision
from latentdx.training.checkpoint import read_header
from latentdx.training.loop import choose_precision, set_up, train
from latentdx.training.precision import LEAST_GAIN, bfloat16_gain, fastest_precision

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch):
    """Return a function that sets how many times as fast as single precision bfloat16 is."""

    def set_gain(gain):
        monkeypatch.setattr(precision, "bfloat16_gain", lambda step: gain)

    return set_gain


def test_a_processor_gets_bfloat16_only_if_it_is_clearly_faster(machine):
    for gain, wanted in [(3.2, "bf16-mixed"), (LEAST_GAIN * 0.99, "32-true"), (1 / 18, "32-true")]:
        machine(gain)
        choice = fastest_precision(pytest.fail, CPU)
        assert choice.precision == wanted and f"{gain:.2f} times the speed" in choice.reason


def test_several_processes_do_not_measure_and_so_cannot_differ(machine):
    machine(3.0)
    assert fastest_precision(pytest.fail, CPU, 2).precision == "32-true"


@pytest.mark.parametrize(("has", "wanted"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_gpu_gets_bfloat16_if_it_has_the_instructions(has, wanted, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: has)
    assert fastest_precision(pytest.fail, torch.device("cuda", 0), 4).precision == wanted


def test_the_measurement_alternates_on_one_thread_and_leaves_the_threads_as_they_were(monkeypatch):
    clock, done, cost = [0.0], [], {"32-true": 1.0, "bf16-mixed": 4.0}
    monkeypatch.setattr("time.thread_time", lambda: clock[0])

    def step(chosen):
        assert torch.get_num_threads() == 1
        done.append(chosen)
        clock[0] += cost[chosen]

    before = torch.get_num_threads()
    assert bfloat16_gain(step, 0.0) == 1 / 4
    assert torch.get_num_threads() == before and done == ["32-true", "bf16-mixed"] * 3
    cost["bf16-mixed"] = 18.0  # as on a processor without the instructions: one run is enough
    assert bfloat16_gain(step, 60.0) == 1 / 18 and len(done) == 8


def test_the_real_measurement_gives_a_plausible_number_and_changes_nothing(smoke, tmp_path, monkeypatch):
    run = set_up(replace(smoke, precision="auto"), tmp_path, Fabric(accelerator="cpu", devices=1))
    before = {name: t.clone() for name, t in run.bare.state_dict().items()}
    random, found = torch.get_rng_state(), []
    monkeypatch.setattr(
        precision, "bfloat16_gain", lambda step: found.append(bfloat16_gain(step, 0.1)) or 2.0
    )
    assert choose_precision(run).precision == "bf16-mixed" and 1 / 100 < found[0] < 100
    assert torch.equal(random, torch.get_rng_state()) and run.profile.precision == "auto"
    assert all(torch.equal(t, before[name]) for name, t in run.bare.state_dict().items())
    assert all(p.grad is None for p in run.bare.parameters())


@pytest.mark.training
def test_the_choice_is_said_and_recorded_and_a_resumed_run_keeps_it(smoke, machine, tmp_path, capsys):
    profile = replace(smoke, precision="auto", epochs=1)
    machine(2.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_write_model", lambda *rest: pytest.fail("stopped before the end"))
        with pytest.raises(pytest.fail.Exception):
            train(profile, tmp_path)
    assert "precision bf16-mixed: a step in bfloat16 has 2.00 times the speed" in capsys.readouterr().err
    machine(0.1)  # as if the folder had moved to a machine without bfloat16
    with pytest.raises(CheckpointError, match="precision is 'bf16-mixed', not '32-true'"):
        train(replace(profile, precision="32-true"), tmp_path)
    about = read_header(train(profile, tmp_path))
    assert about.profile == replace(profile, precision="bf16-mixed")
