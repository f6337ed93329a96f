/**
 * Algorithms that are alike: families of equal structure, and the least change from one algorithm to another,
 * as in the library's `presets.algorithm_families`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { ALGORITHMS } from '../engine/engine.js';
import { algorithm } from '../algorithms.js';
import { OPERATORS, column } from '../parameters.js';

const ALGORITHM = column('ALGORITHM');
const FEEDBACK_WEIGHT = 0.5; // of a feedback at another operator, against 1 for a connection that is not there

/** Return the place of an operator's first value. @param {number} k 0 … 5. */
export const firstOf = (k) => 21 * (OPERATORS - 1 - k);

/** All orders of the operators, in lexicographic order. */
const ORDERS = (() => {
  /** @type {number[][]} */
  const found = [];
  const extend = (/** @type {number[]} */ order) => {
    if (order.length === OPERATORS) found.push(order);
    for (let k = 0; k < OPERATORS; k++) if (!order.includes(k)) extend([...order, k]);
  };
  extend([]);
  return found;
})();

const WIRES = ALGORITHMS.map((_, i) => {
  const { carriers, edges, feedback } = algorithm(i + 1);
  const modulated = new Uint8Array(36); // (modulated, modulator)
  const heard = new Uint8Array(6);
  for (const [source, target] of edges) modulated[6 * (target - 1) + source - 1] = 1;
  for (const k of carriers) heard[k - 1] = 1;
  return { modulated, heard, feedback: feedback.map((k) => k - 1), size: edges.length + carriers.length };
});

/**
 * The least change from one algorithm to another.
 * @typedef {object} Conversion
 * @property {number} cost Number of connections that only one of them has, and 0.5 for another feedback.
 * @property {number[]} order Operator (0 … 5) of the old algorithm for each of the new one.
 */

/** @type {Map<number, Conversion>} */
const conversions = new Map();

/**
 * Find the order of operators in which an algorithm is most like another.
 * @param {number} old 1 … 32. @param {number} next 1 … 32.
 * @returns {Conversion}
 */
export function conversion(old, next) {
  const key = 64 * old + next;
  let found = conversions.get(key);
  if (!found) {
    const [before, after] = [WIRES[old - 1], WIRES[next - 1]];
    found = { cost: Infinity, order: [] };
    for (const order of ORDERS) {
      let cost = after.feedback.every((k, i) => order[k] === before.feedback[i]) ? 0 : FEEDBACK_WEIGHT;
      for (let i = 0; i < 6; i++) {
        cost += before.heard[order[i]] ^ after.heard[i];
        for (let j = 0; j < 6; j++) cost += before.modulated[6 * order[i] + order[j]] ^ after.modulated[6 * i + j];
      }
      if (cost < found.cost) found = { cost, order };
    }
    conversions.set(key, found);
  }
  return found;
}

/** @type {Map<number, number[]>} */
const families = new Map();

/**
 * Return the algorithms that differ from one in nothing but their feedback, itself included.
 * @param {number} number 1 … 32.
 * @returns {number[]}
 */
export function family(number) {
  let found = families.get(number);
  if (!found) {
    const { size, heard } = WIRES[number - 1];
    const count = (/** @type {Uint8Array} */ bits) => bits.reduce((a, b) => a + b, 0);
    found = WIRES.map((_, i) => i + 1).filter((n) => {
      const other = WIRES[n - 1];
      if (other.size !== size || count(other.heard) !== count(heard)) return false;
      return conversion(number, n).cost <= FEEDBACK_WEIGHT;
    });
    families.set(number, found);
  }
  return found;
}

/**
 * Change the algorithm of a preset, and reorder its operators so that most connections stay.
 * @param {Uint8Array} values 145 values. @param {number} number New algorithm, 1 … 32.
 */
export function withAlgorithm(values, number) {
  const out = values.slice();
  const { order } = conversion(values[ALGORITHM] + 1, number);
  for (let k = 0; k < OPERATORS; k++) {
    out.set(values.subarray(firstOf(order[k]), firstOf(order[k]) + 21), firstOf(k));
  }
  out[ALGORITHM] = number - 1;
  return out;
}

/** Return the operators (1 … 6) of a preset that are heard. @param {Uint8Array} values */
export function soundingCarriers(values) {
  return algorithm(values[ALGORITHM] + 1).carriers.filter((k) => values[firstOf(k - 1) + 16]);
}
