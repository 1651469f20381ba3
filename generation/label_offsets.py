"""What a found note adds to the one-hots of its attributes, at its own pitch and at others."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data.nsynth import Value
from data.quantities import is_quantity
from utils.errors import DataError
from utils.spelling import counted

_PITCH = "pitch"


class LabelOffsets(BaseModel):
    """`numbers` (C,), one for each of the generator's one-hots and quantities; they were found at the learned `pitch`.

    `pitch` is None for a run that was not conditioned on pitch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    numbers: Annotated[tuple[float, ...], Field(strict=False, min_length=1)]
    pitch: int | None = None

    def at_pitch(self, values: Mapping[str, Sequence[Value]], pitch: Value | None) -> tuple[float, ...]:
        """The numbers (C,) for the learned `pitch`; `values` are those of each attribute that the run learned.

        The numbers of the pitches move with the note: that of the next higher pitch stays that of the next higher one.
        What leaves the learned pitches at one end is left out, and 0 comes in at the other.
        Raises: DataError if they are not those of this run.
        """
        widths = [1 if is_quantity(each) else len(each) for each in values.values()]
        if len(self.numbers) != sum(widths) or (self.pitch is not None) != (_PITCH in values):
            said = counted(len(self.numbers), "label offset")
            raise DataError(f"{said}: not those of the {sum(widths)} labels of the run; choose the run that found them")
        if self.pitch is None:
            return self.numbers
        learned, first = values[_PITCH], sum(widths[: list(values).index(_PITCH)])
        if self.pitch not in learned or pitch not in learned:
            raise DataError(
                f"label offsets of pitch {self.pitch}: the run did not learn it; choose the run that found them"
            )
        up, last = learned.index(pitch) - learned.index(self.pitch), first + len(learned)
        own = self.numbers[first:last]
        moved = (own[number - up] if 0 <= number - up < len(own) else 0.0 for number in range(len(own)))
        return (*self.numbers[:first], *moved, *self.numbers[last:])
