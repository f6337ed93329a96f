/**
 * Undo and redo of states that never change themselves.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/** Most steps that can be undone, and milliseconds within which changes of one thing are one step. */
const STEPS = 300;
const TOGETHER = 1000;

/** @template State */
export class EditHistory {
  /** @param {State} state @param {() => number} [now] Clock in milliseconds. */
  constructor(state, now = () => performance.now()) {
    this.state = state;
    this.now = now;
    /** @type {State[]} */
    this.past = [];
    /** @type {State[]} */
    this.future = [];
    this.last = { what: '', at: 0 };
  }

  /**
   * Go to a new state.
   * @param {State} state
   * @param {string} [what] What changes, such as a parameter's name: its changes in quick succession, as a slider
   *   gives them, are one step.
   */
  change(state, what = '') {
    const at = this.now();
    const together = what !== '' && what === this.last.what && at - this.last.at < TOGETHER;
    if (!together) this.past = [...this.past.slice(1 - STEPS), this.state];
    this.last = { what, at };
    this.future = [];
    this.state = state;
  }

  /** Go one step back. @returns {boolean} Whether there was one. */
  undo() {
    return this.move(this.past, this.future);
  }

  /** Go one step forward. @returns {boolean} Whether there was one. */
  redo() {
    return this.move(this.future, this.past);
  }

  /** @param {State[]} from @param {State[]} to */
  move(from, to) {
    const state = from.pop();
    if (state === undefined) return false;
    to.push(this.state);
    this.state = state;
    this.last = { what: '', at: 0 };
    return true;
  }
}
