/**
 * The keyboard at the bottom of a page with listening rows: it plays the preset of a clip live, at the row's level.
 *
 *     const { openDock } = await import('./dock.js');  // in a click
 *     openDock(clip, root);
 *
 * It shows all sounds of the row, as buttons and under the keys 1 to 9: a preset takes over the keys that are
 * held, and what is only a recording is played as such. A menu holds what can be done with the preset: open it in
 * the synth, copy a link, save a .syx file, send it to a synth by MIDI. Escape closes the keyboard.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import './keyboard.js';
import { sendToSynth } from './page_actions.js';
import { player } from './player.js';
import { fromBase64, voiceAddress, voiceMessage, voiceName, whyNoSending } from './voice_link.js';

const LOOK = `
:host { position: fixed; inset: auto 0 0; z-index: 1040; display: block; box-sizing: border-box; max-height: 100vh; overflow: visible;
  padding: .55rem max(1rem, calc(50vw - 36rem)) calc(.6rem + env(safe-area-inset-bottom)); color: var(--pst-color-text-base, CanvasText);
  background: var(--pst-color-background, Canvas); border-top: 1px solid var(--pst-color-border, GrayText);
  box-shadow: 0 -.3rem 1.2rem rgb(0 0 0 / .25); font: .85rem/1.3 system-ui, sans-serif; --accent: var(--ldx-accent, #00807a); }
:host([hidden]) { display: none; }
.head { position: relative; display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .7rem; margin-bottom: .5rem; }
h2 { margin: 0; font: inherit; font-weight: 650; }
.of { color: var(--pst-color-text-muted, inherit); min-width: 0; flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sounds { display: flex; gap: .35rem; margin: 0 0 .5rem; padding: 3px; overflow-x: auto; scrollbar-width: thin; }
button, a.button, summary { font: inherit; color: inherit; cursor: pointer; }
.head button, .sounds button, summary { flex: none; min-height: 1.75rem; padding: .1rem .7rem; border: 1px solid var(--accent); border-radius: 1rem; background: none; white-space: nowrap; }
.sounds button[aria-pressed=true] { background: var(--accent); color: var(--pst-color-background, Canvas); }
:is(button, summary):hover { background-color: color-mix(in srgb, var(--accent) 14%, transparent); }
.sounds button[aria-pressed=true]:hover { background: var(--accent); }
.recording::before { content: "▸ "; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
summary { box-sizing: border-box; display: inline-flex; align-items: center; list-style: none; }
summary::-webkit-details-marker { display: none; }
.menu { position: absolute; right: 0; bottom: calc(100% + .4rem); z-index: 3; display: flex; flex-direction: column; width: max-content; max-width: min(19rem, 80vw);
  padding: .35rem; background: var(--pst-color-background, Canvas); border: 1px solid var(--pst-color-border, GrayText); border-radius: .6rem; box-shadow: 0 .2rem 1rem rgb(0 0 0 / .3); }
.head .menu > :is(a, button) { padding: .4rem .6rem; border: 0; border-radius: .35rem; text-align: left; color: inherit; text-decoration: none; white-space: normal; }
.menu > a:hover { background: color-mix(in srgb, var(--accent) 14%, transparent); }
.menu [hidden] { display: none; }
.why { display: block; font-size: .75rem; color: var(--pst-color-text-muted, inherit); }
.status { margin: 0 0 .4rem; overflow-wrap: anywhere; }
.status:empty { display: none; }
@media (max-width: 40rem) { .of { flex-basis: 100%; order: 3; } h2 { flex: 1; } }
@media (max-height: 22rem) { .sounds { display: none; } }
@media print { :host { display: none; } }
`;

const FORM = `
<style>${LOOK}</style>
<div class="head">
<h2></h2><span class="of"></span>
<details><summary>Use this preset</summary><div class="menu">
<a class="open">Open in the synth</a>
<button type="button" class="copy">Copy link</button>
<a class="save">Save as .syx</a>
<button type="button" class="send">Send to a synth<span class="why">by MIDI, to its edit buffer: it overwrites nothing that is stored</span></button>
</div></details>
<button type="button" class="close">Close<span class="why" hidden></span></button>
</div>
<p class="status" role="status"></p>
<div class="sounds" role="group" aria-label="Sounds of the row"></div>
<ldx-keyboard></ldx-keyboard>
`;

const TEXT_FIELDS = 'input:not([type=range]), textarea, select, [contenteditable], dialog[open]';

/** @param {Element} clip @returns {HTMLAudioElement | null} */
const recordingOf = (clip) => clip.querySelector('audio');

class Dock extends HTMLElement {
  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.innerHTML = FORM;
    this.part_ = (/** @type {string} */ name) => /** @type {any} */ (root.querySelector(name));
    /** @type {HTMLElement[]} The clips of the row. */
    this.clips = [];
    /** @type {HTMLElement | null} The clip that the keys play. */
    this.clip = null;
    /** @type {ArrayLike<number> | null} What it gave the player last. */
    this.loaded = null;
    /** @type {HTMLElement | null} What had the focus before. */
    this.opener = null;
    /** @type {EventTarget} Where a digit must be pressed. */
    this.scope = document;
    /** @type {string | null} Address of the site's root, if the page is one of a site. */
    this.root = null;
    this.part_('.close').addEventListener('click', () => this.close());
    this.part_('.copy').addEventListener('click', () => this.copy());
    this.part_('.send').addEventListener('click', () => this.send());
    this.part_('.open').addEventListener('click', () => this.shut());
    this.part_('.save').addEventListener('click', () => this.shut());
    this.addEventListener('press', () => {
      if (player.preset !== this.loaded) this.load(false); // the map, or another player of the page, has played its own
    });
    root.addEventListener('keydown', (event) => {
      if (/** @type {KeyboardEvent} */ (event).key === 'Escape' && this.part_('details').open) {
        event.stopPropagation();
        this.shut();
        this.part_('summary').focus();
      }
    });
  }

  connectedCallback() {
    this.setAttribute('role', 'region');
    this.setAttribute('aria-label', 'Keyboard');
    this.dataset.lmSuppressShortcuts = 'true'; // of JupyterLab
    this.leave = new AbortController();
    const { signal } = this.leave;
    document.addEventListener('keydown', (event) => this.key(event), { signal, capture: true });
    document.addEventListener('click', (event) => this.clicked(event), { signal });
    for (const name of ['play', 'pause']) {
      document.addEventListener(name, () => this.show(), { signal, capture: true }); // recordings
    }
    const jupyter = document.querySelector('.jp-Notebook') !== null; // letters are commands there
    this.part_('ldx-keyboard').scope = this.scope = jupyter ? this : document;
    // the preset of a clip has changed, as on the map
    document.addEventListener('ldx-voice', (event) => event.target === this.clip && this.choose(this.clip), { signal });
    document.addEventListener('ldx-blind', () => this.close(), { signal });
    this.size = new ResizeObserver(() => this.makeRoom(this.getBoundingClientRect().height));
    this.size.observe(this);
  }

  disconnectedCallback() {
    this.leave?.abort();
    this.size?.disconnect();
    this.makeRoom(0);
  }

  /** Let the page scroll clear of the dock. @param {number} height */
  makeRoom(height) {
    document.body.style.paddingBottom = height ? `${height}px` : '';
    document.documentElement.style.scrollPaddingBottom = height ? `${height + 16}px` : '';
  }

  // ---- what is played

  /** @returns {Uint8Array} */
  get voice() {
    return fromBase64(this.clip?.dataset.voice ?? '');
  }

  /** Play a clip's preset from now on. @param {HTMLElement} clip */
  choose(clip) {
    const row = /** @type {HTMLElement} */ (clip.closest('.ldx-row'));
    this.clip?.classList.remove('ldx-on-keys');
    this.clip = clip;
    clip.classList.add('ldx-on-keys');
    this.clips = /** @type {HTMLElement[]} */ ([...row.querySelectorAll('.ldx-clip')]);
    this.part_('.status').textContent = '';
    document.querySelectorAll('audio').forEach((audio) => audio.pause());
    this.load(true);
    this.show();
  }

  /**
   * Give the player the preset as the row is set: its level, and the Dexed of today or of 2017.
   * @param {boolean} again Strike the keys that are held anew.
   */
  load(again) {
    const row = /** @type {HTMLElement} */ (this.clip?.closest('.ldx-row'));
    const pressed = (/** @type {string} */ name) => row.querySelector(name)?.getAttribute('aria-pressed') === 'true';
    player.play(this.voice, {
      gainDb: pressed('.ldx-level') ? 0 : Number(row.dataset.gainDb),
      era: pressed('.ldx-era') ? '0.9.3' : 'current',
      again,
    });
    this.loaded = player.preset;
  }

  /** Play a sound of the row: live if it is a preset, else as it was recorded. @param {HTMLElement} clip */
  playClip(clip) {
    if (playable(clip)) return this.choose(clip);
    const recording = recordingOf(clip);
    const button = clip.querySelector('.ldx-play');
    if (button instanceof HTMLElement) button.click();
    else recording?.play();
  }

  /** Show the row's sounds, and the one that is played. */
  show() {
    const { clip } = this;
    if (!clip) return;
    const row = /** @type {HTMLElement} */ (clip.closest('.ldx-row'));
    const recording = this.clips.some((other) => recordingOf(other)?.paused === false);
    const buttons = this.clips.map((other, i) => {
      const button = this.part_('.sounds').children[i] ?? document.createElement('button');
      const on = recording ? recordingOf(other)?.paused === false : other === clip;
      const title = other.querySelector('.ldx-title')?.textContent ?? '';
      const live = playable(other);
      button.type = 'button';
      button.className = live ? '' : 'recording';
      if (button.textContent !== title) button.textContent = title;
      button.title = `${live ? 'Play it on the keys' : 'Play the recording'}${i < 9 ? ` (key ${i + 1})` : ''}`;
      button.setAttribute('aria-pressed', String(on));
      button.onclick = () => this.playClip(other);
      return button;
    });
    this.part_('.sounds').replaceChildren(...buttons);
    const name = voiceName(this.voice) || 'no name';
    this.part_('h2').textContent = name;
    this.part_('.of').textContent = row.getAttribute('aria-label') ?? '';
    this.setAttribute('aria-label', `Keyboard: ${name}`);
    for (const key of document.querySelectorAll('.ldx-keys')) {
      key.setAttribute('aria-pressed', String(key.closest('.ldx-clip') === clip));
    }
    this.offer();
  }

  // ---- what can be done with the preset

  /** Fill the menu for the preset. */
  offer() {
    const [open, copy, save, send] = ['.open', '.copy', '.save', '.send'].map(this.part_);
    open.hidden = copy.hidden = !this.root;
    if (this.root) open.href = voiceAddress(this.voice, this.root);
    URL.revokeObjectURL(save.href);
    save.href = URL.createObjectURL(new Blob([voiceMessage(this.voice)], { type: 'application/octet-stream' }));
    save.download = `${voiceName(this.voice) || 'voice'}.syx`;
    const why = whyNoSending();
    if (why) {
      send.querySelector('.why').textContent = why;
      send.setAttribute('aria-disabled', 'true');
    }
  }

  shut() {
    this.part_('details').open = false;
  }

  /** Say something to everybody. @param {(string | Node)[]} parts */
  tell(...parts) {
    this.part_('.status').replaceChildren(...parts);
  }

  async copy() {
    const address = voiceAddress(this.voice, /** @type {string} */ (this.root));
    this.shut();
    try {
      await navigator.clipboard.writeText(address);
      this.tell(`The link to ${voiceName(this.voice)} was copied.`);
    } catch {
      this.tell(`The browser does not let the page copy. This is the link: ${address}`);
    }
  }

  send() {
    const { voice } = this;
    this.shut();
    return sendToSynth(voice, (...parts) => this.tell(...parts));
  }

  // ---- keys and clicks of the page

  /** Escape closes; 1 to 9 choose a sound of the row. @param {KeyboardEvent} event */
  key(event) {
    const from = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (from instanceof Element && from.closest(TEXT_FIELDS)) return;
    const digit = /^[1-9]$/.test(event.key) && event.composedPath().includes(this.scope);
    const clip = digit ? this.clips[Number(event.key) - 1] : null;
    if (clip) {
      event.preventDefault();
      event.stopPropagation(); // the row would play the recording
      this.playClip(clip);
    } else if (event.key === 'Escape' && !(this.part_('details').open && event.composedPath().includes(this))) {
      this.close();
    }
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    if (!event.composedPath().includes(this.part_('details'))) this.shut();
    const button = event.target instanceof Element && event.target.closest('.ldx-era, .ldx-level');
    if (button && button.closest('.ldx-row') === this.clip?.closest('.ldx-row')) this.load(true);
  }

  close() {
    const hadFocus = this.matches(':focus-within');
    player.rest();
    this.clip?.classList.remove('ldx-on-keys');
    this.clip = null;
    document.querySelectorAll('.ldx-keys').forEach((key) => key.setAttribute('aria-pressed', 'false'));
    this.remove();
    if (hadFocus) this.opener?.focus();
  }
}

customElements.define('ldx-dock', Dock);

/** @param {HTMLElement} clip @returns {boolean} Whether its preset may be played: not while a blind test hides it. */
const playable = (clip) => Boolean(clip.dataset.voice) && !clip.classList.contains('ldx-masked');

/** @type {Dock | null} */
let dock = null;

/**
 * Open the keyboard for a clip, or let it play that clip's preset; to be called in a click.
 * @param {HTMLElement} clip A clip of a listening row, with its preset as `data-voice`; when that
 *   changes, it dispatches a bubbling event `ldx-voice`.
 * @param {string | null} root Address of the site's root; `null` for a page on its own, which can't link to the site.
 * @returns {Promise<void>} Done when the synth is loaded.
 * @throws {Error} (rejected) The page has no live sound; `player.problem` says why, and the keyboard shows it.
 */
export async function openDock(clip, root = null) {
  dock ??= /** @type {Dock} */ (document.createElement('ldx-dock'));
  dock.root = root;
  dock.choose(clip);
  if (!dock.isConnected) {
    dock.opener = /** @type {HTMLElement} */ (document.activeElement);
    document.body.append(dock);
    const height = dock.getBoundingClientRect().height;
    dock.makeRoom(height);
    if (clip.getBoundingClientRect().bottom > innerHeight - height) clip.scrollIntoView({ block: 'nearest' });
    dock.part_('ldx-keyboard').focus({ preventScroll: true });
  }
  await player.start();
}
