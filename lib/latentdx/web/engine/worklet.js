/**
 * The AudioWorklet that plays the engine live: 16 voices, sustain pedal, pitch bend and velocity. `Synth` in
 * synth.js is its remote control.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { BLOCK, LEVEL, Note } from './engine.js';

const VOICES = 16;
/** Seconds in which a voice that must make room fades out: short, but without a click. */
const STEAL = 0.004;
/** Seconds after which a voice whose key is up, and which does not end by itself, fades out, and how fast. */
const PATIENCE = 6;
const FADE = 0.5;
/** Reports per second to a page that watches. */
const REPORTS = 30;

/**
 * @typedef {{type: "preset", preset: ArrayLike<number>, era?: import("./engine.js").Era, gain?: number,
 *   again?: boolean}} LoadCommand
 */

/**
 * What the synth can be told. With a `time`, in seconds of the context, it is done then; without, at once.
 * @typedef {{time?: number} & (
 *   LoadCommand |
 *   {type: "press", key: number, velocity: number} |
 *   {type: "release", key: number} |
 *   {type: "pedal", down: boolean} |
 *   {type: "bend", cents: number} |
 *   {type: "mute", operators: boolean[]} |
 *   {type: "stop"} |
 *   {type: "watch", on: boolean}
 * )} Command
 */

/** A note with what the keyboard does to it. */
class Voice {
  /** @param {Note} note @param {number} key @param {number} velocity @param {number} gain */
  constructor(note, key, velocity, gain) {
    this.note = note;
    this.key = key;
    this.velocity = velocity;
    this.gain = gain * LEVEL;
    this.held = true; // the finger is on the key
    this.blocks = 0; // since the key came up
    this.level = 1;
    this.slope = 0;
  }

  /** Fade out. @param {number} samples */
  fade(samples) {
    this.slope = Math.max(this.slope, 1 / samples);
  }

  /** Add the next block. @param {Float32Array} out @param {number} start */
  play(out, start) {
    const block = this.note.next();
    const { gain, slope } = this;
    for (let i = 0; i < BLOCK; i++) {
      out[start + i] += block[i] * gain * this.level;
      if (slope) this.level = Math.max(this.level - slope, 0);
    }
    if (!this.note.down) this.blocks++;
  }
}

class SynthProcessor extends AudioWorkletProcessor {
  /** @param {{processorOptions?: {commands?: Command[]}}} options */
  constructor(options) {
    super();
    /** @type {Voice[]} */
    this.voices = [];
    /** @type {Voice[]} Voices that made room and fade out. */
    this.leaving = [];
    /** @type {{frame: number, command: Command}[]} Commands whose time has not come, in their order. */
    this.later = [];
    /** @type {ArrayLike<number> | null} */
    this.preset = null;
    /** @type {import("./engine.js").Era} */
    this.era = 'current';
    this.gain = 1;
    this.pedal = false;
    this.cents = 0;
    this.muted = Array(6).fill(false);
    this.watched = false;
    this.reported = 0;
    this.port.onmessage = ({ data }) => this.take(data);
    for (const command of options.processorOptions?.commands ?? []) this.take(command);
  }

  /** Do a command, or keep it for its time. @param {Command} command */
  take(command) {
    const frame = Math.round((command.time ?? 0) * sampleRate);
    if (frame <= currentFrame) {
      this.obey(command);
    } else {
      const index = this.later.findIndex((other) => other.frame > frame);
      this.later.splice(index < 0 ? this.later.length : index, 0, { frame, command });
    }
  }

  /** @param {Command} command */
  obey(command) {
    if (command.type === 'preset') {
      this.load(command);
    } else if (command.type === 'press') {
      this.press(command.key, command.velocity);
    } else if (command.type === 'release') {
      for (const voice of this.voices) if (voice.key === command.key) voice.held = false;
    } else if (command.type === 'pedal') {
      this.pedal = command.down;
    } else if (command.type === 'bend') {
      this.cents = command.cents;
      for (const { note } of [...this.voices, ...this.leaving]) note.cents = this.cents;
    } else if (command.type === 'mute') {
      this.muted = command.operators;
      for (const { note } of this.voices) this.mute(note);
    } else if (command.type === 'stop') {
      this.later = [];
      this.pedal = false;
      while (this.voices.length) this.dismiss(this.voices[0]);
    } else if (command.type === 'watch') {
      this.watched = command.on;
    }
  }

  /** Change the preset; `again` strikes the keys that are held, or that the pedal holds, anew with it. @param {LoadCommand} command */
  load({ preset, era = 'current', gain = 1, again = false }) {
    [this.preset, this.era, this.gain] = [preset, era, gain];
    if (!again) return;
    const sounding = this.voices.filter((voice) => voice.held || (this.pedal && voice.note.down));
    while (this.voices.length) this.dismiss(this.voices[0]);
    for (const { key, velocity, held } of sounding) {
      this.press(key, velocity);
      this.voices[this.voices.length - 1].held = held; // else the pedal alone holds it
    }
  }

  /** @param {number} key @param {number} velocity */
  press(key, velocity) {
    if (!this.preset) return;
    if (this.voices.length === VOICES) {
      this.dismiss(this.voices.find((voice) => !voice.note.down) ?? this.voices[0]);
    }
    for (const voice of this.voices) if (voice.key === key) voice.held = false; // one finger a key
    const note = new Note(this.preset, key, velocity, sampleRate, this.era);
    note.cents = this.cents;
    this.mute(note);
    this.voices.push(new Voice(note, key, velocity, this.gain));
  }

  /** @param {Note} note */
  mute(note) {
    note.operators.forEach((operator, i) => (operator.muted = this.muted[i]));
  }

  /** Let a voice go quickly, for another one. @param {Voice} voice */
  dismiss(voice) {
    voice.fade(STEAL * sampleRate);
    this.voices.splice(this.voices.indexOf(voice), 1);
    this.leaving.push(voice);
  }

  /** @param {Float32Array[][]} inputs @param {Float32Array[][]} outputs */
  process(inputs, outputs) {
    const out = outputs[0][0];
    for (let start = 0; start < out.length; start += BLOCK) {
      while (this.later.length && this.later[0].frame <= currentFrame + start) {
        this.obey(this.later.splice(0, 1)[0].command);
      }
      for (const voice of this.voices) {
        if (!voice.held && !this.pedal && voice.note.down) voice.note.release();
        if (voice.blocks * BLOCK > PATIENCE * sampleRate) voice.fade(FADE * sampleRate);
        voice.play(out, start);
      }
      for (const voice of this.leaving) voice.play(out, start);
      this.voices = this.voices.filter((voice) => voice.level > 0 && !voice.note.ended);
      this.leaving = this.leaving.filter((voice) => voice.level > 0);
    }
    for (const channel of outputs[0].slice(1)) channel.set(out);
    this.report(out.length);
    return true;
  }

  /** Tell a page that watches what the newest voice's operators do. @param {number} samples */
  report(samples) {
    this.reported += samples;
    if (!this.watched || this.reported < sampleRate / REPORTS) return;
    this.reported = 0;
    const operators = this.voices.at(-1)?.note.operators ?? [];
    this.port.postMessage({
      voices: this.voices.length,
      levels: operators.map((operator) => 16384 - operator.after),
      stages: operators.map((operator) => operator.stage),
    });
  }
}

registerProcessor('latentdx-synth', SynthProcessor);
