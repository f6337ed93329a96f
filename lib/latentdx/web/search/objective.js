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
import { RATE, RealFFT, hann, melFilters } from '../spectra.js';
import { modulationDistance, modulationSpectrum } from './modulation.js';

/** Weights of the logarithmic spectrum, the spectral convergence, the MFCCs, and the modulation. */
export const WEIGHTS = [0.27, 0.7, 0.03, 0.15];
/** Seconds of the linear fade-out at the end of each render. */
export const FADE = 0.1;
/** Fewest samples of a sound that can be compared. */
export const SHORTEST = 4096;

const HOP = 512;
const BINS = 513;
const MELS = 128;
const MFCCS = 13;
const LEAST_POWER = 1e-8; // of a bin of the logarithmic spectrum
const LEAST_MEL = 1e-10;
const DECIBELS = 10 / Math.LN10; // from a power's natural logarithm
const RANGE_DB = 80; // of the mel bands, below their maximum
const SILENT = 1e-8; // mean square; no gain makes such a sound comparable
const FREE_DB = 12; // a gain that costs nothing
const PRICE_PER_DB = 0.01;

const WINDOW = hann(1024);
const MEL_WINDOW = hann(2048);
const FILTERS = melFilters(2048, MELS, { equalAreas: true });
// all of them in one array, which is quicker to read
const FIRST_BINS = Int32Array.from(FILTERS, ({ first }) => first);
const ENDS = Int32Array.from(FILTERS, ({ first, weights }) => first + weights.length);
const MEL_WEIGHTS = Float64Array.from(FILTERS.flatMap(({ weights }) => [...weights]));
const OCTAVES = Float64Array.from({ length: BINS }, (_, k) => Math.log2(Math.max(k, 1)));
const COSINES = Float64Array.from({ length: MFCCS * MELS }, (_, at) => {
  const [i, mel] = [Math.floor(at / MELS), at % MELS];
  return Math.sqrt((i ? 2 : 1) / MELS) * Math.cos((Math.PI * i * (2 * mel + 1)) / (2 * MELS));
});

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
    let sum = 0;
    for (let at = i * HOP; at < (i + 1) * HOP; at++) sum += sound[at] * sound[at];
    powers[i] = sum;
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

/** Memory for sounds of one length, shared by all that compare such sounds. */
class Workspace {
  /** @param {number} length Number of samples. */
  constructor(length) {
    this.length = length;
    this.end = 0; // after the last sample that is not zero
    this.frames = 1 + Math.floor(length / HOP);
    this.reflected = new Float64Array(length + 1024);
    this.padded = new Float64Array(length + 2048);
    this.powers = new Float64Array(BINS);
    this.melPowers = new Float64Array(1025);
    this.decibels = new Float64Array(this.frames * MELS);
    this.tracks = {
      frames: this.frames,
      mfcc: new Float64Array(this.frames * MFCCS),
      power: new Float64Array(this.frames),
      octaves: new Float64Array(this.frames),
    };
    this.fft = new RealFFT(1024);
    this.melFft = new RealFFT(2048);
  }

  /** Take a sound, amplified. @param {Float32Array} sound @param {number} factor */
  load(sound, factor) {
    const n = this.length;
    const { reflected, padded } = this;
    this.end = 0;
    for (let i = 0; i < n; i++) {
      const sample = sound[i] * factor;
      reflected[512 + i] = padded[1024 + i] = sample;
      if (sample !== 0) this.end = i + 1;
    }
    for (let i = 1; i <= 512; i++) {
      reflected[512 - i] = reflected[512 + i];
      reflected[511 + n + i] = reflected[511 + n - i];
    }
  }

  /** Return whether a frame of 2,048 samples, and each after it, holds nothing. @param {number} frame */
  silent(frame) {
    return frame * HOP - 1024 >= this.end && this.end < this.length - 512;
  }

  /** Forget the powers of the sound before. */
  startTracks() {
    this.tracks.power.fill(0);
    this.tracks.octaves.fill(0);
  }

  /**
   * Write the powers of a frame of 1,024 samples, and what the tracks need of them.
   * @param {number} frame @param {number} hop Samples from one frame to the next.
   * @returns {boolean} Whether anything sounds in this frame, or after it.
   */
  writePowers(frame, hop) {
    if (this.silent(Math.floor((frame * hop) / HOP) + 1)) return false; // these frames are half as long
    const { powers, tracks } = this;
    this.fft.powers(this.reflected, frame * hop, WINDOW, powers);
    if ((frame * hop) % HOP === 0) {
      let [power, octaves] = [0, 0];
      for (let k = 0; k < BINS; k++) {
        power += powers[k];
        octaves += powers[k] * OCTAVES[k];
      }
      tracks.power[(frame * hop) / HOP] = power;
      tracks.octaves[(frame * hop) / HOP] = octaves;
    }
    return true;
  }

  /** Compute the MFCCs of all frames of the loaded sound. */
  writeMfccs() {
    const { decibels, frames, melPowers } = this;
    const { mfcc } = this.tracks;
    let loudest = -100;
    for (let t = 0; t < frames; t++) {
      const row = t * MELS;
      if (this.silent(t)) {
        decibels.fill(-100, row);
        break;
      }
      this.melFft.powers(this.padded, t * HOP, MEL_WINDOW, melPowers);
      for (let mel = 0, at = 0; mel < MELS; mel++) {
        let power = 0;
        for (let bin = FIRST_BINS[mel]; bin < ENDS[mel]; bin++) power += melPowers[bin] * MEL_WEIGHTS[at++];
        const level = DECIBELS * Math.log(power > LEAST_MEL ? power : LEAST_MEL);
        decibels[row + mel] = level;
        if (level > loudest) loudest = level;
      }
    }
    const floor = loudest - RANGE_DB;
    for (let i = 0; i < decibels.length; i++) if (decibels[i] < floor) decibels[i] = floor;
    for (let t = 0; t < frames; t++) {
      for (let i = 0; i < MFCCS; i++) {
        let [a, b, c, d] = [0, 0, 0, 0]; // four sums that do not wait for one another
        for (let from = t * MELS, at = i * MELS; at < (i + 1) * MELS; from += 4, at += 4) {
          a += decibels[from] * COSINES[at];
          b += decibels[from + 1] * COSINES[at + 1];
          c += decibels[from + 2] * COSINES[at + 2];
          d += decibels[from + 3] * COSINES[at + 3];
        }
        mfcc[t * MFCCS + i] = a + b + c + d;
      }
    }
  }
}

/** @type {Map<number, Workspace>} */
const workspaces = new Map();

/** @param {number} length @returns {Workspace} */
function workspaceOf(length) {
  let found = workspaces.get(length);
  if (!found) {
    if (workspaces.size > 3) workspaces.clear(); // a page compares sounds of one or two lengths
    found = new Workspace(length);
    workspaces.set(length, found);
  }
  return found;
}

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
    this.hop = exact ? 256 : HOP;
    this.frames = 1 + Math.floor(target.length / this.hop);
    this.power = loudestPower(target);
    this.magnitudes = new Float32Array(this.frames * BINS);
    this.logarithms = new Float32Array(this.frames * BINS).fill(Math.log(LEAST_POWER));
    /** What each frame adds to the sums of differences where the other sound is silent. */
    this.fromSilence = new Float64Array(this.frames * 2);
    const work = workspaceOf(target.length);
    work.load(target, 1);
    work.startTracks();
    let squares = 0;
    for (let t = 0; t < this.frames && work.writePowers(t, this.hop); t++) {
      const { powers } = work;
      let [logSum, sum] = [0, 0];
      for (let k = 0; k < BINS; k++) {
        const logarithm = Math.log(Math.max(powers[k], LEAST_POWER));
        this.magnitudes[t * BINS + k] = Math.sqrt(powers[k]);
        this.logarithms[t * BINS + k] = logarithm;
        logSum += logarithm - Math.log(LEAST_POWER);
        sum += powers[k];
      }
      this.fromSilence[2 * t] = logSum;
      this.fromSilence[2 * t + 1] = sum;
      squares += sum;
    }
    this.norm = Math.sqrt(squares);
    work.writeMfccs();
    /** Course of the target, as `modulation` takes it. */
    this.tracks = {
      frames: work.frames,
      mfcc: work.tracks.mfcc.slice(),
      power: work.tracks.power.slice(),
      octaves: work.tracks.octaves.slice(),
    };
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
    const work = workspaceOf(this.length);
    work.load(sound, factor);
    work.startTracks();
    const { magnitudes, logarithms, fromSilence } = this;
    const { powers } = work;
    let [logSum, squares, mfccSum, t] = [0, 0, 0, 0];
    for (; t < this.frames && work.writePowers(t, this.hop); t++) {
      const row = t * BINS;
      for (let k = 0; k < BINS; k++) {
        const power = powers[k];
        const gap = Math.sqrt(power) - magnitudes[row + k];
        squares += gap * gap;
        logSum += Math.abs(Math.log(power > LEAST_POWER ? power : LEAST_POWER) - logarithms[row + k]);
      }
    }
    for (; t < this.frames; t++) {
      logSum += fromSilence[2 * t];
      squares += fromSilence[2 * t + 1];
    }
    work.writeMfccs();
    const { mfcc } = work.tracks;
    for (let i = 0; i < mfcc.length; i++) mfccSum += Math.abs(mfcc[i] - this.tracks.mfcc[i]);
    return [
      logSum / Math.LN10 / 2 / (this.frames * BINS),
      this.norm ? Math.sqrt(squares) / this.norm : 0,
      mfccSum / mfcc.length,
      modulationDistance(this.modulation, modulationSpectrum(work.tracks)),
    ];
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
