"""Affine scaling of each channel to about [-1, 1], for any representation."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from audio_transforms.base import AudioTransform
from audio_transforms.constants import Constant
from utils.config import TransformConfig
from utils.errors import ConfigError, DataError

Affine = dict[str, list[float]]
"""`scale` and `shift` of each channel, as plain values that travel with the checkpoint."""


def choose_affine(config: TransformConfig, transform: AudioTransform, batches: Iterable[Tensor]) -> Affine | None:
    """The affine map of `config.scaling`; `batches` of waveforms are read only for `fit`.

    Raises: ConfigError if GANSynth has no constants for this representation; DataError as `fit_affine`.
    """
    if config.scaling == "none":
        return None
    if config.scaling == "fit":
        return fit_affine(transform, batches)
    constants = transform.gansynth_affine()
    if constants is None:
        raise ConfigError(f"transformConfig.scaling=gansynth: has no constants for {config.transform}; use fit or none")
    return constants


def with_affine(transform: AudioTransform, affine: Affine | None) -> AudioTransform:
    """`transform`, with its channels scaled if there is an affine map."""
    return transform if affine is None else ScaledTransform(transform, affine["scale"], affine["shift"])


class ScaledTransform(AudioTransform):
    """The representation `inner` with channel c scaled to `scale[c] * x + shift[c]`."""

    def __init__(self, inner: AudioTransform, scale: Sequence[float], shift: Sequence[float]) -> None:
        super().__init__(shape=inner.shape, n_samples=inner.n_samples, sample_rate=inner.sample_rate)
        self.inner, self.scale, self.shift = inner, list(scale), list(shift)
        self._scale, self._shift = (Constant(np.array(values)[:, None, None]) for values in (scale, shift))

    @property
    def exact(self) -> bool:
        """Whether `inner` is exact."""
        return self.inner.exact

    @property
    def estimates_phase(self) -> bool:
        """As that of `inner`."""
        return self.inner.estimates_phase

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> scaled images (B, *shape)."""
        image: Tensor = self.inner(wave)
        return image * self._scale.like(image) + self._shift.like(image)

    def inverse(self, image: Tensor) -> Tensor:
        """Scaled images (B, *shape) -> (B, n_samples)."""
        return self.inner.inverse((image - self._shift.like(image)) / self._scale.like(image))

    def support(self) -> Tensor:
        """As that of `inner`."""
        return self.inner.support()


@torch.no_grad()
def fit_affine(transform: AudioTransform, batches: Iterable[Tensor]) -> Affine:
    """The map of each channel from its range over `batches` of waveforms (B, n_samples) to [-1, 1].

    Raises: DataError if there is no waveform, or a channel is constant (if all notes are silent, for example).
    """
    low: Tensor | None = None
    high: Tensor | None = None
    for wave in batches:
        image = transform(wave)
        # on the CPU from here on: Apple's devices have no float64
        least, most = (bound(image, dim=(0, 2, 3)).cpu().double() for bound in (torch.amin, torch.amax))
        low = least if low is None else torch.minimum(low, least)
        high = most if high is None else torch.maximum(high, most)
    if low is None or high is None:
        raise DataError("scaling=fit: there is no note to measure; check the filters of loaderConfig")
    span = high - low
    if not bool((span > 0).all()):
        channels = torch.nonzero(~(span > 0)).flatten().tolist()
        raise DataError(f"scaling=fit: channel {channels} has one value in all notes; are the notes silent?")
    return {"scale": (2 / span).tolist(), "shift": (-(high + low) / span).tolist()}
