/**
 * Locks: parameters that keep the value that a musician wants, whatever a model or a search proposes, as in
 * the library's `applications.locks`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { ALGORITHMS, MAXIMA } from '../engine/engine.js';
import { NEUTRAL_TRANSPOSE, VOICE_PARAMETERS, column } from '../parameters.js';
import { conversion, withAlgorithm } from './algorithm_families.js';

const ALGORITHM = column('ALGORITHM');

/** Locked parameters. */
export class Locks {
  /**
   * @param {Record<string, number | string>} [locked] Values by the parameters' names, such as
   *   `{ALGORITHM: 5, 'OP1 F COARSE': 1}`, as a DX7 shows them: algorithms count from 1, OSC DETUNE is -7 … 7,
   *   TRANSPOSE -24 … 24; labels such as "sine" are possible, too.
   * @param {number[]} [algorithms] Allowed algorithms, 1 … 32; by default all.
   * @throws {RangeError} A name is unknown, a value out of its range, or the algorithm none of the allowed.
   */
  constructor(locked = {}, algorithms = []) {
    /** Locked values by their places. @type {Map<number, number>} */
    this.values = new Map();
    for (const [name, value] of Object.entries(locked)) {
      const place = VOICE_PARAMETERS.findIndex((p) => p.name === name.trim().toUpperCase());
      if (place < 0) {
        throw new RangeError(
          `no parameter is called "${name}": names are such as ALGORITHM, FEEDBACK, LFO SPEED or OP1 F COARSE`,
        );
      }
      this.values.set(place, stored(place, value));
    }
    for (const number of algorithms) {
      if (!(Number.isInteger(number) && number >= 1 && number <= ALGORITHMS.length)) {
        throw new RangeError(`algorithm ${number} is outside 1 … ${ALGORITHMS.length}`);
      }
    }
    const fixed = this.values.get(ALGORITHM);
    if (fixed !== undefined && algorithms.length && !algorithms.includes(fixed + 1)) {
      throw new RangeError(
        `ALGORITHM is locked to ${fixed + 1}, which is none of the allowed ${algorithms.join(', ')}`,
      );
    }
    this.algorithms = fixed === undefined ? [...algorithms] : [fixed + 1];
  }

  /** Whether anything is locked. */
  get any() {
    return this.values.size > 0 || this.algorithms.length > 0;
  }

  /**
   * Return a preset that obeys the locks; the preset itself without locks. An algorithm that is not allowed
   * gives way to the most similar one.
   * @param {Uint8Array} values
   * @returns {Uint8Array}
   */
  apply(values) {
    if (!this.any) return values;
    const old = values[ALGORITHM] + 1;
    let out = values.slice();
    if (this.algorithms.length && !this.algorithms.includes(old)) {
      const costs = this.algorithms.map((number) => conversion(old, number).cost);
      out = withAlgorithm(values, this.algorithms[costs.indexOf(Math.min(...costs))]);
    }
    for (const [place, value] of this.values) out[place] = value;
    return out;
  }

  /** Return whether a preset obeys the locks. @param {Uint8Array} values */
  allows(values) {
    const applied = this.apply(values);
    return values.every((value, i) => value === applied[i]);
  }
}

/** Return the stored value of one as the DX7 shows it. @param {number} place @param {number | string} value */
function stored(place, value) {
  const { name, labels } = VOICE_PARAMETERS[place];
  const most = MAXIMA[place];
  const lowest =
    name === 'ALGORITHM' ? 1 : name === 'TRANSPOSE' ? -NEUTRAL_TRANSPOSE : name.endsWith('OSC DETUNE') ? -7 : 0;
  const label = labels.indexOf(String(value).trim().toLowerCase());
  if (label >= 0) return label;
  const number = String(value).trim() === '' ? NaN : Number(value);
  if (!Number.isInteger(number) || number < lowest || number > lowest + most) {
    const names = labels.length ? `, or one of ${labels.join(', ')}` : '';
    throw new RangeError(`${name} = ${value} is outside ${lowest} … ${lowest + most}${names}`);
  }
  return number - lowest;
}
