/**
 * The sampler: a transformer that draws presets parameter by parameter, given the encoder's maps of a sound.
 * See `latentdx.models.posterior_sampler`.
 *
 * Keys and values of earlier tokens are kept: those of a sound, and those of presets in slots, so that a
 * preset which begins as an earlier one did is not computed again up to there. Keys lie in panels (panel of 8
 * tokens, dimension, token), values as (token, dimension), for each layer and head.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { PANEL, makeKernels } from './kernels.js';
import { Random } from '../random.js';

/** Presets and sounds whose keys and values are kept; a preset takes 0.7 MB in the default model. */
const SLOTS = 64;
const SOUNDS = 4;
/** Most presets that are drawn at once. */
const AT_ONCE = SLOTS / 2;
const NEVER = -1e30; // score of what must not be attended to

/**
 * Tables of a sampler; parameters are numbered as in `PresetSampler`, and operators from 1 (0: none).
 * @typedef {object} Tables
 * @property {number} width @property {number} layers @property {number} heads @property {number} norm_epsilon
 * @property {number} temperature Temperature at which presets are drawn by default.
 * @property {number[]} sizes Number of values of each kind of parameter.
 * @property {number[]} column Column of each parameter in VCED order.
 * @property {number[]} kind @property {number[]} operator Kind and operator of each parameter.
 * @property {number[][]} blocks Parameters of each block.
 * @property {number[]} levels Columns of OUTPUT LEVEL of operators 1 to 6.
 * @property {number[]} init Values of INIT VOICE.
 */

/**
 * Parameters in the order in which they are drawn.
 * @typedef {object} Order
 * @property {Int16Array} parameter
 * @property {Int16Array} level Column of the OUTPUT LEVEL that must not be 0, or -1.
 * @property {Float32Array} context What is added to the embedding of a value (token, width): what comes next.
 */

/**
 * A linear layer in the memory; `weights` and `bias` are indices.
 * @typedef {{inputs: number, panels: number, weights: number, bias: Float32Array}} Linear
 */

/** Keys and values somewhere in the memory. @typedef {{at: number, tokens: number}} Past */

/**
 * How presets are drawn.
 * @typedef {object} Drawing
 * @property {number} [temperature] Temperature of every softmax; 0 takes the likeliest value.
 * @property {number} [seed] Equal seeds give equal presets, if the maps are equal. Give each call its own.
 */

const ceil = (/** @type {number} */ n, /** @type {number} */ unit) => Math.ceil(n / unit) * unit;

export class Sampler {
  /** @param {import('./weights.js').Weights} weights */
  constructor(weights) {
    const tables = weights.header.sampler;
    const { width, layers, heads, sizes } = tables;
    this.tables = tables;
    this.dimensions = width / heads;
    this.nTokens = tables.column.length;
    const read = (/** @type {string} */ name) => weights.read(name);
    this.value = read('value');
    this.position = read('position');
    this.nMemory = this.position.length / width;
    this.saidOf = read('said_of');
    this.nextKind = read('next_kind');
    this.nextOperator = read('next_operator');
    this.offset = sizes.map((_, kind) => sizes.slice(0, kind).reduce((sum, n) => sum + n, 0));
    this.inert = this.value.length / width - 1; // token of parameters of silent operators
    this.norms = Array.from({ length: layers }, (_, i) => ({
      before: read(`layer${i}.norm0`),
      between: read(`layer${i}.norm1`),
    }));
    this.norm = read('norm');

    let numbers = 0;
    const room = (/** @type {number} */ n) => {
      numbers += ceil(n, 16);
      return numbers - ceil(n, 16);
    };
    /** @type {[string, Linear][]} */
    const linears = [];
    const linear = (/** @type {string} */ name) => {
      const { shape, size } = weights.entry(name);
      const found = { inputs: shape[1], panels: shape[0], weights: room(size), bias: read(`${name}.bias`) };
      linears.push([name, found]);
      return found;
    };
    this.listening = linear('memory');
    this.layers = Array.from({ length: layers }, (_, i) => ({
      qkv: linear(`layer${i}.qkv`),
      out: linear(`layer${i}.out`),
      up: linear(`layer${i}.up`),
      down: linear(`layer${i}.down`),
    }));
    this.logitsOf = sizes.map((_, kind) => linear(`logits${kind}`));

    const rows = Math.max(AT_ONCE, this.nTokens, this.nMemory);
    this.scoresWidth = ceil(this.nMemory, PANEL);
    this.scoresWidth += ceil(Math.max(this.nTokens, this.nMemory), PANEL);
    this.x = room(rows * width);
    this.small = room(rows * Math.max(width, this.listening.inputs));
    this.qkv = room(rows * 3 * width);
    this.large = room(rows * 4 * width);
    this.scores = room(rows * this.scoresWidth);
    this.logits = room(rows * ceil(Math.max(...sizes), PANEL));
    const size = (/** @type {number} */ tokens) => layers * 2 * width * ceil(tokens, PANEL);
    /** @type {{past: Past, maps: Float32Array | null, said: Float32Array, used: number}[]} */
    this.sounds = Array.from({ length: SOUNDS }, () => ({
      past: { at: room(size(this.nMemory)), tokens: this.nMemory },
      maps: null,
      said: new Float32Array(width), // what it says of the first parameter
      used: 0,
    }));
    /** @type {{past: Past, order: Order | null, tokens: Int16Array, sound: number, used: number}[]} */
    this.slots = Array.from({ length: SLOTS }, () => ({
      past: { at: room(size(this.nTokens)), tokens: this.nTokens },
      order: null,
      tokens: new Int16Array(this.nTokens),
      sound: -1,
      used: 0,
    }));
    this.clock = 0;
    /** @type {Map<string, Order>} */
    this.orders = new Map();

    this.kernels = makeKernels(numbers);
    const { memory } = this.kernels;
    for (const [name, { weights: at, inputs, panels }] of linears) {
      weights.read(name, memory.subarray(at, at + inputs * panels * PANEL));
    }
    const scale = this.dimensions ** -0.5; // of the queries, so that scores need not be scaled
    for (const { qkv } of this.layers) {
      for (let i = 0; i < qkv.inputs * width; i++) memory[qkv.weights + i] *= scale;
      for (let i = 0; i < width; i++) qkv.bias[i] *= scale;
    }
  }

  // ---- presets and tokens ---------------------------------------------------------------------------------

  /** @param {readonly number[]} blocks Order of the blocks 1 to 7, which follow block 0. @returns {Order} */
  order(blocks) {
    const key = blocks.join();
    let order = this.orders.get(key);
    if (!order) {
      const { blocks: all, kind, operator, levels, column } = this.tables;
      const { width } = this.tables;
      const parameter = Int16Array.from([0, ...blocks].flatMap((block) => all[block]));
      const level = parameter.map((p) => {
        const own = operator[p] ? levels[operator[p] - 1] : -1;
        return own === column[p] ? -1 : own;
      });
      const context = new Float32Array(parameter.length * width);
      parameter.forEach((p, t) => {
        const next = parameter[Math.min(t + 1, parameter.length - 1)];
        for (let i = 0; i < width; i++) {
          context[t * width + i] =
            this.saidOf[operator[p] * width + i] +
            this.nextKind[kind[next] * width + i] +
            this.nextOperator[operator[next] * width + i];
        }
      });
      order = { parameter, level, context };
      this.orders.set(key, order);
    }
    return order;
  }

  /**
   * Return the token of a parameter's value.
   * @param {Order} order @param {number} t Place in the order. @param {Uint8Array} preset
   */
  token(order, t, preset) {
    if (order.level[t] >= 0 && preset[order.level[t]] === 0) return this.inert;
    const p = order.parameter[t];
    return preset[this.tables.column[p]] + this.offset[this.tables.kind[p]];
  }

  // ---- the transformer ------------------------------------------------------------------------------------

  /**
   * Add a linear layer's results to rows.
   * @param {number} n Number of rows. @param {number} from @param {number} step Numbers between rows.
   * @param {Linear} linear @param {number} to
   */
  addLinear(n, from, step, { inputs, panels, weights }, to) {
    const panel = 4 * PANEL;
    // prettier-ignore
    this.kernels.addProduct(
      n, panels, inputs, 4 * from, 4 * step, 4 * weights, inputs * panel, panel, 4 * to, panels * panel,
    );
  }

  /** Fill rows with a linear layer's biases. @param {number} n @param {Linear} linear @param {number} to */
  setBias(n, { bias }, to) {
    for (let r = 0; r < n; r++) this.kernels.memory.set(bias, to + r * bias.length);
  }

  /**
   * Apply a layer norm.
   * @param {number} n Number of rows. @param {number} from @param {number} to
   * @param {Float32Array} norm Gains and biases (2, width).
   */
  normalize(n, from, to, norm) {
    const { memory } = this.kernels;
    const { width, norm_epsilon } = this.tables;
    for (let r = 0; r < n; r++, from += width, to += width) {
      let mean = 0;
      for (let i = 0; i < width; i++) mean += memory[from + i];
      mean /= width;
      let square = 0;
      for (let i = 0; i < width; i++) square += (memory[from + i] - mean) ** 2;
      const factor = 1 / Math.sqrt(square / width + norm_epsilon);
      for (let i = 0; i < width; i++) {
        memory[to + i] = (memory[from + i] - mean) * factor * norm[i] + norm[width + i];
      }
    }
  }

  /**
   * Return where the keys of a layer and head begin; the values follow them.
   * @param {Past} past @param {number} layer @param {number} head
   */
  keys({ at, tokens }, layer, head) {
    return at + (layer * this.tables.heads + head) * 2 * this.dimensions * ceil(tokens, PANEL);
  }

  /**
   * Put keys and values of a row of `qkv` into a past, as those of token t.
   * @param {Past} past @param {number} layer @param {number} row @param {number} t
   */
  remember(past, layer, row, t) {
    const { memory } = this.kernels;
    const { width, heads } = this.tables;
    const d = this.dimensions;
    for (let head = 0; head < heads; head++) {
      const keys = this.keys(past, layer, head);
      const from = this.qkv + row * 3 * width + width + head * d;
      const to = keys + Math.floor(t / PANEL) * PANEL * d + (t % PANEL);
      for (let i = 0; i < d; i++) memory[to + i * PANEL] = memory[from + i];
      const values = keys + d * ceil(past.tokens, PANEL) + t * d;
      memory.copyWithin(values, from + width, from + width + d);
    }
  }

  /**
   * Attend to a sound's tokens and to earlier ones; the results go to `small`.
   * @param {number} layer
   * @param {Past | null} sound
   * @param {{past: Past, n: number, t: number}[]} sequences Rows of each sequence, of which the first one is
   *   its token `t`. All have one row, or there is one sequence.
   */
  attend(layer, sound, sequences) {
    const { memory, addProduct, softmax } = this.kernels;
    const { width, heads } = this.tables;
    const d = this.dimensions;
    const own = sound ? ceil(sound.tokens, PANEL) : 0; // index of the scores of the sequence itself
    const step = this.scoresWidth;
    const n = sequences.reduce((sum, sequence) => sum + sequence.n, 0);
    memory.fill(0, this.small, this.small + n * width);
    const panel = 4 * PANEL;
    for (let head = 0; head < heads; head++) {
      const query = 4 * (this.qkv + head * d);
      const to = 4 * (this.small + head * d);
      const scores = 4 * this.scores;
      memory.fill(0, this.scores, this.scores + n * step);
      let values = 0;
      if (sound) {
        const keys = this.keys(sound, layer, head);
        values = 4 * (keys + d * own);
        addProduct(n, own / PANEL, d, query, 12 * width, 4 * keys, d * panel, panel, scores, 4 * step);
      }
      let first = 0;
      for (const { past, n: rows, t } of sequences) {
        const keys = this.keys(past, layer, head);
        const seen = ceil(t + rows, PANEL);
        const score = scores + 4 * (first * step + own);
        const from = query + 12 * first * width;
        addProduct(rows, seen / PANEL, d, from, 12 * width, 4 * keys, d * panel, panel, score, 4 * step);
        for (let r = 0; r < rows; r++) {
          const row = this.scores + (first + r) * step;
          const end = ceil(t + r + 1, PANEL);
          if (sound) memory.fill(NEVER, row + sound.tokens, row + own);
          memory.fill(NEVER, row + own + t + r + 1, row + own + end);
          softmax(4 * row, own + end);
          memory.fill(0, row + own + end, row + own + seen);
        }
        const value = 4 * (keys + d * ceil(past.tokens, PANEL));
        const found = to + 4 * first * width;
        addProduct(rows, d / PANEL, seen, score, 4 * step, value, panel, 4 * d, found, 4 * width);
        first += rows;
      }
      if (sound) addProduct(n, d / PANEL, own, scores, 4 * step, values, panel, 4 * d, to, 4 * width);
    }
  }

  /**
   * Compute what the new tokens in `x` say of the next ones, to `small`, and remember the new tokens.
   * @param {Past | null} sound What precedes all sequences.
   * @param {{past: Past, n: number, t: number}[]} sequences See `attend`.
   * @param {boolean} [every] Whether all rows are computed to the end, or only the last one of each sequence.
   */
  forward(sound, sequences, every = false) {
    const { memory, gelu } = this.kernels;
    const { width } = this.tables;
    let n = sequences.reduce((sum, sequence) => sum + sequence.n, 0);
    for (const [i, { qkv, out, up, down }] of this.layers.entries()) {
      const { before, between } = this.norms[i];
      this.normalize(n, this.x, this.small, before);
      this.setBias(n, qkv, this.qkv);
      this.addLinear(n, this.small, width, qkv, this.qkv);
      let row = 0;
      for (const sequence of sequences) {
        for (let r = 0; r < sequence.n; r++) this.remember(sequence.past, i, row++, sequence.t + r);
      }
      if (i === this.layers.length - 1 && !every && n > sequences.length) {
        row = -1;
        sequences = sequences.map((sequence, to) => {
          row += sequence.n;
          for (const [at, size] of [[this.x, width], [this.qkv, 3 * width]]) {
            memory.copyWithin(at + to * size, at + row * size, at + (row + 1) * size);
          }
          return { past: sequence.past, n: 1, t: sequence.t + sequence.n - 1 };
        });
        n = sequences.length;
      }
      this.attend(i, sound, sequences);
      this.addBias(n, out);
      this.addLinear(n, this.small, width, out, this.x);
      this.normalize(n, this.x, this.small, between);
      this.setBias(n, up, this.large);
      this.addLinear(n, this.small, width, up, this.large);
      gelu(4 * this.large, n * up.bias.length);
      this.addBias(n, down);
      this.addLinear(n, this.large, up.bias.length, down, this.x);
    }
    this.normalize(n, this.x, this.small, this.norm);
  }

  /** Add a linear layer's biases to rows of `x`. @param {number} n @param {Linear} linear */
  addBias(n, { bias }) {
    const { memory } = this.kernels;
    const { width } = this.tables;
    for (let r = 0; r < n; r++) for (let i = 0; i < width; i++) memory[this.x + r * width + i] += bias[i];
  }

  /**
   * Put the embedding of a token into a row of `x`.
   * @param {number} row @param {Order} order @param {number} t Place in the order. @param {number} token
   */
  embed(row, order, t, token) {
    const { memory } = this.kernels;
    const { width } = this.tables;
    for (let i = 0; i < width; i++) {
      memory[this.x + row * width + i] = this.value[token * width + i] + order.context[t * width + i];
    }
  }

  // ---- sounds and slots -----------------------------------------------------------------------------------

  /**
   * Return the number of a sound whose keys and values are in the memory, and compute them if needed.
   * @param {Float32Array} maps The encoder's maps (row, column, channel); not to be changed afterwards.
   */
  listen(maps) {
    let number = this.sounds.findIndex((sound) => sound.maps === maps);
    if (number < 0) {
      number = this.sounds.reduce((least, { used }, i, all) => (used < all[least].used ? i : least), 0);
      const { width } = this.tables;
      const { memory } = this.kernels;
      const sound = this.sounds[number];
      const channels = maps.length / this.nMemory;
      if (channels !== this.listening.inputs) {
        throw new RangeError(`maps have ${this.nMemory * this.listening.inputs} numbers, not ${maps.length}`);
      }
      for (const slot of this.slots) if (slot.sound === number) slot.sound = -1;
      memory.set(maps, this.small);
      this.setBias(this.nMemory, this.listening, this.x);
      this.addLinear(this.nMemory, this.small, channels, this.listening, this.x);
      const [first] = this.tables.blocks[0];
      const asked = this.x + (this.nMemory - 1) * width;
      for (let i = 0; i < this.position.length; i++) memory[this.x + i] += this.position[i];
      for (let i = 0; i < width; i++) {
        memory[asked + i] += this.nextKind[this.tables.kind[first] * width + i];
        memory[asked + i] += this.nextOperator[this.tables.operator[first] * width + i];
      }
      this.forward(null, [{ past: sound.past, n: this.nMemory, t: 0 }]);
      sound.said.set(memory.subarray(this.small, this.small + width));
      sound.maps = maps;
    }
    this.sounds[number].used = ++this.clock;
    return number;
  }

  /**
   * Find slots for presets, and how much of their beginnings is already in them.
   * @param {Order} order @param {Int16Array[]} tokens Tokens of each preset.
   * @param {number} known Number of tokens that are known, from the first one. @param {number} sound
   * @returns {{slot: Sampler["slots"][number], cached: number, donor: Sampler["slots"][number] | null}[]} The donor is
   *   the slot of an earlier preset, from which the beginning is to be copied once it is there.
   */
  place(order, tokens, known, sound) {
    // what the last known token says of the next one is not kept
    const most = Math.max(known - 1, 0);
    const found = tokens.map((own, i) => {
      let [cached, source, donor] = [0, this.slots[0], -1];
      for (const slot of this.slots) {
        if (slot.sound !== sound || !slot.order) continue;
        const there = slot.order.parameter;
        let t = 0;
        while (t < most && own[t] === slot.tokens[t] && order.parameter[t] === there[t]) {
          if (order.parameter[t + 1] !== there[t + 1]) break;
          t++;
        }
        if (t > cached) [cached, source] = [t, slot];
      }
      for (let before = 0; before < i; before++) {
        let t = 0;
        while (t < most && own[t] === tokens[before][t]) t++;
        if (t > cached) [cached, donor] = [t, before];
      }
      if (cached && donor < 0) source.used = ++this.clock;
      return { cached, source, donor };
    });
    const free = [...this.slots].sort((a, b) => a.used - b.used);
    return found.map(({ cached, source, donor }, i) => {
      const slot = free[i];
      if (cached && donor < 0) this.copy(source.past, slot.past, cached);
      Object.assign(slot, { order, sound, used: ++this.clock });
      return { slot, cached, donor: donor < 0 ? null : free[donor] };
    });
  }

  /**
   * Copy the keys and values of the first tokens.
   * @param {Past} from @param {Past} to @param {number} tokens
   */
  copy(from, to, tokens) {
    const { memory } = this.kernels;
    const d = this.dimensions;
    for (let layer = 0; layer < this.tables.layers; layer++) {
      for (let head = 0; head < this.tables.heads; head++) {
        const [a, b] = [this.keys(from, layer, head), this.keys(to, layer, head)];
        memory.copyWithin(b, a, a + d * ceil(tokens, PANEL));
        const values = d * ceil(from.tokens, PANEL);
        memory.copyWithin(b + values, a + values, a + values + d * tokens);
      }
    }
  }

  // ---- drawing --------------------------------------------------------------------------------------------

  /**
   * Draw presets; parameters of silent operators get their values in INIT VOICE.
   * @param {Float32Array} maps The encoder's maps (row, column, channel).
   * @param {number} n Number of presets.
   * @param {Drawing} [options]
   * @returns {Uint8Array[]} Presets of 145 values in VCED order.
   */
  draw(maps, n, { temperature, seed } = {}) {
    const blocks = this.tables.blocks.map((_, block) => block).slice(1);
    const presets = Array.from({ length: n }, () => Uint8Array.from(this.tables.init));
    this.complete(maps, presets, blocks, 0, temperature, seed);
    return presets;
  }

  /**
   * Draw one block of presets anew, given all their other parameters.
   * @param {Float32Array} maps The encoder's maps (row, column, channel).
   * @param {ArrayLike<number>[]} presets Presets of 145 values; not changed.
   * @param {number} block Number of the block: 1 to 6 are operators, 7 is the LFO with the pitch envelope.
   * @param {Drawing} [options]
   * @returns {Uint8Array[]} Changed copies.
   */
  redraw(maps, presets, block, { temperature, seed } = {}) {
    const { blocks, column, init } = this.tables;
    if (!(block > 0 && block < blocks.length)) {
      throw new RangeError(`blocks that can be redrawn are 1 to ${blocks.length - 1}, not ${block}`);
    }
    const others = blocks.map((_, other) => other).slice(1).filter((other) => other !== block);
    const order = this.order([...others, block]);
    const known = order.parameter.length - blocks[block].length;
    const changed = presets.map((preset) => {
      const copy = Uint8Array.from(init);
      for (const p of order.parameter.subarray(0, known)) copy[column[p]] = preset[column[p]];
      return copy;
    });
    this.complete(maps, changed, [...others, block], known, temperature, seed);
    return changed;
  }

  /**
   * Draw parameters of presets one after another, given the first ones.
   * @param {Float32Array} maps @param {Uint8Array[]} presets Changed.
   * @param {number[]} blocks Order of the blocks. @param {number} known Number of known parameters.
   * @param {number} [temperature] @param {number} [seed]
   */
  complete(maps, presets, blocks, known, temperature = this.tables.temperature, seed = 0) {
    const sound = this.listen(maps);
    const order = this.order(blocks);
    for (let first = 0; first < presets.length; first += AT_ONCE) {
      const part = presets.slice(first, first + AT_ONCE);
      const randoms = part.map((_, i) => new Random(seed, first + i)); // one for each, whatever n is
      this.completeTogether(sound, part, order, known, temperature, randoms);
    }
  }

  /**
   * Draw at most `AT_ONCE` presets.
   * @param {number} sound @param {Uint8Array[]} presets @param {Order} order @param {number} known
   * @param {number} temperature @param {Random[]} randoms
   */
  completeTogether(sound, presets, order, known, temperature, randoms) {
    const { memory } = this.kernels;
    const { width, kind, column, sizes } = this.tables;
    const { past: before, said } = this.sounds[sound];
    const tokens = presets.map((preset) => {
      const row = new Int16Array(order.parameter.length);
      for (let t = 0; t < known; t++) row[t] = this.token(order, t, preset);
      return row;
    });
    const places = this.place(order, tokens, known, sound);
    const hidden = new Float32Array(presets.length * width); // what the known tokens say of the next one
    for (const [i, { slot, cached, donor }] of places.entries()) {
      if (donor) this.copy(donor.past, slot.past, cached);
      if (known) {
        for (let t = cached; t < known; t++) this.embed(t - cached, order, t, tokens[i][t]);
        this.forward(before, [{ past: slot.past, n: known - cached, t: cached }]);
        hidden.set(memory.subarray(this.small, this.small + width), i * width);
      } else {
        hidden.set(said, i * width);
      }
    }
    memory.set(hidden, this.small);
    for (let t = known; t < order.parameter.length; t++) {
      if (t > known) {
        for (const [i, row] of tokens.entries()) this.embed(i, order, t - 1, row[t - 1]);
        this.forward(before, places.map(({ slot }) => ({ past: slot.past, n: 1, t: t - 1 })));
      }
      const p = order.parameter[t];
      const step = this.score(presets.length, kind[p]);
      for (const [i, preset] of presets.entries()) {
        const level = order.level[t];
        if (level < 0 || preset[level] !== 0) {
          const start = this.logits + i * step;
          const logits = memory.subarray(start, start + sizes[kind[p]]);
          preset[column[p]] = drawValue(logits, temperature, randoms[i]);
        }
        tokens[i][t] = this.token(order, t, preset);
      }
    }
    for (const [i, { slot }] of places.entries()) slot.tokens = tokens[i];
  }

  /**
   * Compute the logits of a kind of parameter from rows of `small`.
   * @param {number} n @param {number} kind
   * @returns {number} Numbers between rows of the logits.
   */
  score(n, kind) {
    const linear = this.logitsOf[kind];
    this.setBias(n, linear, this.logits);
    this.addLinear(n, this.small, this.tables.width, linear, this.logits);
    return linear.bias.length;
  }

  /**
   * Compute the logits of all parameters of a preset, each given those before it.
   * @param {Float32Array} maps The encoder's maps (row, column, channel).
   * @param {ArrayLike<number>} preset 145 values in VCED order.
   * @param {number[]} [blocks] Order of the blocks 1 to 7.
   * @returns {Float32Array[]} Logits of each parameter, in the order in which they would be drawn.
   */
  logitsGiven(maps, preset, blocks = this.tables.blocks.map((_, block) => block).slice(1)) {
    const { memory } = this.kernels;
    const { width, kind, sizes } = this.tables;
    const order = this.order(blocks);
    const sound = this.listen(maps);
    const n = order.parameter.length;
    const values = Uint8Array.from(preset);
    const tokens = Int16Array.from({ length: n }, (_, t) => this.token(order, t, values));
    const [{ slot }] = this.place(order, [tokens], 0, sound);
    for (let t = 0; t < n - 1; t++) this.embed(t, order, t, tokens[t]);
    this.forward(this.sounds[sound].past, [{ past: slot.past, n: n - 1, t: 0 }], true);
    slot.tokens = tokens;
    const hidden = new Float32Array(n * width);
    hidden.set(this.sounds[sound].said);
    hidden.set(memory.subarray(this.small, this.small + (n - 1) * width), width);
    return Array.from(order.parameter, (p, t) => {
      memory.set(hidden.subarray(t * width, (t + 1) * width), this.small);
      this.score(1, kind[p]);
      return memory.slice(this.logits, this.logits + sizes[kind[p]]);
    });
  }
}

/**
 * Draw from softmax(logits / temperature); temperature 0 takes the largest.
 * @param {Float32Array} logits @param {number} temperature @param {Random} random
 */
function drawValue(logits, temperature, random) {
  let largest = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[largest]) largest = i;
  const number = random.uniform(); // at every temperature, so that sequences stay in step
  if (temperature === 0) return largest;
  const most = logits[largest];
  const weights = new Float64Array(logits.length);
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += weights[i] = Math.exp((logits[i] - most) / temperature);
  let left = number * total;
  for (let i = 0; i < logits.length; i++) if ((left -= weights[i]) < 0) return i;
  return largest; // after the last one, by rounding
}
