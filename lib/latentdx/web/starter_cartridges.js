/**
 * The starter cartridges, which the site's build writes as starter.json beside this module.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { readPresets } from './preset_files.js';
/** @import { Cartridge } from './cartridges.js' */

/**
 * Read the starter cartridges.
 * @param {string | null} [address] Address of the file, if it is another one.
 * @returns {Promise<Cartridge[]>}
 * @throws {Error} The file cannot be read.
 */
export async function readStarterCartridges(address) {
  const url = new URL(address ?? new URL('./starter.json', import.meta.url), document.baseURI);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  /** @type {{name: string, file: string, data: string}[]} */
  const files = await answer.json();
  return files.map(({ name, file, data }) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    return { id: `starter ${file}`, name, starter: true, voices: readPresets(bytes, file).voices };
  });
}
