/**
 * Recording of a sound by the microphone, as samples: no codec changes them.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/** Most seconds of a recording. */
export const LONGEST = 12;
const COUNT_IN = 3;
const BEAT_MS = 700;

/** Sends the samples that arrive, 2,048 at a time. */
const PROCESSOR = `
registerProcessor('ldx-recorder', class extends AudioWorkletProcessor {
  constructor() { super(); this.block = new Float32Array(2048); this.filled = 0; }
  process([[samples]]) {
    if (!samples) return true;
    this.block.set(samples, this.filled);
    this.filled += samples.length;
    if (this.filled < this.block.length) return true;
    this.port.postMessage(this.block);
    this.filled = 0;
    return true;
  }
});`;

/** Reasons for which a microphone is refused, by the name of the browser's error. */
const REFUSALS = new Map([
  [
    'NotAllowedError',
    'The browser was not allowed to use the microphone. Its settings for this page can change that; a file works without it.',
  ],
  ['NotFoundError', 'No microphone was found. Connect one and try again, or choose a file.'],
  ['NotReadableError', 'The microphone cannot be read; perhaps another program uses it.'],
]);

/**
 * What is told while a recording goes on.
 * @typedef {object} Listener
 * @property {(left: number) => void} counted Called with each beat of the count-in, and with 0 when it begins.
 * @property {(peak: number, seconds: number) => void} heard Called with the level and what has been recorded.
 */

/**
 * Record the microphone after a count-in; to be called in a click or a key press.
 * @param {Listener} listener
 * @param {AbortSignal} stop Signal that ends the recording, which keeps what it has.
 * @returns {Promise<{samples: Float32Array, rate: number}>} Nothing if it was stopped in its count-in.
 * @throws {Error} (rejected) The browser has no microphone, or was not allowed to use it; says why, in sentences.
 */
export async function record({ counted, heard }, stop) {
  if (!navigator.mediaDevices || !globalThis.AudioWorkletNode) {
    throw new Error('Recording needs a recent browser and an address that begins with https. Choose a file instead.');
  }
  const context = new AudioContext(); // before anything is waited for, else Safari keeps it silent
  /** @type {MediaStream | undefined} */
  let stream;
  try {
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    stream = await navigator.mediaDevices.getUserMedia({ audio });
    const script = URL.createObjectURL(new Blob([PROCESSOR], { type: 'text/javascript' }));
    await context.audioWorklet.addModule(script);
    URL.revokeObjectURL(script);
    await context.resume();
    return await recorded(context, stream, counted, heard, stop);
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    throw new Error(REFUSALS.get(name) ?? `The microphone cannot be used: ${message}`);
  } finally {
    stream?.getTracks().forEach((track) => track.stop());
    context.close();
  }
}

/** @param {AudioContext} context @param {MediaStream} stream @param {Listener["counted"]} counted
 * @param {Listener["heard"]} heard @param {AbortSignal} stop */
async function recorded(context, stream, counted, heard, stop) {
  const node = new AudioWorkletNode(context, 'ldx-recorder', { channelCount: 1, channelCountMode: 'explicit' });
  /** @type {Float32Array[]} */
  const blocks = [];
  let [begun, count] = [false, 0];
  const full = new Promise((resolve) => {
    node.port.onmessage = ({ data }) => {
      if (begun) {
        blocks.push(data);
        count += data.length;
      }
      const peak = data.reduce((/** @type {number} */ most, /** @type {number} */ x) => Math.max(most, Math.abs(x)), 0);
      heard(peak, count / context.sampleRate);
      if (count >= LONGEST * context.sampleRate) resolve(true);
    };
  });
  const stopped = new Promise((resolve) => stop.addEventListener('abort', resolve));
  context.createMediaStreamSource(stream).connect(node).connect(context.destination); // it plays nothing
  for (let left = COUNT_IN; left > 0 && !stop.aborted; left--) {
    counted(left);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, BEAT_MS)), stopped]);
  }
  begun = !stop.aborted;
  if (begun) {
    counted(0);
    await Promise.race([full, stopped]);
  }
  node.port.onmessage = null;
  const samples = new Float32Array(count);
  let at = 0;
  for (const block of blocks) {
    samples.set(block, at);
    at += block.length;
  }
  return { samples, rate: context.sampleRate };
}
