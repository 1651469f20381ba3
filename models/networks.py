"""The three networks of a run, built in the same way for training and for generation."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn

from models.conditions import widths
from models.discriminator import Discriminator
from models.generator import Generator
from models.geometry import Shape, Size, scale_sizes
from utils.config import ModelConfig


@dataclass(frozen=True)
class Networks:
    """Generator, discriminator, and the running average of the generator, which is used for generation."""

    generator: Generator
    discriminator: Discriminator
    ema: Generator
    sizes: tuple[Size, ...]
    n_values: tuple[int, ...]  # values of each conditioning attribute; QUANTITY for a quantity

    def all(self) -> dict[str, nn.Module]:
        """The networks by the name they have in a checkpoint."""
        return {"generator": self.generator, "discriminator": self.discriminator, "ema": self.ema}


def build_networks(
    config: ModelConfig, shape: Shape, n_values: Sequence[int], *, seed: int, device: torch.device
) -> Networks:
    """Networks for images of `shape` (C, F, T), with weights that depend on `seed` alone. Raises: ConfigError."""
    sizes = scale_sizes(config, shape)
    n_conditions = sum(widths(n_values))
    # initialised on the CPU, so that every device starts from the same weights; `meta` allocates nothing
    start = device if device.type == "meta" else torch.device("cpu")
    with torch.random.fork_rng(devices=[]), start:
        torch.manual_seed(seed)
        generator = Generator(config, n_conditions=n_conditions, channels=shape[0], sizes=sizes)
        discriminator = Discriminator(config, n_conditions=n_conditions, channels=shape[0], sizes=sizes)
    generator.to(device)
    ema = deepcopy(generator).requires_grad_(False).eval()
    return Networks(generator, discriminator.to(device), ema, sizes, tuple(n_values))


def count_parameters(config: ModelConfig, shape: Shape, n_values: Sequence[int]) -> dict[str, int]:
    """Trainable numbers of generator and discriminator, counted without allocating them. Raises: ConfigError."""
    networks = build_networks(config, shape, n_values, seed=0, device=torch.device("meta"))
    return {
        name: sum(parameter.numel() for parameter in network.parameters())
        for name, network in (("generator", networks.generator), ("discriminator", networks.discriminator))
    }


@torch.no_grad()
def update_ema(ema: nn.Module, network: nn.Module, decay: float) -> None:
    """Move each parameter of `ema` by 1 - decay towards that of `network`."""
    torch._foreach_lerp_(list(ema.parameters()), list(network.parameters()), 1 - decay)
