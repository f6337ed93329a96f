/**
 * The comparison of a sound's spectra and MFCCs with those of another, four frames at a time, see `kernels.js`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { RealFFT, hann, melFilters } from '../spectra.js';
import { LEAST_MEL, LEAST_POWER, MFCCS, VECTOR_BYTES, makeKernels } from './kernels.js';
/** @import { Tracks } from './modulation.js' */

/** Samples from one frame of 2,048 samples to the next. */
export const HOP = 512;

const BINS = 513;
const MELS = 128;
const PAD = 1024; // samples before and after a sound: half of the longer frames
const LANES = 4;
const RANGE_DB = 80; // of the mel bands, below their maximum
const LOWEST_DB = 10 * Math.log10(LEAST_MEL);
const LOG_MAGNITUDE = 0.5 * Math.log10(2); // from the binary logarithm of a power

/** @typedef {ReturnType<typeof fftTables>} Tables */
/** @typedef {Tables & ReturnType<typeof placed>} Placed */

/** Tables of an FFT of real frames. @param {number} size Samples. */
function fftTables(size) {
  const { n, passes, cosines, sines } = new RealFFT(size);
  return {
    size,
    window: hann(size).map((factor) => factor / 2), // as `writePowers` takes it
    factors: Float32Array.from(passes.flatMap((factors) => [...factors])),
    turns: Float32Array.from({ length: n + 2 }, (_, i) => (i % 2 ? sines : cosines)[i >> 1]),
  };
}

const SHORT = fftTables(1024);
const LONG = fftTables(2048);
const FILTERS = melFilters(LONG.size, MELS, { equalAreas: true });
const BANDS = FILTERS.flatMap(({ first, weights }) => [VECTOR_BYTES * first, Math.ceil(weights.length / 2)]);
const MEL_WEIGHTS = FILTERS.flatMap(({ weights }) => (weights.length % 2 ? [...weights, 0] : [...weights]));
const OCTAVES = Array.from({ length: BINS }, (_, k) => Math.log2(Math.max(k, 1)));
const COSINES = Array.from({ length: MFCCS * MELS }, (_, at) => {
  const [i, mel] = [at % MFCCS, Math.floor(at / MFCCS)];
  return Math.sqrt((i ? 2 : 1) / MELS) * Math.cos((Math.PI * i * (2 * mel + 1)) / (2 * MELS));
});

/** Parts of a memory, laid out one after another; their addresses are in bytes. */
class Layout {
  constructor() {
    this.numbers = 0;
    /** @type {[number, ArrayLike<number>][]} */
    this.tables = [];
  }

  /** Take room for some numbers. @param {number} count @returns {number} */
  room(count) {
    const at = 4 * this.numbers;
    this.numbers += LANES * Math.ceil(count / LANES);
    return at;
  }

  /** Take room for a table, to be filled. @param {ArrayLike<number>} table @returns {number} */
  table(table) {
    const at = this.room(table.length);
    this.tables.push([at, table]);
    return at;
  }
}

/** Take room for an FFT's window, and place its other tables. @param {Layout} layout @param {Tables} tables */
const placed = (layout, { size, factors, turns }) => ({
  at: { window: layout.room(size), factors: layout.table(factors), turns: layout.table(turns) },
});

/**
 * Result of a comparison.
 * @typedef {object} Compared
 * @property {number} logarithms Mean difference of the decimal logarithms of magnitudes.
 * @property {number} convergence Norm of the differences of magnitudes, as a share of that of those wanted.
 * @property {number} mfccs Mean difference of the MFCCs.
 * @property {Tracks} tracks Course of the sound.
 */

/** Compares sounds with a wanted one of the same length. */
export class SpectralComparison {
  /**
   * @param {Float32Array} wanted Sound at 22,050 Hz, of at least 1,025 samples.
   * @param {number} hop Samples from one spectrum of 1,024 samples to the next: 512, or 256.
   */
  constructor(wanted, hop) {
    this.length = wanted.length;
    this.hop = hop;
    this.spectra = 1 + Math.floor(this.length / hop);
    this.frames = 1 + Math.floor(this.length / HOP);
    const places = 2 * LANES * BINS * Math.ceil(this.spectra / LANES); // magnitudes and logarithms
    const layout = new Layout();
    this.sound = layout.room(this.length + 2 * PAD + LONG.size + LANES * HOP); // the last group may be longer
    this.numbers = [0, 1].map(() => layout.room(LANES * (LONG.size + 2)));
    this.powers = layout.room(LANES * (LONG.size / 2 + 2));
    this.wanted = layout.room(places);
    this.levels = layout.room(LANES * MELS * Math.ceil(this.frames / LANES));
    this.mfccs = layout.room(LANES * MFCCS); // of one group
    this.results = layout.room(LANES * 4);
    this.short = { ...SHORT, ...placed(layout, SHORT) };
    this.long = { ...LONG, ...placed(layout, LONG) };
    this.bands = layout.room(BANDS.length);
    this.weights = layout.table(MEL_WEIGHTS);
    this.octaves = layout.table(OCTAVES);
    this.cosines = layout.table(COSINES);
    this.kernels = makeKernels(layout.numbers);
    const { memory, integers } = this.kernels;
    for (const [at, table] of layout.tables) memory.set(table, at / 4);
    integers.set(BANDS, this.bands / 4);
    for (let i = 0; i < places; i++) memory[this.wanted / 4 + i] = i & LANES ? Math.log2(LEAST_POWER) : 0;
    /** What each spectrum adds to the sums of differences where the other sound is silent. */
    this.fromSilence = new Float64Array(this.spectra * 2);
    this.end = 0; // after the last sample that is not zero
    this.load(wanted, 1);
    const mfcc = this.mfccsOf();
    const { squares, power, octaves } = this.compareSpectra(true);
    this.norm = Math.sqrt(squares);
    /** Course of the wanted sound. @type {Tracks} */
    this.tracks = { frames: this.frames, mfcc, power, octaves };
  }

  /**
   * Compare a sound, amplified, with the wanted one.
   * @param {Float32Array} sound As many samples as the wanted one has.
   * @param {number} factor
   * @returns {Compared}
   */
  compare(sound, factor) {
    this.load(sound, factor);
    const mfcc = this.mfccsOf();
    const { logSum, squares, power, octaves } = this.compareSpectra(false);
    let mfccSum = 0;
    for (let i = 0; i < mfcc.length; i++) mfccSum += Math.abs(mfcc[i] - this.tracks.mfcc[i]);
    return {
      logarithms: (LOG_MAGNITUDE * logSum) / (this.spectra * BINS),
      convergence: this.norm ? Math.sqrt(squares) / this.norm : 0,
      mfccs: mfccSum / mfcc.length,
      tracks: { frames: this.frames, mfcc, power, octaves },
    };
  }

  /** Take a sound; the windows amplify it. @param {Float32Array} sound @param {number} factor */
  load(sound, factor) {
    const { memory } = this.kernels;
    const first = this.sound / 4 + PAD;
    memory.fill(0, first - PAD, first);
    memory.set(sound, first);
    memory.fill(0, first + this.length, first + this.length + PAD);
    for (const { window, at } of [this.short, this.long]) {
      for (let i = 0; i < window.length; i++) memory[at.window / 4 + i] = factor * window[i];
    }
    this.end = this.length;
    while (this.end && sound[this.end - 1] === 0) this.end--;
  }

  /** Write the powers of four frames. @param {Placed} tables @param {number} first Sample. @param {number} hop */
  writePowers({ size, at }, first, hop) {
    const { kernels } = this;
    let [here, there] = this.numbers;
    const turnTo = (/** @type {() => void} */ pass) => {
      pass();
      [here, there] = [there, here];
    };
    kernels.cut(this.sound + 4 * first, 4 * hop, at.window, size / 4, here);
    let run = 1;
    let factors = at.factors;
    for (let part = size / 2; part >= 4; part /= 4) {
      turnTo(() => kernels.turnFours(here, there, part / 4, run, factors));
      factors += 6 * part;
      run *= 4;
    }
    if (run < size / 2) turnTo(() => kernels.turnTwos(here, there, run));
    kernels.writePowers(here, size / 2, at.turns, this.powers);
  }

  /** Compute the MFCCs of the sound, before `compareSpectra`. @returns {Float64Array} (frames, 13). */
  mfccsOf() {
    const { kernels, frames, results } = this;
    const { memory } = kernels;
    const mfcc = new Float64Array(frames * MFCCS);
    let loudest = LOWEST_DB;
    for (let t = 0; t < frames; t += LANES) {
      const levels = this.levels + 4 * MELS * t;
      if (t * HOP - PAD >= this.end) {
        memory.fill(LOWEST_DB, levels / 4, levels / 4 + MELS * LANES);
        continue;
      }
      this.writePowers(this.long, t * HOP, HOP);
      kernels.writeBands(this.powers, this.bands, MELS, this.weights, levels, results);
      for (let i = 0; i < LANES && t + i < frames; i++) loudest = Math.max(loudest, memory[results / 4 + i]);
    }
    memory[results / 4] = loudest - RANGE_DB;
    for (let t = 0; t < frames; t += LANES) {
      kernels.writeMfccs(this.levels + 4 * MELS * t, MELS, results, this.cosines, this.mfccs);
      for (let i = 0; i < LANES && t + i < frames; i++) {
        for (let k = 0; k < MFCCS; k++) mfcc[(t + i) * MFCCS + k] = memory[this.mfccs / 4 + LANES * k + i];
      }
    }
    return mfcc;
  }

  /**
   * Compare the spectra of the sound with those wanted.
   * @param {boolean} learn Whether the spectra are those wanted from now on; before, silence is wanted.
   */
  compareSpectra(learn) {
    const { kernels, length, hop, spectra, fromSilence } = this;
    const { memory } = kernels;
    const [start, half] = [this.sound / 4 + PAD, SHORT.size / 2];
    for (let i = 1; i <= half; i++) { // the sound is reflected at its ends
      memory[start - i] = memory[start + i];
      memory[start + length - 1 + i] = memory[start + length - 1 - i];
    }
    const power = new Float64Array(this.frames);
    const octaves = new Float64Array(this.frames);
    let [logSum, squares, t] = [0, 0, 0];
    for (; t < spectra && (t * hop - half < this.end || this.end >= length - half); t += LANES) {
      const wanted = this.wanted + 8 * BINS * t;
      this.writePowers(this.short, PAD - half + t * hop, hop);
      kernels.compare(this.powers, BINS, wanted, this.octaves, this.results);
      if (learn) kernels.measure(this.powers, BINS, wanted);
      for (let i = 0; i < LANES && t + i < spectra; i++) {
        const [logs, gaps, sum, octaveSum] = [0, 1, 2, 3].map((k) => memory[this.results / 4 + LANES * k + i]);
        logSum += logs;
        squares += gaps;
        if (learn) fromSilence.set([logs, gaps], 2 * (t + i));
        const frame = ((t + i) * hop) / HOP;
        if (Number.isInteger(frame)) [power[frame], octaves[frame]] = [sum, octaveSum];
      }
    }
    for (; t < spectra; t++) {
      logSum += fromSilence[2 * t];
      squares += fromSilence[2 * t + 1];
    }
    return { logSum, squares, power, octaves };
  }
}
