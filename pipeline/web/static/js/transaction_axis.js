// The axis of time: which part of a transaction the bars show, and choosing it by dragging.

const SVG = "http://www.w3.org/2000/svg";
const LEAST = 0.01;
const SLACK = 0.01;

export function duration(milliseconds) {
  if (milliseconds === null) return "";
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(0)} ms`;
  if (milliseconds < 60000) return `${(milliseconds / 1000).toFixed(2)} s`;
  const hours = milliseconds >= 3600000;
  const large = hours ? 3600000 : 60000, small = hours ? 60000 : 1000;
  return `${Math.floor(milliseconds / large)} ${hours ? "h" : "min"} ${Math.floor((milliseconds % large) / small)} ${hours ? "min" : "s"}`;
}

// as duration, and so exactly that moments with a step between them differ; the server's axis_mark does the same
function axisMark(milliseconds, step) {
  if (step < 1) return `${milliseconds.toFixed(Math.min(Math.ceil(-Math.log10(step)), 3))} ms`;
  if (step < 10 && milliseconds >= 1000) return `${milliseconds.toFixed(0)} ms`;
  if (step < 1000 && milliseconds >= 60000) return `${(milliseconds / 1000).toFixed(2)} s`;
  if (step < 60000 && milliseconds >= 3600000) return `${Math.floor(milliseconds / 60000)} min ${Math.floor((milliseconds % 60000) / 1000)} s`;
  return duration(milliseconds);
}

export class Axis {
  constructor(svg, whole, changed) {
    this.svg = svg;
    this.whole = whole;
    this.changed = changed;
    this.since = 0;
    this.until = whole;
    this.begun = null;
    svg.addEventListener("pointerdown", (event) => this.begin(event));
    svg.addEventListener("pointermove", (event) => this.drag(event));
    svg.addEventListener("pointerup", (event) => this.end(event));
    svg.addEventListener("pointercancel", () => this.cancel());
    svg.addEventListener("dblclick", () => this.show(0, this.whole));
    this.draw();
  }

  get isZoomed() {
    return this.since > 0 || this.until < this.whole;
  }

  // shows a part of the time; one that is no part shows all
  show(since, until) {
    const from = Math.max(since, 0), to = Math.min(until, this.whole);
    const fits = Number.isFinite(from) && Number.isFinite(to) && to - from >= Math.min(LEAST, this.whole / 1000);
    [this.since, this.until] = fits ? [from, to] : [0, this.whole];
    this.draw();
    this.changed();
  }

  // where a bar lies, in percent; null outside of what is shown
  place(at, took) {
    if (at === null) return null;
    const percent = (moment) => ((moment - this.since) / (this.until - this.since)) * 100;
    const start = percent(at), end = took === null ? 100 : percent(at + took);
    // times are rounded
    if (end < -SLACK || start > 100 + SLACK) return null;
    const left = Math.min(Math.max(start, 0), 100);
    return { start: left, width: Math.max(Math.min(end, 100) - left, 0) };
  }

  draw() {
    const drawn = [];
    const step = (this.until - this.since) / 4;
    for (const percent of [0, 25, 50, 75]) {
      const line = document.createElementNS(SVG, "line");
      const text = document.createElementNS(SVG, "text");
      for (const [name, value] of [["x1", `${percent}%`], ["x2", `${percent}%`], ["y1", 0], ["y2", 22]]) line.setAttribute(name, value);
      for (const [name, value] of [["x", `${percent}%`], ["dx", 3], ["y", 14]]) text.setAttribute(name, value);
      text.textContent = axisMark(this.since + (step * percent) / 25, step);
      drawn.push(line, text);
    }
    this.svg.replaceChildren(...drawn);
  }

  share(event) {
    const box = this.svg.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / (box.width || 1), 0), 1);
  }

  begin(event) {
    if (event.button) return;
    this.svg.setPointerCapture(event.pointerId);
    this.begun = this.share(event);
    this.mark = document.createElementNS(SVG, "rect");
    this.mark.setAttribute("class", "w-drag");
    this.mark.setAttribute("height", "22");
    this.svg.append(this.mark);
  }

  drag(event) {
    if (this.begun === null) return;
    const at = this.share(event);
    this.mark.setAttribute("x", `${Math.min(at, this.begun) * 100}%`);
    this.mark.setAttribute("width", `${Math.abs(at - this.begun) * 100}%`);
  }

  end(event) {
    if (this.begun === null) return;
    const [from, to] = [this.begun, this.share(event)].sort((one, other) => one - other);
    const length = this.until - this.since;
    this.cancel();
    // a click is no drag
    if (to - from > 0.01) this.show(this.since + from * length, this.since + to * length);
  }

  cancel() {
    this.begun = null;
    this.mark?.remove();
  }
}
