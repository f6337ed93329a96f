/**
 * Reader of damaged SysEx files: what cables, librarians, mail and file systems do to dumps is undone, as in the
 * Python package's `latentdx.presets.sysex_recovery`, which lists the kinds of damage.
 *
 * A checksum has seven bits. A reading that removes bytes from a dump is therefore accepted only if its checksum
 * is right, and an end byte, another message or the end of the file follows.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import * as sysex from './sysex_reader.js';

/** @typedef {import("./sysex_reader.js").Voices} Voices */

/** A file with more parts that are not DX7 voices is something else. */
const MOST_SKIPPED = 1000;
/** Size of a dump in which every byte has a companion. */
const WINDOW = 2 * (6 + 4096 + 2);
/** Header of an intact dump, without its start byte. */
const HEADER = '\\x43[\\x00-\\x0F](?:\\x09\\x20\\x00|\\x00\\x01\\x1B)';
const BARE = new RegExp(`^${HEADER}`);
/** In a MIDI file, the length of the message follows its start byte. */
const IN_MIDI_FILE = new RegExp(`^\\xF0[\\x80-\\xFF]{0,3}[\\x00-\\x7F](?=${HEADER})`);
/** Time, 0xF7 and length of each further packet of a dump that a sequencer divided. */
const PACKET = /[\x80-\xFF]{0,3}[\x00-\x7F]\xF7[\x80-\xFF]{0,3}[\x00-\x7F](?=[\x00-\x7F\xF7])/g;

/** @param {Uint8Array} data @param {number} at */
const charactersAt = (data, at) => sysex.characters(data.subarray(at, at + 16));

/** @param {Uint8Array} data @param {number} at */
const isBare = (data, at) => data[at] === sysex.YAMAHA && BARE.test(charactersAt(data, at));

/** One way to read a damaged dump. */
class Reading {
  /**
   * @param {number} number Format that the header names, 0 or 9. @param {number} claimed Its byte count.
   * @param {Uint8Array} payload Data as stored, without the bytes that were removed.
   * @param {number[]} tail Checksum and end byte as stored. @param {number} after Offset of what follows.
   * @param {string} removed Description of the bytes that were removed; empty if none.
   */
  constructor(number, claimed, payload, tail, after, removed) {
    this.number = number;
    this.claimed = claimed;
    this.payload = payload;
    this.tail = tail;
    this.after = after;
    this.removed = removed;
    this.sevenBit = payload.map((byte) => byte & 127);
    this.proven = (tail[0] & 127) === sysex.checksum(this.sevenBit);
    this.score = 2 * Number(this.proven) + Number(tail[1] === sysex.END);
  }

  get acceptable() {
    const { payload, tail } = this;
    const ends = [sysex.END, sysex.START, sysex.END & 127];
    if (this.proven && (tail.length < 2 || ends.includes(tail[1]))) return true;
    const all = Uint8Array.from([...payload, ...tail]);
    if (this.removed || payload.includes(sysex.END) || sysex.findStart(all, 0, all.length) >= 0) return false;
    return payload.length === sysex.SIZES[this.number] || this.score > 0;
  }
}

/**
 * Read all voices of a damaged file.
 * @param {Uint8Array} data @param {string} source
 * @returns {Voices} With notes on what was damaged, undone and skipped.
 * @throws {sysex.PresetFileError} It holds no voice, or too much else; this is the first fault found.
 */
export function recoverMessages(data, source) {
  /** @type {Voices} */
  const voices = { voices: [], notes: [] };
  /** @type {sysex.PresetFileError[]} */
  const skipped = [];
  if (!data.length) {
    throw new sysex.PresetFileError(source, 0, 'an empty file', 'a SysEx message (0xF0 0x43 …)');
  }
  const raw = fromHexadecimal(data);
  if (raw) {
    voices.notes.push(`${source}: read as hexadecimal text`);
    data = raw;
  }
  for (let at = 0; at < data.length;) {
    try {
      at = recoverMessage(data, at, source, voices);
    } catch (error) {
      if (!(error instanceof sysex.PresetFileError)) throw error;
      skipped.push(error);
      if (skipped.length > MOST_SKIPPED) throw error;
      voices.notes.push(`skipped: ${error.message}`);
      do at++;
      while (at < data.length && data[at] !== sysex.START && !isBare(data, at));
    }
  }
  if (!voices.voices.length) throw skipped[0];
  return voices;
}

/**
 * Read the dump at `at`, and return the offset after it.
 * @param {Uint8Array} data @param {number} at @param {string} source @param {Voices} voices
 */
function recoverMessage(data, at, source, voices) {
  /** @type {sysex.PresetFileError} */
  let fault;
  try {
    return sysex.readMessage(data, at, source, voices);
  } catch (error) {
    if (!(error instanceof sysex.PresetFileError)) throw error;
    fault = error;
  }
  const bare = data[at] !== sysex.START;
  if (bare && !isBare(data, at)) throw fault;
  const inFile = IN_MIDI_FILE.exec(charactersAt(data, at));
  const head = inFile ? at + inFile[0].length : bare ? at : at + 1;
  const found = readings(data, head, source, inFile !== null).filter((reading) => reading.acceptable);
  const [best] = found.sort((a, b) => b.score - a.score); // of equal ones, the first
  if (best && (best.proven || !bare)) {
    if (bare || inFile) {
      const start = inFile ? `${head - at - 1} bytes of a MIDI file after 0xF0` : 'no start byte';
      const expected = '0xF0 0x43, start of a message';
      voices.notes.push(new sysex.PresetFileError(source, at, start, expected).message);
    }
    addReading(best, head - 1, source, voices);
    return best.after;
  }
  if (bare || fault.unsupported) throw fault;
  return salvage(data, head, source, voices);
}

/**
 * List the ways to read the dump whose manufacturer byte is at `head`, the plainest first.
 * @param {Uint8Array} data @param {number} head @param {string} source
 * @param {boolean} inFile Whether it is in a MIDI file, and may be divided into packets.
 */
function readings(data, head, source, inFile) {
  /** @type {Reading[]} */
  const found = [];
  for (const [removed, places] of views(data.subarray(head, head + WINDOW), inFile)) {
    const kept = Uint8Array.from(places, (place) => data[head + place]);
    /** @type {[number, number]} */
    let format;
    try {
      format = sysex.identify(kept.subarray(0, sysex.HEADER_SIZE - 1), head - 1, source);
    } catch (error) {
      if (error instanceof sysex.PresetFileError) continue;
      throw error;
    }
    const [number, claimed] = format;
    for (const size of [sysex.SIZES[number], sysex.SIZES[9 - number]]) {
      const body = sysex.HEADER_SIZE - 1;
      const end = body + size;
      const tail = [...kept.subarray(end, end + 2)];
      if (!tail.length) continue;
      const last = end + Number(tail.length > 1 && tail[1] !== sysex.START);
      found.push(new Reading(number, claimed, kept.slice(body, end), tail, head + places[last] + 1, removed));
    }
  }
  return found;
}

/**
 * List ways to see some bytes: what was removed, and the places of the bytes that remain.
 * @param {Uint8Array} window @param {boolean} inFile
 * @returns {[string, number[]][]}
 */
function views(window, inFile) {
  const every = [...window.keys()];
  /** @type {[string, number[]][]} */
  const found = [['', every]];
  const without = (/** @type {string} */ what, /** @type {(i: number) => boolean} */ removed) => {
    const places = every.filter((i) => !removed(i));
    if (places.length < every.length) found.push([what, places]);
  };
  without('real-time bytes among the data', (i) => window[i] >= 0xf8);
  without('a CR before each LF', (i) => window[i] === 13 && window[i + 1] === 10);
  if (inFile) {
    const headers = new Set();
    for (const { index, 0: text } of sysex.characters(window).matchAll(PACKET)) {
      for (let i = 0; i < text.length; i++) headers.add(index + i);
    }
    without("the headers of a MIDI file's packets", (i) => headers.has(i));
  }
  return found;
}

/** Append the voices of a reading, and note its faults.
 * @param {Reading} reading @param {number} at @param {string} source @param {Voices} voices */
function addReading({ number, claimed, payload, tail, removed, sevenBit, proven }, at, source, voices) {
  const size = sysex.SIZES[number];
  /** @type {sysex.PresetFileError[]} */
  const faults = [];
  if (claimed !== size) faults.push(sysex.wrongCount(claimed, number, at, source));
  if (payload.length !== size) {
    const [found, expected] = [`${payload.length} bytes of data`, `${size} for format ${number}`];
    faults.push(new sysex.PresetFileError(source, at + 3, found, expected));
  }
  if (removed) faults.push(new sysex.PresetFileError(source, at + sysex.HEADER_SIZE, removed, 'data only'));
  faults.push(...sysex.dataFaults(payload, tail, at, source));
  voices.notes.push(...faults.map((fault) => fault.message));
  sysex.addPayload(voices, sevenBit, !proven);
}

/**
 * Read the whole voices of a dump that is cut off, and return the offset after it. A dump with an early end byte
 * lost some bytes on the way. Nobody knows where, so it is refused.
 * @param {Uint8Array} data @param {number} head @param {string} source @param {Voices} voices
 */
function salvage(data, head, source, voices) {
  const [number] = sysex.identify(data.subarray(head, head + sysex.HEADER_SIZE - 1), head - 1, source);
  const body = head + sysex.HEADER_SIZE - 1;
  const size = sysex.SIZES[number];
  const restart = sysex.findStart(data, body, body + size + 2);
  const cut = restart >= 0 ? restart : Math.min(data.length, body + size);
  const early = data.subarray(body, cut).indexOf(sysex.END);
  if (early >= 0) throw sysex.cutOff('the end byte', head - 1, body + early + 1 - head, size, source);
  const what = restart >= 0 ? 'the start of another message' : 'the end of the file';
  const fault = sysex.cutOff(what, head - 1, cut + 1 - head, size, source);
  const unit = number === 9 ? sysex.PACKED_SIZE : size;
  const whole = Math.max(Math.min(Math.floor((cut - body) / unit) * unit, size), 0);
  const payload = data.slice(body, body + whole).map((byte) => byte & 127);
  if (!whole || (number === 9 && sysex.shareOutOfRange(payload) > sysex.MOST_OUT_OF_RANGE)) throw fault;
  const n = sysex.addPayload(voices, payload, true);
  voices.notes.push(`${fault.message}; voices read before that: ${n}`);
  return cut;
}

/** Return the bytes of a dump that was saved as hexadecimal text, or `null` for all other data.
 * @param {Uint8Array} data */
function fromHexadecimal(data) {
  if (data[0] === sysex.START) return null;
  const space = (/** @type {number} */ c) => c === 32 || (c >= 9 && c <= 13);
  const raw = new Uint8Array(data.length >> 1);
  let n = 0;
  for (let i = 0; i < data.length; i += 2) {
    while (i < data.length && space(data[i])) i++;
    if (i === data.length) break;
    const digits = String.fromCharCode(data[i], data[i + 1] ?? 32);
    if (!/^[0-9a-f]{2}$/i.test(digits)) return null;
    raw[n++] = parseInt(digits, 16);
  }
  return raw.subarray(0, n).includes(sysex.START) ? raw.slice(0, n) : null;
}
