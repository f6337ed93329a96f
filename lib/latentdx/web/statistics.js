/**
 * Quantiles of numbers.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/**
 * Return the number at a share of sorted numbers, between two of them if need be.
 * @param {number[]} sorted @param {number} share 0 … 1.
 */
export function quantile(sorted, share) {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

/** Return the median. @param {Iterable<number>} values */
export const median = (values) => quantile([...values].sort((a, b) => a - b), 0.5);
