// Map of presets: turns the list of players into dots on the picture. Nothing plays by itself, and only <audio>
// fetches anything, so file:// works. An arrow key moves to the nearest dot in its direction; Enter or a click plays.
(() => {
  'use strict';
  const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

  function nearest(from, dots, [dx, dy]) {
    const place = dot => { const box = dot.getBoundingClientRect(); return [box.x, box.y]; };
    const [x, y] = place(from);
    let best = null, least = Infinity;
    for (const dot of dots) {
      const [u, v] = place(dot), along = (u - x) * dx + (v - y) * dy, across = Math.abs((u - x) * dy) + Math.abs((v - y) * dx);
      if (along > 1 && along + 2 * across < least) { least = along + 2 * across; best = dot; }
    }
    return best;
  }

  function enhance(map) {
    const field = map.querySelector('.ldx-map-field'), list = map.querySelector('.ldx-map-sounds'), now = map.querySelector('.ldx-map-now');
    const dots = [...list.children].map(item => {
      const audio = item.querySelector('audio'), dot = document.createElement('button');
      dot.type = 'button';
      dot.className = 'ldx-map-dot';
      dot.title = item.querySelector('.ldx-map-name').textContent.trim();
      dot.setAttribute('aria-label', audio.getAttribute('aria-label'));
      dot.setAttribute('aria-pressed', 'false');
      dot.tabIndex = -1;
      audio.controls = false;
      item.append(dot);
      dot.addEventListener('click', () => { if (audio.paused) { audio.currentTime = 0; audio.play().catch(() => {}); /* another dot was clicked meanwhile */ } else audio.pause(); });
      dot.addEventListener('focus', () => { dots.forEach(other => { other.tabIndex = other === dot ? 0 : -1; }); });
      audio.addEventListener('play', () => { dot.setAttribute('aria-pressed', 'true'); now.textContent = dot.title; });
      audio.addEventListener('pause', () => dot.setAttribute('aria-pressed', 'false'));
      return dot;
    });
    dots[0].tabIndex = 0;  // one stop for the Tab key
    list.addEventListener('keydown', event => {
      const next = WAYS[event.key] && nearest(event.target, dots, WAYS[event.key]);
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
    field.append(list);
    map.classList.add('ldx-map-on');
  }

  const ready = () => document.querySelectorAll('.ldx-map').forEach(enhance);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', ready); else ready();
})();
