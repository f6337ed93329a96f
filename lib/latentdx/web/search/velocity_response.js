/**
 * How presets answer to velocity, which a sound at one velocity does not tell: as the model's draws do; as in the
 * library's `applications.velocity_response`, whose comments give the reasons.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { scaled, velocityScaling } from '../engine/engine.js';
import { median } from '../statistics.js';
import { firstOf, soundingCarriers } from './algorithm_families.js';

const [TOUCH, OUTPUT] = [15, 16]; // KEY VELOCITY and OUTPUT LEVEL among an operator's values
const DOUBLING = 8; // steps of OUTPUT LEVEL by which an amplitude doubles
const [COST, LEAST_COST] = [1.03, 0.005]; // largest increase of the distance: a factor, and what is added to it
const EXACT = 0.01; // distance below which a preset is probably the very one, and keeps what it has
const LEVELS = Array.from({ length: 100 }, (_, level) => 32 * scaled(level));

/** Return the numbers of the carriers, and of the modulators, that sound. @param {Uint8Array} values */
function sounding(values) {
  const carriers = soundingCarriers(values);
  const modulators = [1, 2, 3, 4, 5, 6].filter((k) => values[firstOf(k - 1) + OUTPUT] && !carriers.includes(k));
  return [carriers, modulators];
}

/**
 * Return the mean KEY VELOCITY of a preset's carriers, and of its modulators, the louder ones counting more.
 * @param {Uint8Array} values
 * @returns {number[]} `NaN` where none sounds.
 */
export function sensitivities(values) {
  return sounding(values).map((operators) => {
    let [sum, weights] = [0, 0];
    for (const first of operators.map((k) => firstOf(k - 1))) {
      const weight = 2 ** (values[first + OUTPUT] / DOUBLING);
      sum += weight * values[first + TOUCH];
      weights += weight;
    }
    return sum / weights;
  });
}

/**
 * Return the medians of the sensitivities of presets, such as a model's draws.
 * @param {Uint8Array[]} presets
 */
export function plausibleSensitivities(presets) {
  const found = presets.map(sensitivities);
  return [0, 1].map((kind) => median(found.map((each) => each[kind]).filter((mean) => !Number.isNaN(mean))));
}

/**
 * Give a preset's carriers, and then its modulators, a KEY VELOCITY, as far as that costs little in all.
 * @param {Uint8Array} values @param {number[]} wanted @param {number} velocity That was heard.
 * @param {(values: Uint8Array) => number} rank Distance; infinite for presets that are not allowed.
 */
export function withSensitivities(values, wanted, velocity, rank) {
  const distance = rank(values);
  if (distance < EXACT) return values;
  let out = values;
  sounding(values).forEach((operators, kind) => {
    if (!operators.length || !Number.isFinite(wanted[kind])) return;
    const changed = out.slice();
    for (const k of operators) changeSensitivity(changed, firstOf(k - 1), Math.floor(wanted[kind] + 0.5), velocity);
    if (rank(changed) <= COST * distance + LEAST_COST) out = changed;
  });
  return out;
}

/**
 * Change an operator's KEY VELOCITY and, so that a velocity sounds as before, its OUTPUT LEVEL.
 * @param {Uint8Array} values @param {number} first @param {number} sensitivity @param {number} velocity
 */
function changeSensitivity(values, first, sensitivity, velocity) {
  const change = velocityScaling(velocity, values[first + TOUCH]) - velocityScaling(velocity, sensitivity);
  values[first + TOUCH] = sensitivity;
  if (!change) return;
  const wanted = LEVELS[values[first + OUTPUT]] + change;
  const errors = LEVELS.map((level) => Math.abs(level - wanted));
  values[first + OUTPUT] = Math.max(1, errors.indexOf(Math.min(...errors)));
}
