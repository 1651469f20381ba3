"""What differs between studios, not between instruments: equalisers, rooms, tuning and coding, drawn note by note.

Each function takes waves (B, n) at 16 kHz and draws from `rng`; it returns as many, some of them changed, and leaves
its input alone. A classifier that hears an instrument in many studios cannot learn which studio has which instruments.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evaluation.embeddings.semitone_spectrogram import SAMPLE_RATE

MOST_CENTS = 20.0  # up or down; the label of pitch stays true
MOST_GAIN = 12.0  # dB up or down, of each band and each shelf of an equaliser
_N_BANDS = 4
_BAND_OCTAVES = (0.3, 1.2)  # standard deviation of a band
_BAND_CENTRES = (60.0, 7000.0)  # Hz
_LOW_CORNERS, _HIGH_CORNERS = (60.0, 500.0), (1000.0, 6000.0)  # Hz, of the shelves
_EQUALISED, _SHELVED = 0.75, 0.5  # shares of the notes

_REVERBERANT = 0.4  # share of the notes
_ROOM_SAMPLES = SAMPLE_RATE // 2
_DECAY_SECONDS = (0.08, 0.9)  # to -60 dB
_WET = (-24.0, -2.0)  # dB, energy of the room's answer against that of the direct sound
_MOST_PREDELAY = 400  # samples
_ROOM_SLOPE = (0.0, 1.0)  # fall of the answer's spectrum towards high frequencies, as a power of frequency

_DETUNED = 0.5
_CODED = 0.25
_BITS = (7, 12)  # of a code with equal steps
_MU = 255.0  # of ITU-T G.711


def equalised(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """Three notes in four through an equaliser: four smooth bands and two shelves, each up to 12 dB up or down."""
    n = waves.shape[-1]
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(waves) * _equalisers(len(waves), n, rng), n=n)
    return filtered


def in_rooms(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """Two notes in five with reverberation: noise that decays exponentially, after the direct sound."""
    n = waves.shape[-1]
    size = 2 ** math.ceil(math.log2(n + _ROOM_SAMPLES))
    spectrum = torch.fft.rfft(waves, n=size) * (1 + torch.fft.rfft(_room_answers(len(waves), rng), n=size))
    heard: Tensor = torch.fft.irfft(spectrum, n=size)[:, :n]
    return heard


def detuned(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """Half of the notes played up to 20 cents sharp or flat, by cubic interpolation; their last samples may be 0."""
    n = waves.shape[-1]
    cents = rng.uniform(-MOST_CENTS, MOST_CENTS, (len(waves), 1)) * _chosen(len(waves), _DETUNED, rng)
    places = np.arange(n) * 2 ** (cents / 1200)
    whole = np.floor(places).astype(np.int64)
    part = torch.from_numpy(places - whole).float()
    padded = torch.nn.functional.pad(waves, (1, 3))
    before, at, after, later = (
        padded.gather(1, torch.from_numpy(np.minimum(whole + shift, n + 3))) for shift in range(4)
    )
    # Catmull and Rom's spline through the four samples around each place
    return at + 0.5 * part * (
        after - before + part * (2 * before - 5 * at + 4 * after - later + part * (3 * (at - after) + later - before))
    )


def coded(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """A quarter of the notes coarsely coded: with 7 to 12 bits in equal steps, or with 8 bits by the mu-law.

    The loudest sample of each note is full scale to the code.
    """
    peak = waves.abs().amax(1, keepdim=True).clamp_min(1e-9)
    steps = torch.from_numpy(2.0 ** rng.integers(_BITS[0] - 1, _BITS[1], (len(waves), 1))).float()
    scaled = waves / peak
    equal = torch.round(scaled * steps) / steps
    compressed = torch.round(torch.log1p(_MU * scaled.abs()) / math.log1p(_MU) * 127) / 127
    mu_law = torch.sign(scaled) * torch.expm1(compressed * math.log1p(_MU)) / _MU
    changed = torch.where(torch.from_numpy(_chosen(len(waves), 0.5, rng)), equal, mu_law) * peak
    return torch.where(torch.from_numpy(_chosen(len(waves), _CODED, rng)), changed, waves)


def _equalisers(count: int, n_samples: int, rng: np.random.Generator) -> Tensor:
    """Gains (count, n_samples // 2 + 1) as factors; 1 throughout for a quarter of them."""
    octaves = np.log2(np.maximum(np.arange(n_samples // 2 + 1) * SAMPLE_RATE / n_samples, 1.0))
    decibels = np.zeros((count, len(octaves)))
    for _ in range(_N_BANDS):
        centres = _uniform(np.log2(_BAND_CENTRES), count, rng)
        widths = _uniform(_BAND_OCTAVES, count, rng)
        decibels += _gains(count, rng) * np.exp(-0.5 * ((octaves - centres) / widths) ** 2)
    for corners, towards in ((_LOW_CORNERS, -1.0), (_HIGH_CORNERS, 1.0)):
        corner = _uniform(np.log2(corners), count, rng)
        shelf = 1 / (1 + np.exp(-4 * towards * (octaves - corner)))
        decibels += _gains(count, rng) * shelf * _chosen(count, _SHELVED, rng)
    decibels *= _chosen(count, _EQUALISED, rng)
    return torch.from_numpy(10 ** (decibels / 20)).float()


def _room_answers(count: int, rng: np.random.Generator) -> Tensor:
    """Answers (count, 8000) to an impulse, without the direct sound; 0 for three in five."""
    noise = torch.from_numpy(rng.standard_normal((count, _ROOM_SAMPLES), dtype=np.float32))
    frequencies = torch.arange(1, _ROOM_SAMPLES // 2 + 2) / (_ROOM_SAMPLES // 2 + 1)
    slope = torch.from_numpy(_uniform(_ROOM_SLOPE, count, rng)).float()
    coloured = torch.fft.irfft(torch.fft.rfft(noise) * frequencies**-slope, n=_ROOM_SAMPLES)
    time = np.arange(_ROOM_SAMPLES) / SAMPLE_RATE
    decay = 10 ** (-3 * time / np.exp(_uniform(np.log(_DECAY_SECONDS), count, rng)))
    decay *= np.arange(_ROOM_SAMPLES) >= rng.integers(1, _MOST_PREDELAY + 1, (count, 1))
    answers = coloured * torch.from_numpy(decay).float()
    wet = 10 ** (_uniform(_WET, count, rng) / 20) * _chosen(count, _REVERBERANT, rng)
    energy = answers.square().sum(1, keepdim=True).sqrt().clamp_min(1e-9)
    scaled: Tensor = answers / energy * torch.from_numpy(wet).float()
    return scaled


def _gains(count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Decibels (count, 1)."""
    return _uniform((-MOST_GAIN, MOST_GAIN), count, rng)


def _uniform(
    bounds: Sequence[float] | npt.NDArray[np.float64], count: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Values (count, 1) between the two `bounds`."""
    low, high = map(float, bounds)
    return rng.uniform(low, high, (count, 1))


def _chosen(count: int, share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which notes (count, 1) are changed."""
    return rng.random((count, 1)) < share
