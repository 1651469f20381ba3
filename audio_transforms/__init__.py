"""Representations of audio, each a batched torch module between waveforms and images.

Every module of this package is imported here and registers its representation: a new one is one new file.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audio_transforms.base import TRANSFORMS, AudioTransform
from audio_transforms.scaling import choose_affine, with_affine
from utils.config import TransformConfig
from utils.config_file import load_experiment, parse_transform

__all__ = [
    "TRANSFORMS",
    "AudioTransform",
    "build_transform",
    "choose_affine",
    "image_shape",
    "load_transform",
    "with_affine",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def build_transform(config: TransformConfig) -> AudioTransform:
    """The representation that `config` describes, unscaled."""
    return TRANSFORMS[TRANSFORMS.canonical(config.transform)](config)


def image_shape(config: TransformConfig) -> tuple[int, int, int]:
    """The shape (C, F, T) of the images of `build_transform(config)`, without building it where its keys suffice."""
    return config.image_shape or build_transform(config).shape


def load_transform(config: str | Path | Mapping[str, Any]) -> AudioTransform:
    """The representation, unscaled, of the experiment in the JSON file `config`, or of the keys of `transformConfig`.

    Raises: ConfigError listing every fault of the config.
    """
    if isinstance(config, Mapping):
        return build_transform(parse_transform(config, "transformConfig"))
    return build_transform(load_experiment(Path(config)).transform)
