"""The contract of every representation: waveform <-> image."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from utils.config import TRANSFORM_CONFIGS, TransformConfig
from utils.registry import Registry

_CACHED_NUMBERS = 2**19  # a few float32 or complex64 tensors of this size fit into a processor's cache


class AudioTransform(nn.Module, ABC):
    """A batched, differentiable representation of audio with a shape known before any audio is read.

    `forward` maps waveforms (B, n_samples) in [-1, 1] to images (B, channels, frequency, time) of `shape`;
    `inverse` maps images back to exactly `n_samples` samples. Both keep dtype and device of their input.
    """

    def __init__(self, *, shape: tuple[int, int, int], n_samples: int, sample_rate: int) -> None:
        super().__init__()
        self.shape = shape
        self.n_samples = n_samples
        self.sample_rate = sample_rate

    @property
    @abstractmethod
    def exact(self) -> bool:
        """Whether the inverse restores the signal up to rounding and bins that are left out by choice."""

    @abstractmethod
    def forward(self, wave: Tensor) -> Tensor:
        """Waveforms (B, n_samples) -> images (B, *shape)."""

    @abstractmethod
    def inverse(self, image: Tensor) -> Tensor:
        """Images (B, *shape) -> waveforms (B, n_samples)."""

    @property
    def estimates_phase(self) -> bool:
        """Whether the inverse must estimate all phases, which takes long and which no gradient follows."""
        return False

    def support(self) -> Tensor:
        """How well the image determines each sample of the inverse: float64 (n_samples,) in [0, 1], 1 = fully.

        The inverse amplifies errors of an image, such as a generator's, by up to 1 / support: multiply its sound by
        the support. The inverse itself does not, so that it stays exact.
        """
        return torch.ones(self.n_samples, dtype=torch.float64)

    def gansynth_affine(self) -> dict[str, list[float]] | None:
        """GANSynth's constants `scale` and `shift` of each channel; None if it has none for this representation."""
        return None

    def require_wave(self, wave: Tensor) -> Tensor:
        """Return `wave` if its shape is (B, n_samples) with B >= 1. Raises: ValueError."""
        if wave.ndim != 2 or wave.shape[0] == 0 or wave.shape[1] != self.n_samples:
            raise ValueError(f"wave must have shape (B, {self.n_samples}), got {tuple(wave.shape)}; pad or crop it")
        return wave

    def require_image(self, image: Tensor) -> Tensor:
        """Return `image` if its shape is (B, *shape) with B >= 1. Raises: ValueError."""
        if image.ndim != 4 or image.shape[0] == 0 or tuple(image.shape[1:]) != self.shape:
            raise ValueError(f"image must have shape (B, {', '.join(map(str, self.shape))}), got {tuple(image.shape)}")
        return image


def in_parts(work: Callable[[Tensor], Tensor], batch: Tensor, numbers_per_row: int) -> Tensor:
    """`work(batch)` for (B, ...), contiguous; on a CPU a few rows at a time, since large tensors do not fit its cache.

    `numbers_per_row` is how many numbers `work` holds at once for one row.
    """
    rows = max(1, _CACHED_NUMBERS // numbers_per_row)
    if batch.device.type != "cpu" or len(batch) <= rows:
        return work(batch).contiguous()
    first, *parts = torch.split(batch, rows)
    done = work(first)
    if done.requires_grad:
        return torch.cat([done, *(work(part) for part in parts)])
    result = done.new_empty(len(batch), *done.shape[1:])
    result[: len(first)] = done
    for start, part in zip(range(rows, len(batch), rows), parts, strict=True):
        result[start : start + rows] = work(part)
    return result


T = TypeVar("T", bound=AudioTransform)

TRANSFORMS: Registry[Callable[[Any], AudioTransform]] = Registry("transform")
"""Filled by the modules of this package: builds a representation from its config."""


def register_transform(
    name: str, config: type[TransformConfig], *, aliases: tuple[str, ...] = ()
) -> Callable[[type[T]], type[T]]:
    """Decorate the representation `name`, whose keys in `transformConfig` are the fields of `config`."""

    def add(transform: type[T]) -> type[T]:
        TRANSFORM_CONFIGS.register(name, aliases=aliases)(config)
        TRANSFORMS.register(name, aliases=aliases)(transform)
        return transform

    return add
