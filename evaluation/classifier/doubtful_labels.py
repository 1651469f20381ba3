"""Pitch labels that are probably wrong: some instruments of NSynth sound octaves away from their labels."""

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from data.note_folder import family_of
from data.note_pitch import TOLERANCE, sounding_pitch
from evaluation.embeddings.notes import Notes
from evaluation.embeddings.semitone_spectrogram import SAMPLE_RATE
from generation.synthesis import Wave
from utils.cli import show_progress

_SURE = 0.8  # periodicity
_INHARMONIC = "mallet"  # bars and bells, whose pitch autocorrelation cannot tell


def sounds_octaves_away(wave: Wave, pitch: int, family: str) -> bool:
    """Whether a note (n,) at 16 kHz sounds one or more octaves above or below its MIDI `pitch`, by autocorrelation.

    Mallets never count as doubtful. Raises: ValueError if the note is under half a second.
    """
    if family == _INHARMONIC:
        return False
    heard = sounding_pitch(wave, pitch, SAMPLE_RATE)
    if not heard.periodicity >= _SURE:
        return False
    octaves = round(heard.offset / 12)
    return octaves != 0 and abs(heard.offset - 12 * octaves) <= TOLERANCE


def doubtful_notes(notes: Notes, pitches: Sequence[int]) -> Tensor:
    """Which notes (n,) at 16 kHz sound octaves away from their MIDI `pitches` (n,)."""
    bar = tqdm(notes.records, "checking pitches", unit="note", disable=not show_progress(), leave=False)
    found = [
        sounds_octaves_away(notes.waves([row])[0].numpy(), pitches[row], family_of(record))
        for row, record in enumerate(bar)
    ]
    return torch.tensor(found)
