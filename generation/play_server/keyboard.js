// Two octaves of keys, and the hands on them: mouse, fingers, and the computer's own keys.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const COLUMNS = [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13]; // of 14 in an octave; each key spans two
const LETTERS = [..."ZSXDCVGBHNJMQ2W3ER5T6Y7U"]; // an octave in each half of the computer's keys, as in trackers
const CODES = LETTERS.map((letter) => (letter > "9" ? `Key${letter}` : `Digit${letter}`)); // where they lie, whatever the layout

export const pitchName = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

export class Keyboard {
  #pointers = new Map(); // pointer -> pitch under it
  #held = new Set();

  constructor(parts, known, hands) {
    Object.assign(this, { ...parts, hands }); // keys, lower, higher, range; press, release
    this.learn(known);
    this.lower.addEventListener("click", () => this.#shift(-12));
    this.higher.addEventListener("click", () => this.#shift(12));
    this.keys.addEventListener("pointerdown", (event) => {
      event.target.releasePointerCapture(event.pointerId); // a finger that glides is on the key below it
      this.#glide(event, this.#under(event));
    });
    addEventListener("pointermove", (event) => {
      if (this.#pointers.has(event.pointerId)) this.#glide(event, this.#under(event));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      addEventListener(end, (event) => { this.#glide(event, null); this.#pointers.delete(event.pointerId); });
    }
    this.keys.addEventListener("contextmenu", (event) => event.preventDefault());
    addEventListener("keydown", (event) => this.#down(event));
    addEventListener("keyup", (event) => this.#press(this.#meant(event), false));
    addEventListener("blur", () => this.#lift());
  }

  // Other pitches, as another run has; the octave is kept where it has any of them.
  learn(known, lowest = this.lowest) {
    this.known = new Set(known);
    const octaves = [...Array(10).keys()].map((octave) => 12 * octave);
    const best = octaves.reduce((best, first) => (this.#within(first) >= this.#within(best) ? first : best));
    this.lowest = octaves.includes(lowest) && this.#within(lowest) ? lowest : best;
    this.#lay();
  }

  // As a MIDI keyboard presses a key: velocity from 0 to 1.
  play(pitch, down, velocity) {
    this.#press(pitch, down, velocity);
  }

  #within(first) {
    return [...this.known].filter((pitch) => pitch >= first && pitch < first + 24).length;
  }

  #press(pitch, down, velocity = 1) {
    if (!this.known.has(pitch) || this.#held.has(pitch) === down) return;
    this.#held[down ? "add" : "delete"](pitch);
    this.keys.querySelector(`[data-pitch="${pitch}"]`)?.setAttribute("aria-pressed", down);
    this.hands[down ? "press" : "release"](pitch, velocity);
  }

  #lift() {
    [...this.#held].forEach((pitch) => this.#press(pitch, false));
  }

  #glide(event, pitch) {
    const before = this.#pointers.get(event.pointerId) ?? null;
    if (before === pitch) return;
    this.#pointers.set(event.pointerId, pitch);
    this.#press(before, false);
    this.#press(pitch, true);
  }

  #under(event) {
    const key = document.elementFromPoint(event.clientX, event.clientY)?.closest(".key:enabled");
    return key ? Number(key.dataset.pitch) : null;
  }

  #meant(event) {
    const key = event.target.closest?.(".key");
    if (key && [" ", "Enter"].includes(event.key)) return Number(key.dataset.pitch);
    const step = CODES.indexOf(event.code);
    return step < 0 ? null : this.lowest + step;
  }

  #down(event) {
    const key = event.target.closest?.(".key");
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (key && way) {
      const playable = [...this.keys.querySelectorAll(".key:enabled")];
      this.#reach(playable[playable.indexOf(key) + way] ?? key).focus();
    }
    const typing = event.target.matches?.("input:not([type=range]), select");
    if (event.repeat || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (["-", "−"].includes(event.key)) this.#shift(-12);
    if (["+", "="].includes(event.key)) this.#shift(12);
    this.#press(this.#meant(event), true);
  }

  #reach(key) { // one key at a time is reached by Tab, the others by arrows
    this.keys.querySelectorAll(".key").forEach((other) => { other.tabIndex = other === key ? 0 : -1; });
    return key;
  }

  #shift(semitones) {
    if ((semitones < 0 ? this.lower : this.higher).disabled) return;
    this.lowest += semitones;
    this.#lay();
    this.hands.shifted();
  }

  #lay() {
    this.#lift();
    this.keys.replaceChildren(...[0, 12].map((first) => {
      const octave = Object.assign(document.createElement("div"), { className: "octave" });
      octave.append(...COLUMNS.map((column, step) => this.#key(first + step, column)));
      return octave;
    }));
    this.#reach(this.keys.querySelector(".key:enabled"));
    this.range.textContent = `${pitchName(this.lowest)} to ${pitchName(this.lowest + 23)}`;
    this.lower.disabled = ![...this.known].some((pitch) => pitch < this.lowest);
    this.higher.disabled = ![...this.known].some((pitch) => pitch >= this.lowest + 24);
  }

  #key(step, column) {
    const pitch = this.lowest + step;
    const black = NAMES[step % 12].length > 1;
    const key = Object.assign(document.createElement("button"), { type: "button", className: black ? "key black" : "key" });
    key.dataset.pitch = pitch;
    key.disabled = !this.known.has(pitch);
    key.style.gridColumn = `${column} / span 2`;
    key.setAttribute("aria-label", pitchName(pitch) + (key.disabled ? ", not learned" : ""));
    key.setAttribute("aria-pressed", "false");
    const letter = Object.assign(document.createElement("kbd"), { textContent: LETTERS[step] ?? "" });
    key.append(letter, step % 12 ? "" : pitchName(pitch));
    return key;
  }
}
