/**
 * What pages do for their reader outside of the page: save a file, and send a voice to a synth.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { midiOutputs, sendVoice, voiceName } from './voice_link.js';

const KEPT = 10_000; // milliseconds for which a browser may still read a file that is being saved

/** Save a file on the reader's computer. @param {BlobPart} data @param {string} type @param {string} name */
export function saveFile(data, type, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([data], { type }));
  link.download = name.replace(/[^\w .()-]+/g, '_').trim();
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
}

/**
 * Send a voice to the edit buffer of a synth; if there are several, the reader chooses.
 * @param {Uint8Array} packed
 * @param {(...parts: (string | Node)[]) => void} tell Says what was done, what to choose, or why it cannot be done.
 */
export async function sendToSynth(packed, tell) {
  const to = (/** @type {MIDIOutput} */ output) => {
    sendVoice(packed, output);
    const synth = output.name ?? 'the synth';
    tell(`${voiceName(packed)} was sent to ${synth}, to its edit buffer: nothing that is stored there is overwritten.`);
  };
  try {
    const outputs = await midiOutputs();
    if (outputs.length === 1) return to(outputs[0]);
    const buttons = outputs.map((output) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = output.name ?? output.id;
      button.onclick = () => to(output);
      return button;
    });
    tell('Send it to: ', ...buttons);
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
  }
}
