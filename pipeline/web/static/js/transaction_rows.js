// Rows of a transaction: which of them are shown, by what is closed and what was looked for. It knows no page.

const FAILED = 1, ON_WAY = 2, CUT = 4;

export class Rows {
  constructor(data) {
    this.whole = data.whole;
    this.all = data.rows.map(([key, kind, depth, size, at, took, service, text, level, begins, marks], number) => ({
      number, key, kind: data.kinds[kind], depth, size, at, took, service: data.services[service], text, level, begins,
      failed: Boolean(marks & FAILED), onWay: Boolean(marks & ON_WAY), cut: Boolean(marks & CUT),
    }));
    this.parents = this.withParents();
    this.byKey = new Map(this.all.map((row) => [row.key, row]));
    this.closed = new Set(this.all.filter((row) => row.kind === "fold").map((row) => row.number));
    this.found = null;
    this.update();
  }

  // the number of the row around each row; -1 at the top
  withParents() {
    const open = [];
    return this.all.map((row) => {
      open.length = row.depth;
      open.push(row.number);
      return row.depth ? open[row.depth - 1] : -1;
    });
  }

  update() {
    this.shown = this.found ? this.withFound() : this.withoutClosed();
    this.places = new Map(this.shown.map((row, place) => [row.number, place]));
  }

  withoutClosed() {
    const shown = [];
    for (let number = 0; number < this.all.length; number += 1) {
      shown.push(this.all[number]);
      if (this.closed.has(number)) number += this.all[number].size;
    }
    return shown;
  }

  // what was found, and what encloses it
  withFound() {
    const kept = new Set();
    for (const found of this.found) {
      for (let number = found; number >= 0 && !kept.has(number); number = this.parents[number]) kept.add(number);
    }
    return this.all.filter((row) => kept.has(row.number));
  }

  // the rows that enclose a row, the nearest first
  above(row) {
    const found = [];
    for (let number = this.parents[row.number]; number >= 0; number = this.parents[number]) found.push(this.all[number]);
    return found;
  }

  toggle(row) {
    if (!row.size) return;
    if (!this.closed.delete(row.number)) this.closed.add(row.number);
    this.update();
  }

  openAll() {
    this.closed.clear();
    this.update();
  }

  closeAll() {
    this.closed = new Set(this.all.filter((row) => row.size).map((row) => row.number));
    this.update();
  }

  // opens whatever hides a row
  reveal(row) {
    if (this.places.has(row.number)) return;
    this.found = null;
    for (const above of this.above(row)) this.closed.delete(above.number);
    this.update();
  }

  // keys: of rows that hold the words where a row shows only a part of its text
  find(words, keys = []) {
    const sought = words.trim().toLowerCase();
    if (!sought) {
      this.found = null;
    } else {
      this.found = new Set(this.all.filter((row) => (row.words ??= `${row.service} ${row.text}`.toLowerCase()).includes(sought)).map((row) => row.number));
      for (const key of keys) if (this.byKey.has(key)) this.found.add(this.byKey.get(key).number);
    }
    this.update();
  }

  get isCut() {
    return this.all.some((row) => row.cut);
  }

  // the next row that failed after this place among all, or before it with step -1
  nextFailed(number, step) {
    for (let at = number + step; at >= 0 && at < this.all.length; at += step) if (this.all[at].failed) return this.all[at];
    return null;
  }
}
