"""Notes of one second whose measures are known."""

import numpy as np

RATE = 16_000
SECONDS = 1.0


def hertz(pitch):
    return 440 * 2 ** ((pitch - 69) / 12)


def time(rate=RATE):
    return np.arange(round(SECONDS * rate)) / rate


def tone(pitch, *, rate=RATE, partials=5, cents=0.0):
    """Partials of levels 1 / k below half the sample rate; `cents` may change over time (n_samples,)."""
    frequency = hertz(pitch) * 2 ** (np.broadcast_to(cents, time(rate).shape) / 1200)
    phase = 2 * np.pi * np.cumsum(frequency) / rate
    numbers = [k for k in range(1, partials + 1) if k * frequency.max() < rate / 2]
    return 0.2 * sum(np.sin(k * phase + k * k) / k for k in numbers)


def with_noise(wave, ratio_db, seed=0):
    """`wave` and white noise that many dB below it."""
    noise = np.random.default_rng(seed).normal(size=len(wave))
    noise *= np.sqrt(np.mean(wave**2) / np.mean(noise**2)) * 10 ** (-ratio_db / 20)
    return wave + noise
