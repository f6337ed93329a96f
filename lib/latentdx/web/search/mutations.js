/**
 * Mutations: small random changes of a preset that make musical sense, with the probabilities of the library's
 * `applications.mutations`. Each takes a preset of 145 values and returns a changed copy, which may be equal.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { ALGORITHMS, MAXIMA } from '../engine/engine.js';
import { OPERATORS, VOICE_PARAMETERS, column } from '../parameters.js';
import { conversion, firstOf, withAlgorithm } from './algorithm_families.js';
/** @import { Random } from '../random.js' */

const [RATE, LEVEL] = [0, 4]; // places among an operator's 21 values
const [AM_SENSITIVITY, OUTPUT, MODE, COARSE, FINE, DETUNE] = [14, 16, 17, 18, 19, 20];
const [PITCH_RATE, PITCH_LEVEL, ALGORITHM, TRANSPOSE] = [126, 130, 134, 144];
const [SPEED, DELAY, PM_DEPTH, AM_DEPTH, KEY_SYNC, WAVE, PM_SENSITIVITY] = [
  'LFO SPEED', 'LFO DELAY', 'LFO PM DEPTH', 'LFO AM DEPTH', 'LFO KEY SYNC', 'LFO WAVE', 'P MODE SENS.',
].map(column);
/** Whether all values of a parameter are equally far apart. */
const UNORDERED = VOICE_PARAMETERS.map((p) => p.labels.length > 0 || MAXIMA[/** @type {number} */ (p.vced)] <= 3);
UNORDERED[ALGORITHM] = true;
const WIDTHS = [0.01, 0.03, 0.1]; // of a change, as a share of the parameter's range
const MIDDLE_C = 261.63; // Hz
const ALL = Array.from({ length: OPERATORS }, (_, k) => k);
const BLOCKS = [...ALL.map((k) => [firstOf(k), firstOf(k) + 21]), [126, 145]];

/** @param {number} value @param {number} low @param {number} high */
const clip = (value, low, high) => Math.min(Math.max(value, low), high);
/** @param {number} first @param {number} count */
const range = (first, count) => Array.from({ length: count }, (_, i) => first + i);

/**
 * Return the places that can affect the sound of a preset: all that the models learn, of a silent operator
 * only its output level.
 * @param {Uint8Array} values
 */
export function audible(values) {
  const operators = ALL.flatMap((k) =>
    values[firstOf(k) + OUTPUT] ? range(firstOf(k), 21) : [firstOf(k) + OUTPUT],
  );
  return [...range(PITCH_RATE, TRANSPOSE - PITCH_RATE), ...operators];
}

/** Move numbers by a normal deviate of random width; draw categories anew. */
function changed(/** @type {Uint8Array} */ values, /** @type {number[]} */ places, /** @type {Random} */ random) {
  const out = values.slice();
  for (const c of places) {
    const most = MAXIMA[c];
    if (UNORDERED[c]) {
      out[c] = (values[c] + random.integer(1, most + 1)) % (most + 1);
    } else {
      const size = Math.max(1, Math.round(Math.abs(random.normal(0, random.choice(WIDTHS) * most))));
      out[c] = clip(values[c] + size * random.choice([-1, 1]), 0, most);
    }
  }
  return out;
}

/**
 * Add a number to some parameters, within their ranges.
 * @param {Uint8Array} values @param {number[]} places @param {number} by @param {number} [least]
 */
export function shifted(values, places, by, least = 0) {
  const out = values.slice();
  for (const c of places) out[c] = clip(values[c] + by, least, MAXIMA[c]);
  return out;
}

/** Copy some values of one operator to another. */
function copied(/** @type {Uint8Array} */ values, /** @type {Random} */ random, /** @type {number} */ count) {
  const [a, b] = random.sample(ALL, 2);
  const out = values.slice();
  out.set(values.subarray(firstOf(b), firstOf(b) + count), firstOf(a));
  return out;
}

/** Add normal deviates to one or two of some parameters. */
function scattered(
  /** @type {Uint8Array} */ values, /** @type {Random} */ random, /** @type {number} */ first,
  /** @type {number} */ deviation,
) {
  const out = values.slice();
  for (const c of random.sample(range(first, 4), random.integer(1, 3))) {
    out[c] = clip(values[c] + Math.round(random.normal(0, deviation)), 0, 99);
  }
  return out;
}

/**
 * Mutations of a single preset, by name; searches draw among them.
 * @type {Record<string, (values: Uint8Array, random: Random) => Uint8Array>}
 */
export const MOVES = {
  /** Change one parameter. */
  change_one: (values, random) => changed(values, [random.choice(audible(values))], random),

  /** Change two to five parameters. */
  change_several: (values, random) =>
    changed(values, random.sample(audible(values), random.integer(2, 6)), random),

  /** Make envelopes faster or slower: shift some rates of one operator, or of all. */
  scale_envelope_times(values, random) {
    const operators = random.uniform() < 0.4 ? ALL : [random.integer(0, OPERATORS)];
    const rates = range(RATE, 4).filter(() => random.uniform() < 0.5);
    const places = operators.flatMap((k) => rates.map((i) => firstOf(k) + i));
    return shifted(values, places, random.choice([-1, 1]) * random.choice([1, 3, 6, 12]));
  },

  /** Make some of the sounding operators louder or softer by the same amount; none becomes silent. */
  shift_levels(values, random) {
    const levels = ALL.map((k) => firstOf(k) + OUTPUT);
    const places = levels.filter((c) => random.uniform() < 0.5 && values[c] > 0);
    return shifted(values, places, random.choice([-1, 1]) * random.choice([1, 2, 4, 8]), 1);
  },

  /** Change one operator's frequency: to a close ratio, by an octave, in its fine part, or by detuning. */
  change_frequency(values, random) {
    const first = firstOf(random.integer(0, OPERATORS));
    const out = values.slice();
    const kind = random.uniform();
    const step = () => random.choice([-2, -1, 1, 2]);
    if (kind < 0.5) return shifted(values, [first + COARSE], step());
    if (kind < 0.7) {
      const coarse = values[first + COARSE];
      out[first + COARSE] = random.uniform() < 0.5 ? Math.min(2 * coarse, 31) : coarse >> 1;
    } else if (kind < 0.85) {
      out[first + FINE] = values[first + FINE] ? 0 : random.integer(0, 100);
    } else {
      return shifted(values, [first + DETUNE], step());
    }
    return out;
  },

  /** Exchange two operators. */
  swap_operators(values, random) {
    const [a, b] = random.sample(ALL, 2).map(firstOf);
    const out = values.slice();
    out.set(values.subarray(a, a + 21), b);
    out.set(values.subarray(b, b + 21), a);
    return out;
  },

  /** Replace an operator by a copy of another. */
  copy_operator: (values, random) => copied(values, random, 21),

  /** Replace an operator's envelope by that of another. */
  copy_envelope: (values, random) => copied(values, random, LEVEL + 4),

  /** Change to one of the most similar algorithms; operators change places so that most connections stay. */
  change_algorithm(values, random) {
    const old = values[ALGORITHM] + 1;
    const others = range(1, ALGORITHMS.length).filter((number) => number !== old);
    const likely = others.map((number) => Math.exp(-conversion(old, number).cost));
    return withAlgorithm(values, others[random.weighted(likely)]);
  },

  /** Change the LFO as a whole: what it modulates and how far, its speed and delay, or its wave. */
  change_modulation(values, random) {
    const out = values.slice();
    const kind = random.uniform();
    if (kind < 0.3) {
      const vibrato = random.uniform() < 0.8;
      out[PM_DEPTH] = vibrato ? random.integer(0, 100) : 0;
      out[PM_SENSITIVITY] = vibrato ? random.integer(0, 8) : 0;
    } else if (kind < 0.5) {
      out[AM_DEPTH] = random.integer(0, 100);
      const chosen = ALL.filter(() => random.uniform() < 0.4);
      const sensitivity = random.integer(0, 4);
      for (const k of chosen) out[firstOf(k) + AM_SENSITIVITY] = sensitivity;
    } else if (kind < 0.75) {
      out[SPEED] = clip(values[SPEED] + Math.round(random.normal(0, 12)), 0, 99);
    } else if (kind < 0.9) {
      out[DELAY] = random.uniform() < 0.6 ? random.integer(0, 100) : 0;
    } else {
      out[WAVE] = random.integer(0, 6);
      out[KEY_SYNC] = random.integer(0, 2);
    }
    return out;
  },

  /** Give the pitch another course: flat, from elsewhere to the pitch, or other rates and levels. */
  change_pitch_envelope(values, random) {
    const out = values.slice();
    const kind = random.uniform();
    if (kind < 0.5) {
      out.fill(50, PITCH_LEVEL, PITCH_LEVEL + 4);
      if (kind < 0.25) return out;
      out[PITCH_LEVEL + 3] = clip(Math.round(random.normal(50, 15)), 0, 99);
      out[PITCH_RATE] = random.integer(20, 100);
      return out;
    }
    return kind < 0.75 ? scattered(values, random, PITCH_LEVEL, 8) : scattered(values, random, PITCH_RATE, 15);
  },

  /** Give an operator a fixed frequency, or a ratio, which is about what it had at middle C. */
  fix_frequency(values, random) {
    const first = firstOf(random.integer(0, OPERATORS));
    const [mode, coarse, fine] = values.subarray(first + MODE, first + MODE + 3);
    const out = values.slice();
    if (mode) {
      const ratio = 10 ** ((coarse % 4) + fine / 100) / MIDDLE_C;
      const whole = ratio >= 1 ? Math.min(Math.floor(ratio), 31) : 0;
      out[first + COARSE] = whole;
      out[first + FINE] = clip(Math.round(100 * (ratio / (whole || 0.5) - 1)), 0, 99);
    } else {
      const hertz = MIDDLE_C * (coarse || 0.5) * (1 + fine / 100);
      const hundredths = Math.round(100 * Math.log10(Math.min(hertz, 9772)));
      out[first + COARSE] = Math.floor(hundredths / 100);
      out[first + FINE] = hundredths % 100;
    }
    out[first + MODE] = 1 - mode;
    return out;
  },
};

/**
 * Take over some operators, or the global parameters, from another preset.
 * @param {Uint8Array} values @param {Uint8Array} other @param {Random} random
 */
export function crossover(values, other, random) {
  const out = values.slice();
  for (const [start, end] of BLOCKS) if (random.uniform() < 0.3) out.set(other.subarray(start, end), start);
  return out;
}

/**
 * Apply the difference between two presets to a third, as far as the parameters' ranges allow.
 * @param {Uint8Array} values @param {Uint8Array} before @param {Uint8Array} after
 */
export function repeatChange(values, before, after) {
  return values.map((value, i) => clip(value + after[i] - before[i], 0, MAXIMA[i]));
}
