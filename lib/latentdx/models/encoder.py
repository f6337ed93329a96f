"""The spectrogram encoder (paper section 3): eight convolutions, then a head for mean and log-variance."""

from itertools import pairwise

from torch import Tensor, nn

GRID = (3, 4)  # size of a 257 x 347 spectrogram after seven strides of two
_SLOPE = 0.1  # negative slope of the leaky ReLUs


def _block(
    inputs: int, outputs: int, kernel: int, stride: int, padding: int, *, norm: bool = True
) -> nn.Sequential:
    """Return convolution, activation and batch norm, in this order, as in the paper."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(outputs)] if norm else []))


class Encoder(nn.Module):
    """Encoder from mel spectrograms to the mean and log-variance of q(z0 | x).

    The first six layers process each note on its own, with shared weights; the seventh layer mixes their
    concatenated maps.

    Args:
        latent: Dimension D of z0.
        n_notes: Number of spectrograms per item (1 or 6).
        channels: Widths of the first six layers.
        mixer: Width of the seventh layer.
        deepest: Width of the eighth (1 x 1) layer.
        dropout: Dropout probability before the head's linear layer.
        initial_log_variance: Mean log-variance before any training (the bias of the head's batch norm).
    """

    def __init__(
        self,
        latent: int,
        n_notes: int = 1,
        *,
        channels: tuple[int, ...] = (8, 16, 32, 64, 128, 256),
        mixer: int = 512,
        deepest: int = 2048,
        dropout: float = 0.3,
        initial_log_variance: float = 0.0,
    ) -> None:
        super().__init__()
        per_note = [_block(1, channels[0], 5, 2, 2, norm=False)]
        per_note += [_block(a, b, 4, 2, 2) for a, b in pairwise(channels)]
        self.per_note = nn.Sequential(*per_note)
        self.mixed = nn.Sequential(
            _block(n_notes * channels[-1], mixer, 4, 2, 2), _block(mixer, deepest, 1, 1, 0, norm=False)
        )
        rows, columns = GRID
        norm = nn.BatchNorm1d(2 * latent)
        nn.init.constant_(norm.bias[latent:], initial_log_variance)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(deepest * rows * columns, 2 * latent), norm
        )

    def maps(self, spectrograms: Tensor) -> Tensor:
        """Compute the maps of the sixth layer.

        Args:
            spectrograms: Normalized spectrograms (batch, note, 257, 347).

        Returns:
            (batch, note * channel, 5, 7).
        """
        batch, notes = spectrograms.shape[:2]
        maps = self.per_note(spectrograms.flatten(0, 1).unsqueeze(1))  # (batch * note, channel, 5, 7)
        return maps.unflatten(0, (batch, notes)).flatten(1, 2)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Compute mean and log-variance, each (batch, D), from the result of `maps`."""
        mean, log_variance = self.head(self.mixed(maps)).chunk(2, dim=1)
        return mean, log_variance
