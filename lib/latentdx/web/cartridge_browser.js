/**
 * Cartridges on the synth's page: which one is shown, its voices, the search, files dropped or chosen, storing
 * and downloading.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { cartridgeOf, initVoice, search } from './cartridges.js';
import { make } from './elements.js';
import { readPresetFile } from './preset_files.js';
import { BANK_VOICES } from './sysex_reader.js';

/** @typedef {import("./cartridges.js").State} State */
/** @typedef {import("./sysex_reader.js").Voice} Voice */

/** Most voices that a search shows. */
const MOST_FOUND = 128;
/** Steps of the arrow keys in the list of voices. @type {Record<string, number>} */
const ARROWS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/**
 * What the reader can do here.
 * @typedef {object} Actions
 * @property {(cartridge: string, slot: number) => void} choose
 * @property {(cartridge: string) => void} show
 * @property {(name: string, voices: Voice[]) => void} addFile
 * @property {(slot: number) => void} store
 * @property {() => void} addEmpty
 * @property {(cartridge: string) => void} remove
 * @property {() => void} downloadCartridge
 * @property {(text: string) => void} tell
 */

const numbered = (/** @type {number} */ slot, /** @type {string} */ name) =>
  `${`${slot + 1}`.padStart(2, '\u2007')} ${name || 'no name'}`;

export class CartridgeBrowser {
  /** @param {Actions} actions */
  constructor(actions) {
    this.actions = actions;
    /** @type {State | null} */
    this.state = null;
    this.focused = 0;
    const button = (/** @type {string} */ text, /** @type {() => void} */ action) => {
      const made = make('button', { type: 'button' }, text);
      made.addEventListener('click', action);
      return made;
    };
    this.shown = make('select', { 'aria-label': 'Cartridge' });
    this.shown.addEventListener('change', () => actions.show(this.shown.value));
    this.find = make('input', {
      type: 'search',
      placeholder: 'Search all cartridges',
      'aria-label': 'Search all cartridges',
    });
    this.find.addEventListener('input', () => this.list());
    this.voices = make('ol', { class: 'ldx-voices' });
    this.voices.addEventListener('keydown', (event) => this.walk(event));
    this.count = make('p', { class: 'ldx-found', role: 'status' });
    this.files = make('input', { type: 'file', multiple: true, hidden: true });
    this.files.addEventListener('change', async () => {
      await this.take([...(this.files.files ?? [])]);
      this.files.value = ''; // so that the same file can be chosen again
    });
    this.slot = make('select', { 'aria-label': 'Slot' });
    this.removal = button('Remove cartridge', () => actions.remove(this.state?.shown ?? ''));
    this.notes = make('details', { class: 'ldx-notes', hidden: true });
    this.element = make(
      'section',
      { class: 'ldx-browser', 'aria-label': 'Cartridges' },
      make(
        'div',
        { class: 'ldx-bar' },
        this.shown,
        this.find,
        button('Open .syx files…', () => this.files.click()),
        this.files,
      ),
      this.count,
      this.voices,
      this.notes,
      make(
        'div',
        { class: 'ldx-bar' },
        make(
          'span',
          { class: 'ldx-pair' },
          this.slot,
          button('Store here', () => actions.store(Number(this.slot.value))),
        ),
        button('Download cartridge', () => actions.downloadCartridge()),
        button('New cartridge', () => actions.addEmpty()),
        this.removal,
      ),
    );
  }

  /** Show a state. @param {State} state */
  show(state) {
    const before = this.state;
    this.state = state;
    if (before?.cartridges !== state.cartridges) {
      const group = (/** @type {string} */ label, /** @type {boolean} */ starter) => {
        const of = state.cartridges.filter((cartridge) => Boolean(cartridge.starter) === starter);
        return of.length
          ? [make('optgroup', { label }, ...of.map(({ id, name }) => make('option', { value: id }, name)))]
          : [];
      };
      this.shown.replaceChildren(...group('Starter cartridges', true), ...group('Your cartridges', false));
    }
    this.shown.value = state.shown;
    const cartridge = cartridgeOf(state, state.shown);
    this.removal.disabled = !cartridge || Boolean(cartridge.starter);
    if (
      before?.cartridges === state.cartridges &&
      before.shown === state.shown &&
      before.place === state.place
    )
      return;
    const slot = state.place?.cartridge === state.shown ? `${state.place.slot}` : this.slot.value || '0';
    const name = (/** @type {number} */ i) => (cartridge?.voices[i] ?? initVoice()).name;
    this.slot.replaceChildren(
      ...Array.from({ length: BANK_VOICES }, (_, i) =>
        make('option', { value: `${i}` }, numbered(i, name(i))),
      ),
    );
    this.slot.value = slot;
    this.list();
  }

  /** List the voices of the cartridge that is shown, or those that the search finds. */
  list() {
    const { state } = this;
    if (!state) return;
    const text = this.find.value.trim();
    const cartridge = cartridgeOf(state, state.shown);
    const all = text
      ? search(state, text)
      : (cartridge?.voices ?? []).map((voice, slot) => ({
          cartridge: /** @type {NonNullable<typeof cartridge>} */ (cartridge),
          slot,
          voice,
        }));
    const found = all.slice(0, MOST_FOUND);
    const items = found.map(({ cartridge: of, slot, voice }, i) => {
      const current = state.place?.cartridge === of.id && state.place.slot === slot;
      const button = make(
        'button',
        { type: 'button', tabIndex: -1 },
        make('span', {}, numbered(slot, voice.name)),
      );
      if (text) button.append(make('small', {}, of.name));
      if (voice.damaged || voice.mended) {
        const why = voice.damaged ? 'damaged, or not confirmed by a checksum' : 'values out of range were repaired';
        button.append(make('small', { title: why }, voice.damaged ? 'damaged' : 'repaired'));
      }
      if (current) button.setAttribute('aria-current', 'true');
      button.addEventListener('click', () => {
        this.focused = i;
        this.actions.choose(of.id, slot);
      });
      return make('li', {}, button);
    });
    const hadFocus = this.buttons.includes(/** @type {any} */ (focusedIn(this.element)));
    this.voices.replaceChildren(...items);
    const chosen = this.buttons.findIndex((button) => button.getAttribute('aria-current') === 'true');
    this.focused = chosen >= 0 ? chosen : Math.min(this.focused, Math.max(items.length - 1, 0));
    const stop = this.buttons[this.focused]; // one stop for the Tab key
    if (stop) stop.tabIndex = 0;
    if (hadFocus) stop?.focus();
    this.count.textContent = !text
      ? ''
      : `${all.length} ${all.length === 1 ? 'voice' : 'voices'} found${all.length > MOST_FOUND ? `; the first ${MOST_FOUND}:` : ''}`;
  }

  /** @returns {HTMLButtonElement[]} */
  get buttons() {
    return [...this.voices.querySelectorAll('button')];
  }

  /** Move the focus in the list. @param {KeyboardEvent} event */
  walk(event) {
    const { buttons } = this;
    const at = buttons.indexOf(/** @type {any} */ (event.target));
    const ends = { Home: 0, End: buttons.length - 1 }[event.key];
    const to = ends ?? (event.key in ARROWS ? at + ARROWS[event.key] : undefined);
    const next = to === undefined ? undefined : buttons[to];
    if (!next) return;
    event.preventDefault();
    buttons[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** Read files; one that cannot be read is named, and changes nothing. @param {File[]} files */
  async take(files) {
    /** @type {string[]} */
    const errors = [];
    /** @type {string[]} */
    const notes = [];
    let count = 0;
    for (const file of files) {
      try {
        const found = await readPresetFile(file);
        this.actions.addFile(file.name.replace(/\.[a-z0-9]{1,4}$/i, ''), found.voices);
        notes.push(...found.notes);
        count += found.voices.length;
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error));
      }
    }
    if (count) this.find.value = '';
    if (count) this.list();
    this.report([...errors, ...notes]);
    const voices = count === 1 ? 'One voice was' : `${count} voices were`;
    const read = count ? `${voices} added.` : '';
    this.actions.tell([read, ...errors.slice(0, 3)].filter(Boolean).join(' '));
  }

  /** List what is wrong with the files. @param {string[]} lines */
  report(lines) {
    this.notes.hidden = !lines.length;
    const items = lines.slice(0, MOST_FOUND).map((line) => make('li', {}, line));
    const title =
      lines.length === 1
        ? 'What was found in the files: one remark'
        : `What was found in the files: ${lines.length} remarks`;
    this.notes.replaceChildren(make('summary', {}, title), make('ul', {}, ...items));
  }
}

/** Return the element that has the focus, within shadow trees, too. @param {Element} near */
const focusedIn = (near) => /** @type {ShadowRoot | Document} */ (near.getRootNode()).activeElement;
