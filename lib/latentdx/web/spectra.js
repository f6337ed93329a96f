/**
 * Spectra of real frames: the FFT, windows, and mel filters as librosa's.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/** Sample rate in Hz at which sounds are compared. */
export const RATE = 22050;

/** The FFT of complex numbers: passes of radix 4 (and one of radix 2), whose results lie in natural order. */
export class FFT {
  /** @param {number} n Number of complex numbers, a power of two, at least 4. */
  constructor(n) {
    if (n < 4 || (n & (n - 1)) !== 0) throw new RangeError(`${n} is no power of two from 4 on`);
    this.n = n;
    this.re = new Float64Array(n);
    this.im = new Float64Array(n);
    this.otherRe = new Float64Array(n);
    this.otherIm = new Float64Array(n);
    /** Twiddle factors of each pass: cosines and sines of one, two and three times the angle. */
    this.passes = [];
    for (let part = n; part >= 4; part /= 4) {
      const factors = new Float64Array((part / 4) * 6);
      for (let p = 0; p < part / 4; p++) {
        for (let k = 1; k < 4; k++) {
          factors[6 * p + 2 * k - 2] = Math.cos((2 * Math.PI * p * k) / part);
          factors[6 * p + 2 * k - 1] = -Math.sin((2 * Math.PI * p * k) / part);
        }
      }
      this.passes.push(factors);
    }
  }

  /** Transform the numbers in `re` and `im`, where the results are afterwards. */
  transform() {
    let [re, im, toRe, toIm] = [this.re, this.im, this.otherRe, this.otherIm];
    let part = this.n;
    let stride = 1;
    for (const factors of this.passes) {
      const quarter = part / 4;
      const apart = stride * quarter;
      for (let p = 0; p < quarter; p++) {
        const c1 = factors[6 * p], s1 = factors[6 * p + 1];
        const c2 = factors[6 * p + 2], s2 = factors[6 * p + 3];
        const c3 = factors[6 * p + 4], s3 = factors[6 * p + 5];
        const from = stride * p;
        const to = 4 * from;
        for (let q = 0; q < stride; q++) {
          const a = from + q, b = a + apart, c = b + apart, d = c + apart;
          const sumRe = re[a] + re[c], sumIm = im[a] + im[c];
          const gapRe = re[a] - re[c], gapIm = im[a] - im[c];
          const otherRe = re[b] + re[d], otherIm = im[b] + im[d];
          const turnRe = im[b] - im[d], turnIm = re[d] - re[b];
          const e = to + q;
          toRe[e] = sumRe + otherRe;
          toIm[e] = sumIm + otherIm;
          let x = gapRe + turnRe, y = gapIm + turnIm;
          toRe[e + stride] = x * c1 - y * s1;
          toIm[e + stride] = x * s1 + y * c1;
          x = sumRe - otherRe;
          y = sumIm - otherIm;
          toRe[e + 2 * stride] = x * c2 - y * s2;
          toIm[e + 2 * stride] = x * s2 + y * c2;
          x = gapRe - turnRe;
          y = gapIm - turnIm;
          toRe[e + 3 * stride] = x * c3 - y * s3;
          toIm[e + 3 * stride] = x * s3 + y * c3;
        }
      }
      [re, im, toRe, toIm] = [toRe, toIm, re, im];
      part = quarter;
      stride *= 4;
    }
    if (part === 2) {
      for (let q = 0; q < stride; q++) {
        toRe[q] = re[q] + re[q + stride];
        toIm[q] = im[q] + im[q + stride];
        toRe[q + stride] = re[q] - re[q + stride];
        toIm[q + stride] = im[q] - im[q + stride];
      }
      [re, im, toRe, toIm] = [toRe, toIm, re, im];
    }
    [this.re, this.im, this.otherRe, this.otherIm] = [re, im, toRe, toIm];
  }

  /**
   * Write the autocorrelation of a frame, whose length is at most half of the FFT's, into `re`.
   * @param {ArrayLike<number>} sound @param {number} start @param {number} length
   */
  autocorrelate(sound, start, length) {
    this.re.fill(0);
    this.im.fill(0);
    for (let i = 0; i < length; i++) this.re[i] = sound[start + i] / Math.sqrt(this.n);
    this.transform();
    for (let i = 0; i < this.n; i++) this.re[i] = this.re[i] ** 2 + this.im[i] ** 2;
    this.im.fill(0);
    this.transform();
  }
}

/** The FFT of real frames of one length: a complex number is made of two samples. */
export class RealFFT extends FFT {
  /** @param {number} size Number of samples, a power of two, at least 8. */
  constructor(size) {
    const n = size / 2;
    super(n);
    this.cosines = Float64Array.from({ length: n / 2 + 1 }, (_, k) => Math.cos((Math.PI * k) / n));
    this.sines = Float64Array.from({ length: n / 2 + 1 }, (_, k) => Math.sin((Math.PI * k) / n));
  }

  /**
   * Write the power of each bin of a frame.
   * @param {ArrayLike<number>} sound @param {number} start First sample of the frame.
   * @param {ArrayLike<number>} window Factor of each sample.
   * @param {Float64Array} powers Size / 2 + 1 bins, written.
   */
  powers(sound, start, window, powers) {
    const { n, re, im, cosines, sines } = this;
    for (let i = 0, at = start; i < n; i++, at += 2) {
      re[i] = sound[at] * window[2 * i];
      im[i] = sound[at + 1] * window[2 * i + 1];
    }
    this.transform();
    const zRe = this.re, zIm = this.im;
    powers[0] = (zRe[0] + zIm[0]) ** 2;
    powers[n] = (zRe[0] - zIm[0]) ** 2;
    for (let k = 1; k <= n / 2; k++) {
      const j = n - k;
      const evenRe = (zRe[k] + zRe[j]) / 2, evenIm = (zIm[k] - zIm[j]) / 2;
      const oddRe = (zIm[k] + zIm[j]) / 2, oddIm = (zRe[j] - zRe[k]) / 2;
      const turnRe = oddRe * cosines[k] + oddIm * sines[k];
      const turnIm = oddIm * cosines[k] - oddRe * sines[k];
      powers[k] = (evenRe + turnRe) ** 2 + (evenIm + turnIm) ** 2;
      powers[j] = (evenRe - turnRe) ** 2 + (evenIm - turnIm) ** 2;
    }
  }
}

/** Return a periodic Hann window. @param {number} n Number of samples. @returns {Float64Array} */
export function hann(n) {
  return Float64Array.from({ length: n }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n));
}

const LINEAR = 200 / 3; // Hz per mel up to 1 kHz, in Slaney's scale
const STEP = Math.log(6.4) / 27; // of the logarithm per mel, above

/** Return the place of a frequency on Slaney's scale. @param {number} hz @returns {number} */
export const toMel = (hz) => (hz < 1000 ? hz / LINEAR : 15 + Math.log(hz / 1000) / STEP);
/** @param {number} mel @returns {number} */
const toHertz = (mel) => (mel < 15 ? mel * LINEAR : 1000 * Math.exp((mel - 15) * STEP));

/**
 * A mel filter: weights of successive bins.
 * @typedef {{first: number, weights: Float64Array}} MelFilter
 */

/**
 * Return mel filters, as `librosa.filters.mel`.
 * @param {number} size FFT size in samples. @param {number} count Number of bands.
 * @param {object} [options]
 * @param {number} [options.lowest] Lowest frequency in Hz.
 * @param {boolean} [options.equalAreas] Whether filters have equal areas, or else equal peaks.
 * @returns {MelFilter[]}
 */
export function melFilters(size, count, { lowest = 0, equalAreas = false } = {}) {
  const [low, high] = [toMel(lowest), toMel(RATE / 2)];
  const edges = Array.from({ length: count + 2 }, (_, i) => toHertz(low + ((high - low) * i) / (count + 1)));
  return Array.from({ length: count }, (_, i) => {
    const [left, middle, right] = edges.slice(i, i + 3);
    const area = equalAreas ? 2 / (right - left) : 1;
    let first = 0;
    const weights = [];
    for (let bin = 0; bin <= size / 2; bin++) {
      const hz = (bin * RATE) / size;
      const weight = Math.min((hz - left) / (middle - left), (right - hz) / (right - middle));
      if (weight > 0) {
        if (!weights.length) first = bin;
        weights.push(weight * area);
      }
    }
    return { first, weights: Float64Array.from(weights) };
  });
}

/** Return the weighted sum of bins. @param {Float64Array} powers @param {MelFilter} filter */
export function band(powers, filter) {
  const { first, weights } = filter;
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += powers[first + i] * weights[i];
  return sum;
}
