// The list of rows: draws those that are scrolled to, however many there are, and knows which one is active.

import { duration } from "./transaction_axis.js";

const BEYOND = 10;
const DEEPEST = 14;
const STEP = 10;

export class List {
  constructor(live, rows, axis, act) {
    this.rows = rows;
    this.axis = axis;
    this.act = act;
    this.scroll = live.querySelector(".w-scroll");
    this.space = live.querySelector(".w-space");
    this.drawn = live.querySelector(".w-rows");
    this.template = live.querySelector("template").content.firstElementChild;
    this.active = null;
    this.opened = null;
    this.scroll.addEventListener("scroll", () => this.later(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(this.scroll);
    this.drawn.addEventListener("click", (event) => this.clicked(event));
  }

  // the height of a row depends on the width of the page
  resized() {
    const sample = this.template.cloneNode(true);
    this.drawn.append(sample);
    this.height = sample.getBoundingClientRect().height || 28;
    sample.remove();
    this.draw();
  }

  later() {
    this.waiting ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.waiting = undefined;
    const { shown } = this.rows;
    if (!this.height) return;
    this.space.style.height = `${shown.length * this.height}px`;
    this.scroll.setAttribute("aria-rowcount", shown.length);
    const first = Math.max(Math.floor(this.scroll.scrollTop / this.height) - BEYOND, 0);
    const last = Math.min(first + Math.ceil(this.scroll.clientHeight / this.height) + 2 * BEYOND, shown.length);
    this.drawn.style.transform = `translateY(${first * this.height}px)`;
    this.drawn.replaceChildren(...shown.slice(first, last).map((row, place) => this.element(row, first + place)));
    if (this.active && this.rows.places.has(this.active.number)) {
      this.scroll.setAttribute("aria-activedescendant", `row-${this.active.number}`);
    } else {
      this.scroll.removeAttribute("aria-activedescendant");
    }
  }

  element(row, place) {
    const found = this.template.cloneNode(true);
    const part = (name) => found.querySelector(name);
    found.id = `row-${row.number}`;
    found.classList.add(`w-${row.kind}`);
    found.classList.toggle("failed", row.failed);
    found.classList.toggle("on-way", row.onWay);
    found.classList.toggle("open-end", row.took === null);
    found.classList.toggle("w-open", row === this.opened);
    found.setAttribute("aria-level", row.depth + 1);
    found.setAttribute("aria-rowindex", place + 1);
    found.setAttribute("aria-selected", row === this.active);
    if (row.size) found.setAttribute("aria-expanded", this.rows.found ? true : !this.rows.closed.has(row.number));
    part(".w-indent").setAttribute("width", Math.min(row.depth, DEEPEST) * STEP);
    part(".w-depth").textContent = row.depth > DEEPEST ? row.depth : "";
    this.words(row, part);
    this.bar(row, part);
    return found;
  }

  words(row, part) {
    const level = part(".w-level");
    level.hidden = !row.level;
    level.textContent = row.level;
    level.classList.add(row.failed || !row.level.startsWith("WARN") ? "fail" : "warn");
    part(".w-trace").hidden = !row.begins;
    part(".w-trace").textContent = row.begins;
    part(".w-text").textContent = row.text || "(empty)";
    part(".w-text").title = row.text;
    part(".w-what > .hidden").textContent = row.failed ? "failed" : "";
    part(".w-who").textContent = row.service;
    part(".w-who").title = row.service;
    part(".w-at").textContent = row.at === null ? "" : `+${duration(row.at)}`;
    part(".w-long").textContent = row.took === null ? "open" : row.kind === "span" || row.kind === "gap" ? duration(row.took) : "";
  }

  bar(row, part) {
    const place = this.axis.place(row.at, row.took);
    if (!place) return part(".w-bar").replaceChildren();
    part(".w-length").setAttribute("x", `${place.start}%`);
    part(".w-length").setAttribute("width", `${place.width}%`);
    part(".w-moment").setAttribute("x", `${place.start}%`);
  }

  clicked(event) {
    const element = event.target.closest(".w-row");
    if (!element) return;
    const row = this.rows.all[Number(element.id.slice("row-".length))];
    this.active = row;
    if (row.size && (event.target.closest(".w-mark") || row.kind === "fold")) this.act.toggle(row);
    else this.act.open(row);
  }

  // makes a row the active one, and scrolls to it
  activate(row) {
    if (!row) return;
    this.active = row;
    const top = (this.rows.places.get(row.number) ?? 0) * this.height;
    const { scrollTop, clientHeight } = this.scroll;
    if (top < scrollTop + this.height) this.scroll.scrollTop = Math.max(top - this.height, 0);
    else if (top + 2 * this.height > scrollTop + clientHeight) this.scroll.scrollTop = top + 2 * this.height - clientHeight;
    this.draw();
  }

  move(step) {
    const { shown, places } = this.rows;
    const at = this.active ? places.get(this.active.number) ?? -1 : -1;
    this.activate(shown[Math.min(Math.max(at + step, 0), shown.length - 1)]);
  }
}
