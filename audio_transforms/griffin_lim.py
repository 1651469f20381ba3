"""Phases for magnitudes that came without them."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audio_transforms.constants import Constant
from audio_transforms.spectrogram import FramesConfig

MOMENTUM = 0.99
_SEED = 0
_LEAST_WEIGHT = 0.01  # of the summed squared window, where a sample lies under the edge of one window alone
_TINY = 1e-12  # beside magnitudes of about 1; what is below has no phase


class GriffinLim(nn.Module):
    """The fast Griffin-Lim algorithm, batched, from phases that a fixed seed draws.

    Spectrograms are kept as (B, frames, bins) here, the order in which the Fourier transform makes them, and only the
    window's own samples are framed: both save more time than the transforms take.
    Source: Griffin and Lim 1984; Perraudin, Balazs and Søndergaard 2013 (the acceleration).
    """

    def __init__(self, config: FramesConfig, n_iter: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length, self.n_samples = config.n_fft, config.hop_length, config.n_samples
        self.win_length = config.win_length or config.n_fft
        self.n_frames, self.n_iter = config.frames, n_iter
        self.margin = (self.n_fft - self.win_length) // 2
        self.lead = self.n_fft // 2 - self.margin  # samples of the first window that lie before the signal
        window = torch.hann_window(self.win_length, periodic=True, dtype=torch.float64)
        weight = _overlap_add(window.square().expand(1, self.n_frames, -1), self.hop_length)
        turns = np.random.default_rng(_SEED).uniform(size=(self.n_frames, self.n_fft // 2 + 1))
        self.window, self.weight = Constant(window.numpy()), Constant(weight.clamp(min=_LEAST_WEIGHT).numpy())
        self.first_phases = Constant(np.exp(2j * np.pi * turns))
        self.shift = Constant(np.exp(-2j * np.pi * self.margin / self.n_fft * np.arange(self.n_fft // 2 + 1)))

    @torch.no_grad()
    def phases(self, magnitude: Tensor) -> Tensor:
        """Magnitudes (B, n_fft // 2 + 1, frames), at most about 1 -> complex numbers of modulus 1 (or 0), same shape.

        They are those of `torch.stft`, and constants for autograd.
        """
        target = magnitude.transpose(1, 2).contiguous()
        spectrum = target * self.first_phases.like(target)
        before = torch.zeros_like(spectrum)
        for _ in range(self.n_iter):
            rebuilt = self._analyse(self._synthesise(spectrum))
            # torch.lerp of complex tensors is several times slower
            ahead = torch.lerp(torch.view_as_real(before), torch.view_as_real(rebuilt), 1 + MOMENTUM)
            spectrum = torch.view_as_complex(ahead)
            spectrum = spectrum * (target / (spectrum.abs() + _TINY))
            before = rebuilt
        unit = spectrum / (spectrum.abs() + _TINY)
        return (unit * self.shift.like(target)).transpose(1, 2)

    def _synthesise(self, spectrum: Tensor) -> Tensor:
        """Complex (B, frames, bins) -> real (B, n_samples), by least squares."""
        frames = torch.fft.irfft(spectrum, n=self.n_fft)[..., : self.win_length] * self.window.like(spectrum.real)
        wave = _overlap_add(frames, self.hop_length) / self.weight.like(frames)
        return wave[:, self.lead : self.lead + self.n_samples]

    def _analyse(self, wave: Tensor) -> Tensor:
        """Real (B, n_samples) -> complex (B, frames, bins), reflected at the ends as `Spectrogram` does."""
        after = (self.n_frames - 1) * self.hop_length + self.win_length - self.lead - self.n_samples
        padded = F.pad(wave[:, None], (self.lead, after), mode="reflect")[:, 0]
        frames = padded.unfold(-1, self.win_length, self.hop_length) * self.window.like(wave)
        spectrum: Tensor = torch.fft.rfft(frames, n=self.n_fft)
        return spectrum


def _overlap_add(frames: Tensor, hop_length: int) -> Tensor:
    """Frames (B, n_frames, win_length), `hop_length` apart -> their sum (B, samples), up to the end of a hop."""
    size, n_frames, win_length = frames.shape
    per_frame = -(-win_length // hop_length)
    hops = F.pad(frames, (0, per_frame * hop_length - win_length)).view(size, n_frames, per_frame, hop_length)
    wave = hops.new_zeros(size, n_frames + per_frame - 1, hop_length)
    for part in range(per_frame):
        wave[:, part : part + n_frames] += hops[:, :, part]
    return wave.flatten(1)
