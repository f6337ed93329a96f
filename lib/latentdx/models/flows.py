"""RealNVP flows: the latent flow (z0 -> zK) and the regression flow (zK -> preset), paper section 3.

They use zuko's coupling transform. This module adds the parts that zuko lacks: the paper's residual
conditioner, a bounded affine map, and batch normalization between couplings.
"""

import torch
from torch import Tensor, nn
from torch.distributions import AffineTransform
from torch.distributions.transforms import Transform
from zuko.transforms import ComposedTransform, CouplingTransform, DependentTransform

from latentdx.errors import ParameterError

_MIN_SCALE = 1e-3  # keeps every coupling invertible in float32
_EPSILON = 1e-3  # epsilon of the batch norms inside conditioners


class _ResidualBlock(nn.Module):
    """Residual block: twice (batch norm, ReLU, linear layer), with dropout before the second linear layer."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm1d(width, eps=_EPSILON) for _ in range(2))
        self.linears = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        for parameter in self.linears[1].parameters():  # the block starts as (almost) the identity
            nn.init.uniform_(parameter, -1e-3, 1e-3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.linears[0](torch.relu(self.norms[0](x)))
        return x + self.linears[1](self.dropout(torch.relu(self.norms[1](h))))


class Coupling(nn.Module):
    """Affine coupling: half of the features determine how the other half is scaled and shifted.

    The scale is sigmoid(a + 2) + 0.001, where a is an output of the conditioner. This keeps a coupling always
    invertible, and close to the identity before training.

    Args:
        features: Dimension D of the space.
        odd: Whether the features of odd index pass unchanged and condition the others; if false, the features
            of even index do.
        hidden: Width of the conditioner.
        dropout: Dropout probability inside the conditioner.
    """

    mask: Tensor

    def __init__(self, features: int, odd: bool, hidden: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mask", torch.arange(features) % 2 == odd, persistent=False)
        kept = features // 2 if odd else (features + 1) // 2
        self.conditioner = nn.Sequential(
            nn.Linear(kept, hidden),
            _ResidualBlock(hidden, dropout),
            _ResidualBlock(hidden, dropout),
            nn.Linear(hidden, 2 * (features - kept)),
        )

    def _affine(self, kept: Tensor) -> Transform:
        logit, shift = self.conditioner(kept).chunk(2, dim=-1)
        return DependentTransform(AffineTransform(shift, torch.sigmoid(logit + 2) + _MIN_SCALE), 1)

    def forward(self, x: Tensor | None = None) -> Transform:
        """Return the coupling as a transform; `x` is not needed and is ignored."""
        return CouplingTransform(self._affine, self.mask)


class FlowBatchNorm(nn.Module):
    """Invertible batch normalization between couplings (Dinh et al. 2017, https://arxiv.org/abs/1605.08803).

    It normalizes by the batch's statistics in training mode and by running statistics in evaluation mode. The
    inverse always uses the running statistics, because it has no batch of inputs to compute statistics from.

    Args:
        features: Dimension D of the space.
        momentum: Weight of a new batch in the running statistics, 0 to 1.
        eps: Constant added to the variance, so that the scale stays finite.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.log_weight = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x: Tensor | None = None) -> Transform:
        """Return the normalization as an affine transform.

        Args:
            x: Batch (batch, features). In training mode its statistics are used, and the running statistics
                are updated with them; without it, or in evaluation mode, the running statistics are used.
        """
        mean, var = self.running_mean, self.running_var
        if self.training and x is not None:
            var, mean = torch.var_mean(x, dim=0, unbiased=False)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var, self.momentum)
        scale = self.log_weight.exp() / torch.sqrt(var + self.eps)
        return DependentTransform(AffineTransform(self.bias - mean * scale, scale), 1)


class RealNVP(nn.Module):
    """A stack of affine couplings with alternating masks (Dinh et al. 2017).

    Args:
        features: Dimension D of the space, at least 2.
        layers: Number of couplings, at least 1.
        hidden: Width of the conditioners.
        dropout: Dropout probability inside the conditioners of all but the last two couplings.
        between: Whether a batch norm follows each of all but the last two couplings. The paper's regression
            flow has these batch norms; its latent flow does not.
        initial_log_scale: Initial log-scale of the last of these batch norms.
        identity_start: Whether couplings begin as a scaling by 0.88, because the last layers of their
            conditioners start at zero; if false, they begin as random affine maps.

    Raises:
        ParameterError: There are fewer than 2 features or fewer than 1 coupling.
    """

    def __init__(
        self,
        features: int,
        layers: int = 6,
        hidden: int = 300,
        *,
        dropout: float = 0.0,
        between: bool = False,
        initial_log_scale: float = 0.0,
        identity_start: bool = False,
    ) -> None:
        super().__init__()
        if features < 2 or layers < 1:
            raise ParameterError(
                f"a flow needs at least 2 features and 1 coupling, not {features} and {layers}"
            )
        plain = layers - 2  # from this coupling on: no dropout, no batch norm
        steps: list[nn.Module] = []
        for i in range(layers):
            steps.append(Coupling(features, i % 2 == 1, hidden, dropout if i < plain else 0.0))
            if between and i < plain:
                steps.append(FlowBatchNorm(features))
        if between and plain > 0:
            norm = next(step for step in reversed(steps) if isinstance(step, FlowBatchNorm))
            nn.init.constant_(norm.log_weight, initial_log_scale)
        for coupling in steps if identity_start else ():
            if isinstance(coupling, Coupling):
                for parameter in coupling.conditioner[-1].parameters():
                    nn.init.zeros_(parameter)
        self.steps = nn.ModuleList(steps)  # each returns its transform when called

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (batch, D) to y (batch, D), always at the precision of the weights.

        Returns:
            y (batch, D), and log `|det dy/dx|` (batch,).
        """
        with torch.autocast(x.device.type, enabled=False):
            x = self._at_full_precision(x)
            total = x.new_zeros(len(x))
            for step in self.steps:
                x, log_det = step(x).call_and_ladj(x)
                total = total + log_det
        return x, total

    def inverse(self, y: Tensor) -> Tensor:
        """Return the x (batch, D) that `forward`, in evaluation mode, maps to y (batch, D)."""
        with torch.autocast(y.device.type, enabled=False):
            return ComposedTransform(*(step() for step in self.steps)).inv(self._at_full_precision(y))

    def _at_full_precision(self, x: Tensor) -> Tensor:
        """Cast x to the precision of the weights, because the inverse multiplies rounding errors."""
        return x.to(next(self.parameters()).dtype)
