/**
 * A worker that prepares sounds and matches them, so that the page stays free; see `sound_matcher.js`, which
 * talks to it.
 *
 * It says "loaded" once it can take messages, which have a `type`:
 * - "prepare": `channels`, `rate`, and the options of `prepareTarget`; answered by "target";
 * - "match": `target` and the options of `match`, with the model as `{module, weights}`, two URLs; answered by
 *   "loading" (share of the model), "progress" and "answers";
 * - "stop": ends the match, which answers with what it has.
 *
 * "failed" has a `message`, and `refused`, which is true if the sound, and not the program, is to blame.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { match } from './match.js';
import { SoundError, prepareTarget } from './sound_target.js';

let stopped = false;
/** The model that was loaded last, by its URL. @type {Map<string, any>} */
const models = new Map();

/** @param {any} message @param {Transferable[]} [transferred] */
const tell = (message, transferred = []) => self.postMessage(message, { transfer: transferred });

/**
 * Load a model, once; `null` if it cannot be loaded, because the search goes on without it.
 * @param {{module: string, weights: string} | null} source
 */
async function loaded(source) {
  if (!source) return null;
  const known = models.get(source.weights);
  if (known) return known;
  try {
    const { WebModel } = await import(source.module);
    const heard = (/** @type {{loaded: number, total: number}} */ { loaded, total }) =>
      tell({ type: 'loading', share: loaded / total });
    const model = await WebModel.load(source.weights, heard);
    models.set(source.weights, model);
    return model;
  } catch (error) {
    tell({ type: 'loading', share: NaN, message: String(/** @type {Error} */ (error).message) });
    return null;
  }
}

/** @param {any} message */
async function answer({ type, channels, rate, target, model, ...options }) {
  if (type === 'prepare') {
    const prepared = prepareTarget(channels, rate, options);
    tell({ type: 'target', target: prepared });
  } else if (type === 'match') {
    stopped = false;
    const result = await match(target, {
      ...options,
      model: await loaded(model),
      stopped: () => stopped,
      progress: (progress) => tell({ type: 'progress', ...progress }),
    });
    tell({ type: 'answers', ...result });
  } else if (type === 'stop') {
    stopped = true;
  }
}

self.addEventListener('message', async ({ data }) => {
  try {
    await answer(data);
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    tell({ type: 'failed', message, refused: error instanceof SoundError || name === 'RangeError' });
  }
});

tell({ type: 'loaded' });
