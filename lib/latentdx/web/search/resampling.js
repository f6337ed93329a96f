/**
 * Resampling by a windowed sinc.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

const ZEROS = 90; // of the sinc, on either side
const STEPS = 256; // of its table, from one zero to the next
const PASSED = 0.9565; // middle of the filter's slope, as a share of half the lower rate
const BETA = 11.8; // of the Kaiser window: 115 dB

/** Return the modified Bessel function of order 0. @param {number} x */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}

/** One side of the windowed sinc. @type {Float64Array | undefined} */
let kernel;

function kernelTable() {
  kernel ??= Float64Array.from({ length: ZEROS * STEPS + 2 }, (_, i) => {
    const x = i / STEPS;
    if (x >= ZEROS) return 0;
    const sinc = i ? Math.sin(Math.PI * x) / (Math.PI * x) : 1;
    return (sinc * bessel(BETA * Math.sqrt(1 - (x / ZEROS) ** 2))) / bessel(BETA);
  });
  return kernel;
}

/**
 * Resample a sound; what the lower of both rates cannot hold is removed.
 * @param {Float32Array} sound @param {number} from Sample rate in Hz. @param {number} to Sample rate in Hz.
 * @returns {Float32Array}
 */
export function resample(sound, from, to) {
  if (from === to) return sound;
  const table = kernelTable();
  const scale = PASSED * Math.min(1, to / from); // zeros of the sinc per sample of the source
  const reach = ZEROS / scale;
  const out = new Float32Array(Math.max(Math.round((sound.length * to) / from), 1));
  for (let i = 0; i < out.length; i++) {
    const center = (i * from) / to;
    const last = Math.min(Math.floor(center + reach), sound.length - 1);
    let sum = 0;
    for (let j = Math.max(Math.ceil(center - reach), 0); j <= last; j++) {
      const place = Math.abs(j - center) * scale * STEPS;
      const below = Math.floor(place);
      sum += sound[j] * (table[below] + (place - below) * (table[below + 1] - table[below]));
    }
    out[i] = sum * scale;
  }
  return out;
}
