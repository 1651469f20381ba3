"""The mel scale and its bank of triangular filters."""

import numpy as np

from utils.arrays import Float64Array

_HZ_PER_MEL = 200 / 3  # below 1 kHz, where the scale is linear
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27  # above: 27 mels from 1 kHz to 6.4 kHz


def hz_to_mel(hertz: Float64Array) -> Float64Array:
    """Frequencies in Hz -> mels, on the scale of Slaney's Auditory Toolbox (1998, technical report 1998-010)."""
    above = _BREAK_MEL + np.log(np.maximum(hertz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hertz < _BREAK_HZ, hertz / _HZ_PER_MEL, above)


def mel_to_hz(mel: Float64Array) -> Float64Array:
    """Inverse of `hz_to_mel`."""
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _HZ_PER_MEL, above)


def mel_filter_bank(sample_rate: int, n_fft: int, n_mels: int) -> Float64Array:
    """Weights (n_mels, n_fft // 2 + 1) of the bins in each band, from 0 Hz to half the sample rate.

    Triangles whose corners are equally spaced in mels, each of unit area over frequency in Hz: librosa's default, which
    the published code used. A band narrower than the distance of two bins may have no weight.
    """
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    corners = mel_to_hz(np.linspace(0, hz_to_mel(np.array(sample_rate / 2)), n_mels + 2))
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.maximum(triangles, 0) * 2 / (high - low)
