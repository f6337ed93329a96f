"""The spectrogram decoder (paper section 3): a linear layer, then transposed convolutions to 257 x 347."""

from torch import Tensor, nn

from latentdx.models.encoder import GRID

_SLOPE = 0.1  # of the leaky ReLUs
_OUTPUT_PADDING = ((1, 1), (1, 0), (1, 1), (1, 1), (1, 0), (1, 0))  # brings 3 x 4 back to 257 x 347


def _block(
    inputs: int, outputs: int, kernel: int, stride: int, padding: int, extra: tuple[int, int]
) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, extra),
        nn.LeakyReLU(_SLOPE),
        nn.BatchNorm2d(outputs),
    )


class Decoder(nn.Module):
    """zK -> mel spectrograms, normalized to [-1, 1].

    The mirror of the encoder: the first transposed convolution unmixes the notes, the rest sees each note
    alone, with shared weights.

    Args:
        latent: D, the dimension of zK.
        n_notes: spectrograms per item (1 or 6).
        channels: widths of the per-note layers, deepest first.
        mixer: width of the unmixing layer per note.
        deepest: channels of the first map.
        dropout: behind the linear layer.
    """

    def __init__(
        self,
        latent: int,
        n_notes: int = 1,
        *,
        channels: tuple[int, ...] = (256, 128, 64, 32, 16, 8),
        mixer: int = 512,
        deepest: int = 2048,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.n_notes = n_notes
        rows, columns = GRID
        self.expand = nn.Sequential(
            nn.Linear(latent, deepest * rows * columns),
            nn.Dropout(dropout),
            nn.Unflatten(1, (deepest, rows, columns)),
        )
        self.unmix = _block(deepest, n_notes * mixer, 1, 1, 0, (0, 0))
        widths = (mixer, *channels)
        self.per_note = nn.Sequential(
            *(_block(a, b, 4, 2, 2, e) for a, b, e in zip(widths, channels, _OUTPUT_PADDING, strict=False)),
            nn.ConvTranspose2d(channels[-1], 1, 5, 2, 2),
            nn.Hardtanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """(batch, D) -> (batch, note, 257, 347)."""
        maps = self.unmix(self.expand(z))  # (batch, note * channel, 3, 4)
        maps = maps.unflatten(1, (self.n_notes, -1)).flatten(0, 1)  # (batch * note, channel, 3, 4)
        return self.per_note(maps).unflatten(0, (len(z), self.n_notes)).squeeze(2)
