/**
 * The page's side of a match: sounds are prepared and matched by a worker, which can be stopped.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { SoundError } from './sound_target.js';
/** @import { MatchResult, Progress } from './match.js' */
/** @import { PreparedTarget } from './sound_target.js' */

/** Prepares and matches sounds in a worker, one at a time. */
export class SoundMatcher {
  constructor() {
    /** @type {{resolve: (value: any) => void, reject: (error: Error) => void, heard: (message: any) => void} | null} */
    this.waiting = null;
    this.start();
  }

  /** Start a worker; `settled` resolves when it is loaded, or cannot be. */
  start() {
    const worker = new Worker(new URL('./match_worker.js', import.meta.url), { type: 'module' });
    this.worker = worker;
    this.broken = false;
    this.settled = new Promise((resolve) => {
      worker.addEventListener('message', resolve, { once: true });
      worker.addEventListener('error', resolve, { once: true });
    });
    worker.addEventListener('message', ({ data }) => this.hear(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.broken = true;
      this.hear({ type: 'failed', message: event.message || 'the worker could not be loaded', refused: false });
    });
  }

  /** @param {any} message */
  hear(message) {
    const { waiting } = this;
    if (!waiting) return;
    if (message.type === 'loaded') return;
    if (message.type === 'loading' || message.type === 'progress') {
      waiting.heard(message);
      return;
    }
    this.waiting = null;
    if (message.type === 'failed') {
      waiting.reject(message.refused ? new SoundError(message.message) : new Error(message.message));
    } else {
      waiting.resolve(message);
    }
  }

  /** @param {any} message @param {(message: any) => void} heard @returns {Promise<any>} */
  ask(message, heard = () => {}) {
    if (this.waiting) return Promise.reject(new Error('the worker is busy: stop it first'));
    if (this.broken) {
      this.worker.terminate();
      this.start(); // perhaps the network is back
    }
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject, heard };
      this.worker.postMessage(message);
    });
  }

  /**
   * Find a sound's onset, note, hold and level.
   * @param {Float32Array[]} channels @param {number} rate Sample rate in Hz.
   * @param {{note?: number | null, velocity?: number, onset?: number | null, hold?: number | null}} [options]
   * @returns {Promise<PreparedTarget>}
   * @throws {SoundError} The sound cannot be used; the message is for a reader.
   */
  async prepare(channels, rate, options = {}) {
    return (await this.ask({ type: 'prepare', channels, rate, ...options })).target;
  }

  /**
   * Find presets that sound like a prepared sound.
   * @param {PreparedTarget} target
   * @param {object} [options] Those of `match`, but the model as two URLs.
   * @param {(message: Progress & {type: "progress"} | {type: "loading", share: number}) => void} [heard]
   *   Called with each improvement, and while the model is loaded.
   * @returns {Promise<MatchResult>}
   */
  match(target, options = {}, heard = () => {}) {
    return this.ask({ type: 'match', target, ...options }, heard);
  }

  /** End the match that goes on; it answers with what it has. */
  stop() {
    this.worker.postMessage({ type: 'stop' });
  }

  /** End the worker; what it was doing is given up. */
  close() {
    this.worker.terminate();
    this.waiting?.reject(new Error('the worker was closed'));
    this.waiting = null;
  }
}
