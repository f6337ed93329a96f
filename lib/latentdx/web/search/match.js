/**
 * A match: known presets are played as the sound was, a model draws others if there is one, and the search goes
 * on from the best of them; as the library's `applications.match`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { MAXIMA, valuesOf } from '../engine/engine.js';
import { NEUTRAL_TRANSPOSE, column, initValues } from '../parameters.js';
import { ranked } from './candidate_choice.js';
import { evolutionarySearch } from './evolutionary_search.js';
import { RATE } from '../spectra.js';
import { proposingModulation } from './heard_modulation.js';
import { Locks } from './locks.js';
import { strongestModulation } from './modulation.js';
import { Objective, keyOf } from './objective.js';
import { Random } from '../random.js';
import { compareKnown } from './recognition.js';
import { resample } from './resampling.js';
import { plausibleSensitivities } from './velocity_response.js';
/** @import { Answer } from './candidate_choice.js' */
/** @import { Target } from './objective.js' */

/** Renders of a match, and answers that it keeps, by default. */
export const BUDGET = 2000;
export const KEPT = 8;

const TRANSPOSE = column('TRANSPOSE');
const [MODEL_SHARE, MOST_OF_MODEL] = [4, 64]; // of the budget; with more draws, improvements get rarer
const [FIRST_DRAWS, REDRAWN] = [24, 4]; // draws before rounds that redraw a part of the best
const REFINED = 16; // presets that the model makes of one that is to be refined
const BLOCKS = 8; // parts of a preset for the model: 0 its algorithm, then six operators and the LFO
const TEMPERATURE = 0.7;
const NOTE = 60; // the only one that the model knows
const PAUSE_MS = 30; // after which messages are heard

/**
 * A model, such as `WebModel` of `network/`; results may be promises.
 * @typedef {object} Model
 * @property {(samples: Float32Array, options: {unknownLevel: boolean}) => any} spectrogram
 * @property {(spectrogram: any) => any} encode
 * @property {(maps: any, count: number, options: {temperature: number, seed: number}) => any} draw
 * @property {(maps: any, presets: Uint8Array[], block: number,
 *   options: {temperature: number, seed: number}) => any} redraw
 * @property {(maps: any) => any} [program] One forward pass.
 */

/**
 * State of a match, as it is told while it goes on.
 * @typedef {object} Progress
 * @property {string} stage "known", "start", "model", "search", or "answers" while they are chosen and tuned.
 * @property {number} renders @property {number} distance Least distance, by the search's measure; infinite if there
 *   is none yet.
 * @property {Uint8Array} [values] Best preset, where it is a new one.
 */

/**
 * Result of a match.
 * @typedef {object} MatchResult
 * @property {Answer[]} answers Best first.
 * @property {number} renders @property {number} seconds
 * @property {boolean} stopped Whether it was stopped before its budget, or its time, was used up.
 */

/** Transpose a preset made for note 60 so that it sounds the same at another note. */
function playedAt(/** @type {Uint8Array} */ values, /** @type {number} */ note) {
  const out = values.slice();
  out[TRANSPOSE] = Math.min(Math.max(values[TRANSPOSE] + NOTE - note, 0), MAXIMA[TRANSPOSE]);
  return out;
}

/** Return the C to which a sound at a note is resampled for the model. @param {number} note */
const nearestC = (note) => {
  return Math.min(Math.max(12 * Math.round(note / 12), NOTE - NEUTRAL_TRANSPOSE), NOTE + NEUTRAL_TRANSPOSE);
};

/** Return a function that waits for a moment, not more often than every 30 ms. */
function pauses() {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < PAUSE_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    last = performance.now();
  };
}

/**
 * Find presets that sound like a sound.
 * @param {Target} target Sound, see `sound_target.js`.
 * @param {object} [options]
 * @param {ArrayLike<number>[]} [options.starts] Known presets: 128 packed bytes, or 145 or 155 values.
 * @param {ArrayLike<number> | null} [options.start] Preset to refine, as it should be played at the sound's note. The
 *   search starts from it and from what the model makes of it, instead of the known presets.
 * @param {Model | null} [options.model] Model that draws presets for the sound.
 * @param {Record<string, number | string>} [options.locked] See `Locks`.
 * @param {number[]} [options.algorithms] Allowed algorithms, 1 … 32; by default all.
 * @param {number} [options.budget] Most renders.
 * @param {number} [options.seconds] Most seconds, the choice of the answers not counted. Half of them are left for the
 *   search even where known presets and the model take longer than the rest.
 * @param {number} [options.keep] Most answers. @param {number} [options.seed]
 * @param {string} [options.name] Name of the sound, from which the answers' follow.
 * @param {() => boolean} [options.stopped] Called now and then; the match ends with what it has if it is true.
 * @param {(progress: Progress) => void} [options.progress]
 * @returns {Promise<MatchResult>}
 */
export async function match(target, options = {}) {
  const { starts = [], start = null, model = null, locked = {}, algorithms = [], budget = BUDGET, seconds = Infinity } = options;
  const { keep = KEPT, seed = 0, name = 'MATCH', stopped = () => false, progress = () => {} } = options;
  if (!(budget >= 1 && seconds > 0)) throw new RangeError(`a match of ${budget} renders in ${seconds} s`);
  const locks = new Locks(locked, algorithms);
  const begun = performance.now();
  const pause = pauses();
  const known = await compareKnown(
    new Objective(target),
    start ? [] : starts.map((preset) => locks.apply(valuesOf(preset))),
    budget,
    async () => {
      await pause();
      return stopped();
    },
  );
  const { objective, recognized } = known;
  let end = begun + 1000 * seconds;
  const late = () => stopped() || performance.now() > end;
  const most = budget - known.spent;
  /** Presets to start from, without repetitions. @type {Map<string, Uint8Array>} */
  const found = new Map();
  /** @type {[string, number][]} */
  const ends = [];
  let best = Infinity;
  let judged = 0;
  let stage = 'known';
  const judge = (/** @type {Uint8Array} */ values) => {
    if (!objective.known.has(keyOf(values))) judged++;
    const distance = objective.of(values);
    if (distance < best) {
      best = distance;
      progress({ stage, renders: known.spent + judged, distance, values });
    }
    return distance;
  };
  const add = (/** @type {Uint8Array[]} */ presets) => {
    for (const values of presets) found.set(keyOf(values), values);
    if (presets.length) ends.push([stage, found.size]);
  };
  const enter = (/** @type {string} */ next) => {
    stage = next;
    progress({ stage, renders: known.spent + judged, distance: best });
  };
  for (const values of known.starts) judge(values);
  judged = known.starts.length; // which were measured with the others
  add(known.starts);
  const refined = start && locks.apply(valuesOf(start).slice());
  if (refined) {
    enter('start');
    judge(refined);
    add([refined]);
  }
  let usual = [NaN, NaN];
  if (model) enter('model');
  const redraw = model && !stopped() ? await draws() : null;
  // on a slow computer, known presets and the model take most of the time: a sound that is none of them is searched for
  if (!recognized) end = Math.max(end, performance.now() + 500 * seconds);
  enter('search');
  if (!found.size) add([locks.apply(playedAt(initValues(), target.note))]);
  const tried = await evolutionarySearch([...found.values()], judge, most, {
    propose: proposingModulation(redraw, strongestModulation(objective.distance.tracks), seed),
    constrain: (values) => locks.apply(values),
    seed,
    enough: async () => {
      await pause();
      return late();
    },
    progress: (count, { distance }) => progress({ stage, renders: known.spent + count, distance }),
  });
  ends.push(['search', tried.length]);
  const early = stopped();
  progress({ stage: 'answers', renders: known.spent + tried.length, distance: best });
  const answers = await ranked(tried, objective, { keep, ends, locks, name, recognized, refined, usual, pause });
  return {
    answers,
    renders: known.spent + tried.length,
    seconds: (performance.now() - begun) / 1000,
    stopped: early && tried.length < most,
  };

  /** Let the model draw presets, and redraw parts of the best; return what redraws parts of others. */
  async function draws() {
    const network = /** @type {Model} */ (model);
    const at = nearestC(target.note);
    const heard = resample(objective.target.sound, RATE * 2 ** ((at - target.note) / 12), RATE);
    const maps = await network.encode(await network.spectrogram(heard, { unknownLevel: true }));
    const random = new Random(seed);
    const redrawn = async (/** @type {Uint8Array[]} */ presets) => {
      const block = random.integer(1, BLOCKS);
      /** @type {Uint8Array[]} */
      const out = await network.redraw(maps, presets, block, { temperature: TEMPERATURE, seed: random.bits() });
      return out.map((values, i) => {
        const kept = values.slice();
        kept[TRANSPOSE] = presets[i][TRANSPOSE]; // which the model does not learn
        return locks.apply(kept);
      });
    };
    if (refined) {
      const children = await redrawn(Array.from({ length: REFINED }, () => refined));
      for (const values of children) judge(values);
      add(children);
      return redrawn;
    }
    const count = Math.max(1, Math.min(Math.floor(most / MODEL_SHARE), MOST_OF_MODEL));
    const single = network.program ? [await network.program(maps)] : [];
    const wanted = Math.min(count, FIRST_DRAWS) - single.length;
    /** @type {Uint8Array[]} */
    const first = wanted ? await network.draw(maps, wanted, { temperature: TEMPERATURE, seed }) : [];
    usual = plausibleSensitivities([...single, ...first]);
    const drawn = [...single, ...first].map((values) => {
      const made = locks.apply(playedAt(values, at));
      return { values: made, distance: judge(made) };
    });
    while (drawn.length < count && !late()) {
      const parents = [...drawn].sort((a, b) => a.distance - b.distance);
      parents.length = Math.min(REDRAWN, count - drawn.length);
      for (const values of await redrawn(parents.map((parent) => parent.values))) {
        drawn.push({ values, distance: judge(values) });
      }
      await pause();
    }
    add(drawn.map(({ values }) => values));
    return redrawn;
  }
}
