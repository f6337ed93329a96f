/**
 * A synth for web pages: the engine in an AudioWorklet, with a method for each thing that a keyboard does.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/** @typedef {import("./engine.js").Era} Era */

export class Synth {
  /**
   * Load the worklet and connect a synth to the context's output. Browsers let a context sound only if it was
   * created or resumed in a click or a key press.
   * @param {BaseAudioContext} context
   * @param {import("./worklet.js").Command[]} [commands] Commands to begin with; in an offline context, all.
   */
  static async create(context, commands = []) {
    await context.audioWorklet.addModule(new URL('./worklet.js', import.meta.url));
    return new Synth(context, commands);
  }

  /** @param {BaseAudioContext} context @param {import("./worklet.js").Command[]} commands */
  constructor(context, commands) {
    this.node = new AudioWorkletNode(context, 'latentdx-synth', {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { commands },
    });
    this.node.connect(context.destination);
  }

  /** @param {import("./worklet.js").Command} command */
  send(command) {
    this.node.port.postMessage(command);
  }

  /**
   * Choose the preset of the next notes.
   * @param {ArrayLike<number>} preset 128 packed bytes, or 145 or 155 values in VCED order.
   * @param {object} [options]
   * @param {Era} [options.era]
   * @param {number} [options.gain] Factor of its level.
   * @param {boolean} [options.again] Strike the keys that are held anew, to compare presets.
   */
  load(preset, options = {}) {
    this.send({ type: 'preset', preset, ...options });
  }

  /**
   * Press a key.
   * @param {number} key MIDI note. @param {number} [velocity] MIDI velocity; 0 releases, as in MIDI.
   * @param {number} [time] When, in seconds of the context; at once if omitted.
   */
  press(key, velocity = 85, time) {
    this.send(velocity ? { type: 'press', key, velocity, time } : { type: 'release', key, time });
  }

  /** Release a key. @param {number} key @param {number} [time] */
  release(key, time) {
    this.send({ type: 'release', key, time });
  }

  /** Hold notes after their keys are released, while the pedal is down. @param {boolean} down */
  pedal(down) {
    this.send({ type: 'pedal', down });
  }

  /** Bend all notes. @param {number} cents */
  bend(cents) {
    this.send({ type: 'bend', cents });
  }

  /** Mute operators. @param {boolean[]} operators Operators 6 to 1. */
  mute(operators) {
    this.send({ type: 'mute', operators });
  }

  /** Let all notes fade out within 4 ms, and forget those to come. */
  stop() {
    this.send({ type: 'stop' });
  }

  /**
   * Call a function about 30 times a second with what sounds: the number of voices, and for operators 6 to 1
   * of the newest one the levels (1,024 is a factor of two) and envelope stages; `null` ends it.
   * @param {((state: {voices: number, levels: number[], stages: number[]}) => void) | null} listener
   */
  watch(listener) {
    this.node.port.onmessage = listener && (({ data }) => listener(data));
    this.send({ type: 'watch', on: listener !== null });
  }
}
