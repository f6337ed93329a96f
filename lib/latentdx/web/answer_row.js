/**
 * A listening row of a match: the target, and the presets found, as rows of the book look (`site.css`) and behave
 * (`site.js`).
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { AlgorithmDrawing } from './algorithms.js';
import { make } from './elements.js';
import { pack } from './engine/engine.js';
import { column } from './parameters.js';
import { withName, writeVoice } from './preset_files.js';
import { peak } from './search/levels.js';
import { play } from './search/objective.js';
import { PICTURE, Scale, soundPicture, ticks } from './sound_picture.js';
import { RATE } from './spectra.js';
import { toBase64, voiceAddress } from './voice_link.js';
import { writeWav } from './wav.js';
/** @import { Answer } from './search/candidate_choice.js' */
/** @import { PreparedTarget } from './search/sound_target.js' */

const ALGORITHM = column('ALGORITHM');
const [FULL_DB, MOST_GAIN_DB] = [-1, 12]; // of a row, as in the library's `listening_rows`
const SYX = 'application/octet-stream';
const SOURCES = new Map([
  ['known', 'a starter preset'],
  ['start', 'your preset as it was'],
  ['model', 'drawn by the model'],
  ['search', 'found by the search'],
]);

/**
 * A sound of the row.
 * @typedef {object} Shown
 * @property {string} title @property {Float32Array} sound Samples at 22,050 Hz.
 * @property {Answer} [answer] Preset that plays it.
 */

/**
 * What differs between rows of a page and rows of a report.
 * @typedef {object} RowOptions
 * @property {string} title @property {string} caption
 * @property {string} root Address of the site's root, to which links lead.
 * @property {(bytes: Uint8Array, type: string) => string} link Makes an address of a file.
 * @property {(packed: Uint8Array, name: string) => void} [copy] Copies a link; without it there is no such button.
 */

/** Return the packed voice of an answer. @param {Answer} answer */
export const packedOf = ({ values, name }) => pack(withName({ values, name }));

/**
 * Return the sounds of a row: the target, and its answers played as it was.
 * @param {PreparedTarget} target @param {string} name @param {Answer[]} answers
 * @returns {Shown[]}
 */
export function soundsOf(target, name, answers) {
  const found = answers.map((answer) => ({
    title: answer.name,
    sound: play(answer.values, target),
    answer,
  }));
  return [{ title: `target: ${name}`, sound: target.sound }, ...found];
}

/** Return the gain in dB at which sounds are played together. @param {{sound: Float32Array}[]} shown */
export function rowGainDb(shown) {
  const most = Math.max(...shown.map(({ sound }) => peak(sound)), 1e-6);
  return Math.min(FULL_DB - 20 * Math.log10(most), MOST_GAIN_DB);
}

/** Return a picture with its axes. @param {string} picture Its link. @param {number} seconds @param {string} alt */
function plot(picture, seconds, alt) {
  const marks = ticks(seconds);
  const axis = (/** @type {string} */ kind, /** @type {string} */ text, /** @type {string} */ style) =>
    make('span', { class: kind, style: `position: absolute; ${style}` }, text);
  return make(
    'div',
    { class: 'ldx-plot', style: `position: relative; width: ${PICTURE.width}px; margin: 0 0 1.3em 2em` },
    make('img', { src: picture, alt, style: 'display: block', ...PICTURE }),
    make(
      'div',
      { class: 'ldx-axes', 'aria-hidden': 'true' },
      axis('ldx-y', 'kHz', 'right: 100%; top: 10%'),
      ...marks.frequencies.map(({ label, place }) => axis('ldx-y', label, `right: 100%; top: ${place.toFixed(1)}%`)),
      ...marks.times.map(({ label, place }, i) =>
        axis(
          'ldx-x',
          `${label}${i === marks.times.length - 1 ? ' s' : ''}`,
          `top: 100%; left: ${place.toFixed(1)}%`,
        ),
      ),
    ),
  );
}

/** Return what is told of an answer. @param {Answer} answer @param {string} title @param {RowOptions} options */
function told(answer, title, { root, link, copy }) {
  const packed = packedOf(answer);
  const hidden = () => make('span', { class: 'ldx-hidden' }, ` of ${title}`);
  const facts = [answer.word, SOURCES.get(answer.source) ?? answer.source];
  if (answer.rings) facts.push(`still at ${answer.releaseDb.toFixed(0).replace('-', '−')} dB 5 s after the key is released`);
  const drawing = new AlgorithmDrawing();
  drawing.draw(answer.values);
  const syx = link(writeVoice(answer), SYX);
  const links = [
    make('a', { href: syx, download: `${answer.name}.syx` }, 'get .syx', hidden()),
    make('a', { href: voiceAddress(packed, root) }, 'open in the synth', hidden()),
  ];
  const actions = copy
    ? [make('button', { type: 'button', class: 'ldx-link', onclick: () => copy(packed, answer.name) }, 'copy link', hidden())]
    : [];
  return make(
    'div',
    { class: 'ldx-told' },
    make('div', { class: 'ldx-distances' }, make('span', {}, 'distance ', make('b', {}, answer.distance.toFixed(3)))),
    make(
      'div',
      { class: 'ldx-facts' },
      ...facts.map((fact) => make('span', {}, fact)),
      ...[...links, ...actions].flatMap((each) => [' ', each]),
    ),
    make(
      'details',
      { class: 'ldx-more' },
      make('summary', {}, `algorithm ${answer.values[ALGORITHM] + 1}`, hidden()),
      drawing.element,
    ),
  );
}

/** Return a clip. @param {Shown} shown @param {Scale} scale @param {number} gainDb @param {RowOptions} options */
function clip({ title, sound, answer }, scale, gainDb, options) {
  const seconds = sound.length / RATE;
  const wav = options.link(writeWav(sound, RATE, gainDb), 'audio/wav');
  const made = make(
    'div',
    { class: 'ldx-clip', 'data-seconds': seconds.toFixed(3) },
    make('div', { class: 'ldx-name' }, make('span', { class: 'ldx-title' }, title)),
    plot(soundPicture(sound, scale), seconds, `Waveform and spectrogram of ${title}, ${seconds.toFixed(1)} s`),
    make('audio', { controls: true, preload: 'none', src: wav, 'aria-label': `Play ${title}, ${options.title}` }),
    answer
      ? told(answer, title, options)
      : make('div', { class: 'ldx-told' }, make('div', { class: 'ldx-facts' }, 'as it was prepared')),
  );
  if (answer) made.dataset.voice = toBase64(packedOf(answer));
  return made;
}

/**
 * Build a row; `ldxReady` of site.js makes it playable once it is in the page.
 * @param {Shown[]} shown @param {RowOptions} options
 */
export function answerRow(shown, options) {
  const scale = new Scale(shown.map(({ sound }) => sound));
  const gainDb = rowGainDb(shown);
  const gain = `${gainDb < 0 ? '−' : '+'}${Math.abs(gainDb).toFixed(1)} dB`;
  return make(
    'figure',
    { class: 'ldx-row', 'aria-label': options.title, 'data-gain-db': gainDb.toFixed(2) },
    make(
      'figcaption',
      { class: 'ldx-head' },
      make('span', { class: 'ldx-row-title' }, options.title),
      make('span', { class: 'ldx-caption' }, options.caption),
    ),
    make(
      'div',
      { class: 'ldx-clips', style: '--ldx-columns: 5' },
      ...shown.map((each) => clip(each, scale, gainDb, options)),
    ),
    make(
      'p',
      { class: 'ldx-foot' },
      make('span', { class: 'ldx-gain' }, `The whole row is played at ${gain}`),
      make('span', { class: 'ldx-scale' }, '−80', make('i', { class: 'ldx-magma', 'aria-hidden': 'true' }), '0 dB of the loudest'),
    ),
  );
}
