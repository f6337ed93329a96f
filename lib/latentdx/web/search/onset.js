/**
 * Detection of the points where the notes of a recording begin, as in the library's `audio.onset`, whose
 * comments give the reasons.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { RATE, RealFFT, band, hann, melFilters } from '../spectra.js';
import { quantile } from '../statistics.js';
import { framePowers, withoutDc } from './levels.js';

const SILENT_DB = -60;
const [FRAME, HOP] = [256, 64];
const BEGUN_DB = 15; // below the loudest frame: at this level a note has surely begun
const INAUDIBLE_DB = 50;
const ABOVE_NOISE_DB = 10;
const RISE_DB = 1;
const FAINT_DB = 80;
const PRE_ROLL = Math.round(0.005 * RATE);
// for further notes, whose spectra are compared
const [SIZE, STEP, BANDS] = [1024, 256, 64];
const [AFTER, BEFORE, LONG_BEFORE] = [3, 4, 64]; // frames
const [STRUCK_DB, STRUCK_NEW] = [4, 0.5];
const LOUDER_DB = 10;
const OTHER_NEW = 0.7;
const SETTLED_NEW = 0.25;
const [LEAST_APART, SLOWEST] = [8, 43]; // frames

const level = (/** @type {number} */ power) => 10 * Math.log10(Math.max(power, 1e-10));

/** Go backward from a frame as long as the level is still rising there. */
function startOfRise(/** @type {number[]} */ levels, /** @type {number} */ frame, /** @type {number} */ loudest) {
  const apart = FRAME / HOP;
  const least = loudest - FAINT_DB;
  while (frame && Math.max(levels[Math.max(frame - apart, 0)] + RISE_DB, least) < levels[frame]) frame--;
  return frame;
}

/**
 * Find the sample at which the first note begins, less 5 ms; 0 if it sounds from the start.
 * @param {Float32Array} sound At 22,050 Hz.
 * @throws {RangeError} The sound is silent.
 */
export function findOnset(sound) {
  const powers = framePowers(withoutDc(sound), FRAME, HOP, { centered: false });
  const levels = Array.from(powers, (power) => Math.max(10 * Math.log10(power), -200));
  const loudest = levels.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!(loudest >= SILENT_DB)) {
    throw new RangeError(
      `silent: the loudest 12 ms are at ${loudest.toFixed(1)} dB of full scale (RMS),` +
        ` below the bound of ${SILENT_DB} dB`,
    );
  }
  const begun = levels.findIndex((db) => db >= loudest - BEGUN_DB);
  const before = levels.slice(0, begun + 1);
  const noise = quantile([...before].sort((a, b) => a - b), 0.05);
  const bound = Math.min(Math.max(noise + ABOVE_NOISE_DB, loudest - INAUDIBLE_DB), loudest - BEGUN_DB);
  let last = begun;
  while (last >= 0 && before[last] >= bound) last--;
  if (last < 0) return 0;
  const quiet = startOfRise(levels, last, loudest); // from the last frame of silence or noise
  return quiet ? quiet * HOP + FRAME - PRE_ROLL : 0;
}

/** Return the largest of some rows' values of the n frames that end two frames before. */
function preceding(/** @type {Float64Array} */ row, /** @type {number} */ frame, /** @type {number} */ n) {
  let most = 1e-20;
  for (let t = Math.max(frame - n - 1, 0); t < frame - 1; t++) most = Math.max(most, row[t]);
  return most;
}

/**
 * Find the samples at which notes begin: the first, then each that is clearly another.
 * @param {Float32Array} sound At 22,050 Hz.
 * @returns {number[]} Ascending, each 5 ms before its note.
 * @throws {RangeError} The sound is silent.
 */
export function findOnsets(sound) {
  const first = findOnset(sound);
  if (sound.length - first < LEAST_APART * STEP) return [first];
  const power = melPowers(withoutDc(sound));
  const count = power[0].length;
  const sums = (/** @type {number} */ t) => power.reduce((sum, row) => sum + row[t], 0);
  let total = Float64Array.from({ length: count }, (_, t) => sums(t));
  const loudest = total.reduce((a, b) => Math.max(a, b), 0);
  let most = 0;
  for (const row of power) {
    for (let t = 0; t < count; t++) {
      row[t] += (1e-5 * loudest) / BANDS;
      most = Math.max(most, row[t]);
    }
  }
  total = total.map((sum) => sum + 1e-5 * loudest);
  // vibrato moves a partial by one band at most
  const near = power.map((row, b) => {
    const [below, above] = [power[Math.max(b - 1, 0)], power[Math.min(b + 1, BANDS - 1)]];
    return row.map((value, t) => Math.max(value, below[t], above[t]));
  });
  const after = power.map((row) =>
    row.map((_, t) => {
      let sum = 0;
      for (let i = 0; i < AFTER; i++) sum += row[Math.min(t + i, count - 1)];
      return sum / AFTER;
    }),
  );
  const floor = most * 1e-5;
  const marks = Array.from({ length: count }, (_, t) => {
    let [rise, fresh, older, sum] = [0, 0, 0, 0];
    for (let b = 0; b < BANDS; b++) {
      const before = preceding(near[b], t, BEFORE);
      sum += after[b][t];
      rise += Math.max(level(Math.max(after[b][t], floor) / Math.max(before, floor)), 0) / BANDS;
      fresh += Math.max(after[b][t] - before, 0);
      older += Math.max(after[b][t] - preceding(near[b], t, LONG_BEFORE), 0);
    }
    const loud = level(sum / loudest) >= -BEGUN_DB;
    const struck = rise >= STRUCK_DB && fresh / sum >= STRUCK_NEW;
    const louder = level(sum / preceding(total, t, BEFORE)) >= LOUDER_DB;
    return { fresh: fresh / sum, loud, begins: loud && (struck || louder || older / sum >= OTHER_NEW) };
  });
  const found = [first];
  let last = Math.floor(first / STEP);
  last += Math.max(marks.slice(last, last + SLOWEST).findIndex(({ loud }) => loud), 0); // a slow attack
  let settled = false;
  for (let i = last; i < count - LEAST_APART; i++) {
    if (marks[i].fresh < SETTLED_NEW) {
      settled = true;
    } else if (settled && marks[i].begins && i - last >= LEAST_APART) {
      const shares = marks.slice(i, i + AFTER + 1).map(({ fresh }) => fresh);
      last = i + shares.indexOf(Math.max(...shares));
      settled = false;
      found.push(sharpened(sound, last * STEP));
    }
  }
  return found;
}

/** Return the power of each mel band, row by row, over the frames. @param {Float32Array} sound */
function melPowers(sound) {
  const count = 1 + Math.floor(sound.length / STEP);
  const padded = new Float32Array(sound.length + SIZE);
  padded.set(sound, SIZE / 2);
  const fft = new RealFFT(SIZE);
  const filters = melFilters(SIZE, BANDS, { lowest: 30 });
  const [window, powers] = [hann(SIZE), new Float64Array(SIZE / 2 + 1)];
  const rows = filters.map(() => new Float64Array(count));
  for (let t = 0; t < count; t++) {
    fft.powers(padded, t * STEP, window, powers);
    for (let b = 0; b < BANDS; b++) rows[b][t] = band(powers, filters[b]);
  }
  return rows;
}

/** Find the start of a note to a few milliseconds: where most power appears from one 12 ms to the next. */
function sharpened(/** @type {Float32Array} */ sound, /** @type {number} */ near) {
  const begin = Math.max(near - 4 * STEP, 0);
  const part = sound.subarray(begin, near + 4 * STEP);
  const count = 1 + Math.floor((part.length - FRAME) / HOP);
  const fft = new RealFFT(FRAME);
  const window = Float64Array.from({ length: FRAME }, (_, i) => {
    return 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (FRAME - 1));
  });
  const frames = Array.from({ length: count }, (_, t) => {
    const powers = new Float64Array(FRAME / 2 + 1);
    fft.powers(part, t * HOP, window, powers);
    return powers;
  });
  const apart = FRAME / HOP;
  const appeared = frames.slice(apart).map((powers, t) =>
    powers.reduce((sum, power, k) => sum + Math.max(power - frames[t][k], 0), 0),
  );
  const levels = frames.map((powers) => level(powers.reduce((a, b) => a + b, 0)));
  const quiet = startOfRise(levels, appeared.indexOf(Math.max(...appeared)), Math.max(...levels));
  return Math.max(begin + quiet * HOP + FRAME - PRE_ROLL, 0);
}
