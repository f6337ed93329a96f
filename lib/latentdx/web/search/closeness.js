/**
 * How close an answer comes, in words, by bounds that were measured: an answer is "almost the same" if it is as
 * close as a preset mostly stays to itself when one parameter moves by one step, "close" for a quarter of a
 * parameter's range, and "a relative" if it is closer than the closest known preset usually is.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { WEIGHTS } from './objective.js';

/** Largest distance for each word, without modulation and gain: those of `data/results/closeness.json`. */
export const BOUNDS = /** @type {const} */ ([['almost the same', 0.0876], ['close', 0.547], ['a relative', 0.8698]]);

/** @typedef {"almost the same" | "close" | "a relative" | "far"} Word */

/**
 * Return the distance that the words are about: the weighted sum of three metrics.
 * @param {number[]} parts Differences of the logarithmic spectrum, the spectrum and the MFCCs; see `WEIGHTS`.
 */
export const mixed = (parts) => WEIGHTS.slice(0, 3).reduce((sum, weight, i) => sum + weight * parts[i], 0);

/** Say how close an answer comes. @param {number[]} parts See `mixed`. @returns {Word} */
export function closeness(parts) {
  return BOUNDS.find(([, most]) => mixed(parts) <= most)?.[0] ?? 'far';
}
