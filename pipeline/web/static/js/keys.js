// Keyboard: / goes to the search bar, j and k go from row to row, esc leaves, ? lists the keys. A row is whatever has data-row.
const bar = document.getElementById("q");
const help = document.getElementById("keys");
const TYPES = "input, textarea, select";
const FOCUSABLE = "a[href], summary, button";

const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.getClientRects().length);
const target = (row) => (row.matches(FOCUSABLE) ? row : row.querySelector(FOCUSABLE));

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[Math.min(Math.max(at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step, 0), all.length - 1)];
  target(next)?.focus();
  next.scrollIntoView({ block: "nearest" });
}

function leave() {
  if (help?.open) return;
  const open = document.activeElement.closest("details[open]");
  if (open && open.matches("[data-row], [data-row] *")) {
    open.open = false;
    open.querySelector("summary")?.focus();
  } else {
    document.activeElement.blur();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape") return leave();
  if (event.target.matches(TYPES)) return;
  const act = { "/": () => { bar.focus(); bar.select(); }, j: () => move(1), k: () => move(-1), "?": () => help.showModal() }[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

const button = document.querySelector("[data-keys]");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => help.showModal());
}
