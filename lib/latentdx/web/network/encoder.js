/**
 * The encoder: convolutions from a spectrogram to the maps that the sampler reads, and on to the mean of the
 * latents. See `latentdx.models.encoder`.
 *
 * Maps lie in memory as (row, column, channel), with zeros around them. Then what a kernel's row covers is
 * contiguous, and an output row is a product of matrices for each row of the kernel.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { PANEL, makeKernels } from './kernels.js';

/**
 * A convolution, activation, and batch norm.
 * @typedef {{name: string, inputs: number, outputs: number, kernel: number, stride: number, padding: number,
 *   slope: number, norm: boolean}} Convolution
 */

/**
 * A convolution with its weights in the memory; numbers are indices.
 * @typedef {object} Layer
 * @property {Convolution} shape
 * @property {number} rows @property {number} columns Size of its inputs.
 * @property {number} outRows @property {number} outColumns Size of its outputs.
 * @property {number} kernelRow Numbers of a row of the kernel, filled up to a multiple of 4.
 * @property {number} weights
 * @property {Float32Array} bias @property {Float32Array} gain @property {Float32Array} offset
 */

export class Encoder {
  /**
   * @param {import('./weights.js').Weights} weights
   * @param {Convolution[]} convolutions
   * @param {number} rows Rows of the inputs. @param {number} columns Columns of the inputs.
   */
  constructor(weights, convolutions, rows, columns) {
    let numbers = 0;
    const room = (/** @type {number} */ n) => (numbers += (n + 3) & ~3) - ((n + 3) & ~3);
    let inputs = 0; // most numbers of a layer's inputs, and of a row of its outputs
    let outputs = 0;
    /** @type {Layer[]} */
    this.layers = convolutions.map((shape) => {
      const { name, kernel, stride, padding } = shape;
      const layer = {
        shape,
        rows,
        columns,
        outRows: Math.floor((rows + 2 * padding - kernel) / stride) + 1,
        outColumns: Math.floor((columns + 2 * padding - kernel) / stride) + 1,
        kernelRow: (kernel * shape.inputs + 3) & ~3,
        weights: room(weights.entry(name).size),
        bias: weights.read(`${name}.bias`),
        gain: shape.norm ? weights.read(`${name}.gain`) : new Float32Array(shape.outputs).fill(1),
        offset: shape.norm ? weights.read(`${name}.offset`) : new Float32Array(shape.outputs),
      };
      inputs = Math.max(inputs, (rows + 2 * padding) * (columns + 2 * padding) * shape.inputs + 4);
      outputs = Math.max(outputs, layer.outColumns * layer.bias.length);
      ({ outRows: rows, outColumns: columns } = layer);
      return layer;
    });
    this.maps = [room(inputs), room(inputs)];
    this.row = room(outputs);
    this.kernels = makeKernels(numbers);
    const { memory } = this.kernels;
    for (const layer of this.layers) {
      const { size } = weights.entry(layer.shape.name);
      weights.read(layer.shape.name, memory.subarray(layer.weights, layer.weights + size));
    }
  }

  /**
   * Compute the last layer's maps.
   * @param {ArrayLike<number>} input (row, column, channel).
   * @returns {Float32Array} (row, column, channel).
   */
  run(input) {
    const { memory } = this.kernels;
    let from = this.maps[0];
    let to = this.maps[1];
    const { rows, columns, shape } = this.layers[0];
    this.clear(from, this.layers[0]);
    const width = columns * shape.inputs;
    for (let y = 0; y < rows; y++) {
      const start = this.start(from, this.layers[0], y);
      for (let i = 0; i < width; i++) memory[start + i] = input[y * width + i];
    }
    const last = this.layers[this.layers.length - 1];
    const out = new Float32Array(last.outRows * last.outColumns * last.shape.outputs);
    for (const [i, layer] of this.layers.entries()) {
      const next = this.layers[i + 1];
      const size = layer.outColumns * layer.shape.outputs;
      if (next) this.clear(to, next);
      for (let y = 0; y < layer.outRows; y++) {
        if (next) this.convolve(layer, from, y, memory, this.start(to, next, y));
        else this.convolve(layer, from, y, out, y * size);
      }
      [from, to] = [to, from];
    }
    return out;
  }

  /** Clear a layer's inputs, with the zeros around them. @param {number} at @param {Layer} layer */
  clear(at, { rows, columns, shape: { padding, inputs } }) {
    const size = (rows + 2 * padding) * (columns + 2 * padding) * inputs;
    this.kernels.memory.fill(0, at, at + size + 4); // a kernel's row may read a little further
  }

  /**
   * Return where a row of a layer's inputs begins.
   * @param {number} at @param {Layer} layer @param {number} y
   */
  start(at, { columns, shape: { padding, inputs } }, y) {
    return at + ((y + padding) * (columns + 2 * padding) + padding) * inputs;
  }

  /**
   * Compute a row of a layer's outputs.
   * @param {Layer} layer @param {number} from @param {number} y
   * @param {Float32Array} out Array that they are written to. @param {number} start Index of the first one.
   */
  convolve(layer, from, y, out, start) {
    const { memory, addProduct } = this.kernels;
    const { inputs, outputs, kernel, stride, padding, slope } = layer.shape;
    const { bias, gain, offset, kernelRow, outColumns } = layer;
    const width = bias.length; // outputs, filled up to whole panels
    for (let x = 0; x < outColumns; x++) memory.set(bias, this.row + x * width);
    for (let i = 0; i < kernel; i++) {
      const input = from + (y * stride + i) * (layer.columns + 2 * padding) * inputs;
      const panels = layer.weights + i * kernelRow * PANEL;
      // prettier-ignore
      addProduct(
        outColumns, width / PANEL, kernelRow, 4 * input, 4 * stride * inputs,
        4 * panels, 4 * kernel * kernelRow * PANEL, 4 * PANEL, 4 * this.row, 4 * width,
      );
    }
    for (let x = 0; x < outColumns; x++) {
      for (let i = 0; i < outputs; i++) {
        const value = memory[this.row + x * width + i];
        out[start + x * outputs + i] = (value < 0 ? slope * value : value) * gain[i] + offset[i];
      }
    }
  }
}
