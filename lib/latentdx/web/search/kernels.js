/**
 * The arithmetic of spectra, four frames at a time: WebAssembly with SIMD, assembled when it is loaded.
 *
 * A vector holds the same number of four frames, so that every step is that of a single frame. All arguments
 * but counts are in bytes; a complex number is a vector of real parts and one of imaginary parts.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import * as wasm from '../wasm_assembler.js';
import { INT, VECTOR, add, assemble, define, int, load, loadInt, loadSplat, multiply } from '../wasm_assembler.js';
import { addVectors, maxVectors, multiplyVectors, shuffle, splat, store } from '../wasm_assembler.js';
import { subtractVectors, whileTrue } from '../wasm_assembler.js';

/** Bytes of a vector. */
export const VECTOR_BYTES = 16;
const COMPLEX = 2 * VECTOR_BYTES;
/** Least power of a bin whose logarithm is taken. */
export const LEAST_POWER = 1e-8;
/** Least power of a mel band, whose level is -100 dB. */
export const LEAST_MEL = 1e-10;
/** Number of cosines of which a spectrum's shape is made: MFCCs. */
export const MFCCS = 13;

/** @typedef {wasm.Code} Code */
/** @typedef {wasm.Scope} Scope */

/** @param {number} type @param {string[]} names @returns {Record<string, number>} */
const variables = (type, ...names) => Object.fromEntries(names.map((name) => [name, type]));

const addProduct = (/** @type {Code} */ sum, /** @type {Code} */ a, /** @type {Code} */ b) =>
  addVectors(sum, multiplyVectors(a, b));

/** Repeat code `count` times, where `count` is a variable, which is 0 afterwards. */
const repeat = (/** @type {Scope} */ { get, step }, /** @type {string} */ count, /** @type {Code} */ body) =>
  whileTrue(get(count), [body, step(count, int(-1))]);

/** Cut four frames, which are `apart`, of a sound, and multiply them by a window. */
const cut = define(
  'cut',
  ['from', 'apart', 'window', 'fours', 'to'],
  {
    ...variables(INT, 'second', 'third', 'fourth'),
    ...variables(VECTOR, 'factor', 'a', 'b', 'c', 'd', 'ab', 'cd'),
  },
  (scope) => {
    const { get, set, step } = scope;
    /** @type {[string, string][]} */
    const frames = [['a', 'from'], ['b', 'second'], ['c', 'third'], ['d', 'fourth']];
    return [
      set('second', add(get('from'), get('apart'))),
      set('third', add(get('second'), get('apart'))),
      set('fourth', add(get('third'), get('apart'))),
      repeat(scope, 'fours', [
        set('factor', load(get('window'))),
        frames.map(([frame, at]) => set(frame, multiplyVectors(load(get(at)), get('factor')))),
        [0, 1].map((half) => {
          const [i, j] = [2 * half, 2 * half + 1];
          return [
            set('ab', shuffle(get('a'), get('b'), [i, i + 4, j, j + 4])),
            set('cd', shuffle(get('c'), get('d'), [i, i + 4, j, j + 4])),
            store(get('to'), shuffle(get('ab'), get('cd'), [0, 1, 4, 5]), VECTOR_BYTES * i),
            store(get('to'), shuffle(get('ab'), get('cd'), [2, 3, 6, 7]), VECTOR_BYTES * j),
          ];
        }),
        frames.map(([, at]) => step(at, int(16))),
        step('window', int(16)),
        step('to', int(4 * VECTOR_BYTES)),
      ]),
    ];
  },
);

/**
 * Write a pass of radix 4 of an FFT, see `FFT` of spectra.js; all but the first of each four results are
 * multiplied by the pass's factors.
 */
const turnFours = define(
  'turnFours',
  ['from', 'to', 'quarter', 'run', 'factors'],
  {
    ...variables(INT, 'bytes', 'left', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    ...variables(VECTOR, 'cos1', 'sin1', 'cos2', 'sin2', 'cos3', 'sin3', 'x', 'y'),
    ...variables(VECTOR, ...['a', 'b', 'c', 'd', 'sum', 'gap', 'other', 'turn'].flatMap((n) => [`${n}Re`, `${n}Im`])),
  },
  (scope) => {
    const { get, set, step } = scope;
    const inputs = ['a', 'b', 'c', 'd'];
    const outputs = ['e', 'f', 'g', 'h'];
    const butterflies = (/** @type {boolean} */ turned) => {
      const put = (/** @type {number} */ n, /** @type {Code} */ re, /** @type {Code} */ im) => {
        const at = get(outputs[n]);
        if (!turned || n === 0) return [store(at, re), store(at, im, VECTOR_BYTES)];
        const [cos, sin] = [get(`cos${n}`), get(`sin${n}`)];
        return [
          [set('x', re), set('y', im)],
          store(at, subtractVectors(multiplyVectors(get('x'), cos), multiplyVectors(get('y'), sin))),
          store(at, addProduct(multiplyVectors(get('x'), sin), get('y'), cos), VECTOR_BYTES),
        ];
      };
      return [
        set('left', get('run')),
        wasm.doWhile(
          [
            inputs.map((n) => [set(`${n}Re`, load(get(n))), set(`${n}Im`, load(get(n), VECTOR_BYTES))]),
            ['Re', 'Im'].map((part) => [
              set(`sum${part}`, addVectors(get(`a${part}`), get(`c${part}`))),
              set(`gap${part}`, subtractVectors(get(`a${part}`), get(`c${part}`))),
              set(`other${part}`, addVectors(get(`b${part}`), get(`d${part}`))),
            ]),
            set('turnRe', subtractVectors(get('bIm'), get('dIm'))),
            set('turnIm', subtractVectors(get('dRe'), get('bRe'))),
            put(0, addVectors(get('sumRe'), get('otherRe')), addVectors(get('sumIm'), get('otherIm'))),
            put(1, addVectors(get('gapRe'), get('turnRe')), addVectors(get('gapIm'), get('turnIm'))),
            put(2, subtractVectors(get('sumRe'), get('otherRe')), subtractVectors(get('sumIm'), get('otherIm'))),
            put(3, subtractVectors(get('gapRe'), get('turnRe')), subtractVectors(get('gapIm'), get('turnIm'))),
            [...inputs, ...outputs].map((n) => step(n, int(COMPLEX))),
            step('left', int(-1)),
          ],
          get('left'),
        ),
        outputs.map((n) => step(n, multiply(get('bytes'), int(3)))),
        step('factors', int(24)),
        step('quarter', int(-1)),
      ];
    };
    return [
      set('bytes', multiply(get('run'), int(COMPLEX))),
      set('a', get('from')),
      ['b', 'c', 'd'].map((n, i) => set(n, add(get(inputs[i]), multiply(get('quarter'), get('bytes'))))),
      set('e', get('to')),
      ['f', 'g', 'h'].map((n, i) => set(n, add(get(outputs[i]), get('bytes')))),
      butterflies(false), // by an angle of 0
      whileTrue(get('quarter'), [
        [1, 2, 3].map((n) => [
          set(`cos${n}`, loadSplat(get('factors'), 8 * n - 8)),
          set(`sin${n}`, loadSplat(get('factors'), 8 * n - 4)),
        ]),
        butterflies(true),
      ]),
    ];
  },
);

/** Write the last pass of an FFT whose size is no power of four: sums and differences of two halves. */
const turnTwos = define(
  'turnTwos',
  ['from', 'to', 'run'],
  { ...variables(INT, 'apart', 'left'), ...variables(VECTOR, 'a', 'b') },
  (scope) => {
    const { get, set, step } = scope;
    const other = (/** @type {string} */ at) => add(get(at), get('apart'));
    return [
      set('apart', multiply(get('run'), int(COMPLEX))),
      set('left', multiply(get('run'), int(2))),
      repeat(scope, 'left', [
        [set('a', load(get('from'))), set('b', load(other('from')))],
        store(get('to'), addVectors(get('a'), get('b'))),
        store(other('to'), subtractVectors(get('a'), get('b'))),
        [step('from', int(VECTOR_BYTES)), step('to', int(VECTOR_BYTES))],
      ]),
    ];
  },
);

/**
 * Write the powers of n + 1 bins from the n complex numbers, each made of two halved samples, that were
 * transformed; see `RealFFT` of spectra.js. There is room for one more number behind them.
 */
const writePowers = define(
  'writePowers',
  ['numbers', 'n', 'turns', 'to'],
  {
    ...variables(INT, 'mirrored', 'last', 'left'),
    ...variables(VECTOR, 'cos', 'sin', 'aRe', 'aIm', 'bRe', 'bIm', 'evenRe', 'evenIm', 'oddRe', 'oddIm'),
    ...variables(VECTOR, 'turnRe', 'turnIm', 'x', 'y'),
  },
  (scope) => {
    const { get, set, step } = scope;
    const power = addProduct(multiplyVectors(get('x'), get('x')), get('y'), get('y'));
    return [
      set('mirrored', add(get('numbers'), multiply(get('n'), int(COMPLEX)))),
      [0, VECTOR_BYTES].map((part) => store(get('mirrored'), load(get('numbers'), part), part)),
      set('last', add(get('to'), multiply(get('n'), int(VECTOR_BYTES)))),
      set('left', add(wasm.shiftRight(get('n'), int(1)), int(1))),
      repeat(scope, 'left', [
        [set('aRe', load(get('numbers'))), set('aIm', load(get('numbers'), VECTOR_BYTES))],
        [set('bRe', load(get('mirrored'))), set('bIm', load(get('mirrored'), VECTOR_BYTES))],
        [set('evenRe', addVectors(get('aRe'), get('bRe'))), set('evenIm', subtractVectors(get('aIm'), get('bIm')))],
        [set('oddRe', addVectors(get('aIm'), get('bIm'))), set('oddIm', subtractVectors(get('bRe'), get('aRe')))],
        [set('cos', loadSplat(get('turns'))), set('sin', loadSplat(get('turns'), 4))],
        set('turnRe', addProduct(multiplyVectors(get('oddRe'), get('cos')), get('oddIm'), get('sin'))),
        set(
          'turnIm',
          subtractVectors(multiplyVectors(get('oddIm'), get('cos')), multiplyVectors(get('oddRe'), get('sin'))),
        ),
        [set('x', addVectors(get('evenRe'), get('turnRe'))), set('y', addVectors(get('evenIm'), get('turnIm')))],
        store(get('to'), power),
        set('x', subtractVectors(get('evenRe'), get('turnRe'))),
        set('y', subtractVectors(get('evenIm'), get('turnIm'))),
        store(get('last'), power),
        [step('numbers', int(COMPLEX)), step('mirrored', int(-COMPLEX)), step('turns', int(8))],
        [step('to', int(VECTOR_BYTES)), step('last', int(-VECTOR_BYTES))],
      ]),
    ];
  },
);

// The polynomial t P(t) for log2(1 + t), from degree 8 down to 1, where 1 + t is a mantissa of 0.75 to 1.5; its
// largest error is 5e-8. It is that of the library's `audio.stft.logarithm`.
const LOGARITHM = [-0.14574444, 0.23689036, -0.25006905, 0.28670746, -0.36008722, 0.48093945, -0.72135717, 1.4426948];
const LOGARITHM_VARIABLES = variables(
  VECTOR,
  ...['number', 'exponents', 'exponent', 'rest', 'logarithm'],
  ...LOGARITHM.map((_, i) => `factor${i}`),
);

/** Set the variables that `logarithm` reads, once, because constants are slow to load. @param {Scope} scope */
const prepareLogarithm = ({ set }) => [
  set('exponents', wasm.splatInt(-(2 ** 23))),
  LOGARITHM.map((factor, i) => set(`factor${i}`, wasm.splatOf(wasm.float(factor)))), // shorter than a `splat`
];

/**
 * Write the binary logarithm of positive normal numbers.
 * @param {Scope} scope @param {Code} x
 * @returns {Code} Code that leaves the result in the variable "logarithm".
 */
function logarithm({ get, set }, x) {
  return [
    set('number', x),
    set('exponent', wasm.subtractIntegers(get('number'), splat(0.75))),
    set('rest', wasm.subtractIntegers(get('number'), wasm.andVectors(get('exponent'), get('exponents')))),
    set('rest', subtractVectors(get('rest'), splat(1))),
    set('logarithm', get('factor0')),
    LOGARITHM.slice(1).map((_, i) =>
      set('logarithm', addProduct(get(`factor${i + 1}`), get('logarithm'), get('rest'))),
    ),
    set('logarithm', addProduct(wasm.floatsOf(wasm.shiftSigned(get('exponent'), 23)), get('logarithm'), get('rest'))),
  ];
}

/** Write the magnitude and the logarithm of each power, one after the other. */
const measure = define('measure', ['powers', 'bins', 'to'], LOGARITHM_VARIABLES, (scope) => {
  const { get, step } = scope;
  return [
    prepareLogarithm(scope),
    repeat(scope, 'bins', [
      store(get('to'), wasm.squareRoot(load(get('powers')))),
      logarithm(scope, maxVectors(load(get('powers')), splat(LEAST_POWER))),
      store(get('to'), get('logarithm'), VECTOR_BYTES),
      [step('powers', int(VECTOR_BYTES)), step('to', int(2 * VECTOR_BYTES))],
    ]),
  ];
});

/**
 * Compare powers with wanted magnitudes and logarithms, and write the sums, over bins, of the differences of
 * logarithms, of the squared ones of magnitudes, of powers, and of powers times octaves.
 */
const compare = define(
  'compare',
  ['powers', 'bins', 'wanted', 'octaves', 'sums'],
  { ...LOGARITHM_VARIABLES, ...variables(VECTOR, 'power', 'gap', 'logSum', 'squares', 'sum', 'octaveSum') },
  (scope) => {
    const { get, set, step } = scope;
    return [
      prepareLogarithm(scope),
      repeat(scope, 'bins', [
        set('power', load(get('powers'))),
        set('sum', addVectors(get('sum'), get('power'))),
        set('octaveSum', addProduct(get('octaveSum'), get('power'), loadSplat(get('octaves')))),
        set('gap', subtractVectors(wasm.squareRoot(get('power')), load(get('wanted')))),
        set('squares', addProduct(get('squares'), get('gap'), get('gap'))),
        logarithm(scope, maxVectors(get('power'), splat(LEAST_POWER))),
        set('gap', subtractVectors(get('logarithm'), load(get('wanted'), VECTOR_BYTES))),
        set('logSum', addVectors(get('logSum'), wasm.absolute(get('gap')))),
        [step('powers', int(VECTOR_BYTES)), step('wanted', int(2 * VECTOR_BYTES)), step('octaves', int(4))],
      ]),
      ['logSum', 'squares', 'sum', 'octaveSum'].map((n, i) => store(get('sums'), get(n), VECTOR_BYTES * i)),
    ];
  },
);

/** Write the level in dB of each mel band, and the largest. A band is an address, and a number of pairs of bins. */
const writeBands = define(
  'writeBands',
  ['powers', 'bands', 'count', 'weights', 'to', 'loudest'],
  { ...LOGARITHM_VARIABLES, ...variables(INT, 'at', 'pairs'), ...variables(VECTOR, 'even', 'odd', 'most') },
  (scope) => {
    const { get, set, step } = scope;
    const weighted = (/** @type {string} */ sum, /** @type {number} */ i) =>
      set(sum, addProduct(get(sum), load(get('at'), VECTOR_BYTES * i), loadSplat(get('weights'), 4 * i)));
    return [
      prepareLogarithm(scope),
      set('most', splat(10 * Math.log10(LEAST_MEL))),
      repeat(scope, 'count', [
        set('at', add(get('powers'), loadInt(get('bands')))),
        set('pairs', loadInt(get('bands'), 4)),
        [set('even', splat(0)), set('odd', splat(0))], // two sums that do not wait for one another
        repeat(scope, 'pairs', [
          [weighted('even', 0), weighted('odd', 1)],
          [step('at', int(2 * VECTOR_BYTES)), step('weights', int(8))],
        ]),
        logarithm(scope, maxVectors(addVectors(get('even'), get('odd')), splat(LEAST_MEL))),
        set('logarithm', multiplyVectors(get('logarithm'), splat(10 * Math.log10(2)))),
        set('most', maxVectors(get('most'), get('logarithm'))),
        store(get('to'), get('logarithm')),
        [step('bands', int(8)), step('to', int(VECTOR_BYTES))],
      ]),
      store(get('loudest'), get('most')),
    ];
  },
);

const SUMS = Array.from({ length: MFCCS }, (_, i) => `sum${i}`);

/** Write the MFCCs of levels, which are raised to a least one; there are 13 cosines for each band. */
const writeMfccs = define(
  'writeMfccs',
  ['levels', 'count', 'least', 'cosines', 'to'],
  variables(VECTOR, 'level', 'floor', ...SUMS),
  (scope) => {
    const { get, set, step } = scope;
    return [
      set('floor', loadSplat(get('least'))),
      repeat(scope, 'count', [
        set('level', maxVectors(load(get('levels')), get('floor'))),
        SUMS.map((sum, i) => set(sum, addProduct(get(sum), get('level'), loadSplat(get('cosines'), 4 * i)))),
        [step('levels', int(VECTOR_BYTES)), step('cosines', int(4 * MFCCS))],
      ]),
      SUMS.map((sum, i) => store(get('to'), get(sum), VECTOR_BYTES * i)),
    ];
  },
);

/**
 * The kernels, and the memory that they work in.
 *
 * @typedef {object} Kernels
 * @property {Float32Array} memory All of the memory; addresses are four times its indices.
 * @property {Int32Array} integers The same memory.
 * @property {(from: number, apart: number, window: number, fours: number, to: number) => void} cut
 * @property {(from: number, to: number, quarter: number, run: number, factors: number) => void} turnFours
 * @property {(from: number, to: number, run: number) => void} turnTwos
 * @property {(numbers: number, n: number, turns: number, to: number) => void} writePowers
 * @property {(powers: number, bins: number, to: number) => void} measure
 * @property {(powers: number, bins: number, wanted: number, octaves: number, sums: number) => void} compare
 * @property {(powers: number, bands: number, count: number, weights: number, to: number,
 *   loudest: number) => void} writeBands
 * @property {(levels: number, count: number, least: number, cosines: number, to: number) => void} writeMfccs
 */

/**
 * Make the kernels with a memory of their own, see `maker`.
 * @type {(numbers: number) => Kernels}
 */
export const makeKernels = wasm.maker([
  cut, turnFours, turnTwos, writePowers, measure, compare, writeBands, writeMfccs,
]);
