"""Augmentation: notes are moved to other studios, shifted, faded, made noisy, and get artefacts of generated sound."""

import numpy as np
import torch
from torch import Tensor

from evaluation.classifier.studio import coded, detuned, equalised, in_rooms

MOST_DELAY = 4096  # samples
_LOW_PASSED = 0.2  # share of the notes
_N_FFT = 1024


def augmented(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """Waves (B, n) at 16 kHz -> as many, each changed differently; pitch and instrument stay.

    Small detuning, time shift in both directions, fade-out, phase errors as of a vocoder, equaliser, room, low-pass,
    coloured noise, coarse coding, level. All draws come from `rng`.
    """
    played = _phase_artefacts(_faded(_shifted(detuned(waves, rng), rng), rng), rng)
    recorded = _low_passed(in_rooms(equalised(played, rng), rng), rng)
    peak = recorded.abs().amax(1, keepdim=True).clamp_min(1e-6)
    noisy = recorded / peak + _coloured_noise(len(waves), waves.shape[-1], rng)
    level = _decibels(rng.uniform(-20, 0, len(waves)))
    louder: Tensor = coded(noisy, rng) * level
    return louder


def _shifted(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """Half of the notes start up to an eighth of a second late or early."""
    n = waves.shape[-1]
    delays = rng.integers(-MOST_DELAY // 2, MOST_DELAY // 2 + 1, len(waves)) * (rng.random(len(waves)) < 0.5)
    rows = []
    for wave, delay in zip(waves, delays.tolist(), strict=True):
        silence = wave.new_zeros(abs(delay))
        rows.append(torch.cat([silence, wave[: n - delay]]) if delay > 0 else torch.cat([wave[-delay:], silence]))
    return torch.stack(rows)


def _faded(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """Half of the notes fade out, as for training: over the last 5 to 40 % of their samples."""
    n = waves.shape[-1]
    place = torch.arange(n) / n
    length = torch.from_numpy(rng.uniform(0.05, 0.4, len(waves))).float()[:, None]
    window = ((1 - place) / length).clamp(max=1)
    faded = torch.from_numpy(rng.random(len(waves)) < 0.5)[:, None]
    return torch.where(faded, waves * window, waves)


def _phase_artefacts(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """A quarter of the notes are resynthesised with phase errors, like those of inverted representations."""
    chosen = np.flatnonzero(rng.random(len(waves)) < 0.25)
    if not len(chosen):
        return waves
    window = torch.hann_window(_N_FFT)
    spectrum = torch.stft(waves[chosen], _N_FFT, _N_FFT // 4, window=window, return_complex=True)
    strength = torch.from_numpy(rng.uniform(0.1, 1.0, (len(chosen), 1, 1))).float()
    noise = torch.from_numpy(rng.standard_normal(spectrum.shape, dtype=np.float32))
    drift = spectrum * torch.polar(torch.ones_like(noise), strength * noise)
    result = waves.clone()
    result[chosen] = torch.istft(drift, _N_FFT, _N_FFT // 4, window=window, length=waves.shape[-1])
    return result


def _low_passed(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """A fifth of the notes falls by 48 dB an octave above a corner between 1.9 and 7.2 kHz."""
    n = waves.shape[-1]
    frequencies = np.arange(n // 2 + 1) / n
    chosen = rng.random(len(waves)) < _LOW_PASSED
    corner = np.where(chosen, np.exp(rng.uniform(np.log(0.12), np.log(0.45), len(waves))), 1.0)[:, None]
    decibels = -48 * np.maximum(0, np.log2(np.maximum(frequencies, 1e-9) / corner))
    passed: Tensor = torch.fft.irfft(torch.fft.rfft(waves) * _decibels(decibels), n=n)
    return passed


def _coloured_noise(count: int, n_samples: int, rng: np.random.Generator) -> Tensor:
    """Noise (count, n_samples), for half of the notes, 26 to 70 dB below full scale, from brown to white."""
    white = torch.fft.rfft(torch.from_numpy(rng.standard_normal((count, n_samples), dtype=np.float32)))
    frequencies = torch.arange(1, white.shape[-1] + 1) / white.shape[-1]
    slope = torch.from_numpy(rng.uniform(0, 1, (count, 1))).float()
    noise = torch.fft.irfft(white * frequencies**-slope, n=n_samples)
    noise /= noise.square().mean(1, keepdim=True).sqrt()
    loud = np.where(rng.random((count, 1)) < 0.5, rng.uniform(-70, -26, (count, 1)), -np.inf)
    scaled: Tensor = noise * _decibels(loud)
    return scaled


def _decibels(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Tensor:
    """Decibels -> factors; (B,) becomes (B, 1)."""
    factors = torch.from_numpy(10 ** (values / 20)).float()
    return factors[:, None] if factors.ndim == 1 else factors
