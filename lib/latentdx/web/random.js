/**
 * Random numbers that a seed repeats.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/** A generator of random numbers: 128 bits of state that are added, shifted and rotated ("sfc32"). */
export class Random {
  /**
   * @param {number} seed Equal seeds give equal numbers.
   * @param {number} [stream] Number of a sequence; those of one seed are independent of one another.
   */
  constructor(seed, stream = 0) {
    this.state = Uint32Array.from([seed, seed / 2 ** 32, 0x9e3779b9 + stream, 1]);
    for (let i = 0; i < 16; i++) this.bits(); // until the seed has reached all of the state
  }

  /** Return 32 random bits. */
  bits() {
    const s = this.state;
    const out = (s[0] + s[1] + s[3]) >>> 0;
    s[3]++;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + out;
    return out;
  }

  /** Return a number from 0 up to, but not, 1. */
  uniform() {
    return (this.bits() + (this.bits() >>> 11) / 2 ** 21) / 2 ** 32;
  }

  /** Return an integer from a lowest one up to, but not, an end. @param {number} low @param {number} end */
  integer(low, end) {
    return low + Math.floor(this.uniform() * (end - low));
  }

  /** Return a normal deviate. @param {number} mean @param {number} deviation */
  normal(mean = 0, deviation = 1) {
    const length = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + deviation * length * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Return one of some items. @template T @param {ArrayLike<T>} items @returns {T} */
  choice(items) {
    return items[this.integer(0, items.length)];
  }

  /** Return different ones of some items. @template T @param {ArrayLike<T>} items @param {number} count */
  sample(items, count) {
    const rest = Array.from(items);
    for (let i = 0; i < count; i++) {
      const j = this.integer(i, rest.length);
      [rest[i], rest[j]] = [rest[j], rest[i]];
    }
    return rest.slice(0, count);
  }

  /** Return an index, drawn by weights. @param {ArrayLike<number>} weights @returns {number} */
  weighted(weights) {
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += weights[i];
    let left = this.uniform() * sum;
    for (let i = 0; i < weights.length - 1; i++) {
      left -= weights[i];
      if (left < 0) return i;
    }
    return weights.length - 1;
  }
}
