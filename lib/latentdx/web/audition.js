/**
 * Presets that change under the hand, as on the map and on the morph: one note of each is struck on the page's
 * player, and the keyboard at the bottom of the page follows if it plays them.
 *
 * A card shows such a preset. It is a clip of a listening row, and has its preset as `data-voice`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { player } from './player.js';
import { toBase64 } from './voice_link.js';

/** MIDI note and velocity of the book's recordings. */
const KEY = 60;
const VELOCITY = 85;
/** Milliseconds until the key comes up. */
const HOLD = 1100;

/** @type {ReturnType<typeof setTimeout> | undefined} Runs while the note is held. */
let held;

/** Let the note's key come up. */
export function endAudition() {
  if (held === undefined) return;
  clearTimeout(held);
  held = undefined;
  player.release(KEY);
}

/**
 * Give a card another preset; if the keyboard plays the card, its keys are struck anew.
 * @param {HTMLElement} card A clip in a row. @param {Uint8Array} packed 128 bytes.
 * @param {number} gainDb Level of the row from now on.
 */
export function setPreset(card, packed, gainDb) {
  card.dataset.voice = toBase64(packed);
  /** @type {HTMLElement} */ (card.closest('.ldx-row')).dataset.gainDb = `${gainDb}`;
  if (!card.classList.contains('ldx-on-keys')) return;
  endAudition(); // else it would be struck anew, too
  card.dispatchEvent(new Event('ldx-voice', { bubbles: true }));
}

/**
 * Strike one note of a preset; to be called in a click or a key press, at least for the first time.
 * @param {Uint8Array} packed 128 bytes. @param {number} gainDb
 * @param {HTMLElement} card Clip of the preset; while the reader holds keys that play the clip, they sound alone.
 * @returns {Promise<void>} Done when it sounds.
 * @throws {Error} (rejected) The page has no live sound; the message says why.
 */
export async function audition(packed, gainDb, card) {
  const keys = player.held.size - (held === undefined ? 0 : 1);
  if (keys > 0 && card.classList.contains('ldx-on-keys')) {
    if (card.dataset.voice !== toBase64(packed)) player.play(packed, { gainDb, again: true });
    return;
  }
  endAudition();
  held = setTimeout(endAudition, HOLD);
  const started = player.start();
  player.play(packed, { gainDb });
  player.press(KEY, VELOCITY);
  await started;
}
