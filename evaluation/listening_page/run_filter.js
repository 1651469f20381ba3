// Which runs are shown, everywhere on the page; one is always left.
(() => {
  "use strict";
  const boxes = [...document.querySelectorAll("[data-show-run]")];
  const compare = document.getElementById("compare");

  function apply() {
    const blind = compare?.classList.contains("blind") ?? false;
    const chosen = boxes.filter((box) => box.checked);
    for (const box of boxes) {
      const run = box.dataset.showRun;
      const parts = document.querySelectorAll(`[data-of-run="${run}"], .compare td[data-column="${run - 1}"]`);
      for (const part of parts) part.classList.toggle("off", !box.checked);
      // without names, a column is a place, which any run may have
      compare?.querySelector(`th[data-column="${run - 1}"]`).classList.toggle("off", !box.checked && !blind);
      box.disabled = blind || (box.checked && chosen.length === 1);
    }
    if (!blind) compare?.dispatchEvent(new Event("filtered"));
  }

  document.getElementById("shown-runs").hidden = false;
  for (const box of boxes) box.addEventListener("change", apply);
  compare?.addEventListener("order-changes", apply);
  if (!boxes.some((box) => box.checked)) boxes[0].checked = true;
  apply(); // browsers keep a choice when a page is read anew
})();
