"use strict";

// Tables: a click on a heading sorts by its column, numbers in descending order; another click reverses it.
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
      if (!a.dataset.value || !b.dataset.value) return !a.dataset.value - !b.dataset.value; // unknown values last
      return sign * (a.dataset.value - b.dataset.value);
    };
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    body.append(...[...body.rows].sort(compare));
  });
}

// Plots: resize them, because each was drawn before the layout of the grid was final.
for (const plot of document.querySelectorAll(".js-plotly-plot")) Plotly.Plots.resize(plot);

// Image pairs: the slider sets how much of the first image covers the second.
for (const slider of document.querySelectorAll(".side input")) {
  const wipe = slider.parentElement.querySelector(".wipe");
  const show = () => wipe.style.setProperty("--at", `${slider.value}%`);
  slider.addEventListener("input", show);
  show(); // a reloaded page keeps the slider position
}
