/**
 * The spectrum of what sounds, on a canvas; it rests while nothing does.
 *
 * Licence: GPL-3.0-or-later.
 * @module
 */

const SIZE = 8192;
/** Lowest and highest frequency in Hz, and level in dB. */
const [LOW, HIGH] = [40, 16000];
const [FLOOR, TOP] = [-110, -10];
const LINES = [100, 1000, 10000];

export class Spectrum {
  constructor() {
    this.element = document.createElement('canvas');
    this.element.className = 'ldx-spectrum';
    this.element.setAttribute('role', 'img');
    this.element.setAttribute('aria-label', 'Spectrum of what sounds, from 40 Hz to 16 kHz');
    /** @type {AnalyserNode | null} */
    this.analyser = null;
    this.frame = 0;
    this.sounding = false;
  }

  /** Listen to a node. @param {AudioNode} source */
  listen(source) {
    if (this.analyser) return;
    this.analyser = new AnalyserNode(source.context, { fftSize: SIZE, smoothingTimeConstant: 0.6 });
    source.connect(this.analyser);
  }

  /** Follow the sound, or stop half a second after its end. @param {boolean} sounding */
  follow(sounding) {
    this.sounding = sounding;
    if (sounding && !this.frame && this.analyser) this.next(performance.now());
  }

  /** @param {number} until Milliseconds until which to draw. */
  next(until) {
    this.draw();
    const now = performance.now();
    const end = this.sounding ? now + 500 : until;
    this.frame = now < end ? requestAnimationFrame(() => this.next(end)) : 0;
  }

  draw() {
    const { element, analyser } = this;
    const scale = Math.min(devicePixelRatio, 2);
    const [width, height] = [element.clientWidth * scale, element.clientHeight * scale];
    const canvas = element.getContext('2d');
    if (!canvas || !width) return;
    if (element.width !== width || element.height !== height)
      [element.width, element.height] = [width, height];
    canvas.clearRect(0, 0, width, height);
    const style = getComputedStyle(element);
    canvas.fillStyle = canvas.strokeStyle = style.color;
    canvas.font = `${10 * scale}px system-ui, sans-serif`;
    const x = (/** @type {number} */ hz) => (width * Math.log(hz / LOW)) / Math.log(HIGH / LOW);
    canvas.globalAlpha = 0.55;
    for (const hz of LINES) {
      canvas.fillRect(x(hz), 0, scale / 2, height);
      canvas.fillText(hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`, x(hz) + 4 * scale, 12 * scale);
    }
    canvas.globalAlpha = 1;
    if (!analyser) return;
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    const bin = analyser.context.sampleRate / SIZE;
    canvas.strokeStyle = style.getPropertyValue('--ldx-accent') || style.color;
    canvas.lineWidth = 1.5 * scale;
    canvas.beginPath();
    for (let i = Math.ceil(LOW / bin); i * bin <= HIGH && i < levels.length; i++) {
      const level = Math.min(Math.max((levels[i] - FLOOR) / (TOP - FLOOR), 0), 1) || 0;
      canvas.lineTo(x(i * bin), height * (1 - level));
    }
    canvas.stroke();
  }
}
