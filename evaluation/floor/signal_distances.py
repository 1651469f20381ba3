"""How far a restored note is from the original: functions of waveforms, the same for every representation."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data.note_pitch import sounding_pitch

N_FFT = 2048
HOP_LENGTH = 512
DYNAMIC_RANGE_DB = 80.0
LARGEST_DB = 300.0
"""Stands for an error of exactly zero, since JSON has no infinity; float32 ends near 150 dB, so nothing else does."""

PITCH_SAMPLES = 8192  # what `sounding_pitch` needs at least
HELD_SHARE = 0.7  # of the samples: behind lies the fade-out, if there is one
HELD_SECONDS = 3  # behind lies the release of NSynth's notes
LEAST_PERIODICITY = 0.8

Distance = Callable[[Tensor, Tensor], Tensor]


def snr_db(original: Tensor, restored: Tensor) -> Tensor:
    """Signal-to-noise ratio of waveforms (B, n_samples) -> (B,), in dB: 10 log10(sum x^2 / sum (x - y)^2).

    At most 300, which stands for identical waveforms. It compares sample by sample: a representation without phase
    scores about 0 or less however good it sounds. Raises: ValueError if shapes differ or an original is silent.
    >>> snr_db(torch.tensor([[1.0, -1.0]]), torch.tensor([[0.9, -0.9]])).round()
    tensor([20.], dtype=torch.float64)
    """
    original, restored = _comparable(original, restored)
    signal, error = original.square().sum(dim=1), (original - restored).square().sum(dim=1)
    return _decibels(signal / error)


def log_spectral_distance_db(original: Tensor, restored: Tensor) -> Tensor:
    """Log-spectral distance of waveforms (B, n_samples) -> (B,), in dB, 0 = same level at every time and frequency.

    Mean over frames of the root mean square over frequency of 20 log10(|X| / |Y|); STFT of 2048 samples, hop 512,
    Hann. Levels more than 80 dB below the original's peak count as 80 dB below it, in both: they are inaudible, and
    their logarithms would dominate. Raises: ValueError as `snr_db`.
    Source: Gray and Markel 1976, Distance measures for speech processing, IEEE Trans. ASSP 24(5), section II.
    """
    original, restored = _comparable(original, restored)
    magnitude = _magnitude(original)
    floor = magnitude.amax(dim=(1, 2), keepdim=True) * 10 ** (-DYNAMIC_RANGE_DB / 20)
    difference = 20 * torch.log10(magnitude.maximum(floor) / _magnitude(restored).maximum(floor))
    return difference.square().mean(dim=1).sqrt().mean(dim=1)


def spectral_convergence_db(original: Tensor, restored: Tensor) -> Tensor:
    """Spectral convergence of waveforms (B, n_samples) -> (B,): 20 log10(|| |X| - |Y| || / || |X| ||), in dB.

    Frobenius norms of the magnitudes of the STFT of `log_spectral_distance_db`: the loud partials count, phase does
    not. Lower is better; -300 stands for no difference. Raises: ValueError as `snr_db`.
    Source: Sturmel and Daudet 2011, Signal reconstruction from STFT magnitude: a state of the art, DAFx, section 2.
    """
    original, restored = _comparable(original, restored)
    magnitude = _magnitude(original)
    error = (magnitude - _magnitude(restored)).square().sum(dim=(1, 2))
    return _decibels(error / magnitude.square().sum(dim=(1, 2)))


class PitchError(NamedTuple):
    """Whether the original has a pitch that can be compared, and how far off the restored note is."""

    pitched: bool
    cents: float | None  # None: nothing to compare, or the pitch is lost


def pitch_error(
    original: npt.NDArray[np.floating], restored: npt.NDArray[np.floating], label: int, sample_rate: int
) -> PitchError:
    """|f0 of the restored note - f0 of the original| in cents, for waves (n_samples,) of the MIDI pitch `label`.

    Measured by `sounding_pitch` on the held part: the first 70 % of the samples, of the first 3 s at most. A note
    counts as pitched if that part has 8192 samples or more and its periodicity is above 0.8.
    """
    held = min(int(len(original) * HELD_SHARE), HELD_SECONDS * sample_rate)
    if held < PITCH_SAMPLES:
        return PitchError(pitched=False, cents=None)
    expected = sounding_pitch(original[:held], label, sample_rate)
    if not expected.periodicity > LEAST_PERIODICITY:
        return PitchError(pitched=False, cents=None)
    cents = 100 * abs(sounding_pitch(restored[:held], label, sample_rate).offset - expected.offset)
    return PitchError(pitched=True, cents=cents if math.isfinite(cents) else None)


def _comparable(original: Tensor, restored: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64, so that measuring adds no error of its own."""
    if original.ndim != 2 or original.shape != restored.shape:
        raise ValueError(f"waves must have one shape (B, n_samples), got {original.shape} and {restored.shape}")
    if not original.any(dim=1).all():
        raise ValueError("an original is silent: nothing can be compared with it; leave it out")
    return original.double(), restored.double()


def _decibels(power_ratio: Tensor) -> Tensor:
    return (10 * torch.log10(power_ratio)).clamp(-LARGEST_DB, LARGEST_DB)


def _magnitude(wave: Tensor) -> Tensor:
    """(B, n_samples) -> (B, bins, frames); zeros beyond the ends, so that notes of any length have a spectrum."""
    window = torch.hann_window(N_FFT, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(wave, N_FFT, HOP_LENGTH, window=window, center=True, pad_mode="constant", return_complex=True)
    return spectrum.abs()
