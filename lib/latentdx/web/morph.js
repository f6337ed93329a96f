/**
 * `<ldx-morph>`: paths from one preset to another, one for each method, under one slider;
 * `latentdx.display.morph_slider` writes it.
 *
 * The slider's step of the chosen path sounds whenever it moves. Each path has a card: a button that chooses and
 * plays it, a plot in which the parameters that change move, and "play it" for the keyboard at the bottom of the
 * page, which follows the slider.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { audition, endAudition, setPreset } from './audition.js';
import { make, svg } from './elements.js';
import { MAXIMA, unpack } from './engine/engine.js';
import { VOICE_PARAMETERS, column as columnOf } from './parameters.js';
import { player } from './player.js';
import { fromBase64 } from './voice_link.js';

/**
 * What the page holds: the level in dB, and for each path its title and its packed voices one after another.
 * @typedef {{gain: number, start: string, end: string, paths: {title: string, voices: string}[]}} MorphData
 */

/** @typedef {{packed: Uint8Array, values: Uint8Array}} Step */
/**
 * @typedef {object} View
 * @property {HTMLElement} card @property {HTMLElement} button Chooses the path. @property {HTMLElement} facts
 * @property {SVGElement} plot @property {SVGElement[]} dots One for each parameter that changes.
 */
/** @typedef {{title: string, steps: Step[], view?: View}} Path */

const SIZE = 128; // bytes of a voice
const ALGORITHM = columnOf('ALGORITHM');
/** Share of its maximum by which a parameter with equal ends must move to be drawn. */
const STRAYING = 0.05;
/** Milliseconds from note to note: at least, while the slider moves, and when all steps are played. */
const LEAST = 90;
const WALK = 420;
/** Size of a plot, and of its margins. */
const [WIDTH, HEIGHT, TOP, BOTTOM] = [300, 116, 4, 14];
const ICON = '<svg viewBox="0 0 16 16" aria-hidden="true"><path class="ldx-go" d="M4.5 2v12l9-6z"/><path class="ldx-pause" d="M3.5 2h3v12h-3zm6 0h3v12h-3z"/></svg>';

class Morph extends HTMLElement {
  constructor() {
    super();
    /** @type {Path[]} */
    this.paths = [];
    /** Index of the path that sounds. */
    this.chosen = 0;
    this.at = 0;
    this.gain = 0;
    /** @type {number[]} Parameters that change, in the order of the plots. */
    this.changing = [];
    this.struck = -Infinity; // when the last note was
    this.later = 0;
    this.walking = 0;
    this.slider = make('input', { type: 'range', min: '0', value: '0', step: '1' });
    this.walk = make('button', { type: 'button', class: 'ldx-all' });
    this.count = make('span', { class: 'ldx-count', 'aria-hidden': 'true' });
    this.status = make('span', { role: 'status' });
  }

  connectedCallback() {
    if (this.paths.length) return; // it was only moved
    /** @type {MorphData} */
    const data = JSON.parse(/** @type {HTMLElement} */ (this.querySelector('script')).textContent ?? '');
    this.gain = data.gain;
    this.paths = data.paths.map(({ title, voices }) => {
      const bytes = fromBase64(voices);
      const steps = Array.from({ length: bytes.length / SIZE }, (_, i) => {
        const packed = bytes.slice(SIZE * i, SIZE * (i + 1));
        return { packed, values: unpack(packed).subarray(0, MAXIMA.length) };
      });
      return { title, steps };
    });
    const [first, last] = endsOf(this.paths[0]);
    const strays = (/** @type {number} */ i) =>
      this.paths.some(({ steps }) => steps.some(({ values }) => Math.abs(values[i] - first[i]) > STRAYING * MAXIMA[i]));
    this.changing = VOICE_PARAMETERS.map((_, i) => i).filter((i) => first[i] !== last[i] || strays(i));
    // operators 1 to 6, and then what they share
    const order = (/** @type {number} */ i) => VOICE_PARAMETERS[i].operator ?? 7;
    this.changing.sort((a, b) => order(a) - order(b) || a - b);
    this.build(data);
    this.moveTo(0);
    this.choose(0);
    this.paths.forEach((_, i) => globalThis.ldxAddKeys?.(this.view(i).card, this.row));
  }

  /** @param {MorphData} data */
  build({ start, end }) {
    const figure = /** @type {HTMLElement} */ (this.querySelector('figure'));
    const title = figure.getAttribute('aria-label') ?? '';
    const { slider, walk, count, status } = this;
    slider.max = `${this.length - 1}`;
    slider.setAttribute('aria-label', `${title}: step`);
    slider.addEventListener('input', () => {
      this.stopWalk();
      this.moveTo(Number(slider.value));
      this.strikeSoon();
    });
    walk.addEventListener('click', () => (this.walking ? this.stopWalk() : this.startWalk()));
    this.showWalk();
    /** @type {HTMLElement} */
    this.row = make(
      'div',
      { class: 'ldx-row ldx-on', 'aria-label': title },
      make(
        'div',
        { class: 'ldx-clips', style: `--ldx-columns: ${this.paths.length}` },
        ...this.paths.map((_, i) => this.makeCard(i)),
      ),
    );
    this.querySelector('.ldx-morph-still')?.remove();
    figure.append(
      make(
        'div',
        { class: 'ldx-morph-bar' },
        make('span', {}, start),
        slider,
        make('span', { class: 'ldx-morph-end' }, end),
      ),
      this.row,
      make('div', { class: 'ldx-morph-walk' }, walk, count, status),
    );
    this.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') this.silence();
    });
  }

  /** @param {number} i @returns {HTMLElement} The card of a path. */
  makeCard(i) {
    const path = this.paths[i];
    const button = make('button', { type: 'button', class: 'ldx-play', innerHTML: ICON });
    button.setAttribute('aria-label', `Listen to ${path.title}`);
    button.addEventListener('click', () => {
      const onKeys = this.row.querySelector('.ldx-on-keys');
      this.choose(i);
      this.strike();
      if (onKeys && onKeys !== card) card.querySelector('.ldx-keys')?.click(); // the keyboard plays this path now
    });
    const facts = make('div', { class: 'ldx-facts' });
    const { plot, dots } = this.makePlot(path);
    const card = make(
      'div',
      { class: 'ldx-clip' },
      make('div', { class: 'ldx-name' }, button, make('span', { class: 'ldx-title' }, path.title)),
      plot,
      make('div', { class: 'ldx-told' }, facts),
    );
    card.addEventListener('click', ({ target }) => {
      if (/** @type {Element} */ (target).closest('.ldx-keys')) this.choose(i);
    });
    path.view = { card, button, facts, plot, dots };
    return card;
  }

  /**
   * Draw a column for each parameter that changes: a line from its start to its end, and a dot that moves.
   * @param {Path} path
   */
  makePlot(path) {
    const plot = svg('svg', { class: 'ldx-morph-plot', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img' });
    const [first, last] = endsOf(path);
    const dots = this.changing.map((i, column) => {
      const x = this.columnAt(column);
      plot.append(svg('line', { x1: x, x2: x, y1: height(i, first[i]), y2: height(i, last[i]) }));
      return svg('circle', { cx: x, cy: 0, r: 2 });
    });
    plot.append(...dots);
    const operators = this.changing.map((i) => VOICE_PARAMETERS[i].operator);
    for (const operator of new Set(operators)) {
      const [from, to] = [operators.indexOf(operator), operators.lastIndexOf(operator)];
      const [x1, x2] = [this.columnAt(from) - 1, this.columnAt(to) + 1];
      const y = HEIGHT - BOTTOM + 3;
      const label = operator ? `OP${operator}` : 'all';
      plot.append(
        svg('line', { x1, x2, y1: y, y2: y }),
        svg('text', { x: (x1 + x2) / 2, y: HEIGHT - 1, 'text-anchor': 'middle' }, label),
      );
    }
    return { plot, dots };
  }

  /** @param {number} column @returns {number} Its place in a plot. */
  columnAt(column) {
    return 4 + ((column + 0.5) * (WIDTH - 8)) / this.changing.length;
  }

  get length() {
    return this.paths[0].steps.length;
  }

  /** @param {number} i @returns {View} */
  view(i) {
    return /** @type {View} */ (this.paths[i].view);
  }

  // ---- where it is

  /** Show a step of all paths. @param {number} at */
  moveTo(at) {
    this.at = at;
    // the keyboard's own buttons change the path, too
    const onKeys = this.paths.findIndex((_, i) => this.view(i).card.classList.contains('ldx-on-keys'));
    if (onKeys >= 0) this.choose(onKeys);
    this.slider.value = `${at}`;
    const step = `step ${at + 1} of ${this.length}`;
    this.slider.setAttribute('aria-valuetext', step);
    this.count.textContent = step;
    const [first, last] = endsOf(this.paths[0]);
    const differ = this.changing.filter((k) => first[k] !== last[k]);
    for (const [i, { title, steps }] of this.paths.entries()) {
      const { card, facts, plot, dots } = this.view(i);
      const { packed, values } = steps[at];
      for (const [column, k] of this.changing.entries()) {
        dots[column].setAttribute('cy', `${height(k, values[k])}`);
        dots[column].classList.toggle('ldx-still', values[k] === first[k]);
      }
      const moved = differ.filter((k) => values[k] !== first[k]).length;
      const arrived = differ.filter((k) => values[k] === last[k]).length;
      const told = [
        `algorithm ${values[ALGORITHM] + 1}`,
        `${moved} of ${differ.length} parameters have moved; ${arrived} are at their end`,
      ];
      plot.setAttribute('aria-label', `Parameters of ${title}, ${step}: ${told.join('; ')}.`);
      facts.querySelectorAll('.ldx-fact').forEach((old) => old.remove());
      facts.prepend(...told.map((text) => make('span', { class: 'ldx-fact' }, text)));
      setPreset(card, packed, this.gain);
    }
  }

  /** Choose the path that sounds. @param {number} path */
  choose(path) {
    this.chosen = path;
    this.paths.forEach((_, i) => {
      const { card, button } = this.view(i);
      if (i === path) card.setAttribute('aria-current', 'true');
      else card.removeAttribute('aria-current');
      button.setAttribute('aria-pressed', String(i === path));
    });
  }

  // ---- sound

  /** Strike a note of the chosen path's step. */
  strike() {
    clearTimeout(this.later);
    this.later = 0;
    this.struck = performance.now();
    const { packed } = this.paths[this.chosen].steps[this.at];
    audition(packed, this.gain, this.view(this.chosen).card).then(
      () => this.tell(''),
      ({ message }) => {
        this.stopWalk();
        this.tell(`The presets cannot be played live here (${message}). The recordings below can be played.`);
      },
    );
  }

  /** Strike a note as soon as the last one has been heard: a slider moves faster than notes can follow. */
  strikeSoon() {
    const wait = this.struck + LEAST - performance.now();
    if (wait <= 0) this.strike();
    else this.later ||= setTimeout(() => this.strike(), wait);
  }

  silence() {
    clearTimeout(this.later);
    this.later = 0;
    this.stopWalk();
    endAudition();
    player.stop();
  }

  /** @param {string} text */
  tell(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  // ---- all steps, one after another

  startWalk() {
    this.moveTo(this.at < this.length - 1 ? this.at : 0);
    this.walking = setInterval(() => {
      if (this.at === this.length - 1) return this.stopWalk();
      this.moveTo(this.at + 1);
      this.strike();
    }, WALK);
    this.strike();
    this.showWalk();
  }

  stopWalk() {
    clearInterval(this.walking);
    this.walking = 0;
    this.showWalk();
  }

  showWalk() {
    this.classList.toggle('ldx-walking', this.walking > 0);
    this.walk.innerHTML = `${ICON}${this.walking ? 'Stop' : 'Play from start to end'}`;
  }
}

/** @param {Path} path @returns {[Uint8Array, Uint8Array]} Values of its start and of its end. */
const endsOf = ({ steps }) => [steps[0].values, steps[steps.length - 1].values];

/** @param {number} parameter @param {number} value @returns {number} Its place in a plot. */
const height = (parameter, value) => TOP + (1 - value / MAXIMA[parameter]) * (HEIGHT - TOP - BOTTOM - 3);

customElements.define('ldx-morph', Morph);
