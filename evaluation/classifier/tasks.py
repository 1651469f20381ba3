"""What can be trained: a network, its input, and the classes of its heads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audio_transforms.mag import MagIF, MagIFConfig
from data.note_records import NoteRecord
from data.nsynth import FAMILIES, Value
from evaluation.embeddings.note_classifier import N_SAMPLES, PITCHES, NoteClassifier
from evaluation.embeddings.of_notes import SPECTROGRAM
from evaluation.embeddings.semitone_spectrogram import SemitoneSpectrogram
from evaluation.embeddings.spectrogram_inception import SpectrogramInception, inception_images
from utils.errors import DataError
from utils.spelling import counted

UNLABELLED = -100
"""Class of a note whose value is not among the head's classes: the loss ignores it."""

Classes = Mapping[str, tuple[Value, ...]]
"""Attribute -> the value of each class, head by head."""

PITCH, FAMILY = "pitch", "instrument_family_str"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A classifier that can be trained on labelled notes."""

    name: str
    classes: Classes
    n_samples: int  # of each note, at 16 kHz
    learning_rate: float  # the default
    transposition: int  # semitones up or down by which its images can be moved
    network: Callable[[], nn.Module]
    """The network, with fresh weights from torch's seed."""
    images: Callable[[Tensor], Tensor]
    """Waves (B, n_samples) -> the network's input (B, ...)."""
    logits: Callable[[nn.Module, Tensor], dict[str, Tensor]]
    """Network, images -> logits (B, n_classes) by attribute."""


def note_task() -> Task:
    """The shipped network: pitch and family."""

    def logits(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
        found = network(images)
        return {PITCH: found.pitch, FAMILY: found.family}

    return Task(
        name="note-classifier",
        classes={PITCH: tuple(PITCHES), FAMILY: FAMILIES},
        n_samples=N_SAMPLES,
        learning_rate=3e-3,
        transposition=5,
        network=NoteClassifier,
        images=SemitoneSpectrogram(),
        logits=logits,
    )


def inception_task(attribute: str, records: Sequence[NoteRecord]) -> Task:
    """The published network: one class for each value that `attribute` has among `records`.

    Raises: DataError if there are fewer than two values.
    """
    values = {record.attributes[attribute] for record in records if attribute in record.attributes}
    if len(values) < 2:
        raise DataError(
            f"{attribute}: the notes have {counted(len(values), 'value')} of this attribute; 2 or more are needed"
        )
    spectrogram = MagIF(MagIFConfig.model_validate(SPECTROGRAM))
    return Task(
        name="inception",
        classes={attribute: tuple(sorted(values, key=lambda value: (isinstance(value, str), value)))},
        n_samples=spectrogram.n_samples,
        learning_rate=1e-3,
        transposition=0,  # its frequency axis is linear
        network=lambda: SpectrogramInception(len(values)),
        images=lambda waves: inception_images(spectrogram(waves)[:, 0]),
        logits=lambda network, images: {attribute: network(images).logits},
    )


def labels_of(records: Sequence[NoteRecord], classes: Classes) -> dict[str, Tensor]:
    """Attribute -> class (n,) int64 of each note, `UNLABELLED` where its value has none.

    Raises: DataError naming a note that lacks the attribute.
    """
    labels = {}
    for attribute, values in classes.items():
        index = {value: number for number, value in enumerate(values)}
        for record in records:
            if attribute not in record.attributes:
                raise DataError(f"{record.path}: has no {attribute}; give an examples.json, or file names as in NSynth")
        labels[attribute] = torch.tensor([index.get(record.attributes[attribute], UNLABELLED) for record in records])
    return labels
