"""Augmentation: notes are shifted, faded, filtered, made noisy, and get artefacts of generated sound."""

import math

import numpy as np
import torch
from torch import Tensor

MOST_DELAY = 4096  # samples
_EQ_CURVES = 4  # cosines over log-frequency that make up a random filter
_N_FFT = 1024


def augmented(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """Waves (B, n) at 16 kHz -> as many, each changed differently; pitch and instrument stay.

    Time shift in both directions, fade-out, random filter and low-pass, level, phase errors as of a vocoder, coloured
    noise. All draws come from `rng`.
    """
    changed = _phase_artefacts(_faded(_shifted(waves, rng), rng), rng)
    spectrum = torch.fft.rfft(changed) * _filter(len(waves), waves.shape[-1], rng)
    level = _decibels(rng.uniform(-20, 0, len(waves)))
    filtered = torch.fft.irfft(spectrum, n=waves.shape[-1])
    peak = filtered.abs().amax(1, keepdim=True).clamp_min(1e-6)
    noisy: Tensor = (filtered / peak + _coloured_noise(len(waves), waves.shape[-1], rng)) * level
    return noisy


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


def _filter(count: int, n_samples: int, rng: np.random.Generator) -> Tensor:
    """Gains (count, n_samples / 2 + 1): smooth curves of a few dB, for one note in eight also a low-pass."""
    place = np.log2(1 + np.arange(n_samples // 2 + 1) / 20)
    place /= place[-1]
    heights = rng.standard_normal((count, _EQ_CURVES, 1)) * np.array([3.0, 2.5, 2.0, 2.0])[:, None]
    curves = np.cos(math.pi * np.arange(1, _EQ_CURVES + 1)[:, None] * place)
    decibels = (heights * curves).sum(1)
    frequencies = np.arange(n_samples // 2 + 1) / n_samples
    cutoff = np.where(rng.random(count) < 0.125, rng.uniform(0.12, 0.45, count), 1.0)[:, None]
    decibels -= np.maximum(0, np.log2(np.maximum(frequencies, 1e-9) / cutoff)) * 48
    return _decibels(decibels)


def _coloured_noise(count: int, n_samples: int, rng: np.random.Generator) -> Tensor:
    """Noise (count, n_samples), for half of the notes, 26 to 60 dB below full scale, from brown to white."""
    white = torch.fft.rfft(torch.from_numpy(rng.standard_normal((count, n_samples), dtype=np.float32)))
    frequencies = torch.arange(1, white.shape[-1] + 1) / white.shape[-1]
    slope = torch.from_numpy(rng.uniform(0, 1, (count, 1))).float()
    noise = torch.fft.irfft(white * frequencies**-slope, n=n_samples)
    noise /= noise.square().mean(1, keepdim=True).sqrt()
    loud = np.where(rng.random((count, 1)) < 0.5, rng.uniform(-60, -26, (count, 1)), -np.inf)
    scaled: Tensor = noise * _decibels(loud)
    return scaled


def _decibels(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Tensor:
    """Decibels -> factors; (B,) becomes (B, 1)."""
    factors = torch.from_numpy(10 ** (values / 20)).float()
    return factors[:, None] if factors.ndim == 1 else factors
