/**
 * Known presets played as a sound was: the closest to start from, and the very one that made it, which its
 * waveform tells; as in the library's `applications.known_stage` and `retrieval.recognition`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { FFT, RATE } from '../spectra.js';
import { Objective, SoundDistance, keyOf, play } from './objective.js';
import { LEAST_HOLD } from './sound_target.js';
/** @import { Target } from './objective.js' */

const COMPARED = 8192; // samples of the sound that are compared, 0.37 s
const LENGTH = 2 * COMPARED; // samples of each render that are needed
const COST = LENGTH / 88576; // of such a render, as a share of a whole one
const EARLY = 1024; // samples by which a render may start before the sound
const EQUAL = 1e-5;
const LEAST = 1e-9;
const LIKELY = 4;
const SURE = 0.9;
const CLOSER = 0.9;
const SHARE = 4; // all of this stage counts as at most a quarter of the budget
const STARTS = 16;

/**
 * Likeness of a render to a sound.
 * @typedef {{correlation: number, delay: number}} Likeness The largest correlation of the waveforms, 0 … 1, and
 *   by how many samples the sound has to be delayed for it.
 */

/**
 * Return a function that compares renders with the start of a sound at each delay, two at a time.
 * @param {Float32Array} sound
 * @returns {(renders: Float32Array[]) => Likeness[]}
 */
function likenessTo(sound) {
  const part = sound.subarray(EARLY, EARLY + COMPARED);
  const lags = LENGTH - part.length + 1;
  const fft = new FFT(LENGTH);
  const load = (/** @type {Float32Array} */ re, /** @type {Float32Array | undefined} */ im) => {
    fft.re.fill(0);
    fft.im.fill(0);
    fft.re.set(re.subarray(0, LENGTH));
    if (im) fft.im.set(im.subarray(0, LENGTH));
    fft.transform();
  };
  load(part, undefined);
  const [templateRe, templateIm] = [fft.re.slice(), fft.im.slice()];
  const energy = part.reduce((sum, sample) => sum + sample * sample, 0);
  return (renders) => {
    load(renders[0], renders[1]);
    for (let k = 0; k < LENGTH; k++) {
      const [re, im] = [fft.re[k], fft.im[k]];
      fft.re[k] = (re * templateRe[k] + im * templateIm[k]) / LENGTH;
      fft.im[k] = -(im * templateRe[k] - re * templateIm[k]) / LENGTH; // conjugate: a transform inverts it
    }
    fft.transform();
    return renders.map((render, i) => best(render, i ? fft.im : fft.re));
  };

  /** @param {Float32Array} render @param {Float64Array} products @returns {Likeness} */
  function best(render, products) {
    const sums = new Float64Array(LENGTH + 1);
    for (let i = 0; i < LENGTH; i++) sums[i + 1] = sums[i] + render[i] * render[i];
    const correlations = Float64Array.from({ length: lags }, (_, lag) => {
      const power = sums[lag + part.length] - sums[lag];
      return power < LEAST ? 0 : Math.abs(products[lag]) / Math.sqrt(power * energy);
    });
    const most = correlations.reduce((a, b) => Math.max(a, b), 0);
    let found = -Infinity;
    for (let lag = 0; lag < lags; lag++) {
      const at = correlations[lag];
      const peak = at >= (correlations[lag - 1] ?? 0) && at >= (correlations[lag + 1] ?? 0);
      // of equally good peaks that of the smallest delay: a steady tone is like itself a period later
      if (peak && at >= most - EQUAL && Math.abs(lag - EARLY) < Math.abs(found - EARLY)) found = lag;
    }
    return { correlation: Math.min(most, 1), delay: found - EARLY };
  }
}

/**
 * Return a target delayed by some samples, or without its first ones.
 * @param {Target} target @param {number} samples
 */
function delayed(target, samples) {
  const sound = new Float32Array(target.sound.length);
  if (samples >= 0) sound.set(target.sound.subarray(0, sound.length - samples), samples);
  else sound.set(target.sound.subarray(-samples));
  return { ...target, sound, hold: Math.max(target.hold + samples / RATE, LEAST_HOLD) };
}

/**
 * Result of the comparison with known presets.
 * @typedef {object} Known
 * @property {Objective} objective That of the sound, delayed where a preset was recognized that starts softly.
 * @property {Uint8Array[]} starts Best of the known presets, closest first.
 * @property {number} spent Number of renders that comparing the others counts for.
 * @property {Uint8Array | null} recognized Preset that probably made the sound.
 */

/**
 * Play known presets as a sound was played, and find the closest ones.
 * @param {Objective} objective @param {Uint8Array[]} presets @param {number} most Budget of the whole match.
 * @param {() => Promise<unknown>} pause Called now and then, so that a worker hears its messages; if it returns `true`,
 *   no more presets are played.
 * @returns {Promise<Known>}
 */
export async function compareKnown(objective, presets, most, pause) {
  const room = Math.min(STARTS, Math.floor(most / SHARE / 2));
  const all = [...new Map(presets.map((values) => [keyOf(values), values])).values()];
  if (!all.length || room < 1) return { objective, starts: [], spent: 0, recognized: null };
  const spent = Math.min(Math.ceil(all.length * COST), Math.floor(most / SHARE) - room);
  const { target } = objective;
  const beginning = target.sound.slice(0, LENGTH);
  const distance = new SoundDistance(beginning);
  const compare = likenessTo(target.sound);
  /** @type {{values: Uint8Array, likeness: Likeness, distance: number}[]} */
  const heard = [];
  for (let i = 0; i < all.length; i += 2) {
    const pair = all.slice(i, i + 2);
    const renders = pair.map((values) => play(values, target, LENGTH));
    const likeness = compare(renders);
    pair.forEach((values, k) => {
      const begins = renders[k].subarray(0, beginning.length);
      heard.push({ values, likeness: likeness[k], distance: distance.of(begins) });
    });
    if (i % 32 === 0 && (await pause()) === true && heard.length >= LIKELY) break;
  }
  let likely = [...heard].sort((a, b) => b.likeness.correlation - a.likeness.correlation).slice(0, LIKELY);
  const similar = [...heard].sort((a, b) => a.distance - b.distance);
  let recognized = null;
  let chosenObjective = objective;
  const closest = likely[0].likeness;
  if (closest.correlation >= SURE) {
    const moved = closest.delay ? new Objective(delayed(target, closest.delay)) : objective;
    const sure = likely.filter(({ likeness }) => likeness.correlation >= SURE);
    const distances = sure.map(({ values }) => moved.of(values));
    const least = Math.min(...distances);
    recognized = sure[least < CLOSER * distances[0] ? distances.indexOf(least) : 0].values;
    if (least <= CLOSER * Math.min(...sure.map(({ values }) => objective.of(values)))) chosenObjective = moved;
    likely = sure;
  }
  const chosen = [...new Set([...likely, ...similar])].slice(0, room).map(({ values }) => values);
  chosen.sort((a, b) => chosenObjective.of(a) - chosenObjective.of(b));
  return { objective: chosenObjective, starts: chosen, spent, recognized };
}
