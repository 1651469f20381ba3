"""Log-magnitude and instantaneous frequency: the representation of GANSynth, unscaled by default as published."""

from pydantic import Field

from audio_transforms.base import register_transform
from audio_transforms.mag import Mag, MagConfig


class MagIFConfig(MagConfig):
    """Keys of mag-if: those of `mag`, with the instantaneous frequency as the default second channel."""

    ifreq: bool = Field(True, description="phase as instantaneous frequency; false: raw phase in radians")


@register_transform("mag-if", MagIFConfig, aliases=("specgrams",))
class MagIF(Mag):
    """Log-magnitude and instantaneous frequency: (B, n_samples) <-> (B, 2, bins, frames)."""
