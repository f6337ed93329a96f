/**
 * Random numbers that a seed determines.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/**
 * Make a generator: Chris Doty-Humphrey's sfc32 (PractRand), whose numbers have 32 random bits.
 * @param {number} seed Any integer.
 * @param {number} [stream] Number of a sequence; those of one seed are independent of one another.
 * @returns {() => number} Function that returns the next number, at least 0 and less than 1.
 */
export function generator(seed, stream = 0) {
  let a = seed | 0;
  let b = stream | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next(); // until each bit depends on the whole seed
  return next;
}
