/**
 * The choice of a match's answers: presets that differ from each other, tuned, mended after their key, brought
 * to the sound's level, and described in words; as in the library's `applications.candidate_choice`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { column } from '../parameters.js';
import { family } from './algorithm_families.js';
import { closeness } from './closeness.js';
import { FALL_DB, SAME, keyBehavior, mayRing, mended, plausibleRelease, withGain } from './key_behavior.js';
import { Objective, gainDb, keyOf, loudestPower, play } from './objective.js';
import { tuner } from './tuning.js';
import { withSensitivities } from './velocity_response.js';
/** @import { Tried } from './evolutionary_search.js' */
/** @import { Locks } from './locks.js' */
/** @import { Word } from './closeness.js' */

const ALGORITHM = column('ALGORITHM');
const TWINS = 0.8; // share of equal values from which two presets count as one
const REFINED_TWINS = 0.97; // from which two refinements of one preset count as one
const CLOSE = 2; // times the least distance: presets of other families are preferred up to here
const OF_FAMILY = 2; // presets of one family among eight
const RANKED = 24; // presets whose exact distance is measured, not only that of the search

/**
 * One of the answers of a match.
 * @typedef {object} Answer
 * @property {Uint8Array} values 145 values.
 * @property {string} name Ten letters.
 * @property {string} source Name of the stage that found it: "known", "start", "model" or "search".
 * @property {number} distance Exact distance from the sound.
 * @property {Word} word How close it comes.
 * @property {number[]} family Algorithms, 1 … 32, that have its structure.
 * @property {number} releaseDb Level 5 s after its key, relative to its loudest moment.
 * @property {number} heldDb Level when it is held for 6 s, relative to its loudest moment.
 * @property {boolean} rings Whether it sounds on after its key, although the sound does not say so.
 */

/** Return the share of equal values. @param {Uint8Array} a @param {Uint8Array} b */
function equalShare(a, b) {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) count++;
  return count / a.length;
}

/**
 * Choose presets that differ from each other in their values, and in the family of their algorithms.
 * @template {Tried} T
 * @param {T[]} tried Best first. @param {number} count Most presets to choose.
 * @param {number} [twins] Share of equal values from which two presets count as one.
 * @returns {T[]} Those within twice the least distance come first.
 */
export function chosenPresets(tried, count, twins = TWINS) {
  const least = Math.min(...tried.map(({ distance }) => distance));
  const most = Math.max(OF_FAMILY, Math.floor(count / OF_FAMILY / 2));
  /** @type {T[]} */
  const chosen = [];
  const familyOf = (/** @type {Tried} */ { values }) => family(values[ALGORITHM] + 1)[0];
  for (const bounded of [true, false]) {
    for (const one of tried) {
      if (chosen.length >= count) return chosen;
      if (bounded && one.distance > CLOSE * least) continue;
      if (bounded && chosen.filter((other) => familyOf(other) === familyOf(one)).length >= most) continue;
      if (chosen.every((other) => equalShare(other.values, one.values) < twins)) chosen.push(one);
    }
  }
  return chosen;
}

/** Return the distance up to which a recognized preset comes before one at the least distance. */
const madeBy = (/** @type {number} */ least) => 1.25 * least + 0.02; // a search also fits traces of resampling

/**
 * Return a name with a number, in the ten letters that a DX7 can show: "FLUTE 1".
 * @param {string} name @param {number} number
 */
export function numbered(name, number) {
  const shown = name.normalize('NFKD').replace(/[^ -~]/g, '').trim();
  return `${shown.slice(0, 9 - `${number}`.length).trimEnd()} ${number}`.trimStart();
}

/**
 * Return different presets as answers, best first; a recognized one is the first of all.
 * @param {Tried[]} tried Presets in the order of trial.
 * @param {Objective} objective That of the search.
 * @param {object} options
 * @param {number} options.keep Most answers.
 * @param {[string, number][]} options.ends Number of presets tried up to the end of each stage.
 * @param {Locks} options.locks @param {string} options.name
 * @param {Uint8Array | null} options.recognized Preset that probably made the sound.
 * @param {Uint8Array | null} options.refined Preset that was refined.
 * @param {number[]} options.usual KEY VELOCITY that carriers and modulators usually have; `NaN` where nobody knows.
 * @param {() => Promise<unknown>} options.pause Called now and then, so that a worker hears its messages.
 * @returns {Promise<Answer[]>}
 */
export async function ranked(tried, objective, { keep, ends, locks, name, recognized, refined, usual, pause }) {
  const { target } = objective;
  const twins = refined ? REFINED_TWINS : TWINS;
  const exact = new Objective(target, { exact: true });
  const before = tried.slice(0, Math.max(...ends.filter(([stage]) => stage !== 'search').map(([, end]) => end), 0));
  const releaseRate = plausibleRelease(before.map(({ values }) => values));
  const sources = new Map(
    tried.map(({ values }, i) => [keyOf(values), ends.find(([, end]) => i < end)?.[0] ?? 'search']),
  );
  const order = [...tried].sort((a, b) => a.distance - b.distance);
  // the search's measure is an approximation, so the first ones are ranked again by the exact distance
  const first = [];
  for (const { values } of new Set([...order.slice(0, RANKED), ...chosenPresets(order, keep, twins)])) {
    first.push({ values, distance: exact.of(values), made: false });
    await pause();
  }
  const least = Math.min(...first.map(({ distance }) => distance));
  for (const one of first) {
    one.made = !!recognized && keyOf(one.values) === keyOf(recognized) && one.distance <= madeBy(least);
  }
  first.sort((a, b) => Number(b.made) - Number(a.made) || a.distance - b.distance);
  const rings = mayRing(target);
  const allowed = (/** @type {Uint8Array} */ v) => (locks.allows(v) ? objective.of(v) : Infinity);
  const tuned = tuner(target, allowed);
  /** @type {(Answer & {made: boolean})[]} */
  const answers = [];
  for (const { values, made } of chosenPresets(first, keep, twins)) {
    const rank = (/** @type {Uint8Array} */ v) => (locks.allows(v) ? exact.of(v) : Infinity);
    let found = values;
    if (!made) {
      found = tuned(values);
      if (exact.of(found) > exact.of(values)) found = values;
      await pause();
      found = mended(found, target, rank, releaseRate, refined);
      await pause();
      const gain = gainDb(objective.distance.power, loudestPower(play(found, target)));
      const leveled = withGain(found, gain, (v) => objective.of(v));
      if (locks.allows(leveled) && exact.of(leveled) <= exact.of(found) + SAME) found = leveled;
      found = withSensitivities(found, usual, target.velocity, allowed);
      await pause();
    }
    const behavior = keyBehavior(found, target);
    answers.push({
      values: found,
      name: '',
      source: sources.get(keyOf(values)) ?? 'search',
      distance: exact.of(found),
      word: closeness(exact.distance.leveled(play(found, target)).parts),
      family: family(found[ALGORITHM] + 1),
      ...behavior,
      rings: behavior.releaseDb > -FALL_DB && !rings,
      made,
    });
  }
  answers.sort(
    (a, b) => Number(b.made) - Number(a.made) || Number(a.rings) - Number(b.rings) || a.distance - b.distance,
  );
  return answers.map(({ made: _, ...answer }, i) => ({ ...answer, name: numbered(name, i + 1) }));
}
