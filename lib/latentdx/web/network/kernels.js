/**
 * The network's arithmetic, four numbers at a time: WebAssembly with SIMD, assembled when it is loaded.
 *
 * Matrices of weights are cut into panels of eight columns, which lie one after another (panel, input, 8).
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import * as wasm from '../wasm_assembler.js';
import { FLOAT, INT, VECTOR, add, and, define, int, load, loadSplat } from '../wasm_assembler.js';
import { addVectors, multiply, multiplyVectors, splat, store, whileTrue } from '../wasm_assembler.js';

/** Columns of a panel. */
export const PANEL = 8;

/**
 * Write the innermost loop of a product: `rows` rows times `panels` panels stay in eight registers.
 * @param {wasm.Scope} scope @param {number} rows @param {number} panels
 * @returns {wasm.Code}
 */
function tile({ get, set, step }, rows, panels) {
  const vectors = 2 * panels;
  const each = (/** @type {number} */ n, /** @type {(i: number) => wasm.Code} */ write) =>
    Array.from({ length: n }, (_, i) => write(i));
  const sums = (/** @type {(sum: string, row: number, vector: number) => wasm.Code} */ write) =>
    each(rows, (r) => each(vectors, (v) => write(`sum${r * vectors + v}`, r, v)));
  return [
    each(rows, (r) => [
      set(`from${r}`, add(get('rows'), multiply(get('aStep'), int(r)))),
      set(`to${r}`, add(get('sums'), multiply(get('cStep'), int(r)))),
    ]),
    each(panels, (p) => set(`panel${p}`, add(get('columns'), multiply(get('bPanel'), int(p))))),
    sums((sum, r, v) => set(sum, load(get(`to${r}`), 16 * v))),
    set('left', get('k')),
    wasm.doWhile(
      [
        each(4, (i) => [
          rows > 1 ? each(vectors, (v) => set(`weight${v}`, load(get('panel0'), 16 * v))) : [],
          each(rows, (r) => [
            set('number', loadSplat(get(`from${r}`), 4 * i)),
            each(vectors, (v) => {
              const weight = rows > 1 ? get(`weight${v}`) : load(get(`panel${v >> 1}`), 16 * (v & 1));
              const sum = `sum${r * vectors + v}`;
              return set(sum, addVectors(get(sum), multiplyVectors(get('number'), weight)));
            }),
          ]),
          each(panels, (p) => step(`panel${p}`, get('bStep'))),
        ]),
        each(rows, (r) => step(`from${r}`, int(16))),
        step('left', int(-4)),
      ],
      get('left'),
    ),
    sums((sum, r, v) => store(get(`to${r}`), get(sum), 16 * v)),
  ];
}

const product = define(
  'addProduct',
  ['m', 'panels', 'k', 'a', 'aStep', 'b', 'bPanel', 'bStep', 'c', 'cStep'],
  {
    ...Object.fromEntries(
      ['rows', 'columns', 'sums', 'edge', 'left', 'n', 'r', 'whole']
        .concat([0, 1, 2, 3].flatMap((i) => [`from${i}`, `to${i}`, `panel${i}`]))
        .map((name) => [name, INT]),
    ),
    ...Object.fromEntries(
      ['number', 'weight0', 'weight1', ...Array.from({ length: 8 }, (_, i) => `sum${i}`)].map((name) => [
        name,
        VECTOR,
      ]),
    ),
  },
  (scope) => {
    const { get, set, step } = scope;
    const start = [set('columns', get('b')), set('n', get('panels'))];
    const next = (/** @type {number} */ panels, /** @type {string} */ sums) => [
      step('columns', multiply(get('bPanel'), int(panels))),
      step(sums, int(4 * PANEL * panels)),
      step('n', int(-panels)),
    ];
    return [
      // rows in fours, panel by panel, so that a panel stays in the nearest cache
      set('whole', wasm.shiftRight(get('m'), int(2))),
      [start, set('edge', get('c'))],
      whileTrue(get('n'), [
        [set('rows', get('a')), set('sums', get('edge')), set('r', get('whole'))],
        whileTrue(get('r'), [
          tile(scope, 4, 1),
          step('rows', multiply(get('aStep'), int(4))),
          step('sums', multiply(get('cStep'), int(4))),
          step('r', int(-1)),
        ]),
        next(1, 'edge'),
      ]),
      // the others one by one
      set('rows', add(get('a'), multiply(get('aStep'), and(get('m'), int(-4))))),
      step('c', multiply(get('cStep'), and(get('m'), int(-4)))),
      set('r', and(get('m'), int(3))),
      whileTrue(get('r'), [
        [start, set('sums', get('c'))],
        whileTrue(wasm.atLeast(get('n'), int(4)), [tile(scope, 1, 4), next(4, 'sums')]),
        whileTrue(get('n'), [tile(scope, 1, 1), next(1, 'sums')]),
        step('rows', get('aStep')),
        step('c', get('cStep')),
        step('r', int(-1)),
      ]),
    ];
  },
);

/**
 * Write e^x by Cody and Waite's reduction and a polynomial, to two units in the last place.
 * @param {wasm.Scope} scope @param {wasm.Code} x
 * @returns {wasm.Code} Code that leaves the result in the variable "power".
 */
function exponential({ get, set }, x) {
  const times = (/** @type {string} */ name, /** @type {number} */ factor) =>
    multiplyVectors(get(name), splat(factor));
  const polynomial = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5];
  return [
    // products with the results should be normal numbers
    set('exponent', wasm.minVectors(wasm.maxVectors(x, splat(-80)), splat(80))),
    set('whole', wasm.nearest(times('exponent', Math.LOG2E))),
    set('rest', wasm.subtractVectors(get('exponent'), times('whole', 0.693359375))),
    set('rest', addVectors(get('rest'), times('whole', 2.1219444e-4))),
    set('power', splat(polynomial[0])),
    polynomial
      .slice(1)
      .map((c) => set('power', addVectors(multiplyVectors(get('power'), get('rest')), splat(c)))),
    set('power', multiplyVectors(multiplyVectors(get('power'), get('rest')), get('rest'))),
    set('power', addVectors(addVectors(get('power'), get('rest')), splat(1))),
    set(
      'power',
      multiplyVectors(
        get('power'),
        wasm.shiftLeft(wasm.addIntegers(wasm.truncateVectors(get('whole')), wasm.splatInt(127)), 23),
      ),
    ),
  ];
}

const EXPONENTIAL = { exponent: VECTOR, whole: VECTOR, rest: VECTOR, power: VECTOR };

const softmax = define(
  'softmax',
  ['x', 'n'],
  { at: INT, left: INT, vector: VECTOR, total: FLOAT, ...EXPONENTIAL },
  (scope) => {
    const { get, set, step } = scope;
    const through = (/** @type {wasm.Code} */ body) => [
      [set('at', get('x')), set('left', get('n'))],
      wasm.doWhile([body, step('at', int(16)), step('left', int(-4))], get('left')),
    ];
    const folded = (/** @type {(a: wasm.Code, b: wasm.Code) => wasm.Code} */ operator) =>
      [1, 2, 3].reduce(
        (/** @type {wasm.Code} */ code, i) => operator(code, wasm.lane(get('vector'), i)),
        wasm.lane(get('vector'), 0),
      );
    return [
      set('vector', splat(-1e30)),
      through(set('vector', wasm.maxVectors(get('vector'), load(get('at'))))),
      set('total', folded(wasm.maxFloat)),
      set('vector', splat(0)),
      through([
        exponential(scope, wasm.subtractVectors(load(get('at')), wasm.splatOf(get('total')))),
        store(get('at'), get('power')),
        set('vector', addVectors(get('vector'), get('power'))),
      ]),
      set('total', wasm.divideFloats(wasm.float(1), folded(wasm.addFloats))),
      through(store(get('at'), multiplyVectors(load(get('at')), wasm.splatOf(get('total'))))),
    ];
  },
);

// the tanh form: x / (1 + exp(-2 sqrt(2/π) (x + 0.044715 x³)))
const gelu = define('gelu', ['x', 'n'], { value: VECTOR, ...EXPONENTIAL }, (scope) => {
  const { get, set, step } = scope;
  const cube = multiplyVectors(multiplyVectors(get('value'), get('value')), get('value'));
  const inner = addVectors(get('value'), multiplyVectors(cube, splat(0.044715)));
  return wasm.doWhile(
    [
      set('value', load(get('x'))),
      exponential(scope, multiplyVectors(inner, splat(-2 * Math.sqrt(2 / Math.PI)))),
      store(get('x'), wasm.divideVectors(get('value'), addVectors(get('power'), splat(1)))),
      step('x', int(16)),
      step('n', int(-4)),
    ],
    get('n'),
  );
});

/**
 * The kernels, and the memory that they work in. All arguments but counts are in bytes.
 *
 * @typedef {object} Kernels
 * @property {Float32Array} memory All of the memory; addresses are four times its indices.
 * @property {(m: number, panels: number, k: number, a: number, aStep: number, b: number, bPanel: number,
 *   bStep: number, c: number, cStep: number) => void} addProduct Add the product of a (m, k) and b (k, 8
 *   panels) to c (m, 8 panels). k is a multiple of 4. Rows of a, b and c are `aStep`, `bStep` and `cStep`
 *   apart, and panels of b `bPanel`.
 * @property {(x: number, n: number) => void} softmax Apply a softmax to n numbers, a multiple of 4.
 * @property {(x: number, n: number) => void} gelu Apply the tanh form of GELU to n numbers, a multiple of 4.
 */

/**
 * Make the kernels with a memory of their own, see `maker`.
 * @type {(numbers: number) => Kernels}
 */
export const makeKernels = wasm.maker([product, softmax, gelu]);
