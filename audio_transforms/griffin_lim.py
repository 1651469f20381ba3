"""Phases for magnitudes without phases: Griffin-Lim."""

import numpy as np
import torch
from torch import Tensor, nn

from audio_transforms.constants import Constant
from audio_transforms.frames import Frames, FramesConfig

MOMENTUM = 0.99
_SEED = 0
_TINY = 1e-12  # for magnitudes of about 1; smaller ones have no phase


class GriffinLim(nn.Module):
    """The fast Griffin-Lim algorithm, batched, from random phases with a fixed seed.

    Spectrograms are (B, frames, bins) here, the memory order of the Fourier transform, and only the samples under the
    window are transformed: both save more time than the transforms take.
    Source: Griffin and Lim 1984; Perraudin, Balazs and Søndergaard 2013 (the acceleration).
    """

    def __init__(self, config: FramesConfig, n_iter: int) -> None:
        super().__init__()
        self.n_fft, self.n_iter, self.frames = config.n_fft, n_iter, Frames(config)
        n_bins = self.n_fft // 2 + 1
        turns = np.random.default_rng(_SEED).uniform(size=(config.frames, n_bins))
        self.first_phases = Constant(np.exp(2j * np.pi * turns))
        self.shift = Constant(np.exp(-2j * np.pi * self.frames.offset / self.n_fft * np.arange(n_bins)))

    @torch.no_grad()
    def phases(self, magnitude: Tensor) -> Tensor:
        """Magnitudes (B, n_fft // 2 + 1, frames), at most about 1 -> complex numbers of modulus 1 (or 0), same shape.

        The phases are those of `Spectrogram`; autograd treats them as constants.
        """
        target = magnitude.transpose(1, 2).contiguous()
        spectrum = target * self.first_phases.like(target)
        before = torch.zeros_like(spectrum)
        for _ in range(self.n_iter):
            rebuilt = self._analyse(self._synthesise(spectrum))
            # torch.lerp is several times slower for complex tensors
            ahead = torch.lerp(torch.view_as_real(before), torch.view_as_real(rebuilt), 1 + MOMENTUM)
            spectrum = torch.view_as_complex(ahead)
            spectrum = spectrum * (target / (spectrum.abs() + _TINY))
            before = rebuilt
        unit = spectrum / (spectrum.abs() + _TINY)
        return (unit * self.shift.like(target)).transpose(1, 2)

    def _synthesise(self, spectrum: Tensor) -> Tensor:
        """Complex (B, frames, bins), phases counted from the window's first sample -> real (B, n_samples)."""
        return self.frames.join(torch.fft.irfft(spectrum, n=self.n_fft)[..., : self.frames.win_length])

    def _analyse(self, wave: Tensor) -> Tensor:
        """Real (B, n_samples) -> complex (B, frames, bins), phases counted from the window's first sample."""
        spectrum: Tensor = torch.fft.rfft(self.frames.cut(wave), n=self.n_fft)
        return spectrum
