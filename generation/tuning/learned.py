"""Which learned note makes a pitch: the nearest one, resampled."""

from collections.abc import Iterable
from math import isclose
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from utils.config import MIDI_MAX

FARTHEST = 0.5
"""Semitones from a learned pitch that a note is resampled; what is farther is not learned."""


class Resampling(BaseModel):
    """A note at `pitch`, made of the note that the run learned at MIDI pitch `learned_pitch`, `ratio` times as fast."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    pitch: float = Field(ge=-FARTHEST, le=MIDI_MAX + FARTHEST)
    learned_pitch: int = Field(ge=0, le=MIDI_MAX)
    ratio: float = Field(gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not isclose(self.ratio, ratio_of(self.pitch - self.learned_pitch), rel_tol=1e-9):
            raise ValueError(f"ratio {self.ratio} is not that of {self.pitch} to {self.learned_pitch}")
        if abs(self.pitch - self.learned_pitch) > FARTHEST:
            raise ValueError(f"{self.pitch} is more than {FARTHEST} from {self.learned_pitch}")
        return self

    @classmethod
    def of(cls, pitch: float, learned: int) -> Self:
        """From the learned pitch to `pitch`."""
        return cls(pitch=float(pitch), learned_pitch=learned, ratio=ratio_of(pitch - learned))


def ratio_of(semitones: float) -> float:
    """The factor of a frequency.

    >>> ratio_of(12)
    2.0
    """
    return float(2.0 ** (semitones / 12))


def nearest(pitch: float, learned: Iterable[int]) -> int:
    """The nearest of the pitches that were `learned`, the lower of two as near."""
    return min(learned, key=lambda each: (abs(each - pitch), each))


def learned_for(pitch: float, learned: Iterable[int]) -> int | None:
    """The learned pitch that makes `pitch`: the nearest, if it is at most half a semitone away; else None."""
    found = nearest(pitch, learned)
    return found if abs(found - pitch) <= FARTHEST else None
