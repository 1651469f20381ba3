"""A training step with the published order of work, on networks that compute as the published ones did.

The same mathematics as `training.training_step` without its options: what it is measured against, and tested against.
Source of the order: SonyCSLParis/Comparing-Representations-for-Audio-Synthesis-using-GANs and its ancestor,
facebookresearch/pytorch_GAN_zoo. Published: layers scale their outputs, every loss goes backward by itself through a
graph that is retained, the generator makes a graph that is thrown away, the discriminator collects gradients that are
not used, downsampling drops three of four computed pixels, and each loss waits for the device.
"""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.conditions import conditioned
from models.growth import Phase
from models.layers import EqualizedConv2d, EqualizedLinear, minibatch_stddev, resize
from models.networks import Networks
from models.noise import Purpose, normal_rows, uniform_rows
from models.normalisation import pixel_norm
from training.training_step import ADAM_BETAS
from utils.config import ModelConfig


class PublishedStep:
    """Copies of `networks`, and how one batch changes them: WGAN-GP and AC-GAN, full scale or fading in.

    Draws the numbers that `TrainingStep` draws for the same `seed`, so that the two can be compared.
    """

    def __init__(self, config: ModelConfig, networks: Networks, *, seed: int) -> None:
        self.config, self.seed = config, seed
        self.generator, self.discriminator = deepcopy(networks.generator), deepcopy(networks.discriminator)
        self.ema, self.sizes, self.n_values = deepcopy(networks.ema), networks.sizes, networks.n_values
        rate_g, rate_d = config.learning_rates
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), lr=rate_g, betas=ADAM_BETAS)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), lr=rate_d, betas=ADAM_BETAS)

    def run(self, phase: Phase, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Update both networks with full-size real `images` (B, C, F, T) and `labels` (B, A); the losses' values."""
        self.phase, config = phase, self.config
        real = resize(images, self.sizes[phase.scale])
        if phase.alpha > 0:
            older = resize(resize(images, self.sizes[phase.scale - 1]), self.sizes[phase.scale])
            real = phase.alpha * older + (1 - phase.alpha) * real
        losses = self._update_discriminator(real, labels)
        self.optimizer_g.zero_grad()
        self.optimizer_d.zero_grad()
        of_fake = self._judge(self._generate(Purpose.GENERATOR_LATENT, labels))
        classification = config.condition_weight_g * self._classification(of_fake, labels)
        classification.backward(retain_graph=True)
        loss = -of_fake[:, -1].sum()
        losses |= {"g_classification": classification.item(), "g_fake": loss.item()}
        loss.backward()
        self._step(self.generator, self.optimizer_g)
        for average, parameter in zip(self.ema.parameters(), self.generator.parameters(), strict=True):
            average.mul_(config.ema_decay).add_(parameter.data, alpha=1 - config.ema_decay)
        return losses

    def _update_discriminator(self, real: Tensor, labels: Tensor) -> dict[str, float]:
        config = self.config
        self.optimizer_d.zero_grad()
        of_real = self._judge(real)
        classification = config.condition_weight_d * self._classification(of_real, labels)
        classification.backward(retain_graph=True)
        fake = self._generate(Purpose.DISCRIMINATOR_LATENT, labels).detach()
        of_fake = self._judge(fake)
        losses = {"d_classification": classification.item()}
        losses |= {"d_real": -of_real[:, -1].sum().item(), "d_fake": of_fake[:, -1].sum().item()}
        losses["d_gradient_penalty"] = self._gradient_penalty(real, fake)
        drift = config.drift_weight * of_real[:, -1].square().sum()
        losses["d_drift"] = drift.item()
        (of_fake[:, -1].sum() - of_real[:, -1].sum() + drift).backward(retain_graph=True)
        self._step(self.discriminator, self.optimizer_d)
        return losses

    def _gradient_penalty(self, real: Tensor, fake: Tensor) -> float:
        mix = uniform_rows(self.seed, Purpose.PENALTY_MIX, self.phase.first_note, len(real), 1)[:, :, None, None]
        between = (mix.to(real) * real + (1 - mix.to(real)) * fake).requires_grad_(True)
        (gradient,) = torch.autograd.grad(
            self._judge(between)[:, -1].sum(), between, create_graph=True, retain_graph=True
        )
        norm = torch.sqrt(gradient.flatten(1).square().sum(dim=1) + 1e-16)
        penalty = self.config.gradient_penalty_weight * (norm - 1).square().sum()
        penalty.backward(retain_graph=True)
        return penalty.item()

    def _step(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for parameter in network.parameters():
            if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
                raise ArithmeticError("a gradient is not finite")
        optimizer.step()

    def _classification(self, outputs: Tensor, labels: Tensor) -> Tensor:
        parts = torch.split(outputs[:, :-1], list(self.n_values), dim=1)
        return torch.stack([F.cross_entropy(*each) for each in zip(parts, labels.unbind(1), strict=True)]).sum()

    def _generate(self, purpose: Purpose, labels: Tensor) -> Tensor:
        network, phase = self.generator, self.phase
        latent = normal_rows(self.seed, purpose, phase.first_note, len(labels), self.config.latent_dim)
        features = pixel_norm(conditioned(latent.to(labels.device), labels, self.n_values))
        x = _linear(network.format_layer.linear, features).view(-1, *network.format_layer.shape)
        x = _activated(_conv(network.first, _activated(x, self.config)), self.config)
        previous = x
        for level in range(phase.scale):
            previous, x = x, resize(x, self.sizes[level + 1])
            for layer in network.blocks[level]:
                x = _activated(_conv(layer, x), self.config)
        image = _conv(network.to_image[phase.scale], x)
        if phase.scale > 0 and phase.alpha > 0:
            older = resize(_conv(network.to_image[phase.scale - 1], previous), self.sizes[phase.scale])
            image = phase.alpha * older + (1 - phase.alpha) * image
        return image.tanh() if self.config.output_activation == "tanh" else image

    def _judge(self, image: Tensor) -> Tensor:
        """Class logits and, last, the critic: (B, n_conditions + 1)."""
        network, phase, slope = self.discriminator, self.phase, self.config.leaky_slope
        x = F.leaky_relu(_conv(network.from_image[phase.scale], image), slope)
        for level in range(phase.scale, 0, -1):
            for layer in network.blocks[level - 1]:
                x = F.leaky_relu(_conv(layer, x), slope)
            x = resize(x, self.sizes[level - 1])
            if level == phase.scale > 1 and phase.alpha > 0:
                small = resize(image, self.sizes[level - 1])
                older = F.leaky_relu(_conv(network.from_image[level - 1], small), slope)
                x = phase.alpha * older + (1 - phase.alpha) * x
        if self.config.minibatch_stddev:
            spread = minibatch_stddev(x)[:, None, None, None]
            x = torch.cat((x, spread.expand(-1, 1, *x.shape[2:])), dim=1)
        x = F.leaky_relu(_conv(network.last, x), slope)
        return _linear(network.decide, F.leaky_relu(_linear(network.gather, x.flatten(1)), slope))


def _activated(x: Tensor, config: ModelConfig) -> Tensor:
    return pixel_norm(F.leaky_relu(x, config.leaky_slope))


def _conv(layer: EqualizedConv2d, x: Tensor) -> Tensor:
    return F.conv2d(x, layer.weight, layer.bias, padding=layer.padding) * layer.gain


def _linear(layer: EqualizedLinear, x: Tensor) -> Tensor:
    return F.linear(x, layer.weight, layer.bias) * layer.gain
