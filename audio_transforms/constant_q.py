"""Constant-Q transform: geometrically spaced frequencies, each analysed with a window of Q of its own periods.

Spectral kernels as in Brown and Puckette 1992, "An efficient algorithm for the calculation of a constant Q transform";
octave after octave at half the sample rate as in Schörkhuber and Klapuri 2010, "Constant-Q transform toolbox for music
processing". Everything else is as in librosa 0.11, which the published code used. One difference: librosa stops
halving the rate when the hop becomes odd; here the kernels are the same for every hop.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from audio_transforms.constants import Constant

_HANN_BANDWIDTH = 1.5  # equivalent noise bandwidth of a Hann window, in periods per window
_DROPPED = 0.01  # share of a kernel's spectrum, by summed magnitude, whose smallest values count as zero
_PASSBAND = 0.913  # share of the halved band that passes unweakened, as in the "HQ" resampling of soxr
# Of the largest squared singular value. On 25 notes at hops of 64, 128, 256 and 512, a tenth of it gains 1.7, 1.2, 0.4
# and 0.5 dB where the image is a note's own, and loses 0.7, 0.9, 1.7 and 2.5 dB where it is 10 % off, as generated
# ones are; ten times of it loses 9, 7, 4 and 2 dB of a note's own image.
_REGULARISATION = 1e-3
_QUICK_FACTORS = (1, 3, 5, 9, 15, 25, 27)  # times powers of two: lengths with a fast Fourier transform


@dataclass(frozen=True, kw_only=True)
class ConstantQGrid:
    """The bins and frames of a constant-Q transform, and the sizes that follow from them; allocates nothing.

    `sample_rate` in Hz; `n_samples` of the signal; `hop_length`, samples between frames; `fmin`, frequency of the
    lowest of `n_bins` bins in Hz.
    """

    sample_rate: int
    n_samples: int
    hop_length: int
    n_bins: int
    bins_per_octave: int
    fmin: float

    @property
    def n_frames(self) -> int:
        """Frames, centred on every multiple of `hop_length` from 0 to `n_samples`."""
        return 1 + self.n_samples // self.hop_length

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Of the bins in Hz, ascending: (n_bins,)."""
        return self.fmin * 2 ** (np.arange(self.n_bins) / self.bins_per_octave)

    @property
    def q(self) -> float:
        """Periods under each window: (r^2 + 1) / (r^2 - 1) for frequencies at the ratio r."""
        squared_ratio = 4 ** (1 / self.bins_per_octave)
        return (squared_ratio + 1) / (squared_ratio - 1)

    @property
    def highest(self) -> float:
        """Upper edge of the highest bin's band in Hz."""
        return self.fmin * 2 ** ((self.n_bins - 1) / self.bins_per_octave) * self._edge

    @property
    def most_bins(self) -> int:
        """The largest `n_bins` with `highest` up to half the sample rate; less than 1 if `fmin` is above that."""
        octaves = math.log2(self.sample_rate / 2 / (self.fmin * self._edge))
        return 1 + math.floor(octaves * self.bins_per_octave)

    @property
    def n_octaves(self) -> int:
        """Octaves, counted from the highest bin downwards; the lowest may have fewer bins."""
        return -(-self.n_bins // self.bins_per_octave)

    @property
    def first_halvings(self) -> int:
        """How often the sample rate is halved before the highest octave: as long as half the band contains it."""
        return max(0, math.ceil(math.log2(self.sample_rate / 2 / self.highest)) - 2)

    @property
    def kernel_size(self) -> int:
        """Samples of every kernel at the rate of its octave: a power of two that holds the longest window."""
        lowest = self.fmin * 2 ** (max(0, self.n_bins - self.bins_per_octave) / self.bins_per_octave)
        return 1 << math.ceil(math.log2(self.q * self.sample_rate / 2**self.first_halvings / lowest))

    @property
    def padded_frames(self) -> int:
        """Frames of the circular signal, with so much silence that no kernel reaches from its end to its start."""
        slowest = 1 << (self.first_halvings + self.n_octaves - 1)
        reach = self.kernel_size * slowest // 2
        step = math.lcm(self.hop_length, 2 * slowest)
        steps = -(-(max(self.n_samples, reach) + reach) // step)
        # -(-a // b) rounds up, and 1 << (c - 1).bit_length() is the smallest power of two from c on
        quick_steps = min(factor << (-(-steps // factor) - 1).bit_length() for factor in _QUICK_FACTORS)
        return quick_steps * step // self.hop_length

    @property
    def padded_samples(self) -> int:
        """Length of the circular signal: a multiple of the hop, and even at the sample rate of every octave."""
        return self.padded_frames * self.hop_length

    @property
    def n_entries(self) -> int:
        """Complex numbers in the largest array, that of the inverse."""
        rows = -(-self.hop_length // (2 << self.first_halvings))
        return self.padded_frames * rows * self.n_bins

    @property
    def _edge(self) -> float:
        return 1 + _HANN_BANDWIDTH / 2 / self.q


def spectral_kernels(frequencies: NDArray[np.float64], q: float, size: int, length: int) -> NDArray[np.complex128]:
    """Spectra of the kernels at `frequencies`, in cycles per sample, from 0 upwards: (bins,) -> (length // 2, bins).

    A kernel is a Hann window of `q` periods and sum 1, times the complex exponential whose phase is 0 at the centre of
    the frame. Of its spectrum at `size` points, the smallest values and those below 0 Hz are dropped. `length`, at
    least `size`, is the length of the circular signal that they are applied to.
    """
    time = np.arange(-size // 2, size // 2)[:, None]
    # as librosa's windows: an odd number of samples, and half a sample late
    lengths = 2 * np.floor(q / frequencies / 2) + 1
    place = (time - 0.5) / lengths
    windows = np.where(np.abs(place) < 0.5, 0.5 + 0.5 * np.cos(2 * np.pi * place), 0)
    kernels = windows / windows.sum(axis=0) * np.exp(2j * np.pi * frequencies * time)
    spectra = np.fft.fft(np.fft.ifftshift(kernels, axes=0), axis=0)[: size // 2 + 1]
    ascending = np.sort(np.abs(spectra), axis=0)
    n_dropped = np.sum(np.cumsum(ascending, axis=0) < _DROPPED * ascending.sum(axis=0), axis=0, keepdims=True)
    spectra[np.abs(spectra) < np.take_along_axis(ascending, n_dropped, axis=0)] = 0
    circular = np.zeros((length, len(frequencies)), dtype=np.complex128)
    circular[:size] = np.fft.fftshift(np.fft.ifft(spectra, size, axis=0), axes=0)
    spectra = np.fft.fft(np.roll(circular, -(size // 2), axis=0), axis=0)
    return spectra[: length // 2]


def octave_kernels(grid: ConstantQGrid) -> Iterator[NDArray[np.complex128]]:
    """Spectral kernels of each octave, the highest first: (padded_frames, rows, bins of the octave).

    Row j holds the frequencies from j * sample_rate / hop_length on: those of one column alias to the same frequency
    when sampled once per hop. Kernels are multiplied by the square root of their length in samples of the signal, so
    that all have about the same norm.
    """
    frequencies = grid.frequencies / grid.sample_rate
    for octave in range(grid.n_octaves):
        stop = grid.n_bins - octave * grid.bins_per_octave
        bins = frequencies[max(0, stop - grid.bins_per_octave) : stop]
        slowness = 2 ** (grid.first_halvings + octave)
        spectra = spectral_kernels(bins * slowness, grid.q, grid.kernel_size, grid.padded_samples // slowness)
        rows = np.pad(spectra * np.sqrt(grid.q / bins), ((0, -len(spectra) % grid.padded_frames), (0, 0)))
        yield np.ascontiguousarray(rows.reshape(-1, grid.padded_frames, len(bins)).swapaxes(0, 1))


class ConstantQ(nn.Module):
    """Constant-Q transform of real signals that are silent beyond their ends, and its inverse by least squares.

    `forward`: real (B, n_samples) -> complex (B, n_bins, n_frames), the lowest frequency first.
    `inverse`: back to exactly `n_samples` samples: the signal whose transform is closest, regularised, with zeros for
    coefficients beyond the frames. It lacks frequencies above the highest bin and, where hops are longer than half a
    window, the signal between frames.

    The transform commutes with shifts by the hop, and so does the canonical dual of its frame (Christensen 2016, "An
    introduction to frames and Riesz bases", chapter 5). Both therefore consist of one small matrix for each frequency
    modulo sample_rate / hop_length.
    """

    def __init__(self, grid: ConstantQGrid) -> None:
        super().__init__()
        self.grid = grid
        self._analysis = [Constant(kernels.conj()) for kernels in octave_kernels(grid)]

    def forward(self, wave: Tensor) -> Tensor:
        """Real (B, n_samples) -> complex (B, n_bins, n_frames)."""
        # norm="forward" here and below, so that large values of an image do not overflow in the sums of a transform
        spectrum: Tensor = torch.fft.rfft(wave, n=self.grid.padded_samples, norm="forward")
        for _ in range(self.grid.first_halvings):
            spectrum = self._at_half_the_rate(spectrum)
        octaves: list[Tensor] = []
        for constant in self._analysis:
            if octaves:
                spectrum = self._at_half_the_rate(spectrum)
            kernels = constant.like(wave)
            n_residues, n_rows, _ = kernels.shape
            rows = F.pad(spectrum, (0, n_rows * n_residues - spectrum.shape[1])).view(-1, n_rows, n_residues)
            # contiguous, since torch would copy the many small matrices one by one
            octaves.append(rows.permute(2, 0, 1).contiguous() @ kernels)
        folded = torch.cat(octaves[::-1], dim=2)
        coefficients: Tensor = torch.fft.ifft(folded.permute(1, 2, 0), norm="forward")
        return coefficients[..., : self.grid.n_frames]

    def inverse(self, coefficients: Tensor) -> Tensor:
        """Complex (B, n_bins, n_frames) -> real (B, n_samples)."""
        folded = torch.fft.fft(coefficients, n=self.grid.padded_frames, norm="forward")
        rows = folded.permute(2, 0, 1).contiguous() @ self.synthesis.like(coefficients)
        spectrum = rows.permute(1, 2, 0).flatten(1)
        wave: Tensor = torch.fft.irfft(spectrum, n=self.grid.padded_samples, norm="forward")
        return wave[:, : self.grid.n_samples]

    def _at_half_the_rate(self, spectrum: Tensor) -> Tensor:
        """The signal at half the sample rate, silent again beyond its ends: (B, N / 2 + 1) -> (B, N / 4 + 1)."""
        length = spectrum.shape[1] - 1
        n_samples = -(-self.grid.n_samples * length // self.grid.padded_samples)
        place = torch.linspace(0, 1, length // 2 + 1, dtype=spectrum.real.dtype, device=spectrum.device)
        low_pass = 0.5 + 0.5 * torch.cos(math.pi / (1 - _PASSBAND) * (place - _PASSBAND).clamp(min=0))
        wave = torch.fft.irfft(spectrum[:, : length // 2 + 1] * low_pass, n=length, norm="forward")
        # cut as published: the low-pass responds to an abrupt start before it, and keeping this response would change
        # the low bins of the first frames, by up to -32 dB of the image
        halved: Tensor = torch.fft.rfft(wave[:, :n_samples], n=length, norm="forward")
        return halved

    @cached_property
    def synthesis(self) -> Constant:
        """Regularised pseudo-inverse of the analysis: (padded_frames, n_bins, rows)."""
        octaves = [kernels.array for kernels in self._analysis[::-1]]
        n_rows = octaves[-1].shape[1]
        analysis = np.concatenate([np.pad(a, ((0, 0), (0, n_rows - a.shape[1]), (0, 0))) for a in octaves], axis=2)
        left, singular, right = np.linalg.svd(analysis, full_matrices=False)
        gains = singular / (singular**2 + _REGULARISATION * singular.max() ** 2)
        return Constant(right.conj().swapaxes(1, 2) * gains[:, None] @ left.conj().swapaxes(1, 2))
