"""Non-stationary Gabor transform of whole real signals: bands of any spacing, and an exact inverse.

Source: Balazs, Dörfler, Jaillet, Holighaus and Velasco, "Theory, implementation and applications of nonstationary
Gabor frames", J. Comput. Appl. Math. 236 (2011); scales, window lengths and rounding as in the package nsgt 0.18.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audio_transforms.constants import Constant

Scale = Literal["log", "lin", "mel", "oct"]

_SHORTEST_WINDOW = 4  # bins
_ROUNDING = 1e-9  # relative; tolerance for rounding of a frequency or a number of bands


@dataclass(frozen=True)
class Bands:
    """Bands of a signal of `n_samples`, from 0 Hz to half the sample rate: their places and widths on its spectrum.

    `centres`: FFT bin of each, int64 (n_bands,). `lengths`: bins under the window of each, int64 (n_bands,).
    """

    centres: NDArray[np.int64]
    lengths: NDArray[np.int64]
    n_samples: int

    @property
    def n_bands(self) -> int:
        """Bands, with those at 0 Hz and at half the sample rate."""
        return len(self.centres)

    @property
    def n_frames(self) -> int:
        """Coefficients of each band: as many as the widest window has bins."""
        return int(self.lengths.max())


def band_frequencies(scale: Scale, fmin: float, fmax: float, n_bins: int) -> NDArray[np.float64]:
    """Centre frequencies in Hz, ascending from `fmin` to `fmax`, both included: float64 (n,).

    `log` is geometric, `lin` arithmetic, `mel` even on m = 2595 log10(1 + f / 700), each of `n_bins` bands; `oct` is
    geometric with `n_bins` to the octave, rounded up.
    """
    steps = max(1, math.ceil(math.log2(fmax / fmin) * n_bins - _ROUNDING)) if scale == "oct" else n_bins - 1
    place: NDArray[np.float64] = np.arange(steps + 1) / steps
    if scale == "lin":
        return fmin + (fmax - fmin) * place
    if scale == "mel":
        return 700 * np.expm1(math.log1p(fmin / 700) * (1 - place) + math.log1p(fmax / 700) * place)
    return fmin * np.exp(math.log(fmax / fmin) * place)


def design_bands(scale: Scale, *, fmin: float, fmax: float, n_bins: int, sample_rate: int, n_samples: int) -> Bands:
    """Bands at the `band_frequencies`, each reaching from the one before to the one after, and one at either end.

    As in the package nsgt, no window is shorter than 4 bins, and the highest frequency is moved midway between its
    neighbours once the lengths are known. That package leaves out a frequency at half the sample rate, unless rounding
    errors place it just below; here `lin` and `mel` leave it out and `log` and `oct` keep it, as it mostly does.
    """
    half = sample_rate / 2
    frequencies = np.minimum(band_frequencies(scale, fmin, fmax, n_bins), half)
    if scale in ("lin", "mel"):
        frequencies = frequencies[frequencies < half * (1 - _ROUNDING)]
    places = np.concatenate(([0.0], frequencies, [half])) * (n_samples / sample_rate)
    widths = np.concatenate(([2 * places[1]], places[2:] - places[:-2], [n_samples - 2 * places[-2]]))
    places[-2] = (places[-3] + places[-1]) / 2
    lengths = np.maximum(np.round(widths), _SHORTEST_WINDOW)
    return Bands(np.round(places).astype(np.int64), lengths.astype(np.int64), n_samples)


class Windows:
    """Periodic Hann windows of `bands` as a list of entries, one for each bin where a window is not zero.

    `band`, `offset` (bins from the centre of the band), `bin` (of the one-sided spectrum), `sign` (-1 where the window
    lies on the conjugate of that bin, else 1), `value`, and `dual` (of the dual window): all (n_entries,).
    `energy`: sum of the squared windows on each bin of the one-sided spectrum, float64 (n_samples // 2 + 1,).
    `overlap`: most entries on one bin.
    """

    def __init__(self, bands: Bands) -> None:
        lengths, n_samples = bands.lengths, bands.n_samples
        band = np.repeat(np.arange(bands.n_bands), lengths)
        centre_entries = np.cumsum(lengths) - lengths + lengths // 2
        offset = np.arange(len(band)) - centre_entries[band]
        value = 0.5 + 0.5 * np.cos(2 * np.pi * offset / lengths[band])
        inside = value > 0
        self.band, self.offset, self.value = band[inside], offset[inside], value[inside]
        two_sided = (bands.centres[self.band] + self.offset) % n_samples
        self.bin = np.minimum(two_sided, n_samples - two_sided)
        self.sign = np.where(self.bin == two_sided, 1.0, -1.0)
        # the mirror of a band at negative frequencies counts as well; the first and the last band have none
        alike = np.where((self.band > 0) & (self.band < bands.n_bands - 1), 2.0, 1.0)
        self.energy = np.bincount(self.bin, alike * self.value**2, n_samples // 2 + 1)
        self.dual = alike * self.value / self.energy[self.bin]
        self.overlap = int(np.bincount(self.bin).max())


class NSGT(nn.Module):
    """Non-stationary Gabor transform of real signals, with as many coefficients in each band ("matrix form").

    `forward`: real (B, n_samples) -> complex (B, n_bands, n_frames): for each band the inverse FFT of the spectrum
    under its window, with the band's centre at index 0. Frames are n_samples / n_frames samples apart. The bands of
    negative frequencies, which are the conjugates of those between the first and the last, are left out.
    `inverse`: back to n_samples samples, by least squares. Since no window has more bins than there are frames, the
    frame operator is diagonal ("painless") and the dual windows are the windows over their energy on each bin.
    """

    def __init__(self, bands: Bands) -> None:
        super().__init__()
        self.n_samples, self.n_bands, self.n_frames = bands.n_samples, bands.n_bands, bands.n_frames
        windows = Windows(bands)
        slot = windows.band * self.n_frames + windows.offset % self.n_frames
        parts = np.stack((np.ones_like(windows.sign), windows.sign), axis=1)
        self._bin, self._slot = Constant(windows.bin), Constant(slot)
        self._window = Constant(windows.value[:, None] * parts)
        # a table of the slots that fall on each bin, so that overlap-add is a gather and a sum, always in one order
        order = np.argsort(windows.bin, kind="stable")
        counts = np.bincount(windows.bin, minlength=len(windows.energy))
        rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        place = (rank, windows.bin[order])
        slots = np.zeros((windows.overlap, len(counts)), dtype=np.int64)
        duals = np.zeros((*slots.shape, 2))
        # scaled here and not after each FFT, where the largest magnitudes of an image would exceed float32's range
        scale = self.n_frames / self.n_samples
        slots[place], duals[place] = slot[order], (scale * windows.dual[:, None] * parts)[order]
        self.slots, self.duals = Constant(slots), Constant(duals)

    def forward(self, wave: Tensor) -> Tensor:
        """Real (B, n_samples) -> complex (B, n_bands, n_frames)."""
        spectrum = torch.fft.rfft(wave)
        pieces = _scale_parts(spectrum[:, self._bin.like(wave)], self._window.like(wave))
        slots = spectrum.new_zeros(len(wave), self.n_bands * self.n_frames)
        slots = slots.index_copy(1, self._slot.like(wave), pieces)
        coefficients: Tensor = torch.fft.ifft(slots.view(-1, self.n_bands, self.n_frames))
        return coefficients

    def inverse(self, coefficients: Tensor) -> Tensor:
        """Complex (B, n_bands, n_frames) -> real (B, n_samples)."""
        slots = torch.fft.fft(coefficients, norm="forward").flatten(1)
        pieces = _scale_parts(slots[:, self.slots.like(slots)], self.duals.like(slots))
        wave: Tensor = torch.fft.irfft(pieces.sum(dim=1), n=self.n_samples, norm="forward")
        return wave


def _scale_parts(values: Tensor, factors: Tensor) -> Tensor:
    """Complex `values` (*), their real and imaginary parts multiplied by real `factors` (*, 2)."""
    return torch.view_as_complex(torch.view_as_real(values) * factors)
