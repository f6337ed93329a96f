/**
 * Tuning of a preset to a sound: all operators in ratio mode are shifted by the same interval, by TRANSPOSE,
 * F COARSE, F FINE and OSC DETUNE; as in the library's `applications.tune`, whose comments give the reasons.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { MAXIMA } from '../engine/engine.js';
import { NEUTRAL_TRANSPOSE, column } from '../parameters.js';
import { firstOf } from './algorithm_families.js';
import { keyOf, play } from './objective.js';
import { estimatePitch, loudestPart, midiOf } from './pitch.js';
/** @import { Target } from './objective.js' */
/** @import { Pitch } from './pitch.js' */

const LEAST_VOICED = 0.5;
const IN_TUNE = 3; // cents
const FARTHEST = 600 * Math.log2(1.01); // cents, half the finest step at ratio 1
const UNEVEN = 0.2; // cents per step by which operators are detuned against each other
const TRIES = 3;
const [HOP, PITCH_SAMPLES] = [1024, 22050]; // of the pitches of renders, for a sixth of the time
const CENTER = 7; // of OSC DETUNE
const TRANSPOSE = column('TRANSPOSE');
const [OUTPUT, MODE, COARSE, FINE, DETUNE] = [16, 17, 18, 19, 20];
const FIRSTS = [0, 1, 2, 3, 4, 5].map(firstOf);

/** Return a ratio in cents. @param {number} coarse @param {number} fine */
const centsOf = (coarse, fine) => 1200 * Math.log2(Math.max(coarse, 0.5) * (1 + fine / 100));

/** All different ratios, ascending, with the smallest F FINE. */
const RATIOS = (() => {
  /** @type {Map<number, {cents: number, coarse: number, fine: number}>} */
  const found = new Map();
  for (let fine = 0; fine < 100; fine++) {
    for (let coarse = 0; coarse < 32; coarse++) {
      const ratio = Math.max(2 * coarse, 1) * (100 + fine);
      if (!found.has(ratio)) found.set(ratio, { cents: centsOf(coarse, fine), coarse, fine });
    }
  }
  return [...found.entries()].sort(([a], [b]) => a - b).map(([, ratio]) => ratio);
})();

/** Return the index of the first ratio that is not below some cents. @param {number} cents */
function placeOf(cents) {
  let [low, high] = [0, RATIOS.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (RATIOS[middle].cents < cents) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return the closest ratio. @param {number} cents */
function closestRatio(cents) {
  const above = Math.min(Math.max(placeOf(cents), 1), RATIOS.length - 1);
  const [low, high] = [RATIOS[above - 1], RATIOS[above]];
  return cents - low.cents < high.cents - cents ? low : high;
}

/** Return the size in cents of one step of OSC DETUNE at a transposed key. @param {number} key */
function detuneStep(key) {
  const octaves = (50857776 + 1398101 * key) / 2 ** 24;
  return ((1200 * octaves * 0.0209) / 7) * Math.exp(-0.396 * octaves);
}

/**
 * A shift of a preset's pitch.
 * @typedef {object} Move
 * @property {Uint8Array} values @property {number} residual Largest error of a sounding operator, in cents.
 * @property {number} cost Residual, with a penalty for operators detuned against each other.
 * @property {number} changes Number of values that changed.
 */

/**
 * Find shifts of all operators in ratio mode by an interval, the most exact first.
 * @param {Uint8Array} values @param {number} cents Interval upward. @param {number} note MIDI note played.
 * @returns {Move[]} None if none is possible.
 */
export function moves(values, cents, note) {
  const given = values[TRANSPOSE];
  const low = Math.max(NEUTRAL_TRANSPOSE - note, 0);
  const high = Math.min(NEUTRAL_TRANSPOSE - note + 127, MAXIMA[TRANSPOSE]);
  const semitones = Math.round(cents / 100);
  const wanted = [given, ...[-1, 0, 1].map((n) => given + semitones + n)];
  const reached = [...new Set(wanted.map((t) => Math.min(Math.max(t, low), high)))].sort((a, b) => a - b);
  if (!FIRSTS.some((first) => values[first + MODE] === 0 && values[first + OUTPUT])) return [];
  /** @type {Map<string, Move>} */
  const best = new Map();
  for (const transpose of reached) {
    for (const detune of [false, true]) {
      const group = movesAt(values, cents, note, transpose, detune);
      const move = group.reduce((a, b) => (b.cost < a.cost ? b : a));
      best.set(keyOf(move.values), move);
    }
  }
  const most = Math.min(Math.min(...[...best.values()].map(({ residual }) => residual)) + IN_TUNE, FARTHEST);
  const good = [...best.values()].filter(({ changes, residual }) => changes && residual <= most);
  return good.sort((a, b) => Math.round(a.cost) - Math.round(b.cost) || a.changes - b.changes || a.cost - b.cost);
}

/**
 * Return shifts with one TRANSPOSE: one for each ratio closest to the goal of a sounding operator.
 * @param {Uint8Array} values @param {number} cents @param {number} note @param {number} transpose
 * @param {boolean} detune Whether OSC DETUNE takes what the ratios leave.
 * @returns {Move[]}
 */
function movesAt(values, cents, note, transpose, detune) {
  const [key, newKey] = [values[TRANSPOSE], transpose].map((t) =>
    Math.min(Math.max(note + t - NEUTRAL_TRANSPOSE, 0), 127),
  );
  const operators = FIRSTS.filter((first) => values[first + MODE] === 0).map((first) => {
    const old = centsOf(values[first + COARSE], values[first + FINE]);
    const tuned = (values[first + DETUNE] - CENTER) * detuneStep(key);
    return { first, old, goal: 100 * key + old + tuned + cents - 100 * newKey, sounds: values[first + OUTPUT] > 0 };
  });
  const intervals = new Set();
  for (const { old, goal, sounds } of operators) {
    if (!sounds) continue;
    for (const place of [placeOf(goal) - 1, placeOf(goal)]) {
      const ratio = RATIOS[Math.min(Math.max(place, 0), RATIOS.length - 1)];
      intervals.add(Math.round(1e6 * (ratio.cents - old)) / 1e6);
    }
  }
  return [...intervals].sort((a, b) => a - b).map((interval) => {
    const out = values.slice();
    out[TRANSPOSE] = transpose;
    let residual = 0;
    const turned = [];
    for (const { first, old, goal, sounds } of operators) {
      const ratio = closestRatio(old + interval);
      if (Math.abs(ratio.cents - old) >= 1e-6) {
        out[first + COARSE] = ratio.coarse;
        out[first + FINE] = ratio.fine;
      }
      if (detune) {
        const steps = Math.round((goal - ratio.cents) / detuneStep(newKey));
        out[first + DETUNE] = Math.min(Math.max(CENTER + steps, 0), 2 * CENTER);
      }
      if (!sounds) continue;
      const left = goal - ratio.cents - (out[first + DETUNE] - CENTER) * detuneStep(newKey);
      residual = Math.max(residual, Math.abs(left));
      turned.push(out[first + DETUNE] - values[first + DETUNE]);
    }
    const uneven = Math.max(...turned) - Math.min(...turned);
    const changes = out.reduce((count, value, i) => count + Number(value !== values[i]), 0);
    return { values: out, residual, cost: residual + UNEVEN * uneven, changes };
  });
}

/** @param {Pitch} heard */
const hasPitch = (heard) => heard.voiced >= LEAST_VOICED && Number.isFinite(heard.f0);

/** Return whether the error in cents falls; for shifts to another octave, octaves are ignored. */
function improves(/** @type {number} */ before, /** @type {number} */ after, /** @type {number} */ octave) {
  if (!octave) return Math.abs(after) < Math.abs(before);
  const [was, is] = [before, after].map((cents) => Math.abs(((((cents + 600) % 1200) + 1200) % 1200) - 600));
  return is < was && was > IN_TUNE;
}

/**
 * Return a function that tunes presets to a sound, unless that would increase their distance from it.
 *
 * Pitches are estimated where the sound is loudest; that of the sound itself is taken from all of it if the two
 * differ by a semitone.
 * @param {Target & {pitch?: Pitch}} target
 * @param {(values: Uint8Array) => number} rank Distance; infinite for presets that are not allowed.
 * @returns {(values: Uint8Array) => Uint8Array} Returns a preset, changed or not.
 */
export function tuner(target, rank) {
  const part = loudestPart(target.sound, PITCH_SAMPLES);
  const estimate = (/** @type {Float32Array} */ sound) => estimatePitch(sound.subarray(...part), HOP);
  const whole = target.pitch ?? estimatePitch(target.sound);
  if (!hasPitch(whole)) return (values) => values;
  const loudest = estimate(target.sound);
  const goal = midiOf((Math.abs(midiOf(loudest.f0) - midiOf(whole.f0)) < 1 ? loudest : whole).f0);
  return (values) => {
    const heard = estimate(play(values, target));
    if (!hasPitch(heard)) return values;
    const before = 100 * (midiOf(heard.f0) - goal);
    if (Math.abs(before) <= IN_TUNE) return values;
    const given = rank(values);
    const options = [0, -12, 12].flatMap((octave) =>
      moves(values, 100 * octave - before, target.note).map((move) => ({
        octave, values: move.values, distance: rank(move.values),
      })),
    );
    options.sort((a, b) => a.distance - b.distance);
    for (const option of options.filter(({ distance }) => distance <= given).slice(0, TRIES)) {
      const now = estimate(play(option.values, target));
      if (hasPitch(now) && improves(before, 100 * (midiOf(now.f0) - goal), option.octave)) return option.values;
    }
    return values;
  };
}
