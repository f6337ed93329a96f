/**
 * Controls for all values of a voice, each with its DX7 name: what matters first in sight, the rest on request.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { algorithm } from './algorithms.js';
import { make } from './elements.js';
import { EnvelopeDrawing, traceEnvelopes } from './envelopes.js';
import { OPERATORS, PARAMETERS, column, frequencyText, parameter, valueText } from './parameters.js';

/** @typedef {import("./parameters.js").Parameter} Parameter */
/** @typedef {HTMLInputElement | HTMLSelectElement} Field */

/** An operator's parameters that are in sight; its envelope is, too. */
const FIRST = ['OUTPUT LEVEL', 'F COARSE', 'F FINE', 'OSC DETUNE'];

export class VoiceEditor {
  /**
   * @param {(at: number, value: number, name: string) => void} change Called when the reader changes a value.
   * @param {(operators: boolean[]) => void} mute Called with the operators, 6 to 1, that are switched off.
   */
  constructor(change, mute) {
    this.change = change;
    this.mute = mute;
    /** @type {Map<number, {field: Field, output: HTMLOutputElement | null, of: Parameter}>} By position. */
    this.fields = new Map();
    this.envelopes = Array.from({ length: OPERATORS }, (_, i) => new EnvelopeDrawing(OPERATORS - i));
    /** @type {Map<number, HTMLElement>} */
    this.roles = new Map();
    /** @type {Map<number, HTMLButtonElement>} */
    this.switches = new Map();
    this.tracing = 0;
    /** @type {ArrayLike<number>} */
    this.values = [];
    this.element = make('div', { class: 'ldx-editor' }, this.general(), this.operators());
  }

  /** The parameters of the voice as a whole. */
  general() {
    const all = PARAMETERS.filter(({ operator, vced }) => !operator && vced !== null).map(({ name }) => name);
    const lfo = all.filter((name) => /LFO|P MODE/.test(name));
    const rest = ['ALGORITHM', 'FEEDBACK', 'TRANSPOSE', 'OSC KEY SYNC'];
    return make(
      'section',
      { class: 'ldx-general', 'aria-label': 'Voice as a whole' },
      make('div', { class: 'ldx-controls' }, ...rest.map((name) => this.control(name, name))),
      make(
        'details',
        {},
        make('summary', {}, 'LFO: vibrato and tremolo'),
        make('div', { class: 'ldx-controls' }, ...lfo.map((name) => this.control(name, name))),
      ),
      make('details', {}, make('summary', {}, 'Pitch envelope'), this.rates('PITCH EG', '')),
    );
  }

  operators() {
    const cards = [1, 2, 3, 4, 5, 6].map((k) => this.operator(k));
    return make('div', { class: 'ldx-operators' }, ...cards);
  }

  /** One operator. @param {number} k 1 to 6. */
  operator(k) {
    const role = make('span', { class: 'ldx-role' });
    const button = make(
      'button',
      {
        type: 'button',
        class: 'ldx-switch',
        'aria-pressed': 'true',
        'aria-label': `OP${k} SWITCH`,
        title: 'For listening; not part of the voice',
      },
      'on',
    );
    button.addEventListener('click', () => this.toggle(k));
    this.roles.set(k, role);
    this.switches.set(k, button);
    const own = PARAMETERS.filter(({ operator, vced }) => operator === k && vced !== null)
      .map(({ name }) => name.slice(4))
      .filter((name) => !FIRST.includes(name) && !name.startsWith('EG '));
    return make(
      'section',
      { class: 'ldx-operator', 'aria-label': `Operator ${k}`, 'data-operator': k },
      make('h2', {}, make('span', {}, `Operator ${k} `, role), button),
      make('div', { class: 'ldx-controls' }, ...FIRST.map((name) => this.control(`OP${k} ${name}`, name))),
      this.envelopes[OPERATORS - k].element,
      this.rates(`OP${k} EG`, 'EG '),
      make(
        'details',
        {},
        make('summary', {}, `More of operator ${k}`),
        make('div', { class: 'ldx-controls' }, ...own.map((name) => this.control(`OP${k} ${name}`, name))),
      ),
    );
  }

  /** The four rates and levels of an envelope as a small table. @param {string} name @param {string} prefix */
  rates(name, prefix) {
    const row = (/** @type {string} */ what) => {
      const fields = [1, 2, 3, 4].map((n) => this.number(`${name} ${what} ${n}`));
      const label = prefix ? `${prefix}${what}` : `PITCH EG ${what}`;
      return make('div', { class: 'ldx-four' }, make('span', { 'aria-hidden': 'true' }, label), ...fields);
    };
    return make('div', { class: 'ldx-rates' }, row('RATE'), row('LEVEL'));
  }

  /** A number that is typed or stepped. @param {string} name */
  number(name) {
    const of = parameter(name);
    const field = make('input', {
      type: 'number',
      min: '0',
      max: `${of.maximum}`,
      inputMode: 'numeric',
      'aria-label': name,
      title: name,
    });
    return this.listen(of, field, null);
  }

  /** A slider, or a choice of labels. @param {string} name @param {string} label DX7 name to show. */
  control(name, label) {
    const of = parameter(name);
    const maximum = of.maximum ?? 0;
    const listed = of.labels.length > 0 || of.name === 'ALGORITHM';
    const output = listed ? null : make('output');
    const options = Array.from({ length: maximum + 1 }, (_, i) =>
      make('option', { value: `${i}` }, valueText(of, i)),
    );
    const field = listed
      ? make('select', { 'aria-label': name }, ...options)
      : make('input', { type: 'range', min: '0', max: `${maximum}`, step: '1', 'aria-label': name });
    return make(
      'label',
      { class: 'ldx-control' },
      make('span', {}, label),
      this.listen(of, field, output),
      output ?? '',
    );
  }

  /** @param {Parameter} of @param {Field} field @param {HTMLOutputElement | null} output */
  listen(of, field, output) {
    const at = /** @type {number} */ (of.vced);
    this.fields.set(at, { field, output, of });
    field.addEventListener('input', () => {
      const value = Math.round(Number(field.value));
      const valid = field.value !== '' && value >= 0 && value <= (of.maximum ?? 0);
      if (valid && value !== this.values[at]) this.change(at, value, of.name);
    });
    // what was typed but is out of range goes back to the value
    field.addEventListener('change', () => (field.value = `${this.values[at]}`));
    return field;
  }

  /** Switch an operator off or on, for listening. @param {number} k */
  toggle(k) {
    const button = /** @type {HTMLButtonElement} */ (this.switches.get(k));
    const on = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', `${on}`);
    button.textContent = on ? 'on' : 'off';
    this.mute([6, 5, 4, 3, 2, 1].map((i) => this.switches.get(i)?.getAttribute('aria-pressed') !== 'true'));
  }

  /** Show a voice. @param {ArrayLike<number>} values */
  show(values) {
    this.values = values;
    for (const [at, { field, output, of }] of this.fields) {
      const text = valueText(of, values[at]);
      // not while a number is being typed: "9" on the way to "95"
      if (Number(field.value) !== values[at] || field.value === '') field.value = `${values[at]}`;
      if (!output) continue;
      const coarse = of.operator && / F (COARSE|FINE)$/.test(of.name);
      output.value =
        coarse && of.name.endsWith('COARSE') ? `${text} (${frequencyText(values, of.operator ?? 1)})` : text;
      field.setAttribute('aria-valuetext', output.value);
    }
    const { carriers } = algorithm(values[column('ALGORITHM')] + 1);
    for (const [k, role] of this.roles) role.textContent = carriers.includes(k) ? 'carrier' : 'modulator';
    if (!this.tracing) this.tracing = requestAnimationFrame(() => this.trace());
  }

  /** Draw the envelopes, once per frame at most. */
  trace() {
    this.tracing = 0;
    traceEnvelopes(this.values).forEach((stages, i) => this.envelopes[i].draw(stages));
  }

  /**
   * Show the stages of the envelopes of what sounds.
   * @param {number[]} stages Of operators 6 to 1; empty if nothing sounds. @param {boolean} held A key is down.
   */
  mark(stages, held) {
    this.envelopes.forEach((drawing, i) => drawing.mark(stages[i], held));
  }
}
