"""How pitch and level of a note move while it sounds, sample by sample."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generation.midi.controllers import StepCurve
from utils.arrays import Float64Array

WIDEST = 16.0
"""The fastest that a learned note is read, and the inverse of the slowest: four octaves."""

_BEND_SECONDS, _LEVEL_SECONDS = 0.005, 0.01  # from one value to the next; controllers move in steps
_BEGINNING = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Steps:
    """A factor that is `values[k]` from the sample `samples[k]` of the piece on, until the next one."""

    samples: npt.NDArray[np.int64]
    values: Float64Array

    @classmethod
    def of(cls, curve: StepCurve, sample_rate: int, *, semitones: bool) -> "Steps":
        """Of a `curve` in `semitones`, which become ratios; or of factors, as they are."""
        samples = np.rint(np.array(curve.seconds) * sample_rate).astype(np.int64)
        values = np.array([curve.before, *curve.values])
        return cls(np.concatenate(([_BEGINNING], samples)), 2.0 ** (values / 12) if semitones else values)

    def at(self, samples: npt.NDArray[np.int64]) -> Float64Array:
        """The values at `samples` (n,)."""
        return np.asarray(self.values[np.searchsorted(self.samples, samples, side="right") - 1])

    def extremes(self, first: int, last: int) -> tuple[float, float]:
        """The lowest and the highest value from the sample `first` to `last`."""
        begin, end = np.searchsorted(self.samples, (first, last), side="right")
        values = self.values[begin - 1 : end]
        return float(values.min()), float(values.max())


@dataclass(frozen=True)
class LevelCourse:
    """The level of a note that begins at the sample `onset`. Every 10 ms it meets `steps`, and is straight between."""

    steps: Steps
    onset: int
    width: int

    @classmethod
    def of(cls, steps: Steps, onset: int, sample_rate: int) -> "LevelCourse":
        """Of a note at `onset`."""
        return cls(steps, onset, max(round(_LEVEL_SECONDS * sample_rate), 1))

    def levels(self, first: int, last: int) -> Float64Array:
        """The levels of the note's samples `first` to `last` - 1."""
        point = first // self.width
        values = self.steps.at(self.onset + self.width * np.arange(point, (last - 1) // self.width + 2))
        number, into = np.divmod(np.arange(first, last), self.width)
        number -= point
        return np.asarray(values[number] + (values[number + 1] - values[number]) * (into / self.width))


class PitchCourse:
    """Where a note that begins at the sample `onset` reads the learned note that it is made of.

    It reads `ratio` times as fast as the learned note was made, times the bend. Every 5 ms the bend meets its `steps`;
    between, the speed moves evenly, so that neither the position nor the speed ever jumps.
    """

    def __init__(self, ratio: float, steps: Steps | None, onset: int, sample_rate: int) -> None:
        self._ratio, self._steps, self._onset = ratio, steps, onset
        self._width = max(round(_BEND_SECONDS * sample_rate), 1)
        self._reached = 0, 0.0  # a number of widths, and the position there; it only moves forward

    def positions(self, first: int, last: int) -> Float64Array:
        """What the note's samples `first` to `last` - 1 read; `first` is never lower than in the call before.

        The bits are the same whatever parts a note is asked for in.
        """
        positions, self._reached = self._from(self._reached, first, last)
        return positions

    def samples_until(self, position: int, most: int) -> int:
        """How many samples read before `position`; `most` if these are more."""
        positions, _ = self._from((0, 0.0), 0, min(most, int(position * WIDEST) + 1))
        return int(np.searchsorted(positions, position))

    def fastest(self, length: int) -> float:
        """The highest speed within `length` samples."""
        if self._steps is None:
            return self._ratio
        _, highest = self._steps.extremes(self._onset, self._onset + length + self._width)
        return min(self._ratio * highest, WIDEST)

    def _from(self, reached: tuple[int, float], first: int, last: int) -> tuple[Float64Array, tuple[int, float]]:
        """The positions, and what is reached by `last`."""
        if self._steps is None:
            return np.arange(first, last, dtype=np.float64) * self._ratio, reached
        point, start = reached
        bent = self._ratio * self._steps.at(self._onset + self._width * np.arange(point, (last - 1) // self._width + 2))
        speeds = np.clip(bent, 1 / WIDEST, WIDEST)
        advances = (speeds[:-1] + speeds[1:]) / 2 * self._width
        starts = np.cumsum(np.concatenate(([start], advances)))  # one after the other, as in one call for the whole
        number, into = np.divmod(np.arange(first, last), self._width)
        number -= point
        change = (speeds[number + 1] - speeds[number]) / (2 * self._width)
        now = last // self._width
        positions = starts[number] + (speeds[number] + change * into) * into
        return np.asarray(positions), (now, float(starts[now - point]))
