"""What the critic of a run makes of an image, layer by layer, as a distance between images."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor

from generation.instrument import Instrument
from models.checkpoint import in_brief, load_checkpoint
from models.discriminator import Discriminator
from models.layers import resize
from utils.errors import CheckpointError


def critic_of(instrument: Instrument) -> Discriminator | None:
    """The critic of the instrument's checkpoint; None if it has none, as that of a shared generator.

    Raises: CheckpointError.
    """
    weights = load_checkpoint(instrument.checkpoint)["discriminator"]
    if not weights:
        return None
    critic = deepcopy(instrument.networks.discriminator)
    try:
        critic.load_state_dict(weights)
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        where = f"{instrument.checkpoint}: its critic does not fit its config ({in_brief(error)})"
        raise CheckpointError(f"{where}; use another checkpoint") from error
    return critic.requires_grad_(False).eval().to(instrument.device)


def features(critic: Discriminator, images: Tensor, scale: int) -> list[Tensor]:
    """Images (B, C, F, T) of full size -> the critic's activations (B, ...) at each scale, from `scale` down."""
    return list(critic.activations(resize(images, critic.sizes[scale]), scale))


def feature_distance(found: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """`features` of B images and of one -> (B,): the mean over layers of the difference, as a share of the target's."""
    shares = [
        (one - other).abs().flatten(1).sum(dim=1) / other.abs().flatten(1).sum(dim=1).clamp(min=1e-12)
        for one, other in zip(found, target, strict=True)
    ]
    return torch.stack(shares).mean(dim=0)
