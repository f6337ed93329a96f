/**
 * Detection of chords: several harmonic series at once, whole semitones apart; as in the library's
 * `audio.chord`, whose comments give the reasons.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { RATE, RealFFT } from '../spectra.js';

const SECONDS = 2;
const [LOWEST, HIGHEST] = [40, 8000]; // Hz
const [PARTIAL_DB, FUNDAMENTAL_DB] = [40, 20];
const APART = 60; // cents
const HARMONIC = 20;
const EXPLAINED = 0.9;
const TEMPERED = 22;
const [TEMPERED_DYAD, WIDEST_DYAD] = [10, 1250];
const NARROWEST = 250;

const cents = (/** @type {number} */ ratio) => 1200 * Math.log2(ratio);

/**
 * Return the powers of the spectrum of a whole sound.
 * @param {Float32Array} sound @param {number} size FFT size in samples, at least those of the sound.
 */
export function wholeSpectrum(sound, size) {
  const [padded, window] = [new Float32Array(size), new Float64Array(size)];
  padded.set(sound);
  for (let i = 0; i < sound.length; i++) {
    window[i] = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / Math.max(sound.length - 1, 1));
  }
  const powers = new Float64Array(size / 2 + 1);
  new RealFFT(size).powers(padded, 0, window, powers);
  return powers;
}

/**
 * Measure the partials of the first two seconds of a sound.
 * @param {Float32Array} sound At 22,050 Hz.
 * @returns {{hertz: number, db: number}[]} By frequency; of partials close to each other, only the stronger.
 */
function partials(sound) {
  const part = sound.subarray(0, SECONDS * RATE);
  const size = 2 ** Math.ceil(Math.log2(2 * Math.max(part.length, Math.floor(RATE / 2))));
  const powers = wholeSpectrum(part, size);
  const most = powers.reduce((a, b) => Math.max(a, b), 1e-20);
  const levels = powers.map((power) => Math.max(10 * Math.log10(Math.max(power, 1e-20) / most), -PARTIAL_DB));
  const found = [];
  for (let k = Math.round((LOWEST * size) / RATE); k <= Math.round((HIGHEST * size) / RATE); k++) {
    const [before, at, after] = [levels[k - 1], levels[k], levels[k + 1]];
    if (!(at > before && at >= after && at > -PARTIAL_DB)) continue;
    const shift = (before - after) / 2 / (before - 2 * at + after);
    found.push({ hertz: ((k + shift) * RATE) / size, db: at });
  }
  /** @type {typeof found} */
  const kept = [];
  for (const partial of found.sort((a, b) => b.db - a.db)) {
    if (kept.every(({ hertz }) => Math.abs(cents(hertz / partial.hertz)) > APART)) kept.push(partial);
  }
  return kept.sort((a, b) => a.hertz - b.hertz);
}

/**
 * Find the fundamentals of a chord.
 * @param {Float32Array} sound At 22,050 Hz, from its onset on.
 * @param {boolean} sines Whether notes without harmonics count, too.
 * @returns {number[]} In Hz, ascending, at least two; none if the sound is no chord.
 */
export function chordNotes(sound, sines) {
  const all = partials(sound);
  let free = all;
  /** @type {number[]} */
  const notes = [];
  for (const { hertz, db } of all) {
    if (db <= -FUNDAMENTAL_DB || !free.some((partial) => partial.hertz === hertz)) continue;
    const numberOf = (/** @type {number} */ other) => Math.max(Math.round(other / hertz), 1);
    const belongs = (/** @type {number} */ other) => Math.abs(cents(other / (numberOf(other) * hertz))) < HARMONIC;
    const second = all.some((p) => belongs(p.hertz) && (numberOf(p.hertz) === 2 || numberOf(p.hertz) === 3));
    if (!sines && !second) continue;
    notes.push(hertz);
    free = free.filter((partial) => !belongs(partial.hertz));
  }
  const power = (/** @type {typeof all} */ some) => some.reduce((sum, { db }) => sum + 10 ** (db / 10), 0);
  if (notes.length < 2 || power(free) > (1 - EXPLAINED) * power(all)) return [];
  const intervals = notes.map((hertz) => cents(hertz / notes[0]));
  const off = Math.max(...intervals.map((c) => Math.abs(c - 100 * Math.round(c / 100))));
  const widest = intervals[intervals.length - 1];
  const dyad = notes.length === 2;
  const fits = off < (dyad ? TEMPERED_DYAD : TEMPERED) && widest > NARROWEST && (!dyad || widest < WIDEST_DYAD);
  return fits ? notes : [];
}
