"""Mel-frequency cepstral coefficients: the cosine transform of the level in mel bands."""

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from audio_transforms.base import register_transform
from audio_transforms.constants import Constant
from audio_transforms.mel_spectrogram import MelConfig, MelTransform

_LEAST_POWER = 1e-10  # -100 dB
_RANGE_DB = 80.0  # below the loudest band of the note
_LARGEST_DB = 200.0  # a generator may exceed it, and float32 would overflow


class MFCCConfig(MelConfig):
    """Keys of the cepstral coefficients."""

    n_mfcc: int = Field(20, ge=1, le=65_536, description="coefficients that are kept, the lowest")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(1, n_mfcc, frames)."""
        return 1, self.n_mfcc, self.frames

    def conflicts(self) -> list[str]:
        """Faults of the sizes, and more coefficients than bands."""
        faults = super().conflicts()
        if self.n_mfcc > self.n_mels:
            faults.append(f"n_mfcc={self.n_mfcc} must not exceed n_mels={self.n_mels}")
        return faults


@register_transform("mfcc", MFCCConfig)
class MFCC(MelTransform):
    """Orthonormal DCT-II over the bands' level in dB: (B, n_samples) -> (B, 1, n_mfcc, frames).

    Levels are limited to 80 dB below the note's loudest band, and to -100 dB. The inverse sets the coefficients left
    out to zero and estimates the phase.
    Source: Davis and Mermelstein 1980; librosa's constants, as published.
    """

    def __init__(self, config: MFCCConfig) -> None:
        super().__init__(config, config.image_shape)
        self.cosines = Constant(orthonormal_cosines(config.n_mfcc, config.n_mels))

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 1, n_mfcc, frames)."""
        power = self.power_of(wave)
        level = 10 * torch.log10(power.clamp(min=_LEAST_POWER))
        level = torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - _RANGE_DB)
        return (self.cosines.like(level) @ level)[:, None]

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 1, n_mfcc, frames) -> (B, n_samples)."""
        level = self.cosines.like(image).T @ self.require_image(image)[:, 0]
        power = 10 ** (level.clamp(max=_LARGEST_DB) / 10) - _LEAST_POWER
        return self.sound_of(power.clamp(min=0))


def orthonormal_cosines(n_kept: int, n_bands: int) -> NDArray[np.float64]:
    """The first `n_kept` rows of the orthonormal DCT-II of `n_bands` values: (n_kept, n_bands).

    >>> orthonormal_cosines(1, 4)
    array([[0.5, 0.5, 0.5, 0.5]])
    """
    rows = np.arange(n_kept)[:, None]
    matrix = np.cos(np.pi * rows * (np.arange(n_bands) + 0.5) / n_bands) * np.sqrt(2 / n_bands)
    return np.asarray(np.where(rows == 0, np.sqrt(1 / n_bands), matrix))
