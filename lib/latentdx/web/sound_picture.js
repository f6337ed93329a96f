/**
 * Pictures of sounds as in the book's listening rows: a waveform above a mel spectrogram, as pixels.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { RATE, RealFFT, band, hann, melFilters, toMel } from './spectra.js';

/** Size of a picture in pixels; it is shown at half of it. */
const [WIDTH, HEIGHT] = [440, 330];
const WAVE = 66; // pixels of the height for the waveform
const MARGIN = 3;
const COLUMNS = 220;
const [SIZE, BANDS] = [1024, 132];
const RANGE_DB = 80; // below the strongest band
const LEAST = 1e-10;
const WAVE_COLOR = '#2ab0a0';
/** Colors of magma at equal distances, those of --ldx-magma. */
const MAGMA = [0x000004, 0x1d1147, 0x51127c, 0x822681, 0xb63679, 0xe65164, 0xfb8861, 0xfec287, 0xfcfdbf];
const FREQUENCIES = /** @type {[string, number][]} */ ([['.5', 500], ['1', 1000], ['2', 2000], ['4', 4000], ['8', 8000]]);

/** Range of colors and of samples that the pictures of a row share. */
export class Scale {
  /** @param {Float32Array[]} sounds */
  constructor(sounds) {
    /** Level of the brightest color in dB. */
    this.high = -Infinity;
    /** Sample at the waveform's full height. */
    this.peak = 0;
    for (const sound of sounds) {
      for (const level of melLevels(sound)) if (level > this.high) this.high = level;
      for (const sample of sound) this.peak = Math.max(this.peak, Math.abs(sample));
    }
  }
}

/** @type {{fft: RealFFT, window: Float64Array, filters: import('./spectra.js').MelFilter[]} | null} */
let tools = null;

/** Compute the levels of mel bands in dB (column, band). @param {Float32Array} sound */
function melLevels(sound) {
  tools ??= { fft: new RealFFT(SIZE), window: hann(SIZE), filters: melFilters(SIZE, BANDS) };
  const { fft, window, filters } = tools;
  const padded = new Float64Array(sound.length + 2 * SIZE);
  padded.set(sound, SIZE / 2);
  const powers = new Float64Array(SIZE / 2 + 1);
  const levels = new Float32Array(COLUMNS * BANDS);
  for (let column = 0; column < COLUMNS; column++) {
    fft.powers(padded, Math.floor((column * sound.length) / COLUMNS), window, powers);
    filters.forEach((filter, i) => {
      levels[column * BANDS + i] = 10 * Math.log10(Math.max(band(powers, filter), LEAST));
    });
  }
  return levels;
}

/** Return the color of a share of the range, as red, green, blue. @param {number} share 0 … 1. */
function magma(share) {
  const place = Math.min(Math.max(share, 0), 1) * (MAGMA.length - 1);
  const below = Math.min(Math.floor(place), MAGMA.length - 2);
  return [16, 8, 0].map((shift) => {
    const [a, b] = [MAGMA[below], MAGMA[below + 1]].map((color) => (color >> shift) & 255);
    return a + (place - below) * (b - a);
  });
}

/**
 * Return the smallest and the largest sample of each of some columns.
 * @param {Float32Array} samples @param {number} columns
 * @returns {[number, number][]}
 */
export function extremes(samples, columns) {
  return Array.from({ length: columns }, (_, i) => {
    const from = Math.floor((i * samples.length) / columns);
    const to = Math.max(Math.floor(((i + 1) * samples.length) / columns), from + 1);
    let [low, high] = [Infinity, -Infinity];
    for (let at = from; at < Math.min(to, samples.length); at++) {
      low = Math.min(low, samples[at]);
      high = Math.max(high, samples[at]);
    }
    return low <= high ? [low, high] : [0, 0];
  });
}

/**
 * Draw a sound and return the picture's link.
 * @param {Float32Array} sound Samples at 22,050 Hz. @param {Scale} scale
 */
export function soundPicture(sound, scale) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: WIDTH, height: HEIGHT });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.fillStyle = `#${MAGMA[0].toString(16).padStart(6, '0')}`;
  context.fillRect(0, 0, WIDTH, WAVE);
  context.fillStyle = WAVE_COLOR;
  const [middle, reach] = [WAVE / 2, (WAVE / 2 - MARGIN) / (scale.peak || 1)];
  extremes(sound, WIDTH).forEach(([low, high], x) => {
    context.fillRect(x, middle - high * reach, 1, Math.max((high - low) * reach, 1));
  });
  const levels = melLevels(sound);
  const pixels = context.createImageData(COLUMNS, BANDS);
  for (let column = 0; column < COLUMNS; column++) {
    for (let i = 0; i < BANDS; i++) {
      const color = magma((levels[column * BANDS + i] - scale.high) / RANGE_DB + 1);
      pixels.data.set([...color, 255], 4 * ((BANDS - 1 - i) * COLUMNS + column));
    }
  }
  const small = document.createElement('canvas');
  Object.assign(small, { width: COLUMNS, height: BANDS });
  /** @type {CanvasRenderingContext2D} */ (small.getContext('2d')).putImageData(pixels, 0, 0);
  context.drawImage(small, 0, WAVE, WIDTH, HEIGHT - WAVE);
  return canvas.toDataURL('image/webp', 0.82); // PNG where a browser cannot write WebP
}

/** Marks of a picture's axes: labels, and their places in percent from the left and from the top. */
export function ticks(/** @type {number} */ seconds) {
  const step = [0.1, 0.2, 0.5, 1, 2, 5].find((each) => seconds / each < 6) ?? 10;
  const share = (1 - WAVE / HEIGHT) / toMel(RATE / 2);
  return {
    times: Array.from({ length: Math.ceil(seconds / step) }, (_, i) => ({
      label: `${Number((i * step).toFixed(1))}`,
      place: (100 * i * step) / seconds,
    })),
    frequencies: FREQUENCIES.map(([label, hz]) => ({ label, place: 100 * (1 - share * toMel(hz)) })),
  };
}

export const PICTURE = { width: WIDTH / 2, height: HEIGHT / 2 };
