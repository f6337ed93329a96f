/*
 * Load MathJax, which is large, when the first formula comes into view, or before the page is printed.
 *
 * Licence: GPL-3.0-or-later.
 */

{
  const address = new URL('mathjax/tex-chtml.js', document.currentScript.src).href;
  const load = () => {
    observer.disconnect();
    removeEventListener('beforeprint', load);
    document.head.append(Object.assign(document.createElement('script'), { src: address }));
  };
  const come = (entries) => entries.some(({ isIntersecting }) => isIntersecting) && load();
  const observer = new IntersectionObserver(come);
  for (const formula of document.querySelectorAll('.math')) observer.observe(formula);
  addEventListener('beforeprint', load);
}
