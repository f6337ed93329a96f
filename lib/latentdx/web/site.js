// Listening rows: one sound at a time, a switch between versions that keeps the position, a position line, keys,
// "Play all" and a slider for rows of steps, and the synth's own level on request. The blind test is in blind.js, loaded
// on pages that have one, and the keyboard that plays presets live is in dock.js, loaded on the first click.
// Without this script the rows are plain players. Only <audio> itself fetches anything, so file:// works.
(() => {
  'use strict';
  // a notebook may run this script twice
  if (window.ldxReady) { window.ldxReady(); return; }
  const ICONS = '<svg viewBox="0 0 16 16" aria-hidden="true"><path class="ldx-go" d="M4.5 2v12l9-6z"/><path class="ldx-pause" d="M3.5 2h3v12h-3zm6 0h3v12h-3z"/></svg>';
  const KEYS = '<svg viewBox="0 0 16 12" aria-hidden="true"><path d="M0 0h3.5v7h1v5H0zm6.5 0h3v7h1v5h-5V7h1zm6 0H16v12h-4.5V7h1z"/></svg>';
  const STEP = 0.1;  // seconds that an arrow key moves
  const LEVEL_KEY = `latentdx:level:${location.pathname}`;
  const HERE = document.currentScript?.src;  // none where a page holds this script itself
  let playing = null;  // the <audio> that was started last
  let asked = null;  // the <audio> that is to start: its file may still be loading
  let walk = null;  // "play all" under way: {row, steps, at, show}
  let blind = null;  // blind.js, once it is asked for

  const clipOf = audio => audio.closest('.ldx-clip');
  const audiosOf = row => [...row.querySelectorAll('.ldx-clip audio')];

  // currentTime can only be set once the duration is known
  function loaded(audio) {
    if (audio.readyState > 0) return Promise.resolve();
    return new Promise(done => {
      audio.addEventListener('loadedmetadata', done, {once: true});
      audio.preload = 'auto';
      audio.load();
    });
  }

  function seek(audio, seconds) {
    show(audio, seconds);
    return loaded(audio).then(() => { audio.currentTime = seconds; });
  }

  async function start(audio) {
    const row = audio.closest('.ldx-row');
    asked = audio;
    // switching within a row continues from the position of the other version
    const other = playing && playing !== audio && !playing.paused && playing.closest('.ldx-row') === row ? playing : null;
    if (other) {
      await loaded(audio);
      if (asked !== audio) return;  // while this one was loading, another was asked for
      await seek(audio, Math.min(other.currentTime, clipOf(audio).dataset.seconds - 0.01));
    }
    pauseOthers(audio);
    if (other) {
      show(other, 0);
      clipOf(other).classList.remove('ldx-started');
    }
    playing = audio;
    audiosOf(row).forEach(a => { a.preload = 'auto'; });  // so that switching is at once
    await audio.play().catch(error => { if (error.name !== 'AbortError') throw error; });  // paused before it began
  }

  function pauseOthers(audio) {
    document.querySelectorAll('audio').forEach(a => { if (a !== audio && !a.paused) a.pause(); });
  }

  // ---- play all: each step from its beginning, the current one highlighted
  function step() {
    const mine = walk, audio = mine.steps[mine.at];
    mine.show(mine.at, mine.steps);
    mine.steps.forEach(a => { a.preload = 'auto'; });
    seek(audio, 0).then(() => walk === mine && audio.play()).catch(() => { if (walk === mine) endWalk(); });
  }

  function endWalk() {
    const ended = walk;
    walk = null;
    ended?.show(-1, ended.steps);
  }

  function stop() {
    endWalk();
    asked = null;
    playing?.pause();
  }

  function addPlayAll(row) {
    const button = document.createElement('button'), count = document.createElement('span'), title = row.getAttribute('aria-label');
    const slider = document.createElement('input'), all = audiosOf(row);
    const show = (at, steps) => {
      steps.forEach((audio, i) => { if (i === at) clipOf(audio).setAttribute('aria-current', 'step'); else clipOf(audio).removeAttribute('aria-current'); });
      row.classList.toggle('ldx-walking', at >= 0);
      const word = at < 0 ? 'Play all' : 'Stop';
      button.innerHTML = `${ICONS}${word}`;
      button.setAttribute('aria-label', `${word}, ${title}`);
      count.textContent = at < 0 ? '' : `${at + 1} of ${steps.length}`;
    };
    button.type = 'button';
    button.className = 'ldx-all';
    count.className = 'ldx-count';
    count.setAttribute('aria-hidden', 'true');
    show(-1, []);
    button.addEventListener('click', () => {
      const mine = walk?.row === row;
      stop();
      if (mine) return;
      walk = {row, steps: all, at: 0, show};
      step();
    });
    // under the slider, the step that is reached goes on where the one before was
    Object.assign(slider, {type: 'range', className: 'ldx-steps', min: 0, max: all.length - 1, step: 1, value: 0});
    slider.setAttribute('aria-label', `Step, ${title}`);
    const tell = () => slider.setAttribute('aria-valuetext', clipOf(all[slider.value]).querySelector('.ldx-title').textContent);
    slider.addEventListener('input', () => { endWalk(); tell(); start(all[slider.value]); });
    all.forEach((audio, i) => audio.addEventListener('play', () => { slider.value = i; tell(); }));
    tell();
    row.querySelector('.ldx-head').append(button, slider, count);
  }

  // ---- true level: the row's boost is in its files, so the volume can only undo it
  const canSetVolume = Object.assign(document.createElement('audio'), {volume: 0.5}).volume === 0.5;  // iOS cannot

  function remembered() {
    try { return new Set(JSON.parse(sessionStorage.getItem(LEVEL_KEY)) ?? []); } catch { return new Set(); }
  }

  function addTrueLevel(row) {
    const gain = Number(row.dataset.gainDb), title = row.getAttribute('aria-label');
    if (!canSetVolume || gain < 0.05) return;
    const button = document.createElement('button'), note = row.querySelector('.ldx-gain'), boosted = note.textContent;
    const set = on => {
      audiosOf(row).forEach(audio => { audio.volume = on ? 10 ** (-gain / 20) : 1; });
      button.setAttribute('aria-pressed', String(on));
      note.textContent = on ? 'The whole row is played at the synth’s own level' : boosted;
    };
    button.type = 'button';
    button.className = 'ldx-level';
    button.textContent = 'true level';
    button.addEventListener('click', () => {
      const on = button.getAttribute('aria-pressed') !== 'true', rows = remembered();
      set(on);
      if (on) rows.add(title); else rows.delete(title);
      try { sessionStorage.setItem(LEVEL_KEY, JSON.stringify([...rows])); } catch { /* no storage: it lasts until the page is left */ }
    });
    set(remembered().has(title));
    note.after(button);
  }

  // ---- as the authors heard it: other files of the same presets, from Dexed 0.9.3; the position stays
  function addPaperEra(row) {
    const links = [...row.querySelectorAll('.ldx-paper')], title = row.getAttribute('aria-label');
    if (!links.length) return;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'ldx-era';
    button.textContent = 'as the authors heard it';
    button.setAttribute('aria-label', `as the authors heard it, ${title}`);
    button.setAttribute('aria-pressed', 'false');
    button.title = 'Dexed 0.9.3, of 2017; otherwise as Dexed plays it today';
    links.forEach(link => { link.hidden = true; });
    button.addEventListener('click', () => {
      if (walk?.row === row) stop();
      button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
      links.forEach(link => {
        const clip = link.closest('.ldx-clip'), audio = clip.querySelector('audio'), image = clip.querySelector('img');
        const plays = !audio.paused, at = audio.currentTime;
        const [sound, picture, text] = [audio, image].map(node => node.getAttribute('src')).concat(image.alt);
        audio.src = link.getAttribute('href');
        image.src = link.dataset.src;
        if (!clip.classList.contains('ldx-masked')) { image.alt = link.dataset.alt; link.dataset.alt = text; }
        link.href = sound;
        link.dataset.src = picture;
        if (plays) seek(audio, at).then(() => audio.play());
      });
    });
    row.querySelector('.ldx-head').append(button);
  }

  // ---- live: a keyboard plays the preset of a clip. Its modules lie beside this script. Opened as a file, a page may
  // not import them; then modules.js, or the page itself, has their texts, from which they are made.
  function fetched(script) {
    return new Promise((done, fail) => {
      const element = Object.assign(document.createElement('script'), {src: new URL(script, HERE), onload: done});
      element.onerror = () => fail(new Error(`${script} is not beside the page`));
      document.head.append(element);
    });
  }

  // In Chromium, a page opened as a file may load a worklet from a data: address, but not from a blob: one.
  const made = {};
  function textModule(path, worklet = false) {
    const text = window.ldxModules[path].replace(/(new URL\()?(['"])(\.{1,2}\/[\w./-]+\.js)\2/g, (_, call = '', quote, other) =>
      call + quote + textModule(new URL(other, `http://page/${path}`).pathname.slice(1), worklet || call !== '') + quote);
    if (worklet) return `data:text/javascript;charset=utf-8,${encodeURIComponent(text).replaceAll("'", '%27')}`;
    return made[path] ??= URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
  }

  async function load(module) {
    if (HERE && location.protocol !== 'file:') return import(new URL(module, HERE));
    if (!window.ldxModules) await fetched('modules.js');
    return import(textModule(module));
  }
  window.ldxLoad = load;  // for other scripts of the page

  // Elements with a script of their own, which is loaded on their pages only. Without it, what they hold remains.
  const ELEMENTS = {'ldx-map': 'map.js', 'ldx-morph': 'morph.js'};
  function loadElements() {
    for (const [name, module] of Object.entries(ELEMENTS)) {
      if (document.querySelector(name)) load(module).catch(() => {});
    }
  }

  function addKeys(clip, row) {
    if (!clip.dataset.voice || !(HERE || window.ldxModules)) return;
    const button = document.createElement('button'), note = document.createElement('span');
    button.type = 'button';
    button.className = 'ldx-keys';
    note.setAttribute('role', 'alert');
    button.innerHTML = `${KEYS}play it<span class="ldx-hidden"> on a keyboard: </span>`;
    button.lastChild.append(`${clip.querySelector('.ldx-title').textContent}, ${row.getAttribute('aria-label')}`);
    button.setAttribute('aria-pressed', 'false');
    button.addEventListener('click', async () => {
      // Safari lets a page sound only if it asks within the click itself
      if (window.AudioContext) window.ldxContext ??= new AudioContext({latencyHint: 'interactive'});
      try {
        const {openDock} = await load('dock.js');
        note.remove();
        await openDock(clip, HERE ? new URL('..', HERE).href : null);
      } catch (error) {
        button.after(' ', note);
        note.textContent = `It cannot be played live here (${error.message}). The recording can be played.`;
      }
    });
    clip.querySelector('.ldx-facts').append(' ', button);
  }

  window.ldxAddKeys = addKeys;

  const toggle = audio => audio.paused ? start(audio) : audio.pause();

  function show(audio, seconds) {
    const clip = clipOf(audio), length = Number(clip.dataset.seconds), bar = clip.querySelector('.ldx-seek');
    clip.style.setProperty('--ldx-at', Math.min(seconds / length, 1));
    if (bar) { bar.value = seconds; bar.setAttribute('aria-valuetext', `${seconds.toFixed(1)} of ${length.toFixed(1)} seconds`); }
  }

  function follow() {
    if (!playing || playing.paused) return;
    show(playing, playing.currentTime);
    requestAnimationFrame(follow);
  }

  function enhance(clip) {
    const audio = clip.querySelector('audio'), plot = clip.querySelector('.ldx-plot');
    const button = document.createElement('button'), bar = document.createElement('input'), line = document.createElement('div');
    button.type = 'button';
    button.className = 'ldx-play';
    button.innerHTML = ICONS;
    button.setAttribute('aria-label', audio.getAttribute('aria-label'));
    button.setAttribute('aria-pressed', 'false');
    Object.assign(bar, {type: 'range', className: 'ldx-seek', min: 0, max: clip.dataset.seconds, step: 'any', value: 0});
    bar.setAttribute('aria-label', audio.getAttribute('aria-label').replace(/^Play /, 'Position in '));
    line.className = 'ldx-line';
    clip.querySelector('.ldx-name').prepend(button);
    plot.append(bar, line);
    audio.controls = false;
    show(audio, 0);

    button.addEventListener('click', () => toggle(audio));
    bar.addEventListener('input', () => { clip.classList.add('ldx-started'); seek(audio, Number(bar.value)); });
    bar.addEventListener('pointerup', () => { const at = Number(bar.value); playing?.pause(); seek(audio, at).then(() => audio.play()); });
    bar.addEventListener('keydown', event => {
      const step = {ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, PageDown: -10 * STEP, PageUp: 10 * STEP}[event.key];
      if (event.key === ' ' || event.key === 'Enter') { event.preventDefault(); toggle(audio); }
      if (step === undefined) return;
      event.preventDefault();
      clip.classList.add('ldx-started');
      seek(audio, Math.max(0, Math.min(Number(bar.value) + step, clip.dataset.seconds - 0.01)));
    });
    audio.addEventListener('timeupdate', () => show(audio, audio.currentTime));
    const walked = () => walk && walk.steps[walk.at] === audio;
    audio.addEventListener('pause', () => {
      clip.classList.remove('ldx-playing');
      button.setAttribute('aria-pressed', 'false');
      if (walked() && !audio.ended) endWalk();
    });
    audio.addEventListener('ended', () => {
      clip.classList.remove('ldx-started');
      audio.currentTime = 0;
      if (!walked()) return;
      walk.at += 1;
      if (walk.at < walk.steps.length) step(); else endWalk();
    });
  }

  // any <audio> of the page, ours or plain: one at a time
  document.addEventListener('play', event => {
    const audio = event.target, clip = clipOf(audio);
    if (audio.paused) return;  // another was started before this event came
    pauseOthers(audio);
    playing = audio;
    if (walk && walk.steps[walk.at] !== audio) endWalk();
    if (!clip || !clip.querySelector('.ldx-play')) return;
    clip.classList.add('ldx-playing', 'ldx-started');
    clip.querySelector('.ldx-play').setAttribute('aria-pressed', 'true');
    requestAnimationFrame(follow);
  }, true);

  // 1 to 9: play that version of the current row from the same position; Escape: stop
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input:not(.ldx-seek), textarea, select, [contenteditable]')) return;
    if (event.key === 'Escape') { stop(); return; }
    const row = event.target.closest('.ldx-row') || (playing && !playing.paused && playing.closest('.ldx-row'));
    const audio = row && /^[1-9]$/.test(event.key) && audiosOf(row)[event.key - 1];
    if (!audio) return;
    event.preventDefault();
    if (audio.paused) start(audio);
  });

  function ready() {
    document.querySelectorAll('.ldx-row:not(.ldx-on)').forEach(row => {
      row.querySelectorAll('.ldx-clip').forEach(clip => { enhance(clip); addKeys(clip, row); });
      if ('sequence' in row.dataset) addPlayAll(row);
      addTrueLevel(row);
      addPaperEra(row);
      row.classList.add('ldx-on');
    });
    loadElements();
    if (HERE && document.querySelector('.ldx-row[data-blind]')) blind ??= fetched('blind.js').catch(() => {});
  }
  window.ldxReady = ready;
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', ready); else ready();
})();
