// In Jupyter: makes rows of sounds that appear later playable, says when the kernel does not answer a press on a
// panel, and brings the first panel into view while "Run All", which goes to the end of the notebook, is at work.
(() => {
  'use strict';
  if (window.ldxWatch) return;  // a notebook may run this script twice
  const PATIENCE = 300;  // milliseconds, after which a person wonders
  const WAITING = 'Waiting for the kernel, which is busy or not running.';

  // A panel holds a hidden button. The kernel handles messages in order, so when it has handled that button, which
  // replaces the panel's line of text, it has handled the press before it.
  function ask(panel) {
    const line = panel.querySelector('.ldx-answer p');
    panel.querySelector('.ldx-ask').click();
    setTimeout(() => { if (line?.isConnected) line.textContent = WAITING; }, PATIENCE);
  }

  const asking = new Set();
  function pressed(event) {
    const panel = event.target.closest?.('.ldx-panel');
    if (!panel || asking.has(panel) || event.target.closest('.ldx-live, .ldx-ask')) return;
    asking.add(panel);
    setTimeout(() => { asking.delete(panel); ask(panel); });  // after the widget has sent its own message
  }
  for (const kind of ['click', 'change', 'keyup', 'pointerup']) document.addEventListener(kind, pressed, true);

  function show(panel) {
    panel.classList.remove('ldx-first');
    const prompts = panel.closest('.jp-Notebook')?.querySelectorAll('.jp-InputPrompt') ?? [];
    if ([...prompts].some(prompt => prompt.textContent.includes('*'))) panel.scrollIntoView({block: 'center'});
  }

  window.ldxWatch = new MutationObserver(() => {
    window.ldxReady();
    document.querySelectorAll('.ldx-first').forEach(show);
  });
  window.ldxWatch.observe(document.body, {childList: true, subtree: true});
})();
