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
import { answerRow, packedOf, rowGainDb, soundsOf } from './answer_row.js';
import { make } from './elements.js';
import { pack, unpack } from './engine/engine.js';
import { MatchCourse } from './match_course.js';
import { readLimits } from './match_settings.js';
import { VALUES } from './parameters.js';
import { readPresets, withName, writeCartridge } from './preset_files.js';
import { LONGEST, record } from './recorder.js';
import { play } from './search/objective.js';
import { SoundMatcher } from './search/sound_matcher.js';
import { decodeSound } from './search/sound_file.js';
import { SoundError, noteName } from './search/sound_target.js';
import { SoundOverview } from './sound_overview.js';
import { SoundPreview } from './sound_preview.js';
import { RATE } from './spectra.js';
import { readStarterCartridges } from './starter_cartridges.js';
import { decodeVoice, encodeVoice, voiceAddress, voiceName } from './voice_link.js';
/** @import { Answer } from './search/candidate_choice.js' */
/** @import { MatchResult } from './search/match.js' */
/** @import { PreparedTarget } from './search/sound_target.js' */
/** @import { Voice } from './sysex_reader.js' */

/** Seconds of a recording that are kept: the search for its first note looks no further. */
const KEPT = 40;
const MOST_RENDERS = 1e6; // time is what ends a match
const TELL_MS = 200;
const STAGES = new Map([
  ['known', 'The starter presets are played as your sound was'],
  ['start', 'Your preset is played as your sound was'],
  ['model', 'The model draws presets'],
  ['search', 'The search changes the best ones'],
]);
const SOUNDS = 'audio/*,.wav,.flac,.mp3,.ogg,.oga,.opus,.aif,.aiff,.m4a';

const messageOf = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error));
const sentence = (/** @type {string} */ text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Return a note's names, in most software and on a Yamaha. @param {number} note */
const bothNames = (note) => `${note} (${noteName(note)}; Yamaha calls it ${noteName(note + 12).replace(/-?\d+$/, `${Math.floor(note / 12) - 2}`)})`;

/** @param {string} text @param {() => void} action @param {object} [more] */
const button = (text, action, more) =>
  make('button', { type: 'button', class: 'ldx-button', onclick: action, ...more }, text);

/** @param {string} text @param {HTMLElement} field */
const labeled = (text, field) => make('label', { class: 'ldx-own-field' }, make('span', {}, text), field);

/** Save a file on the reader's computer. @param {BlobPart} data @param {string} type @param {string} name */
function save(data, type, name) {
  const address = URL.createObjectURL(new Blob([data], { type }));
  make('a', { href: address, download: name.replace(/[^\w .()-]+/g, '_').trim() }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** A sound as the reader gave it. @typedef {{name: string, channels: Float32Array[], rate: number}} Given */

export class SoundPage extends HTMLElement {
  constructor() {
    super();
    /** @type {Given | null} */
    this.given = null;
    /** @type {PreparedTarget | null} */
    this.target = null;
    /** What the reader changed of what was found. @type {{note?: number, velocity?: number, hold?: number, onset?: number}} */
    this.changed = {};
    /** @type {Voice | null} */
    this.start = null;
    /** @type {MatchResult | null} */
    this.result = null;
    /** @type {Uint8Array[]} */
    this.starters = [];
    this.matching = false;
    this.withModel = true;
    /** Work of the worker, one after another. @type {Promise<unknown>} */
    this.work = Promise.resolve();
    this.turn = 0; // of sounds: what belongs to an earlier one is dropped
    /** @type {string[]} Addresses of the files of the row that is shown. */
    this.addresses = [];
    this.preview = new SoundPreview();
    this.overview = new SoundOverview();
    this.course = new MatchCourse();
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
    await styled;
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
      this.buildSound(),
      this.buildMatch(),
      this.buildAnswers(),
    );
    this.replaceChildren(this.page);
  }

  buildSound() {
    this.note = make('select', {}, ...Array.from({ length: 128 }, (_, note) => make('option', { value: `${note}` }, bothNames(note))));
    this.velocity = make('input', { type: 'number', min: '1', max: '127', step: '1' });
    this.hold = make('input', { type: 'number', min: '0.01', max: '60', step: 'any' });
    this.onset = make('input', { type: 'number', min: '0', max: '99', step: '1', placeholder: 'first', title: 'Its number, counted from 1; 0 keeps all' });
    const change = (/** @type {"note" | "velocity" | "hold" | "onset"} */ name) => {
      const field = this[name];
      if (!field.value || !field.checkValidity()) return this.showTarget(); // back to what was there
      this.changed[name] = Number(field.value);
      this.prepare();
    };
    for (const name of /** @type {const} */ (['note', 'velocity', 'hold', 'onset'])) {
      this[name].addEventListener('change', () => change(name));
    }
    this.again = button('As found', () => {
      this.changed = {};
      this.prepare();
    });
    this.listen = button('Listen', () => this.target && this.preview.play(this.target.sound, this.gainDb));
    this.warnings = make('ul', { class: 'ldx-own-warnings' });
    this.remarks = make('ul');
    this.soundTitle = make('h2', { tabIndex: -1 });
    this.soundPart = make(
      'section',
      { hidden: true, 'aria-label': 'Your sound' },
      this.soundTitle,
      this.overview.element,
      make(
        'div',
        { class: 'ldx-own-bar ldx-own-fields' },
        labeled('Note', this.note),
        labeled('Velocity', this.velocity),
        labeled('Held, in seconds', this.hold),
        labeled('Onset', this.onset),
        this.listen,
        this.again,
      ),
      this.warnings,
      make('details', { class: 'ldx-more' }, make('summary', {}, 'How it was prepared'), this.remarks),
    );
    return this.soundPart;
  }

  buildMatch() {
    this.seconds = make(
      'select',
      {},
      ...[[10, '10 seconds'], [30, '30 seconds'], [120, '2 minutes']].map(([value, text]) => make('option', { value: `${value}` }, `${text}`)),
    );
    this.aloud = make('input', { type: 'checkbox', checked: true });
    this.aloud.addEventListener('change', () => this.aloud.checked || this.preview.stop());
    this.matchButton = button('Match', () => this.match(), { class: 'ldx-button ldx-own-main' });
    this.stopButton = button('Stop', () => this.stop(), { disabled: true });
    this.progress = make('progress', { max: 1, hidden: true, 'aria-label': 'Loading of the model' });
    this.numbers = make('p', { class: 'ldx-own-numbers' });
    this.going = make('div', { class: 'ldx-own-going', hidden: true }, this.progress, this.course.element, this.numbers);
    const text = (/** @type {string} */ placeholder) =>
      make('input', { type: 'text', placeholder, spellcheck: false, autocomplete: 'off' });
    this.algorithms = text('all');
    this.locked = text('such as FEEDBACK=0, LFO WAVE=sine');
    for (const field of [this.algorithms, this.locked]) field.addEventListener('input', () => this.readLimits());
    this.wrong = make('p', { class: 'ldx-own-wrong', id: 'ldx-own-wrong', role: 'alert' });
    this.link = text('a link to a voice');
    this.link.addEventListener('change', () => this.takeLink(this.link.value));
    this.presets = make('input', { type: 'file', hidden: true, accept: '.syx,.bin' });
    this.presets.addEventListener('change', () => {
      const file = this.presets.files?.[0];
      this.presets.value = '';
      if (file) this.take(file);
    });
    this.choice = make('select', { 'aria-label': 'Preset to refine', hidden: true });
    this.choice.addEventListener('change', () => this.refine(this.voices?.[Number(this.choice.value)] ?? null));
    this.refined = make('p', { class: 'ldx-own-refined', role: 'status' });
    this.noRefining = button('Search anew instead', () => this.refine(null), { hidden: true });
    this.limits = make(
      'details',
      { class: 'ldx-more' },
      make('summary', {}, 'Limit what is found, or refine a preset'),
      make(
        'div',
        { class: 'ldx-own-limits' },
        labeled('Allowed algorithms', this.algorithms),
        labeled('Parameters that stay', this.locked),
        this.wrong,
        make(
          'div',
          { class: 'ldx-own-bar' },
          labeled('Refine', this.link),
          button('Choose a .syx file', () => this.presets.click()),
          this.presets,
          this.choice,
          this.noRefining,
        ),
        this.refined,
      ),
    );
    this.matchPart = make(
      'section',
      { hidden: true, 'aria-label': 'Match' },
      make(
        'div',
        { class: 'ldx-own-bar' },
        this.matchButton,
        this.stopButton,
        labeled('for up to', this.seconds),
        make('label', { class: 'ldx-own-check' }, this.aloud, 'Play what gets closer'),
      ),
      this.limits,
      this.going,
    );
    return this.matchPart;
  }

  buildAnswers() {
    this.summary = make('p', { tabIndex: -1 });
    this.row = make('div');
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
    this.tell(`Reading ${file.name} …`);
    try {
      const { channels, rate } = await decodeSound(file);
      const most = Math.round(KEPT * rate);
      await this.use({ name: file.name, channels: channels.map((channel) => channel.slice(0, most)), rate });
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

  /** Prepare another sound. @param {Given} given */
  async use(given) {
    const before = { given: this.given, changed: this.changed };
    this.given = given;
    this.changed = {};
    try {
      await this.prepare();
    } catch (error) {
      Object.assign(this, before); // the sound before stays
      throw error;
    }
    this.answers.hidden = true;
    this.going.hidden = true;
    this.result = null;
    this.soundTitle.focus();
  }

  /** Find the onset, the note and the hold. @throws {SoundError} (rejected) Only for a new sound. */
  async prepare() {
    const turn = ++this.turn;
    const { given, changed } = this;
    if (!given || !this.matcher) return;
    this.stop();
    const { matcher } = this;
    this.tell(`Listening to ${given.name} …`);
    const prepared = this.work.then(() => matcher.prepare(given.channels, given.rate, changed));
    this.work = prepared.catch(() => {});
    try {
      const target = await prepared;
      if (turn !== this.turn) return;
      this.target = target;
      this.tell('');
      this.alarm('');
      this.showTarget();
    } catch (error) {
      if (turn !== this.turn) return;
      if (!Object.keys(changed).length) throw error;
      this.changed = {};
      this.refuse(given.name, error);
      this.showTarget();
    }
  }

  showTarget() {
    const { given, target } = this;
    if (!given || !target) return;
    const [first, ...others] = given.channels;
    const mono = others.length ? first.map((sample, i) => others.reduce((sum, channel) => sum + channel[i], sample) / given.channels.length) : first;
    this.overview.show(mono, given.rate, target);
    this.soundTitle.textContent = given.name;
    this.note.value = `${target.note}`;
    this.velocity.value = `${target.velocity}`;
    this.hold.value = `${target.hold}`;
    this.onset.value = this.changed.onset === undefined ? '' : `${this.changed.onset}`;
    this.again.hidden = !Object.keys(this.changed).length;
    const items = (/** @type {string[]} */ texts) => texts.map((text) => make('li', {}, sentence(text)));
    this.warnings.replaceChildren(...items(target.warnings));
    this.remarks.replaceChildren(...items(target.remarks));
    this.soundPart.hidden = this.matchPart.hidden = false;
  }

  /** Gain in dB at which the target is heard. */
  get gainDb() {
    return this.target ? rowGainDb([{ title: '', sound: this.target.sound }]) : 0;
  }

  // ---- limits, and a preset to refine

  /** Read what may be found, and say what is wrong with it. @returns {import('./match_settings.js').Limits | null} */
  readLimits() {
    let limits = null;
    let text = '';
    try {
      limits = readLimits(this.algorithms.value, this.locked.value);
    } catch (error) {
      text = `${sentence(messageOf(error))}.`;
    }
    this.wrong.textContent = text;
    for (const field of [this.algorithms, this.locked]) {
      if (text) field.setAttribute('aria-describedby', this.wrong.id);
      else field.removeAttribute('aria-describedby');
    }
    return limits;
  }

  /** Read presets to refine one of them. @param {File} file */
  async takePresets(file) {
    try {
      const { voices } = readPresets(new Uint8Array(await file.arrayBuffer()), file.name);
      this.voices = voices;
      this.choice.replaceChildren(...voices.map(({ name }, i) => make('option', { value: `${i}` }, `${i + 1} ${name}`)));
      this.choice.hidden = voices.length < 2;
      this.refine(voices[0]);
    } catch (error) {
      this.alarm(messageOf(error));
    }
  }

  /** Read a voice of a link. @param {string} text */
  takeLink(text) {
    if (!text.trim()) return;
    try {
      const packed = decodeVoice(text);
      this.choice.hidden = true;
      this.refine({ values: unpack(packed).slice(0, VALUES), name: voiceName(packed) });
      this.alarm('');
    } catch (error) {
      this.alarm(messageOf(error));
    }
  }

  /** Take the voice of the page's address, if it has one. */
  openLink() {
    if (/[#&]v=/.test(location.hash)) this.takeLink(location.hash);
  }

  /** Let the next match refine a preset, or search anew. @param {Voice | null} voice */
  refine(voice) {
    this.start = voice;
    this.noRefining.hidden = !voice;
    if (!voice) {
      this.choice.hidden = true;
      this.link.value = '';
    }
    this.refined.textContent = voice ? `The next match starts from ${voice.name || 'the preset'}, and refines it.` : '';
    this.limits.open = true;
    if (voice && !this.target) this.tell(`${voice.name || 'The preset'} will be refined: now drop the sound that it should play.`);
  }

  // ---- the match

  async match() {
    const { target, given, matcher, start } = this;
    const limits = this.readLimits();
    if (!target || !given || !matcher || this.matching) return;
    if (!limits) {
      this.limits.open = true;
      (/algorithm/i.test(this.wrong.textContent ?? '') ? this.algorithms : this.locked).focus();
      return;
    }
    if (this.aloud.checked) this.preview.ready(); // in the click
    const { turn } = this;
    const seconds = Number(this.seconds.value);
    this.becomeMatching(true);
    this.stopButton.focus();
    this.course.begin(seconds);
    this.numbers.textContent = '';
    this.alarm('');
    this.withModel = true;
    this.tell(start ? 'The preset is played …' : `${this.starters.length} starter presets are played as your sound was …`);
    const run = this.work.then(() =>
      matcher.match(
        target,
        {
          starts: this.starters,
          start: start?.values ?? null,
          model: this.model,
          budget: MOST_RENDERS,
          seconds,
          name: given.name.replace(/\.\w{1,5}$/, ''),
          ...limits,
        },
        (message) => turn === this.turn && this.hear(message),
      ),
    );
    this.work = run.catch(() => {});
    try {
      const result = await run;
      if (turn === this.turn) this.showAnswers(result);
    } catch (error) {
      if (turn === this.turn) this.alarm(`The match failed: ${messageOf(error)}`);
      this.tell('');
    }
    this.becomeMatching(false);
  }

  /** Addresses of the model and of the module that runs it. */
  get model() {
    const weights = this.getAttribute('model') ?? './model/model.json';
    return {
      module: new URL('./network/model.js', import.meta.url).href,
      weights: new URL(weights, import.meta.url).href,
    };
  }

  /** @param {boolean} on */
  becomeMatching(on) {
    this.matching = on;
    this.matchButton.disabled = on;
    this.stopButton.disabled = !on;
    this.going.hidden = false;
    this.progress.hidden = true;
    this.began = 0;
    this.stage = '';
  }

  /** Hear how a match goes on. @param {any} message */
  hear(message) {
    if (message.type === 'loading') {
      this.hearLoading(message);
      return;
    }
    this.progress.hidden = true;
    const now = performance.now();
    this.began ||= now;
    const { stage, renders, distance, values } = message;
    if (stage !== this.stage) {
      this.stage = stage;
      this.tell(`${STAGES.get(stage)} …`);
      this.toldAt = 0;
    }
    if (values) this.hearImprovement(values);
    if (!values && now - (this.toldAt ?? 0) < TELL_MS) return;
    this.toldAt = now;
    this.course.add((now - this.began) / 1000, distance);
    this.numbers.textContent = `distance ${distance.toFixed(3)} after ${renders.toLocaleString('en-US')} renders`;
  }

  /** @param {{share: number, message?: string}} message */
  hearLoading({ share, message }) {
    if (Number.isNaN(share)) {
      this.withModel = false;
      this.progress.hidden = true;
      const from = this.start ? 'the preset' : 'the starter presets';
      this.alarm(`The trained model could not be loaded (${message}). The search starts from ${from} alone; its answers may be further away.`);
      return;
    }
    this.progress.hidden = share >= 1;
    this.progress.value = share;
    this.tell(share < 1 ? `Loading the model: ${Math.round(100 * share)}% …` : 'The model is loaded.');
  }

  /** @param {Uint8Array} values */
  hearImprovement(values) {
    const { target } = this;
    if (!target || !this.aloud.checked) return;
    this.preview.next(() => {
      const sound = play(values, target);
      return { sound, gainDb: rowGainDb([{ title: '', sound }, { title: '', sound: target.sound }]) };
    });
  }

  /** Let the match answer with what it has. */
  stop() {
    if (!this.matching) return;
    this.matcher?.stop();
    this.stopButton.disabled = true;
    this.tell('Choosing the answers …');
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
    this.tell('');
    this.summary.focus();
  }

  /** What was found, in sentences. */
  get lead() {
    const { answers, renders, seconds, stopped } = /** @type {MatchResult} */ (this.result);
    const [best] = answers;
    const count = answers.length === 1 ? 'One preset' : `${answers.length} different presets`;
    const words = { 'almost the same': 'It is almost the same', close: 'It is close', 'a relative': 'It is a relative', far: 'It is far' };
    return (
      `${count}, found with ${renders.toLocaleString('en-US')} renders in ${seconds.toFixed(0)} s${stopped ? ', stopped early' : ''}.` +
      ` The first one is ${best.name}. ${words[best.word]} ${best.word === 'far' || best.word === 'a relative' ? 'of' : 'to'} your sound.`
    );
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
      this.tell(`The link to ${name} is copied: it holds the preset itself.`);
    } catch {
      this.tell(`The browser does not let the page copy. This is the link: ${address}`);
    }
  }

  /** File name for what was found, without its end. */
  get file() {
    return `${(this.given?.name ?? 'sound').replace(/\.\w{1,5}$/, '')} as DX7`;
  }

  downloadCartridge() {
    if (this.result) save(Uint8Array.from(writeCartridge(this.result.answers)), 'application/octet-stream', `${this.file}.syx`);
  }

  report() {
    const { result, target, given, shown, parts } = this;
    if (!result || !target || !given || !shown || !parts) return;
    const limits = [this.algorithms.value && `algorithms ${this.algorithms.value}`, this.locked.value].filter(Boolean).join('; ');
    const page = answerReport(
      {
        title: `Presets that sound like ${given.name}`,
        lead: this.lead,
        played: this.played,
        remarks: target.remarks,
        warnings: target.warnings,
        shown,
        root: this.root,
        made: `Made in a browser by LatentDX, ${this.withModel ? 'with its trained model' : 'without its trained model'}${limits ? `, with limits: ${limits}` : ''}.`,
      },
      parts,
    );
    save(page, 'text/html', `${this.file}.html`);
  }
}

customElements.define('ldx-own-sound', SoundPage);
