/**
 * The table of all 155 Dexed parameters: the same names, ranges and texts as in the Python package's
 * `latentdx.presets.parameters`. A voice is a `Uint8Array` of 145 values in VCED order (operator 6 first).
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { MAXIMA } from './engine/engine.js';

export const OPERATORS = 6;
export const VALUES = 145;
export const NAME_LENGTH = 10;
/** Value of TRANSPOSE for no transposition (C3). */
export const NEUTRAL_TRANSPOSE = 24;
const OPERATOR_BYTES = 21;

/**
 * One parameter of the plug-in.
 * @typedef {object} Parameter
 * @property {string} name Name in the plug-in, such as "OP1 F COARSE".
 * @property {number | null} vced Position in a voice; `null` for what exists only in the plug-in.
 * @property {number | null} maximum Largest value; `null` for a continuous parameter.
 * @property {number | null} operator 1 to 6; `null` for a global parameter.
 * @property {string[]} labels Names of the values, if they have names.
 */

const WAVES = ['triangle', 'saw down', 'saw up', 'square', 'sine', 'sample & hold'];
const CURVES = ['-lin', '-exp', '+exp', '+lin'];
const MODES = ['ratio', 'fixed'];
const OFF_ON = ['off', 'on'];
const four = (/** @type {string} */ name) => [1, 2, 3, 4].map((n) => `${name} ${n}`);

/** In plug-in order: name, position among the operator's values (none for SWITCH), labels. */
const OPERATOR = /** @type {[string, number | null, string[]?][]} */ ([
  ...[...four('EG RATE'), ...four('EG LEVEL')].map((name, i) => [name, i]),
  ['OUTPUT LEVEL', 16], ['MODE', 17, MODES], ['F COARSE', 18], ['F FINE', 19], ['OSC DETUNE', 20],
  ['BREAK POINT', 8], ['L SCALE DEPTH', 9], ['R SCALE DEPTH', 10],
  ['L KEY SCALE', 11, CURVES], ['R KEY SCALE', 12, CURVES],
  ['RATE SCALING', 13], ['A MOD SENS.', 14], ['KEY VELOCITY', 15], ['SWITCH', null, OFF_ON],
]);
/** In plug-in order: name, position in a voice, labels. */
const GLOBAL = /** @type {[string, number | null, string[]?][]} */ ([
  ...['Cutoff', 'Resonance', 'Output', 'MASTER TUNE ADJ'].map((name) => [name, null]),
  ['ALGORITHM', 134], ['FEEDBACK', 135], ['OSC KEY SYNC', 136, OFF_ON],
  ['LFO SPEED', 137], ['LFO DELAY', 138], ['LFO PM DEPTH', 139], ['LFO AM DEPTH', 140],
  ['LFO KEY SYNC', 141, OFF_ON], ['LFO WAVE', 142, WAVES], ['TRANSPOSE', 144], ['P MODE SENS.', 143],
  ...[...four('PITCH EG RATE'), ...four('PITCH EG LEVEL')].map((name, i) => [name, 126 + i]),
]);

/**
 * @param {string} name @param {number | null} vced @param {string[]} labels @param {number | null} operator
 * @returns {Parameter}
 */
const make = (name, vced, labels = [], operator = null) => {
  const maximum = vced === null ? (labels.length || null) && labels.length - 1 : MAXIMA[vced];
  return { name, vced, maximum, operator, labels };
};

/** All 155 parameters in plug-in order. @type {Parameter[]} */
export const PARAMETERS = [
  ...GLOBAL.map(([name, vced, labels]) => make(name, vced, labels)),
  ...[1, 2, 3, 4, 5, 6].flatMap((k) =>
    OPERATOR.map(([name, at, labels]) =>
      make(`OP${k} ${name}`, at === null ? null : OPERATOR_BYTES * (OPERATORS - k) + at, labels, k),
    ),
  ),
];

const BY_NAME = new Map(PARAMETERS.map((parameter) => [parameter.name, parameter]));

/**
 * Return the parameter with a name in the plug-in.
 * @param {string} name @throws {RangeError} No parameter has this name.
 */
export function parameter(name) {
  const found = BY_NAME.get(name);
  if (!found) throw new RangeError(`no parameter named "${name}"`);
  return found;
}

/** Return the position in a voice of a parameter that every voice has. @param {string} name */
export const column = (name) => /** @type {number} */ (parameter(name).vced);

/** Parameters of a voice in VCED order: entry i describes value i. @type {Parameter[]} */
export const VOICE_PARAMETERS = PARAMETERS.filter((p) => p.vced !== null).sort(
  (a, b) => /** @type {number} */ (a.vced) - /** @type {number} */ (b.vced),
);

const signed = (/** @type {number} */ value) => (value < 0 ? `${value}` : `+${value}`);

/**
 * Format a value for musicians, with labels for categories and centered detune and transpose.
 * @param {Parameter} parameter @param {number} value 0 to `maximum`.
 */
export function valueText({ name, labels }, value) {
  if (labels.length) return labels[value];
  if (name === 'ALGORITHM') return `${value + 1}`;
  if (name === 'TRANSPOSE') return `${signed(value - NEUTRAL_TRANSPOSE)} semitones`;
  if (name.endsWith('OSC DETUNE')) return signed(value - 7);
  return `${value}`;
}

/**
 * Format the frequency of an operator, without its detune: a ratio to the note's, such as "×3.5", or a fixed
 * one, such as "440 Hz".
 * @param {ArrayLike<number>} values A voice. @param {number} operator 1 to 6.
 */
export function frequencyText(values, operator) {
  const [mode, coarse, fine] = ['MODE', 'F COARSE', 'F FINE'].map((n) => values[column(`OP${operator} ${n}`)]);
  const short = (/** @type {number} */ x) => `${Number(x.toPrecision(4))}`;
  if (mode === 0) return `×${short((coarse || 0.5) * (1 + fine / 100))}`;
  return `${short(10 ** ((coarse % 4) + fine / 100))} Hz`;
}

/** Values of INIT VOICE; names without "OPk" apply to all operators, and all other parameters are 0. */
const INIT = new Map(
  /** @type {[string, number][]} */ ([
    ...four('EG RATE').map((name) => [name, 99]),
    ...four('EG LEVEL').slice(0, 3).map((name) => [name, 99]),
    ...four('PITCH EG RATE').map((name) => [name, 99]),
    ...four('PITCH EG LEVEL').map((name) => [name, 50]),
    ['OP1 OUTPUT LEVEL', 99], ['F COARSE', 1], ['OSC DETUNE', 7], ['BREAK POINT', 39], ['OSC KEY SYNC', 1],
    ['LFO SPEED', 35], ['LFO KEY SYNC', 1], ['P MODE SENS.', 3], ['TRANSPOSE', NEUTRAL_TRANSPOSE],
  ]),
);

/** Return the DX7's INIT VOICE, 145 values: one sine wave from operator 1 at full level. */
export function initValues() {
  return Uint8Array.from(
    VOICE_PARAMETERS.map(({ name, operator }) => {
      return INIT.get(name) ?? INIT.get(operator ? name.slice(4) : name) ?? 0;
    }),
  );
}
