/**
 * The default model in the page: from a sound to presets. It needs no page, and is best used in a worker.
 *
 *     const model = await WebModel.load(new URL('model.json', base), ({ loaded, total }) => …);
 *     const maps = model.encode(model.spectrogram(samples));
 *     const presets = model.draw(maps, 24, { seed: 1 });
 *     const children = model.redraw(maps, presets.slice(0, 4), 3, { seed: 2 });
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { Encoder } from './encoder.js';
import { N_FRAMES, N_MELS, fitted, melSpectrogram, takeLevelAway } from './mel_spectrogram.js';
import { Regression } from './regression.js';
import { Sampler } from './sampler.js';
import { loadWeights } from './weights.js';

export class WebModel {
  /**
   * Load a model, or take it from the browser's cache.
   * @param {string | URL} url Address of the `model.json` that `latentdx_book.build.web_model` wrote.
   * @param {(progress: import('./weights.js').Progress) => void} [onProgress]
   * @param {AbortSignal} [signal] Signal that ends the loading.
   * @throws {Error} It cannot be loaded, or the browser lacks WebAssembly with SIMD.
   */
  static async load(url, onProgress, signal) {
    return new WebModel(await loadWeights(url, onProgress, signal));
  }

  /** @param {import('./weights.js').Weights} weights */
  constructor(weights) {
    const { header } = weights;
    this.header = header;
    this.encoder = new Encoder(weights, header.encoder.layers, N_MELS, N_FRAMES);
    const { outRows, outColumns } = this.encoder.layers[this.encoder.layers.length - 1];
    this.deep = new Encoder(weights, header.encoder.deep, outRows, outColumns);
    this.sampler = new Sampler(weights);
    this.regression = new Regression(weights);
  }

  /**
   * Compute the spectrogram that the model hears.
   * @param {ArrayLike<number>} samples Samples at 22,050 Hz, cut or filled up to 4.017 s.
   * @param {{unknownLevel?: boolean}} [options] Whether the level says nothing, as that of recordings; it is
   *   then taken away if the model learned to do without it.
   * @returns {Float32Array} dB (257, 347).
   */
  spectrogram(samples, { unknownLevel = false } = {}) {
    const decibels = melSpectrogram(fitted(samples));
    const levels = this.header.spectrogram;
    if (unknownLevel && levels.unknown_level) takeLevelAway(decibels, levels);
    return decibels;
  }

  /**
   * Compute the encoder's maps.
   * @param {Float32Array} spectrogram dB (257, 347).
   * @returns {Float32Array} (row, column, channel).
   */
  encode(spectrogram) {
    const [low, high] = this.header.spectrogram.range_db;
    return this.encoder.run(spectrogram.map((x) => ((x - low) * 2) / (high - low) - 1));
  }

  /**
   * Draw presets from the posterior; see `Sampler.draw`.
   * @param {Float32Array} maps Result of `encode`. @param {number} n
   * @param {import('./sampler.js').Drawing} [options]
   * @returns {Uint8Array[]} Presets of 145 values in VCED order.
   */
  draw(maps, n, options) {
    return this.sampler.draw(maps, n, options);
  }

  /**
   * Draw one block of presets anew, given the sound and all other blocks; see `Sampler.redraw`.
   * @param {Float32Array} maps Result of `encode`. @param {ArrayLike<number>[]} presets
   * @param {number} block 1 to 6: operators; 7: the LFO with the pitch envelope.
   * @param {import('./sampler.js').Drawing} [options]
   * @returns {Uint8Array[]} Changed copies.
   */
  redraw(maps, presets, block, options) {
    return this.sampler.redraw(maps, presets, block, options);
  }

  /**
   * Compute the preset of one forward pass, as in the paper.
   * @param {Float32Array} maps Result of `encode`.
   * @returns {Uint8Array} 145 values in VCED order.
   */
  program(maps) {
    return this.regression.decode(this.regression.flow(this.mean(maps)));
  }

  /**
   * Compute the latents zK of a sound, which place it on the map of presets.
   * @param {Float32Array} maps Result of `encode`.
   * @returns {Float32Array} (latent,).
   */
  latents(maps) {
    return this.regression.flow(this.mean(maps), (name) => name.startsWith('latent'));
  }

  /** Compute the mean of the latents z0. @param {Float32Array} maps Result of `encode`. */
  mean(maps) {
    return this.regression.mean(this.deep.run(maps));
  }
}
