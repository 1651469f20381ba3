"""A tuning: which pitch each key has, by a scale that repeats from a root."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data.note_pitch import hertz
from generation.tuning.scala import MOST_CENTS, MOST_DEGREES, read_scala
from utils.config import MIDI_MAX
from utils.errors import UserError
from utils.note_names import exact_pitch

MIDDLE_C = 60
FREQUENCIES = (1.0, 20_000.0)  # Hz, of the root

Cents = Annotated[float, Field(ge=-MOST_CENTS, le=MOST_CENTS)]


class Tuning(BaseModel):
    """The `cents` of a scale's degrees above its root, the last of which repeats it; and where its root is.

    Key `root` sounds at `frequency` Hz. Each key above it is one degree higher.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    description: str
    cents: Annotated[tuple[Cents, ...], Field(min_length=1, max_length=MOST_DEGREES)]
    root: Annotated[int, Field(ge=0, le=MIDI_MAX)] = MIDDLE_C
    frequency: Annotated[float, Field(ge=FREQUENCIES[0], le=FREQUENCIES[1])]

    def pitch_of_key(self, key: int) -> float:
        """The pitch of a MIDI key in semitones, as MIDI pitches with decimals; it may be beyond those of MIDI.

        Source: the mapping that the Scala format has by default: linear, with 1/1 at the root.
        """
        octave, degree = divmod(key - self.root, len(self.cents))
        cents = octave * self.cents[-1] + (self.cents[degree - 1] if degree else 0.0)
        return exact_pitch(69 + 12 * math.log2(self.frequency / 440) + cents / 100)

    def pitches_of_keys(self, keys: Iterable[float]) -> list[float]:
        """The pitch of each of `keys`. Raises: UserError if one is no whole number."""
        asked = list(keys)
        for key in asked:
            if not float(key).is_integer():
                raise UserError(f"pitch {key}: with a tuning, pitches are keys; leave the fraction out")
        return [self.pitch_of_key(int(key)) for key in asked]


def tuning_of_file(path: Path, root: int | None, frequency: float | None) -> Tuning:
    """The tuning of the Scala file `path`: `root` is 60 unless it is given, and has its equal-tempered frequency.

    Raises: DataError if the file is not a Scala scale.
    """
    scale, key = read_scala(path), MIDDLE_C if root is None else root
    return Tuning(description=scale.description, cents=scale.cents, root=key, frequency=frequency or hertz(key))


def load_tuning(path: str | Path, *, root: int = MIDDLE_C, frequency: float | None = None) -> Tuning:
    """The tuning of the Scala file `path`, whose 1/1 is the key `root`, at `frequency` Hz or as equally tempered.

    Raises: DataError if the file is not a Scala scale; UserError if root or frequency are out of range.
    """
    lowest, highest = FREQUENCIES
    if not 0 <= root <= MIDI_MAX or not (frequency is None or lowest <= frequency <= highest):
        raise UserError(f"root {root}, {frequency} Hz: must be a MIDI pitch, and from {lowest:g} to {highest:,.0f} Hz")
    return tuning_of_file(Path(path), root, frequency)
