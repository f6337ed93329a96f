/**
 * `<ldx-own-sound>`: a sound of the reader's becomes presets, in the page: dropped, chosen or recorded, prepared,
 * matched by a worker, and answered with presets to hear, to play and to keep. Nothing is sent anywhere.
 *
 *     <link rel="stylesheet" href="_static/site.css">
 *     <script src="_static/site.js"></script>
 *     <script type="module" src="_static/sound_page.js"></script>
 *     <ldx-own-sound></ldx-own-sound>
 *
 * The starter presets are read from starter.json beside this module, or from the address in the attribute
 * `starter`; the trained model from model/model.json, or from the attribute `model`, when a match begins. An
 * address that ends in `#v=…` brings a preset to refine.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { answerReport, loadReportParts } from './answer_report.js';
import { answerRow, rowGainDb, soundsOf } from './answer_row.js';
import { button, make } from './elements.js';
import { unpack } from './engine/engine.js';
import { MatchForm } from './match_form.js';
import { saveFile } from './page_actions.js';
import { VALUES } from './parameters.js';
import { readPresetFile, writeCartridge } from './preset_files.js';
import { LONGEST, record } from './recorder.js';
import { play } from './search/objective.js';
import { SoundMatcher } from './search/sound_matcher.js';
import { decodeSound } from './search/sound_file.js';
import { SoundError } from './search/sound_target.js';
import { SoundForm, bothNames } from './sound_form.js';
import { SoundPreview } from './sound_preview.js';
import { readStarterCartridges } from './starter_cartridges.js';
import { decodeVoice, voiceAddress, voiceName } from './voice_link.js';
/** @import { MatchResult } from './search/match.js' */
/** @import { PreparedTarget } from './search/sound_target.js' */
/** @import { Changes, Given } from './sound_form.js' */

/** Seconds of a recording that are kept: the search for its first note looks no further. */
const KEPT = 40;
const WORDS = { 'almost the same': 'almost the same as', close: 'close to', 'a relative': 'a relative of', far: 'far from' };
const SOUNDS = 'audio/*,.wav,.flac,.mp3,.ogg,.oga,.opus,.aif,.aiff,.m4a';

const messageOf = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error));
const withoutEnd = (/** @type {string} */ name) => name.replace(/\.\w{1,5}$/, '');

export class SoundPage extends HTMLElement {
  constructor() {
    super();
    /** @type {Given | null} */
    this.given = null;
    /** @type {PreparedTarget | null} */
    this.target = null;
    /** What the reader says of it. @type {Changes} */
    this.changes = {};
    /** @type {MatchResult | null} */
    this.result = null;
    /** @type {Uint8Array[]} */
    this.starters = [];
    this.budget = 1e6; // renders of a match: time is what ends it
    this.matching = this.stopping = false;
    this.withModel = true;
    /** Work of the worker, one after another. @type {Promise<unknown>} */
    this.work = Promise.resolve();
    this.turns = 0; // of sounds and of what is said of them
    this.turn = 0; // that of the last one to prepare: what it has overtaken is not shown
    /** @type {string[]} Addresses of the files of the row that is shown. */
    this.addresses = [];
    this.preview = new SoundPreview();
    this.form = new SoundForm({
      change: (changes) => this.change(changes),
      listen: (sound, gainDb) => this.preview.play(sound, gainDb),
    });
    this.matchForm = new MatchForm({
      match: () => this.match(),
      stop: () => this.stop(),
      hush: () => this.preview.stop(),
      takePresets: (file) => this.takePresets(file),
      takeLink: (link) => this.takeLink(link),
    });
    this.root = new URL('..', import.meta.url).href;
  }

  connectedCallback() {
    this.classList.add('ldx-own');
    this.build();
    this.leave = new AbortController();
    this.matcher = new SoundMatcher();
    this.takeDrops(this.leave.signal);
    this.loaded = this.load();
  }

  disconnectedCallback() {
    this.leave?.abort();
    this.recording?.abort();
    this.matcher?.close();
    this.preview.stop();
    this.forgetRow();
  }

  async load() {
    const style = make('link', { rel: 'stylesheet', href: `${new URL('./own_sound.css', import.meta.url)}` });
    const styled = new Promise((resolve) => (style.onload = style.onerror = resolve));
    document.head.append(style);
    try {
      const cartridges = await readStarterCartridges(this.getAttribute('starter'));
      this.starters = cartridges.flatMap(({ voices }) => voices.map(({ values }) => values));
    } catch (error) {
      this.alarm(`The starter presets cannot be read (${messageOf(error)}), so a match has only the model to begin with.`);
    }
    try {
      this.parts = await loadReportParts();
    } catch {
      this.reportButton.hidden = true; // pages that are not part of a site lack them
    }
    await Promise.all([styled, this.matcher?.settled]); // from here on, nothing is requested but the model
    this.page.hidden = false;
    this.openLink();
    this.dispatchEvent(new Event('ready'));
  }

  // ---- the page's parts

  build() {
    this.files = make('input', { type: 'file', hidden: true, accept: SOUNDS });
    this.files.addEventListener('change', () => {
      const file = this.files.files?.[0];
      this.files.value = ''; // so that the same file can be chosen again
      if (file) this.take(file);
    });
    this.status = make('p', { class: 'ldx-own-status', role: 'status' });
    this.alert = make('p', { class: 'ldx-own-alert', role: 'alert' });
    this.meter = make('meter', { min: 0, max: 1, 'aria-label': 'Level of the microphone' });
    this.count = make('p', { class: 'ldx-own-count', role: 'status' });
    this.stopRecording = button('Stop recording', () => this.recording?.abort());
    this.recorder = make('div', { class: 'ldx-own-recorder', hidden: true }, this.count, this.meter, this.stopRecording);
    this.recordButton = button('Record', () => this.record());
    this.drop = make(
      'div',
      { class: 'ldx-own-drop' },
      make('p', {}, make('b', {}, 'Drop a sound here'), ': one note of anything'),
      make('div', { class: 'ldx-own-bar' }, button('Choose a file', () => this.files.click()), this.recordButton, this.files),
      this.recorder,
    );
    this.page = make(
      'div',
      { class: 'ldx-own-page', hidden: true },
      this.drop,
      this.alert,
      this.status,
      this.form.element,
      this.matchForm.element,
      this.buildAnswers(),
    );
    this.replaceChildren(this.page);
  }

  buildAnswers() {
    this.summary = make('p', { tabIndex: -1 });
    this.row = make('div');
    this.copied = make('p', { class: 'ldx-own-status', role: 'status' });
    this.reportButton = button('Report as one file', () => this.report());
    this.answers = make(
      'section',
      { hidden: true, 'aria-label': 'Answers' },
      make('h2', {}, 'Presets that play it'),
      this.summary,
      make(
        'div',
        { class: 'ldx-own-bar' },
        button('Download as a cartridge', () => this.downloadCartridge()),
        this.reportButton,
      ),
      this.copied,
      this.row,
    );
    return this.answers;
  }

  /** Tell everybody something. @param {string} text */
  tell(text) {
    this.status.textContent = text;
  }

  /** Tell of something that goes wrong. @param {string} text */
  alarm(text) {
    this.alert.textContent = text;
  }

  // ---- the sound

  /** Take files dropped anywhere: elsewhere, the browser would leave the page for them. @param {AbortSignal} signal */
  takeDrops(signal) {
    const light = (/** @type {boolean} */ on) => this.drop.classList.toggle('ldx-own-over', on);
    window.addEventListener(
      'dragover',
      (event) => {
        if (!event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        light(true);
      },
      { signal },
    );
    window.addEventListener('dragleave', (event) => event.relatedTarget || light(false), { signal });
    window.addEventListener(
      'drop',
      (event) => {
        light(false);
        const file = event.dataTransfer?.files[0];
        if (!file) return;
        event.preventDefault();
        this.take(file);
      },
      { signal },
    );
  }

  /** Take a sound, or presets to refine. @param {File} file */
  async take(file) {
    this.alarm('');
    if (/\.(syx|bin)$/i.test(file.name)) return this.takePresets(file);
    const turn = ++this.turns;
    this.tell(`Reading ${file.name} …`);
    try {
      const { channels, rate } = await decodeSound(file);
      const most = Math.round(KEPT * rate);
      await this.use({ name: file.name, channels: channels.map((channel) => channel.slice(0, most)), rate }, turn);
    } catch (error) {
      this.refuse(file.name, error);
    }
  }

  /** @param {string} name @param {unknown} error */
  refuse(name, error) {
    this.tell('');
    const { message } = /** @type {Error} */ (error);
    this.alarm(error instanceof SoundError ? `${name} cannot be used: ${message}.` : `${name} could not be prepared: ${message}`);
  }

  async record() {
    this.alarm('');
    this.tell('');
    this.preview.stop();
    document.querySelectorAll('audio').forEach((audio) => audio.pause());
    this.recording = new AbortController();
    this.recordButton.disabled = true;
    this.recorder.hidden = false;
    this.count.textContent = 'Waiting for the microphone …';
    try {
      const counted = (/** @type {number} */ left) => {
        this.count.textContent = left ? `${left} …` : `Play one note now. The recording ends after ${LONGEST} s.`;
        if (!left) this.stopRecording.focus();
      };
      const heard = (/** @type {number} */ peak) => (this.meter.value = Math.max(peak, 0.8 * this.meter.value));
      const { samples, rate } = await record({ counted, heard }, this.recording.signal);
      if (samples.length) await this.use({ name: 'recording', channels: [samples], rate });
    } catch (error) {
      if (error instanceof SoundError) this.refuse('The recording', error);
      else this.alarm(messageOf(error));
    }
    this.recorder.hidden = true;
    this.meter.value = 0;
    this.recordButton.disabled = false;
  }

  /**
   * Prepare another sound.
   * @param {Given} given @param {number} [turn] Its turn, if others may have come since it was given.
   * @throws {SoundError} (rejected) It cannot be used.
   */
  async use(given, turn = ++this.turns) {
    if (await this.prepare(given, {}, turn)) this.form.title.focus();
  }

  /** Prepare the sound again, with what the reader says of it. @param {Changes} changes */
  async change(changes) {
    const { given } = this;
    if (!given) return;
    try {
      await this.prepare(given, changes, ++this.turns);
    } catch (error) {
      this.form.showFields(); // what was there stays
      this.refuse(given.name, error);
    }
  }

  /**
   * Find the onset, the note and the hold of a sound, and show them.
   * @param {Given} given @param {Changes} changes @param {number} turn
   * @returns {Promise<boolean>} False if another sound has come meanwhile.
   * @throws {SoundError} (rejected) The sound cannot be used.
   */
  async prepare(given, changes, turn) {
    if (turn < this.turn) return false;
    this.turn = turn;
    this.stop();
    this.tell(`Listening to ${given.name} …`);
    const shown = this.work.then(async () => {
      const target = turn === this.turn && (await this.matcher?.prepare(given.channels, given.rate, changes));
      if (!target || turn !== this.turn) return false;
      this.given = given;
      this.show(target, changes);
      return true;
    });
    this.work = shown.catch(() => {});
    return shown;
  }

  /** Show a prepared sound; the answers to another one are gone. @param {PreparedTarget} target @param {Changes} changes */
  show(target, changes) {
    this.target = target;
    this.changes = changes;
    this.result = null;
    this.answers.hidden = this.matchForm.going.hidden = true;
    this.matchForm.element.hidden = false;
    this.form.show(/** @type {Given} */ (this.given), target, changes);
    this.tell('');
    this.alarm('');
  }

  // ---- a preset to refine

  /** Read presets to refine one of them. @param {File} file */
  async takePresets(file) {
    try {
      const { voices } = await readPresetFile(file);
      this.matchForm.offer(voices);
      this.tellRefining();
    } catch (error) {
      this.alarm(messageOf(error));
    }
  }

  /** Read a voice of a link. @param {string} text */
  takeLink(text) {
    if (!text.trim()) return;
    try {
      const packed = decodeVoice(text);
      this.matchForm.refine({ values: unpack(packed).slice(0, VALUES), name: voiceName(packed) });
      this.tellRefining();
      this.alarm('');
    } catch (error) {
      this.alarm(messageOf(error));
    }
  }

  /** Take the voice of the page's address, if it has one. */
  openLink() {
    if (/[#&]v=/.test(location.hash)) this.takeLink(location.hash);
  }

  /** Say what a preset is for, while there is no sound. */
  tellRefining() {
    const name = this.matchForm.start?.name || 'The preset';
    if (!this.target) this.tell(`${name} will be refined. Now drop the sound that it should play.`);
  }

  // ---- the match

  async match() {
    const { matcher, matchForm, budget } = this;
    const before = this.target;
    if (!before || !matcher || this.matching) return;
    const { limits, start, seconds } = matchForm;
    if (!limits) return matchForm.showWrong();
    if (matchForm.aloud.checked) this.preview.ready(); // in the click
    this.matching = this.withModel = true;
    this.stopping = false;
    matchForm.begin();
    this.alarm('');
    await this.work; // what was just said of the sound is heard first
    const target = /** @type {PreparedTarget} */ (this.target);
    const name = withoutEnd(/** @type {Given} */ (this.given).name);
    const options = {
      ...limits, name, seconds, starts: this.starters, start: start?.values ?? null, model: this.model, budget,
    };
    try {
      if (!this.stopping) {
        if (target !== before) matchForm.begin();
        const run = matcher.match(target, options, (message) => target === this.target && this.hear(message));
        this.work = run.catch(() => {});
        const result = await run;
        if (target === this.target) this.showAnswers(result);
      }
    } catch (error) {
      if (target === this.target) matchForm.alarm(`The match failed: ${messageOf(error)}`);
    }
    this.matching = false;
    matchForm.busy(false);
  }

  /** Addresses of the model and of the module that runs it. */
  get model() {
    const weights = this.getAttribute('model') ?? './model/model.json';
    return {
      module: new URL('./network/model.js', import.meta.url).href,
      weights: new URL(weights, import.meta.url).href,
    };
  }

  /** Hear how a match goes on. @param {any} message */
  hear(message) {
    const { matchForm } = this;
    if (message.type === 'loading') {
      this.hearLoading(message);
      return;
    }
    matchForm.take(message);
    if (message.values) this.hearImprovement(message.values);
  }

  /** @param {{share: number, message?: string}} message */
  hearLoading({ share, message }) {
    const { matchForm } = this;
    matchForm.load(share);
    if (!Number.isNaN(share)) return;
    this.withModel = false;
    const from = matchForm.start ? 'your preset' : 'the starter presets';
    matchForm.alarm(
      `The trained model could not be loaded (${message}). The search starts from ${from} alone, and may find less.`,
    );
  }

  /** @param {Uint8Array} values */
  hearImprovement(values) {
    const { target } = this;
    if (!target || !this.matchForm.aloud.checked) return;
    this.preview.next(() => {
      const sound = play(values, target);
      return { sound, gainDb: rowGainDb([{ sound }, target]) };
    });
  }

  /** Let the match answer with what it has. */
  stop() {
    if (!this.matching) return;
    this.stopping = true;
    this.matcher?.stop();
    this.matchForm.end('Stopping: what was found is kept …');
  }

  // ---- the answers

  /** @param {MatchResult} result */
  showAnswers(result) {
    const { target, given } = this;
    if (!target || !given) return;
    this.preview.stop();
    this.result = result;
    this.shown = soundsOf(target, given.name, result.answers);
    this.forgetRow();
    const row = answerRow(this.shown, {
      title: 'The target, and the presets found',
      caption: `${this.played}. The closest comes first; keys 1 to 9 switch between them while one plays.`,
      root: this.root,
      link: (bytes, type) => {
        const address = URL.createObjectURL(new Blob([Uint8Array.from(bytes)], { type }));
        this.addresses.push(address);
        return address;
      },
      copy: (packed, name) => this.copyLink(packed, name),
    });
    this.row.replaceChildren(row);
    this.answers.hidden = false;
    globalThis.ldxReady?.();
    this.summary.textContent = this.lead;
    this.copied.textContent = '';
    this.summary.focus();
  }

  /** What was found, in sentences. */
  get lead() {
    const { answers, renders, seconds, stopped } = /** @type {MatchResult} */ (this.result);
    const [{ name, word }] = answers;
    const count = answers.length === 1 ? 'One preset' : `${answers.length} different presets`;
    const effort = `${renders.toLocaleString('en-US')} renders in ${seconds.toFixed(0)} s${stopped ? ', stopped early' : ''}`;
    return `${count}, found with ${effort}. The closest one, ${name}, is ${WORDS[word]} your sound.`;
  }

  /** Note, velocity and hold, in words. */
  get played() {
    const { note, velocity, hold } = /** @type {PreparedTarget} */ (this.target);
    return `Played at note ${bothNames(note)}, velocity ${velocity}, held for ${hold.toFixed(2)} s`;
  }

  forgetRow() {
    this.addresses.splice(0).forEach((address) => URL.revokeObjectURL(address));
  }

  /** Put a link to a preset on the clipboard. @param {Uint8Array} packed @param {string} name */
  async copyLink(packed, name) {
    const address = voiceAddress(packed, this.root);
    try {
      await navigator.clipboard.writeText(address);
      this.copied.textContent = `The link to ${name} is copied: it holds the preset itself.`;
    } catch {
      this.copied.textContent = `The browser does not let the page copy. This is the link: ${address}`;
    }
  }

  /** File name for what was found, without its end. */
  get file() {
    return `${withoutEnd(this.given?.name ?? 'sound')} as DX7`;
  }

  downloadCartridge() {
    if (this.result) saveFile(Uint8Array.from(writeCartridge(this.result.answers)), 'application/octet-stream', `${this.file}.syx`);
  }

  report() {
    const { result, target, given, shown, parts } = this;
    if (!result || !target || !given || !shown || !parts) return;
    const limits = this.matchForm.limitTexts.join('; ');
    const page = answerReport(
      {
        title: `Presets that sound like ${given.name}`,
        lead: this.lead,
        played: this.played,
        remarks: target.remarks,
        warnings: target.warnings,
        shown,
        root: this.root,
        made: `Made in a browser by LatentDX ${this.withModel ? 'with' : 'without'} its trained model${limits ? `; limits: ${limits}` : ''}.`,
      },
      parts,
    );
    saveFile(page, 'text/html', `${this.file}.html`);
  }
}

customElements.define('ldx-own-sound', SoundPage);
