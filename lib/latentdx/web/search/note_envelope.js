/**
 * The course of a note's level: where its key was let go, and whether it was sustained, faded or cut off; as in
 * the library's `audio.envelope`, whose comments give the reasons.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { RATE } from '../spectra.js';
import { quantile } from '../statistics.js';
import { framePowers } from './levels.js';

const [FRAME, HOP] = [512, 128];
const AUDIBLE_DB = 50;
const ABOVE_NOISE_DB = 6;
const NOISY_DB = 20;
const STEADY_DB = 3;
const CUT_DB = 35;
const [MOST_LINES, LEAST_FRAMES, MOST_KNOTS] = [5, 4, 160];
const LINE_GAIN = 0.03;
const LINE_COST = 0.05;
const [LEAST_RELEASE, STEEPER, FASTER] = [30, 2.5, 8];
const [LEAST_FALL, FAINT_DB] = [6, 30];

/**
 * Course of a note's level.
 * @typedef {object} NoteEnvelope
 * @property {number} attack Seconds to the first moment within 3 dB of the loudest.
 * @property {number | null} noteOff Seconds to the moment at which the key was let go, if that is heard.
 * @property {number} end Seconds to the moment at which it has become inaudible, or the recording ends.
 * @property {number} decay Fall before the note-off, in dB per second.
 * @property {number} release Fall afterwards; `NaN` without a note-off.
 * @property {"released" | "faded" | "cut"} ending
 */

/** Time in seconds of the middle of a frame. */
const secondsOf = (/** @type {number} */ frame) => (frame * HOP + FRAME / 2) / RATE;

/**
 * Follow the level of a single note.
 * @param {Float32Array} sound At 22,050 Hz, from the onset on, without a fade-out.
 * @returns {NoteEnvelope}
 */
export function noteEnvelope(sound) {
  const powers = framePowers(sound, FRAME, HOP, { centered: false });
  const levels = Array.from(powers, (power) => 10 * Math.log10(Math.max(power, 1e-14)));
  const loudest = Math.max(...levels);
  const noise = quantile([...levels].sort((a, b) => a - b), 0.05);
  let floor = loudest - AUDIBLE_DB;
  if (floor < noise && noise < loudest - NOISY_DB && isSteady(levels, noise + ABOVE_NOISE_DB)) {
    floor = noise + ABOVE_NOISE_DB;
  }
  const first = levels.findIndex((db) => db >= loudest - 3);
  const peak = levels.findIndex((db) => db >= loudest - 0.5);
  let last = levels.length - 1;
  while (levels[last] < floor) last--;
  const { knots, slopes } = lines(levels.slice(peak, last + 1));
  const falls = slopes.map((slope) => (-slope * RATE) / HOP);
  let found = 0;
  for (let i = 1; i < falls.length; i++) {
    const start = levels[peak + knots[i]];
    if (
      falls[i] > Math.max(LEAST_RELEASE, STEEPER * Math.max(falls[i - 1], 0) + FASTER) &&
      start - levels[last] > LEAST_FALL &&
      start > loudest - FAINT_DB &&
      falls.slice(i).every((fall) => fall > 0) &&
      (!found || falls[i] > STEEPER * falls[found])
    ) {
      found = i;
    }
  }
  const course = { attack: secondsOf(first), end: secondsOf(last), decay: Math.max(falls[Math.max(found - 1, 0)], 0) };
  if (found) {
    return { ...course, noteOff: secondsOf(peak + knots[found]), release: falls[found], ending: 'released' };
  }
  const cut = last >= levels.length - LEAST_FRAMES && levels[levels.length - 1] > loudest - CUT_DB;
  return { ...course, noteOff: null, release: NaN, ending: cut ? 'cut' : 'faded' };
}

/** Return whether levels stay as they are after they fell below a ceiling; a slow decay falls on. */
function isSteady(/** @type {number[]} */ levels, /** @type {number} */ ceiling) {
  const peak = levels.indexOf(Math.max(...levels));
  const below = levels.slice(peak).findIndex((db) => db < ceiling);
  const tail = levels.slice(peak + Math.max(below, 0));
  if (tail.length < 2) return false;
  const middle = (tail.length - 1) / 2;
  const spread = tail.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  const slope = tail.reduce((sum, db, i) => sum + (i - middle) * db, 0) / spread;
  return Math.abs(slope * (tail.length - 1)) < STEADY_DB;
}

/** Approximate levels by straight lines, by dynamic programming: where each begins, and its slope per frame. */
function lines(/** @type {number[]} */ levels) {
  const n = levels.length;
  const step = Math.max(LEAST_FRAMES, Math.floor(n / MOST_KNOTS));
  /** @type {number[]} */
  const edges = [];
  for (let at = 0; at < Math.max(n - step, 1); at += step) edges.push(at);
  edges.push(n);
  /** @type {((i: number) => number)[]} */
  const terms = [() => 1, (i) => i, (i) => i * i, (i) => levels[i], (i) => i * levels[i], (i) => levels[i] ** 2];
  const sums = terms.map((term) => {
    const out = new Float64Array(n + 1);
    for (let i = 0; i < n; i++) out[i + 1] = out[i] + term(i);
    return out;
  });
  const fitted = (/** @type {number} */ a, /** @type {number} */ b) => {
    const [count, sx, sxx, sy, sxy, syy] = sums.map((sum) => sum[b] - sum[a]);
    const together = sxy - (sx * sy) / count;
    const slope = together / Math.max(sxx - (sx * sx) / count, 1e-9);
    return { slope, error: Math.max(syy - (sy * sy) / count - slope * together, 0) };
  };
  const parts = edges.length - 1;
  const errors = Array.from({ length: parts }, (_, i) =>
    Float64Array.from({ length: parts }, (_, j) => (j < i ? Infinity : fitted(edges[i], edges[j + 1]).error)),
  );
  const best = [errors[0]];
  const before = [];
  for (let k = 1; k < Math.min(MOST_LINES, parts); k++) {
    const [least, from] = [new Float64Array(parts).fill(Infinity), new Int32Array(parts)];
    for (let i = 0; i + 1 < parts; i++) {
      for (let j = i + 1; j < parts; j++) {
        const error = best[k - 1][i] + errors[i + 1][j]; // the last line begins where the others end
        if (error < least[j]) [least[j], from[j]] = [error, i];
      }
    }
    best.push(least);
    before.push(from);
  }
  let chosen = 0;
  for (let k = 1; k < best.length; k++) {
    if (best[k][parts - 1] + LINE_COST * n < (1 - LINE_GAIN) * best[chosen][parts - 1]) chosen = k;
  }
  /** @type {number[]} */
  const knots = [];
  for (let k = chosen, place = parts - 1; k > 0; k--) {
    place = before[k - 1][place];
    knots.unshift(edges[place + 1]);
  }
  knots.unshift(0);
  return { knots, slopes: knots.map((knot, i) => fitted(knot, knots[i + 1] ?? n).slope) };
}
