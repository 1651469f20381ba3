"""Sound of latents that stay the same throughout a run, each with the labels of one of the training notes."""

import torch
from torch import Tensor

from audio_transforms import AudioTransform
from data.note_dataset import NoteDataset
from data.sampling import evenly_spaced
from generation.synthesis import Wave, synthesise
from models.growth import Phase
from models.networks import Networks
from models.noise import Purpose, normal_rows


class FixedLatents:
    """`count` latents drawn by `seed` for `purpose`; `indices` are the training notes that they have the labels of.

    Those notes are spread evenly over the labels.
    """

    def __init__(
        self,
        networks: Networks,
        transform: AudioTransform,
        dataset: NoteDataset,
        *,
        purpose: Purpose,
        count: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.networks, self.transform, self.dataset = networks, transform, dataset
        self.seed, self.device = seed, device
        self.latent = normal_rows(seed, purpose, 0, count, networks.ema.latent_dim)
        self.indices = _spread_over_labels(dataset.labels, count)
        self.labels = dataset.labels[self.indices]

    def waves(self, phase: Phase) -> list[Wave]:
        """What the averaged generator makes of them now. Raises: UserError if its sound is not finite."""
        made_of = self.networks, self.transform, self.latent, self.labels
        return synthesise(*made_of, scale=phase.scale, alpha=phase.alpha, device=self.device)


def _spread_over_labels(labels: Tensor, count: int) -> list[int]:
    """Indices of `count` notes spread evenly over the notes (N, A) sorted by their labels."""
    order = sorted(range(len(labels)), key=lambda index: (labels[index].tolist(), index))
    return [order[place] for place in evenly_spaced(len(order), count)]
