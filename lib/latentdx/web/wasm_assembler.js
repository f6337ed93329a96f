/**
 * A small assembler of WebAssembly, so that kernels of a network and of a search can be read, and need no
 * compiler.
 *
 * Code is a nested array of bytes. Operands come first, as the arguments of each function, so that
 * `add(get('x'), int(4))` is the code of x + 4. Parameters are 32-bit integers; addresses are in bytes.
 * Numbers of instructions are those of https://webassembly.github.io/spec/core/binary/instructions.html.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/** @typedef {(number | Code)[]} Code */

/** Encode an unsigned integer as LEB128. @param {number} n @returns {number[]} */
function unsigned(n) {
  const bytes = [];
  for (; n > 127; n >>>= 7) bytes.push((n & 127) | 128);
  return [...bytes, n];
}

/** Encode a signed integer as LEB128. @param {number} n @returns {number[]} */
function signed(n) {
  const bytes = [];
  for (; n < -64 || n > 63; n >>= 7) bytes.push((n & 127) | 128);
  return [...bytes, n & 127];
}

const single = (/** @type {number} */ x) => [...new Uint8Array(new Float32Array([x]).buffer)];
const binary = (/** @type {number[]} */ ...opcode) => (/** @type {Code} */ a, /** @type {Code} */ b) => [
  a,
  b,
  opcode,
];

// ---- 32-bit integers and floats ---------------------------------------------------------------------------

export const int = (/** @type {number} */ n) => [0x41, signed(n)];
export const add = binary(0x6a);
export const multiply = binary(0x6c);
export const and = binary(0x71);
export const shiftRight = binary(0x76);
export const atLeast = binary(0x4e); // of signed integers
/** Load an integer from an address. @param {Code} at @param {number} [offset] */
export const loadInt = (at, offset = 0) => [at, 0x28, 2, unsigned(offset)];
export const float = (/** @type {number} */ x) => [0x43, single(x)];
export const addFloats = binary(0x92);
export const divideFloats = binary(0x95);
export const maxFloat = binary(0x97);

// ---- vectors of four floats or integers -------------------------------------------------------------------

const simd = (/** @type {number} */ n) => [0xfd, ...unsigned(n)];
const unary = (/** @type {number} */ n) => (/** @type {Code} */ a) => [a, simd(n)];
/** Load four floats from an address. @param {Code} at @param {number} [offset] */
export const load = (at, offset = 0) => [at, simd(0), 2, unsigned(offset)];
/** Load one float into all four lanes. @param {Code} at @param {number} [offset] */
export const loadSplat = (at, offset = 0) => [at, simd(9), 2, unsigned(offset)];
/** Store four floats. @param {Code} at @param {Code} vector @param {number} [offset] */
export const store = (at, vector, offset = 0) => [at, vector, simd(11), 2, unsigned(offset)];
/** A constant in all four lanes. @param {number} x */
export const splat = (x) => [simd(12), [0, 0, 0, 0].map(() => single(x))];
/** The same integer in all four lanes. @param {number} n */
export const splatInt = (n) => [int(n), simd(0x11)];
/** A float in all four lanes. @param {Code} x */
export const splatOf = unary(0x13);
export const lane = (/** @type {Code} */ vector, /** @type {number} */ n) => [vector, simd(0x1f), n];
/**
 * Join lanes of two vectors: 0 to 3 are those of the first, and 4 to 7 those of the second.
 * @param {Code} a @param {Code} b @param {number[]} lanes Four numbers.
 */
export const shuffle = (a, b, lanes) => [a, b, simd(13), lanes.flatMap((n) => [0, 1, 2, 3].map((i) => 4 * n + i))];
export const nearest = unary(0x6a);
export const andVectors = binary(...simd(0x4e));
export const absolute = unary(0xe0);
export const squareRoot = unary(0xe3);
export const addVectors = binary(...simd(0xe4));
export const subtractVectors = binary(...simd(0xe5));
export const multiplyVectors = binary(...simd(0xe6));
export const divideVectors = binary(...simd(0xe7));
export const minVectors = binary(...simd(0xe8));
export const maxVectors = binary(...simd(0xe9));
export const truncateVectors = unary(0xf8); // floats to integers
export const floatsOf = unary(0xfa); // of signed integers
export const addIntegers = binary(...simd(0xae));
export const subtractIntegers = binary(...simd(0xb1));
export const shiftLeft = (/** @type {Code} */ vector, /** @type {number} */ n) => [
  [vector, int(n)],
  simd(0xab),
];
export const shiftSigned = (/** @type {Code} */ vector, /** @type {number} */ n) => [
  [vector, int(n)],
  simd(0xac),
];

// ---- control ----------------------------------------------------------------------------------------------

/** Repeat code while a condition, tested first, is not zero. @param {Code} condition @param {Code} body */
export const whileTrue = (condition, body) => [
  [0x02, 0x40, 0x03, 0x40, condition, 0x45, 0x0d, 1],
  [body, 0x0c, 0, 0x0b, 0x0b],
];
/** Repeat code until a condition, tested afterwards, is zero. @param {Code} body @param {Code} condition */
export const doWhile = (body, condition) => [0x03, 0x40, body, condition, 0x0d, 0, 0x0b];

/** Types of local variables. */
export const INT = 0x7f;
export const FLOAT = 0x7d;
export const VECTOR = 0x7b;

/**
 * Functions that read and write the variables of a function by name. `step` adds to an integer.
 * @typedef {{get: (name: string) => Code, set: (name: string, value: Code) => Code,
 *   step: (name: string, amount: Code) => Code}} Scope
 */

/** @typedef {{name: string, parameters: number, locals: number[], code: Code}} Definition */

/**
 * Define a function that returns nothing.
 * @param {string} name
 * @param {string[]} parameters Names of its parameters, 32-bit integers.
 * @param {Record<string, number>} locals Types of its local variables, by name.
 * @param {(scope: Scope) => Code} write Function that returns its code.
 * @returns {Definition}
 */
export function define(name, parameters, locals, write) {
  const names = [...parameters, ...Object.keys(locals)];
  const number = (/** @type {string} */ variable) => {
    const index = names.indexOf(variable);
    if (index < 0) throw new Error(`${name} has no variable ${variable}`);
    return unsigned(index);
  };
  const get = (/** @type {string} */ variable) => [0x20, number(variable)];
  const set = (/** @type {string} */ variable, /** @type {Code} */ value) => [value, 0x21, number(variable)];
  const step = (/** @type {string} */ variable, /** @type {Code} */ amount) =>
    set(variable, add(get(variable), amount));
  const code = write({ get, set, step });
  return { name, parameters: parameters.length, locals: Object.values(locals), code };
}

/**
 * Assemble a module that exports functions, and imports its memory as "memory" of the module "host".
 * @param {Definition[]} functions
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function assemble(functions) {
  /** @type {(code: Code) => number[]} */
  const flat = (code) => code.flatMap((part) => (typeof part === 'number' ? part : flat(part)));
  const sized = (/** @type {Code} */ code) => {
    const bytes = flat(code);
    return [...unsigned(bytes.length), ...bytes];
  };
  const section = (/** @type {number} */ id, /** @type {Code[]} */ items) => [
    id,
    sized([unsigned(items.length), ...items]),
  ];
  const text = (/** @type {string} */ name) => sized([...name].map((c) => c.charCodeAt(0)));
  const body = (/** @type {Definition} */ { locals, code }) =>
    sized([unsigned(locals.length), locals.map((type) => [1, type]), code, 0x0b]);
  return new Uint8Array(
    flat([
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
      section(1, functions.map(({ parameters: n }) => [0x60, unsigned(n), Array(n).fill(INT), 0])),
      section(2, [[text('host'), text('memory'), 2, 0, 1]]),
      section(3, functions.map((_, i) => unsigned(i))),
      section(7, functions.map(({ name }, i) => [text(name), 0, unsigned(i)])),
      section(10, functions.map(body)),
    ]),
  );
}

/**
 * Return a function that makes kernels with a memory of their own; they are assembled at its first call.
 * @param {Definition[]} functions
 * @returns {(numbers: number) => any} Function of the size of the memory in numbers. It returns the functions by
 *   name, and the memory as `memory`, a Float32Array, and as `integers`, an Int32Array.
 * @throws {Error} The browser has no WebAssembly with SIMD.
 */
export function maker(functions) {
  /** @type {WebAssembly.Module | undefined} */
  let compiled;
  return (numbers) => {
    if (typeof WebAssembly === 'undefined') throw new Error('this browser has no WebAssembly');
    try {
      // at once, which pages may do with modules of up to 4 kB
      compiled ??= new WebAssembly.Module(assemble(functions));
    } catch (error) {
      throw new Error('this browser has no WebAssembly with SIMD', { cause: error });
    }
    const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * numbers) / 65536) });
    const { exports } = new WebAssembly.Instance(compiled, { host: { memory } });
    const { buffer } = memory;
    return { ...exports, memory: new Float32Array(buffer), integers: new Int32Array(buffer) };
  };
}
