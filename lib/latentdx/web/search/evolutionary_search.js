/**
 * Search for presets by their sound: the evolutionary algorithm of the library's
 * `applications.evolutionary_search`, with the same population, probabilities and budget.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { column } from '../parameters.js';
import { family } from './algorithm_families.js';
import { MOVES, audible, crossover, repeatChange, shifted } from './mutations.js';
import { keyOf } from './objective.js';
import { Random } from '../random.js';

const POPULATION = 24;
const OF_FAMILY = 20; // most presets of the population whose algorithms are of one family
const CHILDREN = 8; // presets of a generation
const PROPOSED = 16; // children that the model proposes at a time
const PROPOSED_EVERY = 100; // tried presets between two proposals
const EVEN = 0.4; // share of the mutations that is drawn evenly, whatever their success
const MEMORY = 0.995; // factor by which past successes fade with each child
const TRIES = 1000; // children in a row that are all known already: nothing new can be found
const CLIMB = 0.15; // share of the presets, the last ones, that differ from the best by one parameter
const STEPS = [9, 3, 1];
const CLIMBED = [
  'OUTPUT LEVEL',
  'F COARSE',
  'F FINE',
  'EG RATE 2',
  'EG LEVEL 3',
  'EG RATE 3',
  'EG RATE 1',
  'EG LEVEL 1',
  'EG LEVEL 2',
  'EG RATE 4',
  'OSC DETUNE',
]
  .flatMap((name) => [1, 2, 3, 4, 5, 6].map((k) => column(`OP${k} ${name}`)))
  .concat(column('FEEDBACK'));
const ALGORITHM = column('ALGORITHM');
const NAMES = [...Object.keys(MOVES), 'crossover', 'repeat_change'];

/**
 * A preset that was tried.
 * @typedef {{values: Uint8Array, distance: number}} Tried
 */

/** State of one search. */
class Search {
  /**
   * @param {(values: Uint8Array) => number} judge @param {number} most @param {number} seed
   * @param {(values: Uint8Array) => Uint8Array} constrain
   */
  constructor(judge, most, seed, constrain) {
    this.judge = judge;
    this.most = most;
    this.constrain = constrain;
    this.random = new Random(seed);
    /** @type {Tried[]} */
    this.tried = [];
    /** @type {Set<string>} */
    this.seen = new Set();
    /** Best presets, best first. @type {Tried[]} */
    this.population = [];
    this.uses = new Float64Array(NAMES.length).fill(1);
    this.successes = new Float64Array(NAMES.length).fill(1);
    /** @type {[Uint8Array, Uint8Array] | null} */
    this.lastSuccess = null;
  }

  get remaining() {
    return this.most - this.tried.length;
  }

  /**
   * Measure the new ones among presets, within the budget.
   * @param {Uint8Array[]} presets
   * @returns {{place: number, distance: number}[]} Their places among those given, and their distances.
   */
  evaluate(presets) {
    const found = [];
    for (const [place, given] of presets.entries()) {
      const values = this.constrain(given);
      const key = keyOf(values);
      if (this.seen.has(key) || this.remaining < 1) continue;
      this.seen.add(key);
      const distance = this.judge(values);
      this.tried.push({ values, distance });
      this.population.push(this.tried[this.tried.length - 1]);
      found.push({ place, distance });
    }
    if (found.length) this.select();
    return found;
  }

  /** Keep the best of the population, of which not too many have one structure. */
  select() {
    /** @type {Map<number, number>} */
    const counts = new Map();
    const chosen = [];
    for (const member of this.population.sort((a, b) => a.distance - b.distance)) {
      const kind = family(member.values[ALGORITHM] + 1)[0];
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      if (count <= OF_FAMILY) chosen.push(member);
      if (chosen.length === POPULATION) break;
    }
    this.population = chosen;
  }

  /** Draw a preset of the population; better ones are more likely. */
  drawParent() {
    return this.population[Math.floor(this.population.length * this.random.uniform() ** 2)].values;
  }

  /** @param {string} mutation @param {Uint8Array} parent @returns {Uint8Array} A changed copy. */
  makeChild(mutation, parent) {
    if (mutation === 'crossover') return crossover(parent, this.drawParent(), this.random);
    if (mutation === 'repeat_change') {
      return this.lastSuccess
        ? repeatChange(parent, ...this.lastSuccess)
        : MOVES.change_one(parent, this.random);
    }
    return MOVES[mutation](parent, this.random);
  }

  /** Make and measure some children. @returns {boolean} Whether anything new was found. */
  runGeneration() {
    const rate = this.successes.map((successes, i) => successes / this.uses[i]);
    const sum = rate.reduce((a, b) => a + b, 0);
    const probability = rate.map((r) => ((1 - EVEN) * r) / sum + EVEN / rate.length);
    /** @type {Map<string, {child: Uint8Array, parent: Uint8Array, chosen: number}>} */
    const children = new Map();
    for (let i = 0; i < TRIES && children.size < Math.min(CHILDREN, this.remaining); i++) {
      const chosen = this.random.weighted(probability);
      const parent = this.drawParent();
      const child = this.constrain(this.makeChild(NAMES[chosen], parent));
      const key = keyOf(child);
      if (!this.seen.has(key) && !children.has(key)) children.set(key, { child, parent, chosen });
    }
    if (!children.size) return false;
    const median = this.population[Math.floor(this.population.length / 2)].distance;
    const families = [...children.values()];
    for (const { place, distance } of this.evaluate(families.map(({ child }) => child))) {
      const { child, parent, chosen } = families[place];
      this.uses.forEach((_, i) => {
        this.uses[i] *= MEMORY;
        this.successes[i] *= MEMORY;
      });
      this.uses[chosen] += 1;
      if (distance < median) {
        this.successes[chosen] += 1;
        this.lastSuccess = [parent, child];
      }
    }
    return true;
  }

  /** Change one audible parameter of the best preset at a time, up and down, until nothing helps. */
  *climb() {
    let reached = null;
    while (reached !== this.population[0]) {
      reached = this.population[0];
      for (const step of STEPS) {
        const heard = new Set(audible(this.population[0].values));
        for (const at of CLIMBED.filter((c) => heard.has(c))) {
          let before = null;
          while (before !== this.population[0]) {
            before = this.population[0];
            const { values } = before;
            this.evaluate([-step, step].map((by) => shifted(values, [at], by)));
            yield;
          }
        }
      }
    }
  }
}

/**
 * Search for presets with a smaller distance, starting from given ones.
 * @param {Uint8Array[]} starts Presets of 145 values, at least one.
 * @param {(values: Uint8Array) => number} judge Function that returns the distance of a preset.
 * @param {number} most Number of presets to try at most, the starts included.
 * @param {object} [options]
 * @param {((presets: Uint8Array[]) => Uint8Array[] | Promise<Uint8Array[]>) | null} [options.propose] Function
 *   that returns changed copies of presets, such as a model's; none if omitted.
 * @param {(values: Uint8Array) => Uint8Array} [options.constrain] Function that returns a preset as it is
 *   allowed; every preset passes it before it is measured.
 * @param {number} [options.seed]
 * @param {() => boolean | Promise<boolean>} [options.enough] Called between generations; the search stops when
 *   it returns `true`. A promise lets a worker hear its messages.
 * @param {(tried: number, best: Tried) => void} [options.progress] Called after each generation.
 * @returns {Promise<Tried[]>} All presets that were tried, in the order of trial.
 */
export async function evolutionarySearch(starts, judge, most, options = {}) {
  const { propose = null, constrain = (values) => values, seed = 0 } = options;
  const { enough = () => false, progress = () => {} } = options;
  if (most < 1 || !starts.length) throw new RangeError(`a search of ${most} from ${starts.length} presets`);
  const state = new Search(judge, most, seed, constrain);
  state.evaluate(starts.slice(0, most));
  const steps = state.climb();
  let nextProposal = 0;
  while (state.remaining && !(await enough())) {
    if (state.remaining <= CLIMB * most && !steps.next().done) {
      // two presets at most have been tried
    } else if (propose && state.tried.length >= nextProposal) {
      nextProposal = state.tried.length + PROPOSED_EVERY;
      state.evaluate(await propose(Array.from({ length: PROPOSED }, () => state.drawParent())));
    } else if (!state.runGeneration()) {
      break;
    }
    progress(state.tried.length, state.population[0]);
  }
  return state.tried;
}
