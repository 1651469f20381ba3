(() => {
  "use strict";
  const section = document.getElementById("compare");
  const rows = [...section.querySelectorAll(".compare tbody tr")];
  const filters = [...section.querySelectorAll("[data-filter]")];

  function filter() {
    for (const row of rows) {
      row.hidden = filters.some((choice) => choice.value !== "" && row.dataset[choice.dataset.filter] !== choice.value);
    }
    const none = rows.every((row) => row.hidden);
    section.querySelector("#no-rows").textContent = none ? "No note has this pitch and this family." : "";
    section.dispatchEvent(new Event("filtered"));
  }

  for (const choice of filters) choice.addEventListener("change", filter);
  if (filters.some((choice) => choice.value)) filter(); // browsers keep a choice when a page is read anew
})();
