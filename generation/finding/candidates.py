"""Notes that a search has come to, as the generator's input."""

from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from generation.instrument import Instrument


class Candidates(NamedTuple):
    """Latents (B, latent_dim), labels (B, n_attributes), and what is added to the labels' one-hots, (B, C)."""

    latents: Tensor
    labels: Tensor
    offsets: Tensor

    @classmethod
    def plain(cls, instrument: Instrument, latents: Tensor, labels: Tensor) -> Self:
        """Those with plain one-hots."""
        n_labels = instrument.conditions(latents[:1], labels[:1]).shape[1] - latents.shape[1]
        return cls(latents, labels, torch.zeros(len(latents), n_labels))

    def at(self, rows: Tensor) -> Self:
        """Some of them."""
        return type(self)(*(part[rows] for part in self))

    def conditions(self, instrument: Instrument) -> Tensor:
        """Input of the generator (B, latent_dim + C), with its gradient."""
        plain = instrument.conditions(self.latents, self.labels)
        return plain + F.pad(self.offsets, (self.latents.shape[1], 0))
