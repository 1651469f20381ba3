"""Where the bars of a MIDI file begin."""

from bisect import bisect_left
from fractions import Fraction

from generation.midi.remarks import Remarks

MOST_BARS = 100_000  # 55 hours of common time at 120 quarters a minute


class BarLines:
    """Counts the bars as time passes: 4/4 until a time signature says otherwise.

    A signature that differs from the current one begins a new bar, even in the middle of one.
    """

    def __init__(self, quarter: Fraction, denominator: int, remarks: Remarks) -> None:
        """A quarter lasts `quarter` ticks; time is counted in units of 1 / `denominator` seconds."""
        self._quarter, self._denominator, self._remarks = quarter, denominator, remarks
        self._seconds: list[float] = []
        self._count = 0
        self.begin_piece()

    def begin_piece(self) -> None:
        """Count ticks from 0 again, in bars of 4/4."""
        self._bar, self._next = 4 * self._quarter, Fraction(0)  # ticks

    def set_signature(self, tick: int, beats: int, beat: int) -> None:
        """From `tick` on, a bar has `beats` beats, each 1 / `beat` of a whole note."""
        bar = 4 * self._quarter * beats / beat
        if bar < 1:
            self._remarks.say("time signatures whose bar is shorter than a tick skipped: {n}")
        elif bar != self._bar:
            self._bar, self._next = bar, Fraction(tick)

    def pass_time(self, tick: int, until: int, now: int, rate: int) -> None:
        """Let time pass from `tick`, which is at `now`, to the tick `until`, at `rate` units a tick."""
        while self._next < until and self._count < MOST_BARS:
            seconds = float((now + (self._next - tick) * rate) / self._denominator)
            if not self._seconds or seconds > self._seconds[-1]:  # very late bars may fall on one float64
                self._seconds.append(seconds)
            self._next += self._bar
            self._count += 1

    def before(self, end: float) -> list[float]:
        """The seconds, rising, at which the bars before `end` begin; the first is 0, whatever `end` is."""
        if self._count == MOST_BARS and self._seconds[-1] < end:
            self._remarks.say(f"bars after the first {MOST_BARS} not counted")
        return self._seconds[: bisect_left(self._seconds, end)] or [0.0]
