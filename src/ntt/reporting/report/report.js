"use strict";

// Tables: a heading sorts by its column, numbers largest first, and again the other way round.
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement;
    const body = heading.closest("table").tBodies[0];
    const column = heading.cellIndex;
    const numbers = heading.classList.contains("number");
    const first = numbers ? "descending" : "ascending";
    const second = numbers ? "ascending" : "descending";
    const order = heading.getAttribute("aria-sort") === first ? second : first;
    const sign = order === "ascending" ? 1 : -1;
    const compare = (one, other) => {
      const [a, b] = [one.cells[column], other.cells[column]];
      if (!numbers) return sign * a.textContent.localeCompare(b.textContent, undefined, { numeric: true });
      if (!a.dataset.value || !b.dataset.value) return !a.dataset.value - !b.dataset.value; // unknown ones last
      return sign * (a.dataset.value - b.dataset.value);
    };
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    body.append(...[...body.rows].sort(compare));
  });
}

// Plots: each was drawn before those beside it took their room.
for (const plot of document.querySelectorAll(".js-plotly-plot")) Plotly.Plots.resize(plot);

// Pictures: the slider says how much of the first one lies over the second.
for (const slider of document.querySelectorAll(".side input")) {
  const wipe = slider.parentElement.querySelector(".wipe");
  const show = () => wipe.style.setProperty("--at", `${slider.value}%`);
  slider.addEventListener("input", show);
  show(); // a reloaded page keeps where the slider was
}
