// All columns of a row play at once, and all but one are silent: to change the column is to change which is heard.
(() => {
  "use strict";
  const CLOSE = 0.03; // seconds by which two columns may be apart when one gives way to the other
  const TRIES = 8; // to meet; a busy machine is slow to move a sound
  const section = document.getElementById("compare");
  const repeat = document.getElementById("repeat");
  const now = document.getElementById("now");
  const stopButton = document.getElementById("stop");
  const dock = document.getElementById("dock");
  const sides = document.getElementById("sides");
  const strip = document.getElementById("columns");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const heads = [...section.querySelectorAll(".compare thead th")];
  const pool = heads.map(() => new Audio());
  let row = null; // the row that plays
  let heard = null; // the button of the column that is heard
  let wanted = null; // the one that was asked for last

  const columnOf = (button) => Number(button.closest("td").dataset.column);
  const audioOf = (button) => pool[columnOf(button)];
  const isReal = (button) => Boolean(button.closest(".real-column"));
  const buttonsOf = (tr) => [...tr.querySelectorAll(".compared")].filter((button) => button.offsetParent);

  // The letter of a button is that of its place in the row, since blind listening changes the order.
  function letterOf(button) {
    if (isReal(button)) return "R";
    return heads[button.closest("td").cellIndex - 1].querySelector("kbd").textContent;
  }

  function label(button) {
    const blind = section.classList.contains("blind") && !isReal(button);
    return `${blind ? letterOf(button) : button.dataset.title}, ${button.closest("tr").dataset.said}`;
  }

  function describe() {
    for (const button of section.querySelectorAll(".compared")) {
      const action = button === heard ? "Stop" : button.closest("tr") === row ? "Switch to" : "Play";
      button.setAttribute("aria-label", `${action} ${label(button)}`);
      button.classList.toggle("sounds", button === heard);
      if (button !== heard) button.style.removeProperty("--progress");
    }
    now.textContent = heard ? label(heard) : "Press a picture";
    stopButton.disabled = !heard;
    dock.classList.toggle("sounding", Boolean(heard));
    if (sides) sides.hidden = Boolean(heard);
    strip.hidden = !heard;
    for (const each of strip.children) each.setAttribute("aria-pressed", String(each.column === heard));
  }

  function fillStrip() {
    strip.replaceChildren(
      ...buttonsOf(row).map((button) => {
        const each = document.createElement("button");
        each.type = "button";
        each.column = button;
        const letter = document.createElement("span");
        letter.textContent = letterOf(button);
        each.append(letter, section.classList.contains("blind") && !isReal(button) ? "" : ` ${button.dataset.title}`);
        return each;
      }),
    );
  }

  function begin(audio) {
    audio.play().catch((error) => {
      if (error.name === "AbortError" || !heard || audio !== audioOf(heard)) return;
      const failed = label(heard);
      stop();
      now.textContent = `${error.name === "NotAllowedError" ? "Press again to play" : "This browser cannot play"} ${failed}`;
    });
  }

  function start(button) {
    stop();
    document.dispatchEvent(new Event("comparison-starts"));
    row = button.closest("tr");
    heard = wanted = button;
    for (const each of buttonsOf(row)) {
      const audio = audioOf(each);
      audio.src = each.dataset.sound;
      audio.volume = 10 ** (Number(heads.find((head) => Number(head.dataset.column) === columnOf(each)).dataset.gain) / 20);
      audio.muted = each !== button;
      begin(audio);
    }
    fillStrip();
    describe();
    tellHeard();
    progress();
  }

  function stop() {
    if (!row) return;
    for (const audio of pool) audio.pause();
    row = heard = wanted = null;
    describe();
    tellHeard();
  }

  function hear(button) {
    audioOf(button).muted = false;
    if (button !== heard) audioOf(heard).muted = true;
    heard = button;
    describe();
    tellHeard();
  }

  // Until the other column is at the same moment, the one that is heard goes on.
  function change(button) {
    wanted = button;
    if (button !== heard) meet(button, TRIES, 0);
  }

  function meet(button, tries, lead) {
    if (button !== wanted || !heard) return;
    const from = audioOf(heard);
    const to = audioOf(button);
    const ahead = to.currentTime - from.currentTime;
    const ready = to.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA && !to.seeking && (!to.paused || to.ended);
    if (tries === 0 || (ready && Math.abs(ahead) <= CLOSE) || (to.ended && from.currentTime >= to.duration)) hear(button);
    else if (!ready && !to.ended) to.addEventListener("playing", () => meet(button, tries, lead), { once: true });
    else {
      const asked = performance.now();
      const met = () => meet(button, tries - 1, (performance.now() - asked) / 1000);
      to.addEventListener("seeked", met, { once: true });
      to.currentTime = from.currentTime + lead;
      if (to.paused) begin(to);
    }
  }

  function ended(audio) {
    if (!heard || audio !== audioOf(heard)) return;
    repeat.checked ? document.dispatchEvent(new Event("again")) : stop();
  }

  // While a listener drags, the others wait: they come along once that is done, or when they are asked for.
  function seek({ seconds, all }) {
    if (!heard) return;
    for (const button of all ? buttonsOf(row) : [heard]) {
      const audio = audioOf(button);
      const move = () => {
        audio.currentTime = seconds;
        if (audio.paused) begin(audio);
      };
      audio.readyState ? move() : audio.addEventListener("loadedmetadata", move, { once: true });
    }
  }

  function tellHeard() {
    const { peaks } = heard?.dataset ?? {};
    const detail = heard && { audio: audioOf(heard), button: heard, peaks, picture: heard.querySelector("img").src };
    document.dispatchEvent(new CustomEvent("heard", { detail }));
  }

  function progress() {
    if (!heard) return;
    const audio = audioOf(heard);
    const part = audio.duration > 0 ? audio.currentTime / audio.duration : 0;
    heard.style.setProperty("--progress", part.toFixed(4));
    if (!calm.matches) requestAnimationFrame(progress);
  }

  // The button of the column that a key names, in the row that plays or has the focus.
  function named(key) {
    const tr = row || document.activeElement.closest(".compare tbody tr");
    if (!tr) return null;
    const buttons = buttonsOf(tr);
    return /^[0-9]$/.test(key) ? buttons[(Number(key) + 9) % 10] : buttons.find((button) => letterOf(button) === key.toUpperCase());
  }

  const press = (button) => (button === heard ? stop() : button.closest("tr") === row ? change(button) : start(button));

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".compared")) press(button);
    else if (button.parentElement === strip) change(button.column);
    else if (button === stopButton) stop();
  });

  // Before the page's own keys, of which B is one.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
    if (["Escape", "s", "S"].includes(event.key)) return stop();
    const button = event.key.length === 1 && named(event.key);
    if (!button) return;
    event.stopPropagation();
    event.preventDefault();
    if (button !== heard) press(button);
  }, true);

  document.addEventListener("play", stop, true); // of a sound of the page, since those of the pool are not in it
  document.addEventListener("seek", ({ detail }) => seek(detail));
  section.addEventListener("filtered", () => heard && !heard.offsetParent && stop());
  section.addEventListener("order-changes", () => (stop(), describe()));
  for (const audio of pool) {
    audio.preload = "auto";
    audio.addEventListener("ended", () => ended(audio));
    audio.addEventListener("timeupdate", () => calm.matches && progress());
  }
  pool[0].volume = 0.5;
  if (pool[0].volume !== 0.5) document.getElementById("level-note").append(" This browser lets no page set a volume, so that the levels are not matched here.");
  section.hidden = document.getElementById("to-compare").hidden = false;
})();
