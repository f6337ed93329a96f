"""The spectrogram decoder (paper section 3): a linear layer, then transposed convolutions to 257 x 347."""

from torch import Tensor, nn
from torch.nn import functional as F

from latentdx.models.encoder import GRID

_SLOPE = 0.1  # of the leaky ReLUs
_OUTPUT_PADDING = ((1, 1), (1, 0), (1, 1), (1, 1), (1, 0), (1, 0))  # brings 3 x 4 back to 257 x 347


class DoublingConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution of stride 2 and padding 2 by an ordinary one and a pixel shuffle.

    Same weights, same result (to rounding), but four to ten times as fast on CPUs: each of the four phases of
    the output sees every second weight of the kernel (https://arxiv.org/abs/1609.07009).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, output_padding: tuple[int, int] = (0, 0)):
        super().__init__(inputs, outputs, kernel, 2, 2, output_padding)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H', W'), H' = 2 (H - 1) + kernel - 4 + output padding."""
        kernel = self.kernel_size[0]
        taps = (kernel + 1) // 2  # each phase sees x[q + 1], x[q], (x[q - 1]) for output 2 q and 2 q + 1
        odd = 2 * taps - kernel
        weight = F.pad(self.weight.to(x.dtype), (0, odd, 0, odd))  # autocast would move twice as much
        inputs, outputs = weight.shape[:2]
        phases = weight.view(inputs, outputs, taps, 2, taps, 2).permute(1, 3, 5, 0, 2, 4).flip(4, 5)
        sizes = [
            2 * (n - 1) + kernel - 4 + extra
            for n, extra in zip(x.shape[2:], self.output_padding, strict=True)
        ]
        before = taps - 2
        rows, columns = (
            (size + 1) // 2 + taps - 1 - n - before for size, n in zip(sizes, x.shape[2:], strict=True)
        )
        assert self.bias is not None
        y = F.conv2d(
            F.pad(x, (before, columns, before, rows)),
            phases.reshape(4 * outputs, inputs, taps, taps),
            self.bias.repeat_interleave(4),
        )
        return F.pixel_shuffle(y, 2)[..., : sizes[0], : sizes[1]]


class _BatchNorm2d(nn.BatchNorm2d):
    """For 8 channels, PyTorch's CPU kernel takes eight times as long with channels last as without."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.contiguous() if self.num_features <= 8 else x)


def _block(transposed: nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(transposed, nn.LeakyReLU(_SLOPE), _BatchNorm2d(transposed.out_channels))


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
        self.unmix = _block(nn.ConvTranspose2d(deepest, n_notes * mixer, 1))
        widths = (mixer, *channels)
        self.per_note = nn.Sequential(
            *(
                _block(DoublingConvTranspose2d(a, b, 4, extra))
                for a, b, extra in zip(widths, channels, _OUTPUT_PADDING, strict=False)
            ),
            DoublingConvTranspose2d(channels[-1], 1, 5),
            nn.Hardtanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """(batch, D) -> (batch, note, 257, 347)."""
        maps = self.unmix(self.expand(z))  # (batch, note * channel, 3, 4)
        maps = maps.unflatten(1, (self.n_notes, -1)).flatten(0, 1)  # (batch * note, channel, 3, 4)
        return self.per_note(maps).unflatten(0, (len(z), self.n_notes)).squeeze(2)
