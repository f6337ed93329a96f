/**
 * Voices as bytes, and the reader of intact SysEx dumps, as in the Python package's `latentdx.presets.sysex` and
 * `sysex_reader`; preset_recovery.js reads damaged ones.
 *
 * Sources: Yamaha DX7 manual, section "MIDI data format", and the manuals of the other instruments named.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { MAXIMA } from './engine/engine.js';
import { NAME_LENGTH, VALUES, VOICE_PARAMETERS } from './parameters.js';

export const PACKED_SIZE = 128;
export const BANK_VOICES = 32;
export const YAMAHA = 0x43;
/** First and last byte of a SysEx message. */
export const [START, END] = [0xf0, 0xf7];
/** Size of the data in a dump of each format: 0, one voice; 9, a cartridge. @type {Record<number, number>} */
export const SIZES = { 0: VALUES + NAME_LENGTH, 9: BANK_VOICES * PACKED_SIZE };
/** Largest accepted share of values out of range in data that nothing marks as DX7 voices. */
export const MOST_OUT_OF_RANGE = 0.15;
/** Bytes of a dump before its data: start, manufacturer, channel, format, and two for the byte count. */
export const HEADER_SIZE = 6;

/** @type {Record<number, string>} */
const NOT_DX7 = {
  1: 'DX7 performance (PCED)',
  2: 'DX7/TX816 performances (PMEM)',
  3: 'one 4-operator voice (DX21/27/100, TX81Z)',
  4: '4-operator voices (DX21/27/100, DX11/TX81Z)',
  5: 'DX7 II supplement of one voice (ACED)',
  6: 'DX7 II supplement of 32 voices (AMEM)',
  0x7e: 'a universal Yamaha bulk dump (DX11/TX81Z, DX7 II, TX802)',
};
/** @type {Record<number, string>} */
const MANUFACTURERS = {
  0x41: 'Roland', 0x42: 'Korg', 0x40: 'Kawai', 0x44: 'Casio', 0x01: 'Sequential', 0x10: 'Oberheim',
  0x7e: 'universal, no manufacturer', 0x7f: 'universal real time, no manufacturer',
};
/** First bytes of other kinds of files. @type {[string, string][]} */
const OTHER_FILES = [
  ['PK\x03\x04', 'a ZIP archive'], ['\x1f\x8b', 'a gzip archive'], ['Rar!', 'a RAR archive'],
  ['7z\xbc\xaf', 'a 7-Zip archive'], ['\x00\x05\x16\x07', 'macOS metadata (AppleDouble)'],
  ['MThd', 'a MIDI file'], ['RIFF', 'a RIFF file, such as a WAV sound'],
  ['FORM', 'an IFF file, such as an AIFF sound'], ['fLaC', 'a FLAC sound'], ['OggS', 'an Ogg sound'],
  ['ID3', 'an MP3 sound'],
];

/** A file that cannot be read: where it is wrong, what was found there, and what was expected. */
export class PresetFileError extends Error {
  /**
   * @param {string} source File. @param {number | null} offset Position of the first wrong byte.
   * @param {string} found @param {string} expected
   * @param {boolean} [unsupported] Valid, but of another instrument or manufacturer.
   */
  constructor(source, offset, found, expected, unsupported = false) {
    super(`${source}${offset === null ? '' : `, byte ${offset}`}: found ${found}, expected ${expected}`);
    this.name = 'PresetFileError';
    this.unsupported = unsupported;
  }
}

/**
 * One voice of a file.
 * @typedef {object} Voice
 * @property {Uint8Array} values 145 values within their ranges, in VCED order.
 * @property {string} name At most ten printable letters.
 * @property {boolean} [mended] Values out of range were repaired.
 * @property {boolean} [renamed] The stored name has unprintable characters.
 * @property {boolean} [damaged] No right checksum proves the values.
 */

/**
 * Voices collected from a file, and sentences about its damaged and skipped parts.
 * @typedef {{voices: Voice[], notes: string[]}} Voices
 */

// ---- values and names -------------------------------------------------------------------------------------

/** Place of each value in a packed voice: byte, lowest bit, mask. @type {[number, number, number][]} */
export const PLACES = [];
for (let k = 0; k < 6; k++) {
  const at = 17 * k;
  for (let i = 0; i < 11; i++) PLACES.push([at + i, 0, 255]);
  PLACES.push([at + 11, 0, 3], [at + 11, 2, 3], [at + 12, 0, 7], [at + 13, 0, 3], [at + 13, 2, 7]);
  PLACES.push([at + 14, 0, 255], [at + 15, 0, 1], [at + 15, 1, 31], [at + 16, 0, 255], [at + 12, 3, 15]);
}
for (let i = 0; i < 8; i++) PLACES.push([102 + i, 0, 255]);
PLACES.push([110, 0, 31], [111, 0, 7], [111, 3, 1]);
for (let i = 0; i < 4; i++) PLACES.push([112 + i, 0, 255]);
PLACES.push([116, 0, 1], [116, 1, 7], [116, 4, 7], [117, 0, 255]);

const END_LEVELS = new Set(VOICE_PARAMETERS.flatMap(({ name }, i) => (/^OP. EG LEVEL 4/.test(name) ? [i] : [])));

/** Unpack 128 bytes to 145 values; what is out of range stays so. @param {Uint8Array} packed */
export const unpackRaw = (packed) => Uint8Array.from(PLACES, ([byte, shift, mask]) => (packed[byte] >> shift) & mask);

/** Return the share of the values of packed voices that are out of range. @param {Uint8Array} packed */
export function shareOutOfRange(packed) {
  let bad = 0;
  for (let at = 0; at < packed.length; at += PACKED_SIZE) {
    unpackRaw(packed.subarray(at, at + PACKED_SIZE)).forEach((value, i) => (bad += Number(value > MAXIMA[i])));
  }
  return (bad * PACKED_SIZE) / (packed.length * VALUES);
}

/** Decode a stored name: seven bits a byte, unprintable characters as spaces. @param {ArrayLike<number>} raw */
export function decodeName(raw) {
  const letter = (/** @type {number} */ c) => (c >= 32 && c < 127 ? String.fromCharCode(c) : ' ');
  return Array.from(raw, (byte) => letter(byte & 127)).join('').trim();
}

/** Encode a name as ten bytes of printable ASCII, padded with spaces. @param {string} name */
export function encodeName(name) {
  const letters = Array.from(name, (c) => (/^[ -~]$/.test(c) ? c.charCodeAt(0) : 63)).slice(0, NAME_LENGTH);
  return Uint8Array.from({ length: NAME_LENGTH }, (_, i) => letters[i] ?? 32);
}

/**
 * Append a voice, with values out of range repaired: clamped, and an envelope's level 4 set to 0, because a
 * corrupt one clamped to 99 would sound forever.
 * @param {Voices} voices @param {Uint8Array} raw 145 values. @param {Uint8Array} name @param {boolean} damaged
 */
function add(voices, raw, name, damaged) {
  const values = raw.map((value, i) => (value <= MAXIMA[i] ? value : END_LEVELS.has(i) ? 0 : MAXIMA[i]));
  const mended = values.some((value, i) => value !== raw[i]);
  const renamed = name.some((byte) => byte < 32 || byte >= 127);
  voices.voices.push({ values, name: decodeName(name), mended, renamed, damaged });
}

/**
 * Append the voices in the data of a dump, one unpacked or several packed; return their number.
 * @param {Voices} voices @param {Uint8Array} payload @param {boolean} damaged
 */
export function addPayload(voices, payload, damaged) {
  if (payload.length === SIZES[0]) {
    add(voices, payload.subarray(0, VALUES), payload.subarray(VALUES), damaged);
    return 1;
  }
  for (let at = 0; at < payload.length; at += PACKED_SIZE) {
    const packed = payload.subarray(at, at + PACKED_SIZE);
    add(voices, unpackRaw(packed), packed.subarray(PACKED_SIZE - NAME_LENGTH), damaged);
  }
  return payload.length / PACKED_SIZE;
}

/** Yamaha's checksum: the lowest seven bits of the two's complement of the sum. @param {Uint8Array} payload */
export const checksum = (payload) => -payload.reduce((sum, byte) => sum + byte, 0) & 127;

// ---- what is found in a file ------------------------------------------------------------------------------

const hex = (/** @type {number} */ byte) => byte.toString(16).toUpperCase().padStart(2, '0');

/** Bytes as a string of characters 0 to 255, for regular expressions. @param {Uint8Array} bytes */
export const characters = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/** Quote text as Python's `repr` does. @param {string} text */
function quoted(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  /** @type {Record<string, string>} */
  const names = { '\t': '\\t', '\r': '\\r', '\n': '\\n', '\\': '\\\\', [quote]: `\\${quote}` };
  return quote + Array.from(text, (c) => names[c] ?? c).join('') + quote;
}

/** Describe the first bytes of unexpected data. @param {Uint8Array} data */
function describeBytes(data) {
  const head = characters(data.subarray(0, 16));
  const kind = OTHER_FILES.find(([magic]) => head.startsWith(magic));
  if (kind) return kind[1];
  if (/^[ -~\t\r\n]+$/.test(head)) return `text ${quoted(head)}`;
  return `bytes ${Array.from(data.subarray(0, 16), hex).join(' ')}`;
}

/**
 * Identify a dump of DX7 voices by its header, and refuse all other messages.
 * @param {ArrayLike<number>} head Five bytes of the header after the start byte; fewer at the end of a file.
 * @param {number} at Offset of the start byte. @param {string} source
 * @returns {[number, number]} Format, 0 or 9, and the byte count that the header gives.
 */
export function identify(head, at, source) {
  if (!head.length) throw new PresetFileError(source, at, '1 bytes', 'a SysEx header of 6 bytes');
  if (head[0] !== YAMAHA) {
    const maker = MANUFACTURERS[head[0]] ?? 'another manufacturer';
    throw new PresetFileError(source, at + 1, `manufacturer 0x${hex(head[0])} (${maker})`, '0x43 (Yamaha)', true);
  }
  if (head.length < HEADER_SIZE - 1) {
    const found = `a header of ${1 + head.length} bytes`;
    throw new PresetFileError(source, at, found, 'a header of 6 bytes (truncated file)');
  }
  const [kind, number] = [head[1] >> 4, head[2]];
  if (kind !== 0) {
    const found = `Yamaha sub-status ${kind} (not a bulk dump)`;
    throw new PresetFileError(source, at + 2, found, 'sub-status 0', true);
  }
  if (!(number in SIZES)) {
    const found = `Yamaha format ${number}: ${NOT_DX7[number] ?? 'an unknown format'}`;
    throw new PresetFileError(source, at + 3, found, 'format 0 (one DX7 voice) or 9 (32 DX7 voices)', true);
  }
  return [number, (head[3] << 7) | head[4]];
}

/** The error for a byte count that does not belong to a format.
 * @param {number} claimed @param {number} number @param {number} at @param {string} source */
export const wrongCount = (claimed, number, at, source) =>
  new PresetFileError(source, at + 4, `a byte count of ${claimed}`, `${SIZES[number]} for format ${number}`);

/**
 * The error for a dump that ends early.
 * @param {string} what What ends it. @param {number} at Offset of its start byte.
 * @param {number} length Its bytes that are there. @param {number} size Size of the data of its format.
 * @param {string} source
 */
export function cutOff(what, at, length, size, source) {
  const [unit, kind] = what.includes('file') ? ['the message', 'file'] : ['this one', 'message'];
  const expected = `${HEADER_SIZE + size + 2} bytes (truncated ${kind})`;
  return new PresetFileError(source, at + length, `${what} after ${length} bytes of ${unit}`, expected);
}

/**
 * Find what is wrong with the data of a dump, its checksum and its end byte.
 * @param {Uint8Array} payload @param {ArrayLike<number>} tail Checksum and end byte; fewer if they are missing.
 * @param {number} at Offset of the start byte. @param {string} source
 */
export function dataFaults(payload, tail, at, source) {
  /** @type {PresetFileError[]} */
  const faults = [];
  const fault = (/** @type {number} */ offset, /** @type {string} */ found, /** @type {string} */ expected) =>
    faults.push(new PresetFileError(source, offset, found, expected));
  const [body, end] = [at + HEADER_SIZE, at + HEADER_SIZE + payload.length];
  const high = payload.findIndex((byte) => byte > 127);
  if (high >= 0) {
    fault(body + high, `the byte 0x${hex(payload[high])} inside a message`, 'seven-bit data (below 0x80)');
  }
  const wanted = checksum(payload);
  if (!tail.length) fault(end, 'no checksum', `0x${hex(wanted)}`);
  else if (tail[0] !== wanted) fault(end, `checksum 0x${hex(tail[0])}`, `0x${hex(wanted)}`);
  if (tail[1] !== END) {
    const last = tail.length > 1 ? `the byte 0x${hex(tail[1])}` : 'the end of the file';
    fault(end + 1, last, '0xF7, end of message');
  }
  return faults;
}

/** The error for bytes that do not start a message.
 * @param {Uint8Array} data @param {number} at @param {string} source */
function notAMessage(data, at, source) {
  const kind = describeBytes(data.subarray(at, at + 16));
  let hint = '';
  if (kind.endsWith('archive')) hint = ' (unpack the archive first)';
  else if (at === 0 && data.length % PACKED_SIZE === 0) {
    hint = ' (if these are packed voices without a header, rename the file to end in .bin)';
  }
  return new PresetFileError(source, at, kind, `0xF0, start of a SysEx message${hint}`);
}

/** Find two bytes, F0 43, from one offset to another. @param {Uint8Array} data @param {number} from
 * @param {number} to @returns {number} -1 if they are not there. */
export function findStart(data, from, to) {
  const last = Math.min(to, data.length) - 1;
  for (let i = from; i < last; i++) if (data[i] === START && data[i + 1] === YAMAHA) return i;
  return -1;
}

/**
 * Read the intact dump at `at`, and return the offset after it.
 * @param {Uint8Array} data @param {number} at @param {string} source @param {Voices} voices
 * @throws {PresetFileError}
 */
export function readMessage(data, at, source, voices) {
  if (data[at] !== START) throw notAMessage(data, at, source);
  const [number, claimed] = identify(data.subarray(at + 1, at + HEADER_SIZE), at, source);
  const size = SIZES[number];
  if (claimed !== size) throw wrongCount(claimed, number, at, source);
  const body = at + HEADER_SIZE;
  const end = body + size + 2;
  if (data.length < end) throw cutOff('the end of the file', at, data.length - at, size, source);
  const restart = findStart(data, body, end);
  if (restart >= 0) throw cutOff('the start of another message', at, restart - at, size, source);
  const payload = data.subarray(body, body + size);
  const [fault] = dataFaults(payload, data.subarray(body + size, end), at, source);
  if (fault) throw fault;
  addPayload(voices, payload, false);
  return end;
}
