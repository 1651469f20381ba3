"""Complex STFT: real and imaginary part as two channels."""

import math

import torch
from torch import Tensor

from audio_transforms.base import in_parts, register_transform
from audio_transforms.spectrogram import SpectrogramConfig, SpectrogramTransform


class TwoChannelConfig(SpectrogramConfig):
    """Keys of the representations with two channels of the bins."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(2, bins, frames)."""
        return 2, self.bins, self.frames


class STFTConfig(TwoChannelConfig):
    """Keys of the complex STFT."""


@register_transform("stft", STFTConfig, aliases=("complex",))
class STFT(SpectrogramTransform):
    """Real and imaginary part of the centred STFT: (B, n_samples) <-> (B, 2, bins, frames)."""

    def __init__(self, config: TwoChannelConfig) -> None:
        super().__init__(config, config.image_shape)

    @property
    def exact(self) -> bool:
        """Whether every sample is rebuilt, up to rounding and the bins left out."""
        return self.spectrogram.frames.n_rebuilt == self.n_samples

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 2, bins, frames)."""
        return in_parts(self._encode, self.require_wave(wave), math.prod(self.shape[1:]))

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 2, bins, frames) -> (B, n_samples)."""
        return in_parts(self._decode, self.require_image(image), math.prod(self.shape[1:]))

    def _encode(self, wave: Tensor) -> Tensor:
        return torch.view_as_real(self.spectrogram(wave)).movedim(3, 1)

    def _decode(self, image: Tensor) -> Tensor:
        real, imag = image.unbind(dim=1)
        return self.spectrogram.inverse(torch.complex(real, imag))
