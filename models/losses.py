"""Losses of a conditional WGAN-GP. Each returns a tensor; none calls backward.

Adversarial terms are SUMS over the batch and the classification term is a MEAN, as published: the balance of the
default weights rests on it. Source: Gulrajani et al. 2017 (gradient penalty), Karras et al. 2018 (drift),
Odena et al. 2017 (auxiliary classifier).
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def critic_real_loss(critic: Tensor) -> Tensor:
    """-sum of the critic (B,) over real images: the discriminator raises it."""
    return -critic.sum()


def critic_fake_loss(critic: Tensor) -> Tensor:
    """Sum of the critic (B,) over generated images: the discriminator lowers it, the generator raises it."""
    return critic.sum()


def drift_loss(critic: Tensor) -> Tensor:
    """Sum of the squared critic (B,) over real images: keeps its values near zero."""
    return critic.square().sum()


def gradient_penalty(
    criticise: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor
) -> tuple[Tensor, Tensor]:
    """(sum of (|gradient| - 1)^2, largest |gradient|) at `mix * real + (1 - mix) * fake`.

    `criticise` maps images (B, C, H, W) to critic values (B,); `mix` is (B,) in [0, 1]. The sum keeps its graph, so
    that it can be differentiated once more.
    """
    weight = mix[:, None, None, None]
    between = (weight * real + (1 - weight) * fake).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(criticise(between).sum(), between, create_graph=True)
    # the floor keeps the root differentiable where a gradient vanishes
    norm = torch.sqrt(gradient.flatten(1).square().sum(dim=1) + 1e-16)
    return (norm - 1).square().sum(), norm.detach().max()


def classification_loss(
    logits: Tensor, labels: Tensor, n_values: Sequence[int], keep: Sequence[bool] | None = None
) -> Tensor:
    """Cross-entropy, a mean over the batch and a sum over the attributes.

    `logits` (B, sum(n_values)) hold the attributes side by side, `labels` (B, len(n_values)) the index of each
    value. `keep` says which attributes count; None = all. Zero if none does.
    """
    counted = [True] * len(n_values) if keep is None else keep
    losses = [
        F.cross_entropy(part, label)
        for part, label, count in zip(
            torch.split(logits, list(n_values), dim=1), labels.unbind(1), counted, strict=True
        )
        if count
    ]
    return torch.stack(losses).sum() if losses else logits.new_zeros(())
