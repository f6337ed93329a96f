/**
 * A worker that measures presets for a search, see `judges.js`: it is sent a `target` once, and then lists of
 * `presets`, and answers with their distances.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { Objective } from './objective.js';

/** @type {Objective} */
let objective;

self.addEventListener('message', ({ data: { target, presets } }) => {
  if (target) objective = new Objective(target);
  else self.postMessage(presets.map((/** @type {Uint8Array} */ values) => objective.of(values)));
});
