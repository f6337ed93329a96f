/**
 * Decoding of sound files by the browser, on the page's own thread: workers have no decoder.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { LONGEST_RECORDING, SoundError } from './sound_target.js';

const MOST_BYTES = 130e6; // ten minutes of a stereo WAV of 16 bits at 48,000 Hz have 115 MB
const DEFAULT_RATE = 48000;

/**
 * Return the sample rate of a WAV file, so that decoding does not resample it; else one that all browsers have.
 * @param {DataView} view First bytes of the file.
 */
function rateOf(view) {
  const text = (/** @type {number} */ at) =>
    String.fromCharCode(...[0, 1, 2, 3].map((i) => (at + i < view.byteLength ? view.getUint8(at + i) : 0)));
  if (text(0) !== 'RIFF' || text(8) !== 'WAVE') return DEFAULT_RATE;
  for (let at = 12; at + 16 <= view.byteLength; at += 8 + view.getUint32(at + 4, true)) {
    if (text(at) !== 'fmt ') continue;
    const rate = view.getUint32(at + 12, true);
    return rate >= 8000 && rate <= 96000 ? rate : DEFAULT_RATE; // what an OfflineAudioContext must accept
  }
  return DEFAULT_RATE;
}

/** Return the duration in seconds that a file states, `NaN` if it states none. @param {Blob} file */
function statedDuration(file) {
  return new Promise((resolve) => {
    const [element, url] = [new Audio(), URL.createObjectURL(file)];
    const done = (/** @type {number} */ seconds) => {
      clearTimeout(timer);
      element.removeAttribute('src');
      URL.revokeObjectURL(url);
      resolve(seconds);
    };
    const timer = setTimeout(() => done(NaN), 2000);
    element.preload = 'metadata';
    element.onloadedmetadata = () => done(element.duration);
    element.onerror = () => done(NaN);
    element.src = url;
  });
}

/**
 * Decode a sound file.
 * @param {Blob} file
 * @returns {Promise<{channels: Float32Array[], rate: number}>} Its channels and their sample rate.
 * @throws {SoundError} The file is empty, too long or no sound; the message is for a reader.
 */
export async function decodeSound(file) {
  if (!file.size) throw new SoundError('the file is empty (0 bytes)');
  const seconds = await statedDuration(file);
  if (seconds > LONGEST_RECORDING && seconds < Infinity) {
    throw new SoundError(
      `too long: it lasts ${(seconds / 60).toFixed(1)} minutes, and a page takes at most` +
        ` ${LONGEST_RECORDING / 60}; cut out one note`,
    );
  }
  if (file.size > MOST_BYTES) {
    throw new SoundError(
      `too large: ${Math.round(file.size / 1e6)} MB, and a page takes at most ${MOST_BYTES / 1e6}; cut out one note`,
    );
  }
  const bytes = await file.arrayBuffer();
  const rate = rateOf(new DataView(bytes, 0, Math.min(bytes.byteLength, 4096)));
  let buffer;
  try {
    buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  } catch {
    throw new SoundError(
      `this browser cannot decode these ${file.size.toLocaleString('en-US')} bytes as sound; most browsers decode` +
        ' WAV, MP3, FLAC, AAC and Ogg',
    );
  }
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i));
  return { channels, rate: buffer.sampleRate };
}
