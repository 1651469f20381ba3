"""What controllers and bends make of a channel: its pitch and its level, as they change.

Source: MIDI 1.0 Detailed Specification (bends, registered parameters), RP-015 (reset of controllers); for levels
General MIDI 2 (RP-024), which gives both controllers the same curve: 40 log10(value / 127) dB each.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from generation.midi.remarks import Remarks

VOLUME, EXPRESSION = 7, 11
CONTROLLERS = (6, VOLUME, EXPRESSION, 38, 98, 99, 100, 101)
"""Numbers of the controllers that are followed here."""

WIDEST_BEND = 96.0  # semitones; instruments that bend each note by itself use 48

_DATA, _DATA_FINE, _RPN_FINE, _RPN = 6, 38, 100, 101
_BEND_RANGE, _FINE_TUNING, _COARSE_TUNING, _TUNING_PROGRAM = range(4)  # registered parameters
_NO_PARAMETER = (127, 127)
_USUAL_VOLUME = 100  # of General MIDI; a channel has it until it says otherwise
_CENTRE = 8192


class StepCurve(NamedTuple):
    """A value that is `values[k]` from `seconds[k]` on, which rise, and `before` until the first of them."""

    seconds: tuple[float, ...]
    values: tuple[float, ...]
    before: float

    def at(self, second: float) -> float:
        """The value at `second`."""
        place = bisect_right(self.seconds, second)
        return self.values[place - 1] if place else self.before


@dataclass(slots=True)
class _Track:
    """A value that changes, recorded; times in units of a time base."""

    before: float
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def set(self, now: int, value: float) -> None:
        if value == (self.values[-1] if self.values else self.before):
            return
        if self.times and self.times[-1] == now:
            self.values[-1] = value
        else:
            self.times.append(now)
            self.values.append(value)

    def curve(self, denominator: int) -> StepCurve | None:
        """None if the value never changed."""
        if all(value == self.before for value in self.values):
            return None
        return StepCurve(tuple(time / denominator for time in self.times), tuple(self.values), self.before)


class ChannelControllers:
    """Follows the bends and controllers of one channel, and records its pitch and its level.

    Pitch is in semitones from the keys: the bend in its range (2 semitones until parameter 0 says otherwise), and the
    channel's tuning (parameters 1 and 2). Level is a factor of the amplitude, 1 at volume 100 and expression 127.
    """

    def __init__(self, remarks: Remarks) -> None:
        self._remarks = remarks
        self._bend, self._volume, self._expression = 0, _USUAL_VOLUME, 127
        self._parameter = _NO_PARAMETER
        self._numbers = {_BEND_RANGE: [2, 0], _FINE_TUNING: [64, 0], _COARSE_TUNING: [64, 0], _TUNING_PROGRAM: [0, 0]}
        self._pitch, self._level = _Track(0.0), _Track(1.0)

    @property
    def tuning_program(self) -> int:
        """Number of the MIDI tuning that the channel's keys have."""
        return self._numbers[_TUNING_PROGRAM][0]

    def bend(self, now: int, value: int) -> None:
        """A bend from -8192 to 8191, at the time `now`."""
        self._bend = value
        self._record(now)

    def control(self, now: int, controller: int, value: int) -> None:
        """One of `CONTROLLERS` takes `value`, 0 to 127, at the time `now`."""
        number = self._numbers.get(self._parameter[1]) if self._parameter[0] == 0 else None
        if controller == VOLUME:
            self._volume = value
        elif controller == EXPRESSION:
            self._expression = value
        elif controller == _RPN:
            self._parameter = value, self._parameter[1]
        elif controller == _RPN_FINE:
            self._parameter = self._parameter[0], value
        elif controller in (_DATA, _DATA_FINE):
            if number is not None:
                number[controller == _DATA_FINE] = value
        else:  # a parameter that is not registered: data that follow are not ours
            self._parameter = _NO_PARAMETER
        self._record(now)

    def reset(self, now: int) -> None:
        """Reset all controllers, at the time `now`: bend and expression; volume and the parameters' values stay."""
        self._bend, self._expression, self._parameter = 0, 127, _NO_PARAMETER
        self._record(now)

    def curves(self, denominator: int) -> tuple[StepCurve | None, StepCurve | None]:
        """Pitch and level, of times in units of 1 / `denominator` s; None for what never changed."""
        return self._pitch.curve(denominator), self._level.curve(denominator)

    def _record(self, now: int) -> None:
        range_, fine, coarse = (self._numbers[each] for each in (_BEND_RANGE, _FINE_TUNING, _COARSE_TUNING))
        widest = range_[0] + range_[1] / 100
        if widest > WIDEST_BEND:
            self._remarks.say(f"bend ranges of more than {WIDEST_BEND:g} semitones taken as that: {{n}}")
            range_[:] = [int(WIDEST_BEND), 0]
            widest = WIDEST_BEND
        tuning = (128 * fine[0] + fine[1] - _CENTRE) / _CENTRE + coarse[0] - 64
        self._pitch.set(now, self._bend / _CENTRE * widest + tuning)
        self._level.set(now, (self._volume / _USUAL_VOLUME * self._expression / 127) ** 2)
