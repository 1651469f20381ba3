"""A piece as an instrument plays it: first planned, then sounded into a file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from generation.instrument import Instrument
from generation.midi.midi_file import Piece, PieceNote
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
    voices: dict[VoiceName, Voice]
    plan: Plan
    envelope: Envelope
    remarks: list[str]
    """What was left out, moved or repaired, a line each."""

    @classmethod
    def of(cls, instrument: Instrument, piece: Piece, settings: PieceSettings) -> "Performance":
        """`piece` by `settings`. Raises: UserError if no note can be played, or the settings do not fit."""
        if not piece.notes:
            said = f" ({'; '.join(piece.remarks)})" if piece.remarks else ""
            raise UserError(f"the piece has no note to play{said}; give another")
        pitches = pitch_uses(instrument, piece.notes, settings.out_of_range, settings.tuning, settings.base_pitch)
        voices = assign_voices(instrument, piece.notes, settings)
        played = {Key(use.written, use.asked): use.played for use in pitches if use.played is not None}
        keys = [key_of(note, settings.tuning) for note in piece.notes]
        notes = [note for note, key in zip(piece.notes, keys, strict=True) if key in played]
        rate = instrument.transform.sample_rate
        plan = plan_notes(
            notes,
            sample_rate=rate,
            pitches=[played[key] for key in keys if key in played],
            learned=Reach.of(instrument, settings.base_pitch).learned,
            voices=voices,
            motion=Motion(settings.latent, piece.bars, notes[0].onset, notes[-1].onset),
            table=instrument.table.values,
            curve=settings.velocity_curve,
        )
        remarks = [*piece.remarks, *_losses(instrument, piece, pitches, voices)]
        if too_bent := plan.too_bent():
            remarks.append(f"notes bent further than four octaves from a learned one, where they are held: {too_bent}")
        return cls(settings, rate, notes, pitches, voices, plan, Envelope.of(settings.adsr, rate), remarks)

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


def _losses(
    instrument: Instrument, piece: Piece, pitches: Iterable[PitchUse], voices: dict[VoiceName, Voice]
) -> list[str]:
    dropped = sum(use.notes for use in pitches if use.played is None)
    moved = sum(use.notes for use in pitches if use.played not in (None, use.asked))
    lines = []
    if dropped or moved:
        lines.append(f"notes at pitches that the run did not learn: {moved} moved by octaves, {dropped} left out")
    programs = without_family(voices.values(), (note.program for note in piece.notes), instrument.table.values)
    if programs:
        lines.append(f"General MIDI programs without a family that the run learned: {', '.join(map(str, programs))}")
    return lines
