// Keys of a MIDI keyboard, as the browser passes them on.

const NOTE_OFF = 0x80;
const NOTE_ON = 0x90;

export async function connectMidi(keyboard, say) {
  try {
    const access = await navigator.requestMIDIAccess();
    access.onstatechange = () => listen(access, keyboard, say);
    listen(access, keyboard, say);
  } catch {
    say("This browser allows no MIDI here");
  }
}

function listen(access, keyboard, say) {
  const inputs = [...access.inputs.values()];
  for (const input of inputs) input.onmidimessage = ({ data }) => take(data, keyboard);
  say(inputs.length ? inputs.map((input) => input.name).join(", ") : "No MIDI keyboard is there; it may be plugged in now");
}

function take([status, pitch, velocity], keyboard) {
  const kind = status & 0xf0;
  if (kind === NOTE_ON && velocity > 0) keyboard.play(pitch, true, velocity / 127);
  else if (kind === NOTE_OFF || kind === NOTE_ON) keyboard.play(pitch, false);
}
