"""The signal itself, as an image one bin high."""

from torch import Tensor

from audio_transforms.base import AudioTransform, register_transform
from utils.config import TransformConfig


class WaveformConfig(TransformConfig):
    """Keys of the waveform: those that every representation has."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(1, 1, n_samples)."""
        return 1, 1, self.n_samples


@register_transform("waveform", WaveformConfig)
class Waveform(AudioTransform):
    """Samples as they are: (B, n_samples) <-> (B, 1, 1, n_samples)."""

    exact = True

    def __init__(self, config: WaveformConfig) -> None:
        super().__init__(shape=config.image_shape, n_samples=config.n_samples, sample_rate=config.sample_rate)

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 1, 1, n_samples)."""
        return self.require_wave(wave)[:, None, None, :]

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 1, 1, n_samples) -> (B, n_samples)."""
        return self.require_image(image)[:, 0, 0, :]
