// The note that sounds, as a picture and a waveform: drag to hear another moment of it, or a part of it again and again.
// The players say what is heard by the event "heard", and go to a moment by the event "seek". A media player of its own,
// as wavesurfer.js has, would fight with theirs, which keep all columns at one moment; so this one plays nothing.
(() => {
  "use strict";
  const LEVELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
  const NUDGE = 0.1; // seconds
  const SHORTEST = 0.02; // of a note, that can be repeated
  const find = (id) => document.getElementById(id);
  const bar = find("scrubber");
  const repeat = find("repeat");
  const canvas = find("scrub-wave");
  const handles = { start: find("loop-start"), end: find("loop-end") };
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const loop = { start: 0, end: 1 }; // parts of the note
  let shown = null; // what was heard last: {button, peaks, picture}
  let audio = null; // the sound that is heard now
  let watching = false;
  let dragged = null; // "moment", "start" or "end"

  const within = (part) => Math.min(1, Math.max(0, part));
  const length = () => (audio?.duration > 0 ? audio.duration : Number(shown?.button.dataset.seconds ?? 1));
  const moment = () => (audio ? within(audio.currentTime / length()) : 0);

  function seek(part, all = true) {
    const seconds = within(part) * length();
    if (!audio) shown?.button.click();
    document.dispatchEvent(new CustomEvent("seek", { detail: { seconds, all } }));
    tell();
  }

  function setLoop(which, part) {
    if (which === "start") loop.start = Math.min(within(part), loop.end - SHORTEST);
    else loop.end = Math.max(within(part), loop.start + SHORTEST);
    repeat.checked = true;
    tell();
  }

  function tell() {
    const say = (slider, part) => {
      slider.style.left = `${100 * part}%`;
      slider.setAttribute("aria-valuenow", Math.round(100 * part));
      slider.setAttribute("aria-valuetext", `${(part * length()).toFixed(2)} s`);
    };
    say(find("moment"), moment());
    for (const [which, handle] of Object.entries(handles)) {
      say(handle, loop[which]);
      handle.classList.toggle("idle", !repeat.checked);
    }
    const region = find("region");
    region.hidden = !repeat.checked;
    region.style.left = `${100 * loop.start}%`;
    region.style.width = `${100 * (loop.end - loop.start)}%`;
  }

  function draw() {
    if (!shown || !canvas.clientWidth) return;
    canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
    canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
    const pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(canvas).color;
    const step = canvas.width / shown.peaks.length;
    [...shown.peaks].forEach((level, k) => {
      const high = Math.max(devicePixelRatio, (canvas.height * LEVELS.indexOf(level)) / (LEVELS.length - 1));
      pen.fillRect(k * step, (canvas.height - high) / 2, Math.max(1, step - 0.5), high);
    });
  }

  // The end of the part is met between two pictures of the screen, whether it moves or not.
  function watch() {
    watching = Boolean(audio);
    if (!watching) return;
    const past = loop.end < 1 && moment() >= loop.end;
    if (repeat.checked && past && dragged === null) seek(loop.start);
    if (!calm.matches) tell();
    requestAnimationFrame(watch);
  }

  function heard(now) {
    audio = now?.audio ?? null;
    if (now) {
      const blind = Boolean(now.button.closest(".blind td:not(.real-column)"));
      shown = { button: now.button, peaks: now.peaks };
      bar.hidden = false;
      find("scrub-picture").style.backgroundImage = `url("${now.picture}")`;
      bar.classList.toggle("unseen", blind);
      draw();
      if (!watching) watch();
    }
    tell();
  }

  const partAt = (event) => {
    const box = bar.getBoundingClientRect();
    return within((event.clientX - box.left) / box.width);
  };

  bar.addEventListener("pointerdown", (event) => {
    dragged = { "loop-start": "start", "loop-end": "end" }[event.target.id] ?? "moment";
    bar.setPointerCapture(event.pointerId);
    dragged === "moment" ? seek(partAt(event), false) : setLoop(dragged, partAt(event));
  });
  bar.addEventListener("pointermove", (event) => {
    if (dragged === "moment") seek(partAt(event), false);
    else if (dragged) setLoop(dragged, partAt(event));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    bar.addEventListener(end, (event) => {
      if (dragged === "moment" && audio) seek(partAt(event));
      dragged = null;
    });
  }

  bar.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    const end = { Home: 0, End: 1 }[event.key];
    if (way === undefined && end === undefined) return;
    event.preventDefault();
    const which = { "loop-start": "start", "loop-end": "end" }[event.target.id];
    const part = end ?? (which ? loop[which] : moment()) + (way * NUDGE) / length();
    which ? setLoop(which, part) : seek(part);
  });

  function unrepeated() {
    if (!repeat.checked) Object.assign(loop, { start: 0, end: 1 });
    tell();
  }

  const LETTERS = {
    l: () => {
      repeat.checked = !repeat.checked;
      unrepeated();
    },
    n: () => audio && setLoop("start", moment()),
    m: () => audio && setLoop("end", moment()),
    z: () => shown && seek(moment() - NUDGE / length()),
    x: () => shown && seek(moment() + NUDGE / length()),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, textarea")) return;
    LETTERS[event.key.toLowerCase()]?.();
  });
  document.addEventListener("heard", ({ detail }) => heard(detail));
  repeat.addEventListener("change", unrepeated);
  new ResizeObserver(draw).observe(canvas);
  document.addEventListener("again", () => seek(loop.start));
  tell();
})();
