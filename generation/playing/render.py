"""A piece played by a trained instrument: the sound file, its card, its picture."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
from tqdm import tqdm

from generation.instrument import Instrument
from generation.midi.midi_file import Piece, PieceNote
from generation.playing.latents import Latents, Motion, require_seeds
from generation.playing.mixer import Envelope, mix, mixed_length
from generation.playing.picture import MOST_SECONDS, save_piece_picture
from generation.playing.pitches import PitchUse, pitch_uses
from generation.playing.plan import Plan, plan_notes
from generation.playing.settings import PieceSettings, PieceSource
from generation.playing.sound_file import Level, write_levelled
from generation.playing.sounds import SoundBank
from generation.playing.voices import Voice, VoiceName, assign_voices, without_family
from generation.synthesis import Wave
from utils.cli import show_progress
from utils.errors import UserError
from utils.files import write_json

logger = logging.getLogger(__name__)

LONGEST = 24 * 3600  # s


@dataclass(frozen=True)
class Rendering:
    """What was written, and what is to be said of it."""

    path: Path
    seconds: float
    notes: int
    sounds: int
    pitches: list[PitchUse]
    level: Level


def render_piece(
    instrument: Instrument, piece: Piece, settings: PieceSettings, path: Path, *, source: PieceSource
) -> Rendering:
    """Play `piece` into the WAV `path`, with a card (.json) and a picture of its beginning (.png) beside it.

    `source` is what the card says of where the piece comes from. The same instrument, piece and settings give the same
    bytes on the CPU. Memory holds the notes and the sounds that are alive, not the whole wave.
    Raises: UserError if there is nothing to play, the piece is longer than a day, or the settings do not fit the piece
    or the run; then nothing is written.
    """
    require_seeds(settings.latent, settings.seeds)
    _require_playable(piece)
    pitches = pitch_uses(instrument, piece.notes, settings.out_of_range)
    voices = assign_voices(
        instrument, piece.notes, seeds=settings.seeds, entries=settings.voices, attributes=settings.attributes
    )
    kept = _kept(piece.notes, pitches)
    _say_what_is_lost(instrument, piece, pitches, voices)
    rate = instrument.transform.sample_rate
    plan = plan_notes(
        kept,
        sample_rate=rate,
        played={use.written: use.played for use in pitches},
        voices=voices,
        motion=Motion(settings.latent, piece.bars, kept[0].onset, kept[-1].onset),
        table=instrument.table.values,
        curve=settings.velocity_curve,
    )
    envelope = Envelope.of(settings.adsr, rate)
    level = write_levelled(
        path,
        _shown(_blocks(instrument, plan, settings, envelope), rate, mixed_length(plan, envelope)),
        length=mixed_length(plan, envelope),
        sample_rate=rate,
        rate=settings.rate or rate,
        bits=settings.bits,
        loudness=settings.loudness,
    )
    seconds = mixed_length(plan, envelope) / rate
    rendering = Rendering(path, seconds, len(kept), len(plan.timbres_and_pitches), pitches, level)
    _draw(path, kept)
    write_json(path.with_suffix(".json"), _card(instrument, piece, settings, rendering, voices, source))
    return rendering


def _blocks(instrument: Instrument, plan: Plan, settings: PieceSettings, envelope: Envelope) -> Iterator[Wave]:
    latents = Latents(instrument, settings.latent, settings.truncation)
    bank = SoundBank(instrument, latents, plan.timbres_and_pitches, plan.last_uses(), settings.sustain)
    return mix(plan, bank.sound, envelope)


def _require_playable(piece: Piece) -> None:
    if not piece.notes:
        said = f" ({'; '.join(piece.remarks)})" if piece.remarks else ""
        raise UserError(f"from_midi: the piece has no note to play{said}; give another")
    if piece.duration > LONGEST:
        raise UserError(f"from_midi: the piece lasts {piece.duration / 3600:,.1f} hours; at most 24 are played, cut it")


def _kept(notes: Iterable[PieceNote], pitches: Iterable[PitchUse]) -> list[PieceNote]:
    dropped = {use.written for use in pitches if use.played is None}
    return [note for note in notes if note.pitch not in dropped]


def _say_what_is_lost(
    instrument: Instrument, piece: Piece, pitches: Sequence[PitchUse], voices: dict[VoiceName, Voice]
) -> None:
    for remark in piece.remarks:
        logger.warning("%s", remark)
    dropped = sum(use.notes for use in pitches if use.played is None)
    moved = sum(use.notes for use in pitches if use.played not in (None, use.written))
    if dropped or moved:
        logger.warning("pitches that the run did not learn: %d notes moved by octaves, %d dropped", moved, dropped)
    programs = without_family(voices.values(), (note.program for note in piece.notes), instrument.table.values)
    if programs:
        logger.warning("General MIDI programs without a family that the run learned: %s", ", ".join(map(str, programs)))


def _shown(blocks: Iterable[Wave], rate: int, length: int) -> Iterator[Wave]:
    with tqdm(total=round(length / rate), unit="s", disable=not show_progress(), leave=False) as bar:
        done = 0
        for block in blocks:
            yield block
            done += len(block)
            bar.update(done // rate - bar.n)


def _draw(path: Path, notes: Sequence[PieceNote]) -> None:
    with soundfile.SoundFile(path) as file:
        wave, rate = file.read(round(MOST_SECONDS * file.samplerate), dtype="float32"), file.samplerate
    save_piece_picture(path.with_suffix(".png"), notes, wave, rate)


def _card(
    instrument: Instrument,
    piece: Piece,
    settings: PieceSettings,
    rendering: Rendering,
    voices: dict[VoiceName, Voice],
    source: PieceSource,
) -> dict[str, Any]:
    programs: dict[VoiceName, Counter[int]] = {name: Counter() for name in voices}
    for note in piece.notes:
        programs[VoiceName(note.track, note.channel)][note.program] += 1
    return {
        **instrument.to_plain(),
        "mode": "from_midi",
        "piece": source.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "file": rendering.path.name,
        "sample_rate": settings.rate or instrument.transform.sample_rate,
        "bits": settings.bits,
        "duration_s": rendering.seconds,
        "played": rendering.notes,
        "distinct_sounds": rendering.sounds,
        "level": rendering.level.to_plain(),
        "voices": [
            {
                "voice": str(name),
                "notes": voice.notes,
                "programs": sorted(programs[name]),
                "seeds": list(voice.seeds),
                "attributes": dict(voice.fixed),
                "families_by_program": voice.by_program,
            }
            for name, voice in voices.items()
        ],
        "pitches": [use.to_plain() for use in rendering.pitches],
        "remarks": list(piece.remarks),
    }
