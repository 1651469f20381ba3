"""The sounds of a piece: each generated once, ahead of its first note, and forgotten after its last."""

from collections.abc import Callable, Sequence

from data.note_pitch import hertz
from generation.playing.latents import Sounding
from generation.playing.plan import Plan
from generation.playing.settings import Sustain
from generation.playing.sustain import SustainedSound, prepare_sound
from generation.synthesis import BATCH_SIZE, Wave

WavesOf = Callable[[Sequence[Sounding]], Sequence[Wave]]
"""Timbres and MIDI pitches -> a wave (n_samples,) for each."""

_NO_PITCH = 60  # of drums, which have no loop for which their pitch would matter


class SoundBank:
    """Makes the sounds of a plan in the order of their numbers, `BATCH_SIZE` at a time; `kept` are in use."""

    def __init__(self, waves_of: WavesOf, plan: Plan, sample_rate: int, sustain: Sustain) -> None:
        self.kept: dict[int, SustainedSound] = {}
        self._waves_of, self._sample_rate, self._sustain = waves_of, sample_rate, sustain
        self._wanted, self._last_uses = plan.timbres_and_pitches, plan.last_uses()

    def sound(self, number: int, note: int) -> SustainedSound:
        """Sound `number` for the plan's note `note`; after its last note it is forgotten. Raises: UserError."""
        if number not in self.kept:
            self._make(number, self._wanted[number : number + BATCH_SIZE])
        return self.kept.pop(number) if note == self._last_uses[number] else self.kept[number]

    def _make(self, first: int, wanted: Sequence[Sounding]) -> None:
        for number, (wave, (_, pitch)) in enumerate(zip(self._waves_of(wanted), wanted, strict=True), start=first):
            self.kept[number] = prepare_sound(
                wave,
                hertz=hertz(_NO_PITCH if pitch is None else pitch),
                sample_rate=self._sample_rate,
                sustain="none" if pitch is None else self._sustain,
            )
