/**
 * The operators' envelopes as the engine moves them, and drawings of them whose stage lights up while a note
 * sounds.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { svg } from './elements.js';
import { BLOCK, Note } from './engine/engine.js';

const RATE = 22050;
/** Seconds after which a stage is not followed any further. */
const PATIENCE = 30;
/** Log level of an operator with an output level of 99 and an envelope level of 99. */
const LOUDEST = 15 * 2 ** 24;
/** Points of a stage's curve, at most. */
const POINTS = 24;

/**
 * One stage: how long it takes, and its levels on the way, 0 to 1 (a logarithmic scale of 90 dB).
 * @typedef {{seconds: number, levels: number[]}} Stage
 */

/**
 * Follow the envelopes of a note through stages 1 to 3, and then, with the key up, through stage 4.
 * @param {ArrayLike<number>} values A voice.
 * @param {number} [key] MIDI note. @param {number} [velocity]
 * @returns {Stage[][]} Four stages of each operator, 6 to 1.
 */
export function traceEnvelopes(values, key = 60, velocity = 100) {
  const note = new Note(values, key, velocity, RATE);
  const traces = note.operators.map(() => [0, 1, 2, 3].map(() => /** @type {number[]} */ ([])));
  const follow = (/** @type {number} */ last) => {
    for (let block = 0; block * BLOCK < PATIENCE * RATE; block++) {
      const moving = note.operators.map((operator) => operator.stage);
      if (moving.every((stage) => stage >= last)) return;
      note.control();
      moving.forEach((stage, i) => stage < last && traces[i][stage].push(note.operators[i].level / LOUDEST));
    }
  };
  follow(3);
  const held = note.operators.map((operator) => operator.level / LOUDEST);
  note.release();
  follow(4);
  return traces.map((stages, i) => {
    let level = 0;
    return stages.map((levels, stage) => {
      const start = stage === 3 ? held[i] : level;
      level = levels.length ? levels[levels.length - 1] : start;
      const n = Math.min(levels.length, POINTS);
      const some = Array.from({ length: n }, (_, j) => levels[Math.floor(((j + 1) * levels.length) / n) - 1]);
      return { seconds: (levels.length * BLOCK) / RATE, levels: [start, ...(n ? some : [start])] };
    });
  });
}

/** Format a time. @param {number} seconds */
export function timeText(seconds) {
  if (seconds >= PATIENCE - 1) return `over ${PATIENCE} s`;
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

const [WIDE, HIGH, HELD] = [200, 56, 22];

/** A drawing of one operator's envelope. */
export class EnvelopeDrawing {
  /** @param {number} operator 1 to 6. */
  constructor(operator) {
    this.operator = operator;
    this.element = svg('svg', {
      class: 'ldx-envelope',
      role: 'img',
      'aria-label': `Envelope of operator ${operator}`, // until it is drawn
      viewBox: `0 0 ${WIDE} ${HIGH}`,
      preserveAspectRatio: 'none',
      fill: 'none',
    });
    /** @type {SVGElement[]} Stages 1 to 4, and the time for which the key is held. */
    this.parts = [];
  }

  /** Draw the envelope. @param {Stage[]} stages */
  draw(stages) {
    // a logarithmic scale of times: 10 ms and 10 s are both to be seen
    const widths = stages.map(({ seconds }) => 0.3 + Math.log2(1 + seconds / 0.01));
    const unit = (WIDE - HELD) / widths.reduce((sum, width) => sum + width, 0);
    const y = (/** @type {number} */ level) =>
      (HIGH - 2 - Math.min(Math.max(level, 0), 1) * (HIGH - 4)).toFixed(1);
    let x = 0;
    const paths = stages.map(({ levels }, stage) => {
      if (stage === 3) x += HELD;
      const step = (widths[stage] * unit) / (levels.length - 1);
      const points = levels.map((level, i) => `${(x + i * step).toFixed(1)} ${y(level)}`);
      x += widths[stage] * unit;
      return `M${points.join('L')}`;
    });
    const hold = (x - widths[3] * unit - HELD).toFixed(1);
    this.parts = [...paths, `M${hold} ${y(stages[3].levels[0])}h${HELD}`].map((d, stage) =>
      svg('path', { d, class: stage === 4 ? 'ldx-held' : 'ldx-stage', 'data-stage': stage }),
    );
    this.element.replaceChildren(...this.parts);
    const [a, b, c, d] = stages.map(({ seconds }) => timeText(seconds));
    this.element.setAttribute(
      'aria-label',
      `Envelope of operator ${this.operator}: stages of ${a}, ${b} and ${c}; ${d} after the key is released`,
    );
  }

  /**
   * Light up the stage that a note has reached.
   * @param {number | undefined} stage 0 to 4, see `Synth.watch`; `undefined` if nothing sounds.
   * @param {boolean} held Whether a key is down: stage 3 begins when it comes up.
   */
  mark(stage, held) {
    const now = stage === 3 && held ? 4 : stage === 4 ? -1 : stage;
    this.parts.forEach((part, i) => part.classList.toggle('ldx-now', i === now));
  }
}
