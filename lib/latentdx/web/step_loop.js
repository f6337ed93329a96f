/**
 * A loop of 16 steps for listening hands-free, scheduled with the time of the sound.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

export const STEPS = 16;
/** Slowest and fastest tempo, in beats per minute; a beat has four steps. */
export const [SLOWEST, FASTEST] = [30, 240];
/** Seconds by which notes are sent ahead: in front, and in a tab in the background, whose timers are slow. */
const AHEAD = 0.15;
const AHEAD_HIDDEN = 1.5;
const TICK = 40; // milliseconds
/** Share of its step for which a note is held. */
const HELD = 0.9;
const VELOCITY = 100;

/** What the loop plays. @typedef {{tempo: number, steps: {on: boolean, key: number}[]}} Pattern */

/** @returns {Pattern} */
export const firstPattern = () => ({
  tempo: 110,
  steps: Array.from({ length: STEPS }, (_, i) => ({
    on: [0, 3, 6, 8, 11, 14].includes(i),
    key: [48, 60, 55, 60, 60, 63, 58, 60, 48, 60, 67, 60, 63, 60, 58, 55][i],
  })),
});

/** Return a pattern within its bounds, whatever was kept of it. @param {any} pattern @returns {Pattern} */
export function mendPattern(pattern) {
  const first = firstPattern();
  const within = (
    /** @type {unknown} */ x,
    /** @type {number} */ low,
    /** @type {number} */ high,
    /** @type {number} */ or,
  ) => (Number.isFinite(x) ? Math.min(Math.max(Number(x), low), high) : or);
  return {
    tempo: within(pattern?.tempo, SLOWEST, FASTEST, first.tempo),
    steps: first.steps.map(({ on, key }, i) => {
      const step = pattern?.steps?.[i];
      return {
        on: typeof step?.on === 'boolean' ? step.on : on,
        key: Math.round(within(step?.key, 0, 127, key)),
      };
    }),
  };
}

export class StepLoop {
  /**
   * @param {{press: (key: number, velocity: number, time: number) => void,
   *   release: (key: number, time: number) => void}} output
   * @param {() => number} clock Time of the sound, in seconds.
   * @param {(step: number) => void} [show] Called when a step begins, and with -1 at the end.
   */
  constructor(output, clock, show = () => {}) {
    this.output = output;
    this.clock = clock;
    this.show = show;
    this.pattern = firstPattern();
    this.step = 0;
    this.time = 0;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
    /** @type {Set<ReturnType<typeof setTimeout>>} */
    this.coming = new Set();
  }

  get running() {
    return this.timer !== undefined;
  }

  /** Start at the first step. */
  start() {
    this.stop();
    this.step = 0;
    this.time = this.clock() + 0.05;
    this.timer = setInterval(() => this.fill(), TICK);
    this.fill();
  }

  /** Send no more notes; what was sent ends within a fraction of a second. */
  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const each of this.coming) clearTimeout(each);
    this.coming.clear();
    this.show(-1);
  }

  /** Send the notes of the time to come. */
  fill() {
    const now = this.clock();
    // after a pause of the computer, go on from here rather than play all that was missed
    if (this.time < now - 1) this.time = now + 0.05;
    this.send(now + (document.hidden ? AHEAD_HIDDEN : AHEAD));
  }

  /** Send the notes up to a time. @param {number} until Seconds. */
  send(until) {
    while (this.time < until) {
      const length = 60 / this.pattern.tempo / 4;
      const { on, key } = this.pattern.steps[this.step];
      if (on) {
        this.output.press(key, VELOCITY, this.time);
        this.output.release(key, this.time + HELD * length);
      }
      this.announce(this.step, this.time);
      this.time += length;
      this.step = (this.step + 1) % STEPS;
    }
  }

  /** @param {number} step @param {number} time */
  announce(step, time) {
    const timer = setTimeout(
      () => {
        this.coming.delete(timer);
        this.show(step);
      },
      1000 * Math.max(time - this.clock(), 0),
    );
    this.coming.add(timer);
  }
}
