/**
 * `<ldx-synth>`: a DX7 in the page: cartridges, a voice with all its parameters, a keyboard and a loop.
 *
 *     <script type="module" src="_static/synth_page.js"></script>
 *     <ldx-synth></ldx-synth>
 *
 * The starter cartridges are read from starter.json beside this module, or from the address in the attribute
 * `starter`. An address that ends in `#v=…` opens the voice of the link. What the reader opens or changes stays
 * in the reader's browser.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { AlgorithmDrawing } from './algorithms.js';
import { CartridgeBrowser } from './cartridge_browser.js';
import * as cartridges from './cartridges.js';
import { EditHistory } from './edit_history.js';
import { make } from './elements.js';
import { pack, unpack } from './engine/engine.js';
import './keyboard.js';
import { LoopPanel } from './loop_panel.js';
import { saveFile, sendToSynth } from './page_actions.js';
import { NAME_LENGTH, VALUES } from './parameters.js';
import { player } from './player.js';
import { withName, writeCartridge, writeVoice } from './preset_files.js';
import { Session } from './session.js';
import { Spectrum } from './spectrum.js';
import { readStarterCartridges } from './starter_cartridges.js';
import { mendPattern } from './step_loop.js';
import { decodeName, encodeName } from './sysex_reader.js';
import { VoiceEditor } from './voice_editor.js';
import { decodeVoice, encodeVoice, voiceName } from './voice_link.js';

/** @typedef {import("./cartridges.js").State} State */

/** Note, velocity and seconds with which a voice introduces itself. */
const HELLO = { key: 60, velocity: 100, seconds: 0.8 };

/** @param {string} text @param {() => void} action */
function button(text, action) {
  const made = make('button', { type: 'button' }, text);
  made.addEventListener('click', action);
  return made;
}

export class SynthPage extends HTMLElement {
  constructor() {
    super();
    this.session = new Session();
    /** @type {EditHistory<State>} */
    this.history = new EditHistory(cartridges.firstState([]));
    this.algorithm = new AlgorithmDrawing();
    this.spectrum = new Spectrum();
    this.loop = new LoopPanel(
      player,
      () => this.ready(),
      () => this.save(),
    );
    this.editor = new VoiceEditor(
      (at, value, name) => this.change(cartridges.withValue(this.state, at, value), name),
      (operators) => player.mute(operators),
    );
    this.browser = new CartridgeBrowser({
      choose: (cartridge, slot) => this.choose(cartridge, slot),
      show: (shown) => this.showCartridge(shown),
      addFile: (name, voices) => this.change(cartridges.addFile(this.state, name, voices)),
      store: (slot) => this.store(slot),
      addEmpty: () => this.change(cartridges.addEmpty(this.state)),
      remove: (id) => this.change(cartridges.remove(this.state, id)),
      downloadCartridge: () => this.downloadCartridge(),
      tell: (text) => this.tell(text),
    });
    this.name = make('input', {
      type: 'text',
      maxLength: NAME_LENGTH,
      spellcheck: false,
      autocomplete: 'off',
      'aria-label': 'Name of the voice',
    });
    this.name.addEventListener('input', () => {
      const name = decodeName(encodeName(this.name.value));
      this.change(cartridges.withVoiceName(this.state, name), 'name');
    });
    this.edited = make('span', { class: 'ldx-edited' });
    this.undo = button('Undo', () => this.step('undo'));
    this.redo = button('Redo', () => this.step('redo'));
    this.hello = make('input', { type: 'checkbox', checked: true });
    this.status = make('p', { class: 'ldx-status', role: 'status' });
    this.page = make('div', { class: 'ldx-page', hidden: true });
    /** @type {Uint8Array | null} The values that are shown. */
    this.shown = null;
    this.loaded = Promise.resolve();
    this.build(this.attachShadow({ mode: 'open' }));
  }

  /** @returns {State} */
  get state() {
    return this.history.state;
  }

  /** @param {ShadowRoot} root */
  build(root) {
    const packed = () => pack(withName(this.state.voice));
    const style = make('link', { rel: 'stylesheet', href: `${new URL('./synth.css', import.meta.url)}` });
    this.page.append(
      make(
        'div',
        { class: 'ldx-bar ldx-top' },
        this.name,
        this.edited,
        make('span', { class: 'ldx-pair' }, this.undo, this.redo),
        button('Download voice', () =>
          this.download(writeVoice(this.state.voice), this.state.voice.name || 'voice'),
        ),
        button('Copy link', () => this.copyLink(packed())),
        button('Send to a synth', () => this.send(packed())),
        make('label', { class: 'ldx-pair' }, this.hello, 'Play a note on choosing'),
      ),
      this.status,
      make(
        'div',
        { class: 'ldx-main' },
        this.browser.element,
        make(
          'div',
          { class: 'ldx-sight' },
          make('div', { class: 'ldx-drawing' }, this.algorithm.element),
          this.spectrum.element,
          this.loop.element,
        ),
      ),
      this.editor.element,
      make('div', { class: 'ldx-keys' }, document.createElement('ldx-keyboard')),
    );
    // without its style, the page would jump
    const appear = () => (this.page.hidden = false);
    style.addEventListener('load', appear);
    style.addEventListener('error', appear);
    root.append(style, this.page);
    this.page.addEventListener('press', () => this.ready());
    this.page.addEventListener('keydown', (event) => this.shortcut(event));
    // what is held sounds with the change, once the slider rests
    this.editor.element.addEventListener('change', () => {
      if (player.held.size) player.play(this.state.voice.values, { again: true });
    });
  }

  async connectedCallback() {
    this.leave = new AbortController();
    const { signal } = this.leave;
    this.unwatch = player.watch(({ voices, levels, stages }) => {
      this.algorithm.light(levels);
      this.editor.mark(stages, player.held.size > 0);
      this.spectrum.follow(voices > 0);
    });
    player.addEventListener('state', () => this.followPlayer(), { signal });
    window.addEventListener('hashchange', () => this.openLink(), { signal });
    this.takeDrops(signal);
    this.page.inert = true;
    this.loaded = this.load(signal);
    await this.loaded;
    this.page.inert = false;
  }

  /** Bring back what was kept. @param {AbortSignal} signal */
  async load(signal) {
    const starter = await this.starter();
    const { state, pattern } = await this.session.load(cartridges.firstState(starter));
    if (signal.aborted) return;
    this.history = new EditHistory(state);
    this.loop.show(mendPattern(pattern));
    this.openLink();
    this.update();
    if (this.session.problem) this.tell(this.session.problem);
    this.dispatchEvent(new Event('ready'));
  }

  disconnectedCallback() {
    this.leave?.abort();
    this.unwatch?.();
    this.loop.stop();
  }

  /**
   * Take files that are dropped anywhere on the page: elsewhere, the browser would leave the page for them.
   * @param {AbortSignal} signal
   */
  takeDrops(signal) {
    const light = (/** @type {boolean} */ on) => this.page.classList.toggle('ldx-drop', on);
    const over = (/** @type {DragEvent} */ event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      light(true);
    };
    const drop = async (/** @type {DragEvent} */ event) => {
      light(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      await this.loaded;
      this.browser.take(files);
    };
    window.addEventListener('dragover', over, { signal });
    window.addEventListener('dragleave', (event) => event.relatedTarget || light(false), { signal });
    window.addEventListener('drop', drop, { signal });
  }

  /** Read the starter cartridges. */
  async starter() {
    try {
      return await readStarterCartridges(this.getAttribute('starter'));
    } catch (error) {
      this.tell(
        `The starter cartridges cannot be read (${error instanceof Error ? error.message : error}). Open a .syx file of your own.`,
      );
      return [];
    }
  }

  followPlayer() {
    if (player.output) this.spectrum.listen(player.output);
    if (player.state !== 'on' && this.loop.loop.running) this.loop.stop();
  }

  // ---- changes

  /** Go to a new state. @param {State} state @param {string} [what] See `EditHistory.change`. */
  change(state, what) {
    if (state === this.state) return;
    this.history.change(state, what);
    this.update();
  }

  /** Show another cartridge: nothing that could be undone. @param {string} shown */
  showCartridge(shown) {
    this.history.state = { ...this.state, shown };
    this.update();
  }

  /** @param {"undo" | "redo"} way */
  step(way) {
    if (this.history[way]()) this.update();
  }

  /** Show the state, let the next notes sound with it, and keep it. */
  update() {
    const { state } = this;
    const { values, name } = state.voice;
    this.browser.show(state);
    if (this.shown !== values) {
      this.shown = values;
      this.editor.show(values);
      this.algorithm.draw(values);
      this.ready(false);
    }
    if (decodeName(encodeName(this.name.value)) !== name) this.name.value = name;
    this.edited.textContent = cartridges.isEdited(state) ? 'changed' : '';
    this.undo.disabled = !this.history.past.length;
    this.redo.disabled = !this.history.future.length;
    this.save();
  }

  save() {
    const told = this.session.problem;
    this.session.save(this.state, this.loop.loop.pattern);
    if (this.session.problem && !told) this.tell(this.session.problem);
  }

  /** Choose the voice for the next notes. @param {boolean} [start] Load the synth for it: only in a gesture. */
  ready(start = true) {
    const { values } = this.state.voice;
    if ((start || player.context) && player.preset !== values) player.play(values);
  }

  /** Choose a stored voice, in a gesture, and let it be heard. @param {string} cartridge @param {number} slot */
  choose(cartridge, slot) {
    this.change(cartridges.choose(this.state, cartridge, slot));
    this.ready();
    if (player.held.size) player.play(this.state.voice.values, { again: true });
    else if (this.hello.checked && !this.loop.loop.running) this.sayHello();
  }

  /** Play a short note. */
  async sayHello() {
    try {
      await player.start();
    } catch {
      return; // the keyboard says why
    }
    const now = player.context?.currentTime ?? 0;
    player.press(HELLO.key, HELLO.velocity, now);
    player.release(HELLO.key, now + HELLO.seconds);
  }

  /** @param {number} slot */
  store(slot) {
    this.change(cartridges.store(this.state, slot));
    const name = cartridges.cartridgeOf(this.state, this.state.shown)?.name;
    this.tell(`${this.state.voice.name || 'The voice'} is stored as number ${slot + 1} of ${name}.`);
  }

  /** Open the voice of the page's address, if it has one. */
  openLink() {
    if (!/[#&]v=/.test(location.hash)) return;
    try {
      const packed = decodeVoice(location.hash);
      const voice = { values: unpack(packed).slice(0, VALUES), name: voiceName(packed) };
      this.change({ ...this.state, place: null, voice });
      this.tell(`${voice.name || 'The voice'} came with the link.`);
    } catch (error) {
      this.tell(`${error instanceof Error ? error.message : error} The page shows another voice instead.`);
    }
  }

  // ---- out of the page

  /** Put a link to a voice on the clipboard. @param {Uint8Array} packed */
  async copyLink(packed) {
    const address = new URL(location.href);
    address.hash = encodeVoice(packed);
    try {
      await navigator.clipboard.writeText(address.href);
      this.tell('The link is copied: it holds the voice itself.');
    } catch {
      history.replaceState(null, '', address);
      this.tell('The browser does not let the page copy; the link is now in the address bar.');
    }
  }

  /** Send a voice to the edit buffer of a synth. @param {Uint8Array} packed */
  send(packed) {
    return sendToSynth(packed, (...parts) => this.status.replaceChildren(...parts));
  }

  downloadCartridge() {
    const cartridge = cartridges.cartridgeOf(this.state, this.state.shown);
    if (cartridge) this.download(writeCartridge([...cartridge.voices]), cartridge.name);
  }

  /** Save a .syx file. @param {Uint8Array} bytes @param {string} name */
  download(bytes, name) {
    saveFile(Uint8Array.from(bytes), 'application/octet-stream', `${name}.syx`);
  }

  /** Undo and redo by keys. @param {KeyboardEvent} event */
  shortcut(event) {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== 'z' && key !== 'y')) return;
    const [field] = event.composedPath();
    if (field instanceof HTMLInputElement && ['text', 'search'].includes(field.type)) return; // its own undo
    event.preventDefault();
    this.step(key === 'y' || event.shiftKey ? 'redo' : 'undo');
  }

  /** Say something to everybody. @param {string} text */
  tell(text) {
    this.status.textContent = text;
  }
}

customElements.define('ldx-synth', SynthPage);
