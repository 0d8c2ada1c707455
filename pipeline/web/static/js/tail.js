// Tail: rows come to the top of the list as they are stored. Without this script the page loads itself anew.
const MOST_ROWS = 1000;
const list = document.getElementById("hits");
const button = document.getElementById("live");

if (list?.dataset.tail) {
  const source = new EventSource(list.dataset.tail);
  let troubled = false, begins = true;
  // without the Z, texts of times are in the order of the times, however many digits they have
  const timeOf = (row) => row?.querySelector("time").dateTime.replace("Z", "") ?? "";
  const say = (text) => {
    button.textContent = text;
  };

  source.addEventListener("rows", (event) => {
    const page = new DOMParser().parseFromString(JSON.parse(event.data), "text/html");
    const shown = [...list.querySelectorAll(".hit")];
    const known = new Set(shown.map((row) => row.dataset.key));
    // a connection begins with the newest that is stored: what lies behind the last row is no news, but on the next page
    const last = begins && document.querySelector("#older a") ? timeOf(shown.at(-1)) : "";
    begins = false;
    const fresh = [...page.querySelectorAll(".hit")].filter((row) => !known.has(row.dataset.key) && timeOf(row) >= last);
    list.querySelectorAll(".new").forEach((row) => row.classList.remove("new"));
    fresh.forEach((row) => row.classList.add("new"));
    // both newest first
    list.prepend(...fresh);
    const rows = list.querySelectorAll(".hit");
    for (let at = MOST_ROWS; at < rows.length; at += 1) rows[at].remove();
  });
  source.addEventListener("trouble", (event) => {
    troubled = true;
    say(`Live: ${JSON.parse(event.data)}`);
  });
  source.addEventListener("open", () => {
    troubled = false;
    begins = true;
    say("Live: stop");
  });
  source.addEventListener("error", () => troubled || say("Live: the server is away"));
  window.addEventListener("pagehide", () => source.close());
  // a browser keeps few connections to one host, so a page that nobody sees gives its own back
  document.addEventListener("visibilitychange", () => (document.hidden ? source.close() : window.location.reload()));
}
