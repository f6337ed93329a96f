"""The precision "auto" is decided by the machine, said, recorded, and kept when a run is resumed."""

from dataclasses import replace

import pytest
import torch

from latentdx.errors import CheckpointError
from latentdx.training import loop, precision
from latentdx.training.checkpoint import read_header
from latentdx.training.loop import train
from latentdx.training.precision import LEAST_GAIN, bfloat16_gain, fastest_precision

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch):
    """Return a function that sets how many times as fast as single precision bfloat16 is."""

    def set_gain(gain):
        monkeypatch.setattr(precision, "bfloat16_gain", lambda: gain)

    return set_gain


def test_a_processor_gets_bfloat16_only_if_it_is_clearly_faster(machine):
    for gain, wanted in [(3.2, "bf16-mixed"), (LEAST_GAIN * 0.99, "32-true"), (1 / 18, "32-true")]:
        machine(gain)
        choice = fastest_precision(CPU)
        assert choice.precision == wanted and f"{gain:.2g}" in choice.reason


def test_several_processes_do_not_measure_and_so_cannot_differ(machine):
    machine(3.0)
    assert fastest_precision(CPU, 2).precision == "32-true"


@pytest.mark.parametrize(("has", "wanted"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_gpu_gets_bfloat16_if_it_has_the_instructions(has, wanted, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: has)
    assert fastest_precision(torch.device("cuda", 0), 4).precision == wanted


def test_the_measurement_alternates_on_one_thread_and_leaves_the_threads_as_they_were(monkeypatch):
    slow, halves = {False: 1, True: 4}, []

    def timed(network, maps, half):
        halves.append(half)
        assert torch.get_num_threads() == 1
        return slow[half]

    monkeypatch.setattr(precision, "_timed", timed)
    before = torch.get_num_threads()
    assert bfloat16_gain.__wrapped__(0.0) == 1 / 4
    assert torch.get_num_threads() == before and halves == [False, True] * 3


def test_a_real_measurement_gives_a_plausible_number():
    assert 1 / 100 < bfloat16_gain.__wrapped__(0.1) < 100


@pytest.mark.training
def test_the_choice_is_said_and_recorded_and_a_resumed_run_keeps_it(smoke, machine, tmp_path, capsys):
    profile = replace(smoke, precision="auto", epochs=1)
    machine(2.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_write_model", lambda *rest: pytest.fail("stopped before the end"))
        with pytest.raises(pytest.fail.Exception):
            train(profile, tmp_path)
    assert "precision bf16-mixed: measured 2.0 times as fast" in capsys.readouterr().err
    machine(0.1)  # as if the folder had moved to a machine without bfloat16
    with pytest.raises(CheckpointError, match="precision is 'bf16-mixed', not '32-true'"):
        train(replace(profile, precision="32-true"), tmp_path)
    about = read_header(train(profile, tmp_path))
    assert "precision bf16-mixed: as this run began" in capsys.readouterr().err
    assert about.profile == replace(profile, precision="bf16-mixed")
