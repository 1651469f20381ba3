"""Where the search for a note begins: the best of many random latents, with every value of the attributes left open."""

import math
from collections.abc import Mapping
from itertools import product

import torch
from torch import Tensor

from data.nsynth import Value
from generation.finding.candidates import Candidates
from generation.finding.likeness import Likeness
from generation.instrument import Instrument
from models.conditions import widths
from models.noise import Purpose, normal_rows

RANDOM_LATENTS = 256
_LATENTS_OF_EACH = 4  # at least, for each combination of open values; of more combinations the seed draws some


def best_starts(likeness: Likeness, fixed: Mapping[str, Value], *, seed: int, count: int) -> Candidates:
    """The `count` best of `RANDOM_LATENTS` random notes with the attributes `fixed`, the most alike first."""
    instrument = likeness.instrument
    latents = normal_rows(
        seed, Purpose.FINDING_LATENT, 0, max(count, RANDOM_LATENTS), instrument.networks.ema.latent_dim
    )
    labels = open_labels(instrument, fixed, seed, len(latents))
    drawn = Candidates.plain(instrument, latents, labels)
    return drawn.at(likeness.distances(drawn).argsort(stable=True)[:count])


def open_labels(instrument: Instrument, fixed: Mapping[str, Value], seed: int, count: int) -> Tensor:
    """Labels (count, n_attributes): `fixed` in all, and all combinations of the other attributes in turn.

    If there are too many combinations, each row draws its own.
    """
    table = instrument.table.values
    names = [name for name in table if name not in fixed]
    if math.prod(len(table[name]) for name in names) * _LATENTS_OF_EACH > count:
        return torch.cat([instrument.labels(seed + number, fixed) for number in range(count)])
    combinations = [dict(zip(names, values, strict=True)) for values in product(*(table[name] for name in names))]
    rows = [instrument.labels(seed, {**fixed, **values}) for values in combinations]
    return torch.cat([rows[number % len(rows)] for number in range(count)])


def free_labels(instrument: Instrument, fixed: Mapping[str, Value]) -> Tensor:
    """1 for each of the one-hots (C,) that may have an offset, 0 for the others.

    Those of `fixed` attributes have none, but for the pitch, to which the sound itself holds the note.
    """
    held = {*fixed} - {"pitch"}
    each = [
        torch.full((width,), float(name not in held))
        for name, width in zip(instrument.table.names, widths(instrument.table.sizes), strict=True)
    ]
    return torch.cat([torch.zeros(0), *each])
