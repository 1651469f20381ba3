"""Representations of audio, each a batched torch module between waveforms and images.

Every module of this package is imported here and registers its representation: a new one is one new file.
"""

import importlib
import pkgutil

from audio_transforms.base import TRANSFORMS, AudioTransform
from audio_transforms.scaling import choose_affine, with_affine
from utils.config import TransformConfig

__all__ = ["TRANSFORMS", "AudioTransform", "build_transform", "choose_affine", "with_affine"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def build_transform(config: TransformConfig) -> AudioTransform:
    """The representation that `config` describes, unscaled."""
    return TRANSFORMS[TRANSFORMS.canonical(config.transform)](config)
