"""What quantities, such as brightness, generated notes really have: their sound is measured as the import measures.

The critic learns a quantity from real notes. What it then thinks of generated ones may be wrong, and the generator
learns to please it. With these numbers, the critic learns the quantity from generated notes as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audio_transforms import AudioTransform
from data.attributes import AttributeTable
from data.importing.measures import MEASURES, measure
from data.quantities import is_quantity, label_of_quantity
from generation.synthesis import at_full_size, sound_window
from models.conditions import number_of_quantity, widths
from models.generator import Generator
from utils.arrays import Float32Array
from utils.errors import ConfigError


def unmeasured_quantities(table: AttributeTable, measured: Sequence[str]) -> list[str]:
    """The quantities of `table` that could be measured of generated notes, but are not among those `measured`."""
    return [name for name, values in table.values.items() if is_quantity(values) and name in {*MEASURES} - {*measured}]


@dataclass(frozen=True)
class HeardQuantities:
    """Measures the quantities `names` of generated images, which `transform` turns into sound."""

    transform: AudioTransform
    table: AttributeTable
    names: Sequence[str]

    def __post_init__(self) -> None:
        """Raises: ConfigError if an attribute is no quantity."""
        for name in self.names:
            if not is_quantity(self.table.values[name]):
                raise ConfigError(
                    f"modelConfig.measureGenerated: {name} is no quantity, since all its values are whole numbers or "
                    f"text; measure it with `python -m data.import_notes --measure {name}`"
                )

    @torch.no_grad()
    def of(self, images: Tensor, generator: Generator) -> Tensor:
        """Images (B, C, F, T) of any scale -> (B, number of `names`): numbers of `models.conditions`, NaN of silence.

        What is beyond all notes that the run learns from has the number of the nearest of these. Of a sound that is not
        finite it is NaN too: the other losses tell that the training diverges.
        """
        sounds = self.transform.inverse(at_full_size(generator, images, self.transform)).float().cpu().numpy()
        waves = (sounds * sound_window(self.transform)).astype("float32")
        labels = [[self._number(name, wave) for name in self.names] for wave in waves]
        return torch.tensor(labels, dtype=images.dtype, device=images.device)

    def error(self, logits: Tensor, heard: Tensor) -> Tensor:
        """Squared error of the critic's `logits` (B, C) for what was `heard`, as of real notes; silence counts as none.

        A mean over the batch and a sum over the quantities.
        """
        starts = torch.tensor([0, *widths(self.table.sizes)]).cumsum(0).tolist()
        columns = logits[:, [starts[self.table.names.index(name)] for name in self.names]]
        errors = torch.where(heard.isnan(), 0.0, columns - heard.nan_to_num()).square()
        return errors.mean(dim=0).sum()

    def _number(self, name: str, wave: Float32Array) -> float:
        values = [float(value) for value in self.table.values[name]]
        found = measure(name, wave, self.transform.sample_rate) if np.isfinite(wave).all() else None
        label = None if found is None else label_of_quantity(min(max(found, values[0]), values[-1]), values)
        return math.nan if label is None else float(number_of_quantity(torch.tensor(label)))
