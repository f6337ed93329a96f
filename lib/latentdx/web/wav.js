/**
 * WAV files and links that hold a file's bytes.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

const HEADER = 44;
const BYTES = 2; // of a sample

/**
 * Write a sound as a mono WAV file of 16 bits.
 * @param {Float32Array} samples What is beyond full scale is clipped. @param {number} rate Sample rate in Hz.
 * @param {number} [gainDb] Gain in dB.
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function writeWav(samples, rate, gainDb = 0) {
  const view = new DataView(new ArrayBuffer(HEADER + BYTES * samples.length));
  const text = (/** @type {number} */ at, /** @type {string} */ letters) =>
    [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, view.byteLength - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, BYTES * rate, true);
  view.setUint16(32, BYTES, true);
  view.setUint16(34, 8 * BYTES, true);
  text(36, 'data');
  view.setUint32(40, BYTES * samples.length, true);
  const factor = 32767 * 10 ** (gainDb / 20);
  for (let i = 0; i < samples.length; i++) {
    const sample = Math.min(Math.max(Math.round(samples[i] * factor), -32768), 32767);
    view.setInt16(HEADER + BYTES * i, sample, true);
  }
  return new Uint8Array(view.buffer);
}

/** Return a link that holds a file. @param {Uint8Array} bytes @param {string} type MIME type. */
export function dataUrl(bytes, type) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return `data:${type};base64,${btoa(text)}`;
}
