/**
 * Fundamental frequency of a sound: pYIN (Mauch and Dixon 2014) finds which frames have a pitch, and YIN (de
 * Cheveigné and Kawahara 2002) at the lag of several periods refines it, as in the library's `audio.pitch`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { FFT, RATE, RealFFT, hann } from '../spectra.js';
import { median } from '../statistics.js';
import { audibleFrames } from './levels.js';

const [FRAME, HOP] = [2048, 512];
const [LOWEST, HIGHEST] = [40, 4000]; // Hz
const LEAST_PROBABILITY = 0.1;
const BINS = 4; // of pYIN, per semitone
const COUNT = Math.floor(12 * BINS * Math.log2(HIGHEST / LOWEST)) + 1;
const THRESHOLDS = 100;
const [SWITCH, NO_TROUGH] = [0.01, 0.01]; // chance that a pitch begins or ends, or that no trough is deep enough
const BOLTZMANN = 2; // how much shorter periods are preferred
const FASTEST = 35.92; // octaves per second
const NEVER = -708; // logarithm of next to nothing
const [FINE_LAG, FINE_FRAME, MOST_PERIODS, FINE_RANGE] = [1000, 4096, 16, 0.35];
const LEAST_OTHER = 0.02;
const [HELD_SECONDS, HELD_WITHIN, HELD_DB] = [0.13, 0.6, 20];

/**
 * Fundamental frequency of a sound.
 * @typedef {object} Pitch
 * @property {number} f0 Median over the frames that have a pitch, in Hz; `NaN` if none has.
 * @property {number} voiced Share of the audible frames that have a pitch.
 * @property {number[]} held MIDI notes at which the pitch rests, in order, without repetitions.
 */

/** Return a frequency as a MIDI note. @param {number} hertz */
export const midiOf = (hertz) => 69 + 12 * Math.log2(hertz / 440);

/**
 * Call a function with the normalized difference function of each centered frame.
 * @param {Float32Array} sound @param {number} size Samples of a frame.
 * @param {number} hop @param {number} shortest @param {number} longest Periods in samples.
 * @param {(frame: number, differences: Float64Array) => void} visit
 */
function visitDifferences(sound, size, hop, shortest, longest, visit) {
  const padded = new Float32Array(sound.length + size);
  padded.set(sound, size / 2);
  const fft = new FFT(2 * size);
  const out = new Float64Array(longest - shortest + 1);
  for (let t = 0; t <= Math.floor(sound.length / hop); t++) {
    fft.autocorrelate(padded, t * hop, size);
    const same = fft.re;
    let [head, sum] = [0, 0];
    for (let lag = 1; lag <= longest; lag++) {
      head += padded[t * hop + lag - 1] ** 2;
      const difference = 2 * (same[0] - same[lag]) - head;
      sum += difference;
      if (lag >= shortest) out[lag - shortest] = difference / (sum / lag + 1e-30);
    }
    visit(t, out);
  }
}

/** Return where the parabola through a value and its neighbors turns, relative to it. */
function turning(/** @type {Float64Array} */ d, /** @type {number} */ i) {
  if (i < 1 || i > d.length - 2) return 0;
  const bend = d[i + 1] + d[i - 1] - 2 * d[i];
  const slope = (d[i + 1] - d[i - 1]) / 2;
  return Math.abs(slope) >= Math.abs(bend) ? 0 : -slope / bend;
}

/** Return the places of the troughs. @param {Float64Array} d */
function troughs(d) {
  const found = d[0] < d[1] ? [0] : [];
  for (let i = 1; i < d.length; i++) if (d[i] < d[i - 1] && d[i] <= (d[i + 1] ?? d[i])) found.push(i);
  return found;
}

/** Chance that the threshold lies in each hundredth: a beta distribution with parameters 2 and 18. */
const CHANCES = (() => {
  const below = (/** @type {number} */ x) => 1 - (1 - x) ** 19 - 19 * x * (1 - x) ** 18;
  return Array.from({ length: THRESHOLDS }, (_, i) => below((i + 1) / THRESHOLDS) - below(i / THRESHOLDS));
})();

/** Return the chance of each trough to be the period. */
function troughChances(/** @type {number[]} */ heights) {
  const chances = heights.map(() => 0);
  const lowest = heights.indexOf(Math.min(...heights));
  CHANCES.forEach((chance, i) => {
    const deep = [...heights.keys()].filter((k) => heights[k] < (i + 1) / THRESHOLDS);
    if (!deep.length) chances[lowest] += NO_TROUGH * chance;
    const norm = (1 - Math.exp(-BOLTZMANN)) / (1 - Math.exp(-BOLTZMANN * deep.length));
    deep.forEach((k, place) => (chances[k] += chance * norm * Math.exp(-BOLTZMANN * place)));
  });
  return chances;
}

/**
 * Estimate the pitch of each frame by pYIN, to a quarter of a semitone.
 * @param {Float32Array} sound @param {number} hop
 * @returns {{f0: Float64Array, voiced: boolean[]}}
 */
function pyin(sound, hop) {
  const [shortest, longest] = [Math.floor(RATE / HIGHEST), Math.ceil(RATE / LOWEST)];
  const log = (/** @type {number} */ x) => (x > 0 ? Math.log(x) : NEVER);
  /** @type {Float64Array[]} */
  const observed = []; // logarithms of the chances of the bins, and of no pitch
  /** @type {number[]} */
  const probability = [];
  visitDifferences(sound, FRAME, hop, shortest, longest, (_, d) => {
    const chances = new Float64Array(COUNT);
    const places = troughs(d);
    const likely = places.length ? troughChances(places.map((i) => d[i])) : [];
    places.forEach((i, k) => {
      const hertz = RATE / (shortest + i + turning(d, i));
      const bin = Math.max(Math.round(12 * BINS * Math.log2(hertz / LOWEST)), 0);
      if (likely[k] && bin < COUNT) chances[bin] = likely[k];
    });
    const sum = Math.min(chances.reduce((a, b) => a + b, 0), 1);
    probability.push(sum);
    observed.push(Float64Array.of(...Array.from(chances, log), log((1 - sum) / COUNT)));
  });
  return path(observed, probability, (BINS * Math.round((FASTEST * 12 * hop) / RATE)) / 2);
}

/**
 * Find the likeliest course of the pitch (Viterbi).
 * @param {Float64Array[]} observed @param {number[]} probability
 * @param {number} reach Bins from one frame to the next.
 */
function path(observed, probability, reach) {
  const states = 2 * COUNT; // with a pitch, then without
  const at = (/** @type {Float64Array} */ row, /** @type {number} */ s) => (s < COUNT ? row[s] : row[COUNT]);
  const move = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => (reach + 1 - Math.abs(i - reach)) / (reach + 1));
  const logMove = move.map(Math.log);
  const norm = Float64Array.from({ length: COUNT }, (_, bin) => {
    let sum = 0;
    for (let i = -reach; i <= reach; i++) if (bin + i >= 0 && bin + i < COUNT) sum += move[reach + i];
    return Math.log(sum);
  });
  let values = Float64Array.from({ length: states }, (_, s) => at(observed[0], s));
  const [stay, change] = [Math.log(1 - SWITCH), Math.log(SWITCH)];
  const from = observed.map(() => new Int16Array(states));
  const [best, source] = [new Float64Array(COUNT), new Int16Array(COUNT)];
  for (let t = 1; t < observed.length; t++) {
    const next = new Float64Array(states);
    for (let half = 0; half < 2; half++) {
      const [own, other] = [half * COUNT, (1 - half) * COUNT];
      for (let bin = 0; bin < COUNT; bin++) {
        const [a, b] = [values[own + bin] + stay, values[other + bin] + change];
        best[bin] = Math.max(a, b) - norm[bin];
        source[bin] = a >= b ? own + bin : other + bin;
      }
      for (let bin = 0; bin < COUNT; bin++) {
        let [most, place] = [-Infinity, 0];
        for (let j = Math.max(bin - reach, 0); j <= Math.min(bin + reach, COUNT - 1); j++) {
          const value = best[j] + logMove[reach + bin - j];
          if (value > most) [most, place] = [value, j];
        }
        next[own + bin] = most + at(observed[t], own + bin);
        from[t][own + bin] = source[place];
      }
    }
    values = next;
  }
  let state = values.indexOf(values.reduce((a, b) => Math.max(a, b)));
  const f0 = new Float64Array(observed.length);
  const voiced = observed.map(() => false);
  for (let t = observed.length - 1; t >= 0; t--) {
    f0[t] = LOWEST * 2 ** ((state % COUNT) / (12 * BINS));
    voiced[t] = state < COUNT && probability[t] > LEAST_PROBABILITY;
    state = from[t][state];
  }
  return { f0, voiced };
}

/** Return the notes at which a pitch rests; one that repeats, also in another octave, is left out. */
function heldNotes(/** @type {number[]} */ notes, /** @type {number} */ frames) {
  /** @type {number[]} */
  const held = [];
  let begin = 0;
  for (let end = 1; end <= notes.length; end++) {
    const run = notes.slice(begin, end);
    const more = [...run, notes[end]];
    if (end < notes.length && Math.max(...more) - Math.min(...more) <= HELD_WITHIN) continue; // false for NaN
    const note = run.length >= frames ? Math.round(median(run)) : NaN;
    const apart = (((note - held[held.length - 1]) % 12) + 12) % 12;
    if (!Number.isNaN(note) && (!held.length || (apart > 1 && apart < 11))) held.push(note);
    begin = end;
  }
  return held;
}

/** Replace a pitch by the highest multiple of it that explains nearly all harmonics. */
function shortestPeriod(/** @type {Float32Array} */ sound, /** @type {number} */ f0, /** @type {boolean[]} */ audible) {
  const padded = new Float32Array(sound.length + FINE_FRAME);
  padded.set(sound, FINE_FRAME / 2);
  const [fft, window] = [new RealFFT(FINE_FRAME), hann(FINE_FRAME)];
  const [powers, sums] = [new Float64Array(FINE_FRAME / 2 + 1), new Float64Array(FINE_FRAME / 2 + 1)];
  audible.forEach((heard, t) => {
    if (!heard) return;
    fft.powers(padded, t * HOP, window, powers);
    for (let k = 0; k < sums.length; k++) sums[k] += powers[k];
  });
  const harmonics = new Float64Array(Math.round(RATE / 2 / f0) + 1);
  sums.forEach((power, k) => (harmonics[Math.round((k * RATE) / FINE_FRAME / f0)] += power));
  harmonics[0] = 0;
  const total = harmonics.reduce((a, b) => a + b, 0);
  for (let multiple = harmonics.length - 1; multiple > 1; multiple--) {
    let sum = 0;
    for (let i = multiple; i < harmonics.length; i += multiple) sum += harmonics[i];
    if (sum > (1 - LEAST_OTHER) * total) return f0 * multiple;
  }
  return f0;
}

/** Refine a pitch with YIN, close to it and at the lag of several periods. */
function refined(/** @type {Float32Array} */ sound, /** @type {number} */ f0, /** @type {boolean[]} */ audible) {
  const periods = Math.floor(Math.min(Math.max((f0 * FINE_LAG) / RATE, 1), MOST_PERIODS));
  const width = 2 ** (FINE_RANGE / 12);
  const shortest = Math.floor(RATE / ((f0 / periods) * width));
  const longest = Math.min(Math.ceil(RATE / (f0 / periods / width)), FINE_FRAME - 1);
  /** @type {number[]} */
  const found = [];
  visitDifferences(sound, FINE_FRAME, HOP, shortest, longest, (t, d) => {
    if (!audible[t]) return;
    const deep = troughs(d).find((i) => d[i] < 0.1);
    const place = deep ?? d.indexOf(Math.min(...d));
    found.push(RATE / (shortest + place + turning(d, place)));
  });
  return periods * median(found);
}

/**
 * Find the part of a sound with the most energy.
 * @param {Float32Array} sound @param {number} length Samples; a shorter sound is taken whole.
 * @returns {[number, number]} Its start and its end.
 */
export function loudestPart(sound, length) {
  let [start, energy, most] = [0, 0, 0];
  for (let i = length; i < sound.length; i++) {
    energy += sound[i] ** 2 - sound[i - length] ** 2; // more than that of the first part
    if (energy > most) [start, most] = [i - length + 1, energy];
  }
  return [start, start + length];
}

/**
 * Estimate the fundamental of a sound to about one cent.
 * @param {Float32Array} sound At 22,050 Hz.
 * @param {number} [hop] Distance of pYIN's frames in samples, 512 or 1,024.
 * @returns {Pitch}
 */
export function estimatePitch(sound, hop = HOP) {
  const { f0, voiced } = pyin(sound, hop);
  const audible = audibleFrames(sound, 40, hop);
  const near = audibleFrames(sound, HELD_DB, hop);
  const notes = Array.from(f0, (hertz, t) => (voiced[t] && near[t] ? midiOf(hertz) : NaN));
  const held = heldNotes(notes, (HELD_SECONDS * RATE) / hop);
  const used = Array.from(f0).filter((_, t) => voiced[t] && audible[t]);
  const count = audible.filter(Boolean).length;
  if (!used.length) return { f0: NaN, voiced: 0, held };
  const heard = audibleFrames(sound);
  const rough = shortestPeriod(sound, median(used), heard);
  return { f0: refined(sound, rough, heard), voiced: used.length / count, held };
}
