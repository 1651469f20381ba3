"""Losses of a conditional WGAN-GP, and penalties for any loss. Each returns a tensor; none calls backward.

Adversarial terms are SUMS over the batch and the classification term is a MEAN, as published: the default weights are
balanced for this. The other adversarial losses are in `training.adversarial_losses`.
Source: Gulrajani et al. 2017 (gradient penalty), Karras et al. 2018 (drift), Odena et al. 2017 (auxiliary classifier).
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from data.quantities import QUANTITY
from models.conditions import encoded, widths


def drift_loss(critic: Tensor) -> Tensor:
    """Sum of the squared critic (B,) over real images: keeps its values near zero."""
    return critic.square().sum()


def gradient_penalty(
    criticise: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor
) -> tuple[Tensor, Tensor]:
    """(sum of (|gradient| - 1)^2, largest |gradient|) at `mix * real + (1 - mix) * fake`.

    `criticise` maps images (B, C, H, W) to critic values (B,); `mix` is (B,) in [0, 1]. The sum keeps its graph, so
    that it can be differentiated again.
    """
    weight = mix[:, None, None, None]
    between = (weight * real + (1 - weight) * fake).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(criticise(between).sum(), between, create_graph=True)
    # the small constant keeps the root differentiable where a gradient is zero
    norm = torch.sqrt(gradient.square().sum(dim=(1, 2, 3)) + 1e-16)
    return (norm - 1).square().sum(), norm.detach().max()


def r1_penalty(critic: Tensor, real: Tensor) -> Tensor:
    """Sum of |gradient|^2 of `critic` (B,) at the `real` images (B, C, H, W) that it was computed from.

    The images must require gradients. The sum keeps its graph, so that it can be differentiated again.
    Source: Mescheder et al. 2018, R1; its gamma / 2 is the weight here.
    """
    (gradient,) = torch.autograd.grad(critic.sum(), real, create_graph=True)
    return gradient.square().sum()


def soft_targets(labels: Tensor, n_values: Sequence[int], draws: Tensor) -> Tensor:
    """Class weights (B, C) from uniform `draws` of that shape: 0.7 to 1.2 for the label, else 0 to 0.3.

    As published; they do not sum to 1. A quantity has no classes, and keeps its number.
    """
    columns = zip(labels.unbind(1), n_values, torch.split(draws, widths(n_values), dim=1), strict=True)
    return torch.cat([_softened(encoded(label, size, draws.dtype), size, part) for label, size, part in columns], dim=1)


def _softened(exact: Tensor, size: int, draws: Tensor) -> Tensor:
    return exact if size == QUANTITY else torch.where(exact.bool(), 0.7 + 0.5 * draws, 0.3 * draws)


def classification_loss(
    logits: Tensor,
    labels: Tensor,
    n_values: Sequence[int],
    keep: Sequence[bool] | None = None,
    soft: Tensor | None = None,
) -> Tensor:
    """Cross-entropy, and of quantities the squared error: a mean over the batch and a sum over the attributes.

    `logits` (B, C) hold the attributes side by side, `labels` (B, len(n_values)) the label of each
    value. `keep` says which attributes count; None = all. Zero if none does. `soft` are `soft_targets`, used
    instead of the labels.
    """
    counted = [True] * len(n_values) if keep is None else keep
    targets = labels.unbind(1) if soft is None else torch.split(soft, widths(n_values), dim=1)
    parts = torch.split(logits, widths(n_values), dim=1)
    losses = [
        _attribute_loss(part, target, size)
        for part, target, size, count in zip(parts, targets, n_values, counted, strict=True)
        if count
    ]
    return torch.stack(losses).sum() if losses else logits.new_zeros(())


def _attribute_loss(logits: Tensor, target: Tensor, size: int) -> Tensor:
    """Of labels (B,), or of soft targets (B, width)."""
    if size != QUANTITY:
        return F.cross_entropy(logits, target)
    return F.mse_loss(logits, target if target.dim() == 2 else encoded(target, size, logits.dtype))
