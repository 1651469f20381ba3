"""Sounds to find."""

import numpy as np

from data.audio_io import write_wav

RATE = 16_000


def tone(hertz, seconds=0.6, level=0.3, before=0.0):
    """A decaying tone with three harmonics, after `before` s of silence."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * hertz * partial * time) / partial for partial in (1, 2, 3))
    return np.concatenate((np.zeros(round(before * RATE)), level * wave * np.exp(-4 * time))).astype(np.float32)


def written(path, wave, rate=RATE):
    """The file `path` of `wave`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, wave, rate)
    return path
