"""Latents after what was asked for: bounded, brought back to their length, scaled."""

import torch
from torch import Tensor

from generation.latent_controls import LatentControls
from models.noise import truncated


def controlled(latent: Tensor, controls: LatentControls) -> Tensor:
    """Latents (B, L) -> (B, L).

    Bounded numbers have the normal distribution between the bounds: each is replaced by the same quantile of it, so
    that a smaller bound moves all numbers towards 0, and a large one changes nothing.
    Source: Brock et al. 2019, BigGAN, section 3.1, where numbers out of bounds are drawn again instead.
    """
    bounded = latent if controls.truncation is None else truncated(latent, controls.truncation)
    if controls.keep_norm:
        before, after = (torch.linalg.vector_norm(each, dim=1, keepdim=True) for each in (latent, bounded))
        bounded = bounded * (before / after)
    return bounded if controls.latent_scale is None else bounded * controls.latent_scale
