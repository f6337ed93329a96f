/**
 * `<ldx-keyboard>`: a piano for the mouse, fingers, the computer's keys, MIDI keyboards and screen readers.
 *
 *     import './keyboard.js';
 *     <ldx-keyboard></ldx-keyboard>
 *
 * It plays the page's shared player (player.js) with the preset chosen there. Everything it does is also an
 * event, which bubbles out of its shadow tree; `preventDefault()` keeps the event from the player:
 *
 *     press    {key, velocity}   MIDI note, MIDI velocity 1 to 127
 *     release  {key}
 *     pedal    {down}
 *     bend     {cents}
 *     stop     null              "all notes off"
 *
 * Properties: `scope` (where the computer's keys are notes; the document by default), `octave` (the octave of the key A, 4 by default: A is C4, MIDI note 60), `velocity` (of the
 * computer's keys and of the middle of the piano's keys; 85 by default), `held` (the keys that are down).
 * Methods: `releaseAll()`, `panic()`, `focus()`. Of several keyboards of a page, the computer's and MIDI keys
 * play the one that was added, focused or touched last.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { player } from './player.js';

const NAMES = ['C', 'C sharp', 'D', 'D sharp', 'E', 'F', 'F sharp', 'G', 'G sharp', 'A', 'A sharp', 'B'];
const BLACK = [1, 3, 6, 8, 10];
/** Places of the computer's keys on a keyboard, from C upwards, and the letters of most layouts there. */
const PLACES = [
  'KeyA', 'KeyW', 'KeyS', 'KeyE', 'KeyD', 'KeyF', 'KeyT', 'KeyG', 'KeyY', 'KeyH', 'KeyU', 'KeyJ', 'KeyK', 'KeyO',
  'KeyL', 'KeyP', 'Semicolon', 'Quote',
];
const LETTERS = "AWSEDFTGYHUJKOLP;'";
/** Width of a white key in pixels that fits a finger, and most octaves that are shown. */
const FINGER = 22;
const MOST_OCTAVES = 4;
/** Velocity from the back edge of a key to its front edge, and per press of C or V. */
const DEPTH = 80;
const STEP = 8;
/** Milliseconds of a note that a screen reader strikes by a click. */
const CLICK = 600;
/** Bend at the end of a MIDI wheel's way, in cents. */
const BEND = 200;
const TEXT_FIELDS =
  'input:not([type=range], [type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable], dialog[open]';

/** @param {number} key @returns {string} Such as "C sharp 4"; C4 is 60. */
export const keyName = (key) => `${NAMES[key % 12]} ${Math.floor(key / 12) - 1}`;

const LOOK = `
:host { display: block; container-type: inline-size; color: var(--pst-color-text-base, CanvasText); font: .85rem/1.3 system-ui, sans-serif;
  --accent: var(--ldx-accent, #00807a); --edge: var(--pst-color-border, GrayText); --ground: var(--pst-color-background, Canvas); }
:host([hidden]) { display: none; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .9rem; margin-bottom: .4rem; }
.bar > * { display: inline-flex; align-items: center; gap: .3rem; }
button, input { font: inherit; color: inherit; }
.bar button { min-height: 1.75rem; padding: .1rem .65rem; border: 1px solid var(--accent); border-radius: 1rem; background: none; cursor: pointer; }
.bar button:hover { background: color-mix(in srgb, var(--accent) 14%, transparent); }
.bar button[aria-pressed=true] { background: var(--accent); color: var(--ground); }
.bar button[aria-disabled=true] { border-style: dashed; border-color: var(--edge); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
input { width: 6rem; accent-color: var(--accent); }
output { min-width: 1.6rem; font-variant-numeric: tabular-nums; }
.status { margin: 0 0 .4rem; }
.status:empty { display: none; }
.piano { position: relative; height: clamp(5.5rem, 17cqi, 9rem); touch-action: none; user-select: none; -webkit-user-select: none; -webkit-touch-callout: none; }
.key { position: absolute; top: 0; margin: 0; padding: 0 0 .3rem; display: flex; flex-direction: column; justify-content: flex-end; align-items: center; gap: .1rem;
  border: 1px solid #4a5057; border-radius: 0 0 .3rem .3rem; font-size: .7rem; line-height: 1; cursor: pointer; touch-action: none; overflow: hidden; }
.white { height: 100%; background: #fbfaf7; color: #333; }
.black { height: 62%; background: #23272d; color: #e8e8e8; z-index: 1; }
.key[aria-pressed=true] { background: #00807a; color: #fff; }
.black[aria-pressed=true] { background: #2fc4b2; color: #000; }
.key:focus-visible { outline-offset: -3px; }
.black:focus-visible, .key[aria-pressed=true]:focus-visible { outline-color: #fff; }
.letter { opacity: .75; }
.off .letter { visibility: hidden; }
@media (hover: none) { .letter, .typing { display: none !important; } }
`;

const FORM = `
<style>${LOOK}</style>
<div class="bar" part="bar">
<span><button type="button" class="down" aria-label="Octave down">−</button><span>Octave <output class="octave"></output></span><button type="button" class="up" aria-label="Octave up">+</button></span>
<label>Velocity <input type="range" min="1" max="127"><output class="velocity"></output></label>
<button type="button" class="sustain" aria-pressed="false" title="Hold notes after their keys are released">Sustain</button>
<button type="button" class="typing" aria-pressed="true" title="A W S E D F … play notes; Z and X change the octave, C and V the velocity">Computer keys</button>
<button type="button" class="midi" aria-pressed="false" title="Play with a MIDI keyboard">MIDI keyboard</button>
<button type="button" class="panic" title="End all notes">All notes off</button>
</div>
<p class="status" role="status"></p>
<div class="piano" role="group" aria-describedby="hint"></div>
<span id="hint" hidden>Arrow keys move from key to key; the space bar plays.</span>
`;

/** @type {Keyboard | null} The keyboard that the computer's and MIDI keys play. */
let active = null;
/** @type {MIDIAccess | null} */
let midi = null;

export class Keyboard extends HTMLElement {
  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.innerHTML = FORM;
    this.part_ = (/** @type {string} */ name) => /** @type {any} */ (root.querySelector(name));
    /** @type {HTMLElement} */
    this.piano = this.part_('.piano');
    /** @type {Map<unknown, number>} What holds keys down: a finger, a computer key, a MIDI key. */
    this.sources = new Map();
    this.base = 60; // the key of the letter A
    this.octaves = 0;
    this.velocity_ = 85;
    this.down = false; // the pedal
    this.focused = 60;
    /** @type {EventTarget} */
    this.scope = document;
    this.listen();
    this.velocity = 85;
  }

  connectedCallback() {
    active = this;
    this.leave = new AbortController();
    const { signal } = this.leave;
    document.addEventListener('keydown', (event) => this.type(event), { signal });
    document.addEventListener('keyup', (event) => this.typed(event), { signal });
    // what happens to keys and fingers is not told to a page that is not in front
    window.addEventListener('blur', () => this.releaseAll(false), { signal });
    document.addEventListener('visibilitychange', () => document.hidden && this.releaseAll(false), { signal });
    player.addEventListener('state', () => this.tellState(), { signal });
    this.size = new ResizeObserver(() => this.fit());
    this.size.observe(this);
    this.fit();
    this.showMidi();
    this.tellState();
  }

  disconnectedCallback() {
    this.releaseAll();
    this.leave?.abort();
    this.size?.disconnect();
    if (active === this) active = document.querySelector('ldx-keyboard');
  }

  // ---- what a page can use

  /** Keys that are down. @returns {number[]} */
  get held() {
    return [...new Set(this.sources.values())];
  }

  get octave() {
    return this.base / 12 - 1;
  }

  set octave(octave) {
    const base = 12 * (Math.min(Math.max(Math.round(octave), 0), 8) + 1);
    if (base === this.base) return;
    this.base = base;
    this.draw();
  }

  get velocity() {
    return this.velocity_;
  }

  set velocity(velocity) {
    this.velocity_ = limit(velocity);
    this.part_('input').value = this.velocity_;
    this.part_('.velocity').value = this.velocity_;
  }

  /** Let all keys come up. @param {boolean} [others] MIDI keys and the pedal, too. */
  releaseAll(others = true) {
    for (const source of [...this.sources.keys()]) {
      if (others || !(typeof source === 'string' && source.startsWith('midi'))) this.let(source);
    }
    if (others && this.down) this.setPedal(false);
  }

  /** End all notes at once, whatever holds them. */
  panic() {
    this.releaseAll();
    this.setBend(0);
    if (this.emit('stop', null)) player.stop();
  }

  /** Focus the piano's key that was focused last. @param {FocusOptions} [options] */
  focus(options) {
    this.keyOf(this.focused)?.focus(options);
  }

  // ---- notes

  /** @param {string} name @param {object | null} detail @returns {boolean} Whether it may go to the player. */
  emit(name, detail) {
    return this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, cancelable: true, detail }));
  }

  /** Let something press a key. @param {unknown} source @param {number} key @param {number} velocity */
  hold(source, key, velocity) {
    if (this.sources.get(source) === key) return;
    this.let(source);
    if (key < 0 || key > 127) return;
    this.sources.set(source, key);
    const detail = { key, velocity: limit(velocity) };
    if (this.emit('press', detail)) player.press(key, detail.velocity);
    this.mark(key);
  }

  /** Let something release its key. @param {unknown} source */
  let(source) {
    const key = this.sources.get(source);
    if (key === undefined) return;
    this.sources.delete(source);
    if (this.held.includes(key)) return;
    if (this.emit('release', { key })) player.release(key);
    this.mark(key);
  }

  /** @param {boolean} down */
  setPedal(down) {
    this.down = down;
    this.part_('.sustain').setAttribute('aria-pressed', String(down));
    if (this.emit('pedal', { down })) player.pedal(down);
  }

  /** @param {number} cents */
  setBend(cents) {
    if (this.emit('bend', { cents })) player.bend(cents);
  }

  // ---- the piano

  /** Show as many octaves as have room for fingers. */
  fit() {
    const whites = Math.floor(this.getBoundingClientRect().width / FINGER);
    const octaves = Math.min(Math.max(Math.floor((whites - 1) / 7), 1), MOST_OCTAVES);
    if (octaves !== this.octaves) {
      this.octaves = octaves;
      this.draw();
    }
  }

  draw() {
    if (!this.octaves) return;
    const hadFocus = this.shadowRoot?.activeElement?.classList.contains('key');
    this.releaseAll(false);
    const first = Math.max(this.base - 12 * Math.floor(this.octaves / 2), 0);
    const last = Math.min(first + 12 * this.octaves, 127);
    const whites = 7 * this.octaves + 1;
    const width = 100 / whites;
    this.focused = Math.min(Math.max(this.focused, first), last);
    let white = 0;
    const keys = [];
    for (let key = first; key <= last; key++) {
      const black = BLACK.includes(key % 12);
      const made = document.createElement('button');
      const letter = LETTERS[key - this.base] ?? '';
      const name = key % 12 ? '' : `C${key / 12 - 1}`;
      made.type = 'button';
      made.className = `key ${black ? 'black' : 'white'}`;
      made.dataset.key = String(key);
      made.tabIndex = key === this.focused ? 0 : -1;
      made.setAttribute('aria-label', keyName(key));
      made.setAttribute('aria-pressed', String(this.held.includes(key)));
      made.style.left = `${(black ? white - 0.31 : white++) * width}%`;
      made.style.width = `${black ? 0.62 * width : width}%`;
      made.innerHTML = `<span class="letter" aria-hidden="true">${letter}</span><span aria-hidden="true">${name}</span>`;
      keys.push(made);
    }
    this.piano.replaceChildren(...keys);
    this.piano.setAttribute('aria-label', `Piano, ${keyName(first)} to ${keyName(last)}`);
    this.part_('.octave').value = this.octave;
    if (hadFocus) this.focus();
  }

  /** @param {number} key @returns {HTMLElement | null} */
  keyOf(key) {
    return this.piano.querySelector(`[data-key="${key}"]`);
  }

  /** Show whether a key is down. @param {number} key */
  mark(key) {
    this.keyOf(key)?.setAttribute('aria-pressed', String(this.held.includes(key)));
  }

  /** Say why nothing can be heard, if so. */
  tellState() {
    this.tell(player.problem || (player.state === 'interrupted' ? 'The sound is paused. Press a key to go on.' : ''));
  }

  /** @param {string} text */
  tell(text) {
    this.part_('.status').textContent = text;
  }

  // ---- fingers, mouse, focus

  listen() {
    const { piano } = this;
    const root = /** @type {ShadowRoot} */ (this.shadowRoot);
    root.addEventListener('pointerdown', () => (active = this));
    root.addEventListener('focusin', () => (active = this));
    piano.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      piano.setPointerCapture(event.pointerId);
      this.point(event);
    });
    piano.addEventListener('pointermove', (event) => {
      if (piano.hasPointerCapture(event.pointerId)) this.point(event);
    });
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) {
      piano.addEventListener(name, (event) => this.let(/** @type {PointerEvent} */ (event).pointerId));
    }
    // a finger's touch counts as a gesture only when it is lifted
    piano.addEventListener('pointerup', () => player.wake());
    piano.addEventListener('contextmenu', (event) => event.preventDefault());
    piano.addEventListener('keydown', (event) => this.walk(event));
    piano.addEventListener('keyup', (event) => {
      if (event.key !== ' ' && event.key !== 'Enter') return;
      event.preventDefault(); // no click
      this.let('focus');
    });
    piano.addEventListener('focusout', () => this.let('focus'));
    piano.addEventListener('focusin', (event) => {
      const key = Number(/** @type {HTMLElement} */ (event.target).dataset.key);
      this.keyOf(this.focused)?.setAttribute('tabindex', '-1');
      this.keyOf(key)?.setAttribute('tabindex', '0');
      this.focused = key;
    });
    piano.addEventListener('click', (event) => {
      const key = /** @type {HTMLElement} */ (event.target).closest('.key');
      if (event.detail || !(key instanceof HTMLElement)) return; // a pointer's click has been played already
      this.hold('click', Number(key.dataset.key), this.velocity);
      setTimeout(() => this.let('click'), CLICK);
    });
    const act = (/** @type {string} */ name, /** @type {() => void} */ action) =>
      this.part_(name).addEventListener('click', action);
    act('.down', () => (this.octave -= 1));
    act('.up', () => (this.octave += 1));
    act('.sustain', () => this.setPedal(!this.down));
    act('.panic', () => this.panic());
    act('.midi', () => this.openMidi());
    act('.typing', () => {
      const on = this.part_('.typing').getAttribute('aria-pressed') !== 'true';
      this.part_('.typing').setAttribute('aria-pressed', String(on));
      piano.classList.toggle('off', !on);
    });
    this.part_('input').addEventListener('input', () => (this.velocity = Number(this.part_('input').value)));
  }

  /** Play the key under a pointer, the louder the closer it is to the front edge. @param {PointerEvent} event */
  point(event) {
    const found = /** @type {ShadowRoot} */ (this.shadowRoot).elementFromPoint(event.clientX, event.clientY);
    const key = found?.closest('.key');
    if (!(key instanceof HTMLElement)) return this.let(event.pointerId);
    const box = key.getBoundingClientRect();
    const depth = (event.clientY - box.top) / box.height;
    this.hold(event.pointerId, Number(key.dataset.key), this.velocity + DEPTH * (depth - 0.5));
  }

  /** Move the focus, or play the key that has it. @param {KeyboardEvent} event */
  walk(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (key === ' ' || key === 'Enter') {
      event.preventDefault();
      if (!event.repeat) this.hold('focus', this.focused, this.velocity);
      return;
    }
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[key];
    const all = [...this.piano.children].map((made) => Number(/** @type {HTMLElement} */ (made).dataset.key));
    const to = step ? this.focused + step : { Home: all[0], End: all[all.length - 1] }[key];
    if (to !== undefined) this.keyOf(to)?.focus();
    else if (key === 'PageUp' || key === 'PageDown') this.octave += key === 'PageUp' ? 1 : -1;
    else return;
    event.preventDefault();
  }

  // ---- the computer's keys

  /** @param {KeyboardEvent} event */
  type(event) {
    const from = event.composedPath()[0];
    if (active !== this || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.part_('.typing').getAttribute('aria-pressed') !== 'true' || !this.getClientRects().length) return;
    if (!event.composedPath().includes(this.scope)) return;
    if (from instanceof Element && from.closest(TEXT_FIELDS)) return;
    const place = PLACES.indexOf(event.code);
    if (place >= 0) {
      if (!event.repeat) this.hold(event.code, this.base + place, this.velocity);
    } else if (event.code === 'KeyZ' || event.code === 'KeyX') {
      this.octave += event.code === 'KeyX' ? 1 : -1;
    } else if (event.code === 'KeyC' || event.code === 'KeyV') {
      this.velocity += event.code === 'KeyV' ? STEP : -STEP;
    } else return;
    event.preventDefault(); // Firefox would search for the letter
  }

  /** @param {KeyboardEvent} event */
  typed(event) {
    this.let(event.code);
    // macOS tells of no other key that comes up while the command key is down
    if (event.key === 'Meta') PLACES.forEach((place) => this.let(place));
  }

  // ---- MIDI

  /** Ask for the MIDI keyboards, and say what came of it. */
  async openMidi() {
    if (!navigator.requestMIDIAccess) return this.tell(NO_MIDI);
    try {
      midi ??= await navigator.requestMIDIAccess();
    } catch {
      return this.tell('The browser was not allowed to use MIDI. Its settings for this page can change that.');
    }
    player.start().catch(() => {}); // a MIDI key is no gesture, but this click is
    midi.onstatechange = () => active?.hearMidi();
    this.hearMidi();
  }

  hearMidi() {
    if (!midi) return;
    const inputs = [...midi.inputs.values()];
    for (const input of inputs) input.onmidimessage = (event) => event.data && active?.take(input.id, event.data);
    const present = new Set(inputs.filter((input) => input.state !== 'disconnected').map((input) => input.id));
    for (const source of [...this.sources.keys()]) {
      if (typeof source === 'string' && source.startsWith('midi') && !present.has(source.split(' ')[1])) this.let(source);
    }
    const names = inputs.filter((input) => present.has(input.id)).map((input) => input.name ?? 'a keyboard without a name');
    this.tell(names.length ? `MIDI: ${names.join(', ')}.` : 'No MIDI keyboard is connected. Connect one, and it plays.');
    this.showMidi();
  }

  showMidi() {
    this.part_('.midi').setAttribute('aria-pressed', String(midi !== null));
    if (!navigator.requestMIDIAccess) this.part_('.midi').setAttribute('aria-disabled', 'true');
  }

  /** Obey a MIDI message. @param {string} input @param {Uint8Array} data */
  take(input, [status, first, second]) {
    const source = `midi ${input} ${first}`;
    const kind = status & 0xf0;
    if (kind === 0x90 && second > 0) {
      this.let(source);
      this.hold(source, first, second);
    } else if (kind === 0x80 || kind === 0x90) {
      this.let(source);
    } else if (kind === 0xe0) {
      this.setBend((((second << 7) | first) / 8192 - 1) * BEND);
    } else if (kind === 0xb0 && first === 64) {
      this.setPedal(second >= 64);
    } else if (kind === 0xb0 && (first === 120 || first === 123)) {
      this.panic();
    }
  }
}

const NO_MIDI =
  'This browser cannot use MIDI keyboards. Chrome, Edge and Firefox on a computer, and Chrome on Android can.';

/** @param {number} velocity @returns {number} */
const limit = (velocity) => Math.min(Math.max(Math.round(velocity), 1), 127);

customElements.define('ldx-keyboard', Keyboard);
