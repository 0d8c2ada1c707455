// Hits: a row that opens loads its fields, and the list loads older rows as its end comes into view. Without this script links do both.
const MOST_ROWS = 5000;
const list = document.getElementById("hits");

async function part(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  // the server escapes what is stored; a refusal is a page of its own
  return { ok: answer.ok, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
}

document.addEventListener("toggle", async (event) => {
  const row = event.target;
  const place = row.matches?.("details.hit") && row.open ? row.querySelector("[data-fields]") : null;
  const link = place?.querySelector(".open-here");
  if (!link || place.dataset.asked) return;
  place.dataset.asked = "yes";
  try {
    const { ok, page } = await part(place.dataset.fields);
    if (!ok && !page.querySelector(".note")) throw new Error("refused");
    page.querySelectorAll("h2, h2 + p").forEach((each) => each.remove());
    place.append(...page.body.childNodes);
    link.remove();
  } catch {
    // the link stays, and leads to the same
    delete place.dataset.asked;
  }
}, true);

const end = document.getElementById("older");
let loading = false;

async function more() {
  const link = end.querySelector("a[rel=next]");
  if (!link || loading || list.querySelectorAll(".hit").length >= MOST_ROWS) return;
  loading = true;
  try {
    const { ok, page } = await part(`${link.href}&part=hits`);
    const next = page.getElementById("older");
    if (!ok || !next) return;
    const days = list.querySelectorAll(".day");
    const rows = [...page.querySelectorAll("#hits > *")];
    if (days.length && rows[0]?.textContent === days[days.length - 1].textContent) rows.shift();
    list.append(...rows);
    end.replaceChildren(...next.childNodes);
  } finally {
    loading = false;
  }
  if (end.getBoundingClientRect().top < window.innerHeight) more();
}

// where the facets stand below the list, a list without end would hide them
const beside = matchMedia("(min-width: 60rem)").matches;
if (list && end && !list.dataset.tail && beside && "IntersectionObserver" in window) {
  new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && more(), { rootMargin: "600px" }).observe(end);
}
