"""The transformer of `PresetSampler` in compiled functions: what happens between random numbers and values.

The weights are cut into panels, see `matrix_kernels`. The width of an attention head is 32, so that the
values in the cache are panels as they are; so are the keys of the memory, which are transposed for that.
"""

import numpy as np
from numba import njit

from latentdx.audio.engine.memory import address
from latentdx.models.incremental_decoding import PANEL
from latentdx.models.matrix_kernels import OPTIONS, ROWS, add_linear, add_product, dot, jit, largest, padded

_NEVER = np.float32(-1e30)  # score of what must not be attended to


@jit
def _set_rows(x, n_rows, row):  # type: ignore[no-untyped-def]
    for r in range(n_rows):
        for i in range(len(row)):
            x[r, i] = row[i]


@jit
def _add_to_rows(x, n_rows, row):  # type: ignore[no-untyped-def]
    for r in range(n_rows):
        for i in range(len(row)):
            x[r, i] += row[i]


@jit
def _normalize(x, n_rows, scale, out):  # type: ignore[no-untyped-def]
    """Apply a layer norm with gains and biases `scale` (2, width)."""
    width = x.shape[1]
    for r in range(n_rows):
        row, to = x[r], out[r]
        mean = np.float32(0)
        for i in range(width):
            mean += row[i]
        mean /= np.float32(width)
        square = np.float32(0)
        for i in range(width):
            square += (row[i] - mean) * (row[i] - mean)
        factor = np.float32(1) / np.sqrt(square / np.float32(width) + np.float32(1e-5))
        for i in range(width):
            to[i] = (row[i] - mean) * factor * scale[0, i] + scale[1, i]


@njit(inline="always", **OPTIONS)
def _exp(x):  # type: ignore[no-untyped-def]
    """Compute e^x by Cody and Waite's reduction and a polynomial, to two units in the last place."""
    x = min(max(x, np.float32(-80)), np.float32(80))  # products with the results should be normal numbers
    n = np.floor(x * np.float32(1.44269504) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + np.float32(1)
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@jit
def _gelu(x, n_rows):  # type: ignore[no-untyped-def]
    """Apply the tanh form of GELU: x / (1 + exp(-2 sqrt(2/π) (x + 0.044715 x³)))."""
    for r in range(n_rows):
        row = x[r]
        for i in range(len(row)):
            v = row[i]
            u = np.float32(-1.5957691216) * (v + np.float32(0.044715) * v * v * v)
            row[i] = v / (np.float32(1) + _exp(u))


@jit
def _softmax(scores, r, n_memory, own, n_own):  # type: ignore[no-untyped-def]
    """Apply a softmax to row r: to the first `n_memory` scores, and to `n_own` from `own` on."""
    for i in range(n_memory, own):
        scores[r, i] = _NEVER
    end = (n_own + PANEL - 1) // PANEL * PANEL
    for i in range(own + n_own, own + end):
        scores[r, i] = _NEVER
    n = own + end & -PANEL  # so that the compiler sees whole vectors
    most = largest(address(scores) + 4 * r * scores.shape[1], n)
    total = np.float32(0)
    for i in range(n):
        e = _exp(scores[r, i] - most)
        scores[r, i] = e
        total += e
    factor = np.float32(1) / total
    for i in range(n):
        scores[r, i] *= factor
    for i in range(n, scores.shape[1]):
        scores[r, i] = np.float32(0)


@jit
def _clear(x, n_rows, n_columns):  # type: ignore[no-untyped-def]
    for r in range(n_rows):
        for i in range(n_columns):
            x[r, i] = np.float32(0)


@jit
def _remember(qkv, cache, layer, slots, start, past):  # type: ignore[no-untyped-def]
    """Put keys and values of new tokens into the cache."""
    heads = cache.shape[2]
    for b in range(len(slots)):
        for r in range(start[b], start[b + 1]):
            t = past[b] + r - start[b]
            for h in range(heads):
                for d in range(PANEL):
                    cache[slots[b], layer, h, 0, t, d] = qkv[r, (heads + h) * PANEL + d]
                    cache[slots[b], layer, h, 1, t, d] = qkv[r, (2 * heads + h) * PANEL + d]


@jit
def _add_scores(qkv, cache, layer, head, slot, first, n, n_keys, panel, scores, own):  # type: ignore[no-untyped-def]
    """Write the products of n queries, from row `first` on, with the keys in one slot of the cache."""
    step, width = qkv.shape[1], scores.shape[1]
    query = address(qkv) + 4 * (first * step + head * PANEL)
    if n == 1:
        key = address(cache) + _offset(cache, slot, layer, head, 0)
        for k in range(n_keys):
            scores[first, own + k] = dot(query, key + 4 * k * PANEL)
        return
    for k in range(0, n_keys, PANEL):
        for i in range(min(PANEL, n_keys - k)):
            for d in range(PANEL):
                panel[d, i] = cache[slot, layer, head, 0, k + i, d]
        for r in range(first, first + n):
            for i in range(PANEL):
                scores[r, own + k + i] = np.float32(0)
        score = address(scores) + 4 * (first * width + own + k)
        add_product(n, query, step, PANEL, address(panel), score, width)


@jit
def _offset(cache, slot, layer, head, of_values):  # type: ignore[no-untyped-def]
    """Return where the keys or values of one head begin, in bytes."""
    n_layers, heads, n_tokens = cache.shape[1], cache.shape[2], cache.shape[4]
    return 4 * PANEL * n_tokens * (((slot * n_layers + layer) * heads + head) * 2 + of_values)


@jit
def _of_one_sound(b, sounds, start):  # type: ignore[no-untyped-def]
    """Return the first sequence after `b` of another sound, and how many tokens there are up to it."""
    end = b
    while end < len(start) - 1 and sounds[end] == sounds[b]:
        end += 1
    n = start[end] - start[b]
    return end, padded(n) if n == start[-1] else n  # after the rows of the only sound there is room


@jit
def _attend(qkv, memory, n_memory, sounds, cache, layer, slots, start, past, scores, out):  # type: ignore[no-untyped-def]
    """Write what tokens find in the memory and in the cache, which holds them too."""
    n_sequences, heads = len(slots), cache.shape[2]
    step, width, out_step = qkv.shape[1], scores.shape[1], out.shape[1]
    own = n_memory + PANEL - 1 & -PANEL  # column of the scores of the cache
    panel = np.zeros((PANEL, PANEL), np.float32)
    _clear(out, start[-1], out_step)
    for h in range(heads):
        _clear(scores, len(scores), own)
        query, to = address(qkv) + 4 * h * PANEL, address(out) + 4 * h * PANEL
        b = 0
        while b < n_sequences and n_memory:
            first, sound = start[b], sounds[b]
            b, n = _of_one_sound(b, sounds, start)
            keys = address(memory) + _offset(memory, sound, layer, h, 0)
            for k in range(0, own, PANEL):
                score = address(scores) + 4 * (first * width + k)
                rows = query + 4 * first * step
                add_product(n, rows, step, PANEL, keys + 4 * k * PANEL, score, width)
        for b in range(n_sequences):
            n = start[b + 1] - start[b]
            _add_scores(qkv, cache, layer, h, slots[b], start[b], n, past[b] + n, panel, scores, own)
        for b in range(n_sequences):
            for r in range(start[b], start[b + 1]):
                _softmax(scores, r, n_memory, own, past[b] + 1 + r - start[b])
        for b in range(n_sequences):
            values = address(cache) + _offset(cache, slots[b], layer, h, 1)
            for r in range(start[b], start[b + 1], ROWS):
                n = min(ROWS, start[b + 1] - r)
                score = address(scores) + 4 * (r * width + own)
                n_seen = past[b] + r - start[b] + n
                add_product(n, score, width, n_seen, values, to + 4 * r * out_step, out_step)
        b = 0
        while b < n_sequences and n_memory:
            first, sound = start[b], sounds[b]
            b, n = _of_one_sound(b, sounds, start)
            values = address(memory) + _offset(memory, sound, layer, h, 1)
            score, result = address(scores) + 4 * first * width, to + 4 * first * out_step
            add_product(n, score, width, n_memory, values, result, out_step)


@jit
def _forward(weights, memory, n_memory, sounds, cache, slots, x, start, past):  # type: ignore[no-untyped-def]
    """Compute what the last one of each sequence's new tokens says of the next, and cache the new tokens.

    Args:
        weights: `Weights` of the transformer.
        memory: `cache` of the tokens that precede all sequences of a sound, its keys in panels.
        n_memory: Number of these tokens.
        sounds: Place of each sequence's sound in the memory (sequence,).
        cache: Keys and values (slot, layer, head, 2, token, 32).
        slots: Place of each sequence in the cache (sequence,).
        x: New tokens of all sequences (rows, width), changed; there are rows up to the next multiple of 4.
        start: Row of the first new token of each sequence, and the end (sequence + 1,).
        past: Number of tokens of each sequence that the cache already holds (sequence,).

    Returns:
        float32 (sequences up to the next multiple of 4, width), after the last layer norm.
    """
    width, n_sequences, n_rows = x.shape[1], len(slots), start[-1]
    qkv = np.zeros((len(x), 3 * width), np.float32)
    small, large = np.zeros((len(x), width), np.float32), np.zeros((len(x), 4 * width), np.float32)
    most = 0
    for b in range(n_sequences):
        most = max(most, past[b] + start[b + 1] - start[b])
    columns = (n_memory + PANEL - 1 & -PANEL) + (most + PANEL - 1 & -PANEL)
    scores = np.zeros((len(x), columns), np.float32)
    for layer in range(len(weights.qkv)):
        _normalize(x, n_rows, weights.norms[layer, 0], small)
        _set_rows(qkv, n_rows, weights.qkv_bias[layer])
        add_linear(small, n_rows, weights.qkv[layer], qkv)
        _remember(qkv, cache, layer, slots, start, past)
        if layer == len(weights.qkv) - 1:  # of what follows, only the last tokens are needed
            last = np.arange(n_sequences + 1)
            past = past.copy()
            for b in range(n_sequences):
                past[b] += start[b + 1] - start[b] - 1
                x[b] = x[start[b + 1] - 1]
                qkv[b] = qkv[start[b + 1] - 1]
            start, n_rows = last, n_sequences
        _attend(qkv, memory, n_memory, sounds, cache, layer, slots, start, past, scores, small)
        _add_to_rows(x, n_rows, weights.out_bias[layer])
        add_linear(small, n_rows, weights.out[layer], x)
        _normalize(x, n_rows, weights.norms[layer, 1], small)
        _set_rows(large, n_rows, weights.up_bias[layer])
        add_linear(small, n_rows, weights.up[layer], large)
        _gelu(large, n_rows)
        _add_to_rows(x, n_rows, weights.down_bias[layer])
        add_linear(large, n_rows, weights.down[layer], x)
    hidden = np.zeros((n_sequences + 3 & ~3, width), np.float32)
    _normalize(x, n_sequences, weights.norm, hidden)
    return hidden


@jit
def _listen(weights, prefix, memory, hidden):  # type: ignore[no-untyped-def]
    """Put the memory tokens (sound, token, width) into the memory; write what they say of the first value."""
    n_sounds, n, width = prefix.shape
    nothing = np.empty((n_sounds, memory.shape[1], memory.shape[2], 2, 0, PANEL), np.float32)
    x = np.zeros((n_sounds * n + 3 & ~3, width), np.float32)
    x[: n_sounds * n] = prefix.reshape(-1, width)
    all_sounds, start = np.arange(n_sounds), np.arange(n_sounds + 1) * n
    past = np.zeros(n_sounds, np.int64)
    hidden[:] = _forward(weights, nothing, 0, all_sounds, memory, all_sounds, x, start, past)[:n_sounds]
    for s in range(n_sounds):
        for layer in range(memory.shape[1]):
            for h in range(memory.shape[2]):
                for k in range(0, memory.shape[4], PANEL):
                    keys = memory[s, layer, h, 0, k : k + PANEL]
                    keys[:] = keys.copy().T


@jit
def _prefill(  # type: ignore[no-untyped-def]
    weights, memory, n_memory, sounds, cache, slots, cached, donors, context, tokens, known
):  # fmt: skip
    """Put the known tokens into the cache, and return what they say of the next; see `_forward`."""
    n_sequences, width = len(slots), weights.value.shape[1]
    hidden = np.zeros((n_sequences + 3 & ~3, width), np.float32)
    x = np.zeros((known + 3 & ~3, width), np.float32)
    for b in range(n_sequences):  # one after another, so that their rows stay in the nearest cache
        if donors[b] >= 0:
            cache[slots[b], :, :, :, : cached[b]] = cache[slots[donors[b]], :, :, :, : cached[b]]
        for t in range(cached[b], known):
            x[t - cached[b]] = weights.value[tokens[b, t]] + context[t]
        start, one = np.array([0, known - cached[b]]), slice(b, b + 1)
        hidden[b] = _forward(
            weights, memory, n_memory, sounds[one], cache, slots[one], x, start, cached[one]
        )[0]
    return hidden


@jit
def _drawn(logits, noise, temperature):  # type: ignore[no-untyped-def]
    """Draw from softmax(logits / temperature) by exponential noise; temperature 0 takes the largest."""
    if temperature != 0:
        most = np.float32(-np.inf)
        for i in range(len(logits)):
            logits[i] /= temperature
            most = max(most, logits[i])
        total = np.float32(0)
        for i in range(len(logits)):
            logits[i] = _exp(logits[i] - most)
            total += logits[i]
        for i in range(len(logits)):
            logits[i] = logits[i] / total / noise[i]
    return np.argmax(logits)


@jit
def draw(  # type: ignore[no-untyped-def]
    weights, order, prefix, memory, hidden, listened, sounds, cache, slots, cached, donors, tokens, known,
    noise, row, n_rows, temperature, presets,
):  # fmt: skip
    """Draw parameters one after another, given the first ones.

    Args:
        weights: `Weights` of the transformer.
        order: `Order` of the parameters.
        prefix: Memory tokens of all sounds (sound, token, width).
        memory: Keys and values of these, or what will become that (sound, layer, head, 2, token, 32).
        hidden: What they say of the first parameter, or will (sound, width).
        listened: Whether both have been computed.
        sounds: Sound of each preset (preset,).
        cache: Keys and values of presets (slot, layer, head, 2, token, 32), changed.
        slots: Place of each preset in the cache (preset,).
        cached: Number of known tokens that are already there, or in the donor's place (preset,), less than
            `known`, or 0.
        donors: An earlier preset that begins alike (preset,); -1 if there is none.
        tokens: Value tokens of the known parameters (preset, 144), in their order, changed.
        known: Number of known parameters.
        noise: Exponential noise: for each parameter, n_rows × its number of values.
        row: Row of the first preset in the noise.
        n_rows: Number of rows of the noise.
        temperature: Temperature of the softmax; 0 takes the likeliest value.
        presets: uint8 (preset, 145) with the known values, changed.
    """
    n_sequences, n_memory, width = len(slots), prefix.shape[1], prefix.shape[2]
    if not listened:
        _listen(weights, prefix, memory, hidden)
    said = np.zeros((n_sequences + 3 & ~3, width), np.float32)
    for b in range(n_sequences):
        said[b] = hidden[sounds[b]]
    x, each = np.zeros_like(said), np.arange(n_sequences + 1)
    past = np.zeros(n_sequences, np.int64)
    out = np.zeros((len(said), np.max(weights.sizes) + PANEL - 1 & -PANEL), np.float32)
    for i in range(known, len(order.kind)):
        if i and i == known:
            said = _prefill(
                weights, memory, n_memory, sounds, cache, slots, cached, donors, order.context, tokens, known
            )
        elif i:
            past[:] = i - 1
            for b in range(n_sequences):
                x[b] = weights.value[tokens[b, i - 1]] + order.context[i - 1]
            said = _forward(weights, memory, n_memory, sounds, cache, slots, x, each, past)
        kind, column, level = order.kind[i], order.column[i], order.level[i]
        first, end, size = weights.panels[kind], weights.panels[kind + 1], weights.sizes[kind]
        logits = out.reshape(-1)[: len(said) * (end - first) * PANEL].reshape(len(said), -1)
        _set_rows(logits, n_sequences, weights.logits_bias[first * PANEL : end * PANEL])
        add_linear(said, n_sequences, weights.logits[first:end], logits)
        for b in range(n_sequences):
            if level >= 0 and presets[b, level] == 0:
                tokens[b, i] = len(weights.value) - 1
            else:
                at = (row + b) * size
                value = _drawn(logits[b, :size], noise[at : at + size], temperature)
                presets[b, column] = value
                tokens[b, i] = weights.offset[kind] + value
        noise = noise[n_rows * size :]
