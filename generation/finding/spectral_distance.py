"""How far two sounds are apart: the distance of their spectra at several resolutions, whatever their levels and phases.

Source of the idea: Yamamoto et al. 2020, Parallel WaveGAN (several resolutions); Engel et al. 2020, DDSP (linear and
logarithmic magnitudes). That levels are matched, and the floor, are ours.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

N_FFTS = (256, 512, 1024, 2048)
_FLOOR = 1e-3  # 60 dB below the level of the sound: what is softer hardly counts in the logarithm
_SILENT = 1e-12  # of power: 120 dB below full scale
_TINY = 1e-8  # of power, so that the root has a slope at silence


def spectra(waves: Tensor) -> list[Tensor]:
    """Waves (B, n_samples) -> magnitudes (B, bins, frames) at each of `N_FFTS`, each wave brought to the same level."""
    level = (waves.square().mean(dim=1, keepdim=True) + _SILENT).sqrt()
    return [_magnitudes(waves / level, n_fft) for n_fft in N_FFTS]


def spectral_distance(found: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """`spectra` of B sounds and of one, or of B others -> distances (B,); 0 for the same sound.

    The mean over the resolutions of two parts: the mean absolute difference of the logarithms of the magnitudes, and
    that of the magnitudes themselves as a share of the target's.
    """
    parts = [_distance(one, other) for one, other in zip(found, target, strict=True)]
    return torch.stack(parts).mean(dim=0)


def _distance(found: Tensor, target: Tensor) -> Tensor:
    logarithms = (torch.log(found + _FLOOR) - torch.log(target + _FLOOR)).abs().mean(dim=(1, 2))
    return logarithms + (found - target).abs().sum(dim=(1, 2)) / target.sum(dim=(1, 2))


def _magnitudes(waves: Tensor, n_fft: int) -> Tensor:
    """Of Hann windows, a quarter of one apart; a sine of amplitude 2 has magnitude 1."""
    window = torch.hann_window(n_fft, dtype=waves.dtype, device=waves.device)
    padded = F.pad(waves, (n_fft // 2, n_fft // 2))  # with silence: short sounds cannot be reflected
    spectrum = torch.stft(padded, n_fft, n_fft // 4, window=window, center=False, return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square() + _TINY).sqrt() / window.sum()
