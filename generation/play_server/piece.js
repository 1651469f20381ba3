// A MIDI file that is chosen or dropped: the server plays it, and the browser's own player sounds it.

import { post } from "./sound.js";

const find = (id) => document.getElementById(id);
const tell = (text) => { find("piece-status").textContent = text; };

// `plan` of a file says where it is sent, and by which timbre it will be played.
export function takePieces(plan) {
  const take = (file) => {
    if (file) play(file, plan).catch((error) => tell(`${file.name}: ${error.message}`));
  };
  for (const name of ["dragover", "dragleave", "drop"]) addEventListener(name, (event) => drag(event, take));
  find("file").addEventListener("change", () => { take(find("file").files[0]); find("file").value = ""; });
}

async function play(file, plan) {
  const player = find("player");
  player.pause();
  player.hidden = true;
  find("remarks").replaceChildren();
  tell(`Reading ${file.name} …`);
  const { to, timbre } = plan(file);
  const answer = await post(to, file, "application/octet-stream");
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(await answer.blob());
  player.hidden = false;
  const remarks = JSON.parse(answer.headers.get("Remarks"));
  find("remarks").append(...remarks.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  tell(`${file.name}, in the timbre of ${timbre}`);
  await player.play().catch(() => {}); // where the browser wants a gesture first, its own button is there
}

function drag(event, take) {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.querySelector(".drop").classList.toggle("over", event.type === "dragover");
  if (event.type === "drop") take(event.dataTransfer.files[0]);
}
