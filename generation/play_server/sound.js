// Notes from the server, and the voices that sound them.

const NOTES_KEPT = 300;
const ATTACK = 0.004; // s
const SHORTEST = 0.12; // s that a note sounds, however short the tap
const LEVEL = 0.5; // of one voice; the limiter takes what several have too much

const notes = new Map(); // what was asked for -> promise of an AudioBuffer
let output = null;
let loudness = 0.5;
let gain = 1; // of all notes, so that they keep their relative levels: that of the loudest one until now

export async function post(path, body, type = "application/json") {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": type }, body }).catch(() => {
    throw new Error("The server does not answer. Is generate.py serve still running?");
  });
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}

export function note(path, request, sampleRate) {
  const key = path + request;
  if (!notes.has(key)) {
    const decoder = new OfflineAudioContext(1, 1, sampleRate); // keeps the samples at their own rate
    const coming = post(path, request).then(async (answer) => {
      const buffer = await decoder.decodeAudioData(await answer.arrayBuffer());
      return atOwnLevel(buffer, 10 ** (Number(answer.headers.get("Gain-dB")) / 20));
    });
    notes.set(key, coming);
    coming.catch(() => notes.delete(key));
    if (notes.size > NOTES_KEPT) notes.delete(notes.keys().next().value);
  }
  return notes.get(key);
}

// A file beyond full scale was turned down by the server: here the note gets its level back, and all are turned down.
function atOwnLevel(buffer, turnedDown) {
  const samples = buffer.getChannelData(0);
  samples.forEach((value, index) => { samples[index] = value / turnedDown; });
  if (turnedDown < gain) {
    gain = turnedDown;
    setVolume(loudness);
  }
  return buffer;
}

// Browsers let an AudioContext sound that a gesture makes, so this is called by gestures alone.
// Returns a promise of the moment when it sounds.
export function wake() {
  if (!output) {
    const context = new AudioContext();
    output = { context, volume: context.createGain() };
    output.volume.connect(context.createDynamicsCompressor()).connect(context.destination);
    setVolume(loudness);
  }
  return output.context.resume();
}

export const isRunning = () => output?.context.state === "running";

export function setVolume(share) {
  loudness = share;
  output?.volume.gain.setTargetAtTime(gain * share ** 2, output.context.currentTime, 0.01);
}

export class Voice {
  #released = null;

  constructor(velocity = 1) {
    this.level = LEVEL * velocity ** 2;
  }

  start(buffer) {
    const { context, volume } = output;
    this.source = new AudioBufferSourceNode(context, { buffer });
    this.gain = new GainNode(context);
    this.gain.gain.setValueAtTime(0, context.currentTime);
    this.gain.gain.linearRampToValueAtTime(this.level, context.currentTime + ATTACK);
    this.source.connect(this.gain).connect(volume);
    this.source.start();
    this.started = context.currentTime;
    if (this.#released !== null) this.#fade(); // let go while the note was still being made
  }

  release(seconds) {
    if (this.#released !== null) return;
    this.#released = seconds;
    if (this.source) this.#fade();
  }

  #fade() {
    const begin = Math.max(output.context.currentTime, this.started + SHORTEST);
    this.gain.gain.setTargetAtTime(0, begin, this.#released / 5);
    this.source.stop(begin + 1.5 * this.#released);
  }
}
