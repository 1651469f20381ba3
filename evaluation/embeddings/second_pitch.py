"""A second opinion on the fundamental of notes, by a network that was trained elsewhere, where it is installed."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evaluation.embeddings.sounding_pitch import PyinEmbedding

PACKAGE = "swift-f0"
LEAST_CONFIDENCE = 0.5  # the package's own threshold of voiced frames


class SwiftF0Embedding:
    """`f0` (B, frames) in Hz, 0 in unvoiced frames, of the part of each note that pyin hears; 46.9 to 2 093 Hz.

    A note takes a few milliseconds. The weights (ONNX) are in the package, which is optional: requirements-pitch.txt.
    Source: swift-f0 of Lars Nieradzik, MIT licence.
    """

    name = "swift-f0"
    sample_rate = PyinEmbedding.sample_rate
    n_samples = PyinEmbedding.n_samples

    def __init__(self) -> None:
        """Raises: ImportError if the package is not installed."""
        self._detector = import_module("swift_f0").SwiftF0(threads=1, spin=False)
        libraries = {name: version(name) for name in (PACKAGE, "onnxruntime")}
        self.identity: dict[str, Any] = {"tracker": PACKAGE, "least_confidence": LEAST_CONFIDENCE, **libraries}

    def embed(self, waves: Tensor) -> dict[str, Tensor]:
        """Waves (B, 11 468) -> `f0`, with a frame every 256 samples."""
        heard = [self._detector.detect(wave, self.sample_rate) for wave in waves.numpy()]
        tracks = [np.where(each.confidence >= LEAST_CONFIDENCE, each.pitch_hz, 0) for each in heard]
        return {"f0": torch.from_numpy(np.stack(tracks)).float()}


def second_tracker() -> SwiftF0Embedding | None:
    """The second judge of pitch, or None if it is not installed."""
    try:
        version(PACKAGE)
    except PackageNotFoundError:
        return None
    return SwiftF0Embedding()
