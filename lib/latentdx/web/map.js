/**
 * `<ldx-map>`: a map of presets that are played in the page; `latent_map.map_html` writes it.
 *
 * A canvas shows the dots; lines join the one that is on with those whose sounds are closest by their latents.
 * A click plays a dot; the arrow keys walk to the closest one in a direction, and Enter plays it. Two switches:
 * "Play on hover", which also plays where the arrow keys arrive, and "Mute". A card below names the dot, and
 * lets the keyboard at the bottom of the page play it. Files of the reader's are placed by the model's encoder in
 * a worker. Where the page has no live sound, dots with a recording play that.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { audition, endAudition, setPreset } from './audition.js';
import { make } from './elements.js';
import { player } from './player.js';
import { fromBase64 } from './voice_link.js';

/**
 * What the page holds of a map; places are 0 … 1 from the upper left, gains in dB, voices packed.
 * @typedef {{groups: {name: string, color: string}[], group: number[], names: string[], places: [number, number][],
 *   gains: number[], neighbors: number[][], voices: string, dimensions: number, checkpoint: string}} MapData
 */

/**
 * @typedef {{name: string, group: string, color: string, x: number, y: number, gain: number, packed: Uint8Array,
 *   neighbors: number[]}} Dot
 */

const SIZE = 128; // bytes of a voice
/** Color and group of the reader's presets. */
const YOURS = { name: 'yours', color: '#ffffff' };
/** Peak of a preset that is played, in dB, as in `latent_map.py`. */
const LIVE_DBFS = -3;
/** Pixels from a dot within which the mouse, or a finger, means it. */
const REACH = { mouse: 20, touch: 32 };
/** Milliseconds that the mouse rests on a dot before it plays, so that what is only crossed stays silent. */
const REST = 40;
/** Text of the button that takes files. */
const PLACE = 'Add your own .syx files…';
/** How far a preset of the reader's lies from its place, in widths of the map: it may be one of the map's own. */
const ASIDE = 0.008;
/** Most presets on a map. */
const MOST_DOTS = 5000;
const WAYS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
});

let maps = 0;

class PresetMap extends HTMLElement {
  constructor() {
    super();
    this.number = ++maps;
    /** @type {Dot[]} */
    this.dots = [];
    /** Index of the dot that the card shows; -1 at first. */
    this.chosen = -1;
    /** Index of the dot that is on: the one under the mouse, or else the chosen one; -1 if none is. */
    this.current = -1;
    this.width = this.height = 0; // pixels of the map, and of a dot
    this.radius = 0;
    this.frame = 0;
    this.rest = 0;
    /** @type {Worker | null} */
    this.worker = null;
    /** Whether the page has no live sound, and says so. */
    this.failed = false;
    /** Ends the placing of files that is under way. @type {((text: string) => void) | null} */
    this.endPlacing = null;
  }

  connectedCallback() {
    if (this.dots.length) return; // it was only moved
    this.read();
    this.build();
    new ResizeObserver(() => this.draw()).observe(this.field);
    this.classList.add('ldx-map-on');
  }

  read() {
    /** @type {MapData} */
    const data = JSON.parse(/** @type {HTMLElement} */ (this.querySelector('script')).textContent ?? '');
    const bytes = fromBase64(data.voices);
    this.data = data;
    this.dots = data.names.map((name, i) => ({
      name: name || 'no name',
      group: data.groups[data.group[i]].name,
      color: data.groups[data.group[i]].color,
      x: data.places[i][0],
      y: data.places[i][1],
      gain: data.gains[i],
      packed: bytes.subarray(SIZE * i, SIZE * (i + 1)),
      neighbors: data.neighbors[i],
    }));
    /** @type {Map<number, HTMLAudioElement>} Recordings by their dots. */
    this.recordings = new Map(
      [...this.querySelectorAll('li')].map((item) => [
        Number(item.dataset.dot),
        /** @type {HTMLAudioElement} */ (item.querySelector('audio')),
      ]),
    );
  }

  build() {
    const figure = /** @type {HTMLElement} */ (this.querySelector('figure'));
    const title = figure.getAttribute('aria-label') ?? '';
    const toggle = (/** @type {string} */ text, /** @type {string} */ more) => {
      const box = make('input', { type: 'checkbox', role: 'switch' });
      return { box, label: make('label', { title: more }, box, ` ${text}`) };
    };
    const hover = toggle('Play on hover', 'Play what the mouse rests on, or where the arrow keys arrive');
    const mute = toggle('Mute', 'Only show');
    this.hover = hover.box;
    this.mute = mute.box;
    this.hover.addEventListener('change', () => {
      if (this.hover?.checked) player.start().catch(() => {}); // hovering is no gesture, but this is
    });
    this.mute.addEventListener('change', () => this.mute?.checked && this.silence());
    this.files = make('input', { type: 'file', multiple: true, hidden: true });
    this.files.addEventListener('change', async () => {
      await this.take([...(this.files?.files ?? [])]);
      if (this.files) this.files.value = ''; // so that the same file can be chosen again
    });
    this.open = make('button', { type: 'button', class: 'ldx-switch' }, PLACE);
    this.open.addEventListener('click', () => {
      if (this.endPlacing) this.stopPlacing('Stopped.');
      else this.files?.click();
    });
    const bar = make('div', { class: 'ldx-map-bar' }, hover.label, mute.label, this.open, this.files);

    this.field = /** @type {HTMLElement} */ (this.querySelector('.ldx-map-field'));
    this.layers = [make('canvas'), make('canvas')]; // all dots; the one that is on
    this.picker = make(
      'div',
      { class: 'ldx-map-pick', role: 'listbox', tabIndex: 0, 'aria-label': title },
      make('div', { role: 'option', 'aria-selected': false, class: 'ldx-map-tip ldx-off' }, 'none yet'),
    );
    this.field.prepend(...this.layers);
    this.field.append(this.picker);
    this.field.before(bar);

    this.status = make('p', { class: 'ldx-map-now', role: 'status' });
    this.facts = make('div', { class: 'ldx-facts' });
    this.heading = make('span', { class: 'ldx-title' });
    this.card = make(
      'div',
      { class: 'ldx-clip' },
      make('div', { class: 'ldx-name' }, this.heading),
      make('div', { class: 'ldx-told' }, this.facts),
    );
    figure.append(this.status, make('div', { class: 'ldx-row ldx-on', 'aria-label': title, hidden: true }, this.card));
    this.listen();
  }

  listen() {
    const picker = /** @type {HTMLElement} */ (this.picker);
    picker.addEventListener('pointermove', (event) => {
      const dot = this.dotAt(event);
      if (dot < 0 || dot === this.current) return;
      this.show(dot);
      this.playIfWanted();
    });
    picker.addEventListener('pointerleave', () => {
      clearTimeout(this.rest);
      if (this.current !== this.chosen) this.show(this.chosen);
    });
    picker.addEventListener('click', (event) => {
      const dot = this.dotAt(event);
      if (dot < 0) return;
      this.choose(dot);
      this.play();
    });
    picker.addEventListener('focus', () => {
      if (this.chosen < 0 && picker.matches(':focus-visible')) this.choose(0);
    });
    picker.addEventListener('keydown', (event) => this.key(event));
    for (const name of ['dragover', 'drop']) {
      this.addEventListener(name, (event) => {
        const { dataTransfer } = /** @type {DragEvent} */ (event);
        if (!dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        if (name === 'drop') this.take([...dataTransfer.files]);
      });
    }
  }

  // ---- which dot is on

  /** @param {MouseEvent} event @returns {number} The dot that is meant; -1 if none is. */
  dotAt(event) {
    const { left, top, width, height } = /** @type {HTMLElement} */ (this.picker).getBoundingClientRect();
    const finger = /** @type {PointerEvent} */ (event).pointerType === 'touch';
    let least = (finger ? REACH.touch : REACH.mouse) ** 2;
    let found = -1;
    const [u, v] = [event.clientX - left, event.clientY - top];
    for (let i = 0; i < this.dots.length; i++) {
      const { x, y } = this.dots[i];
      const distance = (x * width - u) ** 2 + (y * height - v) ** 2;
      if (distance <= least) {
        least = distance;
        found = i;
      }
    }
    return found;
  }

  /** Play the dot that is on, soon, if the reader wants that without a click. */
  playIfWanted() {
    clearTimeout(this.rest);
    if (this.hover?.checked) this.rest = setTimeout(() => this.play(), REST);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = WAYS[event.key];
    if (way) {
      const next = this.closestIn(way);
      if (next >= 0) this.choose(next);
      if (next >= 0) this.playIfWanted();
    } else if (event.key === 'Enter' || event.key === ' ') {
      if (!event.repeat) this.play();
    } else {
      if (event.key === 'Escape') this.silence();
      return;
    }
    event.preventDefault();
  }

  /** @param {[number, number]} way @returns {number} The closest dot in a direction; -1 if there is none. */
  closestIn([dx, dy]) {
    const from = this.dots[this.chosen] ?? this.dots[0];
    let least = Infinity;
    let best = -1;
    for (const [i, dot] of this.dots.entries()) {
      const [u, v] = [(dot.x - from.x) * this.width, (dot.y - from.y) * this.height];
      const along = u * dx + v * dy;
      const cost = along + 2 * (Math.abs(u * dy) + Math.abs(v * dx));
      if (along > 0.5 && cost < least) [least, best] = [cost, i];
    }
    return best;
  }

  /** Show a dot as the one that is on. @param {number} at -1: none. */
  show(at) {
    this.current = at;
    this.redraw();
    const { picker } = this;
    const dot = this.dots[at];
    if (!picker || !dot) return picker?.firstElementChild?.classList.add('ldx-off');
    const id = `ldx-map-${this.number}-${at}`;
    // a new element each time: screen readers say it
    const attributes = {
      id,
      role: 'option',
      class: 'ldx-map-tip',
      'aria-selected': at === this.chosen,
      'aria-setsize': this.dots.length,
      'aria-posinset': at + 1,
    };
    const tip = make('div', attributes, `${dot.name}, ${dot.group}`);
    tip.style.cssText = `--x: ${dot.x}; --y: ${dot.y};`;
    tip.classList.toggle('ldx-map-left', dot.x > 0.5);
    picker.replaceChildren(tip);
    picker.setAttribute('aria-activedescendant', id);
  }

  /** Put a dot on the card, too. @param {number} at */
  choose(at) {
    const { card, facts, heading } = this;
    if (!card || !facts || !heading) return;
    this.chosen = at;
    this.show(at);
    const dot = this.dots[at];
    heading.textContent = dot.name;
    const told = [dot.group, `algorithm ${(dot.packed[110] & 31) + 1}`];
    const closest = dot.neighbors.map((i) => this.dots[i].name).join(', ');
    if (closest) told.push(`closest by sound: ${closest}`);
    facts.querySelectorAll('.ldx-fact').forEach((old) => old.remove());
    facts.prepend(...told.map((text) => make('span', { class: 'ldx-fact' }, text)));
    setPreset(card, dot.packed, dot.gain);
    const row = /** @type {HTMLElement} */ (card.parentElement);
    if (row.hidden) globalThis.ldxAddKeys?.(card, row);
    row.hidden = false;
    const label = facts.querySelector('.ldx-keys .ldx-hidden');
    if (label) label.textContent = ` on a keyboard: ${dot.name}, ${row.getAttribute('aria-label')}`;
  }

  // ---- sound

  /** Play the dot that is on. */
  play() {
    const dot = this.dots[this.current];
    if (!dot || this.mute?.checked || !this.card) return;
    audition(dot.packed, dot.gain, this.card).then(
      () => {
        if (this.failed) this.tell('');
        this.failed = false;
      },
      (error) => this.playRecording(error),
    );
  }

  /** @param {Error} error Why it can't be played live. */
  playRecording(error) {
    this.failed = true;
    const recording = this.recordings?.get(this.current);
    if (recording) {
      recording.currentTime = 0;
      recording.play().catch(() => {}); // another one was started meanwhile
    }
    const instead = `${this.recordings?.size} of the dots have a recording, which is played instead.`;
    this.tell(`The presets cannot be played live here (${error.message}). ${instead}`);
  }

  silence() {
    clearTimeout(this.rest);
    endAudition();
    player.stop();
    this.recordings?.forEach((audio) => audio.pause());
  }

  /** @param {string} text */
  tell(text) {
    if (this.status && this.status.textContent !== text) this.status.textContent = text;
  }

  // ---- drawing

  /** Draw everything: the map's size or its dots have changed. */
  draw() {
    const [canvas, top] = this.layers ?? [];
    if (!canvas || !this.field) return;
    const { clientWidth: width, clientHeight: height } = this.field;
    [this.width, this.height] = [width, height];
    const scale = globalThis.devicePixelRatio || 1;
    for (const layer of [canvas, top]) {
      layer.width = Math.round(width * scale);
      layer.height = Math.round(height * scale);
    }
    this.radius = Math.min(Math.max(0.17 * Math.sqrt((width * height) / this.dots.length), 2), 6);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.scale(scale, scale);
    for (const dot of this.dots) {
      context.beginPath(); // for each dot: one long path is slower
      trace(context, dot.color, ...this.placeOf(dot), this.radius);
      context.globalAlpha = dot.color === YOURS.color ? 1 : 0.8;
      context.fillStyle = dot.color;
      context.fill();
    }
    this.drawCurrent();
  }

  /** Draw the dot that is on, before the next frame. */
  redraw() {
    this.frame ||= requestAnimationFrame(() => this.drawCurrent());
  }

  drawCurrent() {
    this.frame = 0;
    const canvas = this.layers?.[1];
    const context = canvas?.getContext('2d');
    if (!canvas || !context || !this.radius) return;
    const scale = globalThis.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const dot = this.dots[this.current];
    if (!dot) return;
    context.scale(scale, scale);
    const near = dot.neighbors.map((i) => this.dots[i]);
    context.strokeStyle = '#fff';
    context.lineWidth = 1.25;
    context.globalAlpha = 0.75;
    context.beginPath();
    for (const other of near) {
      context.moveTo(...this.placeOf(dot));
      context.lineTo(...this.placeOf(other));
    }
    context.stroke();
    context.globalAlpha = 1;
    for (const each of [...near, dot]) {
      const size = each === dot ? 1.7 : 1.2;
      context.beginPath();
      trace(context, each.color, ...this.placeOf(each), size * this.radius);
      context.fillStyle = each.color;
      context.lineWidth = each === dot ? 2.5 : 1;
      context.fill();
      context.stroke();
    }
  }

  /** @param {Dot} dot @returns {[number, number]} Pixels. */
  placeOf({ x, y }) {
    return [x * this.width, y * this.height];
  }

  // ---- presets of the reader's

  /** Place the voices of files. @param {File[]} files */
  async take(files) {
    if (!files.length || !this.data) return;
    if (location.protocol === 'file:') {
      this.tell('The model that places presets can be loaded only from a web server, not by a page opened as a file.');
      return;
    }
    if (this.endPlacing) {
      this.tell('Other presets are still being placed. Try again when they are done.');
      return;
    }
    /** @type {string[]} */
    const notes = [];
    const before = this.dots.length;
    this.endPlacing = (text) => {
      this.endPlacing = null;
      if (this.open) this.open.textContent = PLACE;
      const count = this.dots.length - before;
      const placed = count ? `${count} of your presets ${count > 1 ? 'are' : 'is'} on the map.` : '';
      this.tell([text, placed, ...notes].filter(Boolean).join(' '));
      if (count) this.choose(before);
    };
    if (this.open) this.open.textContent = 'Stop placing';
    this.tell('Reading the files.');
    const { dimensions, checkpoint } = this.data;
    /** @type {import("./map_worker.js").Request} */
    const request = {
      files,
      model: new URL('./model/model.json', import.meta.url).href,
      latents: new URL(this.dataset.src ?? '', document.baseURI).href,
      dimensions,
      checkpoint,
    };
    // Not a plain string: pages opened as files need no text of this module.
    this.worker ??= new Worker(new URL(`./map_worker.js`, import.meta.url), { type: 'module' });
    const failed = (/** @type {string} */ why) =>
      this.stopPlacing(`The model that places presets could not be loaded (${why}).`);
    this.worker.onerror = (event) => failed(event.message || 'its script cannot be loaded');
    this.worker.onmessage = ({ data }) => {
      if (data.type === 'loading') this.tell(`Loading the model: ${Math.round(100 * data.share)} %.`);
      else if (data.type === 'note') notes.push(data.text);
      else if (data.type === 'failed') failed(data.text);
      else if (data.type === 'done') this.endPlacing?.('');
      else if (this.add(data)) this.tell(`${this.dots.length - before} of ${data.of} placed.`);
    };
    this.worker.postMessage(request);
  }

  /** End the placing of files that is under way. @param {string} text What to say. */
  stopPlacing(text) {
    this.worker?.terminate();
    this.worker = null;
    this.endPlacing?.(text);
  }

  /** Add a preset of the reader's. @param {import("./map_worker.js").Placed} placed @returns {boolean} */
  add({ name, packed, peak, neighbors, weights }) {
    const count = this.dots.length;
    if (count >= MOST_DOTS) return false;
    const mean = (/** @type {"x" | "y"} */ axis) =>
      neighbors.reduce((sum, dot, i) => sum + weights[i] * this.dots[dot][axis], 0);
    this.dots.push({
      name: name.trim() || 'no name',
      group: YOURS.name,
      color: YOURS.color,
      x: Math.min(Math.max(mean('x') + ASIDE * Math.cos(2.4 * count), 0), 1),
      y: Math.min(Math.max(mean('y') + ASIDE * Math.sin(2.4 * count), 0), 1),
      gain: peak > 0 ? LIVE_DBFS - 20 * Math.log10(peak) : 0,
      packed,
      neighbors,
    });
    this.draw();
    return true;
  }
}

/**
 * Add a dot to a path: a circle, or a square on its corner for one of the reader's.
 * @param {CanvasRenderingContext2D} context @param {string} color
 * @param {number} x @param {number} y @param {number} radius
 */
function trace(context, color, x, y, radius) {
  if (color === YOURS.color) {
    const r = 1.5 * radius;
    context.moveTo(x, y - r);
    for (const [u, v] of [[r, 0], [0, r], [-r, 0]]) context.lineTo(x + u, y + v);
    context.closePath();
  } else {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
}

customElements.define('ldx-map', PresetMap);
