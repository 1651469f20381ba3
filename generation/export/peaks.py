"""The peaks of a spectrogram, without the running maxima that exported programs lack."""

import torch
import torch.nn.functional as F
from torch import Tensor


def nearest_peak(magnitude: Tensor, reach: int) -> Tensor:
    """As `audio_transforms.phase_locking.nearest_peak`: (B, F, T) -> int64 (B, F, T)."""
    bins = magnitude.shape[1]
    index = torch.arange(bins, device=magnitude.device)[:, None].float()  # exact, and faster than whole numbers
    highest = F.max_pool1d(magnitude.transpose(1, 2), 2 * reach + 1, stride=1, padding=reach).transpose(1, 2)
    is_peak = ((magnitude == highest) & (magnitude > 0)).float()
    below = _running_max(is_peak * index - (1 - is_peak) * bins, bins)
    above = -_running_max((-is_peak * index - (1 - is_peak) * 2 * bins).flip(1), bins).flip(1)
    nearest = torch.where(index - below <= above - index, below, above)
    has_peak = is_peak.amax(dim=1, keepdim=True) > 0
    return torch.where(has_peak, nearest, index).to(torch.int64)


def _running_max(x: Tensor, bins: int) -> Tensor:
    """The largest so far along axis 1, of numbers from -2 * `bins` on; each round doubles how far back it reaches."""
    step = 1
    while step < bins:
        x = torch.maximum(x, F.pad(x[:, :-step], (0, 0, step, 0), value=-2.0 * bins))
        step *= 2
    return x
