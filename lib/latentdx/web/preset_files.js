/**
 * Reader and writer of .syx files, by the rules of the Python package's `PresetBank.read(…, strict=False)`:
 * the same voices, the same notes about damage, the same errors.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { MAXIMA, pack } from './engine/engine.js';
import { initValues } from './parameters.js';
import { recoverMessages } from './preset_recovery.js';
import * as sysex from './sysex_reader.js';

const { BANK_VOICES, MOST_OUT_OF_RANGE, PACKED_SIZE, PresetFileError, SIZES } = sysex;

/** @typedef {import("./sysex_reader.js").Voice} Voice */
/** @typedef {import("./sysex_reader.js").Voices} Voices */

/** Size of the largest file that is read. */
const MAX_FILE_BYTES = 64 * 2 ** 20;
const SQLITE = 'SQLite format 3\0';

/** Percent without decimals, halves to the even one, as in Python. @param {number} share */
function percent(share) {
  const [x, down] = [share * 100, Math.floor(share * 100)];
  return `${x - down === 0.5 ? down + (down % 2) : Math.round(x)}%`;
}

/** Read packed voices of 128 bytes each. @param {Uint8Array} data @param {string} source @returns {Voices} */
function readPacked(data, source) {
  if (!data.length || data.length % PACKED_SIZE) {
    const expected = `a positive multiple of ${PACKED_SIZE} bytes`;
    throw new PresetFileError(source, data.length, `${data.length} bytes`, expected);
  }
  const share = sysex.shareOutOfRange(data);
  if (share > MOST_OUT_OF_RANGE) {
    let at = -1;
    for (let start = 0; at < 0; start += PACKED_SIZE) {
      const raw = sysex.unpackRaw(data.subarray(start, start + PACKED_SIZE));
      const bad = raw.findIndex((value, i) => value > MAXIMA[i]);
      if (bad >= 0) at = start + sysex.PLACES[bad][0];
    }
    const expected = `at most ${percent(MOST_OUT_OF_RANGE)} (are these packed DX7 voices?)`;
    throw new PresetFileError(source, at, `${percent(share)} of the values out of range`, expected);
  }
  const voices = { voices: [], notes: [] };
  sysex.addPayload(voices, data, false);
  return voices;
}

/** Check whether data are one packed voice or a cartridge without header. @param {Uint8Array} data */
function isHeaderless(data) {
  if (data.length !== PACKED_SIZE && data.length !== SIZES[9]) return false;
  if (data[0] === sysex.START || data.every((byte) => byte === data[0])) return false;
  return sysex.shareOutOfRange(data) <= MOST_OUT_OF_RANGE;
}

/**
 * Read the presets of a file that the reader gave; a huge one is refused by its size alone.
 * @param {File} file
 * @throws {Error} (rejected) It cannot be read; see `readPresets`.
 */
export async function readPresetFile(file) {
  const data = file.size > MAX_FILE_BYTES ? { length: file.size } : new Uint8Array(await file.arrayBuffer());
  return readPresets(/** @type {Uint8Array} */ (data), file.name);
}

/**
 * Read all voices of a file; damaged parts are read as far as something proves them, and reported in `notes`.
 * @param {Uint8Array} data Its bytes. @param {string} source Its name, for messages.
 * @returns {Voices}
 * @throws {PresetFileError} It holds no DX7 voice, or too much else.
 */
export function readPresets(data, source) {
  if (data.length > MAX_FILE_BYTES) {
    const count = (/** @type {number} */ n) => n.toLocaleString('en-US');
    throw new PresetFileError(
      source,
      null,
      `${count(data.length)} bytes`,
      `at most ${count(MAX_FILE_BYTES)}`,
    );
  }
  if (sysex.characters(data.subarray(0, 16)) === SQLITE) {
    throw new PresetFileError(
      source,
      0,
      'an SQLite database',
      'a .syx file (the Python package reads databases)',
    );
  }
  if (/\.bin$/i.test(source)) return readPacked(data, source);
  if (isHeaderless(data)) {
    const voices = readPacked(data, source);
    voices.notes.push(`${source}: read as packed voices without a header`);
    return voices;
  }
  return recoverMessages(data, source);
}

// ---- writing ----------------------------------------------------------------------------------------------

/** @param {number} format @param {Uint8Array} payload */
function message(format, payload) {
  const size = payload.length;
  return Uint8Array.from([
    sysex.START,
    sysex.YAMAHA,
    0,
    format,
    size >> 7,
    size & 127,
    ...payload,
    sysex.checksum(payload),
    sysex.END,
  ]);
}

/** Return the 155 values of a voice with its name. @param {Voice} voice */
export const withName = ({ values, name }) => Uint8Array.from([...values, ...sysex.encodeName(name)]);

/** Write a cartridge of 4,104 bytes; INIT VOICE fills it. @param {Voice[]} voices 1 to 32. */
export function writeCartridge(voices) {
  if (!voices.length || voices.length > BANK_VOICES) {
    throw new RangeError(`a cartridge needs 1 to ${BANK_VOICES} voices, not ${voices.length}`);
  }
  const init = { values: initValues(), name: 'INIT VOICE' };
  const payload = new Uint8Array(SIZES[9]);
  for (let i = 0; i < BANK_VOICES; i++) payload.set(pack(withName(voices[i] ?? init)), PACKED_SIZE * i);
  return message(9, payload);
}

/** Write one voice as a dump of 163 bytes. @param {Voice} voice */
export const writeVoice = (voice) => message(0, withName(voice));
