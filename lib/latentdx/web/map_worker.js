/**
 * A worker that places presets on the map by their sound: it reads .syx files, renders each voice as the map's
 * presets were rendered, and lets the model's encoder find the closest ones of these.
 *
 * A message to it is a `Request`; it answers with messages that have a `type`:
 * - "loading" (share of the model that is loaded);
 * - "placed" (a `Placed`, one for each voice);
 * - "note" (`text`, a remark on a file);
 * - "done", or "failed" (`text`).
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { pack, render } from './engine/engine.js';
import { WebModel } from './network/model.js';
import { NEUTRAL_TRANSPOSE, column } from './parameters.js';
import { readPresetFile, withName } from './preset_files.js';

/**
 * @typedef {object} Request
 * @property {File[]} files
 * @property {string} model Address of `model.json`.
 * @property {string} latents Address of the file that `latents_file` of `latent_map.py` wrote.
 * @property {number} dimensions Of a preset's latents.
 * @property {string} checkpoint Which model placed the presets.
 */

/**
 * A voice with its closest presets of the map, the closest one first, and weights of their places, which sum to 1.
 * @typedef {{name: string, packed: Uint8Array, peak: number, neighbors: number[], weights: number[]}} Placed
 */

/** Number of closest presets. */
const NEIGHBORS = 5;
/** Places of presets that were left out are met best with this power of the distance. */
const POWER = 8;
/** Length of a sound; the model hears the first 4.017 seconds. */
const SECONDS = 4.02;

/** @type {Promise<{model: WebModel, latents: Latents}> | null} */
let loaded = null;

/** Latents of the map's presets, with 8 bits each. */
class Latents {
  /** @param {ArrayBuffer} data Scales of the dimensions, then rows. @param {number} dimensions */
  constructor(data, dimensions) {
    this.dimensions = dimensions;
    this.scales = new Float32Array(data, 0, dimensions);
    this.rows = new Int8Array(data, 4 * dimensions);
  }

  /**
   * Find the closest presets.
   * @param {Float32Array} latents
   * @returns {{neighbors: number[], weights: number[]}}
   */
  closest(latents) {
    const { dimensions, scales, rows } = this;
    const distances = Array.from({ length: rows.length / dimensions }, (_, row) => {
      let sum = 0;
      for (let i = 0; i < dimensions; i++) sum += (latents[i] - scales[i] * rows[row * dimensions + i]) ** 2;
      return Math.sqrt(sum);
    });
    const neighbors = [...distances.keys()].sort((a, b) => distances[a] - distances[b]).slice(0, NEIGHBORS);
    const least = Math.max(distances[neighbors[0]], 1e-9);
    const weights = neighbors.map((row) => (least / Math.max(distances[row], 1e-9)) ** POWER);
    const sum = weights.reduce((a, b) => a + b);
    return { neighbors, weights: weights.map((weight) => weight / sum) };
  }
}

/** @param {any} message */
const tell = (message) => self.postMessage(message);

/** @param {Request} request */
async function load({ model, latents, dimensions, checkpoint }) {
  const network = await WebModel.load(model, (progress) =>
    tell({ type: 'loading', share: progress.loaded / progress.total }),
  );
  if (network.header.checkpoint !== checkpoint) {
    throw new Error('it is not the model by which the dots of this map were placed');
  }
  const response = await fetch(latents);
  if (!response.ok) throw new Error(`${latents} cannot be loaded: ${response.status}`);
  return { model: network, latents: new Latents(await response.arrayBuffer(), dimensions) };
}

/** @param {Request} request */
async function place(request) {
  const voices = [];
  for (const file of request.files) {
    try {
      const found = await readPresetFile(file);
      for (const text of found.notes) tell({ type: 'note', text });
      voices.push(...found.voices);
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      tell({ type: 'note', text: message.startsWith(file.name) ? message : `${file.name} cannot be read: ${message}` });
    }
  }
  if (!voices.length) return;
  loaded ??= load(request).catch((error) => {
    loaded = null; // the next file tries again
    throw error;
  });
  const { model, latents } = await loaded;
  for (const voice of voices) {
    voice.values[column('TRANSPOSE')] = NEUTRAL_TRANSPOSE; // as of the map's presets
    const sound = render(voice.values, { seconds: SECONDS });
    const peak = sound.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const closest = latents.closest(model.latents(model.encode(model.spectrogram(sound))));
    tell({ type: 'placed', name: voice.name, packed: pack(withName(voice)), peak, of: voices.length, ...closest });
  }
}

self.addEventListener('message', async ({ data }) => {
  try {
    await place(data);
    tell({ type: 'done' });
  } catch (error) {
    tell({ type: 'failed', text: /** @type {Error} */ (error).message });
  }
});
