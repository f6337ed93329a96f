"""The paper's model: a spectral VAE with a latent flow and a regression from its latent space to presets.

    spectrograms -> encoder -> q(z0 | x) -> latent flow -> zK -> decoder -> spectrograms
                                                           zK -> regression -> preset tensor

Paper section 3. At inference the decoder is not used, and z0 is the mean of q(z0 | x).
"""

from dataclasses import dataclass, replace
from math import log
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from latentdx.audio.spectrogram import CEILING_DB, FLOOR_DB
from latentdx.errors import ParameterError
from latentdx.models.decoder import Decoder
from latentdx.models.encoder import Encoder
from latentdx.models.flows import RealNVP
from latentdx.models.posterior_sampler import PresetSampler, SamplerShape
from latentdx.models.representation import representation

_PAPER_MLP_LATENT = {6: 610, 3: 340}  # D of the paper's models with the MLP head, for all representations


@dataclass(frozen=True)
class Architecture:
    """Configuration of a `PresetVAE`; the defaults are those of the paper's single-note model.

    Attributes:
        representation: Name of the preset representation: "num", "numcat" or "numcat++".
        n_operators: Number of operators of the presets, 6 or 3.
        n_notes: Number of spectrograms per preset, stacked as channels (1 or 6).
        head: Regression: "flow" (invertible; D is the length of the preset tensor) or "mlp".
        note_latents: Whether the note (pitch, velocity) is written into the first two latents. This is the
            paper's model of six unstacked notes, in which each note is an item of its own.
        channels: Widths of the per-note convolutions, see `Encoder`; the decoder has them in reverse order.
        mixer: Width of the encoder's seventh layer.
        deepest: Width of the encoder's eighth layer.
        decoder_mixer: Width, per note, of the decoder's layer that separates the notes.
        decoder_deepest: Number of channels of the decoder's first map.
        flow_hidden: Width of the conditioners in both flows.
        mlp_hidden: Width of the MLP head.
        initial_log_variance: Mean log-variance of q(z0 | x) before training. At the paper's 0 there is as
            much noise as signal, and a short training never gets far from that.
        initial_log_scale: Initial log-scale of the last batch norm inside the regression flow. At the paper's
            0, predicted presets begin as noise of unit variance, which a short training must unlearn first.
        identity_start: Whether both flows begin as scalings. If false, as in the paper, they begin as random
            mixtures of all latents, which a short training does not undo.
        dropout: Dropout probability at the two wide linear layers of encoder and decoder.
        regression_dropout: Dropout probability in the regression.
        sampler: Size of an additional joint posterior over presets (`PresetSampler`), which the paper does
            not have; default none.
    """

    representation: str = "numcat++"
    n_operators: int = 6
    n_notes: int = 1
    head: Literal["flow", "mlp"] = "flow"
    note_latents: bool = False
    channels: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    mixer: int = 512
    deepest: int = 2048
    decoder_mixer: int = 512
    decoder_deepest: int = 2048
    flow_hidden: int = 300
    mlp_hidden: int = 1024
    initial_log_variance: float = 0.0
    initial_log_scale: float = 0.0
    identity_start: bool = False
    dropout: float = 0.3
    regression_dropout: float = 0.4
    sampler: SamplerShape | None = None

    @classmethod
    def paper(
        cls,
        representation: str,
        *,
        n_operators: int = 6,
        head: Literal["flow", "mlp"] = "flow",
        notes: Literal["single", "stacked", "unstacked"] = "single",
    ) -> "Architecture":
        """Return one of the sixteen configurations that the paper evaluates (its tables 1 and 2).

        Args:
            representation: Name of the preset representation: "num", "numcat" or "numcat++".
            n_operators: Number of operators of the presets, 6 or 3.
            head: Regression: "flow" or "mlp".
            notes: Input: one note ("single"), six notes as channels of one item ("stacked"), or six notes as
                items of their own ("unstacked").
        """
        plain = cls(representation, n_operators, head=head)
        if notes == "stacked":
            return replace(plain, n_notes=6, mixer=768, deepest=1024)
        if notes == "unstacked":  # enlarged, so that the comparison with the stacked model is fair
            return replace(plain, mixer=1800, decoder_mixer=1800, note_latents=True)
        return plain


class Output(NamedTuple):
    """Result of a forward pass; B is the size of the batch, D the latent dimension.

    Attributes:
        spectrograms: Reconstructions (decoded <= B, note, 257, 347), normalized to [-1, 1].
        presets: Preset tensor (B, length), not clamped.
        mean: Mean of q(z0 | x), (B, D).
        log_variance: Log-variance of q(z0 | x), (B, D).
        z0: Latents before the latent flow, (B, D).
        zk: Latents zK after the latent flow, (B, D).
        log_det: log `|det dzK/dz0|`, (B,).
        nll: Negative log-likelihood of each parameter by the sampler, (B, 144), nats; `None` if the model has
            no sampler or no presets were given.
        encoded: zK of the first `decoded` presets that were given, by the inverse of the regression flow,
            (decoded, D); `None` unless it was requested and the head is a flow.
    """

    spectrograms: Tensor
    presets: Tensor
    mean: Tensor
    log_variance: Tensor
    z0: Tensor
    zk: Tensor
    log_det: Tensor
    nll: Tensor | None = None
    encoded: Tensor | None = None


class PresetVAE(nn.Module):
    """The paper's model: encoder, latent flow, decoder and regression, see the module's docstring.

    Args:
        architecture: Complete configuration; equal architectures give models of equal shapes.

    Raises:
        ParameterError: The representation does not exist, or the number of operators is not 3 or 6.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.representation = representation(a.representation, a.n_operators)
        length = self.representation.length
        self.latent = length if a.head == "flow" else _PAPER_MLP_LATENT[a.n_operators]
        self.encoder = Encoder(
            self.latent - 2 * a.note_latents,
            a.n_notes,
            channels=a.channels,
            mixer=a.mixer,
            deepest=a.deepest,
            dropout=a.dropout,
            initial_log_variance=a.initial_log_variance,
        )
        self.decoder = Decoder(
            self.latent,
            a.n_notes,
            channels=a.channels[::-1],
            mixer=a.decoder_mixer,
            deepest=a.decoder_deepest,
            dropout=a.dropout,
        )
        self.latent_flow = RealNVP(self.latent, hidden=a.flow_hidden, identity_start=a.identity_start)
        self.regression: RealNVP | MLPRegression
        if a.head == "flow":
            self.regression = RealNVP(
                length,
                hidden=a.flow_hidden,
                dropout=a.regression_dropout,
                between=True,
                initial_log_scale=a.initial_log_scale,
                identity_start=a.identity_start,
            )
        else:
            self.regression = MLPRegression(
                self.latent, length, hidden=a.mlp_hidden, dropout=a.regression_dropout
            )

        self.sampler = PresetSampler(a.channels[-1] * a.n_notes, shape=a.sampler) if a.sampler else None
        self.register_buffer("range_db", torch.tensor([FLOOR_DB, CEILING_DB]))

    range_db: Tensor
    """Lowest and highest level of the training set in dB, (2,); the networks see them as -1 and 1."""

    def normalize(self, decibels: Tensor) -> Tensor:
        """Normalize levels: map the training set's range `range_db` to [-1, 1], without clipping.

        Args:
            decibels: Levels in dB, of any shape.

        Returns:
            A new tensor of the same shape; levels outside the training set's range stay outside [-1, 1].
        """
        low, high = self.range_db
        return (decibels - low).mul_(2 / (high - low)).sub_(1)  # in place: it is the largest array of a step

    def encode(self, spectrograms: Tensor, notes: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute q(z0 | x).

        Args:
            spectrograms: Normalized spectrograms (B, note, 257, 347).
            notes: MIDI pitch and velocity, (B, 2); used and required only by models with `note_latents`.

        Returns:
            Mean and log-variance of q(z0 | x), (B, D) each.

        Raises:
            ParameterError: The model has `note_latents`, but `notes` is missing.
        """
        return self._posterior(self.encoder.maps(spectrograms), notes)

    def _posterior(self, maps: Tensor, notes: Tensor | None) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(maps)
        if self.architecture.note_latents:
            if notes is None:
                raise ParameterError("this model needs the pitch and velocity of each note, shape (batch, 2)")
            played = -1 + 2 * notes.to(mean.dtype) / 127
            mean = torch.cat([played, mean], 1)
            known = torch.full_like(played, log(4 / 127**2))  # one MIDI step is one standard deviation
            log_variance = torch.cat([known, log_variance], 1)
        return mean, log_variance

    def regress(self, zk: Tensor) -> Tensor:
        """Predict the preset tensor (B, length), not clamped, from zK (B, D)."""
        return self.regression(zk)[0] if isinstance(self.regression, RealNVP) else self.regression(zk)

    def forward(
        self,
        spectrograms: Tensor,
        notes: Tensor | None = None,
        values: Tensor | None = None,
        decoded: int | None = None,
        *,
        encode: bool = False,
    ) -> Output:
        """Run one forward pass; z0 is sampled in training mode and is the mean in evaluation mode.

        Args:
            spectrograms: Normalized spectrograms (B, note, 257, 347).
            notes: MIDI pitch and velocity, (B, 2); used and required only by models with `note_latents`.
            values: Presets, uint8 (B, 145), which the sampler scores and the regression encodes.
            decoded: Number of items, from the start of the batch, that are reconstructed; default all. The
                decoder is the costlier half of the model, and the loss over a part of a shuffled batch is an
                unbiased estimate.
            encode: Whether `Output.encoded` is computed.
        """
        maps = self.encoder.maps(spectrograms)
        mean, log_variance = self._posterior(maps, notes)
        z0 = mean + torch.exp(log_variance / 2) * torch.randn_like(mean) if self.training else mean
        zk, log_det = self.latent_flow(z0)
        nll = None if self.sampler is None or values is None else self.sampler(maps, values)
        presets, spectrograms = self.regress(zk), self.decoder(zk[:decoded])
        encoded = self._encoded(values[:decoded]) if encode and values is not None else None
        return Output(spectrograms, presets, mean, log_variance, z0, zk, log_det, nll, encoded)

    def _encoded(self, values: Tensor) -> Tensor | None:
        """Compute zK of presets (B, 145) with gradients, in evaluation mode: there is no batch of zK."""
        if not isinstance(self.regression, RealNVP):
            return None
        training = self.regression.training
        self.regression.eval()
        encoded = self.regression.inverse(self.representation.encode(values).to(values.device))
        self.regression.train(training)
        return encoded

    @torch.no_grad()
    def program(self, spectrograms: Tensor, notes: Tensor | None = None) -> Tensor:
        """Predict preset tensors by the mean of q(z0 | x), the latent flow and the regression.

        Args:
            spectrograms: Normalized spectrograms (B, note, 257, 347).
            notes: MIDI pitch and velocity, (B, 2); used and required only by models with `note_latents`.

        Returns:
            (B, length), in [0, 1].
        """
        mean, _ = self.encode(spectrograms, notes)
        return self.regress(self.latent_flow(mean)[0]).clamp(0, 1)

    @torch.no_grad()
    def encode_preset(self, presets: Tensor) -> Tensor:
        """Return the zK from which the regression predicts exactly these presets, in evaluation mode.

        Args:
            presets: Preset tensor (B, length).

        Returns:
            (B, D).

        Raises:
            ParameterError: The model has the MLP head, which cannot be inverted.
        """
        if not isinstance(self.regression, RealNVP):
            raise ParameterError("the MLP head cannot be inverted: only the flow head can encode presets")
        return self.regression.inverse(presets)


class MLPRegression(nn.Module):
    """The paper's alternative to the regression flow: a multilayer perceptron with three hidden layers.

    Args:
        latent: Dimension D of zK.
        outputs: Length of the preset tensor.
        hidden: Width of the hidden layers.
        dropout: Dropout probability after the batch norms.
    """

    def __init__(self, latent: int, outputs: int, *, hidden: int = 1024, dropout: float = 0.4) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.BatchNorm1d(hidden),
            nn.Dropout(dropout),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.BatchNorm1d(hidden),
            nn.Dropout(dropout),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Predict the preset tensor (B, outputs) from zK (B, D)."""
        result: Tensor = self.layers(z)
        return result
