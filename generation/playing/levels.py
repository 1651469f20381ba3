"""How loud a sound is, measured while it is made. Source: ITU-R BS.1770-5; EBU R 128 and Tech 3341 for the gates.

pyloudnorm weights the frequencies. Its own meter wants the whole sound at once, 8 bytes a sample and several copies of
it, which hours do not allow; so blocks are added up and gated here. On sounds that fit, both measure the same.
"""

import math

import numpy as np
import pyloudnorm
import soxr
from scipy import signal

from generation.synthesis import Wave
from utils.arrays import Float64Array

ABSOLUTE_GATE = -70.0  # LUFS
RELATIVE_GATE = -10.0  # LU
OVERSAMPLING = 4
_OFFSET = -0.691  # dB, so that a sine of 997 Hz at full scale has -3.01 LUFS
_STEPS_PER_SECOND, _STEPS_PER_BLOCK = 10, 4  # blocks of 400 ms that overlap by 75 %


class LoudnessMeter:
    """Integrated loudness of one channel; it keeps one number for each 100 ms, whatever the length."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate, self._filter = sample_rate, k_weighting(sample_rate)
        self._state = np.zeros((len(self._filter), 2))
        self._position, self._energies = 0, [0.0]

    def add(self, block: Wave) -> None:
        """Measure the next samples (n,)."""
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
        """In LUFS; -inf if no block passes the gates. A sound of less than 400 ms counts as one block."""
        steps = np.array(self._energies)
        if self._position == self._start_of(len(steps)):
            whole = steps
        else:  # the last step is incomplete, and so is the block that ends with it: neither counts
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
    """The highest level of the wave between the samples too, at four times their rate (BS.1770-5, annex 2)."""

    def __init__(self, sample_rate: int) -> None:
        self._stream = soxr.ResampleStream(sample_rate, OVERSAMPLING * sample_rate, 1, dtype="float32", quality="HQ")
        self._peak = 0.0

    def add(self, block: Wave, *, last: bool) -> None:
        """Measure the next samples (n,); the `last` ones end the wave."""
        between = self._stream.resample_chunk(block, last=last)
        self._peak = max(self._peak, *(float(np.abs(each).max(initial=0.0)) for each in (block, between)))

    def true_peak(self) -> float:
        """In dBTP; -inf of silence."""
        return 20 * math.log10(self._peak) if self._peak > 0 else -math.inf


def k_weighting(sample_rate: int) -> Float64Array:
    """The two filters of pyloudnorm as second-order sections (2, 6): a shelf, then a high-pass.

    BS.1770-5 prints their coefficients for 48 kHz alone. The filter class "DeMan" computes them for any rate.
    Source: De Man 2014, Evaluation of implementations of the EBU R128 loudness measurement.
    """
    filters = pyloudnorm.Meter(sample_rate, filter_class="DeMan")._filters  # the name that its documentation uses
    return np.array([[*each.b, *each.a] for each in filters.values()])


def _decibels(power: Float64Array | np.floating) -> Float64Array:
    return _OFFSET + 10 * np.log10(np.maximum(power, 1e-30))
