// The page of generate.py serve: what is asked for, the square of latents, the picture and the files.

import { Keyboard, pitchName } from "./keyboard.js";
import { connectMidi } from "./midi.js";
import { takePieces } from "./piece.js";
import { Voice, isRunning, note, post, setVolume, wake } from "./sound.js";

const SNAP = 0.03; // of a side: near a corner or a side means on it

const CORNERS = { KeyI: 0, KeyO: 1, KeyK: 2, KeyL: 3 }; // as they lie on the computer's keys
const find = (id) => document.getElementById(id);
const names = await (await fetch("runs.json")).json();
const seeds = [...document.querySelectorAll(".seed")];
const held = new Map(); // pitch -> voice
const point = { right: 0, down: 0 }; // in hundredths of a side
const last = { strike: 0, pitch: null, buffer: null }; // of those made, the note struck last
let run = null; // what the server says of the run that is played
let place = 0; // of that run among those served
let pitches = [];
let selects = [];
let keyboard = null;
let strikes = 0;
let single = null; // the voice that no key holds
let walking = false;

// What is asked for, and what sounds

const isChosen = ({ value }) => value !== "" && Number(value) >= 0; // else the seed draws it

function asked(pitch) {
  const chosen = selects.filter(isChosen).map(({ name, value }) => [name, run.attributes[name][value]]);
  const latent = { square: seeds.map((input) => Number(input.value)), x: point.right / 100, y: point.down / 100 };
  const attributes = { ...Object.fromEntries(chosen), ...(pitch === null ? {} : { pitch }) };
  return JSON.stringify({ latent, attributes, truncation: Number(find("truncation").value) || null });
}

const path = (name) => `run/${place}/${name}`;

async function sound(voice, pitch) {
  const awake = wake();
  const strike = ++strikes;
  const began = performance.now();
  const name = `${pitch === null ? "note" : pitchName(pitch)}, ${where()}`;
  await reporting(async () => {
    const buffer = await note(path("note"), asked(pitch), run.sample_rate);
    voice.start(buffer);
    if (strike < last.strike) return; // notes struck together may be made in another order
    Object.assign(last, { strike, pitch, buffer });
    draw();
    const made = `${name}, made in ${Math.round(performance.now() - began)} ms`;
    if (isRunning()) say(`Playing ${made}`);
    else {
      say(`Ready: ${made}`);
      awake.then(() => { if (strike === last.strike) say(`Playing ${made}`); });
    }
  });
}

function strike() {
  keep();
  single?.release(release());
  single = new Voice();
  return sound(single, last.pitch);
}

async function reporting(work) {
  find("error").hidden = true;
  await work().catch((error) => {
    find("error").textContent = error.message;
    find("error").hidden = false;
  });
}

const release = () => Number(find("release").value);
function turnVolume() {
  const share = Number(find("volume").value);
  setVolume(share);
  find("player").volume = share ** 2;
}

const say = (text) => { find("status").textContent = text; };

// The square

function moveTo(right, down) {
  const inside = (hundredths) => Math.min(100, Math.max(0, Math.round(hundredths)));
  Object.assign(point, { right: inside(right), down: inside(down) });
  find("dot").style.left = `${point.right}%`;
  find("dot").style.top = `${point.down}%`;
  find("square").setAttribute("aria-valuenow", point.right);
  find("square").setAttribute("aria-valuetext", where());
  keep();
}

// What is at the corners: the attributes that their seeds draw, or those that are chosen.
async function nameCorners() {
  const answer = await post(path("corners"), asked(last.pitch));
  const labels = await answer.json();
  document.querySelectorAll(".hear").forEach((button, corner) => {
    const said = labels[corner] || "hear";
    button.querySelector("span").textContent = said;
    const side = button.ariaLabel.match(/(top|bottom) (left|right)/)[0];
    button.ariaLabel = `Hear the ${side} corner${labels[corner] ? `: ${labels[corner]}` : ""}`;
  });
}

const hearCorner = (corner) => walkTo(100 * (corner % 2), 100 * Math.floor(corner / 2));

async function walkTo(right, down) {
  moveTo(right, down);
  if (walking) return; // the note in work is followed by that of the newest point
  walking = true;
  for (let heard = null; heard !== asked(last.pitch);) {
    heard = asked(last.pitch);
    await strike();
  }
  walking = false;
}

function where() {
  const corner = point.right % 100 === 0 && point.down % 100 === 0;
  return corner ? `seed ${seeds[point.down / 50 + point.right / 100].value}` : `${point.right} % right, ${point.down} % down`;
}

function follow(event) {
  const box = find("square").getBoundingClientRect();
  const snapped = (share) => 100 * (share < SNAP ? 0 : share > 1 - SNAP ? 1 : share);
  walkTo(snapped((event.clientX - box.left) / box.width), snapped((event.clientY - box.top) / box.height));
}

function step(event) {
  const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
  if (!right && !down) return;
  event.preventDefault();
  const far = event.shiftKey ? 10 : 1;
  walkTo(point.right + far * right, point.down + far * down);
}

function drawSeeds(inputs) {
  inputs.forEach((input) => { input.value = Math.floor(Math.random() * 1_000_000); });
}

function reseeded() {
  strike();
  reporting(nameCorners);
}

// The state, in the address: it can be kept as a bookmark, and is there again when the page is read anew

function keep() {
  if (!run) return;
  const chosen = selects.filter(isChosen).map(({ name, value }) => [name, run.words[name][value]]);
  const state = new URLSearchParams({
    run: names[place], seeds: seeds.map((input) => input.value).join(","), x: point.right, y: point.down,
    truncation: find("truncation").value, volume: find("volume").value, release: find("release").value,
    ...(keyboard ? { lowest: keyboard.lowest } : {}), ...Object.fromEntries(chosen),
  });
  history.replaceState(null, "", `#${state}`);
}

// Of an address that someone wrote, what does not fit is passed over.
function restore(state) {
  const kept = (state.get("seeds") ?? "").split(",");
  seeds.forEach((input, corner) => {
    if (!/^\d{1,15}$/.test(kept[corner] ?? "")) return;
    input.value = kept[corner];
  });
  for (const name of ["volume", "release"]) if (Number(state.get(name)) > 0) find(name).value = state.get(name);
  const truncation = state.get("truncation");
  if (truncation === "" || Number(truncation) > 0) chooseTruncation(truncation);
  restoreAttributes(state);
  moveTo(Number(state.get("x")) || 0, Number(state.get("y")) || 0);
}

function restoreAttributes(state) {
  for (const select of selects) {
    const index = run.words[select.name].indexOf(state.get(select.name));
    if (index < 0) continue;
    select.value = index;
    select.dispatchEvent(new Event("input"));
  }
}

async function openRun(number) {
  place = number;
  const chosen = new URLSearchParams(location.hash.slice(1));
  run = await (await fetch(path("run.json"))).json();
  pitches = run.attributes.pitch ?? [];
  last.pitch = pitches.includes(last.pitch) ? last.pitch : pitches[0] ?? null;
  for (const select of selects) select.closest("label").remove();
  selects = Object.keys(run.attributes).filter((name) => name !== "pitch")
    .map((name) => (run.quantities.includes(name) ? quantitySlider(name) : attributeSelect(name)));
  restoreAttributes(chosen);
  document.title = `Play ${names[place]}`;
  find("name").textContent = names[place];
  const learned = pitches.length ? `${pitches.length} pitches` : "no pitches";
  find("about").textContent = `${run.checkpoint}, ${learned}, notes of ${run.seconds.toFixed(2)} s at ${run.sample_rate} Hz${run.latents}`;
  find("run").value = place;
  find("keys").hidden = !pitches.length;
  find("piece").hidden = !run.plays_pieces;
  if (!last.buffer) say(pitches.length ? "Press a key, or drag the dot" : "Drag the dot");
  if (!pitches.length) return;
  if (keyboard) keyboard.learn(pitches);
  else keyboard = new Keyboard({ keys: find("keyboard"), lower: find("lower"), higher: find("higher"), range: find("octaves") }, pitches, HANDS);
}

async function changeRun() {
  await openRun(Number(find("run").value));
  keep();
  await nameCorners();
  strike();
}

const HANDS = {
  press(pitch, velocity) { held.set(pitch, new Voice(velocity)); sound(held.get(pitch), pitch); },
  release(pitch) { held.get(pitch).release(release()); },
  shifted: keep,
};

// The picture, the files and the attributes

function draw() {
  const canvas = find("wave");
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(canvas).color;
  const samples = last.buffer?.getChannelData(0) ?? new Float32Array(canvas.width);
  const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  for (let column = 0; column < canvas.width; column++) {
    const part = samples.subarray((column * samples.length) / canvas.width, ((column + 1) * samples.length) / canvas.width + 1);
    const [low, high] = part.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [0, 0]);
    pen.fillRect(column, (canvas.height * (1 - high / peak)) / 2, 1, Math.max(1, (canvas.height * (high - low)) / peak / 2));
  }
}

async function save(what) {
  const answer = await post(path(what), asked(last.pitch));
  const name = answer.headers.get("Content-Disposition").match(/filename="(.+)"/)[1];
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await answer.blob()), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  say(`Saved ${name}`);
}

function chooseTruncation(bound) {
  const choice = find("truncation");
  if (![...choice.options].some((option) => option.value === bound)) choice.append(new Option(`± ${bound}`, bound));
  choice.value = bound;
}

const attributeLabel = (name) => Object.assign(document.createElement("label"), { textContent: name.replace(/_str$/, "").replaceAll("_", " ") });

function attributeSelect(name) {
  const label = attributeLabel(name);
  const select = Object.assign(document.createElement("select"), { name });
  select.append(new Option("as the seed draws it", ""), ...run.words[name].map((word, index) => new Option(word, index)));
  select.addEventListener("change", reseeded);
  label.append(select);
  find("controls").append(label);
  return select;
}

// A slider through the values that were learned, in equal steps of their rank; left of the first, the seed draws it.
function quantitySlider(name) {
  const label = attributeLabel(name);
  const slider = Object.assign(document.createElement("input"), { type: "range", name, min: -1, max: run.words[name].length - 1, value: -1 });
  const said = document.createElement("span");
  const tell = () => {
    said.textContent = run.words[name][slider.value] ?? "as the seed draws it";
    slider.ariaValueText = said.textContent;
  };
  slider.addEventListener("input", tell);
  slider.addEventListener("change", reseeded);
  tell();
  label.append(slider, said);
  find("controls").append(label);
  return slider;
}

// What the hands do

takePieces((file) => {
  if (file.size > run.largest_midi) throw new Error(`${file.name} is larger than ${run.largest_midi / 2 ** 20} MiB`);
  return { to: `${path("midi")}?${new URLSearchParams({ note: asked(null) })}`, timbre: where() };
});
find("square").addEventListener("pointerdown", (event) => { find("square").setPointerCapture(event.pointerId); follow(event); });
find("square").addEventListener("pointermove", (event) => { if (find("square").hasPointerCapture(event.pointerId)) follow(event); });
find("square").addEventListener("keydown", step);
seeds.forEach((input) => input.addEventListener("change", () => input.reportValidity() && reseeded()));
document.querySelectorAll(".draw").forEach((button, corner) => button.addEventListener("click", () => { drawSeeds([seeds[corner]]); reseeded(); }));
document.querySelectorAll(".hear").forEach((button, corner) => button.addEventListener("click", () => hearCorner(corner)));
find("draw-all").addEventListener("click", () => { drawSeeds(seeds); reseeded(); });
find("again").addEventListener("click", strike);
find("save-wav").addEventListener("click", () => reporting(() => save("note")));
find("save-card").addEventListener("click", () => reporting(() => save("card")));
find("volume").addEventListener("input", () => { turnVolume(); keep(); });
find("release").addEventListener("input", () => { find("release-seconds").textContent = `${release().toFixed(2)} s`; keep(); });
find("run").addEventListener("change", () => reporting(changeRun));
find("midi").addEventListener("click", () => { wake(); connectMidi(keyboard, (text) => { find("midi-status").textContent = text; }); });
addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input:not([type=range]), select");
  if (event.repeat || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.code in CORNERS) hearCorner(CORNERS[event.code]);
  const button = { KeyA: "again", KeyP: "draw-all", KeyF: "save-wav" }[event.code];
  if (button) find(button).click();
});
find("truncation").addEventListener("change", strike);
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

find("run").append(...names.map((name, index) => new Option(name, index)));
find("runs").hidden = names.length < 2;
find("midi").hidden = !navigator.requestMIDIAccess;
const state = new URLSearchParams(location.hash.slice(1));
drawSeeds(seeds);
await openRun(Math.max(0, names.indexOf(state.get("run"))));
if (run.truncation !== null) chooseTruncation(String(run.truncation));
if (state.has("lowest")) keyboard?.learn(pitches, Number(state.get("lowest")));
restore(state);
turnVolume();
find("release-seconds").textContent = `${release().toFixed(2)} s`;
draw();
await reporting(nameCorners);
