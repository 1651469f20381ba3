"""A dropped MIDI file, played by the timbre at one point of the square."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from data.nsynth import Value
from generation.instrument import Instrument
from generation.midi.midi_file import Piece
from generation.playing.drums import DrumMap
from generation.playing.latents import Sounding
from generation.playing.performance import Performance
from generation.playing.settings import PieceSettings
from generation.synthesis import Wave
from utils.errors import UserError

LONGEST = 600  # s
MOST_NOTES = 20_000
MOST_REMARKS = 12


class PlayedPiece(NamedTuple):
    """A 16-bit WAV, and lines on what was left out, moved or repaired."""

    wav: bytes
    remarks: list[str]


def play_piece(
    instrument: Instrument,
    piece: Piece,
    drum_map: DrumMap,
    wave_of: Callable[[Mapping[str, Value]], Wave],
    ending: Callable[[], bool],
) -> PlayedPiece:
    """`piece` by the default settings of a rendered one, but with the notes `wave_of` of attributes.

    Its drums have the sounds of `drum_map`, unless that is empty, and end each other as played drums do. It is given up
    once `ending` says so. Raises: UserError if there is nothing to play, more than 20 000 notes or 10 minutes, or no
    pitch that the run learned.
    """
    if len(piece.notes) > MOST_NOTES or piece.duration > LONGEST:
        raise UserError("the piece has more than 20 000 notes or 10 minutes; drop a shorter one here")
    settings = PieceSettings.model_validate({"drum_map": drum_map or None, "choke": bool(drum_map)})
    performance = Performance.of(instrument, piece, settings)

    def until_the_end(blocks: Iterable[Wave]) -> Iterator[Wave]:
        for block in blocks:
            if ending():
                raise UserError("the server is shutting down")
            yield block

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "piece.wav"
        performance.write(path, lambda sounds: [wave_of(_attributes(sound)) for sound in sounds], watched=until_the_end)
        return PlayedPiece(path.read_bytes(), shortened(performance.remarks))


def _attributes(sound: Sounding) -> dict[str, Value]:
    timbre, pitch = sound
    return {**dict(timbre.fixed), **({} if pitch is None else {"pitch": pitch})}


def shortened(remarks: list[str]) -> list[str]:
    """The first 12 lines, and a line that counts the rest."""
    more = len(remarks) - MOST_REMARKS
    return remarks if more <= 0 else [*remarks[:MOST_REMARKS], f"and {more} more"]
