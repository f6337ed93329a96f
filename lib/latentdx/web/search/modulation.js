/**
 * How a sound moves: the modulation spectrum of its level, its spectrum and its pitch, as in the library's
 * `metrics.modulation`, whose comments give the reasons.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { PANEL, makeKernels } from '../network/kernels.js';
import { RATE } from '../spectra.js';
/** @import { Kernels } from '../network/kernels.js' */

const HOP = 512;
const TIMBRES = 6;
const TRACKS = TIMBRES + 2; // level, MFCCs 1 … 6, pitch
const PITCH = TRACKS - 1;
const WINDOW = 64;
const STEP = 32;
const LAST = 24; // bins of 0.67 Hz
const WAVES = 2 * LAST; // cosines and sines
const BANDS = [0, 1, 2, 3, 5, 7, 11, 15];
const ENDS = [...BANDS.slice(1), LAST];
const CENTS = 48;
const SMALLEST = 0.5;
const AROUND = 4;
const ABOVE = 3;
const FAINT = 1e-3;
const LEAST = 1e-12;
const HEARD = 0.3;

const SCALED = new Float64Array(LAST);
const SORTED = new Float64Array(2 * AROUND + 1);

/** Cosines, then sines, of a window without its linear trend, as the kernel takes them: (panel, sample, 8 bins). */
const TRANSFORM = (() => {
  const middle = (WINDOW - 1) / 2;
  const spread = (WINDOW * (WINDOW ** 2 - 1)) / 12; // sum of the squared distances from the middle
  const out = new Float32Array(WINDOW * WAVES);
  for (let i = 0; i < WAVES; i++) {
    const angle = (2 * Math.PI * ((i % LAST) + 1)) / WINDOW;
    const wave = Float64Array.from({ length: WINDOW }, (_, t) => {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * t) / WINDOW);
      return ((i < LAST ? Math.cos(angle * t) : Math.sin(angle * t)) * window * 2) / (WINDOW / 2);
    });
    const sum = wave.reduce((a, b) => a + b, 0);
    const slope = wave.reduce((a, b, t) => a + b * (t - middle), 0);
    for (let t = 0; t < WINDOW; t++) {
      const at = Math.floor(i / PANEL) * WINDOW * PANEL + t * PANEL + (i % PANEL);
      out[at] = wave[t] - sum / WINDOW - ((t - middle) * slope) / spread;
    }
  }
  return out;
})();

/** Places in the kernels' memory: a window's values, (track, sample), the transform, and waves, (track, bin). */
const [AT_VALUES, AT_TRANSFORM] = [0, TRACKS * WINDOW];
const AT_WAVES = AT_TRANSFORM + TRANSFORM.length;

/** @type {Kernels | undefined} */
let made;

/** Return kernels whose memory holds the transform. */
function kernelsOfTransform() {
  if (!made) {
    made = makeKernels(AT_WAVES + TRACKS * WAVES);
    made.memory.set(TRANSFORM, AT_TRANSFORM);
  }
  return made;
}

/** Write the waves of the values in the memory. @param {Kernels} kernels */
function transformValues({ memory, addProduct }) {
  const [from, to] = [4 * AT_TRANSFORM, 4 * AT_WAVES];
  memory.fill(0, AT_WAVES);
  addProduct(TRACKS, WAVES / PANEL, WINDOW, 0, 4 * WINDOW, from, 4 * WINDOW * PANEL, 4 * PANEL, to, 4 * WAVES);
}

/**
 * Course of a sound over time, in frames of 2,048 samples every 512.
 * @typedef {object} Tracks
 * @property {number} frames Number of frames.
 * @property {Float64Array} mfcc MFCCs, (frames, 13).
 * @property {Float64Array} power Power of each frame.
 * @property {Float64Array} octaves Sum of the binary logarithm of the bin numbers, weighted by power.
 */

/**
 * Return the depth of modulation per window and track, and by how much each bin exceeds what is usual.
 * @param {Tracks} tracks
 * @param {(weight: number, track: number, depths: Float64Array, peaks: Float64Array) => void} visit
 * @returns {number} Sum of the windows' weights.
 */
function visitWindows({ frames, mfcc, power, octaves }, visit) {
  const count = Math.max(frames, WINDOW);
  const values = new Float64Array(count * TRACKS);
  const loudness = new Float64Array(count);
  let loudest = LEAST;
  for (let t = 0; t < frames; t++) loudest = Math.max(loudest, power[t]);
  for (let t = 0; t < count; t++) {
    const from = Math.min(t, frames - 1); // a short sound stays as it ends, but has no say there
    values[t * TRACKS] = 10 * Math.log10(Math.max(power[from], FAINT ** 2 * loudest));
    for (let i = 1; i <= TIMBRES; i++) values[t * TRACKS + i] = mfcc[from * 13 + i] / Math.sqrt(128);
    values[t * TRACKS + PITCH] = (octaves[from] / Math.max(power[from], LEAST)) * CENTS;
    loudness[t] = t < frames ? power[t] / (power[t] + FAINT * loudest) : 0;
  }
  const kernels = kernelsOfTransform();
  const { memory } = kernels;
  const depths = new Float64Array(LAST);
  const peaks = new Float64Array(LAST);
  let weights = 0;
  for (let start = 0; start + WINDOW <= count; start += STEP) {
    let weight = 0;
    for (let t = start; t < start + WINDOW; t++) weight += loudness[t];
    weights += weight;
    for (let track = 0; track < TRACKS; track++) {
      let mean = 0;
      for (let t = start; t < start + WINDOW; t++) mean += values[t * TRACKS + track] * loudness[t];
      mean /= Math.max(weight, 1e-9);
      for (let t = 0, at = AT_VALUES + track * WINDOW; t < WINDOW; t++, at++) {
        memory[at] = loudness[start + t] * (values[(start + t) * TRACKS + track] - mean);
      }
    }
    transformValues(kernels);
    for (let track = 0; track < TRACKS; track++) {
      const at = AT_WAVES + track * WAVES;
      for (let i = 0; i < LAST; i++) depths[i] = Math.sqrt(memory[at + i] ** 2 + memory[at + LAST + i] ** 2);
      writePeaks(depths, peaks);
      visit(weight, track, depths, peaks);
    }
  }
  return Math.max(weights, 1e-9);
}

/**
 * Write by how much each bin exceeds the usual, which falls with the square of the rate.
 * @param {Float64Array} depths @param {Float64Array} peaks
 */
function writePeaks(depths, peaks) {
  for (let i = 0; i < LAST; i++) SCALED[i] = depths[i] * (i + 1) ** 2;
  for (let i = 0; i < LAST; i++) {
    const first = Math.max(i - AROUND, 0);
    const count = Math.min(i + AROUND + 1, LAST) - first;
    for (let j = 0; j < count; j++) {
      const value = SCALED[first + j];
      let place = j;
      for (; place > 0 && SORTED[place - 1] > value; place--) SORTED[place] = SORTED[place - 1];
      SORTED[place] = value;
    }
    peaks[i] = Math.max(SCALED[i] - ABOVE * SORTED[(count - 1) >> 1], 0) / (i + 1) ** 2;
  }
}

/**
 * Return the depth of regular modulation, in logarithms, averaged over windows of 1.5 s.
 * @param {Tracks} tracks
 * @returns {Float64Array} (8 tracks, 8 bands of rates).
 */
export function modulationSpectrum(tracks) {
  const out = new Float64Array(TRACKS * BANDS.length);
  const weights = visitWindows(tracks, (weight, track, _, peaks) => {
    for (let band = 0; band < BANDS.length; band++) {
      let depth = 0;
      for (let i = BANDS[band]; i < ENDS[band]; i++) depth += peaks[i];
      out[track * BANDS.length + band] += weight * Math.log2(1 + depth / SMALLEST);
    }
  });
  return out.map((depth) => depth / weights);
}

/**
 * Return the distance of two modulation spectra: how much modulation must be moved, and how far.
 * @param {Float64Array} a @param {Float64Array} b
 */
export function modulationDistance(a, b) {
  const n = BANDS.length;
  let sum = 0;
  for (let track = 0; track < TRACKS; track++) {
    let [moved, below, above] = [0, 0, 0];
    for (let band = 0; band < n; band++) {
      below += a[track * n + band] - b[track * n + band];
      above += a[track * n + n - 1 - band] - b[track * n + n - 1 - band];
      moved += Math.abs(below) + Math.abs(above);
    }
    sum += track === 0 || track === PITCH ? moved : moved / TIMBRES;
  }
  return sum / (6 * n);
}

/**
 * Regular movement of a sound.
 * @typedef {object} Modulation
 * @property {"level" | "timbre" | "pitch"} moving What moves.
 * @property {number} rate Movements per second.
 * @property {number} depth Deviation from the middle: dB of level or of the spectrum's shape, or cents.
 */

/**
 * Return what moves most regularly in a sound; `null` where nothing moves so that it is heard.
 * @param {Tracks} tracks
 * @returns {Modulation | null}
 */
export function strongestModulation(tracks) {
  const mean = new Float64Array(TRACKS * LAST);
  const excess = new Float64Array(TRACKS * LAST);
  const weights = visitWindows(tracks, (weight, track, depths, peaks) => {
    for (let i = 0; i < LAST; i++) {
      mean[track * LAST + i] += weight * depths[i];
      excess[track * LAST + i] += weight * peaks[i];
    }
  });
  const best = excess.indexOf(Math.max(...excess));
  if (excess[best] / weights < HEARD) return null;
  const track = Math.floor(best / LAST);
  const k = best % LAST;
  let [sum, center] = [0, 0];
  for (let i = Math.max(k - 1, 0); i < Math.min(k + 2, LAST); i++) {
    sum += mean[track * LAST + i];
    center += (i + 1) * mean[track * LAST + i];
  }
  const moving = track === 0 ? 'level' : track === PITCH ? 'pitch' : 'timbre';
  const depth = mean[best] / weights;
  return {
    moving,
    rate: ((center / sum) * RATE) / HOP / WINDOW,
    depth: moving === 'pitch' ? (depth * 1200) / CENTS : depth,
  };
}
