"""From starts to the notes most like the target: Adam, with latents kept where random ones lie, and labels near theirs.

Source of halving the starts: Jamieson and Talwalkar 2016, Non-stochastic Best Arm Identification.
"""

import math

import numpy as np
import torch
from scipy import special
from torch import Tensor
from tqdm import tqdm

from generation.finding.candidates import Candidates
from generation.finding.likeness import Likeness
from utils.cli import show_progress

RATE = 0.15  # of Adam at the first step; it falls to 0 along half a cosine
ROUNDS = 4  # of as many steps; after each but the last, the better half goes on
OFFSET_COST = 0.1  # distance that an offset of 1 must bring, if it is the only one; their squares are added
_NEARLY = 1 - 1e-5  # lengths are rounded
SHARE_OUTSIDE = 0.01  # of random latents that are shorter than what is allowed, and of those that are longer


def descend(likeness: Likeness, starts: Candidates, free: Tensor, steps: int) -> Candidates:
    """What the best of the `starts` come to in `steps` steps, the most alike that each came by.

    Latents and the offsets of labels move together, each start by its own gradient; where `free` (C,) is 0, there is no
    offset. After each step, a latent that is shorter or longer than all but one in a hundred random ones gets that
    length: it stays where the generator has learned. For the same reason offsets have a cost.
    """
    length = starts.latents.shape[1]
    bounds = lengths(length)
    numbers = torch.cat((starts.latents, starts.offsets), dim=1).requires_grad_(True)
    optimiser = torch.optim.Adam([numbers], lr=RATE, betas=(0.9, 0.95))
    best, least = numbers.detach().clone(), torch.full((len(numbers),), torch.inf)
    followed = torch.arange(len(numbers))
    for step in tqdm(range(steps + 1), unit="step", disable=not show_progress(), leave=False):
        if _begins_a_round(step, steps):
            followed = _better_half(followed, least)
        moving = numbers[followed]
        distance = likeness.distance(Candidates(moving[:, :length], starts.labels[followed], moving[:, length:]))
        distance = distance + OFFSET_COST * moving[:, length:].square().sum(dim=1)
        _keep(best, least, followed, moving, distance)
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(distance.sum(), numbers)
        gradient[:, length:] *= free
        gradient[:, :length] = _kept_to_sphere(numbers[:, :length], gradient[:, :length], *bounds)
        numbers.grad = gradient
        optimiser.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
        optimiser.step()
        with torch.no_grad():
            latents = numbers[:, :length]
            norm = latents.norm(dim=1, keepdim=True)
            latents.mul_(norm.clamp(*bounds) / norm)
    found = best[followed]
    return Candidates(found[:, :length], starts.labels[followed], found[:, length:])


def _begins_a_round(step: int, steps: int) -> bool:
    return 0 < step < steps and ROUNDS * step // steps > ROUNDS * (step - 1) // steps


def _better_half(followed: Tensor, least: Tensor) -> Tensor:
    """Those of the rows `followed` that came nearer; in their order."""
    ranked = followed[least[followed].argsort(stable=True)]
    return ranked[: (len(ranked) + 1) // 2].sort().values


@torch.no_grad()
def _keep(best: Tensor, least: Tensor, followed: Tensor, moving: Tensor, distance: Tensor) -> None:
    """Write the rows `followed` that came nearer than before into `best` and `least`."""
    better = distance < least[followed]
    best[followed[better]], least[followed[better]] = moving[better], distance[better]


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
