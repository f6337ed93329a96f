/**
 * The controls of the 16-step loop.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { make } from './elements.js';
import { FASTEST, SLOWEST, STEPS, StepLoop } from './step_loop.js';

/** @typedef {import("./step_loop.js").Pattern} Pattern */

const NAMES = ['C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B'];

/** Short name of a MIDI note: 60 is C4. @param {number} key */
export const noteName = (key) => `${NAMES[key % 12]}${Math.floor(key / 12) - 1}`;

export class LoopPanel {
  /**
   * @param {import("./player.js").Player} player
   * @param {() => void} ready Called before the first note, to choose the preset.
   * @param {() => void} changed Called when the reader changes the pattern.
   */
  constructor(player, ready, changed) {
    this.player = player;
    this.ready = ready;
    this.changed = changed;
    const clock = () => player.context?.currentTime ?? 0;
    this.loop = new StepLoop(player, clock, (step) => this.light(step));
    this.button = make('button', { type: 'button', 'aria-pressed': 'false' }, 'Play loop');
    this.button.addEventListener('click', () => (this.loop.running ? this.stop() : this.start()));
    this.tempo = make('input', {
      type: 'range',
      min: `${SLOWEST}`,
      max: `${FASTEST}`,
      'aria-label': 'Tempo',
    });
    this.beats = make('output');
    this.tempo.addEventListener('input', () => this.change({ tempo: Number(this.tempo.value) }));
    this.cells = Array.from({ length: STEPS }, (_, i) => this.cell(i));
    this.element = make(
      'section',
      { class: 'ldx-loop', 'aria-label': 'Loop of 16 steps' },
      make(
        'div',
        { class: 'ldx-bar' },
        this.button,
        make('label', { class: 'ldx-pair' }, 'Tempo', this.tempo, this.beats),
      ),
      make('div', { class: 'ldx-steps' }, ...this.cells.map(({ element }) => element)),
    );
    this.show(this.loop.pattern);
  }

  /** One step. @param {number} i */
  cell(i) {
    const button = make('button', { type: 'button', class: 'ldx-step' });
    button.setAttribute('aria-label', `Step ${i + 1}`);
    const field = make('input', {
      type: 'number',
      min: '0',
      max: '127',
      inputMode: 'numeric',
      'aria-label': `MIDI note of step ${i + 1}`,
    });
    button.addEventListener('click', () => this.changeStep(i, { on: !this.loop.pattern.steps[i].on }));
    field.addEventListener('input', () => {
      const key = Math.round(Number(field.value));
      if (field.value !== '' && key >= 0 && key <= 127) this.changeStep(i, { key });
    });
    field.addEventListener('change', () => (field.value = `${this.loop.pattern.steps[i].key}`));
    return { button, field, element: make('div', { class: 'ldx-cell' }, button, field) };
  }

  /** @param {Partial<Pattern>} part */
  change(part) {
    this.show({ ...this.loop.pattern, ...part });
    this.changed();
  }

  /** @param {number} i @param {Partial<Pattern["steps"][number]>} part */
  changeStep(i, part) {
    const steps = this.loop.pattern.steps.map((step, j) => (j === i ? { ...step, ...part } : step));
    this.change({ steps });
  }

  /** Show a pattern, and play it from the next step on. @param {Pattern} pattern */
  show(pattern) {
    this.loop.pattern = pattern;
    this.tempo.value = `${pattern.tempo}`;
    this.beats.value = `${pattern.tempo} bpm`;
    this.tempo.setAttribute('aria-valuetext', `${pattern.tempo} beats per minute`);
    pattern.steps.forEach(({ on, key }, i) => {
      const { button, field } = this.cells[i];
      button.setAttribute('aria-pressed', `${on}`);
      button.textContent = noteName(key);
      if (Number(field.value) !== key || field.value === '') field.value = `${key}`;
    });
  }

  async start() {
    try {
      await this.player.start();
    } catch {
      return; // the keyboard says why
    }
    this.ready();
    this.loop.start();
    this.tell();
  }

  stop() {
    this.loop.stop();
    this.tell();
  }

  tell() {
    this.button.textContent = this.loop.running ? 'Stop loop' : 'Play loop';
    this.button.setAttribute('aria-pressed', `${this.loop.running}`);
  }

  /** Show the step that sounds. @param {number} step */
  light(step) {
    this.cells.forEach(({ element }, i) => element.classList.toggle('ldx-now', i === step));
  }
}
