/**
 * The DX7's sound engine: it renders notes bit for bit as Dexed does, in the browser, in a worker, in an
 * AudioWorklet or in Node.
 *
 * Presets are 128 packed bytes (as in a cartridge), or 145 or 155 values in VCED order (operator 6 first).
 * Levels and pitches are logarithmic: 2^24 is a factor of two, or an octave. A phase of 2^32 is one cycle.
 * Everything but the samples is computed once per block of 64 samples. Section numbers in comments refer to
 * the specification that the Python package `latentdx.audio.engine` follows, too.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/** Samples per block. */
export const BLOCK = 64;
/** Lowest and highest sample rate, in Hz; below, a table would overflow. */
export const MIN_RATE = 16384;
export const MAX_RATE = 96000;
/**
 * "current" is today's Dexed; "0.9.3" is the version of 2017 that the authors of the paper recorded.
 * @typedef {"current" | "0.9.3"} Era
 */

const SILENT = 16284; // from this attenuation on, an operator is not computed
const OCTAVE = 2 ** 24;
/** Full scale of a block's samples (13): 2^-25, and an eighth of it as in the plug-in's output. */
export const LEVEL = 2 ** -28;

const numbers = (/** @type {string} */ text) => text.trim().split(/\s+/).map(Number);

// ---- tables -----------------------------------------------------------------------------------------------

// 5.2: log frequency of each coarse ratio
const COARSE = numbers(`
  -16777216 0 16777216 26591258 33554432 38955489 43368474 47099600 50331648 53182516 55732705 58039632
  60145690 62083076 63876816 65546747 67108864 68576247 69959732 71268397 72509921 73690858 74816848
  75892776 76922906 77910978 78860292 79773775 80654032 81503396 82323963 83117622
`);
// 6: attenuation by level-scaling distance and by velocity
const EXPONENTIAL = numbers(`
  0 1 2 3 4 5 6 7 8 9 11 14 16 19 23 27 33 39 47 56 66 80 94 110 126 142 158 174 190 206 222 238 250
`);
const VELOCITY = numbers(`
  0 70 86 97 106 114 121 126 132 138 142 148 152 156 160 163 166 170 173 174 178 181 184 186 189 190 194 196
  198 200 202 205 206 209 211 214 216 218 220 222 224 225 227 229 230 232 233 235 237 238 240 241 242 243
  244 246 246 248 249 250 251 252 253 254
`);
const LOW_LEVELS = numbers('0 5 9 13 17 20 23 25 27 29 31 33 35 37 39 41 42 43 45 46');
// 7.4: samples at 44,100 Hz for which an envelope rests
const HOLD = numbers(`
  1764000 1764000 1411200 1411200 1190700 1014300 992250 882000 705600 705600 584325 507150 502740 441000
  418950 352800 308700 286650 253575 220500 220500 176400 145530 145530 125685 110250 110250 88200 88200
  74970 61740 61740 55125 48510 44100 37485 31311 30870 27562 27562 22050 18522 17640 15435 14112 13230
  11025 9261 9261 7717 6615 6615 5512 5512 4410 3969 3969 3439 2866 2690 2249 1984 1896 1808 1411 1367 1234
  1146 926 837 837 705 573 573 529 441 441
`);
// 8: pitch envelope
const PITCH_LEVEL = numbers(`
  -128 -116 -104 -95 -85 -76 -68 -61 -56 -52 -49 -46 -43 -41 -39 -37 -35 -33 -32 -31 -30 -29 -28 -27 -26 -25
  -24 -23 -22 -21 -20 -19 -18 -17 -16 -15 -14 -13 -12 -11 -10 -9 -8 -7 -6 -5 -4 -3 -2 -1 0 1 2 3 4 5 6 7 8 9
  10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 38 40 43 46 49 53 58 65 73
  82 92 103 115 127
`);
const PITCH_RATE = numbers(`
  1 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11 12 12 13 13 14 14 15 16 16 17 18 18 19 20 21 22 23 24 25 26 27
  28 30 31 33 34 36 37 38 39 41 42 44 46 47 49 51 53 54 56 58 60 62 64 66 68 70 72 74 76 79 82 85 88 91 94
  98 102 106 110 115 120 125 130 135 141 147 153 159 165 171 178 185 193 202 211 232 243 254 255
`);
// 9.1: LFO speed in Hz
export const LFO_HZ = numbers(`
  0.062541 0.125031 0.312393 0.437120 0.624610 0.750694 0.936330 1.125302 1.249609 1.436782 1.560915
  1.752081 1.875117 2.062494 2.247191 2.374451 2.560492 2.686728 2.873976 2.998950 3.188013 3.369840
  3.500175 3.682224 3.812065 4.000800 4.186202 4.310716 4.501260 4.623209 4.814636 4.930480 5.121901
  5.315191 5.434783 5.617346 5.750431 5.946717 6.062811 6.248438 6.431695 6.564264 6.749460 6.868132
  7.052186 7.250580 7.375719 7.556294 7.687577 7.877738 7.993605 8.181967 8.372405 8.504848 8.685079
  8.810573 8.986341 9.122423 9.300595 9.500285 9.607994 9.798158 9.950249 10.117361 11.251125 11.384335
  12.562814 13.676149 13.904338 15.092062 16.366612 16.638935 17.869907 19.193858 19.425019 20.833333
  21.034918 22.502250 24.003841 24.260068 25.746653 27.173913 27.578599 29.052876 30.693677 31.191516
  32.658393 34.317090 34.674064 36.416606 38.197097 38.550501 40.387722 40.749796 42.625746 44.326241
  44.883303 46.772685 48.590865 49.261084
`);
// 10: sensitivities
export const PITCH_SENSITIVITY = [0, 10, 20, 33, 55, 92, 153, 255];
const AMPLITUDE_SENSITIVITY = [0, 4342338, 7171437, 16777216];
// 12.1: for operators 6 to 1, the source (0: none, 1 or 2: a work bus, F: its own feedback), the destination
// (a work bus, or M, the mix), and + if it adds to what is there
export const ALGORITHMS = [
  'F1 11 11 1M+ 01 1M+',
  '01 11 11 1M+ F1 1M+',
  'F1 11 1M+ 01 11 1M+',
  'F1 11 1M+ 01 11 1M+',
  'F1 1M+ 01 1M+ 01 1M+',
  'F1 1M+ 01 1M+ 01 1M+',
  'F1 11 01+ 1M+ 01 1M+',
  '01 11 F1+ 1M+ 01 1M+',
  '01 11 01+ 1M+ F1 1M+',
  '01 01+ 1M+ F1 11 1M+',
  'F1 01+ 1M+ 01 11 1M+',
  '01 01+ 01+ 1M+ F1 1M+',
  'F1 01+ 01+ 1M+ 01 1M+',
  'F1 01+ 11 1M+ 01 1M+',
  '01 01+ 11 1M+ F1 1M+',
  'F1 11 02 21+ 01+ 1M+',
  '01 11 02 21+ F1+ 1M+',
  '01 11 11 F1+ 01+ 1M+',
  'F1 1M+ 1M+ 01 11 1M+',
  '01 01+ 1M+ F1 1M+ 1M+',
  '01 1M+ 1M+ F1 1M+ 1M+',
  'F1 1M+ 1M+ 1M+ 01 1M+',
  'F1 1M+ 1M+ 01 1M+ 0M+',
  'F1 1M+ 1M+ 1M+ 0M+ 0M+',
  'F1 1M+ 1M+ 0M+ 0M+ 0M+',
  'F1 01+ 1M+ 01 1M+ 0M+',
  '01 01+ 1M+ F1 1M+ 0M+',
  '0M+ F1 11 1M+ 01 1M+',
  'F1 1M+ 01 1M+ 0M+ 0M+',
  '0M+ F1 11 1M+ 0M+ 0M+',
  'F1 1M+ 0M+ 0M+ 0M+ 0M+',
  'FM+ 0M+ 0M+ 0M+ 0M+ 0M+',
].map((row) =>
  row.split(' ').map((cell) => ({
    feedback: cell[0] === 'F',
    source: cell[0] === 'F' ? 0 : Number(cell[0]),
    destination: cell[1] === 'M' ? 0 : Number(cell[1]),
    carrier: cell[1] === 'M',
    add: cell[2] === '+',
  })),
);

// 11.1: a whole cycle of logarithmic sines, with the sign in bit 15, and the sample for each sum of such a
// sine and an attenuation (1,024 is a factor of two); in the upper half, negative samples.
const LOG_SINE = new Uint16Array(4096);
const SAMPLE = new Int16Array(65536);
for (let i = 0; i < 1024; i++) {
  const value = Math.floor(-1024 * Math.log2(Math.sin((((i + 0.5) / 1024) * Math.PI) / 2)) + 0.5);
  LOG_SINE[i] = LOG_SINE[2047 - i] = value;
  LOG_SINE[2048 + i] = LOG_SINE[4095 - i] = value | 0x8000;
}
for (let i = 0; i < 32768; i++) {
  const mantissa = Math.floor((2 ** ((1023 - (i & 1023)) / 1024) - 1) * 4096 + 0.5);
  SAMPLE[i] = (4096 + mantissa) >> (i >> 10);
  SAMPLE[32768 + i] = -SAMPLE[i] - 1;
}

// 9.4: the LFO's sine, from an exact rotation of integers
const LFO_SINE = new Int32Array(1025);
{
  const [c, s, half] = [1073721611n, 6588356n, 1n << 29n];
  let [u, w] = [1n << 30n, 0n];
  for (let i = 0; i < 512; i++) {
    LFO_SINE[i] = Number((w + 32n) >> 6n);
    LFO_SINE[i + 512] = -LFO_SINE[i];
    [u, w] = [(u * c - w * s + half) >> 30n, (u * s + w * c + half) >> 30n];
  }
}

/**
 * Constants of a sample rate (section 4) and its table of frequencies (5.1).
 * @typedef {{frequencies: Float64Array, envelope: number, pitch: number, delay: number, lfo: number}} Clock
 */

/** @type {Map<number, Clock>} */
const CLOCKS = new Map();

/** @param {number} rate @returns {Clock} */
function clockOf(rate) {
  let clock = CLOCKS.get(rate);
  if (!clock) {
    const frequencies = new Float64Array(1025);
    let y = 2 ** 44 / rate;
    for (let i = 0; i <= 1024; i++, y *= 1.0006771306930664) frequencies[i] = Math.floor(y + 0.5);
    clock = {
      frequencies,
      envelope: Math.trunc((44100 / rate) * OCTAVE),
      pitch: Math.trunc((64 * OCTAVE) / (21.3 * rate) + 0.5),
      delay: Math.trunc((64 * 25190424) / rate + 0.5),
      lfo: Math.trunc((4437500000 * 64) / rate),
    };
    CLOCKS.set(rate, clock);
  }
  return clock;
}

/**
 * Return the phase step of a log frequency, in 2^-32 of a cycle per sample.
 * @param {Float64Array} table @param {number} x
 */
function phaseStep(table, x) {
  const i = (x & 0xffffff) >> 14;
  const y = table[i] + Math.floor(((table[i + 1] - table[i]) * (x & 16383)) / 16384);
  return (y >>> ((20 - (x >> 24)) & 31)) << 8;
}

// ---- presets ----------------------------------------------------------------------------------------------

/** Largest value of each of an operator's 21 parameters, and of the 19 that follow the operators. */
const OPERATOR_MAXIMA = [99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 3, 3, 7, 3, 7, 99, 1, 31, 99, 14];
const GLOBAL_MAXIMA = [99, 99, 99, 99, 99, 99, 99, 99, 31, 7, 1, 99, 99, 99, 99, 1, 5, 7, 48];
/** Largest value of each of the 145 values of a voice, in VCED order. */
export const MAXIMA = Uint8Array.from([...Array(6).fill(OPERATOR_MAXIMA).flat(), ...GLOBAL_MAXIMA]);

/**
 * Unpack a voice of a cartridge; values out of range are limited as Dexed does (2.1, 2.3).
 * @param {ArrayLike<number>} packed 128 bytes.
 * @returns {Uint8Array} 155 values: 145 in VCED order, and the name.
 */
export function unpack(packed) {
  if (packed.length !== 128) throw new RangeError(`a packed voice has 128 bytes, not ${packed.length}`);
  const voice = new Uint8Array(155);
  for (let op = 0; op < 6; op++) {
    const from = 17 * op;
    const byte = (/** @type {number} */ i) => packed[from + i];
    for (let i = 0; i < 11; i++) voice[21 * op + i] = Math.min(byte(i), 99);
    const fields = [
      byte(11) & 3, (byte(11) >> 2) & 3, byte(12) & 7, byte(13) & 3, (byte(13) >> 2) & 7,
      Math.min(byte(14) & 127, 99), byte(15) & 1, (byte(15) >> 1) & 31, Math.min(byte(16) & 127, 99),
      Math.min((byte(12) >> 3) & 15, 14),
    ];
    voice.set(fields, 21 * op + 11);
  }
  for (let i = 0; i < 8; i++) {
    const value = packed[102 + i] & 127;
    voice[126 + i] = value > 99 ? Math.trunc((value / 255) * 99) : value;
  }
  voice.set([packed[110] & 31, packed[111] & 7, (packed[111] >> 3) & 1], 134);
  for (let i = 0; i < 4; i++) voice[137 + i] = Math.min(packed[112 + i] & 127, 99);
  const lfo = packed[116];
  voice.set([lfo & 1, Math.min((lfo >> 1) & 7, 5), (lfo >> 4) & 7, Math.min(packed[117] & 127, 48)], 141);
  for (let i = 0; i < 10; i++) voice[145 + i] = packed[118 + i] & 127;
  return voice;
}

/**
 * Pack a voice for a cartridge.
 * @param {ArrayLike<number>} voice 155 values, or 145 for a voice without a name.
 * @returns {Uint8Array} 128 bytes.
 */
export function pack(voice) {
  const packed = new Uint8Array(128);
  for (let op = 0; op < 6; op++) {
    const v = (/** @type {number} */ i) => voice[21 * op + i];
    for (let i = 0; i < 11; i++) packed[17 * op + i] = v(i);
    packed.set([v(11) | (v(12) << 2), v(13) | (v(20) << 3), v(14) | (v(15) << 2)], 17 * op + 11);
    packed.set([v(16), v(17) | (v(18) << 1), v(19)], 17 * op + 14);
  }
  for (let i = 0; i < 8; i++) packed[102 + i] = voice[126 + i];
  packed.set([voice[134], voice[135] | (voice[136] << 3)], 110);
  for (let i = 0; i < 4; i++) packed[112 + i] = voice[137 + i];
  packed.set([voice[141] | (voice[142] << 1) | (voice[143] << 4), voice[144]], 116);
  for (let i = 0; i < 10; i++) packed[118 + i] = voice[145 + i] ?? 32;
  return packed;
}

/**
 * Return the 145 values of a preset in any of its forms, within their ranges.
 * @param {ArrayLike<number>} preset 128 packed bytes, or 145 or 155 values.
 * @returns {Uint8Array}
 */
export function valuesOf(preset) {
  if (preset.length === 128) return unpack(preset).subarray(0, 145);
  if (preset.length !== 145 && preset.length !== 155) {
    throw new RangeError(`a preset has 128 bytes, or 145 or 155 values, not ${preset.length}`);
  }
  return MAXIMA.map((maximum, i) => Math.min(Math.max(preset[i], 0), maximum));
}

// ---- one note ---------------------------------------------------------------------------------------------

/** @param {number} level @returns {number} 6: the scale of the DX7's output levels */
export const scaled = (level) => (level < 20 ? LOW_LEVELS[level] : 28 + level);

/**
 * Keyboard level scaling (6).
 * @param {number} offset Keys above the breakpoint. @param {number} depth @param {number} curve
 */
function levelScaling(offset, depth, curve) {
  const group = Math.floor((offset >= 0 ? offset + 1 : 1 - offset) / 3);
  const linear = curve === 0 || curve === 3;
  const slope = linear ? group * 8 : EXPONENTIAL[Math.min(group, 32)];
  const change = (slope * depth * 329) >> 15;
  return curve < 2 ? -change : change;
}

/**
 * Log frequency of an operator at rest (5.2).
 * @param {Uint8Array} v The operator's 21 values. @param {number} note @param {boolean} old
 */
function logFrequency(v, note, old) {
  const [fixed, coarse, fine, detune] = v.subarray(17, 21);
  if (fixed) return ((4458616 * (100 * (coarse & 3) + fine)) >> 3) + 13457 * Math.max(detune - 7, 0);
  let p = (old ? 50857777 : 50857776) + 1398101 * note;
  if (old) {
    p += 12606 * (detune - 7);
  } else {
    const ratio = (0.0209 * Math.exp(-0.396 * (Math.fround(p) / OCTAVE))) / 7;
    p = Math.trunc(p + ratio * p * (detune - 7));
  }
  p += COARSE[coarse];
  return fine ? p + Math.floor(24204406.323123 * Math.log(1 + 0.01 * fine) + 0.5) : p;
}

/**
 * Return what a velocity adds to the level of an operator, in 1/32 of its steps (6).
 * @param {number} velocity @param {number} sensitivity KEY VELOCITY.
 */
export function velocityScaling(velocity, sensitivity) {
  return ((sensitivity * (VELOCITY[velocity >> 1] - 239) + 7) >> 3) * 16;
}

/** One operator's settings and state. */
class Operator {
  /**
   * @param {Uint8Array} v Its 21 values. @param {number} note @param {number} velocity
   * @param {Clock} clock @param {boolean} old
   */
  constructor(v, note, velocity, clock, old) {
    this.rates = v.subarray(0, 4);
    this.levels = v.subarray(4, 8);
    const offset = note - v[8] - 17;
    const scaling = offset >= 0 ? levelScaling(offset, v[10], v[12]) : levelScaling(offset, v[9], v[11]);
    const touch = velocityScaling(velocity, v[15]);
    this.output = Math.max(0, 32 * Math.min(127, scaled(v[16]) + scaling) + touch);
    this.rateScaling = (v[13] * Math.min(31, Math.max(0, Math.floor(note / 3) - 7))) >> 3;
    this.amplitude = AMPLITUDE_SENSITIVITY[v[14]];
    this.fixed = v[17] === 1;
    this.frequency = logFrequency(v, note, old);
    this.clock = clock;
    this.old = old;
    /** Envelope (7): log level, stage 0 to 4, where it goes and how far per block, and how long it rests. */
    this.level = 0;
    this.stage = 0;
    this.target = 0;
    this.rising = false;
    this.pace = 0;
    this.rest = 0;
    /** Oscillator: phase and its step, attenuation before and after the block. */
    this.phase = 0;
    this.step = 0;
    this.before = 0;
    this.after = 0;
    this.muted = false;
    this.enter(0);
  }

  /** Enter a stage of the envelope (7.1, 7.4). @param {number} stage */
  enter(stage) {
    this.stage = stage;
    if (stage > 3) return;
    const scale = this.clock.envelope / OCTAVE;
    this.target = 65536 * Math.max(16, 64 * (scaled(this.levels[stage]) >> 1) + this.output - 4256);
    this.rising = this.target > this.level;
    const rate = Math.min(63, ((41 * this.rates[stage]) >> 6) + this.rateScaling);
    this.pace = Math.floor((4 + (rate & 3)) * 2 ** (8 + (rate >> 2)) * scale);
    this.rest = 0;
    const delayed = stage === 0 && this.levels[0] === 0;
    if (!this.old && (this.target === this.level || delayed)) {
      const s = Math.min(99, this.rates[stage] + this.rateScaling);
      let samples = s < 77 ? HOLD[s] : 20 * (99 - s);
      if (s < 77 && delayed) samples = Math.floor(samples / 20);
      this.rest = Math.floor(samples * scale);
    }
  }

  /** Move the envelope by one block (7.2). @param {boolean} down Whether the key is down. */
  move(down) {
    if (this.rest > 0) {
      this.rest -= BLOCK;
      if (this.rest <= 0) {
        this.rest = 0;
        this.enter(this.stage + 1);
      }
    }
    if (this.stage > 3 || (this.stage === 3 && down) || this.rest > 0) return;
    if (this.rising) {
      if (this.level < 112459776) this.level = 112459776;
      this.level += ((285212672 - this.level) >> 24) * this.pace;
      if (this.level < this.target) return;
    } else {
      this.level -= this.pace;
      if (this.level > this.target) return;
    }
    this.level = this.target;
    this.enter(this.stage + 1);
  }
}

/** The pitch envelope (8). */
class PitchEnvelope {
  /** @param {Uint8Array} rates @param {Uint8Array} levels @param {number} unit */
  constructor(rates, levels, unit) {
    this.paces = [...rates].map((rate) => PITCH_RATE[rate] * unit);
    this.targets = [...levels].map((level) => PITCH_LEVEL[level] * 2 ** 19);
    this.value = this.targets[3];
    this.enter(0);
  }

  /** @param {number} stage */
  enter(stage) {
    this.stage = stage;
    this.rising = stage < 4 && this.targets[stage] > this.value;
  }

  /** @param {boolean} down */
  move(down) {
    if (this.stage > 3 || (this.stage === 3 && down)) return;
    const target = this.targets[this.stage];
    this.value += this.rising ? this.paces[this.stage] : -this.paces[this.stage];
    if (this.rising ? this.value >= target : this.value <= target) {
      this.value = target;
      this.enter(this.stage + 1);
    }
  }
}

/** The LFO with its delay (9). */
class Lfo {
  /** @param {Uint8Array} v Values 137 to 142 of a voice. @param {Clock} clock @param {boolean} old */
  constructor([speed, delay, , , sync, wave], clock, old) {
    if (old) {
      const s = speed === 0 ? 1 : (165 * speed) >> 6;
      this.step = (clock.delay * s * (s < 160 ? 11 : 11 + ((s - 160) >> 4))) % 2 ** 32;
    } else {
      this.step = Math.trunc(LFO_HZ[speed] * clock.lfo);
    }
    this.wave = wave;
    this.phase = sync ? 0x7fffffff : 0;
    this.random = 0;
    /** Value, and how far the delay lets it through, each 0 to 2^24. */
    this.value = 0;
    this.depth = 0;
    this.waited = 0;
    if (delay === 0) {
      this.waits = [2 ** 32 - 1, 2 ** 32 - 1];
    } else {
      const a = (16 + ((99 - delay) & 15)) << (1 + ((99 - delay) >> 4));
      this.waits = [a, Math.max(128, a & 0xff80)].map((x) => (clock.delay * x) % 2 ** 32);
    }
  }

  /** Move by one block. */
  move() {
    this.phase = (this.phase + this.step) % 2 ** 32;
    const phase = this.phase | 0;
    if (this.wave === 0) {
      this.value = ((phase < 0 ? ~phase : phase) >>> 7) & 0xffffff;
    } else if (this.wave === 1) {
      this.value = (~phase ^ 0x80000000) >>> 8;
    } else if (this.wave === 2) {
      this.value = (phase ^ 0x80000000) >>> 8;
    } else if (this.wave === 3) {
      this.value = phase < 0 ? 0 : OCTAVE;
    } else if (this.wave === 4) {
      const i = phase >>> 22;
      const slope = (LFO_SINE[i + 1] - LFO_SINE[i]) * ((phase >>> 8) & 16383);
      this.value = 2 ** 23 + ((LFO_SINE[i] + Math.floor(slope / 16384)) >> 1);
    } else {
      if (this.phase < this.step) this.random = (179 * this.random + 17) & 255;
      this.value = ((this.random ^ 128) + 1) * 65536;
    }
    const waited = this.waited + this.waits[this.waited < 2 ** 31 ? 0 : 1];
    if (waited >= 2 ** 32) {
      this.depth = OCTAVE;
    } else {
      this.waited = waited;
      this.depth = waited < 2 ** 31 ? 0 : (waited >>> 7) & 0xffffff;
    }
  }
}

/** A note that sounds: `next` computes its blocks, one after the other. */
export class Note {
  /**
   * @param {ArrayLike<number>} preset 128 packed bytes, or 145 or 155 values.
   * @param {number} key MIDI note, 0 to 127.
   * @param {number} velocity MIDI velocity, 0 to 127.
   * @param {number} rate Sample rate in Hz.
   * @param {Era} [era]
   */
  constructor(preset, key, velocity, rate, era = 'current') {
    if (!(rate >= MIN_RATE && rate <= MAX_RATE)) {
      throw new RangeError(`the sample rate must be ${MIN_RATE} to ${MAX_RATE} Hz, not ${rate}`);
    }
    if (era !== 'current' && era !== '0.9.3') throw new RangeError(`there is no era "${era}"`);
    const values = valuesOf(preset);
    const limited = (/** @type {number} */ x) => Math.min(Math.max(Math.round(x), 0), 127);
    const note = limited(limited(key) + values[144] - 24);
    const clock = clockOf(rate);
    this.old = era === '0.9.3';
    this.clock = clock;
    /** Operators 6 to 1. */
    this.operators = [0, 1, 2, 3, 4, 5].map(
      (i) => new Operator(values.subarray(21 * i, 21 * i + 21), note, limited(velocity), clock, this.old),
    );
    this.pitch = new PitchEnvelope(values.subarray(126, 130), values.subarray(130, 134), clock.pitch);
    this.lfo = new Lfo(values.subarray(137, 143), clock, this.old);
    this.pitchDepth = (165 * values[139]) >> 6;
    this.pitchSensitivity = PITCH_SENSITIVITY[values[143]];
    this.amplitudeDepth = (165 * values[140]) >> 6;
    this.algorithm = values[134] + 1;
    this.routes = ALGORITHMS[values[134]];
    this.feedback = values[135];
    this.down = true;
    /** Master tune and pitch bend together, in cents (5.3). */
    this.cents = 0;
    this.memory = new Int32Array(2);
    this.mix = new Int32Array(BLOCK);
    this.buses = [this.mix, new Int32Array(BLOCK), new Int32Array(BLOCK)];
  }

  /** Release the key, from the next block on (7.3). */
  release() {
    this.down = false;
    for (const operator of this.operators) operator.enter(3);
    this.pitch.enter(3);
  }

  /** Whether the key is up and nothing can be heard any more. */
  get ended() {
    return (
      !this.down &&
      this.operators.every((o, i) => !this.routes[i].carrier || (o.stage > 3 && o.after > SILENT))
    );
  }

  /**
   * Compute the next block.
   * @returns {Int32Array} 64 samples, in units of `LEVEL`; the same array each time.
   */
  next() {
    this.control();
    this.sound();
    return this.mix;
  }

  /** Compute frequencies and levels for the next block (10, 11.3). */
  control() {
    const { lfo, pitch, clock, old, down } = this;
    lfo.move();
    pitch.move(down);
    const tune = Math.round((this.cents * OCTAVE) / 1200);
    let bend = pitch.value;
    if (this.pitchDepth && this.pitchSensitivity) {
      const h = this.pitchSensitivity * (lfo.value - 2 ** 23);
      const depth = this.pitchDepth * lfo.depth; // below 2^32: its product with h is computed in two parts
      const low = Math.floor(((depth % 65536) * h) / 65536);
      const shift = Math.abs(Math.floor((Math.floor(depth / 65536) * h + low) / 2 ** 23));
      bend += h < 0 ? -shift : shift;
    }
    const amplitude = Math.floor(
      (Math.floor((this.amplitudeDepth * lfo.depth) / 256) * (old ? lfo.value : OCTAVE - lfo.value)) / OCTAVE,
    );
    for (const operator of this.operators) {
      const frequency = operator.frequency + tune + (operator.fixed && !old ? 0 : bend);
      operator.step = phaseStep(clock.frequencies, frequency);
      operator.move(down);
      let level = operator.level;
      if (operator.amplitude) {
        const t = Math.floor((amplitude * operator.amplitude) / OCTAVE);
        level -= Math.floor((level * Math.trunc(Math.exp((t / 262144) * 0.07 + 12.2))) / OCTAVE);
      }
      operator.before = operator.after || 16383;
      operator.after = operator.muted ? 16384 : 16384 - (level >> 14);
    }
  }

  /** Compute the samples of the block into the mix (12). */
  sound() {
    const { operators, routes, buses, mix, algorithm, feedback, memory } = this;
    mix.fill(0);
    const filled = [true, false, false];
    let first = 0;
    if ((algorithm === 4 || algorithm === 6) && feedback && audible(operators[0])) {
      first = algorithm === 4 ? 3 : 2;
      chain(operators, first, 10 - feedback, memory, mix);
    }
    for (let i = first; i < 6; i++) {
      const operator = operators[i];
      const { source, destination, add, feedback: loops } = routes[i];
      if (audible(operator)) {
        const out = buses[destination];
        const keep = add && filled[destination] ? -1 : 0;
        if (loops && feedback) {
          const shift = !this.old && algorithm === 32 ? 10 - feedback : 8 - feedback;
          loop(operator, shift, memory, out, keep);
        } else if (source && filled[source]) {
          modulated(operator, buses[source], out, keep);
        } else {
          plain(operator, out, keep);
        }
        filled[destination] = true;
      } else if (!add) {
        filled[destination] = false;
      }
      operator.phase = (operator.phase + Math.imul(operator.step, BLOCK)) | 0;
    }
  }
}

/** Whether an operator is computed in this block (11.3). @param {Operator} o */
const audible = (o) => o.before <= SILENT || o.after <= SILENT;

/** Increment of the attenuation per sample (11.3). @param {Operator} o */
const ramp = (o) => (o.after - o.before + 32) >> 6;

// The loops over samples. A sample of -4,096 to 4,095 stands on a bus in 2^13. `keep` is -1 to add to what is
// on the bus, and 0 to overwrite it. The first two loops take two samples at a time, which is quicker.

/**
 * Return an operator's sample at a phase and an attenuation; the mask changes no index, but spares a check.
 * @param {number} phase @param {number} gain
 */
const sampleAt = (phase, gain) => SAMPLE[(LOG_SINE[phase >>> 20] + gain) & 0xffff] << 13;

/** @param {Operator} o @param {Int32Array} out @param {number} keep */
function plain(o, out, keep) {
  const [step, increment] = [o.step, ramp(o)];
  let [phase, gain] = [o.phase, o.before];
  for (let i = 0; i < BLOCK; i += 2) {
    gain += increment;
    out[i] = (out[i] & keep) + sampleAt(phase, gain);
    phase = (phase + step) | 0;
    gain += increment;
    out[i + 1] = (out[i + 1] & keep) + sampleAt(phase, gain);
    phase = (phase + step) | 0;
  }
}

/** @param {Operator} o @param {Int32Array} source @param {Int32Array} out @param {number} keep */
function modulated(o, source, out, keep) {
  const [step, increment] = [o.step, ramp(o)];
  let [phase, gain] = [o.phase, o.before];
  for (let i = 0; i < BLOCK; i += 2) {
    gain += increment;
    out[i] = (out[i] & keep) + sampleAt(phase + (source[i] << 8), gain);
    phase = (phase + step) | 0;
    gain += increment;
    out[i + 1] = (out[i + 1] & keep) + sampleAt(phase + (source[i + 1] << 8), gain);
    phase = (phase + step) | 0;
  }
}

/**
 * An operator that modulates itself by the mean of its last two samples (12.3).
 * @param {Operator} o @param {number} shift @param {Int32Array} memory @param {Int32Array} out
 * @param {number} keep
 */
function loop(o, shift, memory, out, keep) {
  const [step, increment] = [o.step, ramp(o)];
  let [phase, gain, older, last] = [o.phase, o.before, memory[0], memory[1]];
  for (let i = 0; i < BLOCK; i++) {
    gain += increment;
    const sample = sampleAt(phase + (((older + last) >> (shift + 1)) << 8), gain);
    older = last;
    last = sample;
    out[i] = (out[i] & keep) + sample;
    phase = (phase + step) | 0;
  }
  memory[0] = older;
  memory[1] = last;
}

/**
 * Two or three operators in one feedback loop (12.4).
 * @param {Operator[]} operators @param {number} count @param {number} shift @param {Int32Array} memory
 * @param {Int32Array} out
 */
function chain(operators, count, shift, memory, out) {
  const increment = ramp(operators[0]);
  let [gain, older, last] = [operators[0].before, memory[0], memory[1]];
  for (let i = 0; i < BLOCK; i++) {
    gain += increment;
    let sample = (older + last) >> (shift + 1);
    for (let k = 0; k < count; k++) {
      const o = operators[k];
      sample = sampleAt(o.phase + (sample << 8), k ? o.after : gain);
      o.phase = (o.phase + o.step) | 0;
    }
    older = last;
    last = out[i] = sample;
  }
  memory[0] = older;
  memory[1] = last;
}

/**
 * Render one note, at the level of Dexed's own output.
 * @param {ArrayLike<number>} preset 128 packed bytes, or 145 or 155 values.
 * @param {object} [options]
 * @param {number} [options.note] MIDI note.
 * @param {number} [options.velocity] MIDI velocity.
 * @param {number} [options.hold] Seconds until the key is released.
 * @param {number} [options.seconds] Length in seconds.
 * @param {number} [options.rate] Sample rate in Hz.
 * @param {Era} [options.era]
 * @param {number} [options.cents] Master tune.
 * @returns {Float32Array}
 */
export function render(preset, options = {}) {
  const { note = 60, velocity = 85, hold = 3, seconds = 4, rate = 22050, era, cents = 0 } = options;
  if (!(hold >= 0 && seconds >= 0)) {
    throw new RangeError(`hold and seconds must not be negative: ${hold}, ${seconds}`);
  }
  const voice = new Note(preset, note, velocity, rate, era);
  voice.cents = cents;
  // the reference keeps times as 32-bit floats
  const samples = (/** @type {number} */ time) => Math.floor(Math.fround(time) * rate + 0.5);
  const [length, release] = [samples(seconds), samples(hold)];
  const out = new Float32Array(length);
  for (let start = 0; start < length; start += BLOCK) {
    if (voice.down && start >= release) voice.release();
    const block = voice.next();
    const count = Math.min(BLOCK, length - start);
    for (let i = 0; i < count; i++) out[start + i] = block[i] * LEVEL;
  }
  return out;
}
