/**
 * The page's one live player: an AudioContext with a synth, shared by everything on the page that plays notes.
 *
 *     import { player } from './player.js';
 *     player.play(bytes, { gainDb: 3, era: 'current' });  // choose the preset of the next notes
 *     player.press(60, 100);                              // until player.release(60)
 *     player.addEventListener('state', () => show(player.state, player.problem));
 *
 * Nothing is loaded before the first call of `start`, `play` or `press`. Call one of them in a click or a key
 * press: browsers let a page sound only then. What is sent before the synth is loaded is done as soon as it is.
 * When the system takes the sound away (a call on a phone, another tab of iOS), all notes end, and the next
 * press or the return to the page brings it back. One sound at a time: a recording that starts ends the notes,
 * and a press pauses the recordings. `player.output` is the last node before the speakers, for an AnalyserNode;
 * it exists once `start` is done.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { MAX_RATE, MIN_RATE, valuesOf } from './engine/engine.js';
import { Synth } from './engine/synth.js';

/** @typedef {import("./engine/engine.js").Era} Era */
/** @typedef {{voices: number, levels: number[], stages: number[]}} Report See `Synth.watch`. */
/** @typedef {"off" | "loading" | "on" | "interrupted" | "failed"} State */

/** Amplitude up to which the output is the synth's own; above, chords are rounded off rather than clipped. */
const KNEE = 0.9;
/** Amplitude from which the rounded output doesn't rise any more. */
const CEILING = 4;

export class Player extends EventTarget {
  constructor() {
    super();
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {Synth | null} */
    this.synth = null;
    /** @type {AudioNode | null} */
    this.output = null;
    /** @type {ArrayLike<number> | null} The preset of the next notes. */
    this.preset = null;
    /** @type {{era?: Era, gain?: number}} How it is played. */
    this.style = {};
    /** @type {boolean[] | null} Operators 6 to 1 that are muted. */
    this.muted = null;
    /** @type {State} */
    this.state = 'off';
    /** Why nothing can be heard, in a sentence; empty if all is well. */
    this.problem = '';
    /** @type {Map<number, number>} Keys that are held, with their velocities. */
    this.held = new Map();
    this.hushed = false;
    this.resting = false;
    /** @type {Promise<void> | null} */
    this.loading = null;
    /** @type {((synth: Synth) => void)[]} What to do once the synth is loaded. */
    this.waiting = [];
    /** @type {Set<(report: Report) => void>} */
    this.watchers = new Set();
  }

  /**
   * Load the synth and let it sound; to be called in a click or a key press.
   * @returns {Promise<void>} Done when the synth is loaded.
   * @throws {Error} (rejected) The browser, or the way in which the page was opened, has no live sound.
   */
  start() {
    if (!this.context) {
      try {
        this.context = makeContext();
      } catch (error) {
        return Promise.reject(this.fail(error));
      }
      this.context.addEventListener('statechange', () => this.follow());
      document.addEventListener('visibilitychange', () => {
        if (!document.hidden && this.state === 'interrupted') this.wake();
      });
      document.addEventListener('play', () => this.hush(), true); // of a recording; such events don't bubble
    }
    this.resting = false;
    this.wake();
    this.loading ??= this.load(this.context).catch((error) => {
      this.loading = null; // the next press tries again
      throw this.fail(error);
    });
    return this.loading;
  }

  /**
   * Choose the preset of the next notes.
   * @param {ArrayLike<number>} preset 128 packed bytes, or 145 or 155 values in VCED order.
   * @param {object} [options]
   * @param {number} [options.gainDb] Level in dB; 0 is the synth's own.
   * @param {Era} [options.era] "0.9.3" for the Dexed of 2017 that the paper's authors heard.
   * @param {boolean} [options.again] Strike the keys that are held anew, to compare presets.
   * @throws {RangeError} The preset has another length.
   */
  play(preset, { gainDb = 0, era = 'current', again = false } = {}) {
    valuesOf(preset); // here, because an error in the worklet would be heard by nobody
    this.preset = preset;
    const gain = 10 ** (gainDb / 20);
    this.style = { era, gain };
    this.do((synth) => synth.load(preset, { era, gain, again }));
    if (again && this.hushed) for (const [key, velocity] of this.held) this.press(key, velocity);
    this.hushed = false;
  }

  /**
   * Press a key.
   * @param {number} key MIDI note, 0 to 127. @param {number} [velocity] 1 to 127; 0 releases, as in MIDI.
   * @param {number} [time] When, in seconds of `context.currentTime`; at once if omitted.
   */
  press(key, velocity = 85, time) {
    if (velocity === 0) return this.release(key, time);
    if (time === undefined) this.held.set(key, velocity);
    pauseRecordings();
    this.do((synth) => synth.press(key, velocity, time));
  }

  /** Release a key. @param {number} key @param {number} [time] As for `press`. */
  release(key, time) {
    if (time === undefined) this.held.delete(key);
    this.do((synth) => synth.release(key, time), false);
  }

  /** Hold notes after their keys are released, while the pedal is down. @param {boolean} down */
  pedal(down) {
    this.do((synth) => synth.pedal(down), false);
  }

  /** Bend all notes. @param {number} cents */
  bend(cents) {
    this.do((synth) => synth.bend(cents), false);
  }

  /** Mute operators. @param {boolean[]} operators Operators 6 to 1. */
  mute(operators) {
    this.muted = operators;
    this.do((synth) => synth.mute(operators), false);
  }

  /** End all notes, forget those to come and the pedal. */
  stop() {
    this.held.clear();
    this.hush();
  }

  /** End all notes, but remember the keys that are held: `play` with `again` strikes them. */
  hush() {
    this.hushed = this.held.size > 0;
    this.do((synth) => synth.stop(), false);
  }

  /** End all notes and let the sound device rest until the next `start`, `play` or `press`. */
  rest() {
    this.stop();
    this.resting = true;
    setTimeout(() => {
      if (this.resting) this.context?.suspend();
    }, 100); // notes have faded out by then
  }

  /**
   * Call a function about 30 times a second with what sounds, see `Synth.watch`.
   * @param {(report: Report) => void} listener
   * @returns {() => void} Ends it.
   */
  watch(listener) {
    this.watchers.add(listener);
    this.do((synth) => this.report(synth), false);
    return () => {
      this.watchers.delete(listener);
      this.do((synth) => this.report(synth), false);
    };
  }

  // ---- within the player

  /** @param {Synth} synth */
  report(synth) {
    const tell = (/** @type {Report} */ report) => this.watchers.forEach((listener) => listener(report));
    synth.watch(this.watchers.size ? tell : null);
  }

  /**
   * Do something with the synth, now or once it is loaded.
   * @param {(synth: Synth) => void} action @param {boolean} [start] Load it and let it sound for this.
   */
  do(action, start = true) {
    if (start) this.start().catch(() => {}); // `problem` says why
    if (this.synth) action(this.synth);
    else this.waiting.push(action);
  }

  /** @param {AudioContext} context */
  async load(context) {
    this.become('loading');
    if (!context.audioWorklet) {
      throw new Error('Live sound needs a recent browser and an address that begins with https.');
    }
    const synth = await Synth.create(context);
    synth.node.disconnect();
    this.output = ceiling(context, synth.node);
    this.output.connect(context.destination);
    this.synth = synth;
    this.follow();
    // what was chosen before an attempt that failed
    if (this.preset) synth.load(this.preset, this.style);
    if (this.muted) synth.mute(this.muted);
    if (this.watchers.size) this.report(synth);
    for (const action of this.waiting.splice(0)) action(synth);
  }

  /** Ask for sound. Outside a click or a key press, browsers may refuse; the next one asks again. */
  wake() {
    if (this.context && this.context.state !== 'running') this.context.resume().catch(() => {});
  }

  /** Tell what became of the context; when the system takes the sound away, nothing may be left hanging. */
  follow() {
    if (!this.synth || !this.context) return;
    const on = this.context.state === 'running';
    if (!on && this.state === 'on') {
      this.held.clear();
      this.synth.stop();
    }
    this.problem = '';
    this.become(on ? 'on' : this.resting ? 'off' : 'interrupted');
  }

  /** @param {unknown} error @returns {Error} */
  fail(error) {
    this.problem = error instanceof Error ? error.message : String(error);
    this.waiting = [];
    this.become('failed');
    return error instanceof Error ? error : new Error(this.problem);
  }

  /** @param {State} state */
  become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}

function pauseRecordings() {
  document.querySelectorAll('audio').forEach((audio) => audio.pause());
}

/** @returns {AudioContext} At the device's own rate, where the engine can. */
function makeContext() {
  if (!globalThis.AudioContext) throw new Error('This browser has no live sound.');
  // a page may have made one in the click that loaded this module
  const context = globalThis.ldxContext ?? new AudioContext({ latencyHint: 'interactive' });
  if (context.sampleRate >= MIN_RATE && context.sampleRate <= MAX_RATE) return context;
  context.close();
  globalThis.ldxContext = new AudioContext({ latencyHint: 'interactive', sampleRate: 48000 });
  return globalThis.ldxContext;
}

/**
 * Round off what is louder than a single note of a row, so that chords don't clip; the rest passes unchanged.
 * @param {AudioContext} context @param {AudioNode} source @returns {AudioNode}
 */
function ceiling(context, source) {
  const points = 2 ** 14 + 1;
  const curve = Float32Array.from({ length: points }, (_, i) => {
    const x = ((2 * i) / (points - 1) - 1) * CEILING;
    const over = Math.abs(x) - KNEE;
    return over <= 0 ? x : Math.sign(x) * (KNEE + (1 - KNEE) * Math.tanh(over / (1 - KNEE)));
  });
  const scale = new GainNode(context, { gain: 1 / CEILING });
  const shaper = new WaveShaperNode(context, { curve });
  source.connect(scale).connect(shaper);
  return shaper;
}

/** The player that the page shares. */
export const player = new Player();
