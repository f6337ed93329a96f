/**
 * Short previews of sounds, one at a time: while one sounds, only the last of those that follow is kept.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { RATE } from './spectra.js';

const LONGEST = 1.5; // seconds of an improvement
const FADE = 0.05;

/** @typedef {{sound: Float32Array, gainDb: number}} Preview */

export class SoundPreview {
  constructor() {
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {AudioBufferSourceNode | null} */
    this.source = null;
    /** @type {(() => Preview) | null} */
    this.waiting = null;
  }

  /** Let the page sound; to be called in a click or a key press. */
  ready() {
    globalThis.ldxContext ??= new AudioContext({ latencyHint: 'interactive' }); // shared with player.js
    this.context = globalThis.ldxContext;
    this.context.resume().catch(() => {});
  }

  /** Play a sound from its beginning; to be called in a click. @param {Float32Array} sound @param {number} gainDb */
  play(sound, gainDb) {
    this.stop();
    this.ready();
    this.begin({ sound, gainDb }, sound.length / RATE);
  }

  /** Play a sound when none sounds any more. @param {() => Preview} make Renders it, if its turn comes. */
  next(make) {
    this.waiting = make;
    this.context?.resume().catch(() => {}); // the player may have let it rest
    if (!this.source) this.follow();
  }

  follow() {
    const make = this.waiting;
    this.waiting = null;
    if (make && this.context?.state === 'running') this.begin(make(), LONGEST);
  }

  /** @param {Preview} preview @param {number} most Seconds. */
  begin({ sound, gainDb }, most) {
    const { context } = this;
    if (!context) return;
    document.querySelectorAll('audio').forEach((audio) => audio.pause());
    const buffer = new AudioBuffer({ length: sound.length, sampleRate: RATE });
    buffer.copyToChannel(Float32Array.from(sound), 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    const gain = new GainNode(context, { gain: 10 ** (gainDb / 20) });
    source.connect(gain).connect(context.destination);
    const end = context.currentTime + Math.min(most, sound.length / RATE);
    gain.gain.setValueAtTime(gain.gain.value, end - FADE);
    gain.gain.linearRampToValueAtTime(0, end);
    source.onended = () => {
      if (this.source !== source) return;
      this.source = null;
      this.follow();
    };
    this.source = source;
    source.start();
    source.stop(end);
  }

  /** End what sounds. */
  stop() {
    this.waiting = null;
    const { source } = this;
    this.source = null;
    source?.stop();
  }
}
