"""Test the plausibility of presets, and that a match prefers the more plausible of equally close ones."""

import numpy as np
import torch

from latentdx import Dexed
from latentdx.applications.candidate_choice import chosen_presets
from latentdx.applications.match import match_targets
from latentdx.applications.plausibility import log_likelihood
from latentdx.applications.target import Target
from latentdx.presets import corpora
from latentdx.presets.parameters import column


def test_the_likelihood_is_that_of_the_parameters_that_are_heard(smoke_model) -> None:
    preset = corpora.read("starter").neutral()[3].with_values(**{"OP6 OUTPUT LEVEL": 0})
    decibels = smoke_model.spectrograms(Dexed().render(preset))
    values = np.stack(
        [
            preset.values,
            preset.with_values(**{"OP6 F COARSE": 31}).values,  # a silent operator
            preset.with_values(TRANSPOSE=12).values,  # not learned
            preset.with_values(**{"OP1 F COARSE": 31}).values,
        ]
    )
    found = log_likelihood(smoke_model, decibels, values)
    assert found.shape == (4,) and (found < 0).all()
    np.testing.assert_allclose(found[1:3], found[0], rtol=1e-6)
    assert abs(found[3] - found[0]) > 1e-3
    sampler = smoke_model.model.sampler
    with torch.inference_mode():
        maps = smoke_model.model.encoder.maps(smoke_model.model.normalize(decibels))
        each = sampler(maps, torch.from_numpy(values[:1]))[0]
    heard = sampler.heard(torch.from_numpy(values[:1]))[0]
    np.testing.assert_allclose(-each[heard].sum(), found[0], rtol=1e-5)


def test_the_most_plausible_of_equally_close_presets_is_chosen() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 8, (6, 145)).astype(np.uint8)
    values[:, column("ALGORITHM")] = [0, 4, 6, 15, 31, 30]
    distances = np.array([1.0, 1.01, 1.02, 1.2, 1.21, 1.5])
    rated = []

    def plausibility(rivals):
        rated.extend(rivals[:, column("ALGORITHM")].tolist())
        return np.array(
            [{0: 0.0, 4: 3.0, 6: 2.0, 31: 5.0, 15: 1.0}[a] for a in rivals[:, column("ALGORITHM")]]
        )

    assert chosen_presets(values, distances, 6, plausibility=plausibility) == [1, 2, 0, 4, 3, 5]
    assert 30 not in rated  # it has no rivals
    assert chosen_presets(values, distances, 6) == [0, 1, 2, 3, 4, 5]
    values[1] = values[2]  # twins
    values[1, 0] = 9
    assert chosen_presets(values, distances, 6, plausibility=plausibility) == [1, 0, 4, 3, 5]


def test_a_match_can_choose_by_distance_alone(smoke_model) -> None:
    bank = corpora.read("starter").neutral()
    target = Target(Dexed().render(bank[3]), 60, 85, (), ())
    near, likely = (
        match_targets(
            [target], smoke_model, nearest=bank.values[4:8], budget=150, keep=1, plausible=plausible
        )
        for plausible in (False, True)
    )
    assert near.stages[:-1] == likely.stages[:-1]
    assert near.best.distance <= likely.best.distance + 0.01
    decibels = smoke_model.spectrograms(target.sound)
    values = np.stack([near.stages[-2].preset.values, likely.best.preset.values])
    assert likely.best.distance <= 1.05 * near.best.distance + 0.01
    assert log_likelihood(smoke_model, decibels, values).shape == (2,)
