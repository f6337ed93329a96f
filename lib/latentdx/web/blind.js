// Blind test of a page: hide which version of a row is which, vote for the closest, and compare with the measured
// distances. Votes stay in this browser. It works on rows with data-blind; site.js loads it.
(() => {
  'use strict';
  const KEY = `latentdx:blind:${location.pathname}`;
  let state = {on: false, votes: {}};  // votes: title of a row -> id of a version
  let update = () => {};  // refreshes the panel after a vote

  const element = (tag, className, text = '') => Object.assign(document.createElement(tag), {className, textContent: text});

  function button(className, text, action) {
    const made = element('button', className, text);
    made.type = 'button';
    made.addEventListener('click', action);
    return made;
  }

  function load() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY));
      if (kept && typeof kept.votes === 'object') state = {on: kept.on === true, votes: {...kept.votes}};
    } catch { /* private window, or unreadable: start without votes */ }
  }

  function save() {
    try {
      if (state.on || Object.keys(state.votes).length) localStorage.setItem(KEY, JSON.stringify(state));
      else localStorage.removeItem(KEY);
    } catch { /* no storage: the votes last until the page is left */ }
  }

  // Reads the parts of a row. A version's id names its sound by content, so a vote for a rebuilt sound is void.
  function read(figure) {
    const title = figure.getAttribute('aria-label'), [target, ...clips] = figure.querySelectorAll('.ldx-clip');
    const versions = clips.map(clip => {
      const name = clip.querySelector('.ldx-title').textContent;
      const id = `${name} ${clip.querySelector('audio').getAttribute('src')}`;
      return {clip, name, id, distance: Number(clip.dataset.distance), alt: clip.querySelector('img').alt};
    });
    const least = Math.min(...versions.map(version => version.distance));
    const result = element('p', 'ldx-result');
    result.tabIndex = -1;
    result.hidden = true;
    figure.querySelector('.ldx-clips').after(result);
    return {figure, title, target, versions, nearest: versions.filter(version => version.distance === least), result};
  }

  const chosen = row => row.versions.find(version => version.id === state.votes[row.title]);

  function shuffled(list) {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }

  function label(row, version, name) {
    const {clip} = version;
    clip.querySelector('.ldx-title').textContent = name;
    clip.querySelector('audio').setAttribute('aria-label', `Play ${name}, ${row.title}`);
    clip.querySelector('.ldx-play')?.setAttribute('aria-label', `Play ${name}, ${row.title}`);
    clip.querySelector('.ldx-seek')?.setAttribute('aria-label', `Position in ${name}, ${row.title}`);
  }

  function unmask(row, version) {
    const {clip} = version;
    label(row, version, version.name);
    clip.querySelector('img').alt = version.alt;
    clip.querySelector('.ldx-told').hidden = false;
    clip.classList.remove('ldx-masked', 'ldx-chosen');
    clip.querySelectorAll('.ldx-vote, .ldx-choice').forEach(node => node.remove());
  }

  // Shows a row as it was written, or, during the test, with its versions hidden or its vote revealed
  function show(row) {
    row.versions.forEach(version => { unmask(row, version); row.target.parentNode.append(version.clip); });
    const differences = row.figure.querySelector('.ldx-differences');
    if (differences) differences.hidden = state.on && !chosen(row);
    row.result.hidden = true;
    if (!state.on) return;
    if (chosen(row)) reveal(row); else mask(row);
  }

  function mask(row) {
    shuffled(row.versions).forEach((version, i) => {
      const {clip} = version, letter = String.fromCharCode(65 + i);
      row.target.parentNode.append(clip);
      label(row, version, `Version ${letter}`);
      clip.querySelector('img').alt = `Picture of version ${letter}, hidden until you vote`;
      clip.querySelector('.ldx-told').hidden = true;
      clip.classList.add('ldx-masked');
      clip.append(button('ldx-vote', `${letter} is closest`, () => vote(row, version)));
    });
  }

  function reveal(row) {
    const choice = chosen(row);
    choice.clip.classList.add('ldx-chosen');
    choice.clip.querySelector('.ldx-told').prepend(element('div', 'ldx-badge ldx-choice', 'your choice'));
    row.result.hidden = false;
    row.result.textContent = row.nearest.includes(choice)
      ? `You chose ${choice.name}, which has the smallest measured distance.`
      : `You chose ${choice.name}. The smallest measured distance is that of ${row.nearest.map(v => v.name).join(' and ')}.`;
  }

  function vote(row, version) {
    state.votes[row.title] = version.id;
    save();
    // keep the order that was heard, with the names next to the letters
    const letters = new Map(row.versions.map(v => [v, v.clip.querySelector('.ldx-title').textContent.replace('Version ', '')]));
    row.versions.forEach(v => {
      unmask(row, v);
      v.clip.querySelector('.ldx-title').textContent = `${letters.get(v)}: ${v.name}`;
    });
    const differences = row.figure.querySelector('.ldx-differences');
    if (differences) differences.hidden = false;
    reveal(row);
    update();
    row.result.focus();
  }

  function count(rows) {
    const voted = rows.filter(chosen), votes = new Map();
    if (!voted.length) return '';
    voted.forEach(row => { const {name} = chosen(row); votes.set(name, (votes.get(name) ?? 0) + 1); });
    const agreed = voted.filter(row => row.nearest.includes(chosen(row))).length;
    const guessed = voted.reduce((sum, row) => sum + row.nearest.length / row.versions.length, 0);
    const names = [...votes].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name} ${n}`);
    return `You chose the version with the smallest measured distance in ${agreed} of ${voted.length} row${voted.length > 1 ? 's' : ''}; `
      + `guessing would do so in ${guessed.toFixed(1)} on average. Votes: ${names.join(', ')}.`;
  }

  function addPanel(rows) {
    const panel = element('section', 'ldx-blind'), tally = element('p', 'ldx-tally'), buttons = element('div', 'ldx-buttons');
    const hush = () => document.querySelectorAll('audio').forEach(audio => audio.pause());
    update = () => {
      toggle.setAttribute('aria-pressed', String(state.on));
      clear.hidden = !rows.some(chosen);
      tally.textContent = count(rows);
    };
    const apply = () => { hush(); document.dispatchEvent(new Event('ldx-blind')); save(); rows.forEach(show); update(); };
    const toggle = button('ldx-switch', 'Hide which is which', () => { state.on = !state.on; apply(); });
    const clear = button('ldx-clear', 'Clear my votes', () => { state.votes = {}; apply(); toggle.focus(); });
    panel.setAttribute('aria-label', 'Blind test');
    tally.setAttribute('role', 'status');
    panel.append(
      element('p', 'ldx-blind-title', 'Blind test'),
      element('p', 'ldx-blind-text', 'Hide which version is which, listen to the target and to each version, and vote for the '
        + 'closest. The names appear after your vote. The measured distance is a weighted sum of the three distances shown '
        + 'under each version. Your votes stay in this browser.'),
      buttons, tally);
    buttons.append(toggle, clear);
    rows[0].figure.before(panel);
    if (state.on) rows.forEach(show);
    update();
  }

  function ready() {
    const rows = [...document.querySelectorAll('.ldx-row[data-blind]')].map(read);
    if (!rows.length) return;
    load();
    addPanel(rows);
  }
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', ready); else ready();
})();
