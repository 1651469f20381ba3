"""Sounds that no network made, to see what a score says of them: sines, noise, and real notes restored."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from audio_transforms import AudioTransform
from data.note_pitch import hertz
from data.note_records import NoteRecord
from evaluation.embeddings.notes import MadeNotes, Reader, decoded
from evaluation.scoring.note_labels import NO_PITCH, NoteLabels
from generation.one_gain import with_one_gain
from generation.synthesis import Wave
from utils.arrays import Float64Array
from utils.errors import DataError

RATE = N_SAMPLES = 16_000
_PEAK = 0.5
_LEVEL = 0.1  # root mean square of the noise
_RAMP = 80  # samples at both ends, so that the sine does not click


def sines(labels: NoteLabels) -> MadeNotes:
    """A pure sine of one second for each note, at the pitch asked for. Raises: DataError if a note has none."""
    frequencies = [hertz(int(pitch)) for pitch in _pitches(labels)]
    time = np.arange(N_SAMPLES) / RATE
    ramp = np.minimum(1, np.minimum(np.arange(N_SAMPLES), np.arange(N_SAMPLES)[::-1]) / _RAMP)
    waves = (_PEAK * ramp * np.sin(2 * np.pi * frequency * time) for frequency in frequencies)
    return MadeNotes(_records("sine", labels), waves)


def noise(labels: NoteLabels, seed: int) -> MadeNotes:
    """White noise of one second for each note, labelled with the pitch asked for. Raises: DataError as `sines`."""
    _pitches(labels)

    def wave(number: int) -> Float64Array:
        drawn = np.random.default_rng([seed, number]).normal(scale=_LEVEL, size=N_SAMPLES)
        return drawn.clip(-1, 1)  # 10 standard deviations: never reached

    return MadeNotes(_records("noise", labels), (wave(number) for number in range(len(labels.pitches))))


@torch.inference_mode()
def after_representation(
    records: Sequence[NoteRecord], transform: AudioTransform, reader: Reader = decoded
) -> MadeNotes:
    """Real notes turned into the representation and back: the best that a generator of its images can reach.

    They are at the rate of `transform`, on the CPU. Raises: DataError if a note cannot be read.
    """
    with reader(records, transform.sample_rate, transform.n_samples) as notes:

        def waves() -> Iterator[Wave]:
            for row in range(len(notes)):
                yield transform.inverse(transform(notes.waves([row])))[0].float().numpy()

        return MadeNotes(notes.records, with_one_gain(waves(), len(notes), transform.n_samples))


def _pitches(labels: NoteLabels) -> list[int]:
    unnamed = int((labels.pitches == NO_PITCH).sum())
    if unnamed:
        raise DataError(
            f"references: generated notes without an asked pitch: {unnamed} of {len(labels.pitches)}; give them names "
            "such as pitch060_seed000000.wav, or leave --references out"
        )
    return [int(pitch) for pitch in labels.pitches]


def _records(kind: str, labels: NoteLabels) -> list[NoteRecord]:
    pairs = enumerate(_pitches(labels))
    return [
        NoteRecord(f"{kind}_{number:06d}", Path(f"{kind}_{number:06d}.wav"), {"pitch": pitch})
        for number, pitch in pairs
    ]
