"""What happens to pitches that the run did not learn."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from data.note_pitch import pitch_name
from generation.instrument import Instrument
from generation.midi.midi_file import PieceNote
from generation.playing.settings import OutOfRange
from utils.config import MIDI_MAX
from utils.errors import UserError
from utils.spelling import counted


@dataclass(frozen=True)
class PitchUse:
    """How many notes of the piece have the MIDI pitch `written`, and the pitch `played` instead (None: dropped)."""

    written: int
    notes: int
    played: int | None

    def to_plain(self) -> dict[str, int | str | None]:
        """As JSON values."""
        return {"pitch": self.written, "name": pitch_name(self.written), "notes": self.notes, "played": self.played}

    @property
    def what_happened(self) -> str:
        """In words."""
        if self.played is None:
            return "dropped"
        if self.played == self.written:
            return "as written"
        octaves = abs(self.played - self.written) // 12
        direction = "up" if self.played > self.written else "down"
        how_far = f"{counted(octaves, 'octave')} {direction}"
        return f"{how_far}, as {self.played} {pitch_name(self.played)}"


def pitch_uses(instrument: Instrument, notes: Iterable[PieceNote], policy: OutOfRange) -> list[PitchUse]:
    """What happens to each pitch of `notes`, ascending, by `policy`.

    `octave`: it moves by whole octaves to the nearest pitch that the run learned, to the lower of two as near; if there
    is none, it is dropped. `drop`: it is dropped. `error`: the piece is refused.
    Raises: UserError if the run was not conditioned on pitch, the piece is refused, or no note is left.
    """
    learned = instrument.table.values.get("pitch")
    if learned is None:
        raise UserError(
            f"{instrument.run_name} was not conditioned on pitch and cannot play a piece; it can make single notes"
        )
    known = {int(pitch) for pitch in learned}
    counts = sorted(Counter(note.pitch for note in notes).items())
    uses = [PitchUse(pitch, count, _played(pitch, known, policy)) for pitch, count in counts]
    foreign = [use for use in uses if use.played != use.written]
    pitches = counted(len(known), "pitch", "pitches")
    range_learned = f"the {pitches} that {instrument.run_name} learned ({min(known)} to {max(known)})"
    if foreign and policy == "error":
        first = foreign[0]
        raise UserError(
            f"notes that are not among {range_learned}: {sum(use.notes for use in foreign)}, such as "
            f"{first.written} {pitch_name(first.written)}; move them by octaves, or drop them"
        )
    if uses and all(use.played is None for use in uses):
        raise UserError(f"no note of the piece is among {range_learned}; transpose it, or use another run")
    return uses


def pitch_table(uses: Sequence[PitchUse]) -> str:
    """A table of the pitches that are not played as written, or one line that says there are none."""
    foreign = [use for use in uses if use.played != use.written]
    if not foreign:
        return "All pitches are among those that the run learned.\n"
    rows = [(f"{use.written} {pitch_name(use.written)}", str(use.notes), use.what_happened) for use in foreign]
    lines = [f"{pitch:<8}{notes:>7}  {what}" for pitch, notes, what in (("pitch", "notes", "played"), *rows)]
    return "\n".join(lines) + "\n"


def _played(pitch: int, known: Collection[int], policy: OutOfRange) -> int | None:
    if pitch in known or policy != "octave":
        return pitch if pitch in known else None
    octaves = [other for other in range(pitch % 12, MIDI_MAX + 1, 12) if other in known]
    return min(octaves, key=lambda other: (abs(other - pitch), other), default=None)
