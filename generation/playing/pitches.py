"""What happens to pitches that the run did not learn."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from data.note_pitch import pitch_name
from generation.instrument import Instrument
from generation.midi.midi_file import PieceNote
from generation.playing.settings import OutOfRange
from generation.tuning.learned import FARTHEST, nearest, ratio_of
from generation.tuning.tuning import Tuning
from utils.errors import UserError
from utils.note_names import exact_pitch
from utils.spelling import counted

_ALL_LEARNED = "All pitches are among those that the run learned.\n"
_OCTAVES = -22, 23  # more than lie between the pitches of any two tunings and the keys of MIDI
FARTHEST_FROM_BASE = 24
"""Semitones that a run without pitch is moved from its base pitch."""


class Key(NamedTuple):
    """A key that the piece plays, and the pitch that its tuning asks for."""

    written: int
    asked: float


@dataclass(frozen=True)
class PitchUse:
    """How many notes of the piece have the key `written` and the pitch `asked`, and what is `played` instead.

    `played` is made of the `learned` pitch, before any bend. None: dropped.
    """

    written: int
    notes: int
    played: float | None
    asked: float
    learned: int | None

    def to_plain(self) -> dict[str, Any]:
        """As JSON values; a pitch between learned ones has what it is made of beside it."""
        plain = {"pitch": self.written, "name": pitch_name(self.written), "notes": self.notes, "played": self.played}
        if self.asked != self.written:
            plain["asked"] = self.asked
        if self.played is not None and self.learned is not None and self.learned != self.played:
            plain |= {"learned": self.learned, "ratio": ratio_of(self.played - self.learned)}
        return plain

    @property
    def what_happened(self) -> str:
        """In words."""
        if self.played is None:
            return "dropped"
        if self.played == self.asked:
            return "as written"
        octaves = round(abs(self.played - self.asked) / 12)
        direction = "up" if self.played > self.asked else "down"
        how_far = f"{counted(octaves, 'octave')} {direction}"
        return f"{how_far}, as {_in_words(self.played)}"


@dataclass(frozen=True)
class Reach:
    """The pitches that a run makes by itself, and how far from them its notes are resampled, in semitones."""

    learned: Collection[int]
    semitones: float

    @classmethod
    def of(cls, instrument: Instrument, base_pitch: int | None) -> "Reach":
        """Of a run conditioned on pitch; or of one that is not, whose notes count as ones of the `base_pitch`.

        Raises: UserError if neither holds, or both.
        """
        learned = instrument.table.values.get("pitch")
        if learned is None and base_pitch is None:
            raise UserError(
                f"{instrument.run_name} was not conditioned on pitch: of a piece it plays drums, if they are asked "
                "for, and other notes only with a base pitch"
            )
        if learned is not None and base_pitch is not None:
            raise UserError(f"base_pitch: {instrument.run_name} was conditioned on pitch; leave it out")
        if base_pitch is not None:
            return cls((base_pitch,), FARTHEST_FROM_BASE)
        return cls({int(pitch) for pitch in learned or ()}, FARTHEST)

    def nearest(self, pitch: float) -> int | None:
        """The learned pitch that makes `pitch`; None if it is too far."""
        found = nearest(pitch, self.learned)
        return found if abs(found - pitch) <= self.semitones else None


def key_of(note: PieceNote, tuning: Tuning | None) -> Key:
    """The key of `note`, tuned by the piece itself if that has a tuning for it, else by `tuning`."""
    if note.tuned is not None:
        return Key(note.pitch, exact_pitch(note.tuned))
    return Key(note.pitch, note.pitch if tuning is None else tuning.pitch_of_key(note.pitch))


def pitch_uses(
    instrument: Instrument,
    notes: Iterable[PieceNote],
    policy: OutOfRange,
    tuning: Tuning | None = None,
    base_pitch: int | None = None,
) -> list[PitchUse]:
    """What happens to each key of `notes`, ascending, by `policy`.

    A pitch at most half a semitone from a learned one is played, by resampling. To any other one happens, with
    `octave`: it moves by whole octaves to the nearest pitch of which that is true, to the lower of two as near; if
    there is none, it is dropped. `drop`: it is dropped. `error`: the piece is refused.
    Raises: UserError as `Reach.of`; if the piece is refused, or no note is left.
    """
    reach = Reach.of(instrument, base_pitch)
    counts = sorted(Counter(key_of(note, tuning) for note in notes).items())
    uses = [_use(key, count, reach, policy) for key, count in counts]
    foreign = [use for use in uses if use.played != use.asked]
    range_learned = _in_words_of(reach, instrument.run_name)
    if foreign and policy == "error":
        first = foreign[0]
        raise UserError(
            f"notes that are not among {range_learned}: {sum(use.notes for use in foreign)}, such as "
            f"{_in_words(first.asked)}; move them by octaves, or drop them"
        )
    if uses and all(use.played is None for use in uses):
        raise UserError(f"no note of the piece is among {range_learned}; transpose it, or use another run")
    return uses


def _between(uses: Iterable[PitchUse]) -> bool:
    return any(use.learned != use.played for use in uses)


def _in_words_of(reach: Reach, run_name: str) -> str:
    lowest, highest = min(reach.learned), max(reach.learned)
    if reach.semitones > FARTHEST:
        return f"the pitches within two octaves of {lowest}, the base pitch of {run_name}"
    pitches = counted(len(reach.learned), "pitch", "pitches")
    return f"the {pitches} that {run_name} learned ({lowest} to {highest})"


def _use(key: Key, count: int, reach: Reach, policy: OutOfRange) -> PitchUse:
    played = _played(key.asked, reach, policy)
    return PitchUse(key.written, count, played, key.asked, None if played is None else reach.nearest(played))


def _played(pitch: float, reach: Reach, policy: OutOfRange) -> float | None:
    if reach.nearest(pitch) is not None or policy != "octave":
        return pitch if reach.nearest(pitch) is not None else None
    octaves = [exact_pitch(pitch + 12 * k) for k in range(*_OCTAVES)]
    reached = [other for other in octaves if reach.nearest(other) is not None]
    return min(reached, key=lambda other: (abs(other - pitch), other), default=None)


def _in_words(pitch: float) -> str:
    return f"{pitch} {pitch_name(pitch)}" if isinstance(pitch, int) else f"{pitch}"


def pitch_table(uses: Sequence[PitchUse]) -> str:
    """A table of the pitches that are not played as written, or one line that says there are none."""
    foreign = [use for use in uses if use.played != use.asked]
    if not foreign:
        return "All pitches are among those that the run learned, or near them.\n" if _between(uses) else _ALL_LEARNED
    rows = [(f"{use.written} {pitch_name(use.written)}", str(use.notes), use.what_happened) for use in foreign]
    lines = [f"{pitch:<8}{notes:>7}  {what}" for pitch, notes, what in (("pitch", "notes", "played"), *rows)]
    return "\n".join(lines) + "\n"
