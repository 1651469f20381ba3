"""Log-magnitude and instantaneous frequency on a mel axis: GANSynth's IF-Mel, from the complex spectrum."""

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from audio_transforms.base import register_transform
from audio_transforms.constants import Constant
from audio_transforms.mag import gansynth_polar_affine
from audio_transforms.polar import Polar, PolarConfig
from audio_transforms.spectrogram import SpectrogramConfig, SpectrogramTransform
from utils.arrays import FloatArray

_MOST_WEIGHTS = 2**24  # of the mel matrix: 128 MiB in float64
_REGULARISATION = 3e-3  # of each mel bin's own energy; bounds how much the inverse amplifies errors
REFINEMENTS = 2


class IFMelConfig(SpectrogramConfig, PolarConfig):
    """Keys of if-mel: those of the STFT, of its polar form, and the mel axis."""

    n_mels: int | None = Field(None, ge=1, description="mel bins; null: as many as the STFT's that are kept")

    @property
    def mels(self) -> int:
        """Mel bins."""
        return self.bins if self.n_mels is None else self.n_mels

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(2, n_mels, frames)."""
        return 2, self.mels, self.frames

    def conflicts(self) -> list[str]:
        """Faults of the number of mel bins."""
        faults = super().conflicts()
        if self.mels > self.bins:
            faults.append(f"n_mels={self.n_mels} must not exceed the {self.bins} bins kept of fft_size={self.n_fft}")
        elif self.mels * self.bins > _MOST_WEIGHTS:
            faults.append(
                f"n_mels={self.mels} times the {self.bins} bins of fft_size={self.n_fft} must not exceed "
                f"{_MOST_WEIGHTS}; choose less of either"
            )
        return faults


@register_transform("if-mel", IFMelConfig, aliases=("ifmel", "mel-if"))
class IFMel(SpectrogramTransform):
    """Mel-spaced log-magnitude and instantaneous frequency: (B, n_samples) <-> (B, 2, n_mels, frames), as `Polar`'s.

    GANSynth averages powers and unwrapped angles over each mel band, and inverts by the transposed weights. Averaged
    angles belong to no signal; here the weights are applied to the complex spectrum, so that the map is linear up to
    the polar form. The inverse is a regularised least-squares solution for each frame, refined `REFINEMENTS` times by
    the difference between the wanted mel spectrum and that of the sound, since overlapping frames hold more
    information than single ones. Sound is lost where mel bins are further apart than n_fft / hop_length STFT bins.
    Source of the idea and of the axis: Engel et al. 2019, GANSynth, section 2; the rest is ours.
    """

    exact = False

    def __init__(self, config: IFMelConfig) -> None:
        super().__init__(config, config.image_shape)
        self.polar = Polar(config)
        lowest = self.spectrogram.left_out[0]
        bins = np.arange(lowest, lowest + config.bins)
        weights = mel_interpolation(bins * config.sample_rate / config.n_fft, config.mels)
        # phases are counted from the frame's start, which adds half a turn from bin to bin to those at its centre
        weights *= 1 - 2 * (bins % 2)
        self.weights = Constant(weights)
        self.inverse_weights = Constant(regularised_inverse(weights))

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 2, n_mels, frames)."""
        return self.polar.encode(self._analysis(self.require_wave(wave)))

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 2, n_mels, frames) -> (B, n_samples)."""
        mel = self.polar.decode(self.require_image(image))
        wave = self._synthesis(mel)
        for _ in range(REFINEMENTS):
            wave = wave + self._synthesis(mel - self._analysis(wave))
        return wave

    def gansynth_affine(self) -> dict[str, list[float]] | None:
        """GANSynth's constants for linear bins; these magnitudes are means of theirs."""
        return gansynth_polar_affine(self.polar)

    def _analysis(self, wave: Tensor) -> Tensor:
        """Real (B, n_samples) -> complex (B, n_mels, frames)."""
        return _weigh(self.weights.like(wave), self.spectrogram(wave))

    def _synthesis(self, mel: Tensor) -> Tensor:
        """Complex (B, n_mels, frames) -> real (B, n_samples)."""
        return self.spectrogram.inverse(_weigh(self.inverse_weights.like(mel.real), mel))


def mel_interpolation(hertz: FloatArray, n_mels: int) -> FloatArray:
    """Weights (n_mels, bins) of bins at ascending, evenly spaced `hertz`; each row sums to 1.

    Triangles at frequencies evenly spaced in mel, m = 2595 log10(1 + f / 700), from the first bin to the last. Each
    reaches to its neighbours, but at least to the next bin: where mels are denser than bins it interpolates.
    """
    lowest, highest = 2595 * np.log10(1 + hertz[[0, -1]] / 700)
    centre = 700 * (10 ** (np.linspace(lowest, highest, n_mels) / 2595) - 1)
    spacing = np.diff(hertz).min(initial=np.inf)
    below = np.maximum(np.diff(centre, prepend=centre[0]), spacing)[:, None]
    above = np.maximum(np.diff(centre, append=centre[-1]), spacing)[:, None]
    apart = hertz - centre[:, None]
    triangles = np.maximum(1 - np.where(apart < 0, -apart / below, apart / above), 0)
    weights: FloatArray = triangles / triangles.sum(axis=1, keepdims=True)
    return weights


def regularised_inverse(weights: FloatArray) -> FloatArray:
    """The matrix (bins, n_mels) that maps `weights @ x` to about x: least squares, Tikhonov-regularised."""
    gram = weights @ weights.T
    return np.linalg.solve(gram + _REGULARISATION * np.diag(np.diag(gram)), weights).T


def _weigh(weights: Tensor, spectrum: Tensor) -> Tensor:
    return torch.complex(weights @ spectrum.real, weights @ spectrum.imag)
