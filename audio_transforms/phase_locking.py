"""Phases of a spectrogram from its magnitudes and instantaneous frequencies, with each partial kept in one piece.

One partial of a sound lies in several neighbouring bins, which must turn together. Where a generator's frequencies
differ a little from bin to bin, phases that are summed bin by bin drift apart, and the partial beats. Here only the
peaks of the magnitude are followed in time, and the bins around a peak take their phases from it.

Source: Laroche and Dolson 1999, "Improved Phase Vocoder Time-Scale Modification of Audio" (phase locking, and how a
peak goes on from the bin where it lay in the frame before). Two things are ours: a peak's frequency is the mean over
its bins weighted by power, and the phases around a peak are those of a steady tone, since an image has no others.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.device import has_float64

_HANN_LOBE = 2  # bins from the middle of a Hann window's main lobe to its edge, if the transform is not padded


def main_lobe_reach(n_fft: int, win_length: int) -> int:
    """Bins from a peak to the edge of its main lobe, for a Hann window of `win_length` in a transform of `n_fft`."""
    return math.ceil(_HANN_LOBE * n_fft / win_length)


def locked_phase(magnitude: Tensor, frequency: Tensor, *, reach: int) -> Tensor:
    """Phases in radians, counted from the first sample of each frame, within half a turn of 0: (B, F, T).

    `magnitude` (B, F, T), >= 0, is that of a centred STFT. `frequency` (B, F, T) is the phase advance per frame in
    units of pi radians, and in the first frame the phase itself (see `instantaneous_frequency`). `reach` is
    `main_lobe_reach`: a peak is a bin that no bin within it exceeds.
    """
    return phase_around(nearest_peak(magnitude, reach), magnitude, frequency, reach=reach)


def phase_around(peak: Tensor, magnitude: Tensor, frequency: Tensor, *, reach: int) -> Tensor:
    """`locked_phase`, where `peak` int64 (B, F, T) is the bin of the peak that each bin belongs to."""
    wide = torch.float64 if has_float64(frequency.device) else frequency.dtype
    turns = _advance(magnitude, frequency, peak, reach).to(wide) / 2
    # from a peak to its neighbours: the window's centre lies half a frame after the sample that phases are counted from
    around = (torch.arange(magnitude.shape[1], device=peak.device)[:, None] - peak).remainder(2).to(wide) / 2
    phases: list[Tensor] = []
    for frame in range(magnitude.shape[2]):
        onward = turns[..., frame]
        if phases:
            onward = onward + phases[-1].gather(1, peak[..., frame])
        onward = onward + around[..., frame]
        phases.append(onward - onward.round().detach())
    return torch.stack(phases, dim=-1).to(frequency.dtype) * (2 * math.pi)


def nearest_peak(magnitude: Tensor, reach: int) -> Tensor:
    """The bin of the peak that each bin belongs to, int64 (B, F, T); the lower of two that are equally near.

    A peak is a bin above 0 that no bin within `reach` exceeds. In a frame without any, each bin belongs to itself.
    """
    bins = magnitude.shape[1]
    index = torch.arange(bins, device=magnitude.device)[:, None].expand_as(magnitude)
    highest = F.max_pool1d(magnitude.transpose(1, 2), 2 * reach + 1, stride=1, padding=reach).transpose(1, 2)
    is_peak = (magnitude == highest) & (magnitude > 0)
    below = index.masked_fill(~is_peak, -bins).cummax(dim=1).values
    above = index.masked_fill(~is_peak, 2 * bins).flip(1).cummin(dim=1).values.flip(1)
    nearest = torch.where(index - below <= above - index, below, above)
    return torch.where(is_peak.any(dim=1, keepdim=True), nearest, index)


def _advance(magnitude: Tensor, frequency: Tensor, peak: Tensor, reach: int) -> Tensor:
    """Phase advance of each bin's peak in units of pi: the mean over the peak's bins, weighted by their power."""
    at_peak = frequency.gather(1, peak)
    apart = frequency - at_peak
    apart = apart - 2 * (apart / 2).round().detach()  # advances are known up to whole turns
    index = torch.arange(magnitude.shape[1], device=peak.device)[:, None]
    power = (magnitude / magnitude.amax(dim=1, keepdim=True).clamp(min=torch.finfo(magnitude.dtype).tiny)).square()
    power = power.masked_fill((index - peak).abs() > reach, 0)
    total = torch.zeros_like(power).scatter_add(1, peak, power)
    mean = torch.zeros_like(power).scatter_add(1, peak, power * apart) / total.clamp(min=torch.finfo(power.dtype).tiny)
    return at_peak + mean.gather(1, peak)
