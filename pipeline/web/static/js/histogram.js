// Histogram: drag over it to search that time. Without this script each bar is a link to its own time.
const figure = document.querySelector(".over-time");

if (figure) {
  const picture = figure.querySelector("svg");
  const chosen = document.createElement("div");
  chosen.className = "chosen";
  figure.classList.add("drags");
  let begun = null;
  let dragged = false;

  const place = (event) => {
    const box = picture.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  };
  const show = (from, to) => {
    chosen.style.left = `${Math.min(from, to) * 100}%`;
    chosen.style.width = `${Math.abs(to - from) * 100}%`;
  };
  const stop = () => {
    begun = null;
    chosen.remove();
  };
  const time = (part) => {
    const [first, last] = [Number(figure.dataset.first), Number(figure.dataset.last)];
    return new Date(Math.round(first + (last - first) * part)).toISOString();
  };

  picture.addEventListener("dragstart", (event) => event.preventDefault());
  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    begun = place(event);
    dragged = false;
  });
  window.addEventListener("pointermove", (event) => {
    if (begun === null) return;
    const now = place(event);
    if (!dragged && Math.abs(now - begun) * picture.getBoundingClientRect().width < 4) return;
    dragged = true;
    if (!chosen.isConnected) figure.append(chosen);
    show(begun, now);
  });
  window.addEventListener("pointerup", (event) => {
    if (begun === null) return;
    const [from, to] = [begun, place(event)].sort((one, other) => one - other);
    stop();
    if (dragged) {
      const question = `${figure.dataset.rest} since:${time(from)} until:${time(to).replace("Z", "999Z")}`.trim();
      window.location.assign(`/search?${new URLSearchParams({ q: question })}`);
    }
  });
  window.addEventListener("pointercancel", stop);
  window.addEventListener("keydown", (event) => event.key === "Escape" && stop());
  // the click that ends a drag is none on a bar
  picture.addEventListener("click", (event) => dragged && event.preventDefault(), true);
}
