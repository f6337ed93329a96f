/**
 * The sound to match as a form: what was found in it (onset, note, hold), which the reader can change.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { rowGainDb } from './answer_row.js';
import { button, items, labeled, make } from './elements.js';
import { noteName } from './search/sound_target.js';
import { SoundOverview } from './sound_overview.js';
/** @import { PreparedTarget } from './search/sound_target.js' */

/** A sound as the reader gave it. @typedef {{name: string, channels: Float32Array[], rate: number}} Given */
/** What the reader says of a sound. @typedef {{note?: number, velocity?: number, hold?: number, onset?: number}} Changes */

/** Return a note's number and names, in most software and on a Yamaha. @param {number} note */
export function bothNames(note) {
  const name = noteName(note);
  const octave = Math.floor(note / 12) - 1;
  return `${note} (${name}; Yamaha calls it ${name.slice(0, -`${octave}`.length)}${octave - 1})`;
}

/** Return the average of channels. @param {Float32Array[]} channels */
function mono(channels) {
  const [first, ...others] = channels;
  if (!others.length) return first;
  return first.map((sample, i) => others.reduce((sum, other) => sum + other[i], sample) / channels.length);
}

export class SoundForm {
  /**
   * @param {object} actions
   * @param {(changes: Changes) => void} actions.change Called with all that the reader says.
   * @param {(sound: Float32Array, gainDb: number) => void} actions.listen
   */
  constructor({ change, listen }) {
    /** All that the reader says. @type {Changes} */
    this.changes = {};
    /** What the reader said of the sound as it is shown. @type {Changes} */
    this.shown = {};
    /** @type {PreparedTarget | null} */
    this.target = null;
    this.overview = new SoundOverview();
    const notes = Array.from({ length: 128 }, (_, note) => make('option', { value: `${note}` }, bothNames(note)));
    const number = (/** @type {object} */ limits) => make('input', { type: 'number', ...limits });
    this.fields = {
      note: make('select', {}, ...notes),
      velocity: number({ min: '1', max: '127', step: '1' }),
      hold: number({ min: '0.01', max: '60', step: 'any' }),
      onset: number({ min: '0', max: '99', step: '1', placeholder: 'first', title: 'Its number, from 1; 0 keeps all' }),
    };
    const say = (/** @type {Changes} */ changes) => {
      this.changes = changes; // the next one adds to it, even before it is shown
      change(changes);
    };
    for (const [name, field] of Object.entries(this.fields)) {
      field.addEventListener('change', () => {
        if (!field.value || !field.checkValidity()) this.showFields(); // back to what was there
        else say({ ...this.changes, [name]: Number(field.value) });
      });
    }
    const { note, velocity, hold, onset } = this.fields;
    this.again = button('As found', () => say({}));
    this.title = make('h2', { tabIndex: -1 });
    this.warnings = make('ul', { class: 'ldx-own-warnings' });
    this.remarks = make('ul');
    const play = () => this.target && listen(this.target.sound, rowGainDb([this.target]));
    this.element = make(
      'section',
      { hidden: true, 'aria-label': 'Your sound' },
      make('div', { class: 'ldx-own-bar ldx-own-head' }, this.title, button('Listen', play)),
      this.overview.element,
      make(
        'div',
        { class: 'ldx-own-bar ldx-own-fields' },
        labeled('Note', note),
        labeled('Velocity', velocity),
        labeled('Held, in seconds', hold),
        labeled('Onset', onset),
        this.again,
      ),
      this.warnings,
      make('details', { class: 'ldx-more' }, make('summary', {}, 'How it was prepared'), this.remarks),
    );
  }

  /** Show a sound as it was prepared. @param {Given} given @param {PreparedTarget} target @param {Changes} changes */
  show(given, target, changes) {
    this.target = target;
    this.shown = changes;
    this.overview.show(mono(given.channels), given.rate, target);
    this.title.textContent = given.name;
    this.showFields();
    this.warnings.replaceChildren(...items(target.warnings));
    this.remarks.replaceChildren(...items(target.remarks));
    this.element.hidden = false;
  }

  /** Show what is known of the sound; what the reader said since then is dropped. */
  showFields() {
    const { target, shown } = this;
    if (!target) return;
    this.changes = shown;
    for (const name of /** @type {const} */ (['note', 'velocity', 'hold'])) this.fields[name].value = `${target[name]}`;
    this.fields.onset.value = shown.onset === undefined ? '' : `${shown.onset}`;
    this.again.hidden = !Object.keys(shown).length;
  }
}
