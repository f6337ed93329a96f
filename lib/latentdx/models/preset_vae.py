"""The paper's model: a spectral VAE with a latent flow, and a regression from its latent space to presets.

    spectrograms -> encoder -> q(z0 | x) -> latent flow -> zK -> decoder -> spectrograms
                                                           zK -> regression -> preset tensor

Paper section 3; at inference the decoder is dropped and z0 is the mean of q(z0 | x).
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

_PAPER_MLP_LATENT = {6: 610, 3: 340}  # D of the models with the MLP head, whatever their representation


@dataclass(frozen=True)
class Architecture:
    """Widths and dropouts of a `PresetVAE`; the defaults are the paper's single-note model.

    Attributes:
        representation: "num", "numcat" or "numcat++".
        n_operators: 6 or 3.
        n_notes: spectrograms stacked as channels (1 or 6).
        head: "flow" (invertible, needs D = length of the preset tensor) or "mlp".
        note_latents: write (pitch, velocity) into the first two latents: the paper's six notes, unstacked.
        channels, mixer, deepest: widths of the convolutions, see `Encoder` and `Decoder`.
        decoder_mixer, decoder_deepest: the same on the way back.
        flow_hidden: width of both flows' conditioners.
        mlp_hidden: width of the MLP head.
        initial_log_variance: of q(z0 | x). The encoder's batch norm starts at 0, as much noise as signal, and
            a short training never gets far from there.
        initial_log_scale: of the last batch norm inside the regression flow. At 0 presets begin as noise of
            unit variance, which a short training has to unlearn first.
        identity_start: both flows begin as scalings, not as random mixtures of all latents: a short training
            does not find its way out of these.
        dropout: at the two wide linear layers.
        regression_dropout: in the regression.
        sampler: adds a joint posterior over presets (`PresetSampler`), which the paper has not.
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
        """One of the sixteen configurations that the paper evaluates (its tables 1 and 2)."""
        plain = cls(representation, n_operators, head=head)
        if notes == "stacked":
            return replace(plain, n_notes=6, mixer=768, deepest=1024)
        if notes == "unstacked":  # enlarged, for fairness to the stacked model
            return replace(plain, mixer=1800, decoder_mixer=1800, note_latents=True)
        return plain


class Output(NamedTuple):
    """What a forward pass gives; B is the batch, D the latent dimension.

    Attributes:
        spectrograms: reconstruction (decoded <= B, note, 257, 347), normalized to [-1, 1].
        presets: preset tensor (B, length), not clamped.
        mean, log_variance: of q(z0 | x), (B, D) each.
        z0, zk: latents before and after the latent flow, (B, D) each.
        log_det: log `|det dzK/dz0|`, (B,).
        nll: of each parameter by the sampler (B, 144), nats; where there is one and presets were given.
        encoded: zK of the first `decoded` presets that were given, by the inverse of the regression flow,
            (decoded, D); where that was asked for and the head is a flow.
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
    """See the module's text. `architecture` says everything that is needed to build the same again."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.representation = representation(a.representation, a.n_operators)
        length = self.representation.length
        if a.head == "mlp" and a.n_operators not in _PAPER_MLP_LATENT:
            raise ParameterError(f"no latent dimension is known for {a.n_operators} operators")
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
    """Lowest and highest level of the training set, dB, (2,): what -1 and 1 mean to the networks."""

    def normalize(self, decibels: Tensor) -> Tensor:
        """dB, any shape -> [-1, 1] over the training set's range; what is outside of it stays outside."""
        low, high = self.range_db
        return (decibels - low).mul_(2 / (high - low)).sub_(1)  # in place: it is the largest array of a step

    def encode(self, spectrograms: Tensor, notes: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Normalized spectrograms (B, note, 257, 347) -> mean and log-variance of q(z0 | x), (B, D) each.

        `notes` (B, 2), MIDI pitch and velocity, is for models with `note_latents` only.
        """
        return self._posterior(self.encoder.maps(spectrograms), notes)

    def _posterior(self, maps: Tensor, notes: Tensor | None) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(maps)
        if self.architecture.note_latents:
            if notes is None:
                raise ParameterError("a model with note latents needs the notes (batch, 2)")
            played = -1 + 2 * notes.to(mean.dtype) / 127
            mean = torch.cat([played, mean], 1)
            known = torch.full_like(played, log(4 / 127**2))  # one MIDI step is one standard deviation
            log_variance = torch.cat([known, log_variance], 1)
        return mean, log_variance

    def regress(self, zk: Tensor) -> Tensor:
        """zK (B, D) -> preset tensor (B, length), unclamped."""
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
        """One pass; z0 is sampled in training and the mean in evaluation.

        Args:
            spectrograms: normalized, (B, note, 257, 347).
            notes: (B, 2), for models with `note_latents`.
            values: presets, uint8 (B, 145), for the sampler to score and the regression to encode.
            decoded: reconstruct only the first so many of the batch, default all: the decoder is the costlier
                half, and an estimate of its loss from a part of a shuffled batch is unbiased.
            encode: give `Output.encoded` too.
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
        """zK of presets (B, 145), with gradients; as in evaluation: no batch of zK is there."""
        if not isinstance(self.regression, RealNVP):
            return None
        training = self.regression.training
        self.regression.eval()
        encoded = self.regression.inverse(self.representation.encode(values).to(values.device))
        self.regression.train(training)
        return encoded

    @torch.no_grad()
    def program(self, spectrograms: Tensor, notes: Tensor | None = None) -> Tensor:
        """Spectrograms -> preset tensors (B, length): mean of q(z0 | x), latent flow, regression."""
        mean, _ = self.encode(spectrograms, notes)
        return self.regress(self.latent_flow(mean)[0]).clamp(0, 1)

    @torch.no_grad()
    def encode_preset(self, presets: Tensor) -> Tensor:
        """Preset tensor (B, length) -> the zK that regresses to it exactly (flow head, evaluation mode)."""
        if not isinstance(self.regression, RealNVP):
            raise ParameterError("the MLP head cannot be inverted: only a flow encodes presets")
        return self.regression.inverse(presets)


class MLPRegression(nn.Module):
    """The paper's alternative to the regression flow: zK (B, D) -> preset (B, outputs), by three layers."""

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
        result: Tensor = self.layers(z)
        return result
