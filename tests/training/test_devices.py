"""Two processes (gloo, started by `fabric run`) train like one process."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from runs import read_log
from two_devices import gradients

from latentdx.errors import ProfileError
from latentdx.training.checkpoint import load
from latentdx.training.loop import set_up

pytestmark = pytest.mark.training

FABRIC = Path(sys.executable).with_name("fabric")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder in which two processes have saved their gradients and trained."""
    out = tmp_path_factory.mktemp("two")
    script = Path(__file__).with_name("two_devices.py")
    command = [FABRIC, "run", "--devices", "2", "--accelerator", "cpu", script, out]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def test_two_processes_get_the_losses_and_gradients_of_one(folder, tmp_path):
    wanted = gradients(tmp_path)
    shares = [torch.load(folder / f"gradients-{rank}.pt", weights_only=True) for rank in (0, 1)]
    for name, expected in wanted.items():
        for share in shares:
            scale = float(expected.abs().max())
            assert scale > 0, name
            assert torch.allclose(share[name], expected, rtol=1e-5, atol=1e-6 * scale), name


def test_two_processes_train_a_model_much_like_one(folder, undisturbed):
    two, one = read_log(folder), read_log(undisturbed)
    for key in ("step", "epoch", "subset"):
        assert [row[key] for row in two] == [row[key] for row in one]
    for ours, theirs in zip(two, one, strict=True):  # noise and batch norms differ
        assert float(ours["controls"]) == pytest.approx(float(theirs["controls"]), rel=0.2)
        assert ours["learning_rate"] == theirs["learning_rate"]
    model, about = load(folder / "model.safetensors")
    assert about.steps == 14 and all(p.isfinite().all() for p in model.parameters())
    state = torch.load(folder / "running.ckpt", weights_only=True)
    cpu = state["rng"]["cpu"]
    assert len(cpu) == 2 and not torch.equal(cpu[0], cpu[1])  # each process has its own noise


def test_a_batch_that_devices_cannot_share_is_refused(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(Fabric, "world_size", 3)
    with pytest.raises(ProfileError, match="3 devices cannot share a batch of 32 evenly"):
        set_up(smoke, tmp_path, Fabric(accelerator="cpu"))
