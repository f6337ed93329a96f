/**
 * A sound as it was given, with its onset, the moment at which its key was let go, and the part that is matched.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { make, svg } from './elements.js';
import { extremes } from './sound_picture.js';
import { RATE } from './spectra.js';
/** @import { PreparedTarget } from './search/sound_target.js' */

const [COLUMNS, HEIGHT] = [480, 100];
const MARGIN = 0.25; // seconds shown before the onset, and after the matched part

export class SoundOverview {
  constructor() {
    this.wave = svg('path', { class: 'ldx-own-wave' });
    this.picture = svg(
      'svg',
      { viewBox: `0 0 ${COLUMNS} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': 'No sound yet' },
      this.wave,
    );
    this.matched = make('div', { class: 'ldx-own-matched' });
    this.onset = make('div', { class: 'ldx-own-mark' }, make('span', {}, 'onset'));
    this.off = make('div', { class: 'ldx-own-mark ldx-own-off' }, make('span', {}, 'released'));
    this.element = make('div', { class: 'ldx-own-overview' }, this.matched, this.picture, this.onset, this.off);
  }

  /**
   * Show a sound.
   * @param {Float32Array} samples As it was given, in mono. @param {number} rate @param {PreparedTarget} target
   */
  show(samples, rate, target) {
    const length = samples.length / rate;
    const end = target.start + target.sound.length / RATE;
    const off = target.start + target.hold;
    const first = Math.max(target.start - MARGIN, 0);
    const last = Math.max(Math.min(end + MARGIN, length), end, off);
    const shown = new Float32Array(Math.max(Math.round((last - first) * rate), 1));
    shown.set(samples.subarray(Math.round(first * rate), Math.round(first * rate) + shown.length));
    const columns = extremes(shown, COLUMNS);
    const peak = Math.max(...columns.map(([low, high]) => Math.max(-low, high)), 1e-6);
    const y = (/** @type {number} */ sample) => ((HEIGHT / 2) * (1 - (0.94 * sample) / peak)).toFixed(1);
    const lines = columns.map(([low, high], x) => `M${x + 0.5} ${y(high)}V${Number(y(low)) + 0.5}`);
    this.wave.setAttribute('d', lines.join(''));
    const percent = (/** @type {number} */ time) => (100 * (time - first)) / (last - first);
    this.onset.style.left = `${percent(target.start)}%`;
    this.off.style.left = `${percent(off)}%`;
    this.off.classList.toggle('ldx-own-left', percent(off) > 80);
    Object.assign(this.matched.style, {
      left: `${percent(target.start)}%`,
      right: `${100 - percent(end)}%`,
    });
    const told = [
      `Waveform of ${length.toFixed(2)} s`,
      `onset at ${target.start.toFixed(2)} s`,
      `key let go ${target.hold.toFixed(2)} s later`,
      `matched up to ${end.toFixed(2)} s`,
    ];
    this.picture.setAttribute('aria-label', told.join(', '));
  }
}
