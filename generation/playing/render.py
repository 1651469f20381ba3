"""A score played by a trained instrument: the sound file, its card, its picture."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
from tqdm import tqdm

from generation.instrument import Instrument
from generation.midi.midi_file import Score, ScoreNote
from generation.playing.latents import Latents, Motion, require_seeds
from generation.playing.mixer import Envelope, mix, mixed_length
from generation.playing.picture import MOST_SECONDS, save_score_picture
from generation.playing.pitches import PitchUse, pitch_uses
from generation.playing.plan import Plan, plan_notes
from generation.playing.settings import ScoreSettings, ScoreSource
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


def render_score(
    instrument: Instrument, score: Score, settings: ScoreSettings, path: Path, *, source: ScoreSource
) -> Rendering:
    """Play `score` into the WAV `path`, with a card (.json) and a picture of its beginning (.png) beside it.

    `source` is what the card says of where the score comes from. The same instrument, score and settings give the same
    bytes on the CPU. Memory holds the notes of the score and the sounds that are alive, not the piece.
    Raises: UserError if there is nothing to play, the piece is longer than a day, or the settings do not fit the score
    or the run; then nothing is written.
    """
    require_seeds(settings.latent, settings.seeds)
    _require_playable(score)
    pitches = pitch_uses(instrument, score.notes, settings.out_of_range)
    voices = assign_voices(
        instrument, score.notes, seeds=settings.seeds, entries=settings.voices, attributes=settings.attributes
    )
    kept = _kept(score.notes, pitches)
    _say_what_is_lost(instrument, score, pitches, voices)
    rate = instrument.transform.sample_rate
    plan = plan_notes(
        kept,
        sample_rate=rate,
        played={use.written: use.played for use in pitches},
        voices=voices,
        motion=Motion(settings.latent, score.bars, kept[0].onset, kept[-1].onset),
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
    write_json(path.with_suffix(".json"), _card(instrument, score, settings, rendering, voices, source))
    return rendering


def _blocks(instrument: Instrument, plan: Plan, settings: ScoreSettings, envelope: Envelope) -> Iterator[Wave]:
    latents = Latents(instrument, settings.latent, settings.truncation)
    bank = SoundBank(instrument, latents, plan.timbres_and_pitches, plan.last_uses(), settings.sustain)
    return mix(plan, bank.sound, envelope)


def _require_playable(score: Score) -> None:
    if not score.notes:
        said = f" ({'; '.join(score.remarks)})" if score.remarks else ""
        raise UserError(f"from_midi: the score has no note to play{said}; give another")
    if score.duration > LONGEST:
        raise UserError(f"from_midi: the score lasts {score.duration / 3600:,.1f} hours; at most 24 are played, cut it")


def _kept(notes: Iterable[ScoreNote], pitches: Iterable[PitchUse]) -> list[ScoreNote]:
    dropped = {use.written for use in pitches if use.played is None}
    return [note for note in notes if note.pitch not in dropped]


def _say_what_is_lost(
    instrument: Instrument, score: Score, pitches: Sequence[PitchUse], voices: dict[VoiceName, Voice]
) -> None:
    for remark in score.remarks:
        logger.warning("%s", remark)
    dropped = sum(use.notes for use in pitches if use.played is None)
    moved = sum(use.notes for use in pitches if use.played not in (None, use.written))
    if dropped or moved:
        logger.warning("pitches that the run did not learn: %d notes moved by octaves, %d dropped", moved, dropped)
    programs = without_family(voices.values(), (note.program for note in score.notes), instrument.table.values)
    if programs:
        logger.warning("General MIDI programs without a family that the run learned: %s", ", ".join(map(str, programs)))


def _shown(blocks: Iterable[Wave], rate: int, length: int) -> Iterator[Wave]:
    with tqdm(total=round(length / rate), unit="s", disable=not show_progress(), leave=False) as bar:
        done = 0
        for block in blocks:
            yield block
            done += len(block)
            bar.update(done // rate - bar.n)


def _draw(path: Path, notes: Sequence[ScoreNote]) -> None:
    with soundfile.SoundFile(path) as file:
        wave, rate = file.read(round(MOST_SECONDS * file.samplerate), dtype="float32"), file.samplerate
    save_score_picture(path.with_suffix(".png"), notes, wave, rate)


def _card(
    instrument: Instrument,
    score: Score,
    settings: ScoreSettings,
    rendering: Rendering,
    voices: dict[VoiceName, Voice],
    source: ScoreSource,
) -> dict[str, Any]:
    programs: dict[VoiceName, Counter[int]] = {name: Counter() for name in voices}
    for note in score.notes:
        programs[VoiceName(note.track, note.channel)][note.program] += 1
    return {
        **instrument.card(),
        "mode": "from_midi",
        "score": source.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "file": rendering.path.name,
        "sample_rate": settings.rate or instrument.transform.sample_rate,
        "bits": settings.bits,
        "duration_s": rendering.seconds,
        "played": rendering.notes,
        "distinct_sounds": rendering.sounds,
        "level": rendering.level.says(),
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
        "pitches": [use.says() for use in rendering.pitches],
        "remarks": list(score.remarks),
    }
