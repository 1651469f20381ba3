"""How loud a sound is, measured block by block. Source: ITU-R BS.1770-5; EBU R 128 and Tech 3341 for the gates."""

import math

import numpy as np
import numpy.typing as npt
import soxr
from scipy import signal

from generation.synthesis import Wave

ABSOLUTE_GATE = -70.0  # LUFS
RELATIVE_GATE = -10.0  # LU
OVERSAMPLING = 4
_OFFSET = -0.691  # dB, so that a sine of 997 Hz at full scale has -3.01 LUFS
_STEPS_PER_SECOND, _STEPS_PER_BLOCK = 10, 4  # blocks of 400 ms that overlap by 75 %


class LoudnessMeter:
    """Integrated loudness of one channel; its memory is a number for each 100 ms."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate, self._filter = sample_rate, k_weighting(sample_rate)
        self._state = np.zeros((len(self._filter), 2))
        self._position, self._energies = 0, [0.0]

    def add(self, block: Wave) -> None:
        """Hear the next samples (n,)."""
        if not len(block):
            return
        weighted, self._state = signal.sosfilt(self._filter, block.astype(np.float64), zi=self._state)
        first, last = self._position, self._position + len(block)
        begun = range(len(self._energies), self._step_of(last - 1) + 1)
        edges = [0, *(self._start_of(step) - first for step in begun), len(block)]
        sums = np.diff(np.concatenate(([0.0], np.cumsum(weighted**2)))[edges])
        self._energies[-1] += float(sums[0])
        self._energies += sums[1:].tolist()
        self._position = last

    def loudness(self) -> float:
        """In LUFS; -inf if no block passes the gates. A sound of less than 400 ms is heard as one block."""
        steps = np.array(self._energies)
        if self._position == self._start_of(len(steps)):
            whole = steps
        else:  # the last step is not full: a block that it would complete does not count
            whole = steps[:-1] if len(steps) > _STEPS_PER_BLOCK else steps
        whole = np.pad(whole, (0, max(_STEPS_PER_BLOCK - len(whole), 0)))
        size = self._sample_rate * _STEPS_PER_BLOCK / _STEPS_PER_SECOND
        power = np.convolve(whole, np.ones(_STEPS_PER_BLOCK), mode="valid") / size
        power = power[_decibels(power) > ABSOLUTE_GATE]
        if not len(power):
            return -math.inf
        power = power[_decibels(power) > float(_decibels(power.mean())) + RELATIVE_GATE]
        return float(_decibels(power.mean()))

    def _start_of(self, step: int) -> int:
        return -(-step * self._sample_rate // _STEPS_PER_SECOND)

    def _step_of(self, sample: int) -> int:
        return sample * _STEPS_PER_SECOND // self._sample_rate


class TruePeakMeter:
    """The highest level of the wave that the samples stand for, at four times their rate (BS.1770-5, annex 2)."""

    def __init__(self, sample_rate: int) -> None:
        self._stream = soxr.ResampleStream(sample_rate, OVERSAMPLING * sample_rate, 1, dtype="float32", quality="HQ")
        self._peak = 0.0

    def add(self, block: Wave, *, last: bool) -> None:
        """Hear the next samples (n,); the `last` ones end the wave."""
        between = self._stream.resample_chunk(block, last=last)
        self._peak = max(self._peak, *(float(np.abs(each).max(initial=0.0)) for each in (block, between)))

    def true_peak(self) -> float:
        """In dBTP; -inf of silence."""
        return 20 * math.log10(self._peak) if self._peak > 0 else -math.inf


def k_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    """The two filters before the measurement as second-order sections (2, 6): a shelf for the head, a high-pass.

    BS.1770-5 gives them for 48 kHz alone. These are the analogue filters of which those are the bilinear transform, at
    `sample_rate` Hz. Source: De Man 2014, Evaluation of implementations of the EBU R128 loudness measurement.
    """
    gain, hertz, quality = 3.999843853973347, 1681.974450955533, 0.7071752369554196  # dB, Hz
    high = 10 ** (gain / 20)
    middle = high**0.4996667741545416
    k = math.tan(math.pi * hertz / sample_rate)
    shelf = [high + middle * k / quality + k * k, 2 * (k * k - high), high - middle * k / quality + k * k]
    poles = _poles(k, quality)
    k2 = math.tan(math.pi * 38.13547087602444 / sample_rate)
    poles2 = _poles(k2, 0.5003270373238773)
    return np.array(
        [[*(value / poles[0] for value in shelf), *(value / poles[0] for value in poles)],
         [1, -2, 1, *(value / poles2[0] for value in poles2)]]
    )  # fmt: skip


def _poles(k: float, quality: float) -> list[float]:
    return [1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k]


def _decibels(power: npt.NDArray[np.float64] | np.floating) -> npt.NDArray[np.float64]:
    return _OFFSET + 10 * np.log10(np.maximum(power, 1e-30))
