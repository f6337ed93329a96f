"""The spectrogram encoder (paper section 3): eight convolutions, a head for mean and log-variance."""

from itertools import pairwise

from torch import Tensor, nn

GRID = (3, 4)  # what 257 x 347 becomes after seven strides of two
_SLOPE = 0.1  # of the leaky ReLUs


def _block(
    inputs: int, outputs: int, kernel: int, stride: int, padding: int, *, norm: bool = True
) -> nn.Sequential:
    """Convolution, activation, batch norm: in this order, as in the paper."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(outputs)] if norm else []))


class Encoder(nn.Module):
    """Mel spectrograms -> mean and log-variance of q(z0 | x).

    The first six layers see each note alone, with shared weights; their maps are concatenated and mixed by
    the seventh.

    Args:
        latent: D, the dimension of z0.
        n_notes: spectrograms per item (1 or 6).
        channels: widths of the first six layers.
        mixer: width of the seventh layer.
        deepest: width of the eighth (1 x 1) layer.
        dropout: before the head.
        initial_log_variance: what the head's batch norm gives before it has learned.
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
        """(batch, note, 257, 347), normalized -> maps of the sixth layer, (batch, note * channel, 5, 7)."""
        batch, notes = spectrograms.shape[:2]
        maps = self.per_note(spectrograms.flatten(0, 1).unsqueeze(1))  # (batch * note, channel, 5, 7)
        return maps.unflatten(0, (batch, notes)).flatten(1, 2)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """What `maps` gives -> mean and log-variance, each (batch, D)."""
        mean, log_variance = self.head(self.mixed(maps)).chunk(2, dim=1)
        return mean, log_variance
