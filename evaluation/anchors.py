"""The notes that an interpolation goes between: a latent by its seed, and the attributes it is played with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data.nsynth import Value
from evaluation.generation import Instrument
from evaluation.note_labels import generated_name
from models.networks import conditioned
from utils.arguments import MAX_SEED
from utils.errors import DataError, UserError
from utils.files import read_json


@dataclass(frozen=True)
class Anchor:
    """A note of `seed`: the network gets `latent` (L,) and, behind it, `one_hot` (C,), those of all attributes."""

    seed: int
    attributes: dict[str, Value]
    latent: Tensor
    one_hot: Tensor

    @property
    def name(self) -> str:
        """The name that `generate.py random` gives the note."""
        return generated_name(self.attributes, self.seed)

    def says(self) -> dict[str, Any]:
        """What fixes the note, as JSON values."""
        return {"seed": self.seed, "attributes": self.attributes}


def anchors_of_seeds(instrument: Instrument, seeds: Sequence[int], pitches: Sequence[int] | None) -> list[Anchor]:
    """The notes of `seeds`, at one MIDI pitch or at one for each; None: at that of the first seed's own note.

    Attributes but for pitch are those that each seed draws in `generate.py random`.
    Raises: UserError if a pitch is unknown, or their number neither 1 nor that of the seeds.
    """
    if pitches is None:
        drawn = instrument.values_of(instrument.labels(seeds[0], None)[0]).get("pitch")
        return [_anchor(instrument, seed, instrument.labels(seed, _as_pitch(drawn))) for seed in seeds]
    pairs = zip(seeds, _one_for_each(instrument, pitches, len(seeds)), strict=True)
    return [_anchor(instrument, seed, instrument.labels(seed, pitch)) for seed, pitch in pairs]


def anchors_of_cards(instrument: Instrument, cards: Sequence[Path], pitches: Sequence[int] | None) -> list[Anchor]:
    """The notes that `cards` tell of, at their own pitches, or at one other or one other for each.

    Raises: DataError if a card is none of one seed's note, or of another checkpoint. UserError as `anchors_of_seeds`.
    """
    own = instrument.card()["checkpoint_sha256"]
    asked = [None] * len(cards) if pitches is None else _one_for_each(instrument, pitches, len(cards))
    return [_anchor_of_card(instrument, card, own, pitch) for card, pitch in zip(cards, asked, strict=True)]


def _anchor_of_card(instrument: Instrument, path: Path, checkpoint_sha256: str, pitch: int | None) -> Anchor:
    card = read_json(path, DataError)
    seed, attributes = (card.get("seed"), card.get("attributes")) if isinstance(card, dict) else (None, None)
    if type(seed) is not int or not 0 <= seed <= MAX_SEED or not isinstance(attributes, dict):
        raise DataError(f"{path}: not the card of one seed's note; give one that generate.py random or scale wrote")
    if card.get("checkpoint_sha256") != checkpoint_sha256:
        raise DataError(
            f"{path}: made by another checkpoint ({str(card.get('checkpoint'))[:40]} of {str(card.get('run'))[:40]}), "
            f"not by {instrument.checkpoint.name} of {instrument.run_name}; choose that one by -d, -s and -i"
        )
    attributes = attributes if pitch is None else {**attributes, "pitch": pitch}
    table = instrument.table.values
    if attributes.keys() != table.keys() or any(attributes[name] not in values for name, values in table.items()):
        raise DataError(f"{path}: its attributes are not those of {instrument.run_name}; write the note anew")
    labels = torch.tensor([[values.index(attributes[name]) for name, values in table.items()]], dtype=torch.int64)
    return _anchor(instrument, seed, labels)


def _anchor(instrument: Instrument, seed: int, labels: Tensor) -> Anchor:
    latent = instrument.latent(seed)
    condition = conditioned(latent, labels, instrument.networks.n_values)[0]
    return Anchor(seed, instrument.values_of(labels[0]), latent[0], condition[latent.shape[1] :])


def _one_for_each(instrument: Instrument, pitches: Sequence[int], n_notes: int) -> list[int]:
    instrument.require_pitches(pitches)
    if len(pitches) not in (1, n_notes):
        raise UserError(f"--pitch: {len(pitches)} pitches for {n_notes} latents; give one, or one for each")
    return list(pitches) * n_notes if len(pitches) == 1 else list(pitches)


def _as_pitch(value: Value | None) -> int | None:
    return None if value is None else int(value)
