/**
 * Limits of a match, as a reader writes them: algorithms such as "5, 7-9", parameters such as "FEEDBACK=0".
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { Locks } from './search/locks.js';

/**
 * @typedef {object} Limits
 * @property {number[]} algorithms Allowed algorithms, 1 … 32; none means all.
 * @property {Record<string, string>} locked Values by the parameters' names.
 */

/**
 * Read a list of algorithms.
 * @param {string} text Such as "5, 7-9"; empty for all.
 * @returns {number[]}
 * @throws {RangeError} It is something else; the message is for a reader.
 */
export function readAlgorithms(text) {
  return text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .flatMap((part) => {
      const found = /^(\d{1,2})(?:[-–…](\d{1,2}))?$/.exec(part);
      if (!found) throw new RangeError(`“${part}” is not an algorithm: write numbers from 1 to 32, such as 5, 7-9`);
      const [first, last] = [Number(found[1]), Number(found[2] ?? found[1])];
      if (last < first) throw new RangeError(`“${part}” counts backward: write ${last}-${first}`);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

/**
 * Read parameters and the values at which they stay.
 * @param {string} text Such as "FEEDBACK=0, LFO WAVE=sine", in one line or in several.
 * @returns {Record<string, string>}
 * @throws {RangeError} It is something else; the message is for a reader.
 */
export function readLocked(text) {
  const parts = text.split(/[,;\n]+/).filter((part) => part.trim());
  const pairs = parts.map((part) => {
    const [name, value, ...rest] = part.split('=').map((piece) => piece.trim());
    if (!name || !value || rest.length) {
      throw new RangeError(`“${part.trim()}” needs a name and a value, such as FEEDBACK=0`);
    }
    return [name.toUpperCase(), value];
  });
  return Object.fromEntries(pairs);
}

/**
 * Read all limits, and check them.
 * @param {string} algorithms @param {string} locked
 * @returns {Limits}
 * @throws {RangeError} They are wrong; the message is for a reader.
 */
export function readLimits(algorithms, locked) {
  const limits = { algorithms: readAlgorithms(algorithms), locked: readLocked(locked) };
  new Locks(limits.locked, limits.algorithms);
  return limits;
}
