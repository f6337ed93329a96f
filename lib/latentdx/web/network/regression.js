/**
 * The forward pass to one preset, as in the paper: mean of the latents, latent flow, regression. See
 * `latentdx.models.flows` and `latentdx.models.representation`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { PANEL, makeKernels } from './kernels.js';

/**
 * Tables of the forward pass.
 * @typedef {object} Tables
 * @property {number} latent Dimension of the latents.
 * @property {{name: string, odd?: boolean, blocks?: number}[]} steps Steps of both flows: couplings, of which
 *   `odd` says whether the latents of odd index pass unchanged, and batch norms.
 * @property {[number, number, number, number][]} slots First element, number of elements (1: a scalar),
 *   column and maximum of each parameter.
 */

/** @typedef {{inputs: number, panels: number, weights: number, bias: Float32Array}} Linear */

export class Regression {
  /** @param {import('./weights.js').Weights} weights */
  constructor(weights) {
    const { regression: tables, sampler } = weights.header;
    this.tables = tables;
    this.init = sampler.init;
    /** @type {Map<string, Linear>} */
    this.linears = new Map();
    /** @type {Map<string, {gain: Float32Array, offset: Float32Array}>} */
    this.norms = new Map();
    for (const { name, blocks } of tables.steps) {
      const own = Array.from({ length: blocks ?? 0 }, (_, i) => `${name}.block${i}`);
      for (const norm of blocks === undefined ? [name] : own) {
        this.norms.set(norm, { gain: weights.read(`${norm}.gain`), offset: weights.read(`${norm}.offset`) });
      }
    }
    let numbers = 0;
    let most = 0;
    for (const name of ['mean', ...tables.steps.flatMap(names)]) {
      const { shape, size } = weights.entry(name);
      const bias = weights.read(`${name}.bias`);
      const linear = { inputs: shape[1], panels: shape[0], weights: numbers, bias };
      this.linears.set(name, linear);
      numbers += size;
      most = Math.max(most, linear.inputs, linear.bias.length);
    }
    this.input = numbers;
    this.output = numbers + most;
    this.kernels = makeKernels(numbers + 2 * most);
    for (const [name, { weights: at, inputs, panels }] of this.linears) {
      weights.read(name, this.kernels.memory.subarray(at, at + inputs * panels * PANEL));
    }
  }

  /** Apply a linear layer. @param {string} name @param {ArrayLike<number>} x @returns {Float32Array} */
  linear(name, x) {
    const { memory, addProduct } = this.kernels;
    const { inputs, panels, weights, bias } = /** @type {Linear} */ (this.linears.get(name));
    memory.fill(0, this.input, this.input + inputs);
    memory.set(x, this.input);
    memory.set(bias, this.output);
    const [panel, from, to] = [4 * PANEL, 4 * this.input, 4 * this.output];
    addProduct(1, panels, inputs, from, 0, 4 * weights, inputs * panel, panel, to, 0);
    return memory.slice(this.output, this.output + bias.length);
  }

  /**
   * Compute the mean of the latents z0.
   * @param {Float32Array} deep The encoder's deepest maps (row, column, channel).
   */
  mean(deep) {
    return this.linear('mean', deep).slice(0, this.tables.latent);
  }

  /**
   * Apply some steps of the flows.
   * @param {Float32Array} latents Changed.
   * @param {(name: string) => boolean} [chosen] Which steps, by name ("latent…", "regression…").
   */
  flow(latents, chosen = () => true) {
    for (const step of this.tables.steps) {
      if (!chosen(step.name)) continue;
      if (step.blocks === undefined) this.scale(step.name, latents);
      else this.couple(step.name, step.odd ? 1 : 0, step.blocks, latents);
    }
    return latents;
  }

  /** Apply a batch norm. @param {string} name @param {Float32Array} x Changed. */
  scale(name, x) {
    const { gain, offset } = /** @type {{gain: Float32Array, offset: Float32Array}} */ (this.norms.get(name));
    for (let i = 0; i < gain.length; i++) x[i] = x[i] * gain[i] + offset[i];
  }

  /**
   * Apply a coupling.
   * @param {string} name @param {number} first Index of the first latent that passes unchanged.
   * @param {number} blocks Number of residual blocks. @param {Float32Array} x Changed.
   */
  couple(name, first, blocks, x) {
    const hidden = this.linear(`${name}.first`, x.filter((_, i) => i % 2 === first));
    for (let block = 0; block < blocks; block++) {
      const inner = hidden.slice();
      this.scale(`${name}.block${block}`, inner);
      const up = this.linear(`${name}.block${block}.up`, inner.map(relu)).map(relu);
      const down = this.linear(`${name}.block${block}.down`, up);
      for (let i = 0; i < hidden.length; i++) hidden[i] += down[i];
    }
    const affine = this.linear(`${name}.last`, hidden);
    const changed = Math.floor((x.length + first) / 2);
    for (let i = 0; i < changed; i++) {
      const scale = 1 / (1 + Math.exp(-affine[i] - 2)) + 1e-3;
      const at = 2 * i + 1 - first;
      x[at] = x[at] * scale + affine[changed + i];
    }
  }

  /**
   * Decode the flows' result to a preset; what the model does not learn is as in INIT VOICE.
   * @param {Float32Array} vector
   * @returns {Uint8Array} 145 values in VCED order.
   */
  decode(vector) {
    const preset = Uint8Array.from(this.init);
    for (const [start, width, column, maximum] of this.tables.slots) {
      const part = vector.subarray(start, start + width);
      if (width === 1) preset[column] = Math.round(Math.min(Math.max(part[0], 0), 1) * maximum);
      else preset[column] = part.reduce((best, x, i) => (x > part[best] ? i : best), 0);
    }
    return preset;
  }
}

const relu = (/** @type {number} */ x) => Math.max(x, 0);

/** Return the names of a step's linear layers. @param {Tables["steps"][number]} step */
function names({ name, blocks }) {
  if (blocks === undefined) return [];
  const inner = Array.from({ length: blocks }, (_, i) => [`${name}.block${i}.up`, `${name}.block${i}.down`]);
  return [`${name}.first`, ...inner.flat(), `${name}.last`];
}
