/**
 * The state of the synth's page: cartridges, the voice that is played and edited, and what happens to them.
 * States never change themselves; each function returns a new one, so that everything can be undone.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { BANK_VOICES } from './sysex_reader.js';
import { initValues } from './parameters.js';

/** @typedef {import("./sysex_reader.js").Voice} Voice */

/**
 * Up to 32 voices.
 * @typedef {object} Cartridge
 * @property {string} id Never used twice.
 * @property {string} name
 * @property {boolean} [starter] One of ours, which stays as it is.
 * @property {readonly Voice[]} voices
 */

/**
 * @typedef {object} State
 * @property {readonly Cartridge[]} cartridges
 * @property {string} shown Cartridge whose voices are shown.
 * @property {{cartridge: string, slot: number} | null} place Where the voice comes from.
 * @property {Voice} voice What is played and edited.
 */

/** @typedef {{cartridge: Cartridge, slot: number, voice: Voice}} Found */

/** @returns {string} */
export const newId = () => crypto.getRandomValues(new Uint32Array(2)).join('-');

/** @returns {Voice} */
export const initVoice = () => ({ values: initValues(), name: 'INIT VOICE' });

/** @param {State} state @param {string} id */
export const cartridgeOf = (state, id) => state.cartridges.find((cartridge) => cartridge.id === id);

/** Return the voice that is stored where the edited one comes from. @param {State} state */
export function storedVoice({ cartridges, place }) {
  return place ? cartridges.find(({ id }) => id === place.cartridge)?.voices[place.slot] : undefined;
}

/** @param {Voice} a @param {Voice} b */
export const sameVoice = (a, b) => a.name === b.name && a.values.every((value, i) => value === b.values[i]);

/** Whether the voice differs from what is stored. @param {State} state */
export function isEdited(state) {
  const stored = storedVoice(state);
  return stored !== undefined && !sameVoice(stored, state.voice);
}

/** Begin with some cartridges, and the first voice of the first. @param {Cartridge[]} cartridges @returns {State} */
export function firstState(cartridges) {
  const [first] = cartridges;
  if (!first) return { cartridges, shown: '', place: null, voice: initVoice() };
  return choose({ cartridges, shown: first.id, place: null, voice: initVoice() }, first.id, 0);
}

/** Choose a stored voice. @param {State} state @param {string} cartridge @param {number} slot @returns {State} */
export function choose(state, cartridge, slot) {
  const voice = cartridgeOf(state, cartridge)?.voices[slot];
  return voice ? { ...state, shown: cartridge, place: { cartridge, slot }, voice } : state;
}

/** Change one value of the voice. @param {State} state @param {number} at @param {number} value @returns {State} */
export function withValue(state, at, value) {
  const values = state.voice.values.slice();
  values[at] = value;
  return { ...state, voice: { values, name: state.voice.name } };
}

/** Rename the voice. @param {State} state @param {string} name @returns {State} */
export const withVoiceName = (state, name) => ({ ...state, voice: { values: state.voice.values, name } });

/**
 * Add the voices of a file, 32 to a cartridge, show them, and choose the first.
 * @param {State} state @param {string} name @param {Voice[]} voices @returns {State}
 */
export function addFile(state, name, voices) {
  const count = Math.ceil(voices.length / BANK_VOICES);
  const added = Array.from({ length: count }, (_, i) => ({
    id: newId(),
    name: count > 1 ? `${name}, ${i + 1} of ${count}` : name,
    voices: voices.slice(BANK_VOICES * i, BANK_VOICES * (i + 1)),
  }));
  return choose({ ...state, cartridges: [...state.cartridges, ...added] }, added[0].id, 0);
}

/** Add a cartridge of INIT VOICE and show it; the voice stays. @param {State} state @returns {State} */
export function addEmpty(state) {
  const names = new Set(state.cartridges.map(({ name }) => name));
  let n = 1;
  while (names.has(`My cartridge ${n}`)) n++;
  const voices = Array.from({ length: BANK_VOICES }, initVoice);
  const cartridge = { id: newId(), name: `My cartridge ${n}`, voices };
  return { ...state, cartridges: [...state.cartridges, cartridge], shown: cartridge.id };
}

/**
 * Store the voice in a slot of the cartridge that is shown. A starter cartridge stays as it is: a copy takes the
 * voice.
 * @param {State} state @param {number} slot @returns {State}
 */
export function store(state, slot) {
  const shown = cartridgeOf(state, state.shown);
  if (!shown) return state;
  const voices = [...shown.voices];
  while (voices.length <= slot) voices.push(initVoice());
  voices[slot] = { values: state.voice.values, name: state.voice.name };
  const changed = shown.starter
    ? { id: newId(), name: `${shown.name} (my copy)`, voices }
    : { ...shown, voices };
  const cartridges = shown.starter
    ? [...state.cartridges, changed]
    : state.cartridges.map((cartridge) => (cartridge === shown ? changed : cartridge));
  return choose({ ...state, cartridges }, changed.id, slot);
}

/** Remove a cartridge of the reader's; the voice stays. @param {State} state @param {string} id @returns {State} */
export function remove(state, id) {
  const at = state.cartridges.findIndex((cartridge) => cartridge.id === id);
  if (at < 0 || state.cartridges[at].starter) return state;
  const cartridges = state.cartridges.filter((_, i) => i !== at);
  const shown = state.shown === id ? (cartridges[Math.max(at - 1, 0)]?.id ?? '') : state.shown;
  return { ...state, cartridges, shown, place: state.place?.cartridge === id ? null : state.place };
}

/**
 * Find voices by their names, and by those of their cartridges, in which all words of a text occur.
 * @param {State} state @param {string} text @returns {Found[]}
 */
export function search(state, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  return state.cartridges.flatMap((cartridge) =>
    cartridge.voices.flatMap((voice, slot) => {
      const all = `${voice.name} ${cartridge.name}`.toLowerCase();
      return words.every((word) => all.includes(word)) ? [{ cartridge, slot, voice }] : [];
    }),
  );
}
