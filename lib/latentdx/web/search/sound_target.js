/**
 * Preparation of a reader's sound for a match: its onset, its end, its level, its note and its hold are found,
 * by the rules and with the words of the library's `applications.target` and `applications.note_end`.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { chordNotes, wholeSpectrum } from './chord.js';
import { RATE } from '../spectra.js';
import { mean, peak, peakLevel, withoutDc } from './levels.js';
import { noteEnvelope } from './note_envelope.js';
import { FADE, fadeOut } from './objective.js';
import { findOnsets } from './onset.js';
import { estimatePitch, midiOf } from './pitch.js';
import { resample } from './resampling.js';
/** @import { NoteEnvelope } from './note_envelope.js' */
/** @import { Pitch } from './pitch.js' */

/** Longest recording in seconds that a page takes; a longer one would need too much memory. */
export const LONGEST_RECORDING = 600;
/** Most seconds of a sound that are matched. */
export const LONGEST = 8;
/** Least time in seconds that a key can be held. */
export const LEAST_HOLD = 0.01;

const SEARCHED = 30; // seconds within which the first note must begin
const SHORTEST = 0.02; // seconds
const LEVEL_DB = -20.899999618530273; // of the loudest frame: the median of the training presets
const VELOCITY = 85;
const FALLBACK_NOTE = 60;
const [LOWEST_RATE, HIGHEST_RATE] = [4000, 384000]; // Hz
const MOST_PEAK = 1e6;
const CANCEL = 0.1; // channels cancel if their average is 10 dB softer than for independent channels
const MOST_DC = 0.01; // share of the peak
const FULL_SCALE = [0.9999, 1.0001];
const MOST_CLIPPED = 0.05;
const QUIET_DB = 30;
const [CLEAR, PITCHED, LEAST_LOW] = [0.5, 0.2, 0.01];
const PITCH_SAMPLES = 8192;
const DEFAULT_SAMPLES = 88576;
const MOST_SHOWN = 8;
const SILENCE = 0.25; // seconds of silence after the end that an answer must keep
const SHORTEST_SAMPLES = 8192;
const EDGE = FADE + 0.05; // seconds: a fall at the very end of a recording is a fade-out
const [ROUND, NEAR] = [0.5, 0.05]; // people, and programs, hold notes for round times
const FADE_IF_SHORT = 0.005;
const FAINT_DB = 20;
const NAMES = ['C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B'];

/** A sound that cannot be used; its message says why, for a reader. */
export class SoundError extends Error {
  name = 'SoundError';
}

/** Return the name of a MIDI note, such as "C4" for 60. @param {number} note */
export const noteName = (note) => `${NAMES[note % 12]}${Math.floor(note / 12) - 1}`;

const named = (/** @type {number} */ note) => `${note} (${noteName(note)})`;
/** Round, halves to even numbers as Python does. @param {number} x */
const rounded = (x) => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
const percent = (/** @type {number} */ share) => `${Math.round(100 * share)}%`;
const signed = (/** @type {number} */ value, digits = 0) => `${value < 0 ? '' : '+'}${value.toFixed(digits)}`;
const grouped = (/** @type {number} */ value) => Math.round(value).toLocaleString('en-US');

/**
 * A sound to match, as it was prepared.
 * @typedef {object} PreparedTarget
 * @property {Float32Array} sound Mono, 22,050 Hz, from its onset on, at most 8 s, leveled.
 * @property {number} note MIDI note, as given or found.
 * @property {number} velocity
 * @property {number} hold Seconds for which the key was held, as given or found.
 * @property {string[]} remarks What was done with the sound.
 * @property {string[]} warnings What may be wrong with it.
 * @property {number} gainDb Gain by which it was leveled.
 * @property {Pitch} pitch
 * @property {NoteEnvelope} envelope
 * @property {number} start Seconds before its onset, which were removed.
 */

/**
 * Prepare a sound of any length, sample rate and level.
 * @param {Float32Array | Float32Array[]} channels Samples, of each channel if there are several.
 * @param {number} rate Sample rate in Hz.
 * @param {object} [options]
 * @param {number | null} [options.note] MIDI note that was played; by default found.
 * @param {number} [options.velocity]
 * @param {number | null} [options.onset] Number of the onset at which the sound starts, from 1; 0 keeps all.
 * @param {number | null} [options.hold] Seconds for which the key was held; by default found.
 * @returns {PreparedTarget}
 * @throws {SoundError} The sound cannot be used.
 */
export function prepareTarget(channels, rate, options = {}) {
  const { note = null, velocity = VELOCITY, onset = null, hold = null } = options;
  for (const [name, value, least] of /** @type {const} */ ([['note', note ?? FALLBACK_NOTE, 0], ['velocity', velocity, 1]])) {
    if (!Number.isInteger(value) || value < least || value > 127) {
      throw new SoundError(`${name} ${value} is not an integer in ${least} … 127`);
    }
  }
  if (hold !== null && !(hold >= LEAST_HOLD && hold < Infinity)) {
    throw new SoundError(`hold must be at least ${LEAST_HOLD} s and finite, not ${hold}`);
  }
  if (onset !== null && !(Number.isInteger(onset) && onset >= 0)) {
    throw new SoundError(`onset ${onset} is negative: give a number from 1 on, or 0 to keep all`);
  }
  /** @type {string[]} */
  const remarks = [];
  /** @type {string[]} */
  const warnings = [];
  const recording = mixed(Array.isArray(channels) ? channels : [channels], rate, remarks, warnings);
  const { kept, lost, several, start } = trimmed(recording, onset, remarks, warnings);
  const ended = withEnd(kept, lost, hold, several, remarks, warnings);
  fadeOut(ended.sound);
  const gainDb = LEVEL_DB - peakLevel(ended.sound);
  const sound = ended.sound.map((sample) => sample * Math.fround(10 ** (gainDb / 20)));
  remarks.push(
    `level changed by ${signed(gainDb, 1)} dB, so that its loudest frame is as loud as the median training preset's`,
  );
  if (gainDb > QUIET_DB) {
    warnings.push(
      `quiet: raised by ${gainDb.toFixed(0)} dB together with its noise (the bound is ${QUIET_DB} dB)` +
        unsearched(recording),
    );
  }
  const audible = sound.subarray(0, Math.min(Math.max(kept.length, PITCH_SAMPLES), DEFAULT_SAMPLES));
  const heard = pitched(audible, note, remarks, warnings);
  const { envelope, hold: held } = ended;
  return {
    sound, note: heard.note, velocity, hold: held, remarks, warnings, gainDb, pitch: heard.pitch, envelope, start,
  };
}

/**
 * @typedef {object} Recording
 * @property {Float32Array} samples @property {number} rate
 * @property {Uint8Array} clipped Whether samples are at full scale.
 * @property {number} length Seconds of all that was recorded.
 */

/**
 * Check the channels and average them; if they cancel each other, the loudest is taken.
 * @param {Float32Array[]} channels @param {number} rate @param {string[]} remarks @param {string[]} warnings
 * @returns {Recording}
 */
function mixed(channels, rate, remarks, warnings) {
  if (!(rate >= LOWEST_RATE && rate <= HIGHEST_RATE)) {
    throw new SoundError(
      `the sample rate of ${rate} Hz is outside ${grouped(LOWEST_RATE)} … ${grouped(HIGHEST_RATE)} Hz`,
    );
  }
  const all = channels[0]?.length ?? 0;
  if (!all) throw new SoundError('the sound has no samples');
  const seconds = all / rate;
  if (seconds > LONGEST_RECORDING) {
    throw new SoundError(
      `too long: it lasts ${(seconds / 60).toFixed(1)} minutes, and a page takes at most` +
        ` ${LONGEST_RECORDING / 60}; cut out one note`,
    );
  }
  const count = Math.min(all, Math.ceil((SEARCHED + LONGEST) * rate));
  const [samples, clipped] = [new Float32Array(count), new Uint8Array(count)];
  for (const channel of channels) {
    for (let i = 0; i < count; i++) {
      const size = Math.abs(channel[i]);
      if (!(size <= MOST_PEAK)) {
        throw new SoundError(
          Number.isFinite(size)
            ? `the peak of ${size.toPrecision(3)} is above 1e+06; full scale is 1`
            : `the sound contains samples that are NaN or infinite, the first at ${(i / rate).toFixed(3)} s`,
        );
      }
      samples[i] += channel[i] / channels.length;
      if (size >= FULL_SCALE[0] && size <= FULL_SCALE[1]) clipped[i] = 1;
    }
  }
  const recording = { samples, rate, clipped, length: seconds };
  if (channels.length === 1) return recording;
  const variances = channels.map((channel) => variance(channel.subarray(0, count)));
  if (channels.length * variance(samples) >= CANCEL * mean(variances)) {
    remarks.push(channels.length === 2 ? 'left and right averaged' : `${channels.length} channels averaged`);
    return recording;
  }
  const loudest = variances.indexOf(Math.max(...variances));
  const softer = 10 * Math.log10(Math.max(variance(samples), 1e-12) / Math.max(variances[loudest], 1e-12));
  remarks.push(`channel ${loudest + 1} taken alone`);
  warnings.push(`the channels cancel: their average is ${(-softer).toFixed(0)} dB softer than the loudest one`);
  return { ...recording, samples: channels[loudest].slice(0, count) };
}

/** Return the variance of samples. @param {Float32Array} samples */
function variance(samples) {
  const middle = mean(samples);
  let sum = 0;
  for (const sample of samples) sum += (sample - middle) ** 2;
  return sum / samples.length;
}

/** Say how much of a recording was not searched, or nothing. @param {Recording} recording */
function unsearched({ length }) {
  return length <= SEARCHED ? '' : `; only the first ${SEARCHED} s of its ${length.toFixed(1)} s are searched`;
}

function checkLength(/** @type {number} */ seconds, /** @type {string} */ where) {
  if (seconds < SHORTEST) {
    throw new SoundError(
      `too short: ${(1000 * seconds).toFixed(1)} ms of sound${where}; it must last at least ${1000 * SHORTEST} ms`,
    );
  }
}

/**
 * Return the sound at 22,050 Hz from one onset to the next, at most 8 s, and what follows.
 * @param {Recording} recording @param {number | null} onset @param {string[]} remarks @param {string[]} warnings
 */
function trimmed(recording, onset, remarks, warnings) {
  const { rate } = recording;
  let sound = recording.samples;
  checkLength(sound.length / rate, '');
  let offset = mean(sound);
  const describe = () => remarks.push(`DC offset of ${offset.toPrecision(3)} removed by a high-pass filter at 20 Hz`);
  if (Math.abs(offset) > MOST_DC * peak(sound)) {
    sound = withoutDc(sound, rate, offset); // before resampling, which would make a click of it
    describe();
  }
  if (rate !== RATE) {
    sound = resample(sound, rate, RATE);
    remarks.push(`resampled to ${grouped(RATE)} Hz`);
  }
  if (rate < RATE) {
    warnings.push(`it holds nothing above ${grouped(rate / 2)} Hz: its sample rate is only ${grouped(rate)} Hz`);
  }
  let onsets;
  try {
    onsets = findOnsets(sound.subarray(0, Math.round(SEARCHED * RATE)));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SoundError(`${error.message}${unsearched(recording)}`);
  }
  const [start, end] = between(onsets, onset, remarks, warnings);
  if (start) remarks.push(`${(start / RATE).toFixed(3)} s before the onset removed`);
  const rest = sound.subarray(start, end ?? sound.length);
  checkLength(rest.length / RATE, ' from its onset');
  const longest = Math.round(LONGEST * RATE);
  let kept = rest.slice(0, longest);
  offset = mean(kept);
  if (Math.abs(offset) > MOST_DC * peak(kept)) {
    kept = withoutDc(sound.subarray(0, start + kept.length)).slice(start); // it began with the sound
    describe();
  }
  const first = Math.round((start / RATE) * rate);
  warnOfClipping(recording.clipped.subarray(first, first + Math.round((kept.length / RATE) * rate)), rate, warnings);
  return { kept, lost: rest.subarray(longest), several: onset === 0 && onsets.length > 1, start: start / RATE };
}

/**
 * Return the samples from which and up to which a sound is kept, and describe its onsets.
 * @returns {[number, number | null]}
 */
function between(
  /** @type {number[]} */ onsets, /** @type {number | null} */ onset, /** @type {string[]} */ remarks,
  /** @type {string[]} */ warnings,
) {
  if (onsets.length === 1 && (onset === null || onset < 2)) return [onsets[0], null];
  const shown = onsets.slice(0, MOST_SHOWN).map((start) => (start / RATE).toFixed(2));
  const times = `${shown.join(', ')}${onsets.length > shown.length ? ' …' : ''} s`;
  const count = `${onsets.length} onset${onsets.length > 1 ? 's' : ''}, at ${times}`;
  if (onset === 0) {
    remarks.push(`${count}: all are kept`);
    return [onsets[0], null];
  }
  if (onset === null) warnings.push(`${count}: the first is matched; another can be chosen, or all kept`);
  else if (onset > onsets.length) throw new SoundError(`onset ${onset} is none of the ${count}`);
  else remarks.push(`${count}: number ${onset} is matched`);
  const chosen = (onset ?? 1) - 1;
  return [onsets[chosen], onsets[chosen + 1] ?? null];
}

/** Warn if too many samples of any 0.1 s are at full scale. */
function warnOfClipping(
  /** @type {Uint8Array} */ clipped, /** @type {number} */ rate, /** @type {string[]} */ warnings,
) {
  const tenth = Math.min(Math.round(0.1 * rate), clipped.length);
  let worst = 0;
  for (let at = 0; at + tenth <= clipped.length; at += tenth) {
    worst = Math.max(worst, mean(clipped.subarray(at, at + tenth)));
  }
  if (worst > MOST_CLIPPED) {
    warnings.push(
      `clipped: in its worst 0.1 s, ${percent(worst)} of the samples are at full scale` +
        ` (the bound is ${percent(MOST_CLIPPED)})`,
    );
  }
}

/**
 * Find a sound's note-off, end the sound where a render of it ends, and describe both.
 * @param {Float32Array} kept First 8 s, without a fade-out. @param {Float32Array} lost What follows.
 * @param {number | null} given Hold in seconds. @param {boolean} whole Whether it may hold several notes.
 * @param {string[]} remarks @param {string[]} warnings
 */
function withEnd(kept, lost, given, whole, remarks, warnings) {
  const seconds = kept.length / RATE;
  let envelope = noteEnvelope(kept);
  const sounding = envelope.ending === 'cut' || (envelope.noteOff !== null && envelope.noteOff > seconds - EDGE);
  if (sounding) envelope = { ...envelope, noteOff: null, release: NaN, ending: 'cut' };
  let end = kept.length;
  if (!(sounding || whole)) {
    end = Math.max(rounded((Math.max(envelope.end, given ?? 0) + SILENCE) * RATE), SHORTEST_SAMPLES);
  }
  end = Math.min(Math.max(end, SHORTEST_SAMPLES), Math.round(LONGEST * RATE));
  describeEnd(kept, lost, end, sounding, remarks, warnings);
  const sound = new Float32Array(end);
  sound.set(kept.subarray(0, end));
  let hold = given;
  if (hold === null) {
    const off = envelope.noteOff;
    if (off !== null && !whole) {
      const close = ROUND * Math.max(Math.round(off / ROUND), 1);
      hold = Math.abs(off - close) <= NEAR ? close : off;
    } else {
      hold = sounding || whole ? seconds : Math.min(envelope.end, seconds);
    }
  }
  hold = Math.round(1000 * hold) / 1000;
  remarks.push(
    whole ? `all of it is matched, with the key held for ${hold.toFixed(2)} s` : described(envelope, hold),
  );
  return { sound, hold, envelope };
}

/** Fade out the end of a short sound in place, and describe what was cut or added. */
function describeEnd(
  /** @type {Float32Array} */ kept, /** @type {Float32Array} */ lost, /** @type {number} */ end,
  /** @type {boolean} */ sounding, /** @type {string[]} */ remarks, /** @type {string[]} */ warnings,
) {
  const seconds = kept.length / RATE;
  const length = `${(end / RATE).toFixed(2)} s`;
  if (lost.some((sample) => sample !== 0) && end === kept.length) {
    const all = (seconds + lost.length / RATE).toFixed(2);
    const cut = `cut from ${all} s to ${length}, its last ${FADE} s faded out`;
    const softer = peakLevel(kept) - peakLevel(lost);
    const level = softer < 0.5 ? 'as loud' : `only ${softer.toFixed(0)} dB softer`;
    if (softer < FAINT_DB) warnings.push(`${cut}; what follows is ${level}`);
    else remarks.push(cut);
  } else if (end < kept.length) {
    const softer = peakLevel(kept) - peakLevel(kept.subarray(end));
    remarks.push(`matched up to ${length}: what follows is ${softer.toFixed(0)} dB softer`);
  } else if (end > kept.length) {
    fadeOut(kept, FADE_IF_SHORT); // a file may end in the middle of a wave
    remarks.push(`silence added after ${seconds.toFixed(3)} s, up to ${length}`);
  } else if (sounding) {
    remarks.push(`it is cut off at ${length} while it sounds; its last ${FADE} s are faded out`);
  }
}

/** Describe a note's attack, its sustain, and its end. */
function described(/** @type {NoteEnvelope} */ found, /** @type {number} */ hold) {
  const falling = found.decay < 1 ? 'sustained' : `falling by ${found.decay.toFixed(0)} dB per second`;
  const held = `key held for ${hold.toFixed(2)} s`;
  const end = {
    released: `${held}, then falling by ${found.release.toFixed(0)} dB per second`,
    faded: `it has died away by ${found.end.toFixed(2)} s; ${held}`,
    cut: `it sounds to the end of the recording; ${held}`,
  }[found.ending];
  return `attack ${found.attack.toFixed(2)} s, then ${falling}; ${end}`;
}

/**
 * Return the given note, or the one closest to the pitch, with the pitch, and describe it.
 * @param {Float32Array} sound @param {number | null} given @param {string[]} remarks @param {string[]} warnings
 * @returns {{note: number, pitch: Pitch}}
 */
function pitched(sound, given, remarks, warnings) {
  let pitch = estimatePitch(sound);
  const better = given === null ? '; please give the note' : '';
  const share = `${percent(pitch.voiced)} of the sound has a pitch`;
  const low = pitch.voiced >= CLEAR ? lowShare(sound, pitch.f0) : 1;
  const several = new Set(pitch.held).size > 1;
  const chord = several ? [] : chordNotes(sound, low < LEAST_LOW);
  if (several) {
    const held = pitch.held.slice(0, MOST_SHOWN).map(noteName).join(', ');
    warnings.push(`several notes one after another? Its pitch rests at ${held}${better}`);
  } else if (chord.length) {
    const names = chord.map((hertz) => named(Math.round(midiOf(hertz)))).join(', ');
    const lowest = given === null ? ', and the lowest is taken' : '';
    warnings.push(`a chord: ${names} sound at once${lowest}${better}`);
    pitch = { f0: chord[0], voiced: 1, held: [] };
  } else if (!Number.isFinite(pitch.f0) || pitch.voiced < PITCHED) {
    if (given !== null) return { note: given, pitch };
    warnings.push(
      `no pitch: only ${share} (the bound is ${percent(PITCHED)}), so note ${named(FALLBACK_NOTE)} is assumed${better}`,
    );
    return { note: FALLBACK_NOTE, pitch };
  } else if (pitch.voiced < CLEAR) {
    if (given === null) warnings.push(`no clear pitch: only ${share} (the bound is ${percent(CLEAR)})${better}`);
  } else if (low < LEAST_LOW) {
    warnings.push(
      `several notes at once? The pitch is ${pitch.f0.toFixed(0)} Hz, and only ${(100 * low).toFixed(1)}% of the` +
        ` power is at its lowest two harmonics (the bound is ${percent(LEAST_LOW)})${better}`,
    );
  }
  const midi = midiOf(pitch.f0);
  const closest = Math.min(Math.max(Math.round(midi), 0), 127);
  const played = `${named(closest)} ${signed(Math.round(100 * (midi - closest)))} cents`;
  if (given === null) remarks.push(`note estimated: ${played}`);
  else if (given !== closest) remarks.push(`its pitch is ${played}, not that of the given note, ${named(given)}`);
  return { note: given ?? closest, pitch };
}

/** Measure the share of the power within 3% of the lowest two harmonics of a pitch. */
function lowShare(/** @type {Float32Array} */ sound, /** @type {number} */ f0) {
  const size = 2 ** Math.ceil(Math.log2(sound.length));
  const powers = wholeSpectrum(sound, size);
  let [low, all] = [0, 0];
  for (let k = 0; k < powers.length; k++) {
    const hertz = (k * RATE) / size;
    if (hertz > 30) all += powers[k];
    if (Math.abs(hertz - f0) < 0.03 * hertz || Math.abs(hertz - 2 * f0) < 0.03 * hertz) low += powers[k];
  }
  return low / all;
}
