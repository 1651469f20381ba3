"""The adversarial losses of `lossMode`: for each, three functions of the critic (B,), summed or averaged over a batch.

The Wasserstein loss is a SUM over the batch, as published: the default weights are balanced for this. The others are
means, as in their papers. Penalties and drift are summed or averaged as their loss is, so that their balance with it
does not depend on the batch size.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses import critic_fake_loss, critic_real_loss


class AdversarialLoss(NamedTuple):
    """Losses as functions of the critic (B,), each a scalar to be minimised."""

    real: Callable[[Tensor], Tensor]  # discriminator's, over real images
    fake: Callable[[Tensor], Tensor]  # discriminator's, over generated images
    generator: Callable[[Tensor], Tensor]  # generator's, over generated images
    summed: bool = False  # over the batch; else averaged

    def over_batch(self, sums: Tensor, batch_size: int) -> Tensor:
        """The sum of a penalty over a batch, or its mean if this loss is a mean."""
        return sums if self.summed else sums / batch_size


def _cross_entropy_real(critic: Tensor) -> Tensor:
    return F.softplus(-critic).mean()


def _cross_entropy_fake(critic: Tensor) -> Tensor:
    return F.softplus(critic).mean()


def _square_real(critic: Tensor) -> Tensor:
    return (torch.sigmoid(critic) - 1).square().mean()


def _square_fake(critic: Tensor) -> Tensor:
    return torch.sigmoid(critic).square().mean()


def _hinge_real(critic: Tensor) -> Tensor:
    return F.relu(1 - critic).mean()


def _hinge_fake(critic: Tensor) -> Tensor:
    return F.relu(1 + critic).mean()


def _lift(critic: Tensor) -> Tensor:
    return -critic.mean()


# Cross-entropy of sigmoid(critic) and the logistic loss are the same function under two published names.
_LOGISTIC = AdversarialLoss(_cross_entropy_real, _cross_entropy_fake, _cross_entropy_real)

ADVERSARIAL_LOSSES: Mapping[str, AdversarialLoss] = {
    "WGANGP": AdversarialLoss(critic_real_loss, critic_fake_loss, critic_real_loss, summed=True),
    "MSE": AdversarialLoss(_square_real, _square_fake, _square_real),
    "DCGAN": _LOGISTIC,
    "Logistic": _LOGISTIC,
    "Hinge": AdversarialLoss(_hinge_real, _hinge_fake, _lift),
}
"""Sources: WGANGP Gulrajani et al. 2017; MSE Mao et al. 2017, but of the sigmoid, as published; DCGAN Goodfellow et al.
2014, non-saturating; Logistic Mescheder et al. 2018; Hinge Lim & Ye 2017."""
