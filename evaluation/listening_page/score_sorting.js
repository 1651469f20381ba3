// A score's name sorts the columns by it: the best first, or the least where no way is better; again: the other way.
(() => {
  "use strict";
  const table = document.getElementById("run-scores");

  function sort(button) {
    const score = button.closest("tr");
    const first = score.cells[0].getAttribute("aria-sort") === button.dataset.first ? other(button.dataset.first) : button.dataset.first;
    const order = [...score.cells]
      .map((cell, place) => ({ place, value: Number(cell.dataset.value ?? NaN), fixed: "fixed" in cell.dataset }))
      .slice(1)
      .sort((a, b) => a.fixed - b.fixed || isNaN(a.value) - isNaN(b.value) || (first === "ascending" ? a.value - b.value : b.value - a.value) || 0);
    for (const row of table.rows) {
      const cells = [...row.cells];
      row.append(...order.map(({ place }) => cells[place]));
      row.cells[0].removeAttribute("aria-sort");
    }
    score.cells[0].setAttribute("aria-sort", first);
  }

  const other = (way) => (way === "ascending" ? "descending" : "ascending");

  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) sort(button);
  });
})();
