"""A piece played by a trained instrument: the sound file, its card, its picture."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import soundfile
from tqdm import tqdm

from generation.instrument import Instrument
from generation.midi.midi_file import Piece, PieceNote
from generation.own_cards import IN_WORDS, own_file_of
from generation.playing.one_note import waves_by
from generation.playing.performance import Performance
from generation.playing.picture import MOST_SECONDS, save_piece_picture
from generation.playing.settings import PieceSettings, PieceSource
from generation.playing.sound_file import Level
from generation.playing.voices import VoiceName
from generation.synthesis import Wave
from utils.cli import show_progress
from utils.errors import UserError
from utils.files import write_json
from utils.own_files import require_replaceable

logger = logging.getLogger(__name__)

LONGEST = 24 * 3600  # s


def render_piece(
    instrument: Instrument,
    piece: Piece,
    settings: PieceSettings,
    path: Path,
    *,
    source: PieceSource,
    inputs: Iterable[Path] = (),
) -> tuple[Performance, Level]:
    """Play `piece` into the WAV `path`, with a card (.json) and a picture of its beginning (.png) beside it.

    `source` is what the card says of where the piece comes from. The same instrument, piece and settings give the same
    bytes on the CPU. Returns what was played, and at which level.
    Raises: UserError if there is nothing to play, the piece is longer than a day, the settings do not fit the piece
    or the run, or a file of others or one of `inputs` would be replaced; then nothing is written.
    """
    outputs = [path.with_suffix(suffix) for suffix in (".wav", ".json", ".png")]
    require_replaceable(outputs, own_file_of("piece"), IN_WORDS["piece"], inputs=inputs)
    if piece.duration > LONGEST:
        raise UserError(f"the piece lasts {piece.duration / 3600:,.1f} hours; at most 24 are played, so cut it")
    performance = Performance.of(instrument, piece, settings)
    for remark in performance.remarks:
        logger.warning("%s", remark)
    level = performance.write(path, waves_by(instrument, settings), watched=partial(_shown, performance))
    # at once: a wav without its card would be taken for somebody else's
    write_json(path.with_suffix(".json"), _card(instrument, piece, performance, level, path.name, source))
    _draw(path, performance.notes)
    return performance, level


def _shown(performance: Performance, blocks: Iterable[Wave]) -> Iterator[Wave]:
    rate = performance.sample_rate
    with tqdm(total=round(performance.seconds), unit="s", disable=not show_progress(), leave=False) as bar:
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
    instrument: Instrument, piece: Piece, performance: Performance, level: Level, file: str, source: PieceSource
) -> dict[str, Any]:
    settings = performance.settings
    programs: dict[VoiceName, Counter[int]] = {name: Counter() for name in performance.voices}
    for note in piece.notes:
        if note.program is not None:
            programs[VoiceName(note.track, note.channel)][note.program] += 1
    return {
        **instrument.to_plain(),
        "mode": "from_midi",
        "piece": source.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json", by_alias=True),
        "file": file,
        "sample_rate": settings.rate or performance.sample_rate,
        "bits": settings.bits,
        "duration_s": performance.seconds,
        "played": len(performance.notes),
        "distinct_sounds": len(performance.plan.timbres_and_pitches),
        "level": asdict(level),
        "voices": [
            {
                "voice": str(name),
                "notes": voice.notes,
                "programs": sorted(programs[name]),
                "seeds": [] if settings.note else list(voice.seeds),
                "attributes": dict(voice.fixed) if settings.note is None else settings.note.attributes,
                "families_by_program": voice.by_program,
            }
            for name, voice in performance.voices.items()
        ],
        "pitches": [use.to_plain() for use in performance.pitches],
        "drums": [use.to_plain() for use in performance.drums],
        "remarks": list(piece.remarks),
    }
