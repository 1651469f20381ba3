"""The sounds of a piece: each generated once, ahead of its first note, and forgotten after its last."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from data.note_pitch import hertz
from generation.instrument import Instrument
from generation.playing.latents import Latents, Timbre, condition_rows
from generation.playing.settings import Sustain
from generation.playing.sustain import SustainedSound, prepare_sound
from generation.synthesis import BATCH_SIZE


class SoundBank:
    """Makes sounds in the order of their numbers, `BATCH_SIZE` at a time. Sounds that are kept: `kept`."""

    def __init__(
        self,
        instrument: Instrument,
        latents: Latents,
        timbres_and_pitches: Sequence[tuple[Timbre, int]],
        last_uses: npt.NDArray[np.int64],
        sustain: Sustain,
    ) -> None:
        self.kept: dict[int, SustainedSound] = {}
        self._instrument, self._latents, self._sustain = instrument, latents, sustain
        self._wanted, self._last_uses = timbres_and_pitches, last_uses

    def sound(self, number: int, note: int) -> SustainedSound:
        """Sound `number` for the plan's note `note`; after its last note it is forgotten. Raises: UserError."""
        if number not in self.kept:
            self.kept.update(self._make(range(number, min(number + BATCH_SIZE, len(self._wanted)))))
        return self.kept.pop(number) if note == self._last_uses[number] else self.kept[number]

    def _make(self, numbers: Sequence[int]) -> Mapping[int, SustainedSound]:
        wanted = [self._wanted[number] for number in numbers]
        waves = self._instrument.sound(condition_rows(self._latents, wanted))
        rate = self._instrument.transform.sample_rate
        return {
            number: prepare_sound(wave, hertz=hertz(pitch), sample_rate=rate, sustain=self._sustain)
            for number, wave, (_, pitch) in zip(numbers, waves, wanted, strict=True)
        }
