"""The notes by which training recipes are compared: those of a run, and the real ones that it learned from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from audio_transforms import AudioTransform, build_transform
from data.attributes import AttributeTable
from data.note_cache import open_note_cache
from data.note_dataset import NoteDataset
from data.note_records import NoteRecord
from data.note_selection import find_notes
from evaluation.embeddings.notes import MadeNotes
from evaluation.floor.round_trip import there_and_back
from evaluation.scoring.instrument_errors import rows_of_pitches
from evaluation.scoring.note_labels import NoteLabels
from generation.instrument import Instrument
from generation.note_spec import generated_name
from generation.one_gain import with_one_gain
from generation.synthesis import Wave
from training.prepare import NOTE_CACHE
from utils.arrays import Int64Array
from utils.config import ExperimentConfig


def even_labels(table: AttributeTable, count: int) -> Tensor:
    """Labels (count, n_attributes) that are the same in every call: each value of an attribute comes equally often.

    Pitches come in turn, as `eval.py --pitches` asks for them; the other attributes in an order of their own, so that
    they do not go with the pitch.
    """
    columns = [torch.arange(count) % size for size in table.sizes]
    for place, name in enumerate(table.names):
        if name != "pitch":
            columns[place] = columns[place][np.random.default_rng(place).permutation(count)]
    return torch.stack(columns, dim=1) if columns else torch.zeros(count, 0, dtype=torch.int64)


def asked_records(table: AttributeTable, labels: Tensor, folder: Path) -> list[NoteRecord]:
    """A record for each row of `labels` (n, n_attributes), numbered by its seed; no file need be there."""
    records = []
    for seed, row in enumerate(labels.tolist()):
        values = {name: known[label] for (name, known), label in zip(table.values.items(), row, strict=True)}
        name = generated_name(values, seed)
        records.append(NoteRecord(name, folder / f"{name}.wav", values))
    return records


def generated(instrument: Instrument, run: Path, count: int) -> MadeNotes:
    """Notes of the averaged generator: seeds 0 to count - 1 with `even_labels`. Raises: UserError if not finite."""
    labels = even_labels(instrument.table, count)
    waves = (instrument.play([seed], labels[seed : seed + 1])[0] for seed in range(count))
    records = asked_records(instrument.table, labels, run)
    return MadeNotes(records, with_one_gain(waves, count, instrument.transform.n_samples))


@dataclass(frozen=True)
class LearnedNotes:
    """The real notes of an experiment as its training hears them: cropped, and faded out if the config says so."""

    dataset: NoteDataset
    transform: AudioTransform
    attributes: tuple[str, ...]

    @classmethod
    def of(cls, experiment: ExperimentConfig, seed: int) -> Self:
        """Those that the run of `seed` learns from. Raises: UserError if they cannot be read."""
        transform = build_transform(experiment.transform)
        cache = open_note_cache(
            find_notes(experiment.loader, seed),
            experiment.output_path / NOTE_CACHE,
            sample_rate=transform.sample_rate,
            n_samples=transform.n_samples,
            skip_broken=False,
        )
        unlabelled = AttributeTable({}).encode(cache.records)
        dataset = NoteDataset(cache, unlabelled, fade_out=experiment.transform.fade_out)
        return cls(dataset, transform, experiment.loader.attribute_list)

    def all_notes(self) -> MadeNotes:
        """All of them."""
        return self._made(np.arange(len(self.dataset)))

    def like_generated(self, count: int, *, restored: bool) -> MadeNotes:
        """As many as there are, up to `count`, of the pitches that a run is asked for; `restored`: after the
        representation and back.
        """
        records = self.dataset.cache.records
        table = AttributeTable.from_records(records, self.attributes)
        wanted = NoteLabels.of(asked_records(table, even_labels(table, count), Path()))
        rows = rows_of_pitches(NoteLabels.of(records), wanted, np.arange(len(records)), seed=0)
        return self._made(rows, restored=restored)

    def _made(self, rows: Int64Array, *, restored: bool = False) -> MadeNotes:
        def waves() -> Iterator[Wave]:
            for row in rows:
                wave, _ = self.dataset.batch([row])
                yield (there_and_back(self.transform, wave)[0] if restored else wave)[0].float().numpy()

        records = [self.dataset.cache.records[row] for row in rows]
        return MadeNotes(records, with_one_gain(waves(), len(rows), self.transform.n_samples))
