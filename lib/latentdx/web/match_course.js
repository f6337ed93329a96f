/**
 * The course of a match: the least distance over time, drawn while it goes on.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { make, svg } from './elements.js';

const [WIDTH, HEIGHT] = [600, 120];
const ROOM = 1.08; // above the first distance

export class MatchCourse {
  constructor() {
    this.line = svg('path', { class: 'ldx-own-line' });
    const box = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', fill: 'none' };
    this.picture = svg('svg', box, this.line);
    const label = (/** @type {string} */ place) => make('span', { class: `ldx-own-${place}`, 'aria-hidden': 'true' });
    [this.first, this.zero, this.last] = ['first', 'zero', 'end'].map(label);
    this.element = make('div', { class: 'ldx-own-course' }, this.picture, this.first, this.zero, this.last);
    this.begin(1);
  }

  /** Begin anew. @param {number} seconds Longest duration. */
  begin(seconds) {
    this.seconds = seconds;
    this.now = 0;
    /** @type {[number, number][]} Seconds, and the least distance from then on. */
    this.points = [];
    this.draw();
  }

  /** Take a distance. @param {number} seconds @param {number} distance */
  add(seconds, distance) {
    const last = this.points[this.points.length - 1];
    if (!last || distance < last[1]) this.points.push([seconds, distance]);
    this.now = seconds;
    this.draw();
  }

  /** Draw the last distance up to the edge. */
  end() {
    this.now = Math.max(this.now, this.points.length ? this.seconds : 0);
    this.draw();
  }

  draw() {
    const { points } = this;
    this.seconds = Math.max(this.seconds, this.now); // a slow computer takes longer
    const first = points[0]?.[1];
    const x = (/** @type {number} */ time) => ((WIDTH * time) / this.seconds).toFixed(1);
    const y = (/** @type {number} */ distance) => (HEIGHT * (1 - distance / (ROOM * (first ?? 1)))).toFixed(1);
    const steps = points.map(([time, distance], i) => (i ? `H${x(time)}V${y(distance)}` : `M${x(time)} ${y(distance)}`));
    this.line.setAttribute('d', points.length ? `${steps.join('')}H${x(this.now)}` : '');
    const best = points[points.length - 1]?.[1];
    const told = best === undefined ? 'nothing yet' : `from ${first.toFixed(2)} to ${best.toFixed(2)}`;
    this.picture.setAttribute('aria-label', `Least distance over time: ${told}`);
    this.first.textContent = first === undefined ? 'distance' : `distance ${first.toFixed(2)}`;
    this.zero.textContent = '0';
    this.last.textContent = `${Math.round(this.seconds)} s`;
  }
}
