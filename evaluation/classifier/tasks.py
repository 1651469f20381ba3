"""What can be trained: a network, its input, and the classes of its heads."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from audio_transforms.mag import MagIF, MagIFConfig
from data.note_records import NoteRecord
from data.nsynth import FAMILIES
from evaluation.embeddings.note_classifier import N_SAMPLES, PITCHES, NoteClassifier
from evaluation.embeddings.of_notes import SPECTROGRAM
from evaluation.embeddings.semitone_spectrogram import SemitoneSpectrogram, transposed
from evaluation.embeddings.spectrogram_inception import SpectrogramInception, inception_images
from utils.errors import DataError

UNLABELLED = -100
"""Class of a note whose value is not among the head's classes: the loss ignores it."""

Classes = Mapping[str, tuple[int | str, ...]]
"""Attribute -> the value of each class, head by head."""

PITCH, FAMILY = "pitch", "instrument_family_str"


class Task(Protocol):
    """A classifier that can be trained on labelled notes."""

    name: str
    classes: Classes
    n_samples: int  # of each note, at 16 kHz
    transposition: int  # semitones up or down by which its images can be moved
    learning_rate: float  # the default

    def network(self) -> nn.Module:
        """The network, with fresh weights from torch's seed."""

    def images(self, waves: Tensor) -> Tensor:
        """Waves (B, n_samples) -> the network's input (B, ...)."""

    def transposed(self, images: Tensor, semitones: Tensor) -> Tensor:
        """Images moved by whole semitones (B,), at most `transposition`."""

    def logits(self, network: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """Attribute -> logits (B, n_classes)."""


class NoteTask:
    """The shipped network: pitch and family."""

    name = "note-classifier"
    n_samples = N_SAMPLES
    transposition = 5
    learning_rate = 3e-3

    def __init__(self) -> None:
        self.classes: Classes = {PITCH: tuple(PITCHES), FAMILY: FAMILIES}
        self._spectrogram = SemitoneSpectrogram()

    def network(self) -> nn.Module:
        """See `Task`."""
        return NoteClassifier()

    def images(self, waves: Tensor) -> Tensor:
        """See `Task`."""
        return self._spectrogram(waves)

    def transposed(self, images: Tensor, semitones: Tensor) -> Tensor:
        """See `Task`."""
        return transposed(images, semitones)

    def logits(self, network: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """See `Task`."""
        found = network(images)
        return {PITCH: found.pitch, FAMILY: found.family}


class InceptionTask:
    """The published network: one attribute, one class for each of the values that the notes have."""

    name = "inception"
    transposition = 0
    learning_rate = 1e-3

    def __init__(self, attribute: str, values: Sequence[int | str]) -> None:
        self.classes: Classes = {attribute: tuple(values)}
        self._spectrogram = MagIF(MagIFConfig.model_validate(SPECTROGRAM))
        self.n_samples = self._spectrogram.n_samples

    @classmethod
    def of_notes(cls, attribute: str, records: Sequence[NoteRecord]) -> "InceptionTask":
        """One class for each value among `records`. Raises: DataError if they have fewer than two."""
        values = {record.attributes[attribute] for record in records if attribute in record.attributes}
        if len(values) < 2:
            raise DataError(
                f"{attribute}: {len(values)} values of this attribute are among the notes; 2 or more are needed"
            )
        return cls(attribute, sorted(values, key=lambda value: (isinstance(value, str), value)))

    def network(self) -> nn.Module:
        """See `Task`."""
        (values,) = self.classes.values()
        return SpectrogramInception(len(values))

    def images(self, waves: Tensor) -> Tensor:
        """See `Task`."""
        return inception_images(self._spectrogram(waves)[:, 0])

    def transposed(self, images: Tensor, semitones: Tensor) -> Tensor:
        """See `Task`; images with a linear frequency axis are not moved."""
        return images

    def logits(self, network: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """See `Task`."""
        return {next(iter(self.classes)): network(images).logits}


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
