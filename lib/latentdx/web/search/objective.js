/**
 * The objective: the distance of a sound from its target, as in the library's `metrics.objective`.
 *
 * It is a weighted sum of the differences of logarithmic spectra, of spectra, of MFCCs and of modulations, at
 * equal loudness. A search uses half the frames, like the library's `FastObjective`; the final ranking uses
 * all, like its `distance`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { render } from '../engine/engine.js';
import { RATE } from '../spectra.js';
import { modulationDistance, modulationSpectrum } from './modulation.js';
import { HOP, SpectralComparison } from './spectral_comparison.js';

/** Weights of the logarithmic spectrum, the spectral convergence, the MFCCs, and the modulation. */
export const WEIGHTS = [0.27, 0.7, 0.03, 0.15];
/** Seconds of the linear fade-out at the end of each render. */
export const FADE = 0.1;
/** Fewest samples of a sound that can be compared. */
export const SHORTEST = 4096;

const SILENT = 1e-8; // mean square; no gain makes such a sound comparable
const FREE_DB = 12; // a gain that costs nothing
const PRICE_PER_DB = 0.01;

/**
 * Fade out the last 0.1 s of a sound, in place, as the library's renders are.
 * @param {Float32Array} sound
 * @param {number} [seconds]
 */
export function fadeOut(sound, seconds = FADE) {
  const count = Math.min(Math.round(seconds * RATE), sound.length);
  const first = sound.length - count;
  for (let i = 0; i < count; i++) sound[first + i] *= Math.fround(1 - i / (count - 1));
  return sound;
}

/**
 * Return the mean square of a sound's loudest frame of 2,048 samples.
 * @param {Float32Array} sound
 */
export function loudestPower(sound) {
  const whole = Math.floor(sound.length / HOP);
  const powers = new Float64Array(Math.max(whole, 1));
  if (whole < 4) {
    for (const sample of sound) powers[0] += sample * sample;
    return powers[0] / Math.max(sound.length, 1);
  }
  for (let i = 0; i < whole; i++) {
    let [a, b, c, d] = [0, 0, 0, 0]; // four sums that do not wait for one another
    for (let at = i * HOP; at < (i + 1) * HOP; at += 4) {
      a += sound[at] * sound[at];
      b += sound[at + 1] * sound[at + 1];
      c += sound[at + 2] * sound[at + 2];
      d += sound[at + 3] * sound[at + 3];
    }
    powers[i] = a + b + c + d;
  }
  let loudest = 0;
  for (let i = 3; i < whole; i++) {
    loudest = Math.max(loudest, powers[i - 3] + powers[i - 2] + powers[i - 1] + powers[i]);
  }
  return loudest / (4 * HOP);
}

/** Return the gain in dB that makes a sound as loud as a target. @param {number} target @param {number} found */
export function gainDb(target, found) {
  return Math.min(target, found) > SILENT ? 10 * Math.log10(target / found) : 0;
}

/** Return what a gain in dB adds to the distance. @param {number} gain */
export const price = (gain) => PRICE_PER_DB * Math.max(Math.abs(gain) - FREE_DB, 0);

/** The distances from one target. */
export class SoundDistance {
  /**
   * @param {Float32Array} target Sound at 22,050 Hz, of at least 4,096 samples.
   * @param {object} [options]
   * @param {boolean} [options.exact] Whether spectra are compared every 256 samples instead of every 512.
   */
  constructor(target, { exact = false } = {}) {
    if (target.length < SHORTEST) throw new RangeError(`a sound of ${target.length} samples is too short`);
    this.length = target.length;
    this.power = loudestPower(target);
    this.spectra = new SpectralComparison(target, exact ? HOP / 2 : HOP);
    /** Course of the target, as `modulation` takes it. */
    this.tracks = this.spectra.tracks;
    this.modulation = modulationSpectrum(this.tracks);
  }

  /**
   * Return the four distances of a sound as it is, in the order of `WEIGHTS`.
   * @param {Float32Array} sound As many samples as the target has.
   * @param {number} [factor] Factor of its samples.
   * @returns {number[]}
   */
  parts(sound, factor = 1) {
    if (sound.length !== this.length) throw new RangeError(`${sound.length} samples, not ${this.length}`);
    const { logarithms, convergence, mfccs, tracks } = this.spectra.compare(sound, factor);
    return [logarithms, convergence, mfccs, modulationDistance(this.modulation, modulationSpectrum(tracks))];
  }

  /**
   * Return the four distances at equal loudness, and the gain in dB that makes them so.
   * @param {Float32Array} sound
   * @returns {{parts: number[], gain: number}}
   */
  leveled(sound) {
    const gain = gainDb(this.power, loudestPower(sound));
    return { parts: this.parts(sound, Math.fround(10 ** (gain / 20))), gain };
  }

  /** Return the distance of a sound, at equal loudness. @param {Float32Array} sound */
  of(sound) {
    const { parts, gain } = this.leveled(sound);
    return parts.reduce((sum, part, i) => sum + WEIGHTS[i] * part, price(gain));
  }
}

/**
 * A sound to match.
 * @typedef {object} Target
 * @property {Float32Array} sound Samples at 22,050 Hz.
 * @property {number} note MIDI note. @property {number} velocity @property {number} hold Seconds.
 */

/**
 * Render a preset as a target was played, faded out at its end as the library's renders are.
 * @param {ArrayLike<number>} preset 145 values. @param {Target} target
 * @param {number} [length] Number of samples, if not the target's.
 * @param {number} [hold] Seconds, if not the target's.
 */
export function play(preset, target, length = target.sound.length, hold = target.hold) {
  const { note, velocity } = target;
  return fadeOut(render(preset, { note, velocity, hold, seconds: length / RATE, rate: RATE }));
}

/** Return a key of a preset for maps and sets. @param {Uint8Array} preset */
export const keyOf = (preset) => String.fromCharCode(...preset);

/** The distances of presets from one target; no preset is rendered twice. */
export class Objective {
  /** @param {Target} target @param {{exact?: boolean}} [options] See `SoundDistance`. */
  constructor(target, options) {
    this.target = target;
    this.distance = new SoundDistance(target.sound, options);
    /** @type {Map<string, number>} */
    this.known = new Map();
  }

  /** Return the distance of a preset. @param {Uint8Array} preset 145 values. */
  of(preset) {
    const key = keyOf(preset);
    let found = this.known.get(key);
    if (found === undefined) {
      found = this.distance.of(play(preset, this.target));
      this.known.set(key, found);
    }
    return found;
  }
}
