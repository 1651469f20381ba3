"""How far two images of a representation are apart, at several resolutions."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

POOLS = (1, 2, 4)  # rows and frames that are averaged


def pyramid(images: Tensor) -> list[Tensor]:
    """Images (B, C, F, T) -> the same averaged over each of `POOLS` that is not larger than the image."""
    sizes = [size for size in POOLS if size <= min(images.shape[2:])]
    return [F.avg_pool2d(images, size) for size in sizes]


def image_distance(found: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """`pyramid` of B images and of one -> (B,): the mean over resolutions of the mean absolute difference.

    It is a share of the target's own mean deviation in its channel, so that all channels count alike.
    """
    parts = []
    for one, other in zip(found, target, strict=True):
        deviation = (other - other.mean(dim=(2, 3), keepdim=True)).abs().mean(dim=(2, 3)).clamp(min=1e-12)
        parts.append(((one - other).abs().mean(dim=(2, 3)) / deviation).mean(dim=1))
    return torch.stack(parts).mean(dim=0)
