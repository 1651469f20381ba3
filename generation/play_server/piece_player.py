"""A dropped MIDI file, played by the timbre at one point of the square."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.note_pitch import hertz
from generation.instrument import Instrument
from generation.midi.midi_file import Piece, PieceNote
from generation.playing.latents import Motion
from generation.playing.mixer import Envelope, mix, mixed_length
from generation.playing.pitches import PitchUse, pitch_uses
from generation.playing.plan import Plan, plan_notes
from generation.playing.settings import PieceSettings
from generation.playing.sound_file import write_levelled
from generation.playing.sustain import prepare_sound
from generation.playing.voices import assign_voices
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
    instrument: Instrument, piece: Piece, wave_at: Callable[[int], Wave], ending: Callable[[], bool]
) -> PlayedPiece:
    """`piece` as `generate.py from_midi` plays it by default, but with the notes `wave_at` of each MIDI pitch.

    It is given up once `ending` says so. Raises: UserError if there is nothing to play, more than 20 000 notes or
    10 minutes, or no pitch that the run learned.
    """
    if not piece.notes:
        raise UserError(" ".join(["it has no note to play", *piece.remarks[:1]]))
    if len(piece.notes) > MOST_NOTES or piece.duration > LONGEST:
        raise UserError("it has more than 20 000 notes or 10 minutes; use generate.py from_midi")
    settings, rate = PieceSettings(), instrument.transform.sample_rate
    uses = pitch_uses(instrument, piece.notes, settings.out_of_range)
    plan = _plan(instrument, piece, uses, settings)
    sounds = [
        prepare_sound(wave_at(pitch), hertz=hertz(pitch), sample_rate=rate, sustain=settings.sustain)
        for _, pitch in plan.timbres_and_pitches
    ]
    envelope = Envelope.of(settings.adsr, rate)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "piece.wav"
        write_levelled(
            path,
            _until(ending, mix(plan, lambda number, _: sounds[number], envelope)),
            length=mixed_length(plan, envelope),
            sample_rate=rate,
            rate=rate,
            bits="16",
            loudness=settings.loudness,
        )
        return PlayedPiece(path.read_bytes(), _remarks(piece, uses))


def _plan(instrument: Instrument, piece: Piece, uses: Sequence[PitchUse], settings: PieceSettings) -> Plan:
    """When each note sounds; all have one timbre, whatever their voice."""
    played = {use.written: use.played for use in uses}
    kept: list[PieceNote] = [note for note in piece.notes if played[note.pitch] is not None]
    return plan_notes(
        kept,
        sample_rate=instrument.transform.sample_rate,
        played=played,
        voices=assign_voices(instrument, piece.notes, seeds=settings.seeds, entries=settings.voices, attributes=()),
        motion=Motion("hold", piece.bars, kept[0].onset, kept[-1].onset),
        table=instrument.table.values,
        curve=settings.velocity_curve,
    )


def _until(ending: Callable[[], bool], blocks: Iterable[Wave]) -> Iterator[Wave]:
    for block in blocks:
        if ending():
            raise UserError("the server is about to end")
        yield block


def _remarks(piece: Piece, uses: Sequence[PitchUse]) -> list[str]:
    dropped = sum(use.notes for use in uses if use.played is None)
    moved = sum(use.notes for use in uses if use.played not in (None, use.written))
    unlearned = [f"notes at pitches that the run did not learn: {moved} moved by octaves, {dropped} left out"]
    lines = [*piece.remarks, *(unlearned if moved or dropped else [])]
    more = len(lines) - MOST_REMARKS
    return lines if more <= 0 else [*lines[:MOST_REMARKS], f"and {more} more"]
