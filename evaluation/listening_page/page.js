"use strict";
(() => {
  const dock = document.getElementById("dock");
  const now = document.getElementById("now");
  const stopButton = document.getElementById("stop");
  const repeat = document.getElementById("repeat");
  const sounds = { generated: document.getElementById("generated"), real: document.getElementById("real") };
  const sides = [...document.querySelectorAll("[data-side]")];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let side = "generated"; // what is asked for; a cell without a real note plays its own
  let cell = null; // the button whose note sounds

  const sideOf = (button) => (side === "real" && button.dataset.real ? "real" : "generated");

  const tellHeard = (detail) => document.dispatchEvent(new CustomEvent("heard", { detail }));

  function describe() {
    const real = cell && sideOf(cell) === "real";
    now.textContent = cell ? (real ? cell.dataset.realLabel : cell.dataset.label) : "Press a picture";
    stopButton.disabled = !cell;
    dock.classList.toggle("sounding", Boolean(cell));
    for (const button of sides) {
      button.setAttribute("aria-pressed", String(button.dataset.side === (cell ? sideOf(cell) : side)));
      button.disabled = Boolean(cell) && button.dataset.side === "real" && !cell.dataset.real;
    }
  }

  function picture(button, real) {
    const image = button.querySelector("img");
    image.dataset.own ||= image.getAttribute("src");
    image.src = real ? button.dataset.realPicture : image.dataset.own;
  }

  function progress() {
    if (!cell) return;
    const sound = sounds[sideOf(cell)];
    const part = sound.duration > 0 ? sound.currentTime / sound.duration : 0;
    cell.style.setProperty("--progress", part.toFixed(4));
    if (!calm.matches) requestAnimationFrame(progress);
  }

  function moveTo(audio, seconds) {
    const move = () => {
      audio.currentTime = seconds;
    };
    if (seconds > 0 && audio.readyState === 0) audio.addEventListener("loadedmetadata", move, { once: true });
    else if (audio.readyState > 0) move();
  }

  function sound(which, from) {
    const audio = sounds[which];
    moveTo(audio, from);
    audio.play().catch((error) => {
      if (error.name !== "AbortError") fail(error.name === "NotAllowedError" ? "Press again to play" : "This browser cannot play");
    });
    picture(cell, which === "real");
    const { peaks, realPeaks } = cell.dataset;
    tellHeard({ audio, button: cell, peaks: which === "real" ? realPeaks : peaks, picture: cell.querySelector("img").src });
    cell.classList.toggle("real-sounds", which === "real");
    describe();
  }

  function fail(what) {
    if (!cell) return;
    const label = cell.dataset.label;
    stop();
    now.textContent = `${what} ${label}`;
  }

  function stop() {
    for (const audio of Object.values(sounds)) audio.pause();
    if (!cell) return;
    picture(cell, false);
    cell.classList.remove("sounds", "real-sounds");
    cell.setAttribute("aria-label", `Play ${cell.dataset.label}`);
    cell.style.removeProperty("--progress");
    cell = null;
    tellHeard(null);
    describe();
  }

  function play(button) {
    stop();
    cell = button;
    cell.classList.add("sounds");
    cell.setAttribute("aria-label", `Stop ${cell.dataset.label}`);
    sounds.generated.src = cell.dataset.audio;
    if (cell.dataset.real) {
      sounds.real.src = cell.dataset.real;
      sounds.real.preload = "auto"; // the other side must be there at once when it is asked for
    }
    sound(sideOf(cell), 0);
    progress();
  }

  function choose(wanted) {
    if (wanted === side) return;
    const before = cell && sideOf(cell);
    side = wanted;
    if (cell && sideOf(cell) !== before) {
      const place = sounds[before].currentTime;
      sounds[before].pause();
      sound(sideOf(cell), place);
    } else describe();
  }

  function neighbour(button, key) {
    const column = button.closest("td").cellIndex;
    const rows = [...button.closest("table").rows];
    const row = rows.indexOf(button.closest("tr"));
    const across = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0;
    const down = { ArrowUp: -1, ArrowDown: 1 }[key] ?? 0;
    for (let r = row + down, c = column + across; rows[r] && c >= 0 && c < rows[row].cells.length; r += down, c += across) {
      const found = rows[r].cells[c]?.querySelector(".play");
      if (found?.offsetParent) return found;
    }
    return null;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button, a[href^='#card-']");
    if (!button) return;
    if (button.matches(".compared")) return;
    if (button.matches(".play")) button === cell ? stop() : play(button);
    else if (button.matches("[data-side]")) choose(button.dataset.side);
    else if (button.id === "stop") stop();
    else if (button.id === "theme") switchTheme();
    else if (button.hash) open(document.querySelector(button.hash));
  });

  function open(card) {
    card.open = true;
    card.parentElement.open = true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
    if (["Escape", "s", "S"].includes(event.key)) stop();
    else if (event.key.toLowerCase() === "t") switchTheme();
    else if (event.key.toLowerCase() === "b" && sides.length) choose(side === "real" ? "generated" : "real");
    else if (event.key.startsWith("Arrow") && document.activeElement.matches(".play")) {
      const next = neighbour(document.activeElement, event.key);
      if (!next) return;
      event.preventDefault();
      next.focus();
    }
  });

  document.addEventListener("seek", ({ detail }) => {
    if (!cell) return;
    const audio = sounds[sideOf(cell)];
    moveTo(audio, detail.seconds);
    if (audio.paused) audio.play().catch(() => {}); // what went wrong was said when it began
  });

  // A comparison is heard through sounds of its own.
  document.addEventListener("comparison-starts", () => {
    stop();
    for (const audio of document.querySelectorAll("audio")) audio.pause();
  });

  // Longer sounds have the browser's own players; only one of all may sound.
  document.addEventListener("play", (event) => {
    const own = Object.values(sounds).includes(event.target);
    if (!own) stop();
    for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
  }, true);

  for (const audio of Object.values(sounds)) {
    audio.addEventListener("ended", () => (repeat.checked ? document.dispatchEvent(new Event("again")) : stop()));
    audio.addEventListener("error", () => cell && audio === sounds[sideOf(cell)] && fail("This browser cannot play"));
    audio.addEventListener("timeupdate", () => calm.matches && progress());
  }

  function switchTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem("listening-page-theme", root.dataset.theme);
    } catch {}
  }

  document.getElementById("theme").hidden = false;
  dock.hidden = false;
  describe();
})();
