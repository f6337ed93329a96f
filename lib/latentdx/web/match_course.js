/**
 * The course of a match: the least distance over time, drawn while it goes on.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { svg } from './elements.js';

const [WIDTH, HEIGHT] = [600, 120];

export class MatchCourse {
  constructor() {
    this.line = svg('path', { class: 'ldx-own-line' });
    this.element = svg(
      'svg',
      {
        class: 'ldx-own-course',
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: 'none',
        role: 'img',
        fill: 'none',
      },
      this.line,
    );
    this.begin(1);
  }

  /** Begin anew. @param {number} seconds Longest duration. */
  begin(seconds) {
    this.seconds = seconds;
    /** @type {[number, number][]} Seconds, and the least distance from then on. */
    this.points = [];
    this.draw(0);
  }

  /** Take a distance. @param {number} seconds @param {number} distance */
  add(seconds, distance) {
    const last = this.points[this.points.length - 1];
    if (!last || distance < last[1]) this.points.push([seconds, distance]);
    this.draw(seconds);
  }

  /** Draw all up to a time. @param {number} seconds */
  draw(seconds) {
    const { points } = this;
    const most = Math.max(this.seconds, seconds);
    const top = 1.08 * (points[0]?.[1] ?? 1);
    const x = (/** @type {number} */ time) => ((WIDTH * time) / most).toFixed(1);
    const y = (/** @type {number} */ distance) => (HEIGHT * (1 - distance / top)).toFixed(1);
    const steps = points.map(([time, distance], i) => (i ? `H${x(time)}V${y(distance)}` : `M${x(time)} ${y(distance)}`));
    this.line.setAttribute('d', points.length ? `${steps.join('')}H${x(seconds)}` : 'M0 0');
    const best = points[points.length - 1]?.[1];
    const told = best === undefined ? 'nothing yet' : `from ${points[0][1].toFixed(2)} to ${best.toFixed(2)}`;
    this.element.setAttribute('aria-label', `Least distance over time: ${told}`);
  }
}
