/**
 * Levels of sounds, frame by frame, and the offset that some recordings have.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { RATE } from '../spectra.js';

const BLOCKER = 126; // radians per second (20 Hz), as in the plug-in's own DC blocker

/**
 * Return the mean square of each frame.
 * @param {Float32Array} sound @param {number} size Samples of a frame. @param {number} hop
 * @param {object} [options]
 * @param {boolean} [options.centered] Whether frames lie around their times, with silence beyond the ends.
 * @returns {Float64Array}
 */
export function framePowers(sound, size, hop, { centered = true } = {}) {
  const before = centered ? size / 2 : 0;
  const padded = centered ? sound.length + size : Math.max(sound.length, size);
  const sums = new Float64Array(padded + 1);
  for (let i = 0; i < padded; i++) sums[i + 1] = sums[i] + (sound[i - before] ?? 0) ** 2;
  const count = 1 + Math.floor((padded - size) / hop);
  return Float64Array.from({ length: count }, (_, t) => {
    return Math.max(sums[t * hop + size] - sums[t * hop], 0) / size;
  });
}

/** Return the level of a power in dB, at least -140. @param {number} power */
export const decibels = (power) => 10 * Math.log10(Math.max(power, 1e-14));

/** Return the level of a sound's loudest frame in dB (RMS of 2,048 samples). @param {Float32Array} sound */
export function peakLevel(sound) {
  return Math.max(decibels(framePowers(sound, 2048, 512).reduce((a, b) => Math.max(a, b), 0)), -120);
}

/** Return which frames of 2,048 samples lie close to the loudest. @param {Float32Array} sound
 * @param {number} [belowDb] @param {number} [hop] */
export function audibleFrames(sound, belowDb = 40, hop = 512) {
  const powers = framePowers(sound, 2048, hop);
  const least = Math.max(powers.reduce((a, b) => Math.max(a, b), 0) * 10 ** (-belowDb / 10), 1e-12);
  return Array.from(powers, (power) => power > least);
}

/**
 * Remove the DC offset of a sound by a first-order high-pass filter at 20 Hz.
 * @param {Float32Array} sound @param {number} [rate] Sample rate in Hz.
 * @param {number} [before] Value that it had before it begins; an offset of that value makes no click.
 */
export function withoutDc(sound, rate = RATE, before = sound[0]) {
  const out = new Float32Array(sound.length);
  const pole = 1 - BLOCKER / rate;
  let [last, value] = [before, 0];
  for (let i = 0; i < sound.length; i++) {
    value = sound[i] - last + pole * value;
    last = sound[i];
    out[i] = value;
  }
  return out;
}

/** Return the mean. @param {ArrayLike<number>} values */
export function mean(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** Return the largest absolute value. @param {ArrayLike<number>} values */
export function peak(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}
