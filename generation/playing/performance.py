"""A piece as an instrument plays it: first planned, then sounded into a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generation.instrument import Instrument
from generation.midi.midi_file import Piece, PieceNote
from generation.playing.drums import DrumMap, DrumUse, drum_uses, drums_left_out, is_drum, require_learned
from generation.playing.latents import Motion
from generation.playing.mixer import Envelope, mix, mixed_length
from generation.playing.pitches import Key, PitchUse, Reach, key_of, pitch_uses
from generation.playing.plan import Plan, plan_notes
from generation.playing.settings import PieceSettings
from generation.playing.sound_file import Level, write_levelled
from generation.playing.sounds import SoundBank, WavesOf
from generation.playing.voices import Voice, VoiceName, assign_voices, without_family
from generation.synthesis import Wave
from utils.errors import UserError


@dataclass(frozen=True)
class Performance:
    """A piece planned for an instrument of `sample_rate` Hz; `notes` are those that are played."""

    settings: PieceSettings
    sample_rate: int
    notes: list[PieceNote]
    pitches: list[PitchUse]
    drums: list[DrumUse]
    voices: dict[VoiceName, Voice]
    plan: Plan
    envelope: Envelope
    remarks: list[str]
    """What was left out, moved or repaired, a line each."""

    @classmethod
    def of(cls, instrument: Instrument, piece: Piece, settings: PieceSettings) -> "Performance":
        """`piece` by `settings`; with a map of drums, these are no notes of a pitch.

        Raises: UserError if no note can be played, or the settings do not fit.
        """
        if not piece.notes:
            said = f" ({'; '.join(piece.remarks)})" if piece.remarks else ""
            raise UserError(f"the piece has no note to play{said}; give another")
        pitches, drums = _uses(instrument, piece.notes, settings)
        voices = assign_voices(instrument, piece.notes, settings)
        played = {Key(use.written, use.asked): use.played for use in pitches if use.played is not None}
        sounds = {use.key: use.sound for use in drums if use.sound is not None}
        if not pitches:
            _require_free(voices, piece.notes, sounds)
        chosen: list[tuple[PieceNote, float | None]] = []
        for note in piece.notes:
            if settings.drum_map is not None and is_drum(note):
                chosen += [(note, None)] if note.pitch in sounds else []
            elif (key := key_of(note, settings.tuning)) in played:
                chosen.append((note, played[key]))
        notes = [note for note, _ in chosen]
        rate = instrument.transform.sample_rate
        plan = plan_notes(
            notes,
            sample_rate=rate,
            pitches=[pitch for _, pitch in chosen],
            learned=Reach.of(instrument, settings.base_pitch).learned if pitches else (),
            drums=sounds,
            drum_samples=instrument.transform.n_samples,
            voices=voices,
            motion=Motion(settings.latent, piece.bars, notes[0].onset, notes[-1].onset),
            table=instrument.table.values,
            curve=settings.velocity_curve,
            choke=settings.choke,
        )
        remarks = [*piece.remarks, *_losses(instrument, piece, pitches, drums, voices)]
        if too_bent := plan.too_bent():
            remarks.append(f"notes bent further than four octaves from a learned one, where they are held: {too_bent}")
        return cls(settings, rate, notes, pitches, drums, voices, plan, Envelope.of(settings.adsr, rate), remarks)

    @property
    def n_samples(self) -> int:
        """Samples at `sample_rate`, from the beginning of the piece to the end of the last release."""
        return mixed_length(self.plan, self.envelope)

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.n_samples / self.sample_rate

    def write(
        self, path: Path, waves_of: WavesOf, *, watched: Callable[[Iterable[Wave]], Iterable[Wave]] = iter
    ) -> Level:
        """Write the WAV `path`, whole or not at all, of the notes that `waves_of` makes.

        The mix passes through `watched` on its way, block by block: to be counted, or to be stopped by an error.
        Memory holds the notes and the sounds that are alive, not the whole wave.
        Raises: UserError if it cannot be written, or as `waves_of` and `watched`.
        """
        bank = SoundBank(waves_of, self.plan, self.sample_rate, self.settings.sustain)
        return write_levelled(
            path,
            watched(mix(self.plan, bank.sound, self.envelope)),
            length=self.n_samples,
            sample_rate=self.sample_rate,
            rate=self.settings.rate or self.sample_rate,
            bits=self.settings.bits,
            loudness=self.settings.loudness,
        )


def _uses(
    instrument: Instrument, notes: Sequence[PieceNote], settings: PieceSettings
) -> tuple[list[PitchUse], list[DrumUse]]:
    """What happens to the pitches of `notes`, and to their drums if there is a map of them. Raises: UserError."""
    drum_map = settings.drum_map
    if drum_map is None:
        return _pitch_uses(instrument, notes, settings), []
    require_learned(drum_map, instrument.run_name, instrument.table)
    drums = drum_uses(filter(is_drum, notes), drum_map)
    others = [note for note in notes if not is_drum(note)]
    can_play_others = "pitch" in instrument.table.values or settings.base_pitch is not None
    silent, sounding = drums_left_out(drums), any(use.sound is not None for use in drums)
    if silent and (settings.out_of_range == "error" or not (sounding or (others and can_play_others))):
        raise UserError(silent)
    if not others or (sounding and not can_play_others):
        return [], drums
    return _pitch_uses(instrument, others, settings), drums


def _require_free(voices: Mapping[VoiceName, Voice], notes: Iterable[PieceNote], sounds: DrumMap) -> None:
    """Raise UserError if a voice of drums fixes an attribute that the map gives to each drum."""
    mapped = {name for sound in sounds.values() for name in sound}
    for voice in {VoiceName(note.track, note.channel) for note in notes if is_drum(note)}:
        if taken := sorted(mapped & voices[voice].fixed.keys()):
            raise UserError(f"attribute {taken[0]}: each drum has its own by the map of drums; leave it out")


def _pitch_uses(instrument: Instrument, notes: Sequence[PieceNote], settings: PieceSettings) -> list[PitchUse]:
    return pitch_uses(instrument, notes, settings.out_of_range, settings.tuning, settings.base_pitch)


def _losses(
    instrument: Instrument,
    piece: Piece,
    pitches: Sequence[PitchUse],
    drums: Sequence[DrumUse],
    voices: dict[VoiceName, Voice],
) -> list[str]:
    dropped = sum(use.notes for use in pitches if use.played is None)
    moved = sum(use.notes for use in pitches if use.played not in (None, use.asked))
    lines = []
    if dropped or moved:
        lines.append(f"notes at pitches that the run did not learn: {moved} moved by octaves, {dropped} left out")
    if silent := drums_left_out(drums):
        lines.append(silent)
    if drums and not pitches and (others := sum(not is_drum(note) for note in piece.notes)):
        why = f"{instrument.run_name} was not conditioned on pitch; a base pitch plays them"
        lines.append(f"notes of other channels than that of drums, left out since {why}: {others}")
    programs = without_family(voices.values(), (note.program for note in piece.notes), instrument.table.values)
    if programs:
        lines.append(f"General MIDI programs without a family that the run learned: {', '.join(map(str, programs))}")
    return lines
