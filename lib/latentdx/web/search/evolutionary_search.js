/**
 * Search for presets by their sound: the evolutionary algorithm of the library's
 * `applications.evolutionary_search`, with the same populations, probabilities and budget.
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
const ISLANDS = 3; // most populations that a search begins with
const PER_ISLAND = 2000; // presets from which on a search has one more island
const ISOLATED = 0.6; // share of the presets that are tried before the islands become one population
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

/** All presets that were tried so far, and how many more may be. */
class Trials {
  /**
   * @param {(values: Uint8Array) => number} judge @param {number} most
   * @param {(values: Uint8Array) => Uint8Array} constrain
   */
  constructor(judge, most, constrain) {
    this.judge = judge;
    this.most = most;
    this.constrain = constrain;
    /** @type {Tried[]} */
    this.tried = [];
    /** @type {Set<string>} */
    this.seen = new Set();
  }

  get remaining() {
    return this.most - this.tried.length;
  }

  /**
   * Measure the new ones among presets, within the budget.
   * @param {Uint8Array[]} presets
   * @returns {{place: number, tried: Tried}[]} Their places among those given, and what was measured.
   */
  add(presets) {
    const found = [];
    for (const [place, given] of presets.entries()) {
      const values = this.constrain(given);
      const key = keyOf(values);
      if (this.seen.has(key) || this.remaining < 1) continue;
      this.seen.add(key);
      const tried = { values, distance: this.judge(values) };
      this.tried.push(tried);
      found.push({ place, tried });
    }
    return found;
  }
}

/** Best presets of a search or of one of its islands, and how well each mutation has worked there. */
class Population {
  /** @param {Trials} trials @param {Random} random @param {Tried[]} members */
  constructor(trials, random, members) {
    this.trials = trials;
    this.random = random;
    /** Best first. @type {Tried[]} */
    this.members = [];
    this.add(members);
    this.uses = new Float64Array(NAMES.length).fill(1);
    this.successes = new Float64Array(NAMES.length).fill(1);
    /** @type {[Uint8Array, Uint8Array] | null} */
    this.lastSuccess = null;
  }

  /** @param {Uint8Array[]} presets Presets to measure, which may become members; see `Trials.add`. */
  evaluate(presets) {
    const found = this.trials.add(presets);
    this.add(found.map(({ tried }) => tried));
    return found;
  }

  /**
   * Keep the best of the members and of others, of which not too many have one structure.
   * @param {Tried[]} others
   */
  add(others) {
    /** @type {Map<number, number>} */
    const counts = new Map();
    const chosen = [];
    const every = new Set([...this.members, ...others]);
    for (const member of [...every].sort((a, b) => a.distance - b.distance)) {
      const kind = family(member.values[ALGORITHM] + 1)[0];
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      if (count <= OF_FAMILY) chosen.push(member);
      if (chosen.length === POPULATION) break;
    }
    this.members = chosen;
  }

  /** Draw a preset of the population; better ones are more likely. */
  drawParent() {
    return this.members[Math.floor(this.members.length * this.random.uniform() ** 2)].values;
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
    for (let i = 0; i < TRIES && children.size < Math.min(CHILDREN, this.trials.remaining); i++) {
      const chosen = this.random.weighted(probability);
      const parent = this.drawParent();
      const child = this.trials.constrain(this.makeChild(NAMES[chosen], parent));
      const key = keyOf(child);
      if (!this.trials.seen.has(key) && !children.has(key)) children.set(key, { child, parent, chosen });
    }
    if (!children.size) return false;
    const median = this.members[Math.floor(this.members.length / 2)].distance;
    const families = [...children.values()];
    for (const { place, tried } of this.evaluate(families.map(({ child }) => child))) {
      const { child, parent, chosen } = families[place];
      this.uses.forEach((_, i) => {
        this.uses[i] *= MEMORY;
        this.successes[i] *= MEMORY;
      });
      this.uses[chosen] += 1;
      if (tried.distance < median) {
        this.successes[chosen] += 1;
        this.lastSuccess = [parent, child];
      }
    }
    return true;
  }

  /** Change one audible parameter of the best preset at a time, up and down, until nothing helps. */
  *climb() {
    let reached = null;
    while (reached !== this.members[0]) {
      reached = this.members[0];
      for (const step of STEPS) {
        const heard = new Set(audible(this.members[0].values));
        for (const at of CLIMBED.filter((c) => heard.has(c))) {
          let before = null;
          while (before !== this.members[0]) {
            before = this.members[0];
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
  const trials = new Trials(judge, most, constrain);
  trials.add(starts.slice(0, most));
  const random = new Random(seed);
  const dealt = [...trials.tried].sort((a, b) => a.distance - b.distance);
  const islands = Math.max(1, Math.min(Math.floor(most / PER_ISLAND), ISLANDS, dealt.length));
  const populations = Array.from(
    { length: islands },
    (_, i) => new Population(trials, random, dealt.filter((_, at) => at % islands === i)),
  );
  const steps = populations[0].climb();
  let nextProposal = 0;
  for (let turn = 0; trials.remaining && !(await enough()); turn++) {
    if (trials.tried.length >= ISOLATED * most) {
      for (const { members } of populations.splice(1)) populations[0].add(members);
    }
    const population = populations[turn % populations.length];
    if (trials.remaining <= CLIMB * most && !steps.next().done) {
      // two presets at most have been tried
    } else if (propose && trials.tried.length >= nextProposal) {
      nextProposal = trials.tried.length + PROPOSED_EVERY;
      population.evaluate(await propose(Array.from({ length: PROPOSED }, () => population.drawParent())));
    } else if (!population.runGeneration()) {
      break;
    }
    const best = populations.map(({ members }) => members[0]);
    progress(trials.tried.length, best.reduce((a, b) => (b.distance < a.distance ? b : a)));
  }
  return trials.tried;
}
