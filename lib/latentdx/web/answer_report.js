/**
 * A match as one HTML file, which needs nothing else: sounds, pictures and presets are in it.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

import { answerRow } from './answer_row.js';
import { make } from './elements.js';
import { dataUrl } from './wav.js';
/** @import { Shown } from './answer_row.js' */

const FILES = ['report.css', 'site.css', 'site.js'];
const THEME =
  "document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';";

/** Load the styles and the script of reports, so that a report can be written when the network is gone. */
export async function loadReportParts() {
  const texts = FILES.map(async (file) => {
    const answer = await fetch(new URL(`./${file}`, import.meta.url));
    if (!answer.ok) throw new Error(`${file} answers ${answer.status}`);
    return answer.text();
  });
  const [report, site, script] = await Promise.all(texts);
  return { style: report + site, script };
}

/**
 * Contents of a report.
 * @typedef {object} ReportContents
 * @property {string} title @property {string} lead What was found, in sentences.
 * @property {string} played Note, velocity and hold.
 * @property {string[]} remarks What was done with the sound.
 * @property {string[]} warnings What may be wrong with it.
 * @property {Shown[]} shown @property {string} root Address of the site's root.
 * @property {string} made How the match was made.
 */

/**
 * Write a report.
 * @param {ReportContents} contents @param {{style: string, script: string}} parts
 * @returns {string} HTML.
 */
export function answerReport({ title, lead, played, remarks, warnings, shown, root, made }, { style, script }) {
  const page = document.implementation.createHTMLDocument(title);
  page.documentElement.lang = 'en';
  page.head.prepend(make('meta', { charset: 'utf-8' })); // an attribute: the property would be none
  page.head.append(
    make('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    make('style', {}, style),
  );
  const row = answerRow(shown, {
    title: 'The target, and the presets found, closest first',
    caption: played,
    root,
    link: dataUrl,
  });
  page.body.append(
    make(
      'main',
      {},
      make('h1', {}, title),
      make('p', {}, lead),
      ...warnings.map((text) => make('p', {}, make('b', {}, text))),
      make(
        'details',
        { class: 'ldx-more' },
        make('summary', {}, 'How the sound was prepared'),
        make('ul', {}, ...remarks.map((text) => make('li', {}, text))),
      ),
      row,
      make('p', { class: 'ldx-made' }, made),
    ),
  );
  // scripts are put in as text: as elements, they would be run here
  const scripts = `<script>${THEME}\n${script.replaceAll('</script', '<\\/script')}</script></head>`;
  return `<!doctype html>\n${page.documentElement.outerHTML.replace('</head>', () => scripts)}`;
}
