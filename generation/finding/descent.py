"""From starts to the latents most like the target: Adam, with latents kept where random ones lie."""

import math

import numpy as np
import torch
from scipy import special
from torch import Tensor
from tqdm import tqdm

from generation.finding.likeness import Likeness
from generation.finding.starts import Starts
from utils.cli import show_progress

RATE = 0.15  # of Adam at the first step; it falls to 0 along half a cosine
_NEARLY = 1 - 1e-5  # lengths are rounded
SHARE_OUTSIDE = 0.01  # of random latents that are shorter than what is allowed, and of those that are longer


def descend(likeness: Likeness, starts: Starts, steps: int) -> Tensor:
    """The latents (B, latent_dim) that are most alike of all that each start comes to in `steps` steps.

    All starts move at once, each by its own gradient. After each step, a latent that is shorter or longer than all but
    one in a hundred random ones gets that length: it stays where the generator has learned.
    """
    low, high = lengths(starts.latents.shape[1])
    latents = starts.latents.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([latents], lr=RATE, betas=(0.9, 0.95))
    best, least = starts.latents.clone(), torch.full((len(latents),), torch.inf)
    for step in tqdm(range(steps + 1), unit="step", disable=not show_progress(), leave=False):
        distance = likeness.distance(latents, starts.labels)
        with torch.no_grad():
            better = distance < least
            best[better], least[better] = latents[better], distance[better]
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(distance.sum(), latents)
        latents.grad = _kept_to_sphere(latents, gradient, low, high)
        optimiser.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
        optimiser.step()
        with torch.no_grad():
            length = latents.norm(dim=1, keepdim=True)
            latents.mul_(length.clamp(low, high) / length)
    return best


@torch.no_grad()
def _kept_to_sphere(latents: Tensor, gradient: Tensor, low: float, high: float) -> Tensor:
    """The gradient (B, latent_dim) without what leads a latent further that is as long or as short as it may be.

    Adam, which looks at each number by itself, would else follow that part alone.
    """
    length = latents.norm(dim=1, keepdim=True)
    outwards = (gradient * latents).sum(dim=1, keepdim=True) / length
    leaves = ((length >= high * _NEARLY) & (outwards < 0)) | ((length <= low / _NEARLY) & (outwards > 0))
    return gradient - torch.where(leaves, outwards * latents / length, 0)


def lengths(latent_dim: int) -> tuple[float, float]:
    """Between which lengths all random latents lie but one in a hundred at either end: quantiles of the chi."""
    squares = 2 * special.gammaincinv(latent_dim / 2, np.array([SHARE_OUTSIDE, 1 - SHARE_OUTSIDE]))
    low, high = np.sqrt(squares)
    return float(low), float(high)
