// The page of generate.py serve: what is asked for, the square of latents, the picture and the files.

import { Keyboard, pitchName } from "./keyboard.js";
import { Voice, isRunning, note, post, setVolume, wake } from "./sound.js";

const SNAP = 0.03; // of a side: near a corner or a side means on it

const find = (id) => document.getElementById(id);
const run = await (await fetch("run.json")).json();
const pitches = run.attributes.pitch ?? [];
const seeds = [...document.querySelectorAll(".seed")];
const selects = Object.keys(run.attributes).filter((name) => name !== "pitch").map(attributeSelect);
const held = new Map(); // pitch -> voice
const point = { right: 0, down: 0 }; // in hundredths of a side
const last = { strike: 0, pitch: pitches[0] ?? null, buffer: null }; // of those made, the note struck last
let strikes = 0;
let single = null; // the voice that no key holds
let walking = false;

// What is asked for, and what sounds

function asked(pitch) {
  const chosen = selects.filter((select) => select.value).map(({ name, value }) => [name, run.attributes[name][value]]);
  const latent = { square: seeds.map((input) => Number(input.value)), x: point.right / 100, y: point.down / 100 };
  const attributes = { ...Object.fromEntries(chosen), ...(pitch === null ? {} : { pitch }) };
  return JSON.stringify({ latent, attributes, truncation: Number(find("truncation").value) || null });
}

async function sound(voice, pitch) {
  const awake = wake();
  const strike = ++strikes;
  const began = performance.now();
  const name = `${pitch === null ? "note" : pitchName(pitch)}, ${where()}`;
  await reporting(async () => {
    const buffer = await note(asked(pitch), run.sample_rate);
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
}

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

async function save(path) {
  const answer = await post(path, asked(last.pitch));
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

function attributeSelect(name) {
  const label = Object.assign(document.createElement("label"), { textContent: name.replace(/_str$/, "").replaceAll("_", " ") });
  const select = Object.assign(document.createElement("select"), { name });
  select.append(new Option("as the seed draws it", ""), ...run.words[name].map((word, index) => new Option(word, index)));
  select.addEventListener("change", strike);
  label.append(select);
  find("controls").append(label);
  return select;
}

// A dropped piece

async function playPiece(file) {
  const player = find("player");
  player.pause();
  player.hidden = true;
  find("remarks").replaceChildren();
  tell(`Reading ${file.name} …`);
  if (file.size > run.largest_midi) throw new Error(`${file.name} is larger than ${run.largest_midi / 2 ** 20} MiB`);
  const timbre = where();
  const answer = await post(`midi?${new URLSearchParams({ note: asked(null) })}`, file, "application/octet-stream");
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(await answer.blob());
  player.hidden = false;
  find("remarks").append(...JSON.parse(answer.headers.get("Remarks")).map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  tell(`${file.name}, in the timbre of ${timbre}`);
  await player.play().catch(() => {}); // where the browser wants a gesture first, its own button is there
}

function takePiece(file) {
  if (file) playPiece(file).catch((error) => tell(`${file.name}: ${error.message}`));
}

const tell = (text) => { find("piece-status").textContent = text; };

function drag(event) {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.querySelector(".drop").classList.toggle("over", event.type === "dragover");
  if (event.type === "drop") takePiece(event.dataTransfer.files[0]);
}

for (const name of ["dragover", "dragleave", "drop"]) addEventListener(name, drag);
find("file").addEventListener("change", () => { takePiece(find("file").files[0]); find("file").value = ""; });
find("square").addEventListener("pointerdown", (event) => { find("square").setPointerCapture(event.pointerId); follow(event); });
find("square").addEventListener("pointermove", (event) => { if (find("square").hasPointerCapture(event.pointerId)) follow(event); });
find("square").addEventListener("keydown", step);
seeds.forEach((input) => input.addEventListener("change", () => input.reportValidity() && strike()));
document.querySelectorAll(".draw").forEach((button, corner) => button.addEventListener("click", () => { drawSeeds([seeds[corner]]); strike(); }));
find("draw-all").addEventListener("click", () => { drawSeeds(seeds); strike(); });
find("again").addEventListener("click", strike);
find("save-wav").addEventListener("click", () => reporting(() => save("note")));
find("save-card").addEventListener("click", () => reporting(() => save("card")));
find("volume").addEventListener("input", turnVolume);
find("release").addEventListener("input", () => { find("release-seconds").textContent = `${release().toFixed(2)} s`; });
find("truncation").addEventListener("change", strike);
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

document.title = `Play ${run.name}`;
find("name").textContent = run.name;
find("about").textContent = `${run.checkpoint}, ${pitches.length} pitches, notes of ${run.seconds.toFixed(2)} s at ${run.sample_rate} Hz${run.latents}`;
if (run.truncation !== null) chooseTruncation(String(run.truncation));
turnVolume();
drawSeeds(seeds);
moveTo(0, 0);
draw();
if (pitches.length) {
  const parts = { keys: find("keyboard"), lower: find("lower"), higher: find("higher"), range: find("octaves") };
  new Keyboard(parts, pitches, {
    press(pitch) { held.set(pitch, new Voice()); sound(held.get(pitch), pitch); },
    release(pitch) { held.get(pitch).release(release()); },
  });
} else find("keys").hidden = find("piece").hidden = true;
