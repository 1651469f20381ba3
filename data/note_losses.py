"""What notes lose on their way to the samples that a network hears, measured note by note and summed up in words."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from data.note_records import first_few
from data.sound_reading import INT16_SCALE, Sound, energy_of
from utils.arrays import Float32Array
from utils.spelling import counted

logger = logging.getLogger(__name__)

SILENCE = 16
"""The greatest 16-bit sample of what counts as silence: 66 dB below full scale."""

Hearing = Literal["heard", "silent", "silenced", "cancelled", "late"]
"""Whether a note is heard. Its file may be silent, or what is left of it; its channels may cancel each other; or its
attack, where it first reaches a tenth of its peak, may lie behind what is kept."""

_ATTACK = 0.1  # of the peak
_CANCELLED = 0.1  # of the energy that the mean of unrelated channels would have


@dataclass(frozen=True, slots=True)
class NoteLosses:
    """What one note lost; shares are of its energy, 0 to 1."""

    rate: int  # Hz, in the file
    channels: int  # in the file
    has_no_length: bool  # nothing in the file says where the sound ends
    mixed_down: float  # by taking the mean of the channels
    cropped: float  # behind the last sample kept
    above_nyquist: float  # of what is kept, too high for the lower sample rate
    hearing: Hearing


def losses_of(sound: Sound, sample_rate: int) -> NoteLosses:
    """The losses of `sound`, which was read at `sample_rate` Hz."""
    source, kept = sound.source, sound.samples
    lowered = source.rate > sample_rate
    return NoteLosses(
        rate=source.rate,
        channels=source.channels,
        has_no_length=source.has_no_length,
        mixed_down=_share_lost(source.energy, source.channel_energy) if source.channels > 1 else 0.0,
        cropped=_share_lost(source.kept_energy, source.energy) if sound.length > len(kept) else 0.0,
        above_nyquist=_share_lost(energy_of(kept) * source.rate / sample_rate, source.kept_energy) if lowered else 0.0,
        hearing=_hearing(sound, kept),
    )


class Loss(BaseModel):
    """One kind of loss, over the notes that have it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    notes: int = 0
    total: float = 0.0  # sum of the shares
    most: float = 0.0
    most_of: str = ""  # the note that lost most

    def add(self, name: str, share: float) -> None:
        """Enter a note."""
        if share > self.most or not self.notes:
            self.most, self.most_of = share, name
        self.notes += 1
        self.total += share

    def in_words(self) -> str:
        """What the notes lost on average, and the one that lost most.

        >>> Loss(notes=2, total=0.25, most=0.25, most_of="bell").in_words()
        "12.5 % of a note's energy on average, at most 25.0 % (bell)"
        """
        mean, most = self.total / self.notes, self.most
        return f"{100 * mean:.1f} % of a note's energy on average, at most {100 * most:.1f} % ({self.most_of})"


class LossSummary(BaseModel):
    """The losses of all notes of a data set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rates: dict[int, int] = {}  # Hz in the file -> notes, of those that were resampled
    channels: dict[int, int] = {}  # channels in the file -> notes, of those that were mixed down
    above_nyquist: Loss = Loss()
    mixed_down: Loss = Loss()
    cropped: Loss = Loss()
    without_length: list[str] = []
    hearing: dict[Hearing, list[str]] = {}  # notes that are silenced, cancelled or late

    def add(self, name: str, note: NoteLosses, sample_rate: int, *, cropped: bool) -> None:
        """Enter a note, which was decoded for `sample_rate` Hz."""
        if note.rate != sample_rate:
            self.rates[note.rate] = self.rates.get(note.rate, 0) + 1
        if note.rate > sample_rate:
            self.above_nyquist.add(name, note.above_nyquist)
        if note.channels > 1:
            self.channels[note.channels] = self.channels.get(note.channels, 0) + 1
            self.mixed_down.add(name, note.mixed_down)
        if cropped:
            self.cropped.add(name, note.cropped)
        if note.has_no_length:
            self.without_length.append(name)
        if note.hearing not in ("heard", "silent"):  # nothing is lost of a silent file
            self.hearing.setdefault(note.hearing, []).append(name)

    def log(self, sample_rate: int, seconds: float) -> None:
        """Log what was lost, and warn of notes that are not heard, in one line for each kind."""
        for line in self._amounts(sample_rate, seconds):
            logger.info(line)
        odd: dict[str, Sequence[str]] = {
            "that do not say how long they are (written to a pipe, or cut off), read to their end": self.without_length,
            "silent after cropping and resampling, though their files are not": self.hearing.get("silenced", ()),
            "whose channels cancel each other in the mean": self.hearing.get("cancelled", ()),
            f"that begin only after the first {seconds:.3g} s, where they are cropped": self.hearing.get("late", ()),
        }
        for what, names in odd.items():
            if names:
                logger.warning("notes %s: %d: %s", what, len(names), first_few(names))

    def _amounts(self, sample_rate: int, seconds: float) -> Iterator[str]:
        if self.rates:
            notes = counted(sum(self.rates.values()), "note")
            yield f"resampled to {sample_rate} Hz: {notes} ({_counts(self.rates, 'Hz')})"
        if self.above_nyquist.notes:
            yield f"lost above {sample_rate // 2} Hz by resampling: {self.above_nyquist.in_words()}"
        if self.channels:
            notes = f"{counted(self.mixed_down.notes, 'note')} ({_counts(self.channels, 'channels')})"
            yield f"mixed down to one channel: {notes}; lost: {self.mixed_down.in_words()}"
        if self.cropped.notes:
            notes = counted(self.cropped.notes, "note")
            yield f"cropped to {seconds:.3g} s: {notes}; lost: {self.cropped.in_words()}"


def _counts(notes: dict[int, int], unit: str) -> str:
    return ", ".join(f"{count} of {value} {unit}" for value, count in sorted(notes.items()))


def _hearing(sound: Sound, kept: Float32Array) -> Hearing:
    source = sound.source
    if source.energy * source.channels < _CANCELLED * source.channel_energy:
        return "cancelled"
    if _is_silence(source.peak):
        return "silent"
    if _is_silence(max(float(kept.max()), -float(kept.min()))):
        return "silenced"
    return "late" if source.kept_peak < _ATTACK * source.peak else "heard"


def _is_silence(peak: float) -> bool:
    return round(peak * INT16_SCALE) <= SILENCE


def _share_lost(left: float, whole: float) -> float:
    """A share of 0 to 1; rounding may leave a little more than the whole."""
    return min(1.0, max(0.0, 1.0 - left / whole)) if whole > 0 else 0.0
