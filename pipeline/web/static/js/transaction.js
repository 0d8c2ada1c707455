// The waterfall of a transaction: rows drawn as they are scrolled to, closed and opened, searched, zoomed, by mouse and by keys.

import { Axis } from "./transaction_axis.js";
import { Packed } from "./transaction_document.js";
import { List } from "./transaction_list.js";
import { Rows } from "./transaction_rows.js";

const TYPES = "input, textarea, select";

class Transaction {
  constructor(page) {
    this.page = page;
    this.live = page.querySelector(".w-live");
    this.input = page.querySelector("#find");
    this.beside = page.querySelector("[data-opened]");
    this.part = page.querySelector("[data-opened-part]");
    this.packed = new Packed(document.querySelector(".t-packed"));
    this.rows = new Rows(JSON.parse(page.querySelector(".w-data").textContent));
    this.axis = new Axis(this.live.querySelector(".w-axis"), this.rows.whole, () => this.zoomed());
    this.list = new List(this.live, this.rows, this.axis, { open: (row) => this.open(row), toggle: (row) => this.toggle(row) });
    this.show();
    this.listen();
    this.restore();
  }

  // takes the place of what works without a script
  show() {
    document.documentElement.classList.add("scripted");
    this.page.querySelector(".w-plain").hidden = true;
    this.live.hidden = false;
    for (const element of document.querySelectorAll("[data-without-script]")) element.hidden = true;
    for (const element of this.page.querySelectorAll("[data-with-script], [data-shut]")) element.hidden = false;
    this.list.resized();
  }

  listen() {
    this.input.form?.addEventListener("submit", (event) => event.preventDefault());
    this.input.addEventListener("input", () => this.find(this.input.value));
    this.page.querySelector("[data-shut]").addEventListener("click", () => this.shut());
    for (const button of this.page.querySelectorAll("[data-act]")) button.addEventListener("click", () => this[button.dataset.act]());
    // before the keys of every page
    document.addEventListener("keydown", (event) => this.key(event), { capture: true });
  }

  // the address holds what is open, what was looked for and the zoom
  restore() {
    const asked = new URLSearchParams(location.search);
    const since = Number(asked.get("since")), until = Number(asked.get("until"));
    if (since || until) this.axis.show(since, until || this.rows.whole);
    if (this.input.value) this.find(this.input.value);
    const row = this.rows.byKey.get(asked.get("open"));
    if (row) {
      this.rows.reveal(row);
      this.list.opened = row;
      this.list.activate(row);
    }
  }

  remember() {
    if (!this.page.dataset.transaction) return;
    const asked = new URLSearchParams();
    if (this.input.value.trim()) asked.set("find", this.input.value.trim());
    if (this.axis.isZoomed) {
      asked.set("since", this.axis.since.toFixed(3));
      asked.set("until", this.axis.until.toFixed(3));
    }
    if (this.list.opened) asked.set("open", this.list.opened.key);
    history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
  }

  zoomed() {
    this.list?.draw();
    if (this.list) this.remember();
  }

  toggle(row) {
    this.rows.toggle(row);
    this.list.activate(row);
  }

  close() {
    this.rows.closeAll();
    this.list.draw();
  }

  openAll() {
    this.rows.openAll();
    this.list.draw();
  }

  out() {
    this.axis.show(0, this.rows.whole);
  }

  failed(step = 1) {
    const row = this.rows.nextFailed(this.list.active?.number ?? (step > 0 ? -1 : this.rows.all.length), step);
    if (!row) return;
    this.rows.reveal(row);
    this.list.activate(row);
    this.list.scroll.focus({ preventScroll: true });
  }

  zoom(row) {
    if (!row || row.at === null) return;
    const took = row.took || this.rows.whole / 100;
    this.axis.show(row.at - took / 20, row.at + took * 1.05);
  }

  async open(row) {
    if (row.kind === "fold") return this.toggle(row);
    this.list.opened = row;
    this.list.draw();
    const part = await this.document(row);
    if (this.list.opened !== row) return;
    this.part.replaceChildren(part);
    this.beside.scrollTop = 0;
    this.beside.hidden = false;
    this.page.classList.add("t-has-opened");
    // where it lies over the foot of the page, the rows move up
    if (getComputedStyle(this.beside).position === "fixed") this.list.scroll.parentElement.scrollIntoView({ block: "start", behavior: "instant" });
    this.list.activate(row);
    this.remember();
  }

  // a fragment that the server, or the file, has escaped already
  async document(row) {
    const part = document.createDocumentFragment();
    if (row.kind === "gap") {
      const said = document.createElement("h2");
      said.textContent = row.text;
      part.append(said);
      return part;
    }
    const there = document.getElementById(`fields-${row.number}`);
    if (there) {
      part.append(...there.cloneNode(true).childNodes);
      return part;
    }
    const packed = this.packed.show(row.number);
    if (packed) return packed;
    const note = document.createElement("p");
    note.className = "note warn";
    note.textContent = "The fields of this row are not in this file.";
    if (!this.page.dataset.transaction) return note;
    try {
      const answer = await fetch(`/document?${new URLSearchParams({ key: row.key })}`);
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      // a refusal is a whole page, of which the sentence matters
      part.append(...(parsed.querySelector(".note.fail") ? [parsed.querySelector(".note.fail")] : parsed.body.childNodes));
      return part;
    } catch {
      note.textContent = "The server does not answer. Is `tracejoin serve` still running?";
      return note;
    }
  }

  shut() {
    this.beside.hidden = true;
    this.page.classList.remove("t-has-opened");
    this.list.opened = null;
    this.list.draw();
    this.list.scroll.focus({ preventScroll: true });
    this.remember();
  }

  find(words) {
    this.rows.find(words);
    this.found(words);
    clearTimeout(this.asking);
    if (words.trim() && this.rows.isCut && this.page.dataset.transaction) this.asking = setTimeout(() => this.ask(words), 250);
  }

  // long lines are drawn in part, so the server looks into the rest
  async ask(words) {
    const answer = await fetch(`?${new URLSearchParams({ find: words.trim(), part: "matches" })}`).catch(() => null);
    if (!answer?.ok || this.input.value !== words) return;
    this.rows.find(words, await answer.json());
    this.found(words);
  }

  found(words) {
    const count = this.rows.found?.size ?? 0;
    this.page.querySelector("[data-found]").textContent = words.trim() ? `${count.toLocaleString("en")} found` : "";
    this.list.draw();
    this.remember();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return this.leave(event);
    if (event.target.matches(TYPES) || (event.key === "Enter" && event.target !== this.list.scroll)) return;
    const row = this.list.active;
    const act = {
      f: () => this.input.focus(), j: () => this.list.move(1), k: () => this.list.move(-1), ArrowDown: () => this.list.move(1),
      ArrowUp: () => this.list.move(-1), Enter: () => row && this.open(row), n: () => this.failed(1), p: () => this.failed(-1),
      z: () => this.zoom(row), 0: () => this.out(), h: () => this.inside(row, false), l: () => this.inside(row, true),
      ArrowLeft: () => this.inside(row, false), ArrowRight: () => this.inside(row, true),
    }[event.key];
    if (!act || (event.key.startsWith("Arrow") && event.target !== this.list.scroll)) return;
    if (event.key === "j" || event.key === "k") this.list.scroll.focus({ preventScroll: true });
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  // opens or closes what is inside a row; closing what is closed goes to the row around it
  inside(row, open) {
    if (!row) return;
    if (row.size && this.rows.closed.has(row.number) === open) this.toggle(row);
    else if (open) this.list.move(1);
    else this.list.activate(this.rows.above(row)[0]);
  }

  leave(event) {
    if (event.target === this.input && this.input.value) {
      this.input.value = "";
      this.find("");
    } else if (!this.beside.hidden) {
      this.shut();
    } else if (this.axis.isZoomed) {
      this.out();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

const page = document.querySelector("[data-transaction]");
if (page) new Transaction(page);
