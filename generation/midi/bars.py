"""Where the bars of a MIDI file begin."""

from bisect import bisect_left
from fractions import Fraction

from generation.midi.remarks import Remarks

MOST_BARS = 100_000  # 55 hours of common time at 120 quarters a minute


class BarLines:
    """Counts the bars while time passes: 4/4 until a time signature says otherwise.

    A signature that differs from the one in force begins a new bar, wherever the last one stands.
    """

    def __init__(self, quarter: Fraction, denominator: int, remarks: Remarks) -> None:
        """A quarter lasts `quarter` ticks; time is counted in units of 1 / `denominator` seconds."""
        self._quarter, self._denominator, self._remarks = quarter, denominator, remarks
        self._seconds: list[float] = []
        self._count = 0
        self.begin_piece()

    def begin_piece(self) -> None:
        """From now on ticks are counted from 0 again, in bars of 4/4."""
        self._bar, self._next = 4 * self._quarter, Fraction(0)  # ticks

    def set_signature(self, tick: int, beats: int, beat: int) -> None:
        """From `tick` on a bar has `beats` beats, each a whole note's `beat`th part."""
        bar = 4 * self._quarter * beats / beat
        if bar < 1:
            self._remarks.say("time signatures whose bar is shorter than a tick skipped: {n}")
        elif bar != self._bar:
            self._bar, self._next = bar, Fraction(tick)

    def pass_time(self, tick: int, until: int, now: int, rate: int) -> None:
        """Time goes on from `tick`, which is at `now`, up to `until`, `rate` units a tick."""
        while self._next < until and self._count < MOST_BARS:
            seconds = float((now + (self._next - tick) * rate) / self._denominator)
            if not self._seconds or seconds > self._seconds[-1]:  # after ages, float64 no longer tells bars apart
                self._seconds.append(seconds)
            self._next += self._bar
            self._count += 1

    def before(self, end: float) -> list[float]:
        """Seconds at which the bars before `end` begin, rising; the first begins at 0, whatever `end` is."""
        if self._count == MOST_BARS and self._seconds[-1] < end:
            self._remarks.say(f"bars after the first {MOST_BARS} not counted")
        return self._seconds[: bisect_left(self._seconds, end)] or [0.0]
