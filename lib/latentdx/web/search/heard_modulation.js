/**
 * Presets that move as a sound does: the LFO is set to the rate and about to the depth that were heard, as in
 * the library's `applications.heard_modulation`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { LFO_HZ, PITCH_SENSITIVITY } from '../engine/engine.js';
import { algorithm } from '../algorithms.js';
import { column } from '../parameters.js';
import { firstOf } from './algorithm_families.js';
import { Random } from '../random.js';
/** @import { Modulation } from './modulation.js' */

const [SPEED, DELAY, PM_DEPTH, AM_DEPTH, SYNC, WAVE, PM_SENSITIVITY, ALGORITHM] = [
  'LFO SPEED', 'LFO DELAY', 'LFO PM DEPTH', 'LFO AM DEPTH', 'LFO KEY SYNC', 'LFO WAVE', 'P MODE SENS.', 'ALGORITHM',
].map(column);
const AM_SENSITIVITY = 14; // place among an operator's values
const MOST_CENTS = 1200; // of the largest depth and sensitivity
// depth of a carrier's tremolo in dB at sensitivity 3, and the LFO AM DEPTH for it
const DECIBELS = [0.7, 2.4, 6.1, 9.2, 13.3, 18.6, 24.6];
const DEPTHS = [20, 40, 60, 70, 80, 90, 99];
const SPREAD = 0.5; // standard deviation of the logarithm of the depth that is tried

/** Return the depth of the LFO for a tremolo. @param {number} decibels */
function depthFor(decibels) {
  const above = DECIBELS.findIndex((known) => known >= decibels);
  if (above === 0) return DEPTHS[0];
  if (above < 0) return DEPTHS[DEPTHS.length - 1];
  const way = (decibels - DECIBELS[above - 1]) / (DECIBELS[above] - DECIBELS[above - 1]);
  return Math.round(DEPTHS[above - 1] + way * (DEPTHS[above] - DEPTHS[above - 1]));
}

/**
 * Return a copy of a preset whose LFO moves it as a sound moves, each time a little differently.
 * @param {Uint8Array} values @param {Modulation} heard @param {Random} random
 */
export function withModulation(values, heard, random) {
  const out = values.slice();
  const hertz = heard.rate * Math.exp(random.normal(0, 0.04));
  const far = LFO_HZ.map((known) => Math.abs(known - hertz));
  out[SPEED] = far.indexOf(Math.min(...far));
  out[DELAY] = random.choice([0, 0, 30, 50]);
  out[SYNC] = 1;
  out[WAVE] = random.choice([0, 4]); // triangle and sine
  const depth = heard.depth * Math.exp(random.normal(0, SPREAD));
  if (heard.moving === 'pitch') {
    const sensitivity = random.integer(2, 6);
    const share = ((depth / MOST_CENTS) * PITCH_SENSITIVITY[7]) / PITCH_SENSITIVITY[sensitivity];
    out[PM_DEPTH] = Math.min(Math.max(Math.round(99 * share), 1), 99);
    out[PM_SENSITIVITY] = sensitivity;
    out[AM_DEPTH] = 0;
    return out;
  }
  const { carriers } = algorithm(out[ALGORITHM] + 1);
  for (let k = 0; k < 6; k++) {
    out[firstOf(k) + AM_SENSITIVITY] = carriers.includes(k + 1) === (heard.moving === 'level') ? 3 : 0;
  }
  // how far a modulator moves the spectrum depends on the preset
  out[AM_DEPTH] = depthFor(heard.moving === 'level' ? depth : 2 + 22 * random.uniform());
  out[PM_DEPTH] = 0;
  return out;
}

/**
 * @typedef {(presets: Uint8Array[]) => Uint8Array[] | Promise<Uint8Array[]>} Propose
 */

/**
 * Return a function that proposes presets that move as a sound does, at first and every fourth time, and else
 * what another function proposes; that function itself where the sound does not move regularly.
 * @param {Propose | null} propose @param {Modulation | null} heard @param {number} seed
 * @returns {Propose | null}
 */
export function proposingModulation(propose, heard, seed) {
  if (!heard) return propose;
  const random = new Random(seed);
  let calls = 0;
  return (presets) => {
    calls++;
    if (propose && calls % 4 !== 1) return propose(presets);
    return presets.map((values) => withModulation(values, heard, random));
  };
}
