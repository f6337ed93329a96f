"""Incremental decoding: draws of `PresetSampler` on the processor, without PyTorch's overhead for each token.

Keys and values of earlier tokens are cached, as in the sampler itself, and here also from one call to the
next: those of the sound, and those of presets that begin as another one does. The values drawn are those
that the sampler draws by itself: the random numbers are PyTorch's, and the logits agree to about 1e-5.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentdx.compilation import Compiler, Library
from latentdx.presets.parameters import N_VALUES, init_values

if TYPE_CHECKING:
    from latentdx.models.posterior_sampler import PresetSampler

PANEL = 32
"""Columns of a panel, into which matrices are cut, and width of an attention head."""

_SLOTS = 64  # presets whose keys and values are kept, 0.7 MB each


class Weights(NamedTuple):
    """Weights of a `PresetSampler` as arrays; matrices are cut into panels (panel, inputs, 32)."""

    norms: Any  # gains and biases (layer, 2, 2, width)
    qkv: Any
    qkv_bias: Any
    out: Any
    out_bias: Any
    up: Any
    up_bias: Any
    down: Any
    down_bias: Any
    norm: Any  # (2, width)
    logits: Any
    logits_bias: Any
    value: Any  # (value token, width)
    panels: Any  # first panel of the logits of each kind of parameter, and the end
    sizes: Any  # number of values of each kind
    offset: Any  # value token of each kind's value 0


class Order(NamedTuple):
    """Parameters in the order in which they are drawn (144,)."""

    kind: Any
    column: Any
    level: Any  # column of the OUTPUT LEVEL that decides whether the parameter is drawn; -1 if it always is
    context: Any  # what is added to a value's embedding: the operator, and what comes next (144, width)


class Places(NamedTuple):
    """Where presets are cached while they are drawn (preset,).

    Attributes:
        slots: Slot of each preset.
        cached: Number of known tokens that it holds, or gets from its donor.
        donors: An earlier preset of the same call that begins alike; -1 where a slot holds as much.
    """

    slots: Any
    cached: Any
    donors: Any


def _build(compiler: Compiler) -> Any:
    from latentdx.models import decoding_kernels

    draw, width = compiler(decoding_kernels.draw), PANEL
    shapes: tuple[tuple[int, ...], ...] = (
        *((1, 2, 2, width), (1, 3, width, PANEL), (1, 3 * width), (1, 1, width, PANEL), (1, width)),
        *((1, 4, width, PANEL), (1, 4 * width), (1, 1, 4 * width, PANEL), (1, width)),
        *((2, width), (1, width, PANEL), (width,), (2, width)),
    )
    floats = [np.zeros(shape, np.float32) for shape in shapes]
    integers = np.array([0, 1]), np.ones(1, np.int64), np.zeros(1, np.int64)
    weights = Weights._make([*floats, *integers])
    zeros = np.zeros(2, np.int64)
    order = Order(zeros, zeros, zeros - 1, np.zeros((2, width), np.float32))
    memory, cache = (np.zeros((1, 1, 1, 2, PANEL, PANEL), np.float32) for _ in range(2))
    prefix, hidden = np.zeros((1, 1, width), np.float32), np.zeros((1, width), np.float32)
    draw(
        *(weights, order, prefix, memory, hidden, False, zeros[:1], cache, zeros[:1], zeros[:1].copy()),
        *(zeros[:1] - 1, np.zeros((1, 2), np.int64), 1, np.zeros(1, np.float32), 0, 1, np.float32(0)),
        np.zeros((1, N_VALUES), np.uint8),
    )
    return draw


LIBRARY: Library[Any] = Library(
    "sampler",
    f"{__name__}:LIBRARY",
    (__name__, "latentdx.models.decoding_kernels", "latentdx.models.matrix_kernels"),
    _build,
)
"""The compiled function `decoding_kernels.draw`."""


def decoder_for(sampler: "PresetSampler", maps: Tensor) -> "IncrementalDecoder | None":
    """Return the decoder of a sampler, or `None` if PyTorch must draw, or must draw for now.

    Args:
        sampler: A sampler.
        maps: Encoder maps to draw for.
    """
    weight, shape = sampler.logits.weight, sampler.shape
    fits = shape.width == PANEL * shape.heads and not sampler.training
    for tensor in (weight, maps):
        fits = fits and tensor.device.type == "cpu" and tensor.dtype == torch.float32
    if not fits or not LIBRARY.ready() or not maps.isfinite().all():
        return None
    with _lock:
        return _decoders.setdefault(sampler, IncrementalDecoder())


_lock = threading.Lock()
_decoders: "weakref.WeakKeyDictionary[PresetSampler, IncrementalDecoder]" = weakref.WeakKeyDictionary()


class IncrementalDecoder:
    """Weights of a sampler for the compiled function, and what it remembers from one call to the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # several threads may draw from one model
        self._version: list[tuple[int, int]] = []  # of each weight
        self._weights: Weights
        self._orders: dict[bytes, Order] = {}
        self._maps: Any  # of the sounds in the memory
        self._prefix: Any
        self._memory: Any
        self._hidden: Any
        self._listened: bool
        self._cache: Any  # of each slot, and below, what it was drawn for
        self._tokens: Any
        self._order: Any
        self._sound: Any
        self._used: Any  # when, by a counter

    def sample(
        self,
        sampler: "PresetSampler",
        maps: Tensor,
        n: int,
        order: Tensor,
        *,
        temperature: float,
        given: Tensor | None,
        known: int,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Draw presets; see `PresetSampler.sample`, of which the arguments are.

        Args:
            sampler: The sampler.
            maps: Encoder maps (B, channels, rows, columns), at least one.
            n: Number of draws for each item, at least one.
            order: The parameters' numbers, int64 (144,).
            temperature: Temperature of every softmax.
            given: Presets, uint8 (B, n, 145).
            known: Number of parameters of these that are kept, less than 144.
            generator: Random number generator.

        Returns:
            uint8 (B, n, 145).
        """
        presets = np.tile(init_values(), (len(maps) * n, 1))
        tokens = np.zeros((len(presets), len(order)), np.int64)
        columns = sampler.column[order].numpy()[:known]
        if given is not None and known:
            presets[:, columns] = given.reshape(-1, N_VALUES).numpy()[:, columns]
            tokens[:, :known] = sampler._tokens(torch.from_numpy(presets))[:, order[:known]].numpy()
        noise = (
            _noise(sampler, order[known:], len(presets), generator)
            if temperature
            else np.empty(0, np.float32)
        )
        draw = LIBRARY.functions()
        with self._lock:
            self._read(sampler)
            self._listen(sampler, maps, order[0])
            described = self._describe(sampler, order)
            sounds = np.repeat(np.arange(len(maps)), n)
            at_once = _SLOTS // 2 if known else _SLOTS  # the other half may hold what they begin like
            for row in range(0, len(presets), at_once):
                part = slice(row, row + at_once)
                places = self._place(tokens[part], order.numpy(), known, sounds[part])
                draw(
                    *(self._weights, described, self._prefix, self._memory, self._hidden, self._listened),
                    *(sounds[part], self._cache, *places, tokens[part], known, noise, row),
                    *(len(presets), np.float32(temperature), presets[part]),
                )
                self._listened, self._tokens[places.slots] = True, tokens[part]
        return torch.from_numpy(presets.reshape(len(maps), n, N_VALUES))

    def _read(self, sampler: "PresetSampler") -> None:
        """Read the sampler's weights, if they have changed."""
        version = [(p.data_ptr(), 0 if p.is_inference() else p._version) for p in sampler.parameters()]
        if version == self._version:
            return
        self._weights, self._version = _weights(sampler), version
        self._orders.clear()
        n_tokens = len(sampler.kind)
        shape = (_SLOTS, sampler.shape.layers, sampler.shape.heads, 2, n_tokens, PANEL)
        self._cache = np.empty(shape, np.float32)
        self._tokens, self._order = (np.zeros((_SLOTS, n_tokens), np.int64) for _ in range(2))
        self._sound, self._used = np.full(_SLOTS, -1), np.zeros(_SLOTS, np.int64)
        self._maps = np.empty(0, np.float32)

    def _listen(self, sampler: "PresetSampler", maps: Tensor, first: Tensor) -> None:
        """Make room for what sounds say, unless they are those of the call before."""
        if np.array_equal(maps.numpy(), self._maps):
            return
        self._maps, self._listened = _array(maps).copy(), False
        self._prefix = _array(sampler._prefix(maps, first))
        n_sounds, n, width = self._prefix.shape
        room = -(-n // PANEL) * PANEL
        self._memory = np.zeros((n_sounds, *self._cache.shape[1:4], room, PANEL), np.float32)
        self._hidden = np.zeros((n_sounds, width), np.float32)
        self._sound[:] = -1  # what the cache holds was drawn for other sounds

    def _describe(self, sampler: "PresetSampler", order: Tensor) -> Order:
        """Return the `Order` of parameters by number."""
        key = order.numpy().tobytes()
        if key not in self._orders:
            after = torch.cat([order[1:], order[-1:]])
            context = sampler._context(order, after)
            operators, levels = sampler.operator[order].numpy(), sampler.column[sampler.level].numpy()
            level = np.where(operators > 0, levels[operators - 1], -1)
            level[np.isin(order.numpy(), sampler.level)] = -1
            kind, column = (t[order].numpy() for t in (sampler.kind, sampler.column))
            self._orders[key] = Order(kind, column, level, _array(context))
        return self._orders[key]

    def _place(self, tokens: Any, order: Any, known: int, sounds: Any) -> Places:
        """Find a slot for each preset, with the longest known beginning that the cache holds."""
        n = max(known - 1, 0)  # what the last known token says of the next is not kept
        same = (self._order[:, :n] == order[:n]) & (self._order[:, 1 : n + 1] == order[1 : n + 1])
        same = same & (self._tokens[:, :n] == tokens[:, None, :n])
        lengths = _common(same & (self._sound == sounds[:, None])[..., None])  # (preset, slot)
        alike = (tokens[:, :n] == tokens[:, None, :n]) & (sounds == sounds[:, None])[..., None]
        shared = np.tril(_common(alike), -1)  # (preset, preset before it)
        sources, cached = lengths.argmax(1), lengths.max(1)
        donors = np.where(shared.max(1) > cached, shared.argmax(1), -1)
        from_slot = (cached > 0) & (donors < 0)
        self._used[sources[from_slot]] = self._used.max() + 1
        slots = np.argsort(self._used, kind="stable")[: len(tokens)]
        for b in np.flatnonzero(from_slot).tolist():
            self._cache[slots[b], ..., : cached[b], :] = self._cache[sources[b], ..., : cached[b], :]
        self._used[slots], self._sound[slots], self._order[slots] = self._used.max() + 1, sounds, order
        return Places(slots, np.maximum(cached, shared.max(1)), donors)


def _common(same: Any) -> Any:
    """Return how many of the first tokens are the same (…,), from which ones are (…, token)."""
    return np.logical_and.accumulate(same, axis=-1).sum(-1)


def _noise(sampler: "PresetSampler", order: Tensor, n: int, generator: torch.Generator | None) -> Any:
    """Draw the exponential noise that `torch.multinomial` would draw, parameter by parameter."""
    sizes = [n * sampler.sizes[kind] for kind in sampler.kind[order].tolist()]
    noise = torch.empty(sum(sizes))
    for part in torch.split(noise, sizes):
        part.exponential_(generator=generator)
    return noise.numpy()


def _array(tensor: Tensor) -> Any:
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def _panels(weight: Any) -> Any:
    """Cut a weight (outputs, inputs) into panels (panel, inputs, 32), the last one filled with zeros."""
    outputs, inputs = weight.shape
    filled = np.zeros((-(-outputs // PANEL) * PANEL, inputs), np.float32)
    filled[:outputs] = weight
    return filled.reshape(-1, PANEL, inputs).swapaxes(1, 2)


def _weights(sampler: "PresetSampler") -> Weights:
    """Convert a sampler's weights."""
    width, layers = sampler.shape.width, list(sampler.layers)
    scale = np.ones((3 * width, 1), np.float32)
    scale[:width] = PANEL**-0.5  # of the queries, so that scores need not be scaled

    def stack(of: Callable[[Any], Any]) -> Any:
        return np.stack([of(layer) for layer in layers])

    def norm(module: Any) -> Any:
        return np.stack([_array(module.weight), _array(module.bias)])

    logits, bias, panels = [], [], [0]
    for first, size in zip(sampler.offset.tolist(), sampler.sizes, strict=True):
        logits.append(_panels(_array(sampler.logits.weight[first : first + size])))
        bias.append(np.zeros(len(logits[-1]) * PANEL, np.float32))
        bias[-1][:size] = _array(sampler.logits.bias[first : first + size])
        panels.append(panels[-1] + len(logits[-1]))
    floats = _together(
        stack(lambda layer: np.stack([norm(module) for module in layer.norms])),
        stack(lambda layer: _panels(_array(layer.qkv.weight) * scale)),
        stack(lambda layer: _array(layer.qkv.bias) * scale[:, 0]),
        stack(lambda layer: _panels(_array(layer.out.weight))),
        stack(lambda layer: _array(layer.out.bias)),
        stack(lambda layer: _panels(_array(layer.mlp[0].weight))),
        stack(lambda layer: _array(layer.mlp[0].bias)),
        stack(lambda layer: _panels(_array(layer.mlp[2].weight))),
        stack(lambda layer: _array(layer.mlp[2].bias)),
        norm(sampler.norm),
        np.concatenate(logits),
        np.concatenate(bias),
        _array(sampler.value.weight),
    )
    integers = np.array(panels), np.array(sampler.sizes), sampler.offset.numpy()
    return Weights._make([*floats, *integers])


def _together(*arrays: Any) -> Iterator[Any]:
    """Copy arrays into one, which NumPy puts on large pages, each to the start of a line of the cache."""
    line = 16  # numbers
    lengths = [-(-array.size // line) * line for array in arrays]
    memory = np.empty(sum(lengths) + line, np.float32)
    at = -memory.ctypes.data // 4 % line
    for array, length in zip(arrays, lengths, strict=True):
        part = memory[at : at + array.size].reshape(array.shape)
        part[:] = array
        yield part
        at += length
