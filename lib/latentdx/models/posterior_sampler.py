"""A joint posterior over presets: an autoregressive transformer that reads the encoder's maps.

The regression predicts every parameter on its own, but the values of a preset have to fit together. This
stage factorizes p(preset | sound) parameter by parameter, so that its samples are coherent presets:

    encoder maps (channel, 5, 7) -> 35 memory tokens, then 144 parameters, each given all earlier ones

All operators share embeddings and output layers (an envelope rate is the same kind of parameter in each). In
training the blocks after the first one (six operators, then LFO and pitch envelope) come in random order, so
that any of them can be drawn anew given all the others. The parameters of silent operators are neither
learned nor read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from latentdx.models.incremental_decoding import decoder_for
from latentdx.presets.parameters import N_OPERATORS, N_VALUES, column, init_values, parameter

_FIRST = ("ALGORITHM", "FEEDBACK", "OSC KEY SYNC")
_OPERATOR = (
    "OUTPUT LEVEL", "MODE", "F COARSE", "F FINE", "OSC DETUNE",
    "EG RATE 1", "EG LEVEL 1", "EG RATE 2", "EG LEVEL 2",
    "EG RATE 3", "EG LEVEL 3", "EG RATE 4", "EG LEVEL 4",
    "KEY VELOCITY", "RATE SCALING", "A MOD SENS.", "BREAK POINT",
    "L SCALE DEPTH", "R SCALE DEPTH", "L KEY SCALE", "R KEY SCALE",
)  # fmt: skip
_LAST = (
    "LFO WAVE", "LFO SPEED", "LFO DELAY", "LFO PM DEPTH", "LFO AM DEPTH", "LFO KEY SYNC", "P MODE SENS.",
    *(f"PITCH EG {what} {i}" for i in range(1, 5) for what in ("RATE", "LEVEL")),
)  # fmt: skip
N_BLOCKS = N_OPERATORS + 2
"""Number of blocks: algorithm, feedback and key sync; six operators; LFO and pitch envelope."""

DRAWING_TEMPERATURE = 0.7
"""Temperature at which presets are drawn to be ranked by rendering; chosen on validation presets."""


@dataclass(frozen=True)
class SamplerShape:
    """Size of a `PresetSampler`.

    Attributes:
        width: Width of the tokens, a multiple of `heads`.
        layers: Number of transformer layers.
        heads: Number of attention heads per layer.
        dropout: Dropout probability in the residual branches.
    """

    width: int = 160
    layers: int = 4
    heads: int = 5
    dropout: float = 0.1


class _Layer(nn.Module):
    """Pre-norm causal transformer layer."""

    def __init__(self, shape: SamplerShape) -> None:
        super().__init__()
        width = shape.width
        self.heads, self.dropout = shape.heads, shape.dropout
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width))

    def _project(self, x: Tensor) -> Tensor:
        """Project x (B, T, width) to queries, keys and values (3, B, head, T, width / head)."""
        return self.qkv(self.norms[0](x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)

    def _add(self, x: Tensor, attended: Tensor) -> Tensor:
        p = self.dropout if self.training else 0.0
        x = x + F.dropout(self.out(attended.transpose(1, 2).flatten(2)), p)
        return x + F.dropout(self.mlp(self.norms[1](x)), p)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Transform x (B, T, width); also return keys and values (2, B, head, T, width / head)."""
        qkv = self._project(x)
        heads = qkv.float() if qkv.dtype == torch.bfloat16 and qkv.device.type == "cpu" else qkv
        # on processors, the backward pass of attention in bfloat16 takes five times as long
        with torch.autocast("cpu", enabled=False):
            attended = F.scaled_dot_product_attention(heads[0], heads[1], heads[2], is_causal=True)
        return self._add(x, attended), qkv[1:]

    def step(self, x: Tensor, past: Tensor, t: int) -> Tensor:
        """Transform one token x (B, 1, width) after `t` others; its keys and values are added to `past`."""
        query, *said = self._project(x)
        past[0, :, :, t : t + 1], past[1, :, :, t : t + 1] = said
        return self._add(x, F.scaled_dot_product_attention(query, *past[:, :, :, : t + 1]))


class PresetSampler(nn.Module):
    """Joint posterior over presets, given the encoder's maps of a sound; see the module's docstring.

    Args:
        channels: Number of channels of the encoder's maps (B, channels, rows, columns).
        grid: Rows and columns of these maps.
        shape: Size of the transformer.
    """

    column: Tensor
    kind: Tensor
    operator: Tensor
    offset: Tensor

    def __init__(self, channels: int, grid: tuple[int, int] = (5, 7), shape: SamplerShape = SamplerShape()):
        super().__init__()
        self.shape = shape
        names = [_FIRST, *([f"OP{k} {name}" for name in _OPERATOR] for k in range(1, N_OPERATORS + 1)), _LAST]
        kinds = {name: i for i, name in enumerate((*_FIRST, *_OPERATOR, *_LAST))}
        flat = [name for block in names for name in block]
        bare = [
            name.split(" ", 1)[1] if name.startswith("OP") and name[2].isdigit() else name for name in flat
        ]
        sizes = [parameter(f"OP1 {k}" if k in _OPERATOR else k).maximum + 1 for k in kinds]
        self.sizes = tuple(sizes)
        ends = torch.tensor(sizes).cumsum(0)

        def constant(name: str, values: Sequence[int] | Tensor) -> None:
            self.register_buffer(name, torch.as_tensor(values), persistent=False)

        constant("column", [column(name) for name in flat])
        constant("kind", [kinds[name] for name in bare])
        constant("operator", [int(n[2]) if n.startswith("OP") and n[2].isdigit() else 0 for n in flat])
        constant("offset", ends - torch.tensor(sizes))
        self.blocks = [torch.tensor([flat.index(n) for n in block]) for block in names]
        self.level = [flat.index(f"OP{k} OUTPUT LEVEL") for k in range(1, N_OPERATORS + 1)]
        self.inert: int = int(ends[-1])  # the value token of parameters of silent operators
        width = shape.width
        self.value = nn.Embedding(self.inert + 1, width)
        self.said_of = nn.Embedding(N_OPERATORS + 1, width)  # operator whose value was just given; 0 for none
        self.next_kind = nn.Embedding(len(kinds), width)
        self.next_operator = nn.Embedding(N_OPERATORS + 1, width)
        self.position = nn.Parameter(torch.randn(grid[0] * grid[1], width) * 0.02)
        self.memory = nn.Linear(channels, width)
        self.layers = nn.ModuleList(_Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(width)
        self.logits = nn.Linear(width, self.inert)
        for embedding in (self.value, self.said_of, self.next_kind, self.next_operator):
            nn.init.normal_(embedding.weight, std=0.02)

    def order(self, blocks: Sequence[int] | None = None) -> Tensor:
        """Return the parameters' numbers in the order in which they are drawn.

        Args:
            blocks: Permutation of the blocks 1 to 7, which follow block 0; default 1, 2, …, 7.

        Returns:
            int64 (144,).
        """
        inner = range(1, N_BLOCKS) if blocks is None else blocks
        return torch.cat([self.blocks[0], *(self.blocks[b] for b in inner)])

    def heard(self, values: Tensor) -> Tensor:
        """Find the parameters that can be heard: all except those of silent operators.

        Operators whose OUTPUT LEVEL is 0 are silent; their OUTPUT LEVEL itself counts as heard.

        Args:
            values: Presets, uint8 (B, 145), in VCED order.

        Returns:
            bool (B, 144).
        """
        levels = values[:, self.column[self.level]] > 0
        heard = torch.cat([levels.new_ones(len(levels), 1), levels], 1)[:, self.operator]
        heard[:, self.level] = True
        return heard

    def _tokens(self, values: Tensor) -> Tensor:
        """Convert DX7 integers (B, 145) to value tokens (B, 144)."""
        tokens = values[:, self.column].long() + self.offset[self.kind]
        return tokens.masked_fill(~self.heard(values), self.inert)

    def _inputs(self, said: Tensor, of: Tensor, upcoming: Tensor) -> Tensor:
        """Embed values `said` (B, T), their parameters `of` (T,) and the next parameters `upcoming` (T,)."""
        return self.value(said) + self._context(of, upcoming)

    def _context(self, of: Tensor, upcoming: Tensor) -> Tensor:
        """Embed what is known of tokens besides their values, see `_inputs`."""
        coming = self.next_kind(self.kind[upcoming]) + self.next_operator(self.operator[upcoming])
        return self.said_of(self.operator[of]) + coming

    def _prefix(self, maps: Tensor, first: Tensor) -> Tensor:
        """Compute memory tokens (B, 35, width); the last one also asks for the first parameter."""
        prefix = self.memory(maps.flatten(2).transpose(1, 2)) + self.position
        asks = self.next_kind(self.kind[first]) + self.next_operator(self.operator[first])
        return torch.cat([prefix[:, :-1], prefix[:, -1:] + asks], 1)

    def forward(
        self, maps: Tensor, values: Tensor, blocks: Sequence[int] | None = None, temperature: float = 1.0
    ) -> Tensor:
        """Compute the negative log-likelihood of each parameter, given the parameters before it.

        Args:
            maps: Encoder maps (B, channels, rows, columns).
            values: Presets, uint8 (B, 145), in VCED order.
            blocks: Order of the blocks, see `order`; random by default in training mode.
            temperature: Temperature of every softmax.

        Returns:
            float32 (B, 144), nats, in the order of `order()` whatever `blocks` is.
        """
        if blocks is None and self.training:
            blocks = (torch.randperm(N_BLOCKS - 1) + 1).tolist()
        order = self.order(blocks)
        x = self._hidden(maps, values, order)
        nll = x.new_zeros(x.shape[:2], dtype=torch.float32)
        back = torch.argsort(order)  # each parameter's position in the sequence
        for kind in range(len(self.sizes)):
            which = torch.nonzero(self.kind == kind)[:, 0]
            logits = self._logits(x[:, back[which]], kind).float().transpose(1, 2)  # (B, value, parameter)
            target = values[:, self.column[which]].long()
            nll[:, which] = F.cross_entropy(logits / temperature, target, reduction="none")
        return nll

    def logits_given(self, maps: Tensor, values: Tensor, blocks: Sequence[int] | None = None) -> list[Tensor]:
        """Compute the logits of each parameter, given the parameters before it.

        Args:
            maps: Encoder maps (B, channels, rows, columns).
            values: Presets, uint8 (B, 145), in VCED order.
            blocks: Order of the blocks, see `order`.

        Returns:
            Float32 (B, number of values) for each parameter, in the order of `order(blocks)`.
        """
        order = self.order(blocks)
        x = self._hidden(maps, values, order)
        return [self._logits(x[:, t], int(self.kind[which])).float() for t, which in enumerate(order)]

    def _hidden(self, maps: Tensor, values: Tensor, order: Tensor) -> Tensor:
        """Compute what each parameter is predicted from (B, 144, width), in their order."""
        tokens = self._tokens(values)[:, order]
        prefix = self._prefix(maps, order[0])
        x = torch.cat([prefix, self._inputs(tokens[:, :-1], order[:-1], order[1:])], 1)
        for layer in self.layers:
            x, _ = layer(x)
        return self.norm(x[:, prefix.shape[1] - 1 :])

    @torch.no_grad()
    def sample(
        self,
        maps: Tensor,
        n: int,
        *,
        temperature: float = 1.0,
        blocks: Sequence[int] | None = None,
        given: Tensor | None = None,
        n_given: int = 0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw presets; parameters of silent operators get their values in INIT VOICE.

        On a CPU, `incremental_decoding` draws the same presets faster, as soon as it is compiled.

        Args:
            maps: Encoder maps (B, channels, rows, columns).
            n: Number of draws for each item.
            temperature: Temperature of every softmax; 0 takes the likeliest value.
            blocks: Order of the blocks, see `order`.
            given: Presets, uint8 (B, n, 145), whose first `n_given` parameters (in the order of `blocks`)
                are kept.
            n_given: Number of parameters that are kept, 0 to 144.
            generator: Random number generator of the draws; PyTorch's default one if omitted.

        Returns:
            uint8 (B, n, 145), in VCED order.
        """
        order = self.order(blocks)
        first = n_given if given is not None else 0
        decoder = decoder_for(self, maps) if len(maps) and n and first < len(order) else None
        if decoder is not None:
            return decoder.sample(
                self, maps, n, order, temperature=temperature, given=given, known=first, generator=generator
            )
        out = torch.from_numpy(init_values()).to(maps.device).repeat(len(maps) * n, 1)
        x = self._prefix(maps, order[0])
        if given is not None and first:
            known = order[:first]
            out[:, self.column[known]] = given.flatten(0, 1)[:, self.column[known]]
            said = self._inputs(self._tokens(out)[:, known], known, self._after(order, first))
            x = torch.cat([x.repeat_interleave(n, 0), said], 1)
        n_past = x.shape[1]
        pasts: list[Tensor] = []
        for layer in self.layers:
            x, said = layer(x)
            past = said.new_empty(2, len(out), said.shape[2], n_past + len(order) - first, said.shape[4])
            past[:, :, :, :n_past] = said.repeat_interleave(len(out) // len(x), 1)
            pasts.append(past)
        x = x[:, -1:].repeat_interleave(len(out) // len(x), 0)
        for i, which in enumerate(order[first:], first):
            value, token = self._draw(x[:, 0], which, out, temperature, generator)
            out[:, self.column[which]] = value.to(torch.uint8)
            if i + 1 < len(order):
                x = self._inputs(token[:, None], which[None], order[i + 1 : i + 2])
                for layer, past in zip(self.layers, pasts, strict=True):
                    assert isinstance(layer, _Layer)
                    x = layer.step(x, past, n_past + i - first)
        return out.view(len(maps), n, N_VALUES)

    def redraw(
        self,
        maps: Tensor,
        presets: Tensor,
        block: int,
        *,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw one block of presets anew, given all their other parameters (a Gibbs step).

        Args:
            maps: Encoder maps (B, channels, rows, columns).
            presets: Presets, uint8 (B, n, 145), in VCED order.
            block: Number of the block, 1 to 7.
            temperature: Temperature of every softmax; 0 takes the likeliest value.
            generator: Random number generator of the draws; PyTorch's default one if omitted.

        Returns:
            uint8 (B, n, 145), in VCED order.
        """
        order = [b for b in range(1, N_BLOCKS) if b != block] + [block]
        kept = len(self.column) - len(self.blocks[block])
        return self.sample(
            maps,
            presets.shape[1],
            temperature=temperature,
            blocks=order,
            given=presets,
            n_given=kept,
            generator=generator,
        )

    @staticmethod
    def _after(order: Tensor, n: int) -> Tensor:
        """Return the successor of each of the first `n` parameters (the last of all is its own successor)."""
        return torch.cat([order, order[-1:]])[1 : n + 1]

    def _draw(
        self, x: Tensor, which: Tensor, out: Tensor, temperature: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Draw values and value tokens (B,) of one parameter; `out` (B, 145) holds all earlier values."""
        kind, operator = int(self.kind[which]), int(self.operator[which])
        logits = self._logits(self.norm(x), kind).float()
        if temperature == 0:
            value = logits.argmax(1)
        else:
            value = torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)[:, 0]
        token = value + self.offset[kind]
        if operator and int(which) not in self.level:
            silent = out[:, self.column[self.level[operator - 1]]] == 0
            value = torch.where(silent, out[:, self.column[which]].long(), value)
            token = token.masked_fill(silent, self.inert)
        return value, token

    def _logits(self, x: Tensor, kind: int) -> Tensor:
        """Compute the logits of the values of one kind of parameter from x (…, width)."""
        rows = slice(int(self.offset[kind]), int(self.offset[kind]) + self.sizes[kind])
        return F.linear(x, self.logits.weight[rows], self.logits.bias[rows])
