/**
 * The mel spectrogram that the network hears, as `latentdx.audio.spectrogram` computes it, but in double
 * precision: 257 mel bands by 347 frames, in dB.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { FFT, RATE, band, melFilters } from '../spectra.js';

const N_FFT = 1024;
const HOP = 256;
export const N_MELS = 257;
/** Samples of a sound that the network hears, and frames of its spectrogram. */
export const N_SAMPLES = 88576;
export const N_FRAMES = 1 + N_SAMPLES / HOP;
export const FLOOR_DB = -120;
const FADE = Math.round(0.1 * RATE); // samples in which a sound that is cut fades out

/**
 * How levels are presented to the network.
 * @typedef {object} Levels
 * @property {[number, number]} range_db Levels in dB that the network sees as -1 and 1.
 * @property {boolean} unknown_level Whether it learned to do without levels.
 * @property {number} unknown_level_db Loudest point of a spectrogram whose level says nothing, in dB.
 * @property {number} unknown_level_range_db Range of levels that such a spectrogram keeps, in dB.
 */

// ---- tables -----------------------------------------------------------------------------------------------

/** Window, divided by its sum. */
const WINDOW = new Float64Array(N_FFT);
{
  const turn = (2 * Math.PI) / (N_FFT - 1);
  for (let i = 0; i < N_FFT; i++) WINDOW[i] = Math.fround(0.5 - 0.5 * Math.cos(turn * i));
  const sum = WINDOW.reduce((total, x) => total + x, 0);
  for (let i = 0; i < N_FFT; i++) WINDOW[i] /= sum;
}

const FILTERS = melFilters(N_FFT, N_MELS);
const TRANSFORM = new FFT(N_FFT);

// ---- spectra ----------------------------------------------------------------------------------------------

/**
 * Cut a sound, fading it out, or fill it up with silence, to what the network hears.
 * @param {ArrayLike<number>} samples
 * @returns {Float32Array} 88,576 samples.
 */
export function fitted(samples) {
  const out = new Float32Array(N_SAMPLES);
  for (let i = 0; i < Math.min(samples.length, N_SAMPLES); i++) out[i] = samples[i];
  if (samples.length > N_SAMPLES) {
    for (let i = 0; i < FADE; i++) out[N_SAMPLES - FADE + i] *= Math.fround(1 - i / (FADE - 1));
  }
  return out;
}

/**
 * Compute the mel spectrogram of a sound.
 * @param {Float32Array} sound Samples at 22,050 Hz.
 * @returns {Float32Array} dB (257, frames), at least -120; 88,576 samples give 347 frames.
 */
export function melSpectrogram(sound) {
  const frames = 1 + Math.floor(sound.length / HOP);
  const out = new Float32Array(N_MELS * frames);
  const amplitudes = [new Float64Array(N_FFT / 2 + 1), new Float64Array(N_FFT / 2 + 1)];
  const least = 10 ** (FLOOR_DB / 20);
  const read = (/** @type {Float64Array} */ to, /** @type {number} */ frame) => {
    const start = frame * HOP - N_FFT / 2; // frames are centered
    for (let i = 0; i < N_FFT; i++) {
      const at = start + i;
      to[i] = frame < frames && at >= 0 && at < sound.length ? sound[at] * WINDOW[i] : 0;
    }
  };
  for (let frame = 0; frame < frames; frame += 2) {
    read(TRANSFORM.re, frame); // two real frames make one complex transform
    read(TRANSFORM.im, frame + 1);
    TRANSFORM.transform();
    const { re, im } = TRANSFORM;
    for (let k = 0; k <= N_FFT / 2; k++) {
      const other = (N_FFT - k) % N_FFT;
      amplitudes[0][k] = Math.hypot(re[k] + re[other], im[k] - im[other]) / 2;
      amplitudes[1][k] = Math.hypot(im[k] + im[other], re[other] - re[k]) / 2;
    }
    for (let i = 0; i < 2 && frame + i < frames; i++) {
      FILTERS.forEach((filter, mel) => {
        const amplitude = band(amplitudes[i], filter);
        out[mel * frames + frame + i] = 20 * Math.log10(Math.max(amplitude, least));
      });
    }
  }
  return out;
}

/**
 * Take the level away from a spectrogram, as `latentdx.training.augmentation.at_unknown_level` does.
 * @param {Float32Array} decibels Changed.
 * @param {Levels} levels
 */
export function takeLevelAway(decibels, levels) {
  const loudest = decibels.reduce((most, x) => Math.max(most, x), -Infinity);
  if (loudest <= FLOOR_DB) return;
  const least = levels.unknown_level_db - levels.unknown_level_range_db;
  for (let i = 0; i < decibels.length; i++) {
    decibels[i] = Math.max(decibels[i] - loudest + levels.unknown_level_db, least);
  }
}
