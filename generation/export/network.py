"""Generator, inverse representation and level as one network: what `Instrument.note` does, as a fixed program."""

import torch
from torch import Tensor, nn

from data.quantities import QUANTITY
from generation.export.inverses import exportable_inverse
from generation.instrument import Instrument
from generation.synthesis import HEADROOM, edge_window
from models.conditions import number_of_quantity
from models.layers import enlarged


class PlayableNetwork(nn.Module):
    """Latents (B, latent_dim) and labels int64 (B, n_attributes) -> waves (B, n_samples) in [-1, 1].

    The label of a class is the position of its value among those that the run learned; that of a quantity is one of
    `data.quantities`. A run without attributes takes latents alone.
    The averaged generator is followed by the inverse of its representation, the window of its edges, and a gain for
    each note that would be beyond full scale.
    """

    window: Tensor

    def __init__(self, instrument: Instrument) -> None:
        super().__init__()
        transform = instrument.transform
        self.inverse = exportable_inverse(transform, instrument.experiment.transform.transform)
        self.generator, self.scale, self.alpha = instrument.networks.ema, instrument.scale, instrument.alpha
        self.sizes, self.size = instrument.table.sizes, (transform.shape[1], transform.shape[2])
        window = transform.support().numpy() * edge_window(transform.n_samples, transform.sample_rate)
        self.register_buffer("window", torch.from_numpy(window).float())

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, latent_dim) and (B, n_attributes) -> (B, n_samples)."""
        parts = [latent]
        if labels is not None:
            for column, size in enumerate(self.sizes):
                label = labels[:, column : column + 1]
                if size == QUANTITY:
                    parts.append(number_of_quantity(label, latent.dtype))
                    continue
                values = torch.arange(size, device=latent.device)
                parts.append((label == values).to(latent.dtype))
        image = self.generator(torch.cat(parts, dim=1), self.scale, self.alpha)
        wave: Tensor = self.inverse(enlarged(image, self.size, smooth=self.generator.smooth)) * self.window
        peak = wave.abs().amax(dim=1, keepdim=True)
        return wave * (HEADROOM / peak.clamp(min=HEADROOM))
