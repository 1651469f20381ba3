"""Complex STFT: real and imaginary part as two channels."""

import math

import torch
from torch import Tensor

from audio_transforms.base import AudioTransform, in_parts, register_transform
from audio_transforms.spectrogram import Spectrogram, SpectrogramConfig


class STFTConfig(SpectrogramConfig):
    """Keys of the complex STFT."""


@register_transform("stft", STFTConfig, aliases=("complex",))
class STFT(AudioTransform):
    """Real and imaginary part of the centred STFT: (B, n_samples) <-> (B, 2, bins, frames)."""

    def __init__(self, config: STFTConfig) -> None:
        shape = (2, config.bins, config.frames)
        super().__init__(shape=shape, n_samples=config.n_samples, sample_rate=config.sample_rate)
        self.spectrogram = Spectrogram(config)

    @property
    def exact(self) -> bool:
        """Whether every sample is rebuilt, up to rounding and the bins left out."""
        return self.spectrogram.exact

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 2, bins, frames)."""
        return in_parts(self._encode, self.require_wave(wave), math.prod(self.shape[1:]))

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 2, bins, frames) -> (B, n_samples)."""
        return in_parts(self._decode, self.require_image(image), math.prod(self.shape[1:]))

    def support(self) -> Tensor:
        """As `Spectrogram.support`."""
        return self.spectrogram.support()

    def _encode(self, wave: Tensor) -> Tensor:
        return torch.view_as_real(self.spectrogram(wave)).movedim(3, 1)

    def _decode(self, image: Tensor) -> Tensor:
        real, imag = image.unbind(dim=1)
        return self.spectrogram.inverse(torch.complex(real, imag))
