// Judging without names: each row gets its columns in an order of its own, and what was chosen is kept until the end.
(() => {
  "use strict";
  const NONE = "no difference";
  const section = document.getElementById("compare");
  const rows = [...section.querySelectorAll(".compare tbody tr")];
  const heads = [...section.querySelectorAll(".compare thead th:not(.real-column)")];
  const titles = heads.map((head) => head.dataset.title);
  const kind = document.getElementById("blind-kind");
  const tools = document.getElementById("blind-tools");
  const panel = document.getElementById("blind-panel");
  const said = document.getElementById("blind-said");
  const result = document.getElementById("blind-result");
  let trials = []; // {row, order: columns as shown, chosen: columns, best first, or null for no difference}
  let saved = null;

  const cellsOf = (row) => [...row.querySelectorAll("td:not(.real-column)")];
  const columnOf = (cell) => Number(cell.dataset.column);
  const letterAt = (place) => heads[place].querySelector("kbd").textContent || String(place + 1);
  const byTwo = () => kind.value === "two";
  const judged = ({ order, chosen }) => chosen === null || chosen.length === (byTwo() ? 1 : order.length);

  function shuffled(items) {
    const mixed = [...items];
    for (let last = mixed.length - 1; last > 0; last--) {
      const other = Math.floor(Math.random() * (last + 1));
      [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
    }
    return mixed;
  }

  // The pair of those that a row has which was shown least so far.
  function rarestPair(columns, shown) {
    const pairs = columns.flatMap((one, k) => columns.slice(k + 1).map((two) => `${one},${two}`));
    const rarest = shuffled(pairs).sort((a, b) => (shown.get(a) ?? 0) - (shown.get(b) ?? 0))[0];
    shown.set(rarest, (shown.get(rarest) ?? 0) + 1);
    return rarest.split(",").map(Number);
  }

  function begin() {
    const shown = new Map();
    trials = [];
    for (const row of rows) {
      const there = cellsOf(row).filter((cell) => cell.querySelector(".compared") && !cell.classList.contains("off")).map(columnOf).sort((a, b) => a - b);
      const used = !row.hidden && there.length > 1;
      row.classList.toggle("unused", !used);
      if (used) trials.push({ row, order: shuffled(byTwo() ? rarestPair(there, shown) : there), chosen: [] });
    }
    if (!trials.length) return;
    section.classList.add("blind");
    for (const trial of trials) lay(trial);
    const most = Math.max(...trials.map(({ order }) => order.length));
    heads.forEach((head, place) => (head.hidden = place >= most));
    for (const choice of section.querySelectorAll("[data-filter]")) choice.disabled = true;
    tools.hidden = true;
    panel.hidden = false;
    result.hidden = true;
    section.dispatchEvent(new Event("order-changes"));
    tell();
    panel.querySelector("button").focus();
  }

  function lay(trial) {
    const cells = cellsOf(trial.row);
    const shown = trial.order.map((column) => cells.find((cell) => columnOf(cell) === column));
    const hidden = cells.filter((cell) => !shown.includes(cell));
    for (const cell of hidden) cell.hidden = true;
    const after = trial.row.querySelector(".real-column");
    for (const cell of [...shown, ...hidden]) trial.row.insertBefore(cell, after);
    shown.forEach((cell, place) => {
      cell.querySelector(".compared").dataset.letter = letterAt(place);
      cell.append(chooser("pick", byTwo() ? "better" : "rank", `${letterAt(place)}, ${trial.row.dataset.said}`));
    });
    if (byTwo()) trial.row.cells[0].append(chooser("equal", NONE, trial.row.dataset.said));
  }

  function chooser(name, text, of) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `act ${name}`;
    button.textContent = text;
    button.setAttribute("aria-label", `${text}: ${of}`);
    button.setAttribute("aria-pressed", "false");
    return button;
  }

  function choose(button) {
    const trial = trials.find(({ row }) => row.contains(button));
    const column = columnOf(button.parentElement);
    if (button.matches(".equal")) trial.chosen = trial.chosen === null ? [] : null;
    else if (trial.chosen?.includes(column)) trial.chosen = trial.chosen.filter((each) => each !== column);
    else trial.chosen = byTwo() ? [column] : [...trial.chosen, column];
    for (const pick of trial.row.querySelectorAll(".pick")) {
      const rank = trial.chosen?.indexOf(columnOf(pick.parentElement)) ?? -1;
      pick.setAttribute("aria-pressed", String(rank >= 0));
      if (!byTwo()) pick.textContent = rank >= 0 ? String(rank + 1) : "rank";
      const letter = pick.parentElement.querySelector(".compared").dataset.letter;
      pick.setAttribute("aria-label", `${pick.textContent}: ${letter}, ${trial.row.dataset.said}`);
    }
    trial.row.querySelector(".equal")?.setAttribute("aria-pressed", String(trial.chosen === null));
    tell();
  }

  function tell() {
    const how = byTwo()
      ? "Press “better” below the note that you prefer"
      : "Press “rank” below the notes in your order, the best first";
    const done = trials.filter(judged).length;
    const real = section.querySelector("th.real-column") ? " The last column is known, to listen against." : "";
    said.textContent = `${done} of ${trials.length} rows judged. ${how}, or P while it sounds.${real}`;
  }

  function restore() {
    for (const row of rows) {
      row.classList.remove("unused");
      for (const button of row.querySelectorAll(".pick, .equal")) button.remove();
      const after = row.querySelector(".real-column");
      for (const cell of cellsOf(row).sort((a, b) => columnOf(a) - columnOf(b))) {
        cell.hidden = false;
        row.insertBefore(cell, after);
      }
    }
    for (const head of heads) head.hidden = false;
    for (const choice of section.querySelectorAll("[data-filter]")) choice.disabled = false;
    section.classList.remove("blind");
    panel.hidden = true;
    tools.hidden = false;
    section.dispatchEvent(new Event("order-changes"));
  }

  // The 95 % interval of a share. Source: Wilson 1927, Probable inference.
  function interval(wins, count) {
    const z = 1.96;
    const share = wins / count;
    const middle = (share + z ** 2 / (2 * count)) / (1 + z ** 2 / count);
    const half = (z / (1 + z ** 2 / count)) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  }

  function tallyOfTwo(done) {
    return titles.map((title, column) => {
      const heard = done.filter(({ order }) => order.includes(column));
      const better = heard.filter(({ chosen }) => chosen?.[0] === column).length;
      const equal = heard.filter(({ chosen }) => chosen === null).length;
      const decided = heard.length - equal;
      const share = decided ? better / decided : null;
      return { title, heard: heard.length, better, equal, share, interval: decided ? interval(better, decided) : null };
    });
  }

  function tallyOfRanks(done) {
    return titles.map((title, column) => {
      const ranks = done.map(({ chosen }) => chosen.indexOf(column) + 1).filter((rank) => rank > 0);
      const mean = ranks.length ? ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length : null;
      return { title, heard: ranks.length, first: ranks.filter((rank) => rank === 1).length, mean_rank: mean };
    });
  }

  function finish() {
    const done = trials.filter(judged);
    const tally = byTwo() ? tallyOfTwo(done) : tallyOfRanks(done);
    const named = (columns) => columns.map((column) => titles[column]);
    saved = {
      made_by: "listening page, blind",
      page: document.title,
      date: new Date().toISOString(),
      judged: byTwo() ? "the better of two" : "ranking",
      columns: heads.map((head) => ({ title: head.dataset.title, gain_db: Number(head.dataset.gain) })),
      rows: done.map(({ row, order, chosen }) => ({
        pitch: row.dataset.pitch === "" ? null : Number(row.dataset.pitch),
        family: row.dataset.family,
        others: row.dataset.others,
        seed: Number(row.dataset.seed),
        shown: named(order),
        ...(byTwo() ? { better: chosen === null ? NONE : titles[chosen[0]] } : { ranking: named(chosen) }),
      })),
      tally,
    };
    restore();
    show(tally, done.length);
  }

  function show(tally, count) {
    const percent = (share) => `${Math.round(100 * share)} %`;
    const known = (value, text) => (value === null ? "–" : text(value));
    const [names, cells] = byTwo()
      ? [
          ["Column", "Heard", "Better", "No difference", "Share better", "95 % interval"],
          (each) => [each.title, each.heard, each.better, each.equal, known(each.share, percent), known(each.interval, (ends) => ends.map(percent).join(" to "))],
        ]
      : [
          ["Column", "Heard", "First", "Mean rank"],
          (each) => [each.title, each.heard, each.first, known(each.mean_rank, (mean) => mean.toFixed(2))],
        ];
    const head = document.createElement("tr");
    head.append(...names.map((name) => cell("th", name, "col")));
    result.querySelector("thead").replaceChildren(head);
    const line = (each) => {
      const row = document.createElement("tr");
      row.append(...cells(each).map((text, place) => (place ? cell("td", text) : cell("th", text, "row"))));
      return row;
    };
    result.querySelector("tbody").replaceChildren(...tally.map(line));
    const rowsSaid = count === 1 ? "1 row" : `${count} rows`;
    document.getElementById("blind-note").textContent = `From ${rowsSaid} that you judged. It says what one listener preferred, on these notes.`;
    result.hidden = false;
    document.getElementById("blind-save").focus();
  }

  function cell(tag, text, scope) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (scope) made.scope = scope;
    return made;
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(saved, null, 2) + "\n"], { type: "application/json" }));
    link.download = `listening-${saved.date.slice(0, 19).replaceAll(":", "")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  section.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".pick, .equal")) choose(button);
    else if (button.id === "blind-start") begin();
    else if (button.id === "blind-end") finish();
    else if (button.id === "blind-drop") restore();
    else if (button.id === "blind-save") save();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
    const key = event.key.toLowerCase();
    const sounding = section.querySelector(".sounds");
    if (key === "p") sounding?.closest("td").querySelector(".pick")?.click();
    else if (key === "u") sounding?.closest("tr").querySelector(".equal")?.click();
    else if (key === "v") document.getElementById(section.classList.contains("blind") ? "blind-end" : "blind-start").click();
  });
})();
