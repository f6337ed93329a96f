/**
 * A voice as a link and as a MIDI message: what carries a preset from one page, or one synth, to another.
 *
 *     instrument.html#v=1.<128 packed bytes and their CRC-32 as base64url>
 *
 * A page that opens such a link: `const packed = decodeVoice(location.hash)`, which throws an Error with a
 * sentence for the reader if the link is damaged.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { MAXIMA, pack, unpack } from './engine/engine.js';

/** The page on which a voice can be opened, from the site's root. */
export const SYNTH_PAGE = 'book/instrument.html';

const VERSION = '1';
const SIZE = 128;
const YAMAHA = 0x43;

// ---- bytes as text

/** Write bytes as base64url. @param {Uint8Array} bytes @returns {string} */
export function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Read base64url. @param {string} text @returns {Uint8Array} @throws {Error} It is something else. */
export function fromBase64(text) {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) throw new Error('This text holds no bytes.');
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
}

/** Return the CRC-32 of bytes, as four bytes. @param {Uint8Array} bytes */
function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  crc = ~crc;
  return [crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255];
}

// ---- links

/**
 * Write a voice as the hash of a link, with its values within their ranges.
 * @param {Uint8Array} packed 128 bytes.
 * @returns {string} Such as "#v=1.…".
 */
export function encodeVoice(packed) {
  const proper = pack(unpack(packed));
  return `#v=${VERSION}.${toBase64(Uint8Array.from([...proper, ...crc32(proper)]))}`;
}

/**
 * Read a voice from the hash of a link.
 * @param {string} hash Such as `location.hash`.
 * @returns {Uint8Array} 128 packed bytes, with every value within its range.
 * @throws {Error} The link holds no voice, or a damaged one; the message is a sentence for the reader.
 */
export function decodeVoice(hash) {
  const found = /[#&]v=([^&]*)/.exec(hash);
  if (!found) throw new Error('This link holds no voice.');
  const [version, ...rest] = found[1].split('.');
  if (version !== VERSION) {
    throw new Error(`This link holds a voice in the format “${version.slice(0, 20)}”, which this page cannot read.`);
  }
  let bytes;
  try {
    bytes = fromBase64(rest.join('.'));
  } catch {
    throw new Error('The voice in this link is damaged: some of its characters cannot be in such a link.');
  }
  if (bytes.length !== SIZE + 4) {
    const how = bytes.length < SIZE + 4 ? 'incomplete; perhaps the end of the link was cut off' : 'too long';
    throw new Error(`The voice in this link is ${how}.`);
  }
  const packed = bytes.slice(0, SIZE);
  if (crc32(packed).some((byte, i) => byte !== bytes[SIZE + i])) {
    throw new Error('The voice in this link is damaged: its checksum does not match.');
  }
  const repaired = pack(unpack(packed));
  if (packed.some((byte, i) => byte !== repaired[i])) {
    throw new Error('The voice in this link has values that no DX7 voice has.');
  }
  return packed;
}

/**
 * Return the address at which a voice opens in the synth.
 * @param {Uint8Array} packed 128 bytes. @param {URL | string} root Address of the site's root.
 */
export function voiceAddress(packed, root) {
  return new URL(SYNTH_PAGE + encodeVoice(packed), root).href;
}

/** Read a voice's name. @param {Uint8Array} packed 128 bytes. @returns {string} */
export function voiceName(packed) {
  const letters = Array.from(packed.slice(118), (byte) => (byte & 127 ? byte & 127 : 32));
  return letters.map((code) => (code < 32 || code > 126 ? ' ' : String.fromCharCode(code))).join('').trim();
}

// ---- SysEx

/**
 * Write a voice as a SysEx message for the edit buffer, which overwrites nothing that is stored.
 * @param {Uint8Array} packed 128 bytes. @param {number} [channel] MIDI channel, 0 to 15.
 * @returns {Uint8Array} 163 bytes.
 */
export function voiceMessage(packed, channel = 0) {
  const voice = unpack(packed);
  const checksum = -voice.reduce((sum, value) => sum + value, 0) & 127;
  return Uint8Array.from([0xf0, YAMAHA, channel, 0, voice.length >> 7, voice.length & 127, ...voice, checksum, 0xf7]);
}

/** Why this browser can't send a voice to a synth, in a sentence; empty if it can. */
export function whyNoSending() {
  if ('requestMIDIAccess' in navigator) return '';
  if (!globalThis.isSecureContext) return 'Sending needs a page whose address begins with https.';
  return 'This browser cannot send MIDI. Chrome, Edge and Firefox on a computer, and Chrome on Android can.';
}

/**
 * Ask for the MIDI outputs that SysEx may be sent to.
 * @returns {Promise<MIDIOutput[]>}
 * @throws {Error} (rejected) With a sentence for the reader: the browser can't, was not allowed to, or finds none.
 */
export async function midiOutputs() {
  const why = whyNoSending();
  if (why) throw new Error(why);
  let access;
  try {
    access = await navigator.requestMIDIAccess({ sysex: true });
  } catch {
    throw new Error('The browser was not allowed to send MIDI. Its settings for this page can change that.');
  }
  const outputs = [...access.outputs.values()].filter((output) => output.state !== 'disconnected');
  if (!outputs.length) throw new Error('No MIDI output was found. Connect the synth, and try again.');
  return outputs;
}

/**
 * Send a voice to the edit buffer of a DX7, or of a synth that understands its voices.
 * @param {Uint8Array} packed 128 bytes. @param {MIDIOutput} output @param {number} [channel] 0 to 15.
 */
export function sendVoice(packed, output, channel = 0) {
  output.send(voiceMessage(packed, channel));
}
