"""From latents to sound: the averaged generator, the inverse representation, and a level within full scale."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audio_transforms import AudioTransform
from models.conditions import conditioned
from models.generator import Generator
from models.layers import enlarged
from models.networks import Networks
from utils.arrays import Float64Array
from utils.errors import UserError

Wave = npt.NDArray[np.float32]

HEADROOM = 32767 / 32768
BATCH_SIZE = 16
EDGE_SECONDS = 0.01  # short beside an attack, and long enough that a cut wave does not click


def synthesise(
    networks: Networks,
    transform: AudioTransform,
    latent: Tensor,
    labels: Tensor,
    *,
    scale: int,
    alpha: float,
    device: torch.device,
) -> list[Wave]:
    """Latent (B, latent_dim) and labels (B, A) -> B waves, as `synthesise_conditions`."""
    conditions = conditioned(latent, labels, networks.n_values)
    return synthesise_conditions(networks.ema, transform, conditions, scale=scale, alpha=alpha, device=device)


@torch.no_grad()
def synthesise_conditions(
    generator: Generator,
    transform: AudioTransform,
    conditions: Tensor,
    *,
    scale: int,
    alpha: float,
    device: torch.device,
) -> list[Wave]:
    """Conditions (B, latent_dim + C), latents followed by one-hot or number of each attribute -> B waves (n_samples,).

    Images smaller than the representation are enlarged as the generator enlarges, before they are inverted. On the CPU
    each note is computed alone: in a batch its last bits would depend on the other notes, and batches are no faster
    there. On other devices, whose last bits vary anyway, 16 notes are computed at once. Samples are multiplied by
    `AudioTransform.support` and by `edge_window`.
    Raises: UserError if the generator's output is not finite.
    """
    window = sound_window(transform)
    waves: list[Wave] = []
    for batch in torch.split(conditions, 1 if device.type == "cpu" else BATCH_SIZE):
        image = generator(batch.to(device), scale, alpha)
        sound = transform.inverse(at_full_size(generator, image, transform)).float().cpu().numpy()
        if not np.isfinite(sound).all():
            raise UserError("the generator's sound is not finite; did the training diverge?")
        waves += list((sound * window).astype(np.float32))
    return waves


def sound_window(transform: AudioTransform) -> Float64Array:
    """What the samples of the inverse are multiplied by: `AudioTransform.support` times `edge_window`, (n_samples,)."""
    return transform.support().numpy() * edge_window(transform.n_samples, transform.sample_rate)


def edge_window(n_samples: int, sample_rate: int) -> Float64Array:
    """Window (n_samples,) that rises from 0 over the first 10 ms, is 1, and falls to 0 over the last 10 ms.

    A generator does not make silence exactly, so its notes would begin and end with a click. The slopes are squared
    sines; notes shorter than 20 ms rise over one half and fall over the other.
    """
    length = min(round(EDGE_SECONDS * sample_rate), n_samples // 2)
    slope = np.sin(np.pi / 2 * np.arange(length) / max(1, length)) ** 2
    return np.concatenate((slope, np.ones(n_samples - 2 * length), slope[::-1]))


def at_full_size(generator: Generator, image: Tensor, transform: AudioTransform) -> Tensor:
    """Images (B, C, F, T) of any scale -> (B, *transform.shape), enlarged as the generator enlarges."""
    return enlarged(image, (transform.shape[1], transform.shape[2]), smooth=generator.smooth)


def fit_full_scale(wave: Wave) -> tuple[Wave, float]:
    """(`wave` scaled down to full scale, gain in dB); a wave within full scale is returned as it is, with 0 dB."""
    gain, gain_db = gain_to_full_scale(float(np.abs(wave).max(initial=0.0)))
    return (wave, gain_db) if gain == 1 else (wave * np.float32(gain), gain_db)


def gain_to_full_scale(peak: float, most_db: float = 0.0) -> tuple[float, float]:
    """(factor, the same in dB): `most_db`, or what brings a sound of `peak` within full scale if that is less.

    In whole millionths of a decibel, rounded down, so that the number on a card gives the same factor again.
    """
    gain_db = most_db
    if peak > HEADROOM * 10 ** (-most_db / 20) * (1 + 1e-7):  # what is within by rounding only counts as within
        gain_db = math.floor(20_000_000 * math.log10(HEADROOM / peak)) / 1_000_000
    return 10 ** (gain_db / 20), gain_db
