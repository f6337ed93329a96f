/**
 * What the synth's page keeps between visits, in the reader's browser alone: the reader's cartridges in
 * IndexedDB, and the voice, the selection and the loop in `localStorage`, which is written at once. Where the
 * browser keeps nothing (private windows, a full disk), the page works on, and says so.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { NAME_LENGTH, VALUES } from './parameters.js';
import { withName } from './preset_files.js';
import { decodeName } from './sysex_reader.js';

/** @typedef {import("./cartridges.js").Cartridge} Cartridge */
/** @typedef {import("./cartridges.js").State} State */
/** @typedef {import("./sysex_reader.js").Voice} Voice */
/** @typedef {import("./step_loop.js").Pattern} Pattern */

/** A cartridge in the database. @typedef {{id: string, name: string, order: number, bytes: Uint8Array}} Row */

const DATABASE = 'latentdx-synth';
const KEY = 'latentdx:synth';
const SIZE = VALUES + NAME_LENGTH;

/** Voices as bytes, 155 each. @param {readonly Voice[]} voices */
function toBytes(voices) {
  const bytes = new Uint8Array(SIZE * voices.length);
  voices.forEach((voice, i) => bytes.set(withName(voice), SIZE * i));
  return bytes;
}

/** @param {Uint8Array} bytes @returns {Voice[]} */
function fromBytes(bytes) {
  return Array.from({ length: Math.floor(bytes.length / SIZE) }, (_, i) => {
    const voice = bytes.slice(SIZE * i, SIZE * (i + 1));
    return { values: voice.slice(0, VALUES), name: decodeName(voice.subarray(VALUES)) };
  });
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export class Session {
  constructor() {
    /** Why nothing is kept, in a sentence; empty if all is well. */
    this.problem = '';
    /** Whether the cartridges that were kept are unknown: then they are not overwritten. */
    this.unread = false;
    /** @type {Promise<IDBDatabase> | null} */
    this.database = null;
    /** @type {readonly Cartridge[]} What was kept last. */
    this.kept = [];
    /** @type {Map<string, number>} Place of each cartridge in the list. */
    this.order = new Map();
    this.keeping = Promise.resolve();
  }

  /** @param {IDBTransactionMode} mode */
  async table(mode) {
    if (!this.database) {
      const request = indexedDB.open(DATABASE, 1);
      request.onupgradeneeded = () => request.result.createObjectStore('cartridges', { keyPath: 'id' });
      this.database = done(request);
    }
    return (await this.database).transaction('cartridges', mode).objectStore('cartridges');
  }

  /** @param {unknown} error */
  fail(error) {
    const reason = error instanceof Error ? error.message : String(error);
    this.problem = `This browser doesn't keep your cartridges and changes for the next visit (${reason}).`;
  }

  /**
   * Return the state that was kept, with the starter cartridges.
   * @param {State} state What to begin with on a first visit.
   * @returns {Promise<{state: State, pattern: Pattern | null}>}
   */
  async load(state) {
    /** @type {Cartridge[]} */
    let own = [];
    /** @type {Partial<{shown: string, place: State["place"], voice: number[], pattern: Pattern}>} */
    let rest = {};
    try {
      /** @type {Row[]} */
      const rows = await done((await this.table('readonly')).getAll());
      rows.sort((a, b) => a.order - b.order);
      own = rows.map(({ id, name, bytes }) => ({ id, name, voices: fromBytes(bytes) }));
      this.order = new Map(rows.map(({ id, order }) => [id, order]));
    } catch (error) {
      this.unread = true;
      this.fail(error);
    }
    try {
      rest = JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {};
    } catch (error) {
      this.fail(error);
    }
    this.kept = own;
    const cartridges = [...state.cartridges, ...own];
    const known = (/** @type {unknown} */ id) => cartridges.some((cartridge) => cartridge.id === id);
    const [voice] = rest.voice?.length === SIZE ? fromBytes(Uint8Array.from(rest.voice)) : [state.voice];
    const found = {
      cartridges,
      shown: known(rest.shown) ? /** @type {string} */ (rest.shown) : state.shown,
      place: rest.voice ? (known(rest.place?.cartridge) ? (rest.place ?? null) : null) : state.place,
      voice,
    };
    return { state: found, pattern: rest.pattern ?? null };
  }

  /** Keep a state. @param {State} state @param {Pattern} pattern */
  save({ cartridges, shown, place, voice }, pattern) {
    try {
      localStorage.setItem(KEY, JSON.stringify({ shown, place, voice: [...withName(voice)], pattern }));
    } catch (error) {
      this.fail(error);
    }
    const own = cartridges.filter((cartridge) => !cartridge.starter);
    if (!this.unread) this.keep(own);
  }

  /**
   * Keep cartridges, each under its own key, so that two tabs do not overwrite what the other one added.
   * @param {readonly Cartridge[]} own
   */
  keep(own) {
    const before = new Set(this.kept);
    const now = new Set(own.map(({ id }) => id));
    const changed = own.filter((cartridge) => !before.has(cartridge));
    const gone = this.kept.filter(({ id }) => !now.has(id));
    this.kept = own;
    if (!changed.length && !gone.length) return;
    /** @type {Row[]} */
    const rows = changed.map(({ id, name, voices }) => {
      const order = this.order.get(id) ?? 1 + Math.max(-1, ...this.order.values());
      this.order.set(id, order);
      return { id, name, order, bytes: toBytes(voices) };
    });
    this.keeping = this.keeping
      .then(async () => {
        const table = await this.table('readwrite');
        const [put, dropped] = [rows.map((row) => table.put(row)), gone.map(({ id }) => table.delete(id))];
        await Promise.all([...put.map(done), ...dropped.map(done)]);
      })
      .catch((error) => this.fail(error));
  }
}
