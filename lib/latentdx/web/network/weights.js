/**
 * Loads a model that `latentdx_book.build.web_model` exported: a JSON header, and a file of numbers.
 *
 * The numbers are kept in the browser's cache under their checksum, so that they are loaded once.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/** Number of the files' format. */
const FORMAT = 1;
const CACHE = 'latentdx-model';

/**
 * Header of a model; see `web_model.export`.
 * @typedef {object} Header
 * @property {number} format
 * @property {string} model Name of the model.
 * @property {string} checkpoint First digits of the SHA-256 of its checkpoint.
 * @property {string} file @property {number} bytes @property {string} sha256
 * @property {import('./mel_spectrogram.js').Levels} spectrogram
 * @property {Record<"layers" | "deep", import('./encoder.js').Convolution[]>} encoder
 * @property {import('./sampler.js').Tables} sampler
 * @property {import('./regression.js').Tables} regression
 * @property {Record<string, {type: "f32" | "f16" | "i8", offset: number, shape: number[]}>} tensors
 */

/** @typedef {{loaded: number, total: number}} Progress Bytes of the numbers. */

/** Values of all half-precision floats. @type {Float32Array | undefined} */
let halves;

/** @returns {Float32Array} */
function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let i = 0; i < 65536; i++) {
    const exponent = (i >> 10) & 31;
    const fraction = i & 1023;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
    halves[i] = i >> 15 ? -size : size;
  }
  return halves;
}

/** The numbers of a model. */
export class Weights {
  /** @param {Header} header @param {ArrayBuffer} data */
  constructor(header, data) {
    this.header = header;
    this.data = data;
  }

  /** @param {string} name */
  entry(name) {
    const entry = this.header.tensors[name];
    if (!entry) throw new Error(`the model has no weights ${name}`);
    return { ...entry, size: entry.shape.reduce((product, n) => product * n, 1) };
  }

  /**
   * Decode numbers to single precision.
   * @param {string} name
   * @param {Float32Array} [out] Array that is filled; a new one if omitted.
   */
  read(name, out) {
    const { type, offset, shape, size } = this.entry(name);
    const numbers = out ?? new Float32Array(size);
    if (type === 'f32') {
      numbers.set(new Float32Array(this.data, offset, size));
    } else if (type === 'f16') {
      const table = halfTable();
      const codes = new Uint16Array(this.data, offset, size);
      for (let i = 0; i < size; i++) numbers[i] = table[codes[i]];
    } else {
      const codes = new Int8Array(this.data, offset, size);
      const scales = this.read(`${name}.scales`); // of each column of each panel (panel, input, column)
      const [panels, inputs, columns] = shape;
      for (let panel = 0, i = 0; panel < panels; panel++) {
        for (let input = 0; input < inputs; input++) {
          for (let j = 0; j < columns; j++, i++) numbers[i] = codes[i] * scales[panel * columns + j];
        }
      }
    }
    return numbers;
  }
}

/**
 * Read a response piece by piece.
 * @param {Response} response @param {number} total Number of bytes that are expected.
 * @param {(progress: Progress) => void} [onProgress]
 * @returns {Promise<ArrayBuffer>}
 */
async function readAll(response, total, onProgress) {
  const bytes = new Uint8Array(total);
  let loaded = 0;
  onProgress?.({ loaded, total });
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (loaded + value.length > total) throw new Error('the file of the model is longer than it should be');
    bytes.set(value, loaded);
    loaded += value.length;
    onProgress?.({ loaded, total });
  }
  if (loaded < total) throw new Error(`the file of the model ends after ${loaded} of ${total} bytes`);
  return bytes.buffer;
}

/** Compute a SHA-256, where the browser can (on secure pages only). @param {ArrayBuffer} data */
async function sha256(data) {
  if (!globalThis.crypto?.subtle) return null;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Open the cache of models, or `null` where there is none, or it is forbidden. */
async function openCache() {
  try {
    return (await globalThis.caches?.open(CACHE)) ?? null;
  } catch {
    return null;
  }
}

/** @param {string | URL} url @param {RequestInit} [options] */
async function fetched(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${url} cannot be loaded: ${response.status} ${response.statusText}`);
  return response;
}

/**
 * Load a model, from the browser's cache if it is there.
 * @param {string | URL} url Address of `model.json`.
 * @param {(progress: Progress) => void} [onProgress] Function that is told how much is loaded.
 * @param {AbortSignal} [signal] Signal that ends the loading.
 * @returns {Promise<Weights>}
 * @throws {Error} A file cannot be loaded, or is not what the header says.
 */
export async function loadWeights(url, onProgress, signal) {
  const response = await fetched(url, { signal, cache: 'no-cache' }); // asks whether it has changed
  const header = /** @type {Header} */ (await response.json());
  if (header.format !== FORMAT) throw new Error(`the model's format is ${header.format}, not ${FORMAT}`);
  const file = new URL(header.file, response.url);
  file.searchParams.set('sha256', header.sha256.slice(0, 16)); // no cache on the way has another version
  const cache = await openCache();
  const kept = await cache?.match(file).catch(() => undefined);
  if (kept) {
    const data = await kept.arrayBuffer();
    const hash = await sha256(data);
    if (data.byteLength === header.bytes && (hash === null || hash === header.sha256)) {
      onProgress?.({ loaded: header.bytes, total: header.bytes });
      return new Weights(header, data);
    }
  }
  const data = await readAll(await fetched(file, { signal }), header.bytes, onProgress);
  const hash = await sha256(data);
  if (hash !== null && hash !== header.sha256) throw new Error('the file of the model is damaged');
  if (cache) {
    try {
      for (const request of await cache.keys()) await cache.delete(request); // of older models
      await cache.put(file, new Response(data));
    } catch {
      // a full disk, or a private window: it is loaded again next time
    }
  }
  return new Weights(header, data);
}
