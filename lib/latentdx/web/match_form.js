/**
 * The settings of a match as a form, and how a match goes on: its stage, its least distance over time.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { button, labeled, make, sentence } from './elements.js';
import { MatchCourse } from './match_course.js';
import { readLimits } from './match_settings.js';
/** @import { Limits } from './match_settings.js' */
/** @import { Voice } from './sysex_reader.js' */

const TELL_MS = 200; // between two texts, which else could not be read
const STAGES = new Map([
  ['known', 'The starter presets are being played with the note and length of your sound …'],
  ['start', 'Your preset is played as your sound was …'],
  ['loading', 'The model is loading; the browser will keep it …'],
  ['model', 'The model draws presets …'],
  ['search', 'The search changes the best presets …'],
  ['answers', 'The answers are chosen and tuned …'],
]);
const DURATIONS = /** @type {[number, string][]} */ ([[10, '10 seconds'], [30, '30 seconds'], [120, '2 minutes']]);

export class MatchForm {
  /**
   * @param {object} actions
   * @param {() => void} actions.match @param {() => void} actions.stop
   * @param {() => void} actions.hush Called when nothing shall be played any more.
   * @param {(file: File) => void} actions.takePresets @param {(link: string) => void} actions.takeLink
   */
  constructor({ match, stop, hush, takePresets, takeLink }) {
    /** Preset to refine. @type {Voice | null} */
    this.start = null;
    /** Presets of the last file. @type {Voice[]} */
    this.voices = [];
    /** @type {Limits | null} */
    this.limits = { algorithms: [], locked: {} };
    this.course = new MatchCourse();
    const durations = DURATIONS.map(([value, text]) => make('option', { value: `${value}` }, text));
    this.duration = make('select', {}, ...durations);
    this.aloud = make('input', { type: 'checkbox', checked: true });
    this.aloud.addEventListener('change', () => this.aloud.checked || hush());
    this.matchButton = button('Match', match, { class: 'ldx-button ldx-own-main' });
    this.stopButton = button('Stop', stop, { disabled: true });
    this.progress = make('progress', { 'aria-label': 'Progress' });
    this.said = make('p', { class: 'ldx-own-status', role: 'status' });
    this.warned = make('p', { class: 'ldx-own-alert', role: 'alert' });
    this.numbers = make('p', { class: 'ldx-own-numbers' });
    this.going = make(
      'div',
      { class: 'ldx-own-going', hidden: true },
      this.warned,
      this.said,
      this.progress,
      this.course.element,
      this.numbers,
    );
    this.element = make(
      'section',
      { hidden: true, 'aria-label': 'Match' },
      make(
        'div',
        { class: 'ldx-own-bar' },
        this.matchButton,
        this.stopButton,
        labeled('Search for up to', this.duration),
        make('label', { class: 'ldx-own-check' }, this.aloud, 'Play each improvement'),
      ),
      this.buildLimits(takePresets, takeLink),
      this.going,
    );
  }

  /** @param {(file: File) => void} takePresets @param {(link: string) => void} takeLink */
  buildLimits(takePresets, takeLink) {
    const text = (/** @type {string} */ placeholder) =>
      make('input', { type: 'text', placeholder, spellcheck: false, autocomplete: 'off' });
    this.algorithms = text('all, or for example 5, 7-9');
    this.locked = text('none, or for example FEEDBACK=0, LFO WAVE=sine');
    for (const field of [this.algorithms, this.locked]) field.addEventListener('input', () => this.readLimits());
    this.wrong = make('p', { class: 'ldx-own-wrong', id: 'ldx-own-wrong', role: 'alert' });
    this.link = text('none');
    this.link.addEventListener('change', () => takeLink(this.link.value));
    this.file = make('input', { type: 'file', hidden: true, accept: '.syx,.bin' });
    this.file.addEventListener('change', () => {
      const file = this.file.files?.[0];
      this.file.value = ''; // so that the same file can be chosen again
      if (file) takePresets(file);
    });
    this.choice = make('select', { 'aria-label': 'Preset to refine', hidden: true });
    this.choice.addEventListener('change', () => this.refine(this.voices[Number(this.choice.value)]));
    this.anew = button('Start a new search instead', () => this.refine(null), { hidden: true });
    this.refined = make('p', { class: 'ldx-own-refined', role: 'status' });
    this.more = make(
      'details',
      { class: 'ldx-more' },
      make('summary', {}, 'Limit what is found, or refine a preset'),
      make(
        'div',
        { class: 'ldx-own-limits' },
        labeled('Allowed algorithms', this.algorithms),
        labeled('Parameters to keep', this.locked),
        this.wrong,
        labeled('Link to a preset to refine', this.link),
        make(
          'div',
          { class: 'ldx-own-bar' },
          button('Choose a .syx file', () => this.file.click()),
          this.file,
          this.choice,
          this.anew,
        ),
        this.refined,
      ),
    );
    return this.more;
  }

  // ---- settings

  /** Most seconds of a match. */
  get seconds() {
    return Number(this.duration.value);
  }

  /** Limits as texts, for a report. */
  get limitTexts() {
    const { value } = this.algorithms;
    return [value.trim() && `algorithms ${value.trim()}`, this.locked.value.trim()].filter(Boolean);
  }

  /** Read what may be found, and say what is wrong with it. */
  readLimits() {
    let wrong = '';
    try {
      this.limits = readLimits(this.algorithms.value, this.locked.value);
    } catch (error) {
      this.limits = null;
      wrong = `${sentence(/** @type {Error} */ (error).message)}.`;
    }
    if (this.wrong.textContent !== wrong) this.wrong.textContent = wrong;
    for (const field of [this.algorithms, this.locked]) {
      if (wrong) field.setAttribute('aria-describedby', this.wrong.id);
      else field.removeAttribute('aria-describedby');
    }
  }

  /** Bring what is wrong into view. */
  showWrong() {
    this.more.open = true;
    this.algorithms.focus();
  }

  /** Offer the presets of a file to be refined. @param {Voice[]} voices At least one. */
  offer(voices) {
    this.voices = voices;
    const options = voices.map(({ name }, i) => make('option', { value: `${i}` }, `${i + 1} ${name}`));
    this.choice.replaceChildren(...options);
    this.link.value = '';
    this.refine(voices[0]);
    this.choice.hidden = voices.length < 2;
  }

  /** Let the next match refine a preset, or search anew. @param {Voice | null} voice */
  refine(voice) {
    this.start = voice;
    this.anew.hidden = !voice;
    if (!voice || !this.voices.includes(voice)) this.choice.hidden = true;
    if (!voice) this.link.value = '';
    this.refined.textContent = voice ? `The next match starts from ${voice.name || 'this preset'}, and refines it.` : '';
    this.more.open = true;
  }

  // ---- how it goes on

  /** Begin a match. */
  begin() {
    this.busy(true);
    this.going.hidden = false;
    this.course.begin(this.seconds);
    this.numbers.textContent = '';
    this.alarm('');
    this.stage = '';
    this.load(NaN);
    this.stopButton.focus();
  }

  /** @param {boolean} on */
  busy(on) {
    this.matchButton.disabled = on;
    this.stopButton.disabled = !on;
    if (on) return;
    this.progress.hidden = true;
    this.said.textContent = '';
    this.course.end();
  }

  /** Say what is done now. @param {string} stage */
  show(stage) {
    if (stage === this.stage) return;
    this.stage = stage;
    this.said.textContent = STAGES.get(stage) ?? stage;
  }

  /** Say what goes wrong. @param {string} text */
  alarm(text) {
    this.warned.textContent = text;
  }

  /** Let nobody stop it twice. @param {string} text What is said. */
  end(text) {
    this.stopButton.disabled = true;
    this.said.textContent = text;
  }

  /** Show how much of the model is loaded. @param {number} share `NaN` if it is not. */
  load(share) {
    if (share < 1) this.progress.value = share;
    else this.progress.removeAttribute('value'); // nobody knows how long the known presets take
    this.progress.hidden = false;
    this.show(share < 1 ? 'loading' : this.start ? 'start' : 'known');
    this.begun = performance.now(); // the match begins when the model is there
  }

  /** Take a message of a match. @param {import('./search/match.js').Progress} progress */
  take({ stage, renders, distance, values }) {
    this.progress.hidden = stage === 'search'; // where the curve shows how it goes on
    const now = performance.now();
    if (distance < Infinity && (values || stage !== this.stage || now - (this.toldAt ?? 0) > TELL_MS)) {
      this.toldAt = now;
      this.course.add((now - (this.begun ?? now)) / 1000, distance);
      this.numbers.textContent = `Distance ${distance.toFixed(3)} after ${renders.toLocaleString('en-US')} renders`;
    }
    if (!this.stopButton.disabled) this.show(stage);
    this.stage = stage;
  }
}
