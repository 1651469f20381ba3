"""The adversarial losses of `lossMode`: for each, three functions of the critic (B,), summed or averaged over a batch.

The Wasserstein loss is a SUM over the batch, as published: the default weights are balanced for this. The others are
means, as in their papers. Penalties and drift are summed or averaged as their loss is, so that their balance with it
does not depend on the batch size.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class AdversarialLoss(NamedTuple):
    """Losses as functions of the critic (B,), each a scalar to be minimised."""

    real: Callable[[Tensor], Tensor]  # discriminator's, over real images
    fake: Callable[[Tensor], Tensor]  # discriminator's, over generated images
    generator: Callable[[Tensor], Tensor]  # generator's, over generated images
    summed: bool = False  # over the batch; else averaged

    def over_batch(self, sums: Tensor, batch_size: int) -> Tensor:
        """The sum of a penalty over a batch, or its mean if this loss is a mean."""
        return sums if self.summed else sums / batch_size


# Cross-entropy of sigmoid(critic) and the logistic loss are the same function under two published names.
_LOGISTIC = AdversarialLoss(
    real=lambda critic: F.softplus(-critic).mean(),
    fake=lambda critic: F.softplus(critic).mean(),
    generator=lambda critic: F.softplus(-critic).mean(),
)

ADVERSARIAL_LOSSES: Mapping[str, AdversarialLoss] = {
    "WGANGP": AdversarialLoss(
        real=lambda critic: -critic.sum(),
        fake=lambda critic: critic.sum(),
        generator=lambda critic: -critic.sum(),
        summed=True,
    ),
    "MSE": AdversarialLoss(
        real=lambda critic: (critic.sigmoid() - 1).square().mean(),
        fake=lambda critic: critic.sigmoid().square().mean(),
        generator=lambda critic: (critic.sigmoid() - 1).square().mean(),
    ),
    "DCGAN": _LOGISTIC,
    "Logistic": _LOGISTIC,
    "Hinge": AdversarialLoss(
        real=lambda critic: F.relu(1 - critic).mean(),
        fake=lambda critic: F.relu(1 + critic).mean(),
        generator=lambda critic: -critic.mean(),
    ),
}
"""Sources: WGANGP Gulrajani et al. 2017; MSE Mao et al. 2017, but of the sigmoid, as published; DCGAN Goodfellow et al.
2014, non-saturating; Logistic Mescheder et al. 2018; Hinge Lim & Ye 2017."""
