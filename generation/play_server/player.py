"""A run that several threads play: one note at a time goes through the network, and the last ones are kept."""

import io
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import soundfile

from data.audio_io import quantise
from data.nsynth import Value, described, value_in_words
from data.quantities import is_quantity
from generation.instrument import Instrument
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.midi.midi_file import LARGEST_FILE, read_midi_bytes
from generation.note_files import Note
from generation.places import Place, seeded_place, walk
from generation.play_server.network_thread import NetworkThread
from generation.play_server.note_request import GRID, NoteRequest
from generation.play_server.piece_player import PlayedPiece, play_piece
from generation.playing.drums import usual_drum_map
from generation.synthesis import Wave, fit_full_scale
from utils.errors import UserError

NOTES_KEPT = 256
CLOSING_SECONDS = 0.5


@dataclass(frozen=True)
class PlayedNote:
    """A note as files: their name, the content of the wav, and the card."""

    name: str
    wav: bytes
    card: dict[str, Any]


class Player:
    """Makes the notes that are asked for; any thread may ask."""

    def __init__(self, instrument: Instrument, title: str, controls: LatentControls = NO_CONTROLS) -> None:
        """`title` is what the page calls the run.

        `controls` are those of all latents; their truncation is what the page begins with, which may change it.
        """
        self._instrument, self._controls = instrument, controls
        self.title = title
        self._origin = instrument.to_plain()
        self._drum_map = {} if "pitch" in instrument.table.values else usual_drum_map(instrument.table)
        self._network = NetworkThread()
        self._one_piece = threading.Lock()
        self._closed = False
        self.note = lru_cache(maxsize=NOTES_KEPT)(self._note)

    @property
    def values(self) -> Mapping[str, tuple[Value, ...]]:
        """Attribute -> the values that the run learned."""
        return self._instrument.table.values

    def to_plain(self) -> dict[str, Any]:
        """What the page needs to know of the run, as JSON values."""
        transform = self._instrument.transform
        return {
            "name": self._instrument.run_name,
            "checkpoint": self._instrument.checkpoint.name,
            "sample_rate": transform.sample_rate,
            "seconds": transform.n_samples / transform.sample_rate,
            "largest_midi": LARGEST_FILE,
            "attributes": self._instrument.table.to_plain(),
            "truncation": self._controls.truncation,
            "latents": self._controls.in_words(),
            "plays_pieces": "pitch" in self.values or bool(self._drum_map),
            "quantities": [name for name, values in self.values.items() if is_quantity(values)],
            "words": {name: [value_in_words(name, value) for value in values] for name, values in self.values.items()},
        }

    def corners(self, request: NoteRequest) -> list[str]:
        """What the seed of each corner draws beside pitch, in words, where `request` does not choose it."""
        fixed = dict(request.attributes)
        drawn = [self._instrument.values_of(self._instrument.labels(seed, fixed)[0]) for seed in request.seeds]
        return [
            ", ".join(described(name, value) for name, value in values.items() if name != "pitch") for values in drawn
        ]

    def piece(self, content: bytes, request: NoteRequest) -> PlayedPiece:
        """The MIDI file `content`, or what can be read of it, played by the timbre of `request`.

        A run that was not conditioned on pitch plays the drums whose usual names it learned. Raises: UserError.
        """

        def wave_of(own: Mapping[str, Value]) -> Wave:
            attributes = {**dict(request.attributes), **own}
            return self._sound(replace(request, attributes=tuple(sorted(attributes.items())))).wave

        if not self._one_piece.acquire(blocking=False):
            raise UserError("another file is being made; drop this one again when that is done")
        try:
            piece = read_midi_bytes(content, "this file", lenient=True, drums=bool(self._drum_map))
            return play_piece(self._instrument, piece, self._drum_map, wave_of, lambda: self._closed)
        finally:
            self._one_piece.release()

    def close(self, seconds: float = CLOSING_SECONDS) -> bool:
        """Give up a piece, and let the current note end; nothing is made afterwards.

        Returns whether all has ended within `seconds`; a note that takes longer cannot be stopped.
        """
        self._closed = True
        end = time.monotonic() + seconds
        idle = self._network.close(seconds)
        if not self._one_piece.acquire(timeout=max(end - time.monotonic(), 0)):
            return False
        self._one_piece.release()
        return idle

    def _note(self, request: NoteRequest) -> PlayedNote:
        """The note of `request`. Raises: UserError."""
        note = self._sound(request)
        sound, gain_db = fit_full_scale(note.wave)
        card = {**self._origin, "bits": "16", "gain_db": gain_db, **note.details}
        file = io.BytesIO()  # byte for byte what `data.audio_io.write_wav` writes
        soundfile.write(file, quantise(sound)[0], self._instrument.sample_rate, format="WAV", subtype="PCM_16")
        return PlayedNote(_name(note.name, request), file.getvalue(), card)

    def _sound(self, request: NoteRequest) -> Note:
        """The note itself, made in the network's thread. Raises: UserError, also once the player is closed."""
        place = place_in_square(self._instrument, request, self._controls)
        try:
            if not self._closed:
                return self._network.result_of(partial(place.sound, self._instrument))
        except CancelledError:
            pass
        raise UserError("the server is shutting down")


def place_in_square(instrument: Instrument, request: NoteRequest, controls: LatentControls = NO_CONTROLS) -> Place:
    """The note that `request` asks for, by its own truncation and the other `controls`.

    It lies on the arc between two points, each of which lies on the arc along the upper or the lower side.

    The corners are the seeds' own notes, and the sides are the walks between two of them. The place says how it was
    found, so that its card makes the note again, bit for bit.
    Raises: UserError where two latents point opposite ways.
    """
    fixed = dict(request.attributes)
    keep_norm = controls.keep_norm and request.truncation is not None
    controls = replace(controls, truncation=request.truncation, keep_norm=keep_norm)
    corners = [seeded_place(instrument, seed, fixed, controls) for seed in request.seeds]
    upper = _step(corners[0], corners[1], request.right)
    lower = _step(corners[2], corners[3], request.right)
    return _step(upper, lower, request.down)


def _step(start: Place, end: Place, step: int) -> Place:
    if step in (0, GRID):  # the ends themselves, even if there is no arc between them
        return end if step else start
    return walk("spherical", start, end, GRID)[step]


def _name(name: str, request: NoteRequest) -> str:
    if request.right in (0, GRID) and request.down in (0, GRID):
        return name
    corners = "-".join(str(seed) for seed in request.seeds)
    pitch = name.partition("_")[0]
    return f"{pitch}_square{corners}_x{request.right:03d}_y{request.down:03d}"
