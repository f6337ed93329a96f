"""A small network of one's own, as a researcher would write it in a module of their own."""

import torch
from torch import nn

from latentdx.models.representation import representation
from latentdx.training.losses import controls_loss


class SmallCNN(nn.Module):
    """Three convolutions and a linear layer, from one spectrogram to a preset vector."""

    def __init__(self, profile):
        super().__init__()
        self.representation = representation(profile.architecture.representation)
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, 8, 5, 4), nn.ReLU(), nn.Conv2d(8, 16, 5, 4), nn.ReLU()),
            *(nn.Conv2d(16, 16, 3, 2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(self.representation.length)),
        )
        self.layers(torch.zeros(1, 1, 257, 347))

    def normalize(self, decibels):
        return decibels / 70

    def losses(self, batch):
        presets = self.layers(self.normalize(batch.decibels))
        controls = controls_loss(self.representation, presets, batch.targets, batch.counts, clamped=False)
        return {"loss": controls, "controls": controls, "extra": controls * 2}, presets

    @torch.no_grad()
    def program(self, spectrograms):
        return self.layers(spectrograms).clamp(0, 1)


def no_network(profile):
    return nn.Linear(1, 1)
