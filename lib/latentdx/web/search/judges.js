/**
 * Workers that measure presets at the same time, ahead of a search that then finds their distances known. A
 * search gives the same results without them, and goes on if they fail.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { keyOf } from './objective.js';
/** @import { Objective } from './objective.js' */

const MOST = 3; // a generation has eight presets

/** Return how many workers a search should have besides its own: each gets a core, and the page keeps one. */
export const helpers = () => Math.min(Math.floor((globalThis.navigator?.hardwareConcurrency ?? 1) / 2) - 1, MOST);

/** Measures presets in several workers and in its own thread. */
export class Judges {
  /** @param {number} count Number of workers; their scripts are loaded at once. */
  constructor(count) {
    /** @type {Objective | null} */
    this.objective = null;
    this.workers = Array.from({ length: Math.max(count, 0) }, () => {
      return new Worker(new URL('./judge_worker.js', import.meta.url), { type: 'module' });
    });
    for (const worker of this.workers) worker.addEventListener('error', () => this.close());
    /** What ends the present wait. @type {() => void} */
    this.giveUp = () => {};
  }

  /**
   * Add the distances of presets to those that an objective knows.
   * @param {Objective} objective @param {Uint8Array[]} presets
   */
  async measure(objective, presets) {
    const unknown = presets.filter((values) => !objective.known.has(keyOf(values)));
    if (unknown.length < 2 || !this.workers.length) return;
    if (objective !== this.objective) {
      this.objective = objective;
      for (const worker of this.workers) worker.postMessage({ target: objective.target });
    }
    const { workers } = this;
    const shares = Array.from({ length: workers.length + 1 }, (_, i) => {
      return unknown.filter((_, j) => j % (workers.length + 1) === i);
    });
    const failed = new Promise((resolve) => {
      this.giveUp = () => resolve(null);
    });
    const answers = workers.map((worker, i) => this.ask(worker, shares[i]));
    for (const values of shares[workers.length]) objective.of(values);
    const measured = /** @type {number[][] | null} */ (await Promise.race([Promise.all(answers), failed]));
    if (!measured) return;
    measured.forEach((distances, i) => {
      distances.forEach((distance, j) => objective.known.set(keyOf(shares[i][j]), distance));
    });
  }

  /** @param {Worker} worker @param {Uint8Array[]} presets @returns {Promise<number[]>} Their distances. */
  ask(worker, presets) {
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage({ presets });
    });
  }

  /** End the workers; what is not measured yet is left to the search. */
  close() {
    for (const worker of this.workers) worker.terminate();
    this.workers = [];
    this.giveUp();
  }
}
