/**
 * The DX7's 32 algorithms, from the engine's own table: graphs, layouts and drawings with live levels, equal to
 * the Python package's `latentdx.presets.algorithms` and `latentdx.display.algorithms`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { ALGORITHMS } from './engine/engine.js';
import { OPERATORS, column, frequencyText } from './parameters.js';

/** Feedback over several operators, which the engine computes apart from its table: source and target. */
const LONG_LOOPS = new Map([[4, [4, 6]], [6, [5, 6]]]);

/**
 * Graph of one algorithm; operators are numbered 1 to 6 and algorithms 1 to 32, as on the synth.
 * @typedef {object} Graph
 * @property {number} number
 * @property {number[]} carriers Operators that are heard.
 * @property {[number, number][]} edges Pairs of a modulator and the operator that it modulates.
 * @property {[number, number]} feedback Source and target, usually the same operator.
 */

/** Return an algorithm. @param {number} number 1 to 32. @returns {Graph} */
export function algorithm(number) {
  const routes = ALGORITHMS[number - 1];
  if (!routes) throw new RangeError(`algorithm ${number} is not in 1 … ${ALGORITHMS.length}`);
  /** @type {number[][]} Operators on the mix and on the two buses. */
  const buses = [[], [], []];
  const edges = /** @type {[number, number][]} */ ([]);
  let feedback = /** @type {[number, number]} */ ([0, 0]);
  routes.forEach((route, i) => {
    const operator = OPERATORS - i;
    if (route.feedback) feedback = [operator, operator];
    if (route.source) for (const modulator of buses[route.source]) edges.push([modulator, operator]);
    if (!route.add) buses[route.destination] = [];
    buses[route.destination].push(operator);
  });
  const loop = LONG_LOOPS.get(number);
  if (loop) feedback = [loop[0], loop[1]];
  const carriers = buses[0].sort((a, b) => a - b);
  edges.sort(([a, b], [c, d]) => b - d || a - c);
  return { number, carriers, edges, feedback };
}

/** Describe a graph in words, as a text alternative to its drawing. @param {Graph} graph */
export function describe({ number, carriers, edges, feedback: [a, b] }) {
  const links = edges.map(([from, to]) => `${from} modulates ${to}`).join(', ') || 'nothing is modulated';
  const loop = a === b ? `${a} feeds back to itself` : `${a} feeds back to ${b}`;
  return `Algorithm ${number}: carriers ${carriers.join(', ')}; ${links}; ${loop}`;
}

/**
 * Return the place of each operator in a drawing: column and row, with row 0 at the bottom.
 * @param {Graph} graph
 * @returns {Map<number, [number, number]>}
 */
export function layout(graph) {
  const places = /** @type {Map<number, [number, number]>} */ (new Map());
  const targets = (/** @type {number} */ k) => graph.edges.filter(([a]) => a === k).map(([, b]) => b);
  const mean = (/** @type {number[]} */ ks) => ks.reduce((sum, k) => sum + columnOf(k), 0) / ks.length;
  const columnOf = (/** @type {number} */ k) => /** @type {[number, number]} */ (places.get(k))[0];
  let free = 0;
  // the top of a stack takes the next free column; below, each operator is centered under the stacks that
  // modulate only it
  const place = (/** @type {number} */ operator, /** @type {number} */ row) => {
    const own = graph.edges.filter(([a, b]) => b === operator && targets(a).length === 1).map(([a]) => a);
    for (const modulator of own) place(modulator, row + 1);
    places.set(operator, [own.length ? mean(own) : free++, row]);
  };
  for (const carrier of graph.carriers) place(carrier, 0);
  // an operator that modulates several others is centered above them
  for (const [shared] of [...graph.edges].sort(([a], [b]) => a - b)) {
    if (places.has(shared)) continue;
    const below = targets(shared);
    const rows = below.map((k) => /** @type {[number, number]} */ (places.get(k))[1]);
    places.set(shared, [mean(below), 1 + Math.max(...rows)]);
  }
  return places;
}

const [CELL_X, CELL_Y, WIDE, HIGH, LOOP, MARGIN] = [62, 44, 46, 28, 6, 8];
/** Level of an operator with an output level of 99, and the halvings below it that a bar shows (48 dB). */
const [LOUDEST, SHOWN] = [15360, 8];
const SVG = 'http://www.w3.org/2000/svg';

/**
 * Make an SVG element.
 * @param {string} tag @param {Record<string, string | number>} attributes @param {(Node | string)[]} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  element.append(...children);
  return element;
}

/** A drawing of a voice's algorithm, whose operators show how loud they are at the moment. */
export class AlgorithmDrawing {
  constructor() {
    this.element = svg('svg', { class: 'ldx-graph ldx-live', role: 'img', fill: 'none', stroke: 'currentColor' });
    /** @type {Map<number, SVGElement>} Bar of each operator. */
    this.bars = new Map();
  }

  /** Draw a voice. @param {ArrayLike<number>} values */
  draw(values) {
    const graph = algorithm(values[column('ALGORITHM')] + 1);
    const places = [...layout(graph)];
    const bottom = MARGIN + HIGH / 2 + Math.max(...places.map(([, [, row]]) => row)) * CELL_Y;
    const x = new Map(places.map(([k, [at]]) => [k, MARGIN + WIDE / 2 + at * CELL_X]));
    const y = new Map(places.map(([k, [, row]]) => [k, bottom - row * CELL_Y]));
    const at = (/** @type {number} */ k) => [/** @type {number} */ (x.get(k)), /** @type {number} */ (y.get(k))];
    const out = bottom + HIGH / 2 + LOOP + 6;
    const loop = Math.max(...graph.feedback.map((k) => at(k)[0])) + WIDE / 2 + LOOP;
    const wide = Math.max(...[...x.values()].map((right) => right + WIDE / 2), loop) + MARGIN;
    const wires = graph.edges.map(([a, b]) => {
      const [[ax, ay], [bx, by]] = [at(a), at(b)];
      return `M${ax} ${ay + HIGH / 2}V${by - CELL_Y / 2}H${bx}V${by - HIGH / 2}`;
    });
    const [[sx, sy], [tx, ty]] = graph.feedback.map(at);
    const shift = LOOP - 2;
    const feedback = `M${sx} ${sy + HIGH / 2}v${shift}H${loop}V${ty - HIGH / 2 - shift}H${tx}v${shift}`;
    const outputs = graph.carriers.map((k) => `M${at(k)[0]} ${at(k)[1] + HIGH / 2}V${out}`);
    const edges = graph.carriers.map((k) => at(k)[0]);
    const bus = `M${Math.min(...edges) - WIDE / 2} ${out}H${Math.max(...edges) + WIDE / 2}`;
    this.bars.clear();
    const boxes = places.map(([k]) => this.box(k, at(k), graph.carriers.includes(k), values));
    this.element.setAttribute('aria-label', describe(graph));
    this.element.setAttribute('data-algorithm', `${graph.number}`);
    this.element.setAttribute('viewBox', `0 0 ${wide} ${out + 5}`);
    this.element.setAttribute('width', `${wide}`);
    this.element.replaceChildren(
      ...wires.map((d) => svg('path', { d })),
      svg('path', { d: feedback, class: 'ldx-feedback', 'stroke-opacity': values[column('FEEDBACK')] ? 1 : 0.3 }),
      ...outputs.map((d) => svg('path', { d, class: 'ldx-bus' })),
      svg('path', { d: bus, class: 'ldx-bus', 'stroke-width': 2.5 }),
      ...boxes,
    );
  }

  /**
   * Draw an operator with its frequency and output level.
   * @param {number} k @param {number[]} center @param {boolean} carrier @param {ArrayLike<number>} values
   */
  box(k, [x, y], carrier, values) {
    const level = values[column(`OP${k} OUTPUT LEVEL`)];
    const [left, top] = [x - WIDE / 2, y - HIGH / 2];
    const text = { x, 'text-anchor': 'middle', fill: 'currentColor', stroke: 'none' };
    const bar = svg('rect', { x: left, y: top, width: WIDE, height: HIGH, rx: 4, class: 'ldx-bar' });
    bar.style.transformOrigin = `${left}px ${top + HIGH}px`;
    bar.style.transform = 'scaleY(0)';
    this.bars.set(k, bar);
    return svg(
      'g',
      { class: carrier ? 'ldx-carrier' : 'ldx-modulator', 'data-operator': k, opacity: level ? 1 : 0.4 },
      bar,
      svg('rect', { x: left, y: top, width: WIDE, height: HIGH, rx: 4 }),
      svg('text', { ...text, y: y - 1, 'font-size': 11, 'font-weight': 600 }, `${k}`),
      svg('text', { ...text, y: y + 10, 'font-size': 8 }, `${frequencyText(values, k)} · ${level}`),
    );
  }

  /**
   * Show how loud the operators are.
   * @param {number[]} levels Levels of operators 6 to 1, as `Synth.watch` gives them: 1,024 is a factor of two.
   */
  light(levels) {
    for (const [k, bar] of this.bars) {
      const halvings = (LOUDEST - (levels[OPERATORS - k] ?? 0)) / 1024;
      bar.style.transform = `scaleY(${Math.min(Math.max(1 - halvings / SHOWN, 0), 1).toFixed(3)})`;
    }
  }
}
