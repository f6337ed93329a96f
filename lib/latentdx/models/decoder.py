"""The spectrogram decoder (paper section 3): a linear layer, then transposed convolutions up to 257 x 347."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from latentdx.models.encoder import GRID

_SLOPE = 0.1  # negative slope of the leaky ReLUs
_OUTPUT_PADDING = ((1, 1), (1, 0), (1, 1), (1, 1), (1, 0), (1, 0))  # brings 3 x 4 back to 257 x 347


class DoublingConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution of stride 2 and padding 2; in bfloat16, by a convolution and a pixel shuffle.

    It has the weights and, up to rounding, the results of `torch.nn.ConvTranspose2d`. Each of the four phases
    of the output uses every second weight of the kernel (https://arxiv.org/abs/1609.07009). Under autocast
    this makes a pass through the decoder up to 1.4 times as fast on a CPU; in single precision PyTorch's own
    kernel is 1.4 times as fast, and is used.

    Args:
        inputs: Number of input channels.
        outputs: Number of output channels.
        kernel: Height and width of the kernel.
        output_padding: Rows and columns added to the output, 0 or 1 each.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, output_padding: tuple[int, int] = (0, 0)):
        super().__init__(inputs, outputs, kernel, 2, 2, output_padding)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Convolve maps (batch, inputs, H, W).

        Args:
            x: Maps of shape (batch, inputs, H, W).
            output_size: Ignored; it is here to match the signature of `torch.nn.ConvTranspose2d`.

        Returns:
            (batch, outputs, H', W'), where H' = 2 (H - 1) + kernel - 4 + output padding, and W' likewise.
        """
        return self.doubled(x) if torch.is_autocast_enabled("cpu") else super().forward(x)

    def doubled(self, x: Tensor) -> Tensor:
        """Compute the same as `forward` by a convolution and a pixel shuffle."""
        kernel = self.kernel_size[0]
        taps = (kernel + 1) // 2  # each phase sees x[q + 1], x[q], (x[q - 1]) for output 2 q and 2 q + 1
        odd = 2 * taps - kernel
        weight = F.pad(self.weight.to(x.dtype), (0, odd, 0, odd))  # or autocast would move twice as much
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
    """Batch norm that avoids channels last up to 8 channels, where it makes the CPU kernel 8 times slower."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.contiguous() if self.num_features <= 8 else x)


def _block(transposed: nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(transposed, nn.LeakyReLU(_SLOPE), _BatchNorm2d(transposed.out_channels))


class Decoder(nn.Module):
    """Decoder from zK to mel spectrograms that are normalized to [-1, 1].

    It mirrors the encoder: the first transposed convolution separates the notes; all later layers process
    each note on its own, with shared weights.

    Args:
        latent: Dimension D of zK.
        n_notes: Number of spectrograms per item (1 or 6).
        channels: Widths of the per-note layers, deepest first.
        mixer: Width, per note, of the layer that separates the notes.
        deepest: Number of channels of the first map.
        dropout: Dropout probability after the linear layer.
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
        """Decode zK (batch, D) to spectrograms (batch, note, 257, 347)."""
        maps = self.unmix(self.expand(z))  # (batch, note * channel, 3, 4)
        maps = maps.unflatten(1, (self.n_notes, -1)).flatten(0, 1)  # (batch * note, channel, 3, 4)
        return self.per_note(maps).unflatten(0, (len(z), self.n_notes)).squeeze(2)
