"""One step of training: the discriminator's update, then the generator's."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from models.growth import Phase
from models.layers import resize
from models.losses import classification_loss, critic_fake_loss, critic_real_loss, drift_loss, gradient_penalty
from models.networks import Networks, conditioned, update_ema
from models.noise import Purpose, normal_rows, uniform_rows
from utils.config import ModelConfig
from utils.errors import TrainingDiverged

ADAM_BETAS = (0.0, 0.99)

Network = TypeVar("Network", bound=nn.Module)


class TrainingStep:
    """Networks and optimisers, and how one batch changes them.

    Source: Gulrajani et al. 2017 (WGAN-GP), Odena et al. 2017 (AC-GAN), Karras et al. 2018 (growth, drift, average).
    """

    def __init__(
        self,
        config: ModelConfig,
        networks: Networks,
        *,
        classified_fakes: Sequence[bool],
        seed: int,
        device: torch.device,
    ) -> None:
        """`classified_fakes` says of each attribute whether the generator is trained on its classification."""
        self.config, self.networks, self.seed, self.device = config, networks, seed, device
        self._classified_fakes = list(classified_fakes)
        self.reset_optimizers()

    def reset_optimizers(self) -> None:
        """Start Adam's moments anew, for all parameters of both networks."""
        rate_g, rate_d = self.config.learning_rates
        self.optimizer_g = _adam(self.networks.generator, rate_g)
        self.optimizer_d = _adam(self.networks.discriminator, rate_d)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimisers by the name they have in a checkpoint."""
        return {"optimizer_g": self.optimizer_g, "optimizer_d": self.optimizer_d}

    def run(self, phase: Phase, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Update all networks with full-size real `images` (B, C, F, T) and their `labels` (B, A).

        Returns every loss term, the gradient norms and the largest critic slope.
        Raises: TrainingDiverged naming the term, before a weight of the network it belongs to is touched.
        """
        if phase.iteration == 0 and self.config.reset_optimizer_at_growth:
            self.reset_optimizers()
        real = self._at_scale(images, phase)
        terms = self._update_discriminator(real, labels, phase) | self._update_generator(labels, phase)
        update_ema(self.networks.ema, self.networks.generator, self.config.ema_decay)
        return terms

    def _update_discriminator(self, real: Tensor, labels: Tensor, phase: Phase) -> dict[str, float]:
        config, discriminator = self.config, self.networks.discriminator
        with torch.no_grad():
            fake = self._generate(Purpose.DISCRIMINATOR_LATENT, labels, phase)
        of_real = discriminator(real, phase.scale, phase.alpha)
        of_fake = discriminator(fake, phase.scale, phase.alpha)
        mix = uniform_rows(self.seed, Purpose.PENALTY_MIX, phase.first_note, len(real), 1)[:, 0].to(self.device)
        penalty, slope = gradient_penalty(lambda x: discriminator(x, phase.scale, phase.alpha).critic, real, fake, mix)
        losses = {
            "d_real": critic_real_loss(of_real.critic),
            "d_fake": critic_fake_loss(of_fake.critic),
            "d_gradient_penalty": config.gradient_penalty_weight * penalty,
            "d_drift": config.drift_weight * drift_loss(of_real.critic),
        }
        if self.networks.n_values:
            loss = classification_loss(of_real.logits, labels, self.networks.n_values)
            losses["d_classification"] = config.condition_weight_d * loss
        return _descend(losses, "d", discriminator, self.optimizer_d, {"critic_slope": slope})

    def _update_generator(self, labels: Tensor, phase: Phase) -> dict[str, float]:
        with _frozen(self.networks.discriminator) as discriminator:
            fake = self._generate(Purpose.GENERATOR_LATENT, labels, phase)
            of_fake = discriminator(fake, phase.scale, phase.alpha)
            losses = {"g_fake": -critic_fake_loss(of_fake.critic)}
            if self.networks.n_values:
                loss = classification_loss(of_fake.logits, labels, self.networks.n_values, self._classified_fakes)
                losses["g_classification"] = self.config.condition_weight_g * loss
            return _descend(losses, "g", self.networks.generator, self.optimizer_g)

    def _generate(self, purpose: Purpose, labels: Tensor, phase: Phase) -> Tensor:
        latent = normal_rows(self.seed, purpose, phase.first_note, len(labels), self.config.latent_dim).to(self.device)
        images: Tensor = self.networks.generator(
            conditioned(latent, labels, self.networks.n_values), phase.scale, phase.alpha
        )
        return images

    def _at_scale(self, images: Tensor, phase: Phase) -> Tensor:
        """Real images at the size of the phase, blended with their previous-scale version as the fakes are."""
        size = self.networks.sizes[phase.scale]
        images = resize(images, size)
        if phase.alpha > 0:
            older = resize(resize(images, self.networks.sizes[phase.scale - 1]), size)
            images = phase.alpha * older + (1 - phase.alpha) * images
        return images


def _adam(network: nn.Module, rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=rate, betas=ADAM_BETAS, fused=True)


@contextmanager
def _frozen(network: Network) -> Iterator[Network]:
    """Within the block, `network` passes gradients on but collects none."""
    network.requires_grad_(False)
    try:
        yield network
    finally:
        network.requires_grad_(True)


def _descend(
    losses: Mapping[str, Tensor],
    letter: str,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    watched: Mapping[str, Tensor] | None = None,
) -> dict[str, float]:
    """One backward on the sum of the losses and one step, unless a loss, the gradient or a `watched` is not finite."""
    total = torch.stack(list(losses.values())).sum()
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(total)
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    named = {**losses, **(watched or {}), f"{letter}_total": total, f"{letter}_gradient_norm": norm}
    # all at once: a device is waited for only here
    numbers = torch.stack([value.detach() for value in named.values()]).tolist()
    values = dict(zip(named, numbers, strict=True))
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise TrainingDiverged(f"{', '.join(bad)} is no longer a finite number")
    optimizer.step()
    return values
