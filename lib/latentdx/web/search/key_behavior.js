/**
 * What a preset does after its key is let go, while it is held longer than the target was, and at other keys;
 * and its level.
 * As in the library's `applications.key_behavior` and `applications.output_level`, whose comments give the
 * reasons.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { firstOf, soundingCarriers } from './algorithm_families.js';
import { NEUTRAL_TRANSPOSE, column } from '../parameters.js';
import { RATE } from '../spectra.js';
import { median } from '../statistics.js';
import { decibels } from './levels.js';
import { noteEnvelope } from './note_envelope.js';
import { play } from './objective.js';
/** @import { Target } from './objective.js' */
/** @import { NoteEnvelope } from './note_envelope.js' */

const AFTER = 5; // seconds after the key at which a sound should have ended
const HELD = 6; // seconds for which a sustained sound is held
/** Fall in dB below the loudest moment from which a sound counts as ended. */
export const FALL_DB = 40;
const RELEASE_RATE = 45; // where no other preset tells a plausible one
const WINDOW = Math.round(0.1 * RATE);
const LEAST_HEARD = 3; // tenths of a second after the key that tell something
const SUSTAINED = 6; // dB per second
const RATES = [0, 10, 20, 35, 54];
const WAYS = [0.25, 0.5, 0.75, 0.9, 1];
const [COST, LEAST_COST] = [1.05, 0.005];
/** Increase of the distance that counts as none. */
export const SAME = 1e-3;
const DB_PER_LEVEL = 0.75;
const TRIES = 5;
const TRANSPOSE = column('TRANSPOSE');
// places among an operator's values
const RATE_1 = 0;
const RATE_4 = 3;
const LEVEL_2 = 5;
const LEVEL_3 = 6;
const LEVEL_4 = 7;
const OUTPUT = 16;
const MODE = 17;
const COARSE = 18;
const FINE = 19;

/** Return the mean square of each 0.1 s. @param {Float32Array} sound */
function tenths(sound) {
  return Array.from({ length: Math.max(Math.floor(sound.length / WINDOW), 2) }, (_, i) => {
    let sum = 0;
    for (let at = i * WINDOW; at < Math.min((i + 1) * WINDOW, sound.length); at++) sum += sound[at] ** 2;
    return sum / WINDOW;
  });
}

/** Return the level just before the last 0.1 s, which are faded out, relative to the loudest. */
function lastDb(/** @type {Float32Array} */ sound) {
  const powers = tenths(sound);
  return decibels(powers[powers.length - 2]) - decibels(Math.max(...powers));
}

/**
 * Levels of a preset relative to its loudest 0.1 s: 5 s after its key was held as long as the target's, and
 * after 6 s, or the target's hold if that is longer, with the key down.
 * @param {Uint8Array} values @param {Target} target
 * @returns {{releaseDb: number, heldDb: number}}
 */
export function keyBehavior(values, target) {
  return { releaseDb: releaseDb(values, target), heldDb: heldDb(values, target) };
}

const releaseDb = (/** @type {Uint8Array} */ values, /** @type {Target} */ target) =>
  lastDb(play(values, target, Math.round((target.hold + AFTER) * RATE) + WINDOW));

function heldDb(/** @type {Uint8Array} */ values, /** @type {Target} */ target) {
  const seconds = Math.max(HELD, target.hold);
  return lastDb(play(values, target, Math.round(seconds * RATE) + WINDOW, seconds + 1));
}

/** Return whether a target itself falls too slowly after its key to have ended 5 s later. @param {Target} target */
export function mayRing(target) {
  const levels = tenths(target.sound).map(decibels);
  const loudest = Math.max(...levels);
  const off = Math.floor(Math.round(target.hold * RATE) / WINDOW);
  let end = levels.length - 2; // the last 0.1 s are faded out, and silence may follow
  while (end > 0 && levels[end] <= loudest - FALL_DB) end--;
  end -= 1;
  if (end - off < LEAST_HEARD) return false;
  const fall = (levels[off] - levels[end]) / (end - off);
  return levels[off] - (fall * AFTER * RATE) / WINDOW > loudest - FALL_DB;
}

/**
 * Return whether a target holds its level until its key is let go, or until it is cut off.
 * @param {Target & {envelope?: NoteEnvelope}} target
 */
export function isSustained(target) {
  const { ending, decay } = target.envelope ?? noteEnvelope(target.sound);
  return ending !== 'faded' && decay < SUSTAINED;
}

/**
 * Let a preset follow the key, end after it and, if its target is sustained, go on while it is held. Of the ways
 * that do it, that with the least distance is taken, unless it costs more than 5%.
 * @param {Uint8Array} values @param {Target} target
 * @param {(values: Uint8Array) => number} rank Distance; infinite for presets that are not allowed.
 * @param {number} releaseRate Plausible EG RATE 4.
 * @param {Uint8Array | null} [refined] Preset that was refined; operators whose frequency it fixes keep theirs.
 */
export function mended(values, target, rank, releaseRate, refined = null) {
  let out = following(values, target.note, rank, refined);
  if (releaseDb(out, target) > -FALL_DB && !mayRing(target)) {
    out = cheapest(out, released(out, releaseRate), rank, (v) => releaseDb(v, target) <= -FALL_DB);
  }
  if (heldDb(out, target) < -FALL_DB && isSustained(target)) {
    out = cheapest(out, sustained(out), rank, (v) => heldDb(v, target) >= -FALL_DB);
  }
  return out;
}

/**
 * Replace fixed frequencies by ratios, one operator after the other, as far as they cost little in all.
 * @param {Uint8Array} values @param {number} note @param {(values: Uint8Array) => number} rank
 * @param {Uint8Array | null} refined
 */
function following(values, note, rank, refined) {
  const changeable = (/** @type {number} */ at) => values[at + MODE] && values[at + OUTPUT] && !refined?.[at + MODE];
  const fixed = [0, 1, 2, 3, 4, 5].map(firstOf).filter(changeable);
  const most = fixed.length && COST * rank(values) + LEAST_COST;
  let out = values;
  for (const first of fixed) {
    const ranked = withRatio(out, first, note).map((way) => ({ way, distance: rank(way) }));
    const best = ranked.reduce((a, b) => (b.distance < a.distance ? b : a));
    if (best.distance <= most) out = best.way;
  }
  return out;
}

/**
 * Return presets whose operator has about the ratio of its fixed frequency to a note.
 * @param {Uint8Array} values @param {number} first Place of the operator's first value. @param {number} note
 */
function withRatio(values, first, note) {
  const key = note + values[TRANSPOSE] - NEUTRAL_TRANSPOSE;
  const hertz = 10 ** ((values[first + COARSE] % 4) + values[first + FINE] / 100);
  const ratio = hertz / (440 * 2 ** ((key - 69) / 12));
  const below = Math.min(Math.floor(ratio), 31);
  const over = Math.round(100 * (ratio / (below || 0.5) - 1));
  const whole = Math.min(Math.round(ratio), 31);
  return [[below, over], [below, over - 1], [below, over + 1], [whole, 0]].map(([coarse, fine]) => {
    const out = values.slice();
    out[first + MODE] = 0;
    out[first + COARSE] = coarse;
    out[first + FINE] = Math.min(Math.max(fine, 0), 99);
    return out;
  });
}

/**
 * Return the closest of some changed presets that is good and costs little, or the preset as it is.
 * @param {Uint8Array} values @param {Uint8Array[]} ways
 * @param {(values: Uint8Array) => number} rank @param {(values: Uint8Array) => boolean} good
 */
function cheapest(values, ways, rank, good) {
  const most = COST * rank(values) + LEAST_COST;
  const ranked = ways.map((way) => ({ way, distance: rank(way) })).filter(({ distance }) => distance <= most);
  ranked.sort((a, b) => a.distance - b.distance);
  return ranked.find(({ way }) => good(way))?.way ?? values;
}

/** Return presets that are silent after the key; level 4 is also where the attack starts from. */
function released(/** @type {Uint8Array} */ values, /** @type {number} */ rate) {
  const firsts = soundingCarriers(values).map((k) => firstOf(k - 1));
  return [null, ...RATES].flatMap((more) => {
    const slow = values.slice();
    for (const first of firsts) {
      slow[first + LEVEL_4] = 0;
      if (more !== null) slow[first + RATE_4] = Math.max(values[first + RATE_4], Math.min(rate + more, 99));
    }
    const quick = slow.slice();
    for (const first of firsts) quick[first + RATE_1] = 99;
    return [slow, quick];
  });
}

/** Return presets whose carriers stay louder while the key is held. @param {Uint8Array} values */
function sustained(values) {
  const firsts = soundingCarriers(values).map((k) => firstOf(k - 1));
  const ways = WAYS.map((way) => {
    const out = values.slice();
    for (const first of firsts) {
      const [second, third] = [values[first + LEVEL_2], values[first + LEVEL_3]];
      if (third < second) out[first + LEVEL_3] = Math.round(third + way * (second - third));
    }
    return out;
  });
  const slow = values.slice();
  for (const place of [RATE_1 + 1, RATE_1 + 2]) {
    for (const first of firsts) slow[first + place] >>= 1;
    ways.push(slow.slice());
  }
  return ways;
}

/**
 * Return the median release rate of the carriers of presets that fall silent after their key.
 * @param {Uint8Array[]} presets
 */
export function plausibleRelease(presets) {
  const rates = presets.flatMap((values) =>
    soundingCarriers(values)
      .map((k) => firstOf(k - 1))
      .filter((first) => values[first + LEVEL_4] === 0)
      .map((first) => values[first + RATE_4]),
  );
  return rates.length ? Math.floor(median(rates)) : RELEASE_RATE;
}

/**
 * Move the carriers' OUTPUT LEVELs by a gain as far as that does not increase the distance.
 * @param {Uint8Array} values @param {number} gainDb
 * @param {(values: Uint8Array) => number} rank Distance at equal loudness.
 */
export function withGain(values, gainDb, rank) {
  const places = soundingCarriers(values).map((k) => firstOf(k - 1) + OUTPUT);
  if (!places.length) return values;
  const levels = places.map((place) => values[place]);
  const steps = Math.round(gainDb / DB_PER_LEVEL);
  const wanted = Math.min(Math.max(steps, 1 - Math.min(...levels)), 99 - Math.max(...levels));
  const least = rank(values);
  for (let i = TRIES - 1; i > 0; i--) {
    const step = Math.round((wanted * i) / (TRIES - 1));
    if (!step) continue;
    const moved = values.slice();
    for (const place of places) moved[place] += step;
    if (rank(moved) <= least + SAME) return moved;
  }
  return values;
}
