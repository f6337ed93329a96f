/**
 * Elements of pages and drawings, made in one call.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

/**
 * Make an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {Record<string, unknown>} [attributes] Properties, or attributes if their name has a dash
 *   or is `class` or `for`. @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element) Object.assign(element, { [name]: value });
    else element.setAttribute(name, `${value}`);
  }
  element.append(...children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Make an SVG element.
 * @param {string} tag @param {Record<string, string | number>} attributes @param {(Node | string)[]} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  element.append(...children);
  return element;
}

// ---- what forms are made of

/** Make a button. @param {string} text @param {() => void} action @param {Record<string, unknown>} [more] */
export const button = (text, action, more) =>
  make('button', { type: 'button', class: 'ldx-button', onclick: action, ...more }, text);

/** Put a name before a field. @param {string} text @param {HTMLElement} field */
export const labeled = (text, field) => make('label', { class: 'ldx-own-field' }, make('span', {}, text), field);

/** Begin a text with a capital letter. @param {string} text */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Make the items of a list. @param {string[]} texts */
export const items = (texts) => texts.map((text) => make('li', {}, sentence(text)));
