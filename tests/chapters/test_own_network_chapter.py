"""The network of the chapter "Bring your own network" works outside of the notebook as well."""

import sys
from pathlib import Path
from types import ModuleType

import nbformat
import numpy as np
import pytest
import torch

from latentdx.applications.programmer import load_model
from latentdx.evaluation import Measurement, read_all
from latentdx.evaluation.commands import EvaluationRequest, evaluate_model
from latentdx.run_options import RunOptions
from latentdx.training import read_profile, train
from latentdx.training.history import read_log
from latentdx.training.network import PresetNetwork

pytestmark = pytest.mark.training

CHAPTER = Path(__file__).parents[2] / "book" / "own_network.ipynb"


@pytest.fixture
def source():
    (cell,) = [cell for cell in nbformat.read(CHAPTER, as_version=4).cells if cell.id == "network"]
    return cell.source


def test_the_example_trains_and_is_evaluated_as_a_module(source, tmp_path, monkeypatch):
    module = ModuleType("network_of_the_book")
    exec(source, module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    settings = tmp_path / "cnn.yml"
    settings.write_text("{scale: smoke, precision: 32-true, factory: 'network_of_the_book:CNN', epochs: 2}")
    profile = read_profile("cnn", settings)
    file = train(profile, tmp_path / "run")
    losses = read_log(tmp_path / "run/log.csv").query("subset == 'train'").loss
    assert len(losses) == 14 and np.mean(losses[-3:]) < np.mean(losses[:3])
    model = load_model(file, factory="network_of_the_book:CNN")
    assert isinstance(model.model, PresetNetwork)
    levels = model.model.normalize(torch.tensor(model.model.range_db.tolist()))
    assert levels.tolist() == pytest.approx([-1, 1])  # training has measured the range
    request = EvaluationRequest(
        limit=3, measurement=Measurement().quick(), out=tmp_path, options=RunOptions(processes=1)
    )
    list(evaluate_model(model, request))
    (result,) = read_all(tmp_path)
    assert result.provenance.title == "cnn" and len(result.table) == 3


def test_the_example_is_as_short_as_the_chapter_promises(source):
    assert 40 < len(source.splitlines()) < 75
